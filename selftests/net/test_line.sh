#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole line with stock software at both ends: leases, TCP, UDP, ICMP, fragments, MTU, both
# bindings, both families, pods as `ptp` and as `bridge` make them; and that nobody but the guest
# answers in its name.
name=line
# shellcheck source=selftests/net/line.sh
. "$(dirname "$0")/line.sh"

mkdir -p "$run/www"
head -c 4M /dev/urandom >"$run/www/blob"
head -c 3000 /dev/urandom >"$run/datagram"

serve() { # namespace
	in_ "$1" busybox httpd -p 80 -h "$run/www"
	in_ "$1" busybox httpd -p 81 -h "$run/www"
	exec {udp}< <(exec ip netns exec "bl-$name-$1" socat -d -d -T 1 UDP6-RECVFROM:7,ipv6only=0,fork \
		PIPE 2>&1 9>&-)
	timeout 10 grep -qm 1 -i 'recvfrom\|receiving\|starting' <&"$udp"
}

fetch() { # namespace, address as in a URL
	in_ "$1" curl -sf -m 20 -o "$run/got" "http://$2/blob" && cmp "$run/got" "$run/www/blob"
}

# 3,000 bytes: fragments on the way, and back.
echo_datagram() { # namespace, address as in a URL
	in_ "$1" socat -t 3 -b 4000 "OPEN:$run/datagram,rdonly!!STDOUT" "UDP:$2:7,shut-none" |
		cmp - "$run/datagram"
}

fails() {
	! "$@"
}

# A frame of several segments is seen there while the command runs.
whole() { # namespace, device, command...
	local ns=$1 device=$2 dump status

	shift 2
	exec {dump}< <(exec ip netns exec "bl-$name-$ns" timeout 20 tcpdump -nl --immediate-mode -i "$device" \
		-c 1 'greater 20000' 2>&1 9>&-)
	grep -qm 1 listening <&"$dump"
	"$@" && grep -q length <&"$dump"
	status=$?
	exec {dump}<&-
	return $status
}

too_big() { # N, family, size, what ping says
	in_ "guest$1" ping "-$2" -M do -c 4 -i 0.5 -W 1 -s "$3" "$(far "$2")" 2>&1 | grep "$4"
}

far() { [ "$1" = 4 ] && echo 10.99.0.1 || echo fd99::1; }

traffic() { # binding, N, address4, address6, gateway4, gateway6
	local b=$1 n=$2

	check "$b: ping to the guest" in_ node ping -q -c 3 -i 0.2 -W 2 "$3"
	check "$b: ping6 to the guest" in_ node ping -q -c 3 -i 0.2 -W 2 "$4"
	check "$b: ping from the guest" in_ "guest$n" ping -q -c 3 -i 0.2 -W 2 10.99.0.1
	check "$b: ping6 from the guest" in_ "guest$n" ping -q -c 3 -i 0.2 -W 2 fd99::1
	check "$b: large pings" in_ node ping -q -c 2 -i 0.2 -W 2 -s 5000 "$3"
	check "$b: large pings6" in_ node ping -q -c 2 -i 0.2 -W 2 -s 5000 "$4"
	check "$b: TCP to the guest" whole "guest$n" eth0 fetch_to "$n" "$3"
	check "$b: TCP6 to the guest" whole "guest$n" eth0 fetch_to "$n" "[$4]"
	check "$b: TCP from the guest" fetch "guest$n" 10.99.0.1
	check "$b: TCP6 from the guest" fetch "guest$n" '[fd99::1]'
	check "$b: UDP in fragments" echo_datagram node "$3"
	check "$b: UDP6 in fragments" echo_datagram node "[$4]"
	check "$b: UDP from the guest" echo_datagram "guest$n" "$5"
	check "$b: UDP6 from the guest" echo_datagram "guest$n" "[$6]"
}

# To the guest: the guest uploads nothing, so the bulk goes by what it fetches from the node.
fetch_to() { # N, address
	fetch "guest$1" 10.99.0.1 && fetch node "$2"
}

leases() { # binding, N, address4, address6
	check "$1: DHCPv4" lease4 "$2"
	check "$1: the address" grep -q "inet $3/" <(ip -n "bl-$name-guest$2" addr show dev eth0)
	check "$1: DHCPv6" lease6 "$2"
	check "$1: the address in IPv6" grep -q "inet6 $4/" <(ip -n "bl-$name-guest$2" addr show dev eth0)
	check "$1: router advertisement" routed6 "$2"
}

make_node
serve node
must start_agent

make_ptp_pod 2
must attach 2 --binding pod >/dev/null
# Frames reach the pod, and nobody is at home.
must ip -n "$node" neigh replace 10.88.0.2 dev lxc2 lladdr "$(mac_of 2)"
check "pod: the pod's kernel answers no ping" fails in_ node ping -c 1 -W 1 10.88.0.2
check "pod: the pod's kernel refuses no connection" fails grep refused <(in_ node timeout 1 \
	socat -u TCP:10.88.0.2:9 STDOUT 2>&1)
must ip -n "$node" neigh del 10.88.0.2 dev lxc2
check "pod: the pod's kernel answers no ARP" fails in_ node busybox arping -f -c 2 -w 2 -I lxc2 10.88.0.2
start_guest 2
check "pod: duplicate detection is silent" in_ guest2 busybox arping -D -c 2 -w 2 -I eth0 10.88.0.2
leases pod 2 10.88.0.2 fd88::2
serve guest2
traffic pod 2 10.88.0.2 fd88::2 10.88.0.1 fd88::1
must ip -n "bl-$name-guest2" link set eth0 mtu 1500 # a guest that does not care
check "pod: too big" too_big 2 4 1472 'mtu *= *1400'
must in_ guest2 sysctl -qw net.ipv6.conf.eth0.mtu=1500
check "pod: too big in IPv6" too_big 2 6 1452 'mtu *= *1400'
must ip -n "bl-$name-guest2" addr add 10.88.0.77/32 dev eth0
check "pod: another's address goes nowhere" fails in_ guest2 ping -c 1 -W 1 -I 10.88.0.77 10.99.0.1
check "pod: and is counted" grep -q 'Invalid source ip' <("$build/beeline" endpoint get line2)

make_ptp_pod 3
must attach 3 --binding masquerade --ports 80/TCP --ports 7/UDP >/dev/null
start_guest 3
leases masquerade 3 10.0.2.2 fd10:0:2::2
serve guest3
traffic masquerade 3 10.88.0.3 fd88::3 10.88.0.1 fd88::1
check "masquerade: a port not declared is closed" fails in_ node curl -sf -m 2 http://10.88.0.3:81/blob
check "masquerade: the guest reaches its own pod address" in_ guest3 ping -c 1 -W 2 10.88.0.3
check "masquerade: the pod's own connections stay its own" fetch pod3 10.99.0.1
check "masquerade: from guest to guest" fetch guest2 10.88.0.3
check "masquerade: from guest to guest in IPv6" fetch guest2 '[fd88::3]'
check "pod: from guest to guest" fetch guest3 10.88.0.2

make_bridge_pod 4
make_bridge_pod 5
must attach 4 --binding pod --mac 02:00:00:00:00:44 >/dev/null
must attach 5 --binding masquerade >/dev/null
start_guest 4
start_guest 5
leases bridge 4 10.89.0.4 fd89::4
check "bridge: DHCPv4 behind masquerade" lease4 5
check "bridge: DHCPv6 behind masquerade" lease6 5
check "bridge: router advertisement behind masquerade" routed6 5
serve guest4
serve guest5
traffic bridge 4 10.89.0.4 fd89::4 10.89.0.1 fd89::1
check "bridge: from guest to guest on the link" fetch guest4 10.89.0.5
check "bridge: from guest to guest on the link in IPv6" fetch guest4 '[fd89::5]'
check "bridge: back" fetch guest5 10.89.0.4

kill_agent
check "no agent: TCP" fetch node 10.88.0.2
check "no agent: TCP6" fetch guest3 '[fd99::1]'
ip -n "bl-$name-guest2" addr flush dev eth0 scope global
check "no agent: DHCPv4" lease4 2
check "no agent: DHCPv6" lease6 2
check "no agent: ping" in_ node ping -q -c 1 -W 2 10.88.0.2
