/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map, grouped by who writes it. Keys and values are in <beeline/abi.h>; all are pinned by the
 * agent below <bpffs>/maps, so that a new generation of programs goes on with them, or with what
 * agent/datapath/carry.c makes of them.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <beeline/abi.h>

/* ---- written by the agent, read by programs -------------------------------------------------- */

/* The shared programs. It empties when its last reference goes: pinned before the first attach. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BL_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} bl_progs SEC(".maps");

/* While an agent with another layout takes over: the programs before, by the same slots. Empty else.
 * See elder.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, BL_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} bl_elders SEC(".maps");

/* What an endpoint is; one entry per VM NIC, indexed by cb[0]. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct bl_endpoint);
} bl_endpoints SEC(".maps");

/* What an endpoint's guest is told by DHCP and router advertisements. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct bl_lease);
} bl_leases SEC(".maps");

/* One entry: who reads events, and how many forwarded packets go by for each sample. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bl_config);
} bl_config SEC(".maps");

/* Who an address is, for all endpoints. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, BL_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bl_ipcache_key);
	__type(value, struct bl_ipcache_entry);
} bl_ipcache SEC(".maps");

/* What each endpoint lets in and out. An inner trie is filled before it is put in its place, and is
 * never written again: nobody sees half a policy. */
struct bl_policy_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, BL_POLICY_ROWS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct bl_policy_key));
	__uint(value_size, sizeof(struct bl_policy_entry));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__array(values, struct bl_policy_trie);
} bl_policies SEC(".maps");

/* Bytes of each packet that go to an endpoint's capture. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} bl_snaplens SEC(".maps");

/* ---- seeded by the agent, kept fresh by programs --------------------------------------------- */

/* The gateway's MAC per endpoint and family. Two CPUs that learn at once write one 64-bit word each:
 * the later one stays, both are true. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, (BL_ENDPOINTS_MAX)*BL_FAMILIES);
	__type(key, __u32);
	__type(value, struct bl_nexthop);
} bl_nexthops SEC(".maps");

/* ---- written by programs, read by the agent -------------------------------------------------- */

/* Forwarded packets and bytes per endpoint and direction. Per CPU, so no atomics. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, (BL_ENDPOINTS_MAX)*BL_DIRECTIONS_MAX);
	__type(key, __u32);
	__type(value, struct bl_counter);
} bl_traffic SEC(".maps");

/* Everything else per endpoint, direction and reason. A hash, because of a thousand endpoints and
 * thirty reasons few pairs ever occur. When it is full new pairs go uncounted; old ones go on. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bl_verdict_key);
	__type(value, struct bl_counter);
} bl_verdicts SEC(".maps");

/* Packets by the entry of a policy that judged them. An array, as each packet of a connection that
 * was let in counts; entries beyond its size go uncounted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BL_RULES_MAX);
	__type(key, __u32);
	__type(value, struct bl_counter);
} bl_rules SEC(".maps");

/* What is counted once a connection. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, (BL_ENDPOINTS_MAX)*BL_VM_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct bl_tally);
} bl_tallies SEC(".maps");

/* How long handshakes took. One for all CPUs: two atomic additions a connection are less than copies
 * for 128 CPUs would be, at 336 bytes a VM and CPU, and at each look at them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, (BL_ENDPOINTS_MAX)*BL_VM_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct bl_handshakes);
} bl_handshakes SEC(".maps");

/* Drops and sampled packets, for people. Filled only while somebody reads (bl_config.events). */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} bl_events SEC(".maps");

/* How much of its share of that ring each endpoint has used. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct bl_budget);
} bl_budgets SEC(".maps");

/* Events that were over the budget or found the ring full, per endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} bl_lost SEC(".maps");

/* Packets of endpoints that somebody captures, a ring of its own for each, so that a capture takes no
 * room from the events nor from another capture. A ring is there only while its endpoint is captured;
 * this one is a pattern. */
struct bl_capture_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__array(values, struct bl_capture_ring);
} bl_captures SEC(".maps");

/* Packets that found their capture's ring full, per endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} bl_capture_lost SEC(".maps");

/* When an endpoint was last told that its packets are too big. Two CPUs may race to one answer more
 * than the limit allows; nobody minds. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} bl_answered SEC(".maps");

/* Connections, or handshakes alone: an inner array per endpoint. */
struct bl_ct_share {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BL_CT_SETS_MIN);
	__uint(map_flags, BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, struct bl_ct_set);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BL_ENDPOINTS_MAX);
	__type(key, __u32);
	__array(values, struct bl_ct_share);
} bl_conntrack SEC(".maps");
