#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a live agent refuses: each bad policy of selftests/golden/policies, and sets of manifests that are
# bad together. One sentence that begins with the file and ends with the path and the reason, exit code 1,
# and nothing is stored, not even what was sound beside it.
set -u
. "$(dirname "$0")/lab.sh"
lab_open refused
policies=selftests/golden/policies

stored() { beeline get cnp,ccnp,netpol,clusternetworkpolicy,ccg,ns,po,svc -A -o name; }

# refused SENTENCE FILE...
refused() {
	local sentence=$1 said code
	shift
	said=$(beeline apply "${@/#/--filename=}" 2>&1)
	code=$?
	echo "$said"
	[ $code = 1 ] && [[ $said == "error: "*": $sentence" || $said == "error: $sentence" ]] &&
		[ "$(wc -l <<<"$said")" = 1 ] && equal stored "$(stored)" ""
}

# refused_by_name SENTENCE FILE: and it names the file
refused_by_name() {
	refused "$@" && beeline apply -f "$2" 2>&1 | grep -qF "error: $2: "
}

write() { # NAME: a file of that name from standard input
	cat >"$dir/$1"
}

check agent-starts agent_start || exit

for file in "$policies"/*.yaml; do
	[ "$file" = "$policies/no-policy.yaml" ] && continue # a VM, of which there is more to say
	read -r mark sentence <"$file"
	[ "$mark" = "#!" ] && check "$(basename "$file" .yaml)" refused_by_name "$sentence" "$file"
done

write good.yaml <<-END
	{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: good},
	 spec: {endpointSelector: {}, ingress: [{}]}}
END
write group.yaml <<-END
	{apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [10.0.0.1/8]}}
END
write pod.yaml <<-END
	{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0}]}}
END
write namespace.yaml <<-END
	{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}
END
write cluster.yaml <<-END
	{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}
END
write list.yaml <<-END
	{apiVersion: v1, kind: List, items: none}
END
check bad-beside-good refused "spec.externalCIDRs[0]: '10.0.0.1/8' has bits set beyond its prefix length" \
	"$dir/good.yaml" "$dir/group.yaml"
check peer refused_by_name "status.podIPs[1].ip: '10.0.0' is not an IP address" "$dir/pod.yaml"
check namespace refused_by_name \
	"metadata.name: 'a.b' is not a name: up to 63 lower-case letters, digits and '-'" "$dir/namespace.yaml"
check of-the-cluster refused_by_name "metadata.namespace: a Namespace is of the whole cluster" \
	"$dir/cluster.yaml"
check list refused_by_name "items: expected an array, got string" "$dir/list.yaml"
check twice refused 'CiliumNetworkPolicy "good" stands twice in the manifests' \
	"$dir/good.yaml" "$dir/good.yaml"

# All of that has left the agent as it was.
check good beeline apply -f "$dir/good.yaml"
check good-is-stored equal stored "$(stored)" ciliumnetworkpolicy.cilium.io/good
