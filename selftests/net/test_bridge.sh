#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A bridge CNI instead of ptp: neighbours are on the link, and the guest reaches them directly, by MACs
# that are their own; what lies beyond goes by the gateway.
set -u
. "$(dirname "$0")/lab.sh"
lab_open bridge
talk=selftests/net/talk.py

# As the bridge plugin makes a pod: the whole /24 and /64 on its link.
bridged_pod() { # N
	local pod=$lab-pod$1
	ip netns add "$pod"
	ip -n "$host" link add "lxc$1" type veth peer name eth0 netns "$pod"
	ip -n "$host" link set "lxc$1" master cni0 up
	ip -n "$pod" link set lo up
	ip -n "$pod" addr add "10.88.0.$1/24" dev eth0
	ip -n "$pod" addr add "fd00:88::$1/64" dev eth0 nodad
	ip -n "$pod" link set eth0 up
	ip -n "$pod" route add default via 10.88.0.1
	ip -n "$pod" route add default via fd00:88::1
	pod_tap "$pod"
}

neighbour() { # NETNS ADDRESS: its MAC there
	ip -n "$1" neigh show "$2" | grep -o 'lladdr [0-9a-f:]*' | cut -d ' ' -f 2
}

# DHCPv4 says what is on the link. Of IPv6 a guest learns that from nobody: /128 goes by the router, and
# a guest that was told /64 by hand asks the neighbours itself.
onlink_guest() { # N BITS
	local vm=$lab-vm$1
	within "$vm" udhcpc -f -q -n -t 5 -T 1 -i eth0 -s selftests/kernels/lease || return 1
	ip -n "$vm" addr add "fd00:88::$1/$2" dev eth0 nodad
	wait_for has_router "$vm"
}

ip -n "$host" link add cni0 type bridge
ip -n "$host" addr add 10.88.0.1/24 dev cni0
ip -n "$host" addr add fd00:88::1/64 dev cni0 nodad
ip -n "$host" link set cni0 up
check agent-starts agent_start || exit
for n in 2 3 4 5; do
	bridged_pod $n
done
check pod-endpoint endpoint_add 2 pod || exit
check pod-endpoint-with-own-mac endpoint_add 3 pod --mac 02:00:00:00:00:33 || exit
check masquerade-endpoint endpoint_add 4 masquerade || exit
mac2=$(mac_of "$lab-pod2") mac3=$(mac_of "$lab-pod3") mac5=$(mac_of "$lab-pod5")
guest_start 2 "$mac2"
guest_start 3 02:00:00:00:00:33
guest_start 4 02:00:00:00:00:04
check nobody-else-has-its-address within "$lab-vm2" \
	busybox arping -qD -c 1 -w 1 -I eth0 10.88.0.2
check pod-guest onlink_guest 2 64
check pod-guest-with-own-mac onlink_guest 3 128
check masquerade-guest guest_address 4 masquerade

for prefix in 10.88.0. fd00:88::; do
	family=v4 out=$outside
	[ $prefix = 10.88.0. ] || family=v6 out=$outside6
	check "to-a-container-$family" $talk tcp "$lab-vm2" "$lab-pod5" ${prefix}5
	check "containers-own-mac-$family" equal MAC "$(neighbour "$lab-vm2" ${prefix}5)" "$mac5"
	check "from-a-container-$family" $talk tcp "$lab-pod5" "$lab-vm2" ${prefix}2
	check "guests-own-mac-$family" equal MAC "$(neighbour "$lab-pod5" ${prefix}2)" "$mac2"
	check "from-vm-to-vm-$family" $talk tcp "$lab-vm2" "$lab-vm3" ${prefix}3
	check "other-guests-pod-mac-$family" equal MAC "$(neighbour "$lab-vm2" ${prefix}3)" "$mac3"
	check "back-$family" $talk tcp "$lab-vm3" "$lab-vm2" ${prefix}2
	check "masquerade-to-a-container-$family" $talk tcp "$lab-vm4" "$lab-pod5" ${prefix}5
	check "masquerade-from-a-container-$family" $talk tcp "$lab-pod5" "$lab-vm4" ${prefix}4
	check "masquerade-to-vm-$family" $talk tcp "$lab-vm4" "$lab-vm3" ${prefix}3
	check "from-vm-to-masquerade-$family" $talk tcp "$lab-vm3" "$lab-vm4" ${prefix}4
	check "pod-beyond-$family" $talk tcp "$lab-vm2" "$host" $out
	check "pod-with-own-mac-beyond-$family" $talk tcp "$lab-vm3" "$host" $out
	check "masquerade-beyond-$family" $talk tcp "$lab-vm4" "$host" $out
	check "from-the-node-$family" $talk tcp "$host" "$lab-vm3" ${prefix}3
done
