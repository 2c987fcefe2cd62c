// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints as policy knows them: who they are comes from the VMI in the store, or, for those made by
 * hand, from their record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "../kinds.h"
#include "../pack.h"
#include "room.h"

int policy_find_member(const struct policy *policy, const char *name)
{
	for (int i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (policy->members[i] && strcmp(policy->members[i]->name, name) == 0)
			return i;
	return -ENOENT;
}

static void free_member(struct member *member)
{
	if (!member)
		return;
	free(member->service_account);
	bl_labels_clear(&member->labels);
	free(member);
}

void policy_clear_members(struct policy *policy)
{
	for (int i = 0; i < BL_ENDPOINTS_MAX; i++)
		free_member(policy->members[i]);
}

/* ---- who it is ---------------------------------------------------------------------------------- */

/* "<namespace>_<vmi>_<interface>", of which the first two hold no '_'; see endpoint.h. The caller
 * frees; NULL: an endpoint that was made by hand. */
static char *vmi_of(const char *endpoint)
{
	const char *first = strchr(endpoint, '_');
	const char *second = first ? strchr(first + 1, '_') : NULL;

	return second ? bl_format("%.*s", (int)(second - first - 1), first + 1) : NULL;
}

/* A range is no number that a name could stand for. */
static size_t name_ports(const struct bl_interface *interface,
			 struct bl_named_port ports[BL_PORTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; interface && i < interface->n_ports && n < BL_PORTS_MAX; i++) {
		const struct bl_port *port = &interface->ports[i];

		if (port->name && *port->name && port->first == port->last)
			ports[n++] =
				(struct bl_named_port){port->name, port->protocol, port->first};
	}
	return n;
}

static const struct bl_named_port *pack_ports(struct pack *pack, const struct bl_named_port *from,
					      size_t n)
{
	struct bl_named_port *ports = pack_bytes(pack, from, n * sizeof(*ports));

	for (size_t i = 0; i < n; i++) {
		char *name = pack_text(pack, from[i].name);

		if (ports)
			ports[i].name = name;
	}
	return ports;
}

/* What stands behind the member. */
static struct member pack_member(struct pack *pack, const struct member *from)
{
	struct member member = *from;

	member.ports = pack_ports(pack, from->ports, from->n_ports);
	member.name = pack_text(pack, from->name);
	member.vmi = pack_text(pack, from->vmi);
	member.namespace = pack_text(pack, from->namespace);
	return member;
}

const char *policy_service_account(const struct cJSON *spec)
{
	const char *account = NULL;

	bl_json_for_each (volume, bl_json_get(spec, "volumes")) {
		const char *name = bl_json_get_string(volume, "serviceAccount/serviceAccountName");

		account = name ? name : account;
	}
	return account;
}

static void set_account(struct member *member, const struct cJSON *vmi)
{
	const char *account = policy_service_account(bl_json_get(vmi, "spec"));

	if (account) {
		free(member->service_account);
		member->service_account = bl_strdup(account);
	}
}

/* A VM's labels are those of its VMI in the store, which may be newer than the record of the endpoint. */
static void set_labels(struct policy *policy, struct member *member, const struct bl_labels *labels)
{
	const struct object_key key = {KIND_VMI, member->namespace, member->vmi};
	const struct cJSON *vmi = member->vmi ? objects_get(policy->config.objects, &key) : NULL;

	bl_labels_clear(&member->labels);
	if (vmi)
		bl_labels_set_all(&member->labels, "k8s", "", bl_json_get(vmi, "metadata/labels"));
	else if (labels)
		bl_labels_copy(labels, &member->labels);
	set_account(member, vmi);
}

static struct member *make_member(struct policy *policy, const struct endpoint_spec *spec,
				  const struct bl_addr *addrs, size_t n_addrs)
{
	bl_autofree char *vmi = vmi_of(spec->name);
	struct bl_named_port ports[BL_PORTS_MAX];
	struct member draft = {
		.name = spec->name,
		.vmi = vmi,
		.namespace = spec->namespace ? spec->namespace : "default",
		.n_addrs = n_addrs,
		.ports = ports,
		.n_ports = name_ports(spec->interface, ports),
	};
	struct pack pack = {0};
	struct member *member;

	memcpy(draft.addrs, addrs, n_addrs * sizeof(*addrs));
	pack_member(&pack, &draft);
	member = bl_alloc(sizeof(*member) + pack.size);
	pack = (struct pack){.memory = (char *)(member + 1)};
	*member = pack_member(&pack, &draft);
	set_labels(policy, member, spec->labels);
	return member;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_ports(const struct member *a, const struct member *b)
{
	for (size_t i = 0; i < a->n_ports && i < b->n_ports; i++)
		if (strcmp(a->ports[i].name, b->ports[i].name) != 0 ||
		    a->ports[i].port != b->ports[i].port ||
		    a->ports[i].protocol != b->ports[i].protocol)
			return false;
	return a->n_ports == b->n_ports;
}

static bool same_member(const struct member *a, const struct member *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       same_text(a->service_account, b->service_account) &&
	       bl_labels_equal(&a->labels, &b->labels) && a->n_addrs == b->n_addrs &&
	       memcmp(a->addrs, b->addrs, a->n_addrs * sizeof(*a->addrs)) == 0 && same_ports(a, b);
}

static int put(struct policy *policy, const struct member *member, struct bl_err *err)
{
	const struct bl_engine_endpoint endpoint = {
		.name = member->name,
		.namespace = member->namespace,
		.service_account = member->service_account,
		.labels = &member->labels,
		.addrs = member->addrs,
		.n_addrs = member->n_addrs,
		.ports = member->ports,
		.n_ports = member->n_ports,
	};

	return bl_engine_put_endpoint(policy->engine, &endpoint, err);
}

/* ---- coming and going --------------------------------------------------------------------------- */

static void forget_index(struct policy *policy, int index)
{
	if (index < 0 || !policy->members[index])
		return;
	policy->troubles.n_amiss -= policy->members[index]->amiss != NULL;
	free_member(policy->members[index]);
	policy->members[index] = NULL;
}

/* Not all are known yet, so that what the engine would say now is not the whole. What the kernel has goes
 * on. A line of an agent that knew no policy let everything pass: it does until all are known. */
static int hold(struct policy *policy, uint32_t index, struct bl_err *err)
{
	static const struct bl_policy_row pass[BL_POLICY_DIRECTIONS] = {
		{.key = {.prefixlen = BL_POLICY_PREFIX_FIXED},
		 .entry = {.precedence = 1, .cookie = BL_RULE_UNENFORCED}},
		{.key = {.prefixlen = BL_POLICY_PREFIX_FIXED, .egress = 1},
		 .entry = {.precedence = 1, .cookie = BL_RULE_UNENFORCED}},
	};
	const struct datapath_policy open = {
		.index = index, .rows = pass, .n_rows = BL_POLICY_DIRECTIONS};
	struct datapath *datapath = policy->config.datapath;
	struct bl_endpoint entry;
	int r = datapath_read_endpoint(datapath, index, &entry, err);

	if (r < 0 || !(entry.flags & BL_EP_LIVE) || (entry.flags & BL_EP_POLICY))
		return r;
	return datapath_swap_policies(datapath, &open, 1, err);
}

/* What was said of an endpoint that comes again, with other addresses say, may not be so any more. */
static void inherit(struct policy *policy, struct member *member, int before)
{
	member->concerned = true;
	if (before < 0)
		return;
	member->amiss = policy->members[before]->amiss;
	member->told = policy->members[before]->told;
	policy->troubles.n_amiss += member->amiss != NULL;
}

static int take(struct policy *policy, struct member *member, uint32_t index, struct bl_err *err)
{
	int before = policy_find_member(policy, member->name);
	int r = put(policy, member, err);

	if (r < 0) {
		free_member(member);
		return r;
	}
	inherit(policy, member, before);
	forget_index(policy, before);
	forget_index(policy, (int)index);
	policy->members[index] = member;
	return policy->started ? policy_commit(policy, err) : hold(policy, index, err);
}

int policy_admit(const struct endpoint_spec *spec, uint32_t index, const struct bl_addr *addrs,
		 size_t n_addrs, uint32_t *ret_flags, void *data, struct bl_err *err)
{
	struct policy *policy = data;
	struct member *member = make_member(policy, spec, addrs, n_addrs);
	int r = 0;

	if (policy->members[index] && same_member(policy->members[index], member))
		free_member(member);
	else
		r = take(policy, member, index, err);
	*ret_flags = BL_EP_POLICY | (policy->config.mode == POLICY_AUDIT ? BL_EP_AUDIT : 0);
	return r;
}

void policy_leave(const char *name, void *data)
{
	struct policy *policy = data;

	bl_engine_remove_endpoint(policy->engine, name);
	forget_index(policy, policy_find_member(policy, name));
	policy_commit_soon(policy);
}

void policy_relabel(struct policy *policy, const struct cJSON *vmi)
{
	struct object_key key = object_key(vmi);

	for (int i = 0; i < BL_ENDPOINTS_MAX; i++) {
		struct member *member = policy->members[i];

		if (!member || !member->vmi || strcmp(member->vmi, key.name) != 0 ||
		    strcmp(member->namespace, key.namespace) != 0)
			continue;
		set_labels(policy, member, NULL);
		put(policy, member, NULL);
	}
}
