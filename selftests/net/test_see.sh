#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What people see of a VM's packets: events with names and a budget, and captures, which tcpdump and
# scapy read.
set -u
. "$(dirname "$0")/lab.sh"
lab_open see

# ---- events ----

events=$dir/events losses=$dir/losses

watch_events() { # [OPTION...]
	: >"$events"
	spawn "$losses" bash -c 'exec "$0" monitor -o json "$@" >'"$events" "$build/beeline" "$@"
	monitor=$spawned
}

# of N MEMBER=VALUE...: how many events the monitor has told of that endpoint.
of() {
	python3 - "$events" "$lab-$1" "${@:2}" <<'PYTHON'
import json, sys
wanted = dict(text.split("=") for text in sys.argv[3:]) | {"endpoint": sys.argv[2]}
with open(sys.argv[1], encoding="utf-8") as file:
    events = [json.loads(line) for line in file if line.endswith("\n")]
print(sum(all(str(event.get(key)) == value for key, value in wanted.items()) for event in events))
PYTHON
}

spoof() { # N COUNT
	within "$lab-vm$1" python3 -c 'import socket, sys
source, to, count = sys.argv[1:]
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind((source, 0))
for _ in range(int(count)):
    line.sendto(b"not mine", (to, 9))' 10.88.0.77 $outside "$2"
}

# Somebody watches as soon as a drop is told.
is_watched() {
	spoof 3 1
	[ "$(of 3)" -gt 0 ]
}

# all_drops N: what the counters say.
all_drops() {
	beeline endpoint get "$lab-$1" -o json | python3 -c 'import json, sys
print(sum(item["packets"] for item in json.load(sys.stdin)["counters"]["reasons"]
          if item["code"] >= 130))'
}

lost_of() { # N
	grep -F "$lab-$1 were lost" "$losses" | awk '{ n += $2 } END { print n + 0 }'
}

at_least() { # NUMBER COMMAND...
	[ "$("${@:2}")" -ge "$1" ]
}

adds_up() { # N
	equal "told and lost" $(($(of "$1") + $(lost_of "$1"))) "$(all_drops "$1")"
}

flood_is_bounded() {
	spoof 2 3000
	wait_for at_least 2000 all_drops 2 || return 1
	wait_for adds_up 2 || return 1
	[ "$(lost_of 2)" -gt 0 ]
}

others_are_told() {
	local before
	before=$(of 3)
	spoof 3 1
	wait_for at_least $((before + 1)) of 3 || return 1
	equal "lost of the other" "$(lost_of 3)" 0
}

is_named() { # the peer by its endpoint, and what ICMP it is
	within "$lab-vm3" ping -qc 1 -W 2 10.88.0.2 || return 1
	[ "$(of 3 verdict=traced destinationName="$lab-2" icmpType=8 sourceName="$lab-3")" -gt 0 ]
}

# The router's MAC for good: asked for again in another's name it would not be told.
know_router() { # N
	local mac
	within "$lab-vm$1" ping -qc 1 -W 2 $outside || return 1
	mac=$(ip -n "$lab-vm$1" -j neigh show 10.88.0.1 | python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["lladdr"])')
	ip -n "$lab-vm$1" neigh replace 10.88.0.1 lladdr "$mac" dev eth0 nud permanent
}

check agent-starts agent_start || exit
for n in 2 3; do
	pod_make $n
	check vm$n vm_make $n pod || exit
	check router-known-$n know_router $n || exit
	ip -n "$lab-vm$n" addr add 10.88.0.77/32 dev eth0
done

watch_events
check monitor-tells wait_for is_watched
check flood-is-bounded-and-counted flood_is_bounded
check others-are-told others_are_told
spawned_ends "$monitor"

watch_events --sample 1 --protocol icmp --peer 10.88.0.2
check parties-are-named wait_for is_named
check filter-takes-the-peer-only equal "events of others" "$(of 3 destination=$outside)" 0
spawned_ends "$monitor"

# ---- captures ----

capture_start() { # FILE ARGUMENT...
	spawn "$1.said" "$build/beeline" capture -w "$@"
	capture=$spawned
	wait_for grep -q '^capturing' "$1.said"
}

# capture_ended FILE: it leaves a whole file and says what it lost, when it has counted its packets,
capture_ended() {
	wait_for grep -q 'packets captured' "$1.said" && wait "$capture" &&
		grep -qE '^[0-9]+ packets captured, 0 lost$' "$1.said"
}

# capture_end FILE: or is interrupted.
capture_end() {
	kill -INT "$capture" && capture_ended "$1"
}

# told_by FILE EXPRESSION: a python expression over all packets, by scapy.
told_by() {
	/usr/bin/python3 - "$@" <<'PYTHON'
import sys
from scapy.all import ICMP, IP, TCP, UDP, Ether, PcapNgReader
packets = list(PcapNgReader(sys.argv[1]))
sys.exit(0 if eval("(%s)" % sys.argv[2]) else "%s: %s" % (sys.argv[2], [p.summary() for p in packets][:9]))
PYTHON
}

# Blocks with comments and flags, which the stock readers keep to themselves.
notes_of() { # FILE EXPRESSION over notes: [(flags, comment, captured, length)]
	/usr/bin/python3 - "$@" <<'PYTHON'
import struct, sys
data, at, notes = open(sys.argv[1], "rb").read(), 0, []
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    assert struct.unpack_from("<I", data, at + size - 4)[0] == size
    if kind == 6:
        captured, length = struct.unpack_from("<II", data, at + 20)
        option, found = at + 28 + (captured + 3 & ~3), {}
        while option < at + size - 4:
            code, n = struct.unpack_from("<HH", data, option)
            found[code] = data[option + 4:option + 4 + n]
            option += 4 + (n + 3 & ~3)
        flags = struct.unpack("<I", found[2])[0]
        notes.append((flags, found.get(1, b"").decode(), captured, length))
    at += size
sys.exit(0 if eval("(%s)" % sys.argv[2]) else "%s: %s" % (sys.argv[2], notes[:9]))
PYTHON
}

# Each question after the answer to the one before, of which the first is another's.
both_ways() {
	local n
	capture_start "$dir/both" "$lab-2" -c 8 icmp || return 1
	for n in 3 2 2 2; do
		within "$lab-vm$n" ping -qc 1 -W 10 $outside || return 1
	done
	within "$lab-vm2" ping -qc 2 -i 0.05 -W 0.1 -I 10.88.0.77 $outside
	capture_ended "$dir/both"
}

stock_reader_agrees() {
	equal "packets for tcpdump" "$(tcpdump -nr "$dir/both" 2>/dev/null | grep -c ICMP)" 8
}

drops_are_explained() {
	notes_of "$dir/both" '[n[:2] for n in notes] == [(2, ""), (1, "")] * 3 +
		[(2, "dropped: Invalid source ip (132)")] * 2'
}

times_are_true() {
	told_by "$dir/both" "all(abs(float(p.time) - $(date +%s)) < 60 for p in packets) and
		sorted(p.time for p in packets) == [p.time for p in packets]"
}

# A frame that was not segmented yet is longer than the MTU.
long_frames() {
	capture_start "$dir/long" "$lab-2" --snaplen 100 tcp || return 1
	within "$host" timeout $patience_s python3 -c 'import socket
line = socket.create_server(("'$outside'", 7000)).accept()[0]
while line.recv(65536): pass' &
	wait_for within "$lab-vm2" python3 -c 'import socket
line = socket.create_connection(("'$outside'", 7000), 5)
line.sendall(bytes(1 << 20))' || return 1
	wait $!
	capture_end "$dir/long" || return 1
	notes_of "$dir/long" 'max(n[3] for n in notes) > 1514 and max(n[2] for n in notes) == 100' ||
		return 1
	# no byte is missing: what the guest sent adds up
	notes_of "$dir/long" 'sum(n[3] - 66 for n in notes if n[0] == 2) >= 1 << 20'
}

counted_to_a_pipe() {
	capture_pipe() { timeout $patience_s "$build/beeline" capture "$lab-2" -c 4 -w - icmp; }
	spawn "$dir/pings" ip netns exec "$lab-vm2" ping -qi 0.05 $outside
	local ping=$spawned n
	n=$(capture_pipe 2>/dev/null | tcpdump -nr - 2>/dev/null | grep -c ICMP)
	spawned_ends $ping
	equal "packets of the pipe" "$n" 4
}

second_is_refused() {
	capture_start "$dir/first" "$lab-2" || return 1
	fails beeline capture "$lab-2" -w "$dir/second" || return 1
	beeline capture "$lab-2" -w "$dir/second" 2>&1 | grep -q "is being captured already"
	[ "${PIPESTATUS[1]}" = 0 ] || return 1
	capture_end "$dir/first"
}

outlives_no_agent() {
	capture_start "$dir/orphan" "$lab-2" || return 1
	agent_kill || return 1
	wait_for grep -q 'packets captured' "$dir/orphan.said" || return 1
	agent_start || return 1
	bpftool map dump pinned "$bpffs/maps/bl_captures" | grep -q "Found 0 elements"
}

check capture-both-ways both_ways
check capture-stock-reader stock_reader_agrees
check capture-drops-explained drops_are_explained
check capture-times-true times_are_true
check capture-long-frames long_frames
check capture-counted-to-a-pipe counted_to_a_pipe
check capture-second-refused second_is_refused
check capture-ends-with-the-agent outlives_no_agent
check capture-again both_ways
