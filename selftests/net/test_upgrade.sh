#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three releases of the agent, whose maps have other layouts, follow each other under numbered traffic:
# no packet is lost, whoever dies in the middle, and what was known before is known afterwards. An older
# one is refused then, and nothing changes.
set -u
. "$(dirname "$0")/lab.sh"
lab_open upgrade
older=${OLDER:-$build/older/beeline-agent} # another one of layout 1 will do
newer=$build/newer/beeline-agent
rate=100

# They take their time with connections, so that packets meet programs that do not know them yet.
slowly() { LD_PRELOAD=$build/selftests/net/slow.so "$@"; }
older_start() { agent_start "$older" --launcher "$build/beeline-launcher"; }
ours_start() { slowly agent_start; }
newer_start() { slowly agent_start "$newer" --launcher "$build/beeline-launcher"; }

# The layout that the maps in use say they have.
layout() {
	bpftool map dump pinned "$bpffs/maps/bl_config" | sed -n 's/.*"version": \([0-9]*\).*/\1/p'
}

layout_is() { equal layout "$(layout)" "$1"; }

slots() { # MAP
	bpftool map dump pinned "$bpffs/maps/$1" | grep '"value"'
}

hooks() {
	for n in 2 3; do
		selftests/net/hooks.py "$lab-pod$n" eth0 tap0
	done | xargs
}

hooks_untouched() { equal hooks "$(hooks)" "$before"; }

# Behind the masqueraded VM answers come in only to those who asked: one port is declared, of TCP.
flow_start() {
	local flows=()
	for n in 2 3; do
		for kind in one-way asking fresh late told; do
			flows+=("$lab-vm$n,$host,$outside,$kind" "$lab-vm$n,$host,$outside6,$kind")
		done
	done
	flows+=("$host,$lab-vm2,10.88.0.2,asking" "$host,$lab-vm2,fd00:88::2,asking")
	flows_begin $rate "${flows[@]}"
}

forwarded() {
	beeline endpoint get "$lab-3" -o json | json counters.fromVm.packets
}

has_elders() { slots bl_elders | grep -q .; }
has_other() { [ -d "$bpffs/maps%other" ]; }

# ours_dies WHEN: our agent, killed as soon as that is true.
ours_dies() {
	slowly spawn "$dir/agent.killed" "$build/beeline-agent" --socket "$BEELINE_SOCKET" --state-dir "$dir/state" \
		--run-dir "$dir/run" --bpffs "$bpffs"
	agent=$spawned
	until "$@"; do
		grep -q ready "$dir/agent.killed" && break
		kill -0 "$agent" || return 1
	done
	agent_kill && fails grep ready "$dir/agent.killed"
}

older_goes_on() {
	older_start && layout_is 1 && agent_kill
}

# refused LAYOUT SPOKEN START: whoever speaks that one does not start.
refused() {
	local old
	old=$(slots bl_progs)
	if "$3"; then
		echo "it started"
		return 1
	fi
	grep "have layout $1.* and this agent speaks $2: run the release" "$dir/agent.$agents" &&
		equal slots "$(slots bl_progs)" "$old" && layout_is "$1"
}

counters_went_on() {
	local now
	now=$(forwarded) && [ "$now" -ge "$1" ] && return
	echo "$now packets forwarded, $1 were before"
	return 1
}

nothing_of_before() {
	equal elders "$(slots bl_elders)" "" && equal pins "$(ls "$bpffs" | xargs)" "maps $lab-2 $lab-3"
}

# Who made the maps of layout 1 knew no others.
forget_later_maps() {
	rm -f "$bpffs"/maps/bl_{elders,policies,ipcache,rules}
}

# A policy where no endpoint is: nobody is judged by it, and no agent swaps it for its own.
policy_make() {
	bpftool map create "$bpffs/policy" type lpm_trie key 12 value 12 entries 16384 name policy flags 1 &&
		bpftool map update pinned "$bpffs/maps/bl_policies" key 9 0 0 0 value pinned "$bpffs/policy" &&
		rm "$bpffs/policy"
}

policy() {
	bpftool map dump pinned "$bpffs/maps/bl_policies" | grep '^key: 09'
}

check older-starts older_start || exit
pod_make 2
pod_make 3
check pod-vm vm_make 2 pod || exit
check masquerade-vm vm_make 3 masquerade --ports 22/TCP || exit
forget_later_maps
before=$(hooks)
check flow-starts flow_start || exit
was=$(forwarded)
check older-dies agent_kill
check ours-dies-before-its-maps-are-in-use ours_dies has_other
check older-goes-on older_goes_on
check ours-dies-while-it-carries ours_dies has_elders
check older-is-refused-in-between refused 3 1 older_start
check ours-starts ours_start
check ours-attaches-nothing hooks_untouched
check ours-layout layout_is 3
check ours-keeps-nothing-of-before nothing_of_before
check ours-counts-on counters_went_on "$was"
check policy-is-put policy_make
policy=$(policy)
was=$(forwarded)
check ours-dies agent_kill
check newer-starts newer_start
check newer-attaches-nothing hooks_untouched
check newer-layout layout_is 4
check newer-keeps-nothing-of-before nothing_of_before
check newer-counts-on counters_went_on "$was"
check newer-keeps-the-policy equal policy "$(policy)" "$policy"
check newer-dies agent_kill
check ours-is-refused refused 4 3 agent_start
check newer-starts-again newer_start
check no-packet-lost flows_were_right
tail -n 1 "$dir/flow"
check delete beeline endpoint delete "$lab-2" "$lab-3"
check delete-leaves-nothing equal pins "$(ls "$bpffs")" maps
