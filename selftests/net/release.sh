#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# release.sh older|newer DIR: the sources of the agent as another release has them, below DIR. Files
# that stay the same keep their time, so that make sees it.
#
#   older: layout 1, whose shares hold four ways without types, filled from the last one, and whose
#          connections know little
#   newer: members that have come before those that are known, in values of every kind of map; more
#          endpoints, another hash of connections
set -eu
release=$1 to=$2

# change FILE SED-SCRIPT LINES: so many lines are others or more, or the sources have moved on without this file.
change() {
	sed -i "$2" "$to/$1"
	changed=$(diff "$1" "$to/$1" | grep -c '^>') || true
	[ "$changed" = "$3" ] && return
	echo "release.sh: $changed lines of $1 are others, not $3" >&2
	exit 1
}

older() {
	change include/beeline/abi.h '
		s/^#define BL_ABI_VERSION .*/#define BL_ABI_VERSION 1/
		s/^#define BL_CT_WAYS .*/#define BL_CT_WAYS 4/
		/^struct bl_ct_entry {/,/^}/ { /__u16 counter;/d; /__u16 ticks;/d; /__u32 syn_time;/d }
		/^struct bl_ct_set {/,/^}/ { /__u64 pad;/d }
		s/^\(_Static_assert(sizeof(struct bl_ct_entry) ==\) 40/\1 32/' 3
	change headers/conntrack.h '
		/entry->counter = counter;/d
		/entry->syn_time = 0;/d
		/entry->ticks = ticks;/d
		s/<< 16 | entry->ticks/<< 16/
		s/return .*(entry->ticks ^ ticks).*/return false;/
		s/bl_ct_rank(&set->ways\[i\]) < bl_ct_rank(victim)/bl_ct_rank(\&set->ways[i]) <= bl_ct_rank(victim)/' 3
	change headers/policy.h '
		/pkt->ct->counter = judgement.counter;/d
		s/counter = pkt->ct ? .*/counter = 0;/' 1
	change agent/endpoint/connections.c 's/counter = entry->counter;/counter = 0;/' 1
	change bpf/datapath.bpf.c '
		/#include "handshake.h"/d
		s/verdict = bl_handshake(.*/verdict = BL_GO_ON;/' 4
	change headers/maps.h '/^struct bl_ct_share {/,/^}/ {
		s/__type(key, __u32)/__uint(key_size, 4)/
		s/__type(value, struct bl_ct_set)/__uint(value_size, sizeof(struct bl_ct_set))/
	}' 2
	change agent/datapath/maps.c '/return bpf_map_create(BPF_MAP_TYPE_ARRAY/i\
		opts.btf_fd = opts.btf_key_type_id = opts.btf_value_type_id = 0;' 1
}

newer() {
	change include/beeline/abi.h '
		s/^#define BL_ABI_VERSION .*/#define BL_ABI_VERSION 4/
		s/^#define BL_ENDPOINTS_MAX 1024/#define BL_ENDPOINTS_MAX 1500/
		s/^\(struct bl_endpoint\|struct bl_ct_entry\|struct bl_counter\|struct bl_lease\) {/&\n\t__u64 came[4];/
		s/^_Static_assert(sizeof(struct bl_ct_\(set\|entry\)).*//' 8
	change headers/conntrack.h 's/0x9e3779b97f4a7c15ull/0xd6e8feb86659fd93ull/' 1
}

mkdir -p "$to"
rm -rf "$to/include" "$to/headers" "$to/agent"
cp -rp Makefile include headers bpf lib agent deploy "$to"
$release
