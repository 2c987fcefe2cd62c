#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A laboratory for one test: pods as the ptp CNI makes them, a whole Linux stack behind each tap in
# the VM's place, the real agent and the real command. Sourced by test_*.sh, which call lab_open first.
# Everything is named net-<test>-...; leftovers of a run that crashed go when the next one begins.
#
#   net-<test>-host          net-<test>-pod<n>               net-<test>-vm<n>
#   the world, gateway, lxc<n> ====== eth0 [Beeline] tap0 ------ eth0 (another tap; `wire` copies frames)

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${B:-build}
outside=10.99.0.1 outside6=fd00:99::1 # what lies behind the node
failed=0
patience_s=60 # with what is sure to come
accept_dad=0  # 1: guests probe for the address that they make themselves before they ask for a router

# What pods are called; a test may say otherwise.
address4() { echo "10.88.0.$1"; }
address6() { echo "fd00:88::$1"; }
network4=10.88.0.0/24 gateway4=10.88.0.1 gateway6=fd00:88::1

# ---- results ----

# check NAME COMMAND...: one result line, and the command's own status. It runs in this shell.
check() {
	local name=$1
	shift
	if "$@" >"$dir/said" 2>&1; then
		echo "ok $test/$name"
		return
	fi
	echo "not ok $test/$name: $(tail -n 1 "$dir/said")"
	failed=1
	return 1
}

fails() { ! "$@"; }

# equal WHAT GOT WANTED
equal() {
	[ "$2" = "$3" ] && return
	echo "$1: $2, not $3"
	return 1
}

# wait_for COMMAND...: until it succeeds. What is waited for comes at once; on a machine that has much else to
# do "at once" may take its time, and only a test that fails waits to the end.
wait_for() {
	local end=$((SECONDS + patience_s))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "in vain: $*"
			return 1
		fi
		sleep 0.05
	done
}

# ---- life and death of a laboratory ----

lab_remove() {
	local pid netns
	while read -r pid; do
		# the number may be somebody else's by now
		grep -qasF "$lab" "/proc/$pid/cmdline" && kill -9 "$pid"
	done 2>/dev/null <"$dir/pids"
	wait
	# not those of a test whose name only begins like this one's
	for netns in /run/netns/"$lab"-{host,node*,pod*,vm*}; do
		[ -e "$netns" ] || continue
		ip netns pids "${netns##*/}" | xargs -r kill -9
		ip netns del "${netns##*/}"
	done
	rm -rf "$bpffs" "$dir"
} 2>/dev/null

lab_close() {
	local code=$?
	trap - EXIT
	[ "${KEEP_LOGS:-}" ] && cp -r "$dir" "$KEEP_LOGS"
	lab_remove
	[ $code = 0 ] && exit $failed
	exit "$code"
}

# What is not there would be missed late, and as something else.
programs_are_built() {
	local program
	for program in beeline beeline-agent kernels/wire; do
		[ -x "$build/$program" ] && continue
		echo "not ok $test: $build/$program is missing: make check-parts T=net"
		return 1
	done
}

lab_open() { # TEST
	test=$1
	programs_are_built || exit
	lab=net-$test
	dir=/tmp/$lab
	bpffs=/sys/fs/bpf/$lab
	agents=0
	place=$dir # of the agent's socket, state and sandboxes
	mkdir -p /run/lock # a container's fresh /run lacks it
	exec 9>"/run/lock/beeline-$lab" && flock 9
	lab_remove
	mkdir "$dir"
	trap lab_close EXIT
	trap 'exit 1' HUP INT TERM
	host=$lab-host
	ip netns add "$host"
	ip -n "$host" link set lo up
	ip -n "$host" addr add $outside/32 dev lo
	ip -n "$host" addr add $outside6/128 dev lo nodad
	sysctl_in "$host" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# spawn LOG COMMAND...: in the background, as $spawned; dies with the laboratory. What a command before it
# has said in that file is gone when this returns.
spawn() {
	local log=$1
	shift
	: >"$log"
	"$@" </dev/null >"$log" 2>&1 9>&- &
	spawned=$!
	echo $spawned >>"$dir/pids"
}

# spawned_ends PID: at once, and nothing of it comes later.
spawned_ends() {
	kill "$1" || return
	wait "$1"
	return 0
} 2>/dev/null

# flows_begin RATE FLOW...: packets of selftests/net/flow.py, which says how a flow is written; they go
# when this returns.
flows_begin() {
	spawn "$dir/flow" selftests/net/flow.py "$@"
	flow=$spawned
	wait_for grep -q flowing "$dir/flow"
}

# Ends them: each that must arrive did, there were as many as the time demands, and no other did.
flows_were_right() {
	kill "$flow" && wait "$flow"
	local code=$?
	cat "$dir/flow"
	return $code
}

within() { ip netns exec "$@"; }

sysctl_in() { # NETNS SETTING...
	local netns=$1
	shift
	within "$netns" sysctl -qw "$@"
}

# ---- the agent ----

beeline() { "$build/beeline" "$@"; }

agent_start() { # [PROGRAM [OPTION...]]
	local program=${1:-$build/beeline-agent} log=$dir/agent.$((++agents))
	export BEELINE_SOCKET=$place/agent.sock
	: >"$log"
	spawn "$log" "$program" --socket "$BEELINE_SOCKET" --state-dir "$place/state" \
		--run-dir "$place/run" --bpffs "$bpffs${place#"$dir"}" ${attach:+--attach "$attach"} "${@:2}"
	agent=$spawned
	timeout 60 grep -qm 1 'msg="\?ready' <(tail -n +1 -f --pid=$agent "$log" 9>&-) && return
	cat "$log"
	return 1
}

agent_kill() {
	kill -9 "$agent" && wait "$agent"
	[ $? = 137 ]
} 2>/dev/null

# ---- pods and VMs ----

# pod_make N [ROUTE-OPTIONS...]: with the addresses of that number, all neighbours behind the gateway.
pod_make() {
	local n=$1 pod=$lab-pod$1 ip4 ip6
	shift
	ip4=$(address4 "$n") ip6=$(address6 "$n")
	ip netns add "$pod"
	ip -n "$host" link add "lxc$n" type veth peer name eth0 netns "$pod"
	sysctl_in "$pod" net.ipv6.conf.eth0.accept_dad=0
	# what the node reports of its groups is said before anybody listens and counts
	sysctl_in "$host" "net.ipv6.conf.lxc$n.accept_dad=0" "net.ipv6.conf.lxc$n.mldv2_unsolicited_report_interval=1"
	ip -n "$host" addr add "$gateway4/32" dev "lxc$n"
	ip -n "$host" addr add "$gateway6/128" dev "lxc$n" nodad
	ip -n "$host" link set "lxc$n" up
	ip -n "$pod" link set lo up
	ip -n "$pod" link set eth0 up
	ip -n "$host" route add "$ip4" dev "lxc$n"
	ip -n "$host" route add "$ip6" dev "lxc$n"
	ip -n "$pod" addr add "$ip4/${network4#*/}" dev eth0 noprefixroute
	ip -n "$pod" addr add "$ip6/64" dev eth0 nodad noprefixroute
	ip -n "$pod" route add "$gateway4" dev eth0 scope link src "$ip4"
	ip -n "$pod" route add "$network4" via "$gateway4" src "$ip4"
	ip -n "$pod" route add default via "$gateway4" "$@"
	ip -n "$pod" route add "$gateway6" dev eth0
	ip -n "$pod" route add default via "$gateway6" "$@"
	pod_tap "$pod"
}

pod_tap() { # POD
	ip -n "$1" tuntap add dev tap0 mode tap vnet_hdr
	ip -n "$1" link set tap0 txqueuelen 10000 up
}

mac_of() { # NETNS
	within "$1" cat /sys/class/net/eth0/address
}

# endpoint_add N BINDING [OPTION...]: Beeline's line. In masquerade the guest has a MAC of its own.
endpoint_add() {
	local n=$1 binding=$2
	shift 2
	[ "$binding" = pod ] || set -- --mac "02:00:00:00:00:0$n" "$@"
	beeline endpoint add "$lab-$n" --netns "$lab-pod$n" --binding "$binding" "$@"
}

# What is sent to a tap before the kernel has noticed who reads it is lost.
tap_is_up() { # POD
	within "$1" grep -qx up /sys/class/net/tap0/operstate
}

# guest_start N MAC: the stack in the VM's place, up, without an address of its own making.
guest_start() {
	local vm=$lab-vm$1
	ip netns add "$vm"
	spawn "$dir/wire$1" "$build/kernels/wire" "$lab-pod$1" tap0 "$vm" eth0 "$2"
	wait_for grep -q wired "$dir/wire$1" && wait_for tap_is_up "$lab-pod$1" || return 1
	ip -n "$vm" link set lo up
	sysctl_in "$vm" net.ipv6.conf.eth0.accept_dad=$accept_dad
	ip -n "$vm" link set eth0 txqueuelen 10000 up
}

# guest_address N BINDING: what DHCP would have given, at once.
guest_address() {
	local vm=$lab-vm$1 gateway=$gateway4
	case $2 in
	pod) guest4=$(address4 "$1")/${network4#*/} guest6=$(address6 "$1")/128 ;;
	masquerade) guest4=10.0.2.2/24 guest6=fd10:0:2::2/120 gateway=10.0.2.1 ;;
	esac
	ip -n "$vm" addr add "$guest4" dev eth0
	ip -n "$vm" route add default via "$gateway"
	ip -n "$vm" addr add "$guest6" dev eth0 nodad
	wait_for has_router "$vm"
}

has_router() { # VM
	ip -n "$1" -6 route show default | grep -q '^default via fe80:'
}

# vm_make N BINDING [OPTION...]: all of it.
vm_make() {
	local n=$1 binding=$2
	shift 2
	endpoint_add "$n" "$binding" "$@" || return 1
	guest_start "$n" "$(beeline endpoint get "$lab-$n" -o json | json endpoint.mac)"
	guest_address "$n" "$binding"
}

# json PATH: a member of the document on standard input.
json() {
	python3 -c 'import functools, json, sys
print(functools.reduce(lambda at, key: at[key], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

# goes_beyond NUMBER N DIRECTION NAME: now or soon.
goes_beyond() {
	wait_for is_beyond "$@" && return
	beeline endpoint get "$lab-$2"
	return 1
}

is_beyond() { [ "$(counted "${@:2}")" -gt "$1" ]; }

# counted N DIRECTION NAME: packets that ended so. DIRECTION and NAME as `endpoint get` shows them.
counted() {
	beeline endpoint get "$lab-$1" -o json | python3 -c 'import json, sys
direction, name = sys.argv[1:]
print(sum(item["packets"] for item in json.load(sys.stdin)["counters"]["reasons"]
          if (item["direction"], item["reason"]) == (direction, name)))' "$2" "$3"
}
