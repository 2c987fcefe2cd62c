/* SPDX-License-Identifier: Apache-2.0 */
/* An engine as an agent has it: its own node is n0, and endpoints are put one by one. */
#pragma once

#include "unit_policy.h"

static struct bl_err err;

static inline struct bl_engine *engine_new(void)
{
	const struct bl_engine_options options = {.node = "n0"};

	return bl_engine_new(&options);
}

static inline void put(struct bl_engine *engine, const char *yaml)
{
	bl_auto_json struct cJSON *list = parse_yaml(yaml);

	bl_json_for_each (document, list)
		if (bl_engine_put(engine, document, &err) < 0)
			fail_msg("%s", err.message);
}

static inline struct bl_addr addr_of(const char *text)
{
	struct bl_addr addr;

	assert_int_equal(bl_addr_parse(text, &addr, NULL), 0);
	return addr;
}

/* In namespace a, with label app; a port named http when it is not 0. */
static inline void put_endpoint(struct bl_engine *engine, const char *name, const char *app,
				const char *text, uint16_t http)
{
	struct bl_addr addr = addr_of(text);
	char port_name[] = "http";
	struct bl_named_port port = {port_name, IPPROTO_TCP, http};
	struct bl_labels labels = {0};
	const struct bl_engine_endpoint endpoint = {.name = name,
						    .namespace = "a",
						    .labels = &labels,
						    .addrs = &addr,
						    .n_addrs = 1,
						    .ports = &port,
						    .n_ports = http ? 1 : 0};

	bl_labels_set(&labels, "k8s", "app", app);
	assert_int_equal(bl_engine_put_endpoint(engine, &endpoint, &err), 0);
	bl_labels_clear(&labels);
}

static inline void append_name(char *text, size_t size, const char *name)
{
	if (!strstr(text, name))
		snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? " " : "", name);
}

/* Until nothing is left to do. The names of the endpoints that changed, joined by blanks. */
static inline void update(struct bl_engine *engine, const char *changed)
{
	struct bl_engine_changes changes = {.again = true};
	char text[256] = "";

	while (changes.again) {
		if (bl_engine_update(engine, &changes, &err) < 0)
			fail_msg("%s", err.message);
		for (size_t i = 0; i < changes.n_endpoints; i++)
			append_name(text, sizeof(text), changes.endpoints[i]);
	}
	assert_string_equal(text, changed);
}

static inline uint32_t identity_of(const struct bl_engine *engine, const char *text)
{
	struct bl_addr addr = addr_of(text);

	return bl_engine_identity(engine, &addr);
}

static inline void has_labels(const struct bl_engine *engine, const char *text, const char *want)
{
	const struct bl_labels *labels =
		bl_engine_identity_labels(engine, identity_of(engine, text));
	bl_autofree char *found = NULL;

	assert_non_null(labels);
	found = bl_labels_format(labels);
	assert_string_equal(found, want);
}

/* "allowed", "denied" or "unenforced" of a first packet by TCP. */
static inline void judges(const struct bl_engine *engine, const char *endpoint,
			  enum bl_policy_direction direction, const char *who, uint16_t port,
			  const char *want)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, endpoint);
	const struct bl_policy_row *row;

	assert_non_null(rows);
	row = bl_policy_lookup(rows, identity_of(engine, who), direction, IPPROTO_TCP, port);
	assert_string_equal(!row || row->entry.deny         ? "denied"
			    : rows->default_deny[direction] ? "allowed"
							    : "unenforced",
			    want);
}

#define UNIT_CNP(name, rest)                                                                  \
	"---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {namespace: a, " \
	"name: " name "}\nspec: {endpointSelector: {matchLabels: {app: web}}, " rest "}\n"
#define UNIT_POD(namespace, name, app, address)                                                   \
	"---\nkind: Pod\nmetadata: {namespace: " namespace ", name: " name ", labels: {app: " app \
							   "}}\nstatus: {podIP: " address "}\n"
#define UNIT_NODE(name, label, address)                                     \
	"---\nkind: Node\nmetadata: {name: " name ", labels: {rack: " label \
	"}}\nstatus: {addresses: [{type: InternalIP, address: " address "}]}\n"
#define UNIT_APISERVER(address)                                                               \
	"---\nkind: EndpointSlice\nmetadata: {namespace: default, name: kubernetes, labels: " \
	"{kubernetes.io/service-name: kubernetes}}\naddressType: IPv4\nendpoints: "           \
	"[{addresses: [" address "]}]\n"
