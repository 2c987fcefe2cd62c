#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `make run` and `make stop` do on this machine, with the agent's default socket and folders:
#   demo.sh run    start an agent unless one answers, boot the example VM, show its traffic's path
#   demo.sh stop   take VMs, agent, images and state away
set -euo pipefail
cd "$(dirname "$0")/.."

build=${B:-build}
beeline=$build/beeline
run_dir=/run/beeline
state_dir=/var/lib/beeline
bpffs=/sys/fs/bpf/beeline
log=$run_dir/agent.log
manifest=deploy/examples/vm-pod.yaml
image=beeline/demo:latest
vm=demo
unset BEELINE_SOCKET
PATH=$PATH:/usr/sbin:/sbin # a shell that became root by `su` may lack them

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n== %s\n' "$*"; }
show() { # a command, and what it prints
	echo "\$ $*"
	"$@"
}
die() {
	echo "error: $*" >&2
	exit 1
}

agent_pid() { # nothing when none answers
	{ "$beeline" status -o json 2>/dev/null || true; } | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'
}

# Its log says "ready" when the socket answers; its end ends the waiting.
agent_start() {
	local pid reader lines
	mkdir -p "$run_dir"
	[ -e "$log" ] && mv "$log" "$log.1"
	: >"$log"
	setsid "$build/beeline-agent" </dev/null >>"$log" 2>&1 &
	pid=$!
	disown
	exec {lines}< <(exec timeout 60 tail -n +1 -f --pid=$pid "$log")
	reader=$!
	grep -q -m 1 'msg=ready' <&"$lines" || die "the agent did not start: $(tail -n 3 "$log")"
	kill "$reader" 2>/dev/null || true
	exec {lines}<&-
}

agent_stop() { # pid
	kill "$1" 2>/dev/null || return 0
	timeout 30 tail -f --pid="$1" /dev/null || die "the agent (pid $1) does not end"
}

# An agent whose program was built anew since is replaced; VMs and their traffic do not notice.
agent_ensure() {
	local pid
	pid=$(agent_pid)
	if [ -n "$pid" ] && [[ $(readlink "/proc/$pid/exe") == *"(deleted)" ]]; then
		agent_stop "$pid"
		pid=
	fi
	[ -n "$pid" ] || agent_start
}

addresses() {
	"$beeline" get vmi "$vm" -o json |
		python3 -c 'import json, sys
for interface in json.load(sys.stdin)["status"]["interfaces"]:
    print(*interface["ipAddresses"], sep="\n")'
}

# The web server may start a moment after the guest answers its first ping.
http_get() { # address
	local tries=40
	until timeout 10 bash -c 'exec 3<>"/dev/tcp/$1/80" && printf "GET / HTTP/1.0\r\n\r\n" >&3 &&
		cat <&3' - "$1" 2>/dev/null; do
		((--tries > 0)) || die "no answer from port 80 of $1"
		sleep 0.5
	done
}

show_traffic() {
	local address
	for address in $(addresses); do
		say "ping and TCP to $address"
		show ping -c 3 -i 0.2 -w 15 "$address"
		echo "\$ GET / from port 80"
		http_get "$address"
	done
}

show_path() {
	local endpoint=default_${vm}_default netns
	netns=$("$beeline" endpoint get "$endpoint" -o json |
		sed -n 's|.*"netns": *"/run/netns/\(.*\)".*|\1|p')
	say "the packets' path: counted by the eBPF programs"
	show "$beeline" endpoint get "$endpoint"
	say "and nothing else is in the pod: no bridge, no NAT"
	show ip -n "$netns" -br link
	show ip netns exec "$netns" nft list ruleset | sed '$ { /^\$/ s/$/\n(nothing)/ }'
}

run() {
	say "agent"
	agent_ensure
	show "$beeline" status
	say "image and VM"
	show timeout 120 "$beeline" image import "$image" "$build/demo.qcow2"
	show "$beeline" run "$manifest" --timeout 3m
	show_traffic
	show_path
	say "it goes on running"
	printf '  %-33s%s\n' "$beeline console $vm" "the guest's console; leave with ^]" \
		"$beeline get vmi -o wide" "its addresses" \
		"$beeline monitor $vm -s 1" "every packet, with the verdict" \
		"make stop" "takes all of it away"
}

stop() {
	local pid
	if [ -z "$(agent_pid)" ] && [ -d "$state_dir" ]; then
		agent_start # what an agent left behind, an agent takes away
	fi
	pid=$(agent_pid)
	if [ -n "$pid" ]; then
		"$beeline" delete vm --all -A --timeout 2m
		"$beeline" delete vmi --all -A --timeout 2m
		"$beeline" endpoint list -o name | xargs -r "$beeline" endpoint delete
		agent_stop "$pid"
	fi
	rm -rf "$state_dir" "$run_dir" "$bpffs"
	echo "gone: VMs, agent, $state_dir, $run_dir, $bpffs"
}

[ "$(id -u)" = 0 ] || exec sudo --preserve-env=B,NO_COLOR "$0" "$@"
case ${1:-} in
run | stop) "$1" ;;
*) die "usage: $0 run|stop" ;;
esac
