#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who speaks in whose name: the pod's kernel never in the VM's, the VM never in another's; and in
# masquerade, whose connections are whose.
set -u
. "$(dirname "$0")/lab.sh"
lab_open guard
talk=selftests/net/talk.py

# ---- the pod's kernel ----

# listen N FILTER: notes what the pod sends that the filter takes.
listen() {
	spawn "$dir/heard" ip netns exec "$host" tcpdump -nlU --immediate-mode -Q in -i "lxc$1" "$2"
	listener=$spawned
	wait_for grep -q '^listening on' "$dir/heard"
}

heard() { grep -E '^[0-9:.]+ (IP|ARP)' "$dir/heard"; }

heard_nothing() { fails heard; }

in_the_name_of() { # N
	echo "(arp[6:2] = 2 and src host 10.88.0.$1) or src host 10.88.0.$1 or src host fd00:88::$1"
}

# Whatever might draw an answer, first by an ARP or ND question, then past it.
provoke() { # N PORT
	local to mac
	mac=$(mac_of "$lab-pod$1")
	for to in "10.88.0.$1" "fd00:88::$1"; do
		within "$host" ping -qc 1 -W 1 "$to" && return 1
		ip -n "$host" neigh replace "$to" lladdr "$mac" dev "lxc$1"
		within "$host" ping -qc 1 -W 1 "$to" && return 1
		within "$host" bash -c "echo >/dev/udp/$to/9" || return 1
		"$talk" silent "$host" "$to" --port "$2" || return 1
		ip -n "$host" neigh del "$to" dev "lxc$1"
	done
}

# ---- the VM ----

nd="Invalid sender in neighbour discovery"

# dropped REASON COMMAND...: the command fails, and its packets are counted for that reason.
dropped() {
	local reason=$1 before
	shift
	before=$(counted "$n" from-vm "$reason")
	"$@" && return 1
	goes_beyond "$before" "$n" from-vm "$reason"
}

ping_as() { # ADDRESS TO
	within "$vm" ping -qc 2 -i 0.1 -W 1 -I "$1" "$2"
}

ping_after_arp_as() { # ADDRESS TO
	ip -n "$vm" neigh flush dev eth0
	ping_as "$@"
}

# The guest advertises an address that is not its own, unasked, as after a change of its MAC.
claim() { # ADDRESS6
	local before
	before=$(counted "$n" from-vm "$nd")
	ip -n "$vm" addr add "$1/128" dev eth0 nodad
	sysctl_in "$vm" net.ipv6.conf.eth0.ndisc_notify=1
	ip -n "$vm" link set eth0 address "$(mac_of "$vm")"
	goes_beyond "$before" "$n" from-vm "$nd"
}

with_mac() { # MAC COMMAND...
	local mac code
	mac=$(mac_of "$vm")
	ip -n "$vm" link set eth0 address "$1"
	shift
	"$@"
	code=$?
	ip -n "$vm" link set eth0 address "$mac"
	return $code
}

spoofs() { # BINDING OWN OWN6
	local out=$outside
	ip -n "$vm" addr add 10.88.0.77/32 dev eth0
	ip -n "$vm" addr add fd00:88::77/128 dev eth0 nodad
	check "$1-own-address-passes" ping_as "$2" $out
	check "$1-own-address-passes-v6" ping_as "$3" $outside6
	check "$1-foreign-address-dropped" dropped "Invalid source ip" ping_as 10.88.0.77 $out
	check "$1-foreign-address-dropped-v6" dropped "Invalid source ip" ping_as fd00:88::77 $outside6
	check "$1-foreign-arp-dropped" dropped "Invalid sender in ARP" ping_after_arp_as 10.88.0.77 $out
	check "$1-foreign-nd-dropped" claim fd00:88::78
	check "$1-foreign-mac-dropped" dropped "Invalid source mac" \
		with_mac 02:00:00:00:00:99 ping_as "$2" $out
	check "$1-own-mac-passes-again" ping_as "$2" $out
}

check agent-starts agent_start || exit
for n in 2 3; do
	pod_make $n
done
check pod-endpoint endpoint_add 2 pod || exit
check masquerade-endpoint endpoint_add 3 masquerade --ports 7777/TCP || exit

check listens listen 2 "$(in_the_name_of 2)"
check pod-kernel-is-silent provoke 2 7777
check pod-nothing-in-its-name heard_nothing
check guest-boots guest_start 2 "$(mac_of "$lab-pod2")"
check guest-configures guest_address 2 pod
check guest-answers within "$host" ping -qc 1 -W 5 10.88.0.2
check guest-is-heard wait_for heard
kill "$listener"

check declared-port-is-silent-without-guest $talk silent "$host" 10.88.0.3
check declared-port-is-silent-without-guest-v6 $talk silent "$host" fd00:88::3
check masquerade-guest-boots guest_start 3 02:00:00:00:00:03
check masquerade-guest-configures guest_address 3 masquerade
for family in 4 6; do
	[ $family = 4 ] && to=10.88.0.3 out=$outside || { to=fd00:88::3 out=$outside6; }
	check "declared-port-reaches-guest-v$family" $talk tcp "$host" "$lab-vm3" $to
	check "other-port-does-not-v$family" \
		fails $talk tcp "$host" "$lab-vm3" $to --port 7778
	check "other-port-is-the-pods-v$family" $talk tcp "$host" "$lab-pod3" $to --port 7778
	check "other-protocol-is-the-pods-v$family" $talk udp "$host" "$lab-pod3" $to
	check "replies-reach-guest-v$family" $talk tcp "$lab-vm3" "$host" $out
	check "replies-reach-guest-udp-v$family" $talk udp "$lab-vm3" "$host" $out
	check "pods-own-connections-v$family" $talk tcp "$lab-pod3" "$host" $out
	check "pods-own-connections-udp-v$family" $talk udp "$lab-pod3" "$host" $out
done

n=2 vm=$lab-vm2
spoofs pod 10.88.0.2 fd00:88::2
n=3 vm=$lab-vm3
spoofs masquerade 10.0.2.2 fd10:0:2::2
