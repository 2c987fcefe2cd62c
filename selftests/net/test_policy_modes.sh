#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# beeline-agent --policy: what holds where no policy selects, what is let pass all the same, and what the
# agent after it makes of connections that began under another mode.
set -u
. "$(dirname "$0")/lab.sh"
lab_open policy-modes
talk=selftests/net/talk.py
client=$lab-vm2 server=$lab-vm3

mode() { # MODE: the next agent's
	agent_kill
	agent_start "$build/beeline-agent" --policy "$1" &&
		equal mode "$(beeline status -o json | json policyMode)" "$1"
}

cnp() { # NAME SUBJECT SECTION
	beeline apply -f - <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: $1},
		 spec: {endpointSelector: {matchLabels: {app: $2}}, $3}}
	END
}

only_8080() { cnp only web "ingress: [{toPorts: [{ports: [{port: '8080', protocol: TCP}]}]}]"; }

tcp() { $talk tcp "$client" "$server" "$1" 20000 --port "$2"; }
silent() { $talk silent "$client" "$1" --port "$2"; }
outside() { $talk tcp "$1" "$host" $outside 20000 --port 8080; }
unheard() { $talk silent "$1" $outside --port 8080; }

condition() { # TYPE of the policy "only": status and reason
	beeline get cnp only -o json | python3 -c 'import json, sys
for each in json.load(sys.stdin)["status"]["conditions"]:
    if each["type"] == sys.argv[1]:
        print(each["status"], each.get("reason"))' "$1"
}

audited() { counted 3 to-vm "Forwarded, though policy denies it"; }

# The packet that policy denies arrives, is counted, and is told with the rule that denies it.
audits() { # ADDRESS
	local before
	before=$(audited)
	spawn "$dir/events" "$build/beeline" monitor --endpoint "$lab-3" --sample 1 --port 8081 -o json
	local monitor=$spawned
	wait_for told_of "$1" || return 1
	spawned_ends "$monitor"
	[ "$(audited)" -gt "$before" ]
}

told_of() {
	tcp "$1" 8081 || return 1
	grep '"code":7' "$dir/events" | grep -q '"ruleName":"default deny of default/only"'
}

# Who is not an endpoint has a name, too.
names_the_world() {
	spawn "$dir/events" "$build/beeline" monitor --endpoint "$lab-3" --sample 1 --port 8080 -o json
	local monitor=$spawned
	wait_for named_world || return 1
	spawned_ends "$monitor"
}

named_world() { outside "$server" && grep -q '"destinationName":"world"' "$dir/events"; }

check agent-starts agent_start || exit
pod_make 2
pod_make 3
check client vm_make 2 pod --namespace default --label app=client || exit
check server vm_make 3 masquerade --namespace default --label app=web || exit
targets="10.88.0.3 fd00:88::3"

for to in $targets; do
	check "default-nothing-selects-$to" tcp $to 8081
done
check default-policy only_8080
for to in $targets; do
	check "default-allows-$to" tcp $to 8080
	check "default-denies-$to" silent $to 8081
done
check default-other-direction outside "$server"

check audit mode audit
for to in $targets; do
	check "audit-allows-$to" tcp $to 8080
	check "audit-lets-pass-and-tells-$to" audits $to
done
check audit-is-said equal condition "$(condition Enforced)" "False Audit"

check never mode never
for to in $targets; do
	check "never-lets-pass-$to" tcp $to 8081
done
check never-is-said equal condition "$(condition Enforced)" "False Disabled"
check never-names-the-world names_the_world
check never-takes-policies cnp other client "egressDeny: [{toEntities: [all]}]"
check never-enforces-none tcp 10.88.0.3 8081

check always mode always
check always-a-policy-of-the-store unheard "$client"
check always-without-it beeline delete cnp --all
for to in $targets; do
	check "always-denies-$to" silent $to 8080
done
check always-denies-the-way-out unheard "$server"
check always-ingress only_8080
check always-the-other-end-denies silent 10.88.0.3 8080
check always-egress cnp out client "egress: [{toEndpoints: [{}]}]"
for to in $targets; do
	check "always-allows-$to" tcp $to 8080
	check "always-denies-the-rest-$to" silent $to 8081
done
check always-is-said equal condition "$(condition Enforced)" "True None"

check default-again mode default
check default-again-is-said equal condition "$(condition Enforced)" "True None"
check default-again-denies silent 10.88.0.3 8081
check default-again-other-direction outside "$server"
check an-unknown-mode-is-refused fails "$build/beeline-agent" --policy sometimes
