// SPDX-License-Identifier: Apache-2.0
/*
 * An endpoint's connections for people: which are meant, and what their entries say in words. A part of
 * the table is one call, so that a full one keeps nobody waiting.
 */
#include "room.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>

#include <beeline/file.h>

#include "events.h"

/* ---- which ---------------------------------------------------------------------------------------- */

static bool has_ports(const struct bl_ct_entry *entry)
{
	return !entry->fragment && (entry->remote_port || entry->local_port);
}

/* Other messages of ICMP have no identifier. */
static bool is_echo(const struct bl_ct_entry *entry)
{
	return has_ports(entry) &&
	       (entry->protocol == IPPROTO_ICMP || entry->protocol == IPPROTO_ICMPV6);
}

static bool is_protocol(const struct bl_ct_entry *entry, const char *wanted)
{
	char text[EVENT_PROTOCOL_MAX];

	return !wanted || strcasecmp(event_protocol(entry->protocol, text), wanted) == 0;
}

static bool is_port(const struct bl_ct_entry *entry, uint16_t wanted)
{
	return !wanted || (has_ports(entry) && (ntohs(entry->remote_port) == wanted ||
						ntohs(entry->local_port) == wanted));
}

static bool is_wanted(const struct endpoint_connections *wanted, const struct bl_ct_entry *entry)
{
	return is_protocol(entry, wanted->protocol) && is_port(entry, wanted->port) &&
	       (!wanted->has_peer ||
		bl_addr_in_prefix(&entry->remote, &wanted->peer, wanted->peer_bits));
}

/* ---- in words ------------------------------------------------------------------------------------- */

static const char *state_name(const struct bl_ct_entry *entry)
{
	uint8_t fins = entry->state & (BL_CT_FIN_TO_VM | BL_CT_FIN_FROM_VM);

	if (fins)
		return fins == (BL_CT_FIN_TO_VM | BL_CT_FIN_FROM_VM) ? "closed" : "closing";
	return entry->state & BL_CT_ESTABLISHED ? "established" : "opening";
}

static const char *owner_name(const struct bl_ct_entry *entry)
{
	return entry->owner == BL_CT_POD ? "pod" : "vm";
}

/* IPv4 has 16 bits of it. */
static uint32_t fragment_id(const struct bl_ct_entry *entry)
{
	uint32_t first = ntohs(entry->remote_port);

	return bl_addr_is_v4(&entry->remote) ? first : first << 16 | ntohs(entry->local_port);
}

static void set_ports(struct cJSON *json, const struct bl_ct_entry *entry)
{
	if (entry->fragment) {
		bl_json_set_number(json, "fragmentId", fragment_id(entry));
	} else if (is_echo(entry)) {
		bl_json_set_number(json, "icmpId", ntohs(entry->remote_port));
	} else if (has_ports(entry)) {
		bl_json_set_number(json, "remotePort", ntohs(entry->remote_port));
		bl_json_set_number(json, "localPort", ntohs(entry->local_port));
	}
}

struct list {
	const struct endpoint *endpoint;
	const struct endpoint_connections *wanted;
	struct cJSON *items;
	uint32_t epoch;
	uint32_t *cookies; /* by counter */
};

/* Of its opener's packets, which policy was asked about. */
static const char *rule_of(const struct list *list, const struct bl_ct_entry *entry,
			   uint32_t cookie)
{
	const struct endpoint_names *names = &list->endpoint->set->names;
	enum bl_direction direction = entry->state & BL_CT_BY_VM ? BL_FROM_VM : BL_TO_VM;

	return names->rule ? names->rule(list->endpoint->record->spec.name, direction, cookie,
					 names->data)
			   : NULL;
}

/* Which rule let it in, where that is known: a counter may be another rule's since. */
static void set_verdict(const struct list *list, const struct bl_ct_entry *entry,
			struct cJSON *json)
{
	bool current = entry->epoch == list->epoch;
	const char *old = entry->epoch ? "older" : "none";
	uint32_t counter = entry->counter;
	uint32_t cookie = current && counter < BL_RULES_MAX ? list->cookies[counter] : 0;

	bl_json_set_string(json, "verdict", current ? "current" : old);
	bl_json_set_number(json, "epoch", entry->epoch);
	if (cookie) {
		bl_json_set_number(json, "rule", cookie);
		bl_json_set_string(json, "ruleName", rule_of(list, entry, cookie));
	}
}

static void set_remote(const struct list *list, const struct bl_addr *addr, struct cJSON *json)
{
	char text[BL_ADDR_TEXT_MAX];
	uint32_t identity = 0;

	bl_json_set_string(json, "remote", bl_addr_format(addr, text));
	bl_json_set_string(json, "remoteName",
			   endpoint_name_of_addr(list->endpoint->set, addr, &identity));
	if (identity)
		bl_json_set_number(json, "remoteIdentity", identity);
}

static void append(const struct bl_ct_entry *entry, uint32_t left_s, void *data)
{
	const struct list *list = data;
	char protocol[EVENT_PROTOCOL_MAX];
	struct cJSON *json;

	if (!is_wanted(list->wanted, entry))
		return;
	json = bl_json_object();
	bl_json_set_string(json, "protocol", event_protocol(entry->protocol, protocol));
	bl_json_set_string(json, "owner", owner_name(entry));
	bl_json_set_string(json, "openedBy",
			   entry->state & BL_CT_BY_VM ? owner_name(entry) : "remote");
	set_remote(list, &entry->remote, json);
	set_ports(json, entry);
	if (entry->protocol == IPPROTO_TCP && !entry->fragment)
		bl_json_set_string(json, "state", state_name(entry));
	bl_json_set_number(json, "expiresSeconds", left_s);
	set_verdict(list, entry, json);
	bl_json_append(list->items, json);
}

int endpoint_connections_list(const struct endpoints *set, const struct endpoint *endpoint,
			      const struct endpoint_connections *wanted, struct cJSON *items,
			      uint32_t *ret_next, struct bl_err *err)
{
	bl_autofree uint32_t *cookies = bl_alloc(BL_RULES_MAX * sizeof(*cookies));
	uint32_t index = endpoint->record->place.index;
	struct list list = {
		.endpoint = endpoint, .wanted = wanted, .items = items, .cookies = cookies};
	int r = datapath_epoch(set->datapath, &list.epoch, err);

	if (r == 0)
		r = datapath_policy_cookies(set->datapath, index, cookies, err);
	if (r == 0)
		r = datapath_connections(set->datapath, index, wanted->first, append, &list,
					 ret_next, err);
	return r;
}

/* ---- out ------------------------------------------------------------------------------------------ */

struct flush {
	struct datapath *datapath;
	uint32_t index;
	const struct endpoint_connections *wanted;
	uint32_t n;
	int failure;
	struct bl_err *err;
};

static void forget(const struct bl_ct_entry *entry, uint32_t left_s, void *data)
{
	struct flush *flush = data;
	bool was = false;

	if (flush->failure || !is_wanted(flush->wanted, entry))
		return;
	flush->failure = datapath_forget(flush->datapath, flush->index, entry, &was, flush->err);
	flush->n += was;
}

int endpoint_connections_flush(const struct endpoints *set, const struct endpoint *endpoint,
			       const struct endpoint_connections *wanted, uint32_t *ret_n,
			       uint32_t *ret_next, struct bl_err *err)
{
	struct flush flush = {
		.datapath = set->datapath,
		.index = endpoint->record->place.index,
		.wanted = wanted,
		.err = err,
	};
	int r = datapath_connections(set->datapath, flush.index, wanted->first, forget, &flush,
				     ret_next, err);

	*ret_n = flush.n;
	return r < 0 ? r : flush.failure;
}
