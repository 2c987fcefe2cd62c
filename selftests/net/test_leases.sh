#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# While the agent is dead, stock clients get what a guest needs: the kernel its IPv6 router and MTU,
# udhcpc and dhclient their leases. Nobody objects to the guest's addresses.
set -u
. "$(dirname "$0")/lab.sh"
lab_open leases
mtu=1400
accept_dad=1

# said FILE NAME VALUE: dhclient was told so.
said() {
	equal "$2" "$(sed -n "s/^new_$2=//p" "$dir/$1")" "$3"
}

has_address() { # ADDRESS
	ip -n "$vm" -o addr show dev eth0 | grep -q " $1[/ ]"
}

# Duplicate detection has ended, and well.
address_is_mine() { # ADDRESS
	! ip -n "$vm" -o addr show dev eth0 | grep " $1/" | grep -qE 'tentative|dadfailed' &&
		has_address "$1"
}

link_local() {
	ip -n "$vm" -o -6 addr show dev eth0 scope link | grep -o 'fe80:[^/]*'
}

forget() {
	ip -n "$vm" -4 addr flush dev eth0
}

dhclient_in() { # 4|6
	within "$vm" timeout 40 dhclient "-$1" -1 -cf "$dir/dhclient.conf" -sf "$PWD/selftests/net/lease" \
		-e lease_dir="$dir" -lf "$dir/leases$1" -pf "$dir/dhclient.pid" eth0 9>&-
	local code=$?
	kill "$(cat "$dir/dhclient.pid")"
	rm "$dir/dhclient.pid"
	return $code
}

dhclient_told() { # FILE, then names and values
	local file=$1
	shift
	while [ $# -gt 0 ]; do
		said "$file" "$1" "$2" || return 1
		shift 2
	done
}

stock_clients() { # BINDING ADDRESS ADDRESS6 GATEWAY
	check "$1-router-advertised" wait_for has_router "$vm"
	check "$1-router-advertises-mtu" equal mtu \
		"$(within "$vm" cat /proc/sys/net/ipv6/conf/eth0/mtu)" $mtu
	check "$1-link-local-is-mine" wait_for address_is_mine "$(link_local)"
	check "$1-udhcpc" within "$vm" udhcpc -f -q -n -t 5 -T 1 -a -i eth0 -s selftests/kernels/lease
	check "$1-udhcpc-address" has_address "$2"
	check "$1-udhcpc-route" within "$vm" ping -qc 1 -W 5 $outside
	forget
	check "$1-dhclient-4" dhclient_in 4
	check "$1-dhclient-4-told" dhclient_told BOUND ip_address "$2" routers "$4" interface_mtu $mtu \
		domain_name_servers 10.88.0.53 host_name guest domain_search example.test.
	check "$1-dhclient-4-route" within "$vm" ping -qc 1 -W 5 $outside
	check "$1-dhclient-6" dhclient_in 6
	check "$1-dhclient-6-told" dhclient_told BOUND6 ip6_address "$3" \
		dhcp6_name_servers fd00:88::53 dhcp6_domain_search example.test.
	check "$1-address-is-mine" wait_for address_is_mine "$3"
	check "$1-dhclient-6-route" within "$vm" ping -qc 1 -W 5 $outside6
}

cat >"$dir/dhclient.conf" <<CONF
timeout 20;
request subnet-mask, routers, domain-name-servers, host-name, domain-search, interface-mtu;
also request dhcp6.name-servers, dhcp6.domain-search;
CONF
check agent-starts agent_start || exit
told=(--dns 10.88.0.53 --dns fd00:88::53 --search example.test --hostname guest)
pod_make 2 mtu $mtu
pod_make 3 mtu $mtu
check pod-endpoint endpoint_add 2 pod "${told[@]}" || exit
check masquerade-endpoint endpoint_add 3 masquerade "${told[@]}" || exit
check agent-dies agent_kill || exit
vm=$lab-vm2
guest_start 2 "$(mac_of "$lab-pod2")"
stock_clients pod 10.88.0.2 fd00:88::2 10.88.0.1
vm=$lab-vm3
guest_start 3 02:00:00:00:00:03
stock_clients masquerade 10.0.2.2 fd10:0:2::2 10.0.2.1
