// SPDX-License-Identifier: Apache-2.0
/* The policy engine, its answers: what the last update computed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "state.h"

/* By the name of an endpoint; with all_are_endpoints also of a VMI or pod. */
static struct peer *find_peer(const struct bl_engine *engine, const char *name)
{
	struct peer *peer = peers_find(&engine->peers, PEER_ENDPOINT, "", name);
	const char *slash = strchr(name, '/');
	bl_autofree char *namespace = NULL;

	if (peer || !slash)
		return peer;
	namespace = bl_format("%.*s", (int)(slash - name), name);
	peer = peers_find(&engine->peers, PEER_VMI, namespace, slash + 1);
	return peer ? peer : peers_find(&engine->peers, PEER_POD, namespace, slash + 1);
}

static const struct endpoint *find_endpoint(const struct bl_engine *engine, const char *name)
{
	const struct peer *peer = name ? find_peer(engine, name) : NULL;

	return peer ? peer->endpoint : NULL;
}

const struct bl_policy_rows *bl_engine_rows(const struct bl_engine *engine, const char *name)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);

	return endpoint ? shared_rows_unfold(endpoint->rows) : NULL;
}

void bl_engine_fold_rows(struct bl_engine *engine)
{
	for (size_t i = 0; i < engine->n_endpoints; i++)
		shared_rows_fold(engine->endpoints[i]->rows);
}

size_t bl_engine_n_rows(const struct bl_engine *engine, const char *name)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);

	return endpoint ? endpoint->rows->rows.n_items : 0;
}

bool bl_engine_is_default_deny(const struct bl_engine *engine, const char *name,
			       enum bl_policy_direction direction)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);

	return !endpoint || endpoint->rows->rows.default_deny[direction];
}

const char *bl_engine_error(const struct bl_engine *engine, const char *name)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);

	return endpoint ? endpoint->error : NULL;
}

const char *bl_engine_unfit(const struct bl_engine *engine, const char *kind, const char *namespace,
			    const char *name)
{
	for (size_t i = 0; engine->n_unfit > 0 && i < engine->n_endpoints; i++) {
		const struct endpoint *endpoint = engine->endpoints[i];

		if (endpoint->error &&
		    program_has_policy(endpoint->program, &engine->rules, kind, namespace, name))
			return endpoint->name;
	}
	return NULL;
}

void bl_engine_prefixes(const struct bl_engine *engine, const struct bl_ipcache_row **ret_rows,
			size_t *ret_n)
{
	ipcache_rows((struct ipcache *)&engine->ipcache, ret_rows, ret_n);
}

size_t bl_engine_n_prefixes(const struct bl_engine *engine)
{
	return engine->ipcache.n_told;
}

uint32_t bl_engine_identity(const struct bl_engine *engine, const struct bl_addr *addr)
{
	return ipcache_lookup(&engine->ipcache, addr);
}

const struct bl_labels *bl_engine_identity_labels(const struct bl_engine *engine, uint32_t number)
{
	const struct identity *identity = identity_find(&engine->identities, number);

	return identity ? &identity->labels : NULL;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void bl_engine_identities(const struct bl_engine *engine, uint32_t **ret_numbers, size_t *ret_n)
{
	uint32_t *numbers = bl_alloc(engine->identities.by_number.n_items * sizeof(*numbers));
	size_t n = 0, position = 0;

	for (const struct identity *identity;
	     (identity = hash_next(&engine->identities.by_number, &position));)
		if (identity->n_holders > 0)
			numbers[n++] = identity->number;
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	*ret_numbers = numbers;
	*ret_n = n;
}

const char *bl_engine_rule(const struct bl_engine *engine, uint32_t cookie)
{
	return cookie_text(&engine->cookies, cookie);
}

/* ---- who, and by which policies ------------------------------------------------------------------ */

bool bl_engine_peer(const struct bl_engine *engine, const struct bl_addr *addr,
		    const char **ret_namespace, const char **ret_name)
{
	const struct peer *peer = ipcache_peer(&engine->ipcache, addr);

	if (!peer)
		return false;
	*ret_namespace = peer_namespace(peer);
	*ret_name = peer->name;
	return true;
}

bool bl_engine_rival(const struct bl_engine *engine, const struct bl_addr *addr,
		     const char *namespace, const char *pod, struct bl_engine_rival *ret_rival)
{
	const struct peer *peer = peers_find(&engine->peers, PEER_POD, namespace, pod);
	const struct peer *rival = peer ? ipcache_rival(&engine->ipcache, addr, peer) : NULL;

	if (!rival)
		return false;
	*ret_rival = (struct bl_engine_rival){
		.namespace = peer_namespace(rival),
		.name = rival->name,
		.holds = ipcache_peer(&engine->ipcache, addr) != peer,
	};
	return true;
}

uint32_t bl_engine_endpoint_identity(const struct bl_engine *engine, const char *name)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);

	return endpoint && endpoint->peer->identity ? endpoint->peer->identity->number : 0;
}

void bl_engine_specs(const struct bl_engine *engine, const char *name, bl_engine_spec_fn *fn,
		     void *data)
{
	const struct endpoint *endpoint = find_endpoint(engine, name);
	const struct program *program = endpoint ? endpoint->program : NULL;

	if (!name)
		rules_for_each(&engine->rules, fn, data);
	for (size_t i = 0; program && i < program->n_specs; i++)
		fn(program->specs[i]->policy, program->specs[i]->spec, data);
}

bool bl_engine_selects(const struct bl_engine *engine, const struct bl_policy_spec *spec,
		       const struct bl_engine_endpoint *endpoint)
{
	const struct object *namespace =
		inventory_find(&engine->inventory, OBJECT_NAMESPACE, "", endpoint->namespace);
	const char *account = endpoint->service_account;
	struct bl_labels labels;
	bool selects;

	object_identity_labels(endpoint->labels, endpoint->namespace, engine->cluster,
			       account ? account : "default", &labels);
	object_add_namespace(&labels, endpoint->namespace, namespace ? &namespace->labels : NULL);
	selects = !spec->of_nodes && bl_selector_matches(&spec->subject, &labels);
	bl_labels_clear(&labels);
	return selects;
}

/* ---- ends of flows ------------------------------------------------------------------------------- */

/* A node, as an endpoint of another or of the same one knows it. */
static uint32_t node_identity(const struct bl_engine *engine, const char *node, const char *seen_by)
{
	if (seen_by && strcmp(node, seen_by) == 0)
		return nodes_host(&engine->nodes, node);
	return nodes_identity(&engine->nodes, node);
}

static struct bl_engine_party party_of(const struct peer *peer)
{
	return (struct bl_engine_party){
		.endpoint = peer->endpoint ? peer->endpoint->name : NULL,
		.identity = peer->identity ? peer->identity->number : 0,
	};
}

static struct bl_engine_party find_addr(const struct bl_engine *engine, const struct bl_addr *addr,
					const char *node)
{
	const struct peer *peer = ipcache_peer(&engine->ipcache, addr);

	if (peer)
		return party_of(peer);
	if (node && nodes_has(&engine->nodes, node, addr))
		return (struct bl_engine_party){.identity = nodes_host(&engine->nodes, node)};
	return (struct bl_engine_party){.identity = bl_engine_identity(engine, addr)};
}

/* A pod that is its node. Of one that is not known, a node elsewhere: less is let in from there. */
static uint32_t find_host_pod(const struct bl_engine *engine, const char *who, const char *node)
{
	const char *slash = strchr(who, '/');
	bl_autofree char *namespace = bl_format("%.*s", slash ? (int)(slash - who) : 0, who);
	const struct object *pod =
		slash ? inventory_find(&engine->inventory, OBJECT_POD, namespace, slash + 1) : NULL;
	uint32_t identity = pod && pod->node ? node_identity(engine, pod->node, node) : 0;

	return pod && identity == 0 ? BL_IDENTITY_REMOTE_NODE : identity;
}

int bl_engine_find(const struct bl_engine *engine, const char *who, const char *other,
		   struct bl_engine_party *ret_party, struct bl_err *err)
{
	const struct endpoint *at = find_endpoint(engine, other);
	const char *node = at ? at->peer->node : engine->nodes.own;
	const struct peer *peer;
	struct bl_addr addr;

	if (strcmp(who, "host") == 0) {
		*ret_party = (struct bl_engine_party){
			.identity = node ? nodes_host(&engine->nodes, node) : BL_IDENTITY_HOST};
		return 0;
	}
	if (!strchr(who, '/') && bl_addr_parse(who, &addr, NULL) == 0) {
		*ret_party = find_addr(engine, &addr, node);
		return 0;
	}
	peer = find_peer(engine, who);
	*ret_party = peer ? party_of(peer)
			  : (struct bl_engine_party){.identity = find_host_pod(engine, who, node)};
	if (ret_party->identity == 0)
		return bl_fail(err, -ENOENT, "there is no VM or pod '%.200s'", who);
	return 0;
}
