// SPDX-License-Identifier: Apache-2.0
/*
 * Compiles the policy by the engine and writes what comes out into the agent's pinned maps, in the order
 * that the agent keeps: entries, prefixes, and then the endpoint is told to ask. See edge.h.
 */
#include "edge.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <beeline/cleanup.h>
#include <beeline/engine.h>
#include <beeline/file.h>

#include "frame.h"

#define APPS 8 /* that the far ends are of: as many identities */

/* Every flow is let in or out by a rule for its far end's labels and its port; the rest is what such
 * policies have beside it. */
static const char *const policies[] = {
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"default\",\"name\":\"clients\"},\"spec\":{\"endpointSelector\":{\"matchLabels\":{"
	"\"app\":"
	"\"bench\"}},\"ingress\":[{\"fromEndpoints\":[{\"matchLabels\":{\"team\":\"clients\"}}],"
	"\"toPorts\":[{\"ports\":[{\"port\":\"7000\",\"protocol\":\"UDP\"},{\"port\":\"7000\","
	"\"protocol\":\"TCP\"},{\"port\":\"443\",\"protocol\":\"TCP\"}]}]},{\"fromEndpoints\":[{"
	"\"matchLabels\":{\"app\":\"app-1\"}}],\"toPorts\":[{\"ports\":[{\"port\":\"9000\","
	"\"endPort\":"
	"9010,\"protocol\":\"TCP\"}]}]},{\"fromEntities\":[\"host\"]}],\"egress\":[{"
	"\"toEndpoints\":[{"
	"\"matchLabels\":{\"team\":\"clients\"}}],\"toPorts\":[{\"ports\":[{\"port\":\"20000\","
	"\"endPort\":20127,\"protocol\":\"UDP\"},{\"port\":\"20001\",\"protocol\":\"TCP\"}]}]}]}}",
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"default\",\"name\":\"outside\"},\"spec\":{\"endpointSelector\":{},\"egress\":[{"
	"\"toCIDRSet\":[{"
	"\"cidr\":\"172.16.0.0/12\",\"except\":[\"172.20.0.0/16\",\"172.21.4.0/24\"]},{\"cidr\":"
	"\"2001:db8::/32\"}],\"toPorts\":[{\"ports\":[{\"port\":\"443\",\"protocol\":\"TCP\"}]}]},{"
	"\"toCIDR\":[\"192.0.2.53/"
	"32\"],\"toPorts\":[{\"ports\":[{\"port\":\"53\",\"protocol\":\"ANY\"}]}"
	"]}],\"egressDeny\":[{\"toCIDR\":[\"169.254.169.254/32\"]}]}}",
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"default\",\"name\":\"never\"},\"spec\":{\"endpointSelector\":{},\"ingressDeny\":[{"
	"\"fromEndpoints\":[{\"matchLabels\":{\"team\":\"clients\"}}],\"toPorts\":[{\"ports\":[{"
	"\"port\":"
	"\"22\",\"protocol\":\"TCP\"}]}]},{\"fromEndpoints\":[{\"matchLabels\":{\"app\":\"app-2\"}}"
	"],"
	"\"toPorts\":[{\"ports\":[{\"port\":\"9000\",\"protocol\":\"TCP\"}]}]}]}}",
};

/* ---- what the policy is about ------------------------------------------------------------------ */

static int put(struct bl_engine *engine, const char *text, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;
	int r = bl_json_parse(text, strlen(text), &json, err);

	return r == 0 ? bl_engine_put(engine, json, err) : r;
}

static int put_far_ends(struct bl_engine *engine, struct bl_err *err)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < FRAME_FAR_IPS; i++) {
		bl_autofree char *text = NULL;
		uint8_t ip[4];

		frame_far_ip(i, ip);
		text = bl_format("{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"default\","
				 "\"name\":\"far-%u\",\"labels\":{\"team\":\"clients\",\"app\":"
				 "\"app-%u\"}},\"status\":{\"phase\":\"Running\",\"podIPs\":[{"
				 "\"ip\":\"%u.%u.%u.%u\"}]}}",
				 i, i % APPS, ip[0], ip[1], ip[2], ip[3]);
		r = put(engine, text, err);
	}
	return r;
}

static int put_endpoint(struct bl_engine *engine, const char *name, struct bl_err *err)
{
	struct bl_labels labels = {0};
	const struct bl_addr addr = {.bytes = {[10] = 0xff, 0xff, 10, 88, 0, 2}};
	const struct bl_engine_endpoint endpoint = {.name = name,
						    .namespace = "default",
						    .labels = &labels,
						    .addrs = &addr,
						    .n_addrs = 1};
	int r;

	bl_labels_set(&labels, "k8s", "app", "bench");
	r = bl_engine_put_endpoint(engine, &endpoint, err);
	bl_labels_clear(&labels);
	return r;
}

static int compile(struct bl_engine *engine, const char *endpoint, struct bl_err *err)
{
	struct bl_engine_changes changes;
	int r = put(engine, "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"default\"}}", err);

	for (size_t i = 0; r == 0 && i < sizeof(policies) / sizeof(policies[0]); i++)
		r = put(engine, policies[i], err);
	if (r == 0)
		r = put_far_ends(engine, err);
	if (r == 0)
		r = put_endpoint(engine, endpoint, err);
	return r == 0 ? bl_engine_update(engine, &changes, err) : r;
}

/* ---- into the maps ----------------------------------------------------------------------------- */

static int open_map(const struct place *place, const char *name, int *ret_fd, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/maps/%s", place->bpffs, name);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return bl_fail_errno(err, fd, "opening '%s'", path);
	*ret_fd = fd;
	return 0;
}

/* Puts a map into its place in a map of maps. */
static int write_inner(const struct place *place, const char *outer, uint32_t index, int inner_fd,
		       struct bl_err *err)
{
	bl_autoclose int fd = -1;
	int r = open_map(place, outer, &fd, err);

	if (r == 0)
		r = bpf_map_update_elem(fd, &index, &inner_fd, BPF_ANY);
	return r < 0 ? bl_fail_errno(err, r, "writing %s", outer) : 0;
}

/* Each entry counts, as the agent's do. */
static int write_rows(const struct place *place, uint32_t index, const struct bl_policy_rows *rows,
		      struct bl_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	bl_autoclose int fd = bpf_map_create(
		BPF_MAP_TYPE_LPM_TRIE, "bl_policy_trie", sizeof(struct bl_policy_key),
		sizeof(struct bl_policy_entry), BL_POLICY_ROWS_MAX, &opts);
	int r = fd < 0 ? fd : 0;

	for (size_t i = 0; r == 0 && i < rows->n_items; i++) {
		struct bl_policy_entry entry = rows->items[i].entry;

		entry.counter = (uint16_t)((index * rows->n_items + i) % (BL_RULES_MAX - 1) + 1);
		r = bpf_map_update_elem(fd, &rows->items[i].key, &entry, BPF_ANY);
	}
	return r < 0 ? bl_fail_errno(err, r, "filling a policy")
		     : write_inner(place, "bl_policies", index, fd, err);
}

static int write_prefixes(const struct place *place, const struct bl_engine *engine,
			  struct bl_err *err)
{
	const struct bl_ipcache_row *rows;
	bl_autoclose int fd = -1;
	size_t n;
	int r = open_map(place, "bl_ipcache", &fd, err);

	bl_engine_prefixes(engine, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct bl_ipcache_entry entry = {.identity = rows[i].identity};

		r = bpf_map_update_elem(fd, &rows[i].key, &entry, BPF_ANY);
		if (r < 0)
			return bl_fail_errno(err, r, "writing a prefix");
	}
	return r;
}

static int make_share(const struct place *place, uint32_t index, struct bl_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	bl_autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bl_ct_share", sizeof(uint32_t),
					     sizeof(struct bl_ct_set), BL_CT_SETS, &opts);

	return fd < 0 ? bl_fail_errno(err, fd, "making a connection table")
		      : write_inner(place, "bl_conntrack", index, fd, err);
}

static int switch_on(const struct place *place, uint32_t index, struct bl_err *err)
{
	struct bl_endpoint endpoint;
	bl_autoclose int fd = -1;
	int r = open_map(place, "bl_endpoints", &fd, err);

	if (r < 0)
		return r;
	r = bpf_map_lookup_elem(fd, &index, &endpoint);
	if (r == 0 && endpoint.ct_sets == 0)
		r = make_share(place, index, err);
	if (r < 0)
		return bl_wrap(err, "endpoint %u", index);
	if (endpoint.ct_sets == 0)
		endpoint.ct_sets = BL_CT_SETS;
	endpoint.flags |= BL_EP_POLICY;
	r = bpf_map_update_elem(fd, &index, &endpoint, BPF_EXIST);
	return r < 0 ? bl_fail_errno(err, r, "writing endpoint %u", index) : 0;
}

int edge_enforce(struct agent *agent, const struct place *place, const char *endpoint,
		 struct bl_err *err)
{
	const struct bl_engine_options options = {0};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	uint32_t index;
	int r = agent_index(agent, endpoint, &index, err);

	if (r == 0)
		r = compile(engine, endpoint, err);
	if (r == 0)
		r = write_rows(place, index, bl_engine_rows(engine, endpoint), err);
	if (r == 0)
		r = write_prefixes(place, engine, err);
	if (r == 0)
		r = switch_on(place, index, err);
	return r < 0 ? bl_wrap(err, "policy of %s", endpoint) : 0;
}
