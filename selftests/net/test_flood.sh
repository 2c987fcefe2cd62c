#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# More connections than a VM's table holds, from it and to it: other VMs' connections live on, and new ones
# are opened meanwhile; its own established ones stay while what floods has only begun; and where even these
# have to go, that is counted, and nothing comes in that could not before.
set -u
. "$(dirname "$0")/lab.sh"
lab_open flood
talk=selftests/net/talk.py
flooded=$lab-vm2 other=$lab-vm3
flows=60000 # 24,576 fit

policy() {
	beeline apply -f - <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: floods},
		 spec: {endpointSelector: {}, egress: [{toEntities: [all]}],
		  ingress: [{toPorts: [{ports: [{port: '80', endPort: 81, protocol: TCP}]}]},
		   {icmps: [{fields: [{type: 143, family: IPv6}]}]}]}} # what the node reports of its groups
	END
}

# metric NAME N [LABEL]: the sum over what has the label.
metric() {
	curl -s "http://$metrics/metrics" | awk -v name="$1{" -v vm="name=\"$lab-$2\"" -v label="${3:-}" \
		'index($0, name) == 1 && index($0, vm) && index($0, label) { n += $NF } END { print n + 0 }'
}

denied() { counted "$1" to-vm "Policy denied"; }

# script NAME LINE...: a command that others can call without words
script() {
	printf '%s\n' '#!/bin/bash' "${@:2}" >"$dir/$1"
	chmod +x "$dir/$1"
}

# half of a flood in either family; from 10.77.0.0/16 and fd00:77:: nothing answers. It is over when what is
# sent behind it is answered: until then a queue holds the rest of it.
flood() { # NAME NETNS KIND SOURCE DESTINATION SOURCE6 DESTINATION6
	local command="selftests/net/flood.py $2 $3 $((flows / 2))"
	script "$1" "$command $4 $5 80 && $command $6 $7 80 && ip netns exec $2 ping -qc 1 -W $patience_s $outside"
}

# lives_on FROM TO ADDRESS PORT COMMAND: through it, the called end speaking first, which takes the entry
lives_on() { $talk resumed "$1" "$2" "$3" "$5" --port "$4"; }

# all_live_on FLOOD: connections of both VMs, opened either way, and new ones of the other VM meanwhile. What
# the world says on one whose entry is lost would be denied, until the VM speaks itself.
all_live_on() {
	script meanwhile "$dir/$1 & flood=\$!" \
		"for n in 1 2 3; do" \
		"  $talk tcp $other $host $outside 20000 --port 901\$n &&" \
		"  $talk tcp $host $other fd00:88::3 20000 --port 80 || exit 1" \
		"done" "wait \$flood"
	script fourth "$talk resumed $host $flooded fd00:88::2 $dir/meanwhile --port 81"
	script third "$talk resumed $flooded $host $outside $dir/fourth --port 9003"
	script second "$talk resumed $other $host $outside6 $dir/third --port 9002"
	local before
	before=$(denied 2)
	lives_on "$flooded" "$host" $outside6 9001 "$dir/second" &&
		equal denied "$(denied 2)" "$before"
}

fill_is_shown() {
	local used limit
	used=$(metric beeline_conntrack_entries 2) limit=$(metric beeline_conntrack_entries_limit 2)
	echo "$used of $limit"
	[ "$limit" = 24576 ] && [ "$used" -gt $((limit * 9 / 10)) ] && [ "$used" -le "$limit" ] &&
		[ "$(metric beeline_conntrack_entries 3)" -lt 100 ]
}

evictions() { metric beeline_conntrack_evictions_total "$@"; }

# evicted DIRECTION COMMAND...: what cannot have found room, of that direction; nobody else's.
evicted() {
	local before
	before=$(evictions 2 "direction=\"$1\"")
	"${@:2}" || return 1
	wait_for evicted_beyond $((before + flows - 24576 - flows / 4)) "$1" && equal "of the other" "$(evictions 3)" 0
}

evicted_beyond() { # NUMBER DIRECTION
	local now
	now=$(evictions 2 "direction=\"$2\"")
	echo "evicted: $now, $1 at least"
	[ "$now" -gt "$1" ]
}

# Where the entry had to go, it is denied, and counted; and the connection lives on when the VM has spoken.
comes_back() {
	local before
	before=$(denied 2)
	lives_on "$flooded" "$host" $outside 9004 "$dir/acks" || return 1
	echo "denied: $(($(denied 2) - before))"
	[ $(($(denied 2) - before)) -gt 0 ]
}

check agent-starts agent_start "$build/beeline-agent" --metrics-address 127.0.0.1:0 || exit
metrics=$(sed -n 's/.*msg=metrics address=//p' "$dir/agent.1")
for n in 2 3; do
	pod_make $n
	check "vm$n" vm_make $n pod --namespace default || exit
done
ip -n "$flooded" link set eth0 txqueuelen $flows # none is lost before it comes to the line
ip -n "$host" route add blackhole 10.77.0.0/16
ip -n "$host" route add blackhole fd00:77::/64
spawn "$dir/server" ip netns exec "$flooded" python3 -m http.server 80 --bind :: --directory "$dir"
flood syns "$flooded" syn 10.88.0.2 10.77.0.1 fd00:88::2 fd00:77::1
flood syns-in "$host" syn 10.77.1.0/30 10.88.0.2 fd00:77::/126 fd00:88::2
flood acks "$flooded" ack 10.88.0.2 10.77.2.1 fd00:88::2 fd00:77::2

check policy policy
check flood-from-the-vm evicted from-vm all_live_on syns
check flood-from-the-vm-is-shown wait_for fill_is_shown
check flood-to-the-vm evicted to-vm all_live_on syns-in
check flood-to-the-vm-is-shown wait_for fill_is_shown
check full-of-established evicted from-vm comes_back
check full-is-shown wait_for fill_is_shown
