#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A masqueraded VM with declared ports loses its connection table under live connections. Neither its
# own nor the pod's ends: what comes next is dropped, never answered with a reset in the guest's name,
# and flows again with the guest's next packet.
set -u
. "$(dirname "$0")/lab.sh"
lab_open forget
talk=selftests/net/talk.py
sets=8192 set_bytes=128 # BL_CT_SETS, struct bl_ct_set
forgotten="Unknown connection tracking state"

# What makes the table of the laboratory's only masqueraded VM zero again, in bpftool's words.
share_clearing() {
	local bytes id key zero
	read -ra bytes < <(bpftool map dump pinned "$bpffs/maps/bl_conntrack" | sed -n 's/.*value: //p')
	id=$((0x${bytes[3]}${bytes[2]}${bytes[1]}${bytes[0]}))
	zero=$(printf ' 0%.0s' $(seq $set_bytes))
	for ((key = 0; key < sets; key++)); do
		echo "map update id $id key $((key & 255)) $((key >> 8)) 0 0 value$zero"
	done
}

# What of a forgotten connection came and was dropped while the command ran.
dropping() { # yes|no COMMAND...
	local wanted=$1 before after
	shift
	before=$(counted 2 to-vm "$forgotten")
	"$@" || return 1
	after=$(counted 2 to-vm "$forgotten")
	equal "dropped" "$([ "$after" -gt "$before" ] && echo yes || echo no)" "$wanted"
}

check agent-starts agent_start || exit
pod_make 2
check vm vm_make 2 masquerade --ports 80/TCP || exit
share_clearing >"$dir/clear" || exit
for to in $outside $outside6; do
	[ $to = $outside ] && family=v4 || family=v6
	check "guests-connection-survives-$family" dropping yes \
		"$talk" resumed "$lab-vm2" "$host" $to bpftool batch file "$dir/clear"
	check "pods-connection-survives-$family" dropping no \
		"$talk" resumed "$lab-pod2" "$host" $to bpftool batch file "$dir/clear"
done
