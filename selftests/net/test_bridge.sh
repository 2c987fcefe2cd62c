#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pods as the `bridge` plugin makes them: neighbours are on the link and resolve each other. Nobody but
# the guest answers in its name, least of all the pod's kernel.
set -u
. "$(dirname "$0")/lab.sh"
lab_open bridge

mkdir "$dir/www"
head -c 1M /dev/urandom >"$dir/www/blob"

serve() { # NETNS
	within "$1" busybox httpd -p 80 -h "$dir/www" 9>&-
}

fetch() { # NETNS, address as in a URL
	within "$1" curl -sf -m 20 -o "$dir/got" "http://$2/blob" && cmp "$dir/got" "$dir/www/blob"
}

bridge_pod_make() { # N
	local n=$1 pod=$lab-pod$1

	ip netns add "$pod"
	ip -n "$host" link add "lxc$n" type veth peer name eth0 netns "$pod"
	ip -n "$host" link set "lxc$n" master cni0 up
	ip -n "$pod" link set lo up
	ip -n "$pod" link set eth0 up
	ip -n "$pod" addr add "10.89.0.$n/24" dev eth0
	ip -n "$pod" addr add "fd00:89::$n/64" dev eth0 nodad
	ip -n "$pod" route add default via 10.89.0.1
	ip -n "$pod" route add default via fd00:89::1
	pod_tap "$pod"
}

# guest_lease N ADDRESS6: DHCPv4 by udhcpc; the IPv6 address as DHCPv6 gives it.
guest_lease() {
	ip -n "$lab-vm$1" addr add "$2/128" dev eth0 nodad
	within "$lab-vm$1" udhcpc -f -q -n -t 5 -T 2 -i eth0 -s selftests/kernels/lease &&
		wait_for 20 has_router "$lab-vm$1"
}

refused() {
	within "$host" timeout 1 socat -u TCP:10.89.0.4:9 STDOUT 2>&1 | grep refused
}

ip -n "$host" link add cni0 type bridge
ip -n "$host" link set cni0 up
ip -n "$host" addr add 10.89.0.1/24 dev cni0
ip -n "$host" addr add fd00:89::1/64 dev cni0 nodad
serve "$host"
check agent-starts agent_start || exit
bridge_pod_make 4
bridge_pod_make 5
check pod-endpoint endpoint_add 4 pod --mac 02:00:00:00:00:44 || exit
check masquerade-endpoint endpoint_add 5 masquerade || exit

# Frames reach the pod, and nobody is at home.
ip -n "$host" neigh replace 10.89.0.4 dev cni0 lladdr "$(mac_of "$lab-pod4")"
check silent-ping fails within "$host" ping -c 1 -W 1 10.89.0.4
check silent-tcp fails refused
ip -n "$host" neigh del 10.89.0.4 dev cni0
check silent-arp fails within "$host" busybox arping -f -c 2 -w 2 -I cni0 10.89.0.4

guest_start 4 02:00:00:00:00:44
guest_start 5 02:00:00:00:00:05
check silent-duplicate-detection within "$lab-vm4" \
	busybox arping -D -c 2 -w 2 -I eth0 10.89.0.4
check pod-lease guest_lease 4 fd00:89::4
check masquerade-lease guest_lease 5 fd10:0:2::2
serve "$lab-vm4"
serve "$lab-vm5"
check on-link-v4 fetch "$lab-vm4" 10.89.0.5
check on-link-v6 fetch "$lab-vm4" '[fd00:89::5]'
check on-link-back-v4 fetch "$lab-vm5" 10.89.0.4
check on-link-back-v6 fetch "$lab-vm5" '[fd00:89::4]'
check from-gateway-v4 fetch "$host" 10.89.0.4
check from-gateway-v6 fetch "$host" '[fd00:89::5]'
check to-gateway-v4 fetch "$lab-vm5" 10.89.0.1
check to-gateway-v6 fetch "$lab-vm4" '[fd00:89::1]'
check beyond-v4 fetch "$lab-vm4" $outside
check beyond-v6 fetch "$lab-vm5" "[$outside6]"
