/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's room of policy over the kernel's real maps, with two endpoints that exist in these maps alone,
 * "web" of a VM and "other"; and what the maps would say to packets, read as abi.h tells it. In a network
 * namespace of its own, so that the machine's addresses are nobody's. TEST is defined before.
 */
#pragma once

#include "pod.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>

#include <beeline/addr.h>
#include <beeline/loop.h>

#include "../../agent/kinds.h"
#include "../../agent/datapath/room.h"
#include "../../agent/policy/room.h"

#define BPFFS  POD_BPFFS "/beeline-test-" TEST
#define WEB    "default_web_default" /* index 0 */
#define OTHER  "other"               /* index 1 */
#define N_WEBS 2

struct fixture {
	char *dir;
	struct bl_loop *loop;
	struct objects *objects;
	struct datapath *datapath;
	struct policy *policy;
};

/* ---- what is said to the agent ------------------------------------------------------------------ */

/* JSON with ' in place of ". */
static inline void apply_text(struct fixture *f, const char *readable)
{
	bl_auto_json struct cJSON *document = NULL;
	bl_autofree char *text = bl_strdup(readable);
	struct bl_err err = BL_ERR_INIT;
	enum object_outcome outcome;

	for (char *at = text; (at = strchr(at, '\'')); at++)
		*at = '"';
	if (bl_json_parse(text, strlen(text), &document, &err) < 0 ||
	    objects_apply(f->objects, document, &outcome, &err) < 0)
		fail_msg("%s", err.message);
}

/* documents: with NULL at their end. */
static inline void apply(struct fixture *f, const char *const *documents)
{
	for (size_t i = 0; documents[i]; i++)
		apply_text(f, documents[i]);
}

static inline void commit(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;

	if (policy_commit(f->policy, &err) < 0)
		fail_msg("%s", err.message);
}

static inline int admit(struct fixture *f, const char *name, const char *app, uint32_t index,
			const char *text, struct bl_err *err)
{
	struct endpoint_gate gate = policy_gate(f->policy);
	struct bl_labels labels = {0};
	const struct endpoint_spec spec = {.name = name, .namespace = "default", .labels = &labels};
	struct bl_addr addr;
	uint32_t flags;
	int r;

	bl_labels_set(&labels, "k8s", "app", app);
	assert_int_equal(bl_addr_parse(text, &addr, NULL), 0);
	r = gate.admit(&spec, index, &addr, 1, &flags, gate.data, err);
	bl_labels_clear(&labels);
	return r;
}

/* ---- a life ------------------------------------------------------------------------------------- */

/* Until it would start to follow: policy_start(), or started and a commit. */
static inline void agent_begins(struct fixture *f)
{
	const struct policy_config config = {.loop = f->loop,
					     .datapath = f->datapath,
					     .objects = f->objects,
					     .state_dir = f->dir,
					     .node_name = "node",
					     .mode = POLICY_DEFAULT};
	struct bl_err err = BL_ERR_INIT;

	assert_int_equal(policy_new(&config, &f->policy, &err), 0);
	assert_int_equal(admit(f, WEB, "web", 0, "10.2.0.1", &err), 0);
	assert_int_equal(admit(f, OTHER, "other", 1, "10.2.0.2", &err), 0);
}

/* What the kernel has stays. */
static inline void agent_ends(struct fixture *f)
{
	policy_free(f->policy);
	f->policy = NULL;
}

static inline int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));
	struct bl_err err = BL_ERR_INIT;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	run("rm -rf " BPFFS);
	if (datapath_open(BPFFS, DATAPATH_AUTO, &f->datapath, &err) < 0)
		fail_msg("%s", err.message);
	f->dir = unit_dir();
	assert_int_equal(bl_loop_new(&f->loop, NULL), 0);
	assert_int_equal(objects_new(f->dir, kinds_rests, &f->objects, NULL), 0);
	apply_text(f,
		   "{'apiVersion': 'kubevirt.io/v1', 'kind': 'VirtualMachineInstance', "
		   "'metadata': {'namespace': 'default', 'name': 'web', 'labels': {'app': 'web'}}, "
		   "'spec': {}}");
	agent_begins(f);
	policy_start(f->policy);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	agent_ends(f);
	datapath_free(f->datapath);
	objects_free(f->objects);
	bl_loop_free(f->loop);
	unit_dir_remove(f->dir);
	run("rm -rf " BPFFS);
	free(f);
	return 0;
}

/* ---- what the kernel has ------------------------------------------------------------------------ */

struct kernel_rows {
	struct bl_policy_row *items;
	size_t n_items;
};

struct kernel_prefixes {
	struct bl_ipcache_row *items;
	size_t n_items;
};

static inline void kernel_add_row(const struct bl_policy_row *row, const struct bl_counter *counter,
				  void *data)
{
	struct kernel_rows *rows = data;

	rows->items = bl_realloc(rows->items, (rows->n_items + 1) * sizeof(*row));
	rows->items[rows->n_items++] = *row;
}

static inline void kernel_add_prefix(const struct bl_ipcache_row *row, void *data)
{
	struct kernel_prefixes *prefixes = data;

	prefixes->items = bl_realloc(prefixes->items, (prefixes->n_items + 1) * sizeof(*row));
	prefixes->items[prefixes->n_items++] = *row;
}

static inline void kernel_rows_clear(struct kernel_rows *rows)
{
	free(rows->items);
}
#define kernel_rows_auto bl_cleanup(kernel_rows_clear)

static inline void kernel_prefixes_clear(struct kernel_prefixes *prefixes)
{
	free(prefixes->items);
}
#define kernel_prefixes_auto bl_cleanup(kernel_prefixes_clear)

static inline struct kernel_rows kernel_rows(struct fixture *f, uint32_t index)
{
	struct kernel_rows rows = {0};

	assert_int_equal(datapath_policy_rows(f->datapath, index, kernel_add_row, &rows, NULL), 0);
	return rows;
}

static inline struct kernel_prefixes kernel_prefixes(struct fixture *f)
{
	struct kernel_prefixes prefixes = {0};

	assert_int_equal(datapath_prefixes(f->datapath, kernel_add_prefix, &prefixes, NULL), 0);
	return prefixes;
}

/* ---- what it would say -------------------------------------------------------------------------- */

static inline uint32_t kernel_identity(const struct kernel_prefixes *prefixes, const char *text)
{
	const struct bl_ipcache_row *best = NULL;
	struct bl_addr addr, prefix;

	assert_int_equal(bl_addr_parse(text, &addr, NULL), 0);
	for (size_t i = 0; i < prefixes->n_items; i++) {
		const struct bl_ipcache_row *row = &prefixes->items[i];

		memcpy(prefix.bytes, row->key.addr, sizeof(prefix.bytes));
		if (bl_addr_in_prefix(&addr, &prefix, row->key.prefixlen) &&
		    (!best || row->key.prefixlen > best->key.prefixlen))
			best = row;
	}
	return best ? best->identity : 0;
}

static inline bool kernel_matches(const struct bl_policy_key *key, uint8_t protocol, uint16_t port)
{
	uint32_t bits = key->prefixlen > BL_POLICY_PREFIX_PROTOCOL
				? key->prefixlen - BL_POLICY_PREFIX_PROTOCOL
				: 0;

	if (key->prefixlen > BL_POLICY_PREFIX_FIXED && key->protocol != protocol)
		return false;
	return bits == 0 || (ntohs(key->dport) ^ port) >> (16 - bits) == 0;
}

static inline const struct bl_policy_row *kernel_find(const struct kernel_rows *rows,
						      uint32_t identity, bool egress, uint16_t port)
{
	const struct bl_policy_row *best = NULL;

	for (size_t i = 0; i < rows->n_items; i++) {
		const struct bl_policy_row *row = &rows->items[i];

		if (row->key.identity == identity && row->key.egress == egress &&
		    kernel_matches(&row->key, IPPROTO_TCP, port) &&
		    (!best || row->key.prefixlen > best->key.prefixlen))
			best = row;
	}
	return best;
}

/* Of a first packet by TCP. */
static inline bool kernel_allows(const struct kernel_rows *rows, uint32_t identity, bool egress,
				 uint16_t port)
{
	const struct bl_policy_row *own = kernel_find(rows, identity, egress, port);
	const struct bl_policy_row *any = kernel_find(rows, 0, egress, port);

	if (!own || (any && any->entry.precedence > own->entry.precedence))
		own = any;
	return own && !own->entry.deny;
}

static const char *const askers[] = {"10.1.0.1",  "10.1.0.2",   "10.1.0.3",   "10.88.0.1",
				     "10.88.0.2", "192.0.2.1",  "fd00::1",    "fd00::2",
				     "fd00::3",   "fd00:88::1", "fd00:88::2", "2001:db8::1"};

#define N_ASKERS    (sizeof(askers) / sizeof(askers[0]))
#define N_QUESTIONS (N_WEBS * N_ASKERS * 4)

/* By endpoint, asker, direction, port 80 or 81. */
struct answers {
	bool allowed[N_QUESTIONS];
};

static inline struct answers answers(struct fixture *f)
{
	kernel_prefixes_auto struct kernel_prefixes prefixes = kernel_prefixes(f);
	struct answers answers;
	size_t n = 0;

	for (uint32_t index = 0; index < N_WEBS; index++) {
		kernel_rows_auto struct kernel_rows rows = kernel_rows(f, index);

		for (size_t i = 0; i < N_ASKERS * 4; i++)
			answers.allowed[n++] =
				kernel_allows(&rows, kernel_identity(&prefixes, askers[i / 4]),
					      i & 1, i & 2 ? 81 : 80);
	}
	return answers;
}

/* ---- whether it is what the engine wants -------------------------------------------------------- */

static inline void assert_same_rows(struct fixture *f, uint32_t index, const char *name)
{
	kernel_rows_auto struct kernel_rows rows = kernel_rows(f, index);
	const struct bl_policy_rows *want = bl_engine_rows(f->policy->engine, name);
	size_t n = 0;

	assert_int_equal(rows.n_items, want->n_items);
	for (size_t i = 0; i < want->n_items; i++)
		for (size_t k = 0; k < rows.n_items; k++)
			n += memcmp(&want->items[i].key, &rows.items[k].key,
				    sizeof(struct bl_policy_key)) == 0 &&
			     want->items[i].entry.deny == rows.items[k].entry.deny &&
			     want->items[i].entry.precedence == rows.items[k].entry.precedence &&
			     want->items[i].entry.cookie == rows.items[k].entry.cookie;
	assert_int_equal(n, want->n_items);
}

static inline void assert_same_prefixes(struct fixture *f)
{
	kernel_prefixes_auto struct kernel_prefixes prefixes = kernel_prefixes(f);
	const struct bl_ipcache_row *want;
	size_t n_want, n = 0;

	bl_engine_prefixes(f->policy->engine, &want, &n_want);
	assert_int_equal(prefixes.n_items, n_want);
	for (size_t i = 0; i < n_want; i++)
		for (size_t k = 0; k < prefixes.n_items; k++)
			n += memcmp(&want[i], &prefixes.items[k], sizeof(*want)) == 0;
	assert_int_equal(n, n_want);
}

/* No counter is shared, and none is taken that nobody has. */
static inline void assert_counters_are_whole(struct fixture *f)
{
	uint64_t seen[BL_RULES_MAX / 64] = {0};

	for (uint32_t index = 0; index < BL_ENDPOINTS_MAX; index++) {
		kernel_rows_auto struct kernel_rows rows = kernel_rows(f, index);

		for (size_t i = 0; i < rows.n_items; i++) {
			uint16_t counter = rows.items[i].entry.counter;

			assert_int_equal(seen[counter / 64] >> (counter % 64) & 1, 0);
			seen[counter / 64] |= (uint64_t)(counter != 0) << (counter % 64);
		}
	}
	assert_memory_equal(seen, f->datapath->rules, sizeof(seen));
}

static inline void assert_stands_whole(struct fixture *f)
{
	assert_counters_are_whole(f);
	assert_same_rows(f, 0, WEB);
	assert_same_rows(f, 1, OTHER);
	assert_same_prefixes(f);
}

/* ---- what people are told ----------------------------------------------------------------------- */

/* "False UpdateFailed: why", or "True"; "" when there is no such condition. The caller frees. */
static inline char *condition(struct fixture *f, const char *kind, const char *name,
			      const char *type)
{
	const struct object_key key = {kind, "default", name};
	bl_auto_json struct cJSON *object = objects_read(f->objects, &key);

	bl_json_for_each (each, bl_json_get(object, "status/conditions")) {
		const char *reason = bl_json_get_string(each, "reason");
		const char *message = bl_json_get_string(each, "message");

		if (strcmp(bl_json_get_string(each, "type"), type) == 0)
			return bl_format("%s%s%s%s%s", bl_json_get_string(each, "status"),
					 reason ? " " : "", reason ? reason : "",
					 message && *message ? ": " : "", message ? message : "");
	}
	return bl_strdup("");
}
