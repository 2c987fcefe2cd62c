#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From YAML to packets: what `beeline apply` says of policies decides what crosses the line between two
# VMs and the world, both bindings, both families, at once and on established connections too.
set -u
. "$(dirname "$0")/lab.sh"
lab_open policy
talk=selftests/net/talk.py
client=$lab-vm2 server=$lab-vm3

apply() { beeline apply -f -; }

# cnp NAME SPEC: a policy for the server, of which the rest is given as YAML in one line.
cnp() {
	apply <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: $1},
		 spec: {endpointSelector: {matchLabels: {app: web}}, $2}}
	END
}

forget() { beeline delete cnp --all; }

tcp() { $talk tcp "$1" "$2" "$3" 20000 --port "$4"; } # FROM TO ADDRESS PORT
silent() { $talk silent "$1" "$2" --port "$3"; }      # FROM ADDRESS PORT
pings() { within "$1" ping -qc 1 -W 5 "$2"; }
no_ping() { fails within "$1" ping -qc 1 -W 1 "$2"; }

# from_yaml NAME SERVER OUTSIDE-OF-VMS: each member of a policy, against the server's address.
from_yaml() {
	local name=$1 to=$2 out=$3

	check "$name-nothing-is-denied-before" tcp "$client" "$server" "$to" 8080
	check "$name-label-and-port" cnp a "ingress: [{fromEndpoints: [{matchLabels: {app: client}}],
		toPorts: [{ports: [{port: '8080', protocol: TCP}]}]}]"
	check "$name-label-and-port-allows" tcp "$client" "$server" "$to" 8080
	check "$name-other-port-is-denied" silent "$client" "$to" 8081
	check "$name-other-peer-is-denied" silent "$host" "$to" 8080
	check "$name-other-protocol-is-denied" no_ping "$client" "$to"
	check "$name-replies-pass" tcp "$server" "$client" "$4" 8080
	check "$name-deny" cnp b "ingressDeny: [{fromEndpoints: [{matchLabels: {app: client}}]}]"
	check "$name-deny-over-allow" silent "$client" "$to" 8080
	check "$name-deny-goes" beeline delete cnp b
	check "$name-allowed-again" tcp "$client" "$server" "$to" 8080
	check "$name-icmp" cnp a "ingress: [{icmps: [{fields: [
		{type: 8, family: IPv4}, {type: EchoRequest, family: IPv6}]}]}]"
	check "$name-icmp-allows" pings "$client" "$to"
	check "$name-icmp-alone" silent "$client" "$to" 8080
	check "$name-world" cnp a "ingress: [{fromEntities: [world]}]"
	check "$name-world-allows" tcp "$host" "$server" "$to" 8080
	check "$name-a-vm-is-not-the-world" silent "$client" "$to" 8080
	check "$name-cidr" cnp a "egress: [{toCIDR: [$out]}]"
	check "$name-cidr-allows" tcp "$server" "$host" "${out%/*}" 8080
	check "$name-cidr-alone" silent "$server" "$4" 8080
	check "$name-forget" forget
}

check agent-starts agent_start || exit
n=2
for binding in pod masquerade; do
	pod_make $n
	pod_make $((n + 1))
	check "$binding-client" vm_make $n $binding --namespace default --label app=client || exit
	check "$binding-server" vm_make $((n + 1)) $binding --namespace default --label app=web || exit
	client=$lab-vm$n server=$lab-vm$((n + 1))
	from_yaml "$binding-v4" 10.88.0.$((n + 1)) $outside/32 10.88.0.$n
	from_yaml "$binding-v6" fd00:88::$((n + 1)) $outside6/128 fd00:88::$n
	n=$((n + 2))
done
