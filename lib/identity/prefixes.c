// SPDX-License-Identifier: Apache-2.0
/*
 * Prefixes that policies name, also as exceptions and as members of groups, and addresses of an API
 * server outside the cluster. Each has an identity of the local scope with Cilium's labels, and a claim
 * in the ipcache that every pod and node outranks; so a rule about a prefix never meets a pod.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "prefixes.h"

struct named_prefix {
	struct bl_prefix prefix;
	uint32_t n_holds;
	bool is_apiserver, is_queued;
	struct identity *identity;
	struct claim claim; /* stands while there is an identity */
};

static bool is_named(const void *item, const void *key)
{
	return prefix_equal(&((const struct named_prefix *)item)->prefix, key);
}

static struct named_prefix *find(const struct prefixes *prefixes, const struct bl_prefix *prefix)
{
	return hash_find(&prefixes->named, prefix_hash(prefix), is_named, prefix);
}

static void queue(struct prefixes *prefixes, struct named_prefix *named)
{
	if (named->is_queued)
		return;
	named->is_queued = true;
	if ((prefixes->n_changed & (prefixes->n_changed - 1)) == 0)
		prefixes->changed = bl_realloc(prefixes->changed, (prefixes->n_changed * 2 +
								   1) * sizeof(*prefixes->changed));
	prefixes->changed[prefixes->n_changed++] = named;
}

void prefixes_hold(struct prefixes *prefixes, const struct bl_prefix *prefix)
{
	struct named_prefix *named = find(prefixes, prefix);

	if (!named) {
		named = bl_alloc(sizeof(*named));
		named->prefix = *prefix;
		hash_add(&prefixes->named, prefix_hash(prefix), named);
	}
	if (named->n_holds++ == 0)
		queue(prefixes, named);
}

void prefixes_drop(struct prefixes *prefixes, const struct bl_prefix *prefix)
{
	struct named_prefix *named = find(prefixes, prefix);

	assert(named && named->n_holds > 0);
	if (--named->n_holds == 0)
		queue(prefixes, named);
}

void prefixes_set_apiserver(struct prefixes *prefixes, const struct bl_prefix *prefix, bool is)
{
	struct named_prefix *named = find(prefixes, prefix);

	assert(named);
	named->is_apiserver = is;
	queue(prefixes, named);
}

/* Cilium's spelling of an address in a label: '-' for ':', and a '0' where it would begin or end so. */
static void spell(const struct bl_prefix *prefix, char text[PREFIX_TEXT_MAX])
{
	char addr[BL_ADDR_TEXT_MAX];
	size_t len;

	bl_addr_format(&prefix->addr, addr);
	len = strlen(addr);
	for (size_t i = 0; i < len; i++)
		if (addr[i] == ':')
			addr[i] = '-';
	snprintf(text, PREFIX_TEXT_MAX, "%s%s%s/%d", addr[0] == '-' ? "0" : "", addr,
		 addr[len - 1] == '-' ? "0" : "",
		 prefix_is_v4(prefix) ? prefix->bits - 96 : prefix->bits);
}

static struct identity *make_identity(const struct named_prefix *named,
				      struct identities *identities)
{
	bool v4 = prefix_is_v4(&named->prefix);
	struct bl_labels labels = {0};
	char text[PREFIX_TEXT_MAX];
	struct identity *identity;

	bl_labels_set(&labels, "reserved", v4 ? "world-ipv4" : "world-ipv6", "");
	if (named->prefix.bits != (v4 ? 96 : 0)) {
		spell(&named->prefix, text);
		bl_labels_set(&labels, "cidr", text, "");
	}
	if (named->is_apiserver)
		bl_labels_set(&labels, "reserved", "kube-apiserver", "");
	/* A scope of sixteen million outlasts the memory for the policies that would fill it. */
	identity = identity_get(identities, IDENTITY_LOCAL, &labels, &named->prefix);
	assert(identity);
	bl_labels_clear(&labels);
	return identity;
}

static void update_one(struct prefixes *prefixes, struct named_prefix *named,
		       struct identities *identities, struct ipcache *ipcache)
{
	struct identity *before = named->identity;

	named->is_queued = false;
	named->identity = named->n_holds > 0 ? make_identity(named, identities) : NULL;
	if (before && named->identity) {
		ipcache_change(ipcache, &named->prefix, &named->claim, named->identity->number);
	} else if (named->identity) {
		named->claim =
			(struct claim){.rank = CLAIM_PREFIX, .identity = named->identity->number};
		ipcache_add(ipcache, &named->prefix, &named->claim);
	} else if (before) {
		ipcache_remove(ipcache, &named->prefix, &named->claim);
	}
	if (before)
		identity_put(identities, before);
	if (!named->identity) {
		hash_remove(&prefixes->named, prefix_hash(&named->prefix), named);
		free(named);
	}
}

void prefixes_update(struct prefixes *prefixes, struct identities *identities,
		     struct ipcache *ipcache)
{
	for (size_t i = 0; i < prefixes->n_changed; i++)
		update_one(prefixes, prefixes->changed[i], identities, ipcache);
	free(prefixes->changed);
	prefixes->changed = NULL;
	prefixes->n_changed = 0;
}

void prefixes_init(struct prefixes *prefixes)
{
	static const struct bl_prefix v4 = {.addr.bytes = {[10] = 0xff, [11] = 0xff}, .bits = 96};
	static const struct bl_prefix v6 = {.bits = 0};

	*prefixes = (struct prefixes){0};
	prefixes_hold(prefixes, &v4);
	prefixes_hold(prefixes, &v6);
}

void prefixes_release(struct prefixes *prefixes)
{
	size_t position = 0;

	for (void *named; (named = hash_next(&prefixes->named, &position));)
		free(named);
	hash_release(&prefixes->named);
	free(prefixes->changed);
}
