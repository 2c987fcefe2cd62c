#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Policy while packets flow: numbered datagrams that are allowed all arrive and forbidden ones never do,
# while policies change under them, while the agent is killed in the middle of changes, and while there is
# none. And what is established ends with its permission; labels, namespaces and nodes are followed.
set -u
. "$(dirname "$0")/lab.sh"
lab_open policy-live
talk=selftests/net/talk.py
client=$lab-vm2 server=$lab-vm3
swaps=20 kills=5
rate=500

apply() { beeline apply -f -; }

# allow FROM WORLD4 WORLD6: what the flows below need, said in several ways, and more that differs.
allow() {
	apply <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: live},
		 spec: {endpointSelector: {matchLabels: {app: web}}, ingress: [
		  {$1, toPorts: [{ports: [{port: '7800', endPort: 7803}]}]},
		  {fromEndpoints: [{matchExpressions: [{key: app, operator: In, values: [a, b]}]}],
		   toPorts: [{ports: [{port: '7804', endPort: 7807}]}]},
		  {fromCIDR: [$2, '$3'], toPorts: [{ports: [{port: '7804', endPort: 7807}]}]}]}}
	END
}

# called APP: the world's address is somebody's, who is allowed under either name.
called() {
	apply <<-END
		{apiVersion: v1, kind: Pod, metadata: {name: caller, labels: {app: $1}},
		 status: {podIPs: [{ip: 10.88.0.1}, {ip: 'fd00:88::1'}]}}
	END
}

allow_a() { allow 'fromEndpoints: [{matchLabels: {app: client}}]' 10.88.0.1/32 fd00:88::1/128; }
allow_b() { allow 'fromEntities: [cluster]' 10.88.0.0/24 fd00:88::/64; }

# allowed: four of a VM, four of the world; forbidden: as many on other ports. Only those that open a
# connection by each packet meet a change between its steps.
flow_start() {
	local forbidden from kind flows=()
	for forbidden in '' '!'; do
		for from in "$client" "$host"; do
			for kind in one-way opening; do
				flows+=("$forbidden$from,$server,10.88.0.3,$kind")
				flows+=("$forbidden$from,$server,fd00:88::3,$kind")
			done
		done
	done
	flows_begin $rate "${flows[@]}"
}

swap_often() {
	local i
	for ((i = 0; i < swaps; i++)); do
		allow_b && called a && called b && allow_a && beeline delete pod caller || return 1
	done
}

# The agent dies at any instant of a change; the next one goes on where it was.
kill_often() {
	local i
	for ((i = 0; i < kills; i++)); do
		{ allow_b; called a; called b; allow_a; } >/dev/null 2>&1 &
		read -rt "0.0$((RANDOM % 90 + 10))" <> <(:) # an instant; any will do
		agent_kill
		wait $!
		agent_start || return 1
		allow_a || return 1
	done
}

# without_agent COMMAND...
without_agent() {
	agent_kill || return 1
	"$@"
	local code=$?
	agent_start && return $code
}

identities() { bpftool map dump pinned "$bpffs/maps/bl_ipcache" -j | md5sum; }

# revoked ADDRESS SUBJECT SECTION: of an established connection whose permission goes while it idles, which
# one end's policy gives, neither end is heard any more.
revoked() {
	cat >"$dir/policy" <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: revoke},
		 spec: {endpointSelector: {matchLabels: {app: $2}},
		  $3: [{toPorts: [{ports: [{port: '7800'}]}]}]}}
	END
	printf '#!/bin/sh\nsed s/7800/7999/ %s | %s apply -f -\n' "$dir/policy" "$build/beeline" >"$dir/revoke"
	chmod +x "$dir/revoke"
	beeline delete cnp live && beeline apply -f "$dir/policy" || return 1
	$talk revoked "$client" "$server" "$1" "$dir/revoke" --port 7800
	local code=$?
	beeline delete cnp revoke >/dev/null && allow_a >/dev/null && return $code
}

relabel() { # N KEY=VALUE
	beeline endpoint add "$lab-$1" --netns "$lab-pod$1" --binding pod --namespace default --label "$2"
}

from() { # PEERS
	apply <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: live},
		 spec: {endpointSelector: {matchLabels: {app: web}}, ingress: [{$1}]}}
	END
}

namespace_label() {
	apply <<-END
		{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {team: $1}}}
	END
}

node() { # ADDRESS
	apply <<-END
		{apiVersion: v1, kind: Node, metadata: {name: $(hostname)},
		 status: {addresses: [{type: InternalIP, address: $1}]}}
	END
}

condition() { # TYPE: status and reason
	beeline get cnp live -o json | python3 -c 'import json, sys
for each in json.load(sys.stdin)["status"]["conditions"]:
    if each["type"] == sys.argv[1]:
        print(each["status"], each.get("reason"), each.get("message"))' "$1"
}

check agent-starts agent_start || exit
pod_make 2
pod_make 3
check client vm_make 2 pod --namespace default --label app=client || exit
check server vm_make 3 masquerade --namespace default --label app=web || exit

check policy-a allow_a
check flow-starts flow_start || exit
check "$((5 * swaps))-changes" swap_often
check no-packet-judged-wrong-under-swaps flows_were_right
tail -n 1 "$dir/flow"
check flow-starts-again flow_start || exit
check "$kills-kills-in-a-change" kill_often
check no-packet-judged-wrong-under-kills flows_were_right
tail -n 1 "$dir/flow"

before=$(identities)
check enforced-without-agent without_agent $talk silent "$client" 10.88.0.3 --port 7900
check numbers-are-kept equal identities "$(identities)" "$before"
check enforced-after-restart $talk silent "$client" 10.88.0.3 --port 7900
check allowed-after-restart $talk tcp "$client" "$server" 10.88.0.3 20000 --port 7800

check established $talk resumed "$client" "$server" 10.88.0.3 true --port 7800
for to in 10.88.0.3 fd00:88::3; do
	check "revoked-where-it-leads-$to" revoked $to web ingress
	check "revoked-where-it-comes-from-$to" revoked $to client egress
done

check label allow_a
check label-taken relabel 2 app=other
check without-label-denied $talk silent "$client" 10.88.0.3 --port 7800
check label-given relabel 2 app=client
check with-label-allowed $talk tcp "$client" "$server" 10.88.0.3 20000 --port 7800

check namespace from "fromEndpoints: [{matchLabels: {k8s:io.cilium.k8s.namespace.labels.team: red}}]"
check namespace-without-label $talk silent "$client" 10.88.0.3
check namespace-labelled namespace_label red
check namespace-with-label $talk tcp "$client" "$server" 10.88.0.3 20000

check host from "fromEntities: [remote-node]"
check world-is-no-host $talk silent "$host" 10.88.0.3
check node-known node 10.88.0.1
check host-may-always-come-in $talk tcp "$host" "$server" 10.88.0.3 20000
check node-goes beeline delete node --all
check no-host-any-more $talk silent "$host" 10.88.0.3

check layer-7 from "fromEndpoints: [{}], toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}]"
check layer-7-allows-nothing $talk silent "$client" 10.88.0.3 --port 80
check layer-7-is-said grep -q "^False NotSupported spec.ingress" <(condition Enforced)
check unknown-field-is-refused fails from "fromEndpoint: [{}]"
check unknown-field-is-warned-of grep -q "fromEndpoint: unknown field.*allows nothing" <(
	beeline apply --validate=warn -f - 2>&1 <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: live},
		 spec: {endpointSelector: {matchLabels: {app: web}}, ingress: [
		  {fromEndpoint: [{}], toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]}}
	END
)
check unknown-field-allows-nothing $talk silent "$client" 10.88.0.3 --port 80
check unknown-field-is-said grep -q "^False NotSupported spec.ingress" <(condition Enforced)
check a-bad-policy-is-refused fails from "fromCIDR: [10.0.0.0/33]"
check a-bad-policy-changes-nothing grep -q "^False NotSupported spec.ingress" <(condition Enforced)
check allow_a allow_a
check enforced-is-said equal condition "$(condition Enforced)" "True None None"
