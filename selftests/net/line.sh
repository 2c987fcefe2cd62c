#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of the whole line: a node, pods on it, a Linux stack behind each tap in the
# VM's place (selftests/kernels/wire.c), and an agent of its own. The test sets `name` first; all
# that it makes is called after it, and what a crashed run left is removed before.
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${B:-build}
node=bl-$name-node
bpffs=/sys/fs/bpf/beeline-test-$name
run=$(mktemp -d "/tmp/beeline-$name-XXXXXX")
export BEELINE_SOCKET=$run/agent.sock
agent=
failed=0

exec 9>"/run/lock/beeline-test-$name" # two runs take turns
flock -w 600 9 || exit 1

check() { # what it proves, command...
	local what=$1 said

	shift
	if said=$("$@" 2>&1 9>&-); then
		echo "ok $name/$what"
	else
		echo "not ok $name/$what: $(echo "$said" | tail -n 2 | tr '\n' ' ')"
		failed=1
	fi
}

must() { # like set -e, for what no test stands for
	"$@" 9>&- || {
		echo "not ok $name: failed: $*"
		failed=1
		exit
	}
}

in_() { # namespace without the prefix, command...
	local ns=bl-$name-$1

	shift
	ip netns exec "$ns" "$@" 9>&-
}

start_agent() {
	local log

	exec {log}< <(exec "$build/beeline-agent" --socket "$run/agent.sock" --state-dir "$run/state" \
		--run-dir "$run/run" --bpffs "$bpffs" --launcher /bin/true 2>&1 9>&-)
	agent=$!
	timeout 60 grep -qm 1 'msg="\?ready' <&"$log" || return 1
	cat <&"$log" >>"$run/agent.log" 9>&- &
	exec {log}<&-
}

kill_agent() {
	kill -9 "$agent"
	tail --pid="$agent" -f /dev/null
	agent=
}

remove_pods() {
	local ns

	for ns in $(ip netns list | grep -oE "^bl-$name-[a-z0-9]+"); do
		# shellcheck disable=SC2046
		kill $(ip netns pids "$ns") 2>/dev/null
		ip netns del "$ns"
	done
	rm -rf "$bpffs"
}

clean() {
	[ -z "$agent" ] || kill_agent
	# shellcheck disable=SC2046
	kill $(jobs -p) 2>/dev/null
	remove_pods
	rm -rf "$run"
}
trap 'clean; exit $failed' EXIT
remove_pods

make_node() {
	must ip netns add "$node"
	must ip -n "$node" link set lo up
	# Off every pod's link, so that a pod must use its gateway.
	must ip -n "$node" addr add 10.99.0.1/32 dev lo
	must ip -n "$node" addr add fd99::1/128 dev lo nodad
	in_ node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The pod's side of a veth, as every CNI plugin begins.
make_veth() { # N
	must ip netns add "bl-$name-pod$1"
	must ip -n "$node" link add "lxc$1" type veth peer name eth0 netns "bl-$name-pod$1"
	must ip -n "bl-$name-pod$1" link set lo up
	must ip -n "bl-$name-pod$1" link set eth0 up
	must ip -n "$node" link set "lxc$1" up
	must ip -n "bl-$name-pod$1" tuntap add dev tap0 mode tap vnet_hdr
	must ip -n "bl-$name-pod$1" link set tap0 up
}

# `ptp`: neighbours of the subnet are reached through the gateway; the route's MTU is the smaller.
make_ptp_pod() { # N
	local pod=bl-$name-pod$1

	make_veth "$1"
	must ip -n "$node" addr add 10.88.0.1/32 dev "lxc$1"
	must ip -n "$node" addr add fd88::1/128 dev "lxc$1" nodad
	must ip -n "$node" route add "10.88.0.$1" dev "lxc$1"
	must ip -n "$node" route add "fd88::$1" dev "lxc$1"
	must ip -n "$pod" addr add "10.88.0.$1/24" dev eth0 noprefixroute
	must ip -n "$pod" addr add "fd88::$1/64" dev eth0 nodad noprefixroute
	must ip -n "$pod" route add 10.88.0.1 dev eth0
	must ip -n "$pod" route add 10.88.0.0/24 via 10.88.0.1
	must ip -n "$pod" route add default via 10.88.0.1 mtu 1400
	must ip -n "$pod" route add fd88::1 dev eth0
	must ip -n "$pod" route add default via fd88::1 mtu 1400
}

# `bridge`: neighbours are on the link.
make_bridge_pod() { # N
	local pod=bl-$name-pod$1

	make_veth "$1"
	if ! ip -n "$node" link show cni0 >/dev/null 2>&1; then
		must ip -n "$node" link add cni0 type bridge
		must ip -n "$node" link set cni0 up
		must ip -n "$node" addr add 10.89.0.1/24 dev cni0
		must ip -n "$node" addr add fd89::1/64 dev cni0 nodad
	fi
	must ip -n "$node" link set "lxc$1" master cni0
	must ip -n "$pod" addr add "10.89.0.$1/24" dev eth0
	must ip -n "$pod" addr add "fd89::$1/64" dev eth0 nodad
	must ip -n "$pod" route add default via 10.89.0.1
	must ip -n "$pod" route add default via fd89::1
}

attach() { # N, options of endpoint add
	local n=$1

	shift
	"$build/beeline" endpoint add "line$n" --netns "/run/netns/bl-$name-pod$n" --uplink eth0 \
		--tap tap0 --dns 10.99.0.53 --dns fd99::53 "$@"
}

mac_of() { "$build/beeline" endpoint get "line$1" -o json | grep -om 1 '"mac":[^,]*' | cut -d'"' -f4; }

# The stack behind the tap; it has no address yet.
start_guest() { # N
	local guest=bl-$name-guest$1 wired

	must ip netns add "$guest"
	exec {wired}< <(exec "$build/kernels/wire" "bl-$name-pod$1" tap0 "$guest" eth0 "$(mac_of "$1")" \
		2>>"$run/wire.log" 9>&-)
	read -r -u "$wired" _ || must false
	must ip -n "$guest" link set lo up
	in_ "guest$1" sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.eth0.accept_dad=0
	must ip -n "$guest" link set eth0 up
}

# By DHCPv4 and DHCPv6 of stock clients; the default route in IPv6 comes by the router advertisement.
lease4() { # N
	in_ "guest$1" udhcpc -f -q -n -t 5 -T 2 -i eth0 -s "$PWD/selftests/net/lease4"
}

# The client stays behind to renew; it is not needed any more.
lease6() { # N
	local pid

	rm -f "$run/lease6.$1" # or it would only ask whether the old one still holds
	in_ "guest$1" dhclient -6 -1 -sf "$PWD/selftests/net/lease6" -lf "$run/lease6.$1" \
		-pf "$run/dhclient6.$1" eth0 </dev/null >/dev/null 2>&1 || return 1
	for pid in $(ip netns pids "bl-$name-guest$1"); do
		grep -qx dhclient "/proc/$pid/comm" && kill "$pid"
	done
}

routed6() { # N: a default route has come, or comes
	timeout 15 grep -qm 1 '^default via fe80' < <(
		ip -n "bl-$name-guest$1" -6 route show default
		exec ip -n "bl-$name-guest$1" -6 monitor route 2>/dev/null 9>&-
	)
}
