#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent dies, comes back and is replaced while numbered packets flow both ways: none is lost,
# nothing is ever attached twice, and deleting leaves nothing behind.
set -u
. "$(dirname "$0")/lab.sh"
attach=${attach:-} # the way that kernels before 6.6 have: see test_restart_clsact.sh
lab_open "restart${attach:+-$attach}"
restarts=${restarts:-100}
rate=200

filters() { # NETNS DEVICE...
	local netns=$1 device side
	shift
	for device in "$@"; do
		for side in ingress egress; do
			echo "$device" $side $(tc -n "$netns" filter show dev "$device" $side 2>/dev/null |
				sed -n 's/.* id \([0-9]*\) .*/\1/p')
		done
	done
}

hooks() {
	local n
	for n in 2 3; do
		case $attach in
		clsact) filters "$lab-pod$n" eth0 tap0 lo ;;
		*) selftests/net/hooks.py "$lab-pod$n" eth0 tap0 lo ;;
		esac
	done
}

hook_counts() {
	hooks | awk '{ print $1, $2, NF - 2 }' | xargs
}

slots() {
	bpftool map dump pinned "$bpffs/maps/bl_progs" | grep '"value"'
}

hooks_untouched() {
	equal hooks "$(hooks | xargs)" "$before"
}

flow_start() {
	local n flows=()
	for n in 2 3; do
		flows+=("$host,$lab-vm$n,10.88.0.$n" "$host,$lab-vm$n,fd00:88::$n"
			"$lab-vm$n,$host,$outside" "$lab-vm$n,$host,$outside6")
	done
	flows_begin $rate "${flows[@]}"
}

agent_restart() { agent_kill && agent_start "$@"; }

restart_often() {
	local i
	for ((i = 0; i < restarts; i++)); do
		agent_restart || return 1
	done
}

# The programs behind the slots are others now, the stubs in front of them are the same.
upgrade() {
	local old
	old=$(slots)
	cp "$build/beeline-agent" "$dir/beeline-agent-new"
	agent_restart "$dir/beeline-agent-new" --launcher "$build/beeline-launcher" || return 1
	slots | grep . && fails equal slots "$(slots)" "$old"
}

# Each program hangs at its hook by the other way, then by this one again, and never by both.
ways_change() {
	local attach=clsact
	agent_restart && equal filters "$(hook_counts)" "$counts" || return 1
	attach=tcx
	agent_restart && equal links "$(hook_counts)" "$counts" || return 1
	attach=clsact
	equal filters "$(hooks | awk 'NF > 2')" "" && qdiscs_gone
}

qdiscs_gone() {
	equal qdiscs "$(for n in 2 3; do tc -n "$lab-pod$n" qdisc show; done | grep clsact)" ""
}

nothing_left() {
	beeline endpoint delete "$lab-2" "$lab-3" || return 1
	equal hooks "$(hook_counts)" "eth0 ingress 0 eth0 egress 0 tap0 ingress 0 tap0 egress 0 \
lo ingress 0 lo egress 0 eth0 ingress 0 eth0 egress 0 tap0 ingress 0 tap0 egress 0 lo ingress 0 lo egress 0" &&
		equal pins "$(ls "$bpffs")" maps &&
		equal records "$(find "$dir/state" "$dir/run" -name "*$lab-*")" "" &&
		equal names "$(beeline endpoint list -o name)" "" &&
		equal entries "$(entries bl_conntrack bl_verdicts)" ""
}

# Entries that are there in these maps.
entries() {
	local map
	for map in "$@"; do
		bpftool map dump pinned "$bpffs/maps/$map" | grep -E 'key"?:'
	done
}

check agent-starts agent_start || exit
pod_make 2
pod_make 3
check pod-vm vm_make 2 pod || exit
check masquerade-vm vm_make 3 masquerade || exit
counts="eth0 ingress 1 eth0 egress 0 tap0 ingress 1 tap0 egress 0 lo ingress 0 lo egress 0 \
eth0 ingress 1 eth0 egress 1 tap0 ingress 1 tap0 egress 0 lo ingress 0 lo egress 1"
check one-program-per-hook equal hooks "$(hook_counts)" "$counts"
before=$(hooks | xargs)
check flow-starts flow_start || exit
check "$restarts-restarts" restart_often
check "$restarts-restarts-attach-nothing" hooks_untouched
check upgrade-changes-the-programs upgrade
check upgrade-attaches-nothing hooks_untouched
[ "$attach" ] || check the-way-of-attaching-changes ways_change
check no-packet-lost flows_were_right
tail -n 1 "$dir/flow"
check delete-leaves-nothing nothing_left
check delete-leaves-no-qdisc qdiscs_gone
