// SPDX-License-Identifier: Apache-2.0
/*
 * The policy engine, its taking in: an object becomes a typed view in the store that it belongs to, and
 * what it concerns is marked. Nothing is computed here but by whom a new rule's peers are selected.
 *
 *   nodes, peers, prefixes --> identities --> selections --> programs --> rows of endpoints
 *          |                      |               ^
 *          +----> ipcache <-------+        rules -+
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "state.h"

/* ---- endpoints ---------------------------------------------------------------------------------- */

static void make_endpoint(struct bl_engine *engine, struct peer *peer, const char *name)
{
	struct endpoint *endpoint = bl_alloc(sizeof(*endpoint));

	endpoint->name = bl_strdup(name);
	endpoint->peer = peer;
	endpoint->rows = shared_rows_new();
	peer->endpoint = endpoint;
	engine->endpoints = bl_realloc(engine->endpoints,
				       (engine->n_endpoints + 1) * sizeof(*engine->endpoints));
	engine->endpoints[engine->n_endpoints++] = endpoint;
}

static void free_endpoint(struct endpoint *endpoint)
{
	shared_rows_put(endpoint->rows);
	free(endpoint->error);
	free(endpoint->name);
	free(endpoint);
}

static void remove_endpoint(struct bl_engine *engine, struct endpoint *endpoint)
{
	size_t i = 0;

	while (engine->endpoints[i] != endpoint)
		i++;
	engine->endpoints[i] = engine->endpoints[--engine->n_endpoints];
	if (endpoint->program)
		program_put(&engine->programs, endpoint->program);
	free_endpoint(endpoint);
	/* The names that the last update gave out may be this one. */
	engine->n_changed = 0;
}

static void remove_peer(struct bl_engine *engine, struct peer *peer)
{
	if (!peer)
		return;
	if (peer->endpoint)
		remove_endpoint(engine, peer->endpoint);
	peers_remove(&engine->peers, &engine->ipcache, &engine->identities, peer, engine->round);
}

static int check_endpoint(const struct bl_engine_endpoint *endpoint, struct bl_err *err)
{
	for (size_t i = 0; i < endpoint->n_addrs; i++)
		if (!bl_addr_is_set(&endpoint->addrs[i]))
			return bl_fail(err, -EINVAL, "endpoint %s: address %zu is not set",
				       endpoint->name, i);
	return 0;
}

int bl_engine_put_endpoint(struct bl_engine *engine, const struct bl_engine_endpoint *endpoint,
			   struct bl_err *err)
{
	const char *account = endpoint->service_account;
	struct peer_facts facts = {
		.node = endpoint->node ? endpoint->node : engine->nodes.own,
		.namespace = endpoint->namespace,
		.addrs = endpoint->addrs,
		.n_addrs = endpoint->n_addrs,
		.ports = endpoint->ports,
		.n_ports = endpoint->n_ports,
	};
	struct peer *peer;
	int r = check_endpoint(endpoint, err);

	if (r < 0)
		return r;
	object_identity_labels(endpoint->labels, endpoint->namespace, engine->cluster,
			       account ? account : "default", &facts.labels);
	peer = peers_get(&engine->peers, PEER_ENDPOINT, "", endpoint->name);
	if (!peer->endpoint)
		make_endpoint(engine, peer, endpoint->name);
	peer_set(&engine->peers, &engine->ipcache, peer, &facts, engine->round);
	return 0;
}

void bl_engine_remove_endpoint(struct bl_engine *engine, const char *name)
{
	remove_peer(engine, peers_find(&engine->peers, PEER_ENDPOINT, "", name));
}

/* ---- objects ------------------------------------------------------------------------------------ */

static enum peer_kind peer_kind_of(enum object_kind kind)
{
	return kind == OBJECT_POD ? PEER_POD : PEER_VMI;
}

static void put_peer(struct bl_engine *engine, const struct object *object)
{
	struct peer_facts facts = {
		.node = object->node,
		.namespace = object->namespace,
		.addrs = object->addrs,
		.n_addrs = object->n_addrs,
		.ports = object->ports,
		.n_ports = object->n_ports,
	};
	struct peer *peer = peers_get(&engine->peers, peer_kind_of(object->kind), object->namespace,
				      object->name);

	if (engine->all_are_endpoints && !peer->endpoint) {
		bl_autofree char *name = bl_format("%s/%s", object->namespace, object->name);

		make_endpoint(engine, peer, name);
	}
	object_identity_labels(&object->labels, object->namespace, engine->cluster,
			       object->service_account, &facts.labels);
	peer_set(&engine->peers, &engine->ipcache, peer, &facts, engine->round);
}

/* A change of this kind was taken in. */
static void note_change(struct bl_engine *engine, enum object_kind kind, const char *name)
{
	if (kind == OBJECT_NAMESPACE)
		peers_queue_namespace(&engine->peers, name);
	if (kind == OBJECT_NODE || kind == OBJECT_SLICE)
		engine->nodes.is_changed = true;
	if (kind == OBJECT_SERVICE || kind == OBJECT_SLICE || kind == OBJECT_CIDR_GROUP)
		engine->rules.objects_changed = true;
}

/* Nodes and slices are written anew all the time, mostly as they were. */
static void keep_object(struct bl_engine *engine, struct object *object)
{
	const struct object *before =
		inventory_find(&engine->inventory, object->kind, object->namespace, object->name);

	if (before && object_equal(before, object)) {
		object_clear(object);
		return;
	}
	note_change(engine, object->kind, object->name);
	inventory_put(&engine->inventory, object);
}

/* Takes the object over. A pod of the host's network is remembered for its node alone. */
static void put_object(struct bl_engine *engine, struct object *object)
{
	bool is_peer = object->kind == OBJECT_POD || object->kind == OBJECT_VMI;

	if (is_peer && (object->on_host_network || object->is_over))
		remove_peer(engine, peers_find(&engine->peers, peer_kind_of(object->kind),
					       object->namespace, object->name));
	if (is_peer && !object->on_host_network) {
		if (!object->is_over)
			put_peer(engine, object);
		object_clear(object);
		return;
	}
	keep_object(engine, object);
}

bool bl_engine_is_kind(const char *kind)
{
	return bl_policy_is_kind(kind) || object_kind(kind) >= 0;
}

bool bl_engine_is_clusterwide(const char *kind)
{
	int object = object_kind(kind);

	return bl_policy_is_clusterwide(kind) ||
	       (object >= 0 && !object_is_namespaced((enum object_kind)object));
}

int bl_engine_put(struct bl_engine *engine, const struct cJSON *document, struct bl_err *err)
{
	struct bl_policy *policy = NULL;
	struct object object;
	int r;

	if (bl_policy_is_kind(bl_json_get_string(document, "kind"))) {
		r = bl_policy_new(document, &policy, err);
		if (r == 0)
			bl_engine_put_policy(engine, policy);
	} else {
		r = object_read(document, &object, err);
		if (r == 0)
			put_object(engine, &object);
	}
	return r;
}

void bl_engine_put_policy(struct bl_engine *engine, struct bl_policy *policy)
{
	struct rules_context context = engine_rules_context(engine);

	rules_put(&engine->rules, &context, policy);
}

static void remove_object(struct bl_engine *engine, enum object_kind kind, const char *namespace,
			  const char *name)
{
	if (kind == OBJECT_POD || kind == OBJECT_VMI)
		remove_peer(engine,
			    peers_find(&engine->peers, peer_kind_of(kind), namespace, name));
	if (inventory_remove(&engine->inventory, kind, namespace, name))
		note_change(engine, kind, name);
}

void bl_engine_remove(struct bl_engine *engine, const char *kind, const char *namespace,
		      const char *name)
{
	int object = object_kind(kind);

	namespace = namespace ? namespace : "";
	if (object >= 0)
		remove_object(engine, (enum object_kind)object, namespace, name);
	else
		rules_remove(&engine->rules, kind, namespace, name);
}

void bl_engine_set_host(struct bl_engine *engine, const struct bl_addr *addrs, size_t n_addrs)
{
	nodes_set_extra(&engine->nodes, addrs, n_addrs);
}

void bl_engine_remember(struct bl_engine *engine, const char *labels, uint32_t number)
{
	memory_add(&engine->identities.memory, labels, number);
}

void bl_engine_forget(struct bl_engine *engine)
{
	memory_release(&engine->identities.memory);
}

/* ---- beginning and end ---------------------------------------------------------------------------- */

static void init_defaults(struct bl_engine *engine)
{
	struct bl_selector hosts = {0};

	bl_selector_require(&hosts, "reserved", "host", NULL);
	engine->defaults = (struct program_defaults){
		.hosts = selection_of_labels(&engine->selections, &hosts),
		.host = cookie_get(&engine->cookies, "", RULE_TEXT_NODE),
		.allow = cookie_get(&engine->cookies, "", RULE_TEXT_UNENFORCED),
		.deny = cookie_get(&engine->cookies, "", RULE_TEXT_DEFAULT),
	};
	assert(engine->defaults.host->number == BL_RULE_NODE &&
	       engine->defaults.allow->number == BL_RULE_UNENFORCED &&
	       engine->defaults.deny->number == BL_RULE_DEFAULT);
	bl_selector_clear(&hosts);
}

struct bl_engine *bl_engine_new(const struct bl_engine_options *options)
{
	struct bl_engine *engine = bl_alloc(sizeof(*engine));

	engine->cluster = bl_strdup(options->cluster ? options->cluster : "default");
	engine->all_are_endpoints = options->all_are_endpoints;
	engine->round = 1;
	identities_init(&engine->identities);
	prefixes_init(&engine->prefixes);
	selections_init(&engine->selections, &engine->prefixes);
	nodes_init(&engine->nodes, options->node);
	init_defaults(engine);
	return engine;
}

void bl_engine_free(struct bl_engine *engine)
{
	if (!engine)
		return;
	for (size_t i = 0; i < engine->n_endpoints; i++)
		free_endpoint(engine->endpoints[i]);
	free(engine->endpoints);
	programs_release(&engine->programs);
	rules_release(&engine->rules);
	cookies_release(&engine->cookies);
	peers_release(&engine->peers);
	nodes_release(&engine->nodes);
	selections_release(&engine->selections);
	prefixes_release(&engine->prefixes);
	ipcache_release(&engine->ipcache);
	identities_release(&engine->identities);
	inventory_release(&engine->inventory);
	free(engine->changed);
	free(engine->changed_prefixes);
	free(engine->cluster);
	free(engine);
}
