// SPDX-License-Identifier: Apache-2.0
/* Which counters of rules are taken, and what they say: see the header. */
#include "rules.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "datapath.skel.h"

static int counters_fd(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->skeleton->maps.bl_rules);
}

/* ---- which are taken ---------------------------------------------------------------------------- */

static bool is_counter(uint32_t counter)
{
	return counter && counter < BL_RULES_MAX;
}

static bool is_taken(const struct datapath *datapath, uint32_t counter)
{
	return datapath->rules[counter / 64] >> (counter % 64) & 1;
}

static void mark(struct datapath *datapath, uint32_t counter)
{
	datapath->rules[counter / 64] |= 1ull << (counter % 64);
}

void rules_adopt(struct datapath *datapath, uint16_t counter)
{
	if (is_counter(counter))
		mark(datapath, counter);
}

void rules_give_back(struct datapath *datapath, uint16_t counter)
{
	if (is_counter(counter))
		datapath->rules[counter / 64] &= ~(1ull << (counter % 64));
}

uint16_t rules_take(struct datapath *datapath)
{
	bl_autofree void *zeroes = bl_alloc((size_t)datapath->n_cpus * sizeof(struct bl_counter));

	for (uint32_t counter = 1; counter < BL_RULES_MAX; counter++) {
		if (datapath->rules[counter / 64] == UINT64_MAX) {
			counter |= 63;
			continue;
		}
		if (is_taken(datapath, counter))
			continue;
		if (bpf_map_update_elem(counters_fd(datapath), &counter, zeroes, BPF_ANY) < 0)
			return 0;
		mark(datapath, counter);
		return counter;
	}
	return 0;
}

bool datapath_rules_full(const struct datapath *datapath)
{
	for (uint32_t i = 1; i < BL_RULES_MAX / 64; i++)
		if (datapath->rules[i] != UINT64_MAX)
			return false;
	return (datapath->rules[0] | 1) == UINT64_MAX;
}

/* ---- what they say ------------------------------------------------------------------------------ */

struct bl_counter rules_read(const struct datapath *datapath, uint16_t counter,
			     struct bl_counter *values)
{
	uint32_t key = counter;

	if (!is_counter(counter) || bpf_map_lookup_elem(counters_fd(datapath), &key, values) < 0)
		return (struct bl_counter){0};
	return datapath_sum(values, datapath->n_cpus);
}
