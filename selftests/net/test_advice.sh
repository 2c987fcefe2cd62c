#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `apply` warns of although nothing is wrong with a document: policies that select nobody or are not
# enforced as they stand, addresses that two have. And how loudly the rest says that a policy does not fit,
# until it does.
set -u
. "$(dirname "$0")/lab.sh"
lab_open advice

# advised WARNINGS [FILE...]: of standard input, or files; all of it is stored. A line each.
advised() {
	local wanted=$1 said
	shift
	said=$(beeline apply $([ $# = 0 ] && echo -f -) "${@/#/--filename=}" 2>&1 >"$dir/results") || {
		echo "$said"
		return 1
	}
	[ -s "$dir/results" ] && equal warnings "$said" "$wanted"
}

silent() { advised "" "$@"; }

cnp() { # NAME APP [RULES]
	local rules='ingress: [{}]'
	echo "---
{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: $1}, spec: {
 endpointSelector: {matchLabels: {app: $2}}, ${3:-$rules}}}"
}

vm() { # NAME TEMPLATE-APP [OWN-APP]
	echo "---
{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: $1, labels: {app: ${3:-none}}},
 spec: {runStrategy: Halted, template: {metadata: {labels: {app: $2}}, spec: {domain: {memory: {guest: 64Mi}}}}}}"
}

pod() { # NAME ADDRESS...
	local name=$1
	shift
	echo "---
{apiVersion: v1, kind: Pod, metadata: {name: $name, labels: {pod: $name}}, spec: {}, status: {phase: Running,
 podIPs: [$(printf "{ip: '%s'}," "$@")]}}"
}

nobody="selects no VM or endpoint of this node, so that nothing is enforced until one comes:"
here=k8s:io.kubernetes.pod.namespace=default

check agent-starts agent_start "$build/beeline-agent" --metrics-address 127.0.0.1:0 || exit
metrics=$(sed -n 's/.*msg=metrics address=//p' "$dir/agent.1")
pod_make 2
check endpoint endpoint_add 2 pod --namespace default --label app=web || exit

# ---- nobody is selected ----

of_other_kinds() {
	advised "warning: standard input: NetworkPolicy \"np\": spec.podSelector: $nobody k8s:app=db, $here
warning: standard input: ClusterNetworkPolicy \"tier\": spec.subject: $nobody k8s:$clusterwide=shop
warning: standard input: CiliumClusterwideNetworkPolicy \"two\": specs[1].endpointSelector: $nobody app=db" <<-END
		{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np},
		 spec: {podSelector: {matchLabels: {app: db}}}}
		---
		{apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy, metadata: {name: tier},
		 spec: {tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}},
		  ingress: [{action: Deny, from: [{namespaces: {}}]}]}}
		---
		{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: two}, specs: [
		 {endpointSelector: {matchLabels: {app: web}}, ingress: [{}]},
		 {endpointSelector: {matchLabels: {app: db}}, ingress: [{}]}]}
	END
}
clusterwide=io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name

its_own_labels() {
	(cnp own own-label && vm own template-label own-label) |
		advised "warning: standard input: CiliumNetworkPolicy \"own\": spec.endpointSelector: $nobody app=own-label, $here (VM default/own has the labels, but not in its template, where they would count)"
}

namespace_in_the_batch() {
	silent <<-END
		{apiVersion: v1, kind: Namespace, metadata: {name: lab, labels: {team: a}}}
		$(vm far far | sed 's/name: far/&, namespace: lab/')
		---
		{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: team}, spec: {
		 endpointSelector: {matchLabels: {io.cilium.k8s.namespace.labels.team: a}}, ingress: [{}]}}
	END
}

# Whoever applies it a second time is told a second time.
nobody_is_told() {
	cnp nobody nobody | advised "warning: standard input: CiliumNetworkPolicy \"nobody\": spec.endpointSelector: $nobody app=nobody, $here"
}

check nobody nobody_is_told
check nobody-again nobody_is_told
check an-endpoint eval 'cnp web web | silent'
check a-vm-of-the-batch eval '(cnp late late && vm late late) | silent'
check a-vm-of-before eval 'cnp later late | silent'
check labels-of-the-vm-itself its_own_labels
check a-namespace-of-the-batch namespace_in_the_batch
check of-other-kinds of_other_kinds
check peers-that-nobody-is eval 'cnp peers web "ingress: [{fromEndpoints: [{matchLabels: {app: none}}]}]" | silent'
check all-go beeline policy delete cnp/nobody cnp/web cnp/late cnp/later cnp/own cnp/peers ccnp/team ccnp/two \
	netpol/np clusternetworkpolicy/tier

# ---- what does not fit ----

# More ports than fit for more pods: each a row.
wide() {
	cnp wide web "ingress: [{fromEndpoints: [{matchExpressions: [{key: pod, operator: Exists}]}], toPorts: [
		{ports: [$(for i in {0..39}; do echo "{port: '$((81 + 2 * i))', protocol: TCP},"; done)]}]}]"
}

many() {
	for i in {0..499}; do
		pod "p$i" 10.66.$((i / 250)).$((i % 250 + 1))
	done
}

unfit="endpoint '$lab-2' stays as it was: the policy needs more than 16384 entries"

stale="warning: the entries are not those of its policies: the policy needs more than 16384 entries"

policies() { beeline policy list -o json | python3 -c 'import json, sys
print(*((p["name"], p["enforced"]) for p in json.load(sys.stdin)["policies"]))'; }

endpoint_error() { beeline policy get "$lab-2" -o json | json endpoint.error; }

amiss() { curl -sS "http://$metrics/metrics" | sed -n 's/^beeline_policy_endpoints_amiss //p'; }

is_said() {
	equal list "$(policies)" "('wide', 'False')" &&
		equal metrics "$(amiss)" 1 &&
		equal error "$(endpoint_error)" "the policy needs more than 16384 entries" &&
		beeline policy list | grep -E "^$lab-2 .* not-ready$" &&
		beeline policy list -o wide | grep -E "^$lab-2 .* not-ready +0 +the policy needs more than 16384 entries" &&
		beeline policy get "$lab-2" 2>&1 | grep -F "$stale" &&
		beeline policy describe "$lab-2" | grep -E '^Error: +the policy needs more than 16384 entries' &&
		beeline policy describe cnp/wide | grep -E "^Enforced +False +TooManyEntries +$unfit" &&
		beeline get cnp wide -o wide | grep -E "^wide .* True +False" &&
		grep -F "an endpoint's policy stays what it was" "$dir/agent.1" &&
		beeline status | grep -E '^Endpoints amiss +1$'
}

is_unsaid() {
	equal list "$(policies)" "${1:-}" &&
		equal metrics "$(amiss)" 0 &&
		fails endpoint_error 2>/dev/null &&
		fails eval "beeline policy get $lab-2 2>&1 | grep -F 'warning'"
}

pods_make_it_too_large() {
	many | advised "warning: CiliumNetworkPolicy \"wide\": is not enforced as it stands any more: $unfit"
}

too_large() {
	wide | advised "warning: standard input: CiliumNetworkPolicy \"wide\": is not enforced as it stands: $unfit"
}

check fits eval 'wide | silent'
check pods-make-it-too-large pods_make_it_too_large
check too-large-is-said wait_for is_said
check no-news-of-others eval 'cnp other nobody "ingress: [{}]" | beeline apply -f - 2>&1 | fails grep wide'
check other-goes beeline policy delete cnp/other
check too-large-again too_large
check policy-goes beeline policy delete cnp/wide
check gone-with-the-policy wait_for is_unsaid
check too-large-from-the-beginning too_large
check that-is-said wait_for is_said
check pods-go beeline delete pod --all
check gone-with-the-pods wait_for is_unsaid "('wide', 'True')"

# ---- what the kernel does not take ----

# prefixes GROUP N: a group of so many, which none has but it.
prefixes() {
	python3 -c 'import json, sys
group, n = int(sys.argv[1]), int(sys.argv[2])
print(json.dumps({"apiVersion": "cilium.io/v2", "kind": "CiliumCIDRGroup", "metadata": {"name": f"g{group}"},
    "spec": {"externalCIDRs": [f"{100 + group}.{i >> 16}.{i >> 8 & 255}.{i & 255}/32" for i in range(n)]}}))' "$@"
}

failures() { curl -sS "http://$metrics/metrics" | sed -n 's/^beeline_policy_update_failures_total //p'; }

# Whom the policy selects does not matter: prefixes that are named are known to all.
prefixes_do_not_fit() {
	prefixes 0 90000 | silent && prefixes 1 90000 | silent && prefixes 2 90000 | silent || return 1
	cnp groups late "egress: [{toCIDRSet: [{cidrGroupRef: g0}, {cidrGroupRef: g1}, {cidrGroupRef: g2}]}]" |
		beeline apply -f - 2>&1 >/dev/null | tee "$dir/refused" |
		grep -Ex "warning: network policy stays what it was: 2700[0-9]+ prefixes of policies, pods and nodes are more than the 256000 that fit" &&
		equal warnings "$(wc -l <"$dir/refused")" 1 && [ "$(failures)" -ge 1 ] &&
		beeline policy list | grep -E '^CiliumNetworkPolicy .* groups +0 +True +False'
}

# The same again, as a peer comes: nothing is forgotten, and nothing is said of who fits.
a_peer_hears_it_too() {
	pod late 10.66.7.7 | beeline apply -f - 2>&1 >/dev/null | grep -E "^warning: network policy stays what it was: 2700"
}

prefixes_fit() {
	prefixes 2 10 | silent && equal list "$(policies)" "('groups', 'True') ('wide', 'True')"
}

check prefixes-do-not-fit prefixes_do_not_fit
check a-peer-hears-it-too a_peer_hears_it_too
check prefixes-fit prefixes_fit
check groups-go beeline delete cnp/groups ccg/g0 ccg/g1 ccg/g2

# ---- addresses that two have ----

also="is also the address of"

two_pods() { pod a 10.66.0.1 fd00:66::1 && pod b 10.66.0.1 fd00:66::2; }

# Which of two pods does not matter, if it is said.
two_have_one() {
	two_pods | beeline apply -f - 2>&1 >/dev/null | sort >"$dir/two"
	sed -E 's/this pod|that one/.../' "$dir/two" | diff - <(
		echo "warning: standard input: Pod \"a\": status.podIPs[0].ip: 10.66.0.1 $also pod default/b; policies take it for ..."
		echo "warning: standard input: Pod \"b\": status.podIPs[0].ip: 10.66.0.1 $also pod default/a; policies take it for ..."
	) && equal "takers" "$(grep -Eo 'this pod|that one' "$dir/two" | sort | xargs)" "that one this pod"
}

check two-have-one two_have_one
check an-endpoints eval "pod c 10.66.0.3 fd00:88::2 | advised \
'warning: standard input: Pod \"c\": status.podIPs[1].ip: fd00:88::2 $also endpoint $lab-2; policies take it for that one'"
check nobody-elses eval 'pod a 10.66.0.9 fd00:66::1 | silent'

# ---- names that two have ----

namesake="an endpoint made by hand has this name too, and is who \`beeline policy get $lab-2\` and its like mean; \
the VM's is default_$lab-2_INTERFACE"

a_vms() {
	pod_make 3
	fails beeline endpoint add late --netns "$lab-pod3" 2>"$dir/refused" &&
		grep -F "name 'late': VM default/late has it, and commands take either's; choose another" "$dir/refused"
}

check an-endpoints-name eval 'vm $lab-2 none | advised "warning: standard input: VirtualMachine \"$lab-2\": $namesake"'
check a-vms-name a_vms

# ---- modes ----

mode() { # MODE SENTENCE
	agent_kill
	agent_start "$build/beeline-agent" --policy "$1" &&
		cnp web web | advised "warning: standard input: CiliumNetworkPolicy \"web\": is not enforced as it stands: $2"
}

check never mode never "the agent runs with --policy=never"
check audit mode audit "what it denies passes and is counted: the agent runs with --policy=audit"
