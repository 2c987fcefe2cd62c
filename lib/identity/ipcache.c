// SPDX-License-Identifier: Apache-2.0
/*
 * The image of the kernel's ipcache. Several may claim a prefix, such as a pod and a policy that names
 * its address: the best known one holds, of equal ones the lower identity, so that the order of events
 * does not matter.
 */
#include <assert.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "ipcache.h"

struct ipcache_entry {
	struct bl_prefix prefix;
	struct claim *claims;
	uint32_t told; /* the identity that the last changes ended with; 0: none */
	bool is_touched;
};

static bool is_entry(const void *item, const void *key)
{
	return prefix_equal(&((const struct ipcache_entry *)item)->prefix, key);
}

static struct ipcache_entry *find(const struct ipcache *ipcache, const struct bl_prefix *prefix)
{
	return hash_find(&ipcache->entries, prefix_hash(prefix), is_entry, prefix);
}

static void touch(struct ipcache *ipcache, struct ipcache_entry *entry)
{
	if (entry->is_touched)
		return;
	entry->is_touched = true;
	if ((ipcache->n_touched & (ipcache->n_touched - 1)) == 0)
		ipcache->touched = bl_realloc(ipcache->touched, (ipcache->n_touched * 2 + 1) *
									sizeof(*ipcache->touched));
	ipcache->touched[ipcache->n_touched++] = entry;
}

void ipcache_add(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim)
{
	struct ipcache_entry *entry = find(ipcache, prefix);

	if (!entry) {
		entry = bl_alloc(sizeof(*entry));
		entry->prefix = *prefix;
		hash_add(&ipcache->entries, prefix_hash(prefix), entry);
		ipcache->n_of_bits[prefix->bits]++;
	}
	claim->next = entry->claims;
	entry->claims = claim;
	touch(ipcache, entry);
}

void ipcache_remove(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim)
{
	struct ipcache_entry *entry = find(ipcache, prefix);
	struct claim **at = &entry->claims;

	while (*at != claim)
		at = &(*at)->next;
	*at = claim->next;
	touch(ipcache, entry);
}

void ipcache_change(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim,
		    uint32_t identity)
{
	claim->identity = identity;
	touch(ipcache, find(ipcache, prefix));
}

static bool is_better(const struct claim *claim, const struct claim *than)
{
	return !than || claim->rank < than->rank ||
	       (claim->rank == than->rank && claim->identity < than->identity);
}

static const struct claim *holder(const struct ipcache_entry *entry)
{
	const struct claim *best = NULL;

	for (const struct claim *claim = entry->claims; claim; claim = claim->next)
		if (is_better(claim, best))
			best = claim;
	return best;
}

struct peer *ipcache_peer(const struct ipcache *ipcache, const struct bl_addr *addr)
{
	struct bl_prefix prefix = prefix_of_addr(addr);
	const struct ipcache_entry *entry = find(ipcache, &prefix);
	const struct claim *claim = entry ? holder(entry) : NULL;

	return claim ? claim->peer : NULL;
}

struct peer *ipcache_rival(const struct ipcache *ipcache, const struct bl_addr *addr,
			   const struct peer *peer)
{
	struct bl_prefix prefix = prefix_of_addr(addr);
	const struct ipcache_entry *entry = find(ipcache, &prefix);
	const struct claim *best = NULL;

	for (const struct claim *claim = entry ? entry->claims : NULL; claim; claim = claim->next)
		if (claim->peer && claim->peer != peer && claim->rank != CLAIM_VMI &&
		    is_better(claim, best))
			best = claim;
	return best ? best->peer : NULL;
}

static uint32_t identity_of(const struct ipcache_entry *entry)
{
	const struct claim *claim = holder(entry);

	return claim ? claim->identity : 0;
}

bool ipcache_has_changes(const struct ipcache *ipcache)
{
	for (size_t i = 0; i < ipcache->n_touched; i++)
		if (identity_of(ipcache->touched[i]) != ipcache->touched[i]->told)
			return true;
	return false;
}

static struct bl_ipcache_row row_of(const struct ipcache_entry *entry, uint32_t identity)
{
	struct bl_ipcache_row row = {.key.prefixlen = entry->prefix.bits, .identity = identity};

	memcpy(row.key.addr, entry->prefix.addr.bytes, sizeof(row.key.addr));
	return row;
}

static int compare_rows(const void *a, const void *b)
{
	const struct bl_ipcache_row *x = a, *y = b;
	int order = memcmp(x->key.addr, y->key.addr, sizeof(x->key.addr));

	return order ? order : (int)x->key.prefixlen - (int)y->key.prefixlen;
}

static void forget(struct ipcache *ipcache, struct ipcache_entry *entry)
{
	hash_remove(&ipcache->entries, prefix_hash(&entry->prefix), entry);
	ipcache->n_of_bits[entry->prefix.bits]--;
	free(entry);
}

void ipcache_take_changes(struct ipcache *ipcache, struct bl_ipcache_row **ret_rows, size_t *ret_n)
{
	struct bl_ipcache_row *rows = bl_alloc(ipcache->n_touched * sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; i < ipcache->n_touched; i++) {
		struct ipcache_entry *entry = ipcache->touched[i];
		uint32_t identity = identity_of(entry);

		entry->is_touched = false;
		if (identity != entry->told)
			rows[n++] = row_of(entry, identity);
		ipcache->n_told += (identity != 0) - (entry->told != 0);
		entry->told = identity;
		if (!entry->claims)
			forget(ipcache, entry);
	}
	free(ipcache->touched);
	ipcache->touched = NULL;
	ipcache->n_touched = 0;
	free(ipcache->rows);
	ipcache->rows = NULL;
	qsort(rows, n, sizeof(*rows), compare_rows);
	*ret_rows = rows;
	*ret_n = n;
}

static void cut(struct bl_prefix *prefix, uint8_t bits)
{
	for (size_t i = bits; i < prefix->bits; i++)
		prefix->addr.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	prefix->bits = bits;
}

uint32_t ipcache_lookup(const struct ipcache *ipcache, const struct bl_addr *addr)
{
	struct bl_prefix prefix = prefix_of_addr(addr);
	int shortest = bl_addr_is_v4(addr) ? 96 : 0;

	for (int bits = 128; bits >= shortest; bits--) {
		const struct ipcache_entry *entry;

		if (ipcache->n_of_bits[bits] == 0)
			continue;
		cut(&prefix, (uint8_t)bits);
		entry = find(ipcache, &prefix);
		if (entry && entry->told)
			return entry->told;
	}
	return 0;
}

static void make_rows(struct ipcache *ipcache)
{
	size_t position = 0;

	ipcache->rows = bl_alloc(ipcache->entries.n_items * sizeof(*ipcache->rows));
	ipcache->n_rows = 0;
	for (const struct ipcache_entry *entry; (entry = hash_next(&ipcache->entries, &position));)
		if (entry->told)
			ipcache->rows[ipcache->n_rows++] = row_of(entry, entry->told);
	qsort(ipcache->rows, ipcache->n_rows, sizeof(*ipcache->rows), compare_rows);
}

void ipcache_rows(struct ipcache *ipcache, const struct bl_ipcache_row **ret_rows, size_t *ret_n)
{
	if (!ipcache->rows)
		make_rows(ipcache);
	*ret_rows = ipcache->rows;
	*ret_n = ipcache->n_rows;
}

void ipcache_release(struct ipcache *ipcache)
{
	size_t position = 0;

	for (struct ipcache_entry *entry; (entry = hash_next(&ipcache->entries, &position));)
		free(entry);
	hash_release(&ipcache->entries);
	free(ipcache->touched);
	free(ipcache->rows);
}
