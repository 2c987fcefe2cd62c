// SPDX-License-Identifier: Apache-2.0
/*
 * Names for what events speak of: who has an address, which rule decided. Endpoints, pods and VMs are known
 * to the engine by address, nodes and services to places.c, and of all others there is the identity.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "places.h"
#include "room.h"

/* ---- addresses ---------------------------------------------------------------------------------- */

/* Groups and links have no host behind them that a name could be of. */
static bool is_somebody(const struct bl_addr *addr)
{
	const uint8_t *bytes = addr->bytes;

	if (bl_addr_is_v4(addr))
		return bytes[12] < 224 && bytes[12] != 0 && bytes[12] != 127;
	return bytes[0] != 0xff && !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) &&
	       bl_addr_is_set(addr);
}

static const char *reserved_name(const struct bl_labels *labels)
{
	static const char *const names[] = {"host",  "remote-node", "kube-apiserver", "ingress",
					    "world", "world-ipv4",  "world-ipv6"};

	for (size_t i = 0; labels && i < sizeof(names) / sizeof(names[0]); i++)
		if (bl_labels_value(labels, "reserved", names[i]))
			return strncmp(names[i], "world", 5) == 0 ? "world" : names[i];
	return NULL;
}

static const char *format_peer(struct policy *policy, const char *namespace, const char *name)
{
	snprintf(policy->name, sizeof(policy->name), "%s%s%s", namespace, *namespace ? "/" : "",
		 name);
	return policy->name;
}

const char *policy_name(struct policy *policy, const struct bl_addr *addr, uint32_t identity)
{
	const char *namespace, *name;
	const char *place, *reserved;

	if (bl_engine_peer(policy->engine, addr, &namespace, &name))
		return format_peer(policy, namespace, name);
	reserved = reserved_name(bl_engine_identity_labels(policy->engine, identity));
	if (reserved && strcmp(reserved, "host") == 0)
		return reserved;
	place = places_name(policy->places, addr);
	return place ? place : reserved;
}

static const char *name_address(const struct bl_addr *addr, uint32_t *ret_identity, void *data)
{
	struct policy *policy = data;

	if (!is_somebody(addr))
		return NULL;
	*ret_identity = bl_engine_identity(policy->engine, addr);
	return policy_name(policy, addr, *ret_identity);
}

/* ---- rules -------------------------------------------------------------------------------------- */

struct deniers {
	enum bl_policy_direction direction;
	char **names;
	size_t n_names;
};

static char *title_of(const struct bl_policy *policy)
{
	return bl_format("%s%s%s", policy->namespace, *policy->namespace ? "/" : "", policy->name);
}

static void add_denier(const struct bl_policy *policy, const struct bl_policy_spec *spec,
		       void *data)
{
	struct deniers *deniers = data;

	if (!spec->default_deny[deniers->direction])
		return;
	deniers->names =
		bl_realloc(deniers->names, (deniers->n_names + 1) * sizeof(*deniers->names));
	deniers->names[deniers->n_names++] = title_of(policy);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A few of them are enough; each once, however many of its specs deny. */
static char *join_deniers(const struct deniers *deniers)
{
	char *text = bl_strdup("default deny");
	size_t n_named = 0, n_others = 0;
	char *longer;

	for (size_t i = 0; i < deniers->n_names; i++) {
		if (i > 0 && strcmp(deniers->names[i], deniers->names[i - 1]) == 0)
			continue;
		if (n_named == DENIERS_TOLD) {
			n_others++;
			continue;
		}
		longer = bl_format("%s%s%s", text, n_named++ ? ", " : " of ", deniers->names[i]);
		free(text);
		text = longer;
	}
	if (n_others == 0)
		return text;
	longer = bl_format("%s and %zu more", text, n_others);
	free(text);
	return longer;
}

char *policy_default_deny(const struct policy *policy, const char *endpoint,
			  enum bl_policy_direction direction)
{
	struct deniers deniers = {.direction = direction};
	char *text;

	bl_engine_specs(policy->engine, endpoint, add_denier, &deniers);
	if (deniers.n_names)
		qsort(deniers.names, deniers.n_names, sizeof(*deniers.names), compare_texts);
	text = join_deniers(&deniers);
	for (size_t i = 0; i < deniers.n_names; i++)
		free(deniers.names[i]);
	free(deniers.names);
	return text;
}

/* Of a connection that no entry allows. */
static const char *name_default(struct policy *policy, const char *endpoint,
				enum bl_direction direction)
{
	bl_autofree char *text = policy_default_deny(
		policy, endpoint, direction == BL_TO_VM ? BL_INGRESS : BL_EGRESS);

	snprintf(policy->name, sizeof(policy->name), "%s", text);
	return policy->name;
}

static const char *name_rule(const char *endpoint, enum bl_direction direction, uint32_t cookie,
			     void *data)
{
	struct policy *policy = data;

	return cookie && cookie != BL_RULE_DEFAULT ? bl_engine_rule(policy->engine, cookie)
						   : name_default(policy, endpoint, direction);
}

struct endpoint_names policy_names(struct policy *policy)
{
	return (struct endpoint_names){
		.address = name_address,
		.rule = name_rule,
		.data = policy,
	};
}
