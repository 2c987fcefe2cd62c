#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent dies, comes back and is replaced while numbered packets flow both ways: none is lost,
# nothing is ever attached twice, and deleting leaves nothing behind.
set -u
. "$(dirname "$0")/lab.sh"
lab_open restart
restarts=100
rate=200

hooks() {
	for n in 2 3; do
		selftests/net/hooks.py "$lab-pod$n" eth0 tap0 lo
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
	spawn "$dir/flow" selftests/net/flow.py $rate "${flows[@]}"
	flow=$spawned
	wait_for 20 grep -q flowing "$dir/flow"
}

# Every packet of eight flows arrived, and there were as many as the time demands.
flow_lost_nothing() {
	kill "$flow" && wait "$flow"
	local code=$?
	cat "$dir/flow"
	return $code
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
check one-program-per-hook equal hooks "$(hook_counts)" \
	"eth0 ingress 1 eth0 egress 0 tap0 ingress 1 tap0 egress 0 lo ingress 0 lo egress 0 \
eth0 ingress 1 eth0 egress 1 tap0 ingress 1 tap0 egress 0 lo ingress 0 lo egress 1"
before=$(hooks | xargs)
check flow-starts flow_start || exit
check "$restarts-restarts" restart_often
check "$restarts-restarts-attach-nothing" hooks_untouched
check upgrade-changes-the-programs upgrade
check upgrade-attaches-nothing hooks_untouched
check no-packet-lost flow_lost_nothing
tail -n 1 "$dir/flow"
check delete-leaves-nothing nothing_left
