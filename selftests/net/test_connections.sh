#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections as people see them: what `beeline ct list` says of one that lives, and that one which
# `beeline ct flush` takes out goes on where policy lets it, while packets flow.
set -u
. "$(dirname "$0")/lab.sh"
lab_open connections
talk=selftests/net/talk.py
client=$lab-vm2 server=$lab-vm3
flushes=40

# ct_items N [OPTION...]: as many lines as connections, the members asked for in $members.
ct_items() {
	beeline ct list "$lab-$1" -o json "${@:2}" | python3 -c 'import json, sys
for item in json.load(sys.stdin)["items"]:
    print(*(item.get(member, "-") for member in sys.argv[1:]))' $members
}

ct_count() { members=protocol ct_items "$@" | wc -l; }

# seen NET PREFIX FILE: one that is open, at its server's end, at its client's, and as a table.
seen() {
	members="protocol owner openedBy remote localPort state verdict ruleName" \
		ct_items 3 --protocol tcp --port 8080 --peer "$2" >"$3" &&
		members="openedBy remotePort" ct_items 2 --protocol tcp --peer "${1}3" >"$3.from" &&
		beeline ct list "$lab-3" >"$3.table"
}

# while_open FROM TO ADDRESS PORT COMMAND...: runs the command beside a connection, which goes on after it.
while_open() { $talk resumed "$1" "$2" "$3" --port "$4" -- "${@:5}"; }

cat >"$dir/in" <<END
#!/bin/bash
# a function of the test, called by talk.py
. selftests/net/lab.sh
build=$build lab=$lab dir=$dir BEELINE_SOCKET=$dir/agent.sock
export BEELINE_SOCKET
$(declare -f ct_items seen)
END
# in_test COMMAND...: a file that runs it.
in_test() {
	local file
	file=$(mktemp "$dir/call.XXXXXX")
	cat "$dir/in" - >"$file" <<<"$*"
	chmod +x "$file"
	echo "$file"
}

# A report to routers, which has neither ports nor an identifier.
group_is_listed() { beeline ct list "$lab-2" | grep -q "^ICMPv6 *vm *- *ff02::16"; }

policy() { # SPEC
	beeline apply -f - <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a},
		 spec: {endpointSelector: {matchLabels: {app: web}}, $1}}
	END
}

idles() { beeline ct list "$lab-3" --port 8080 | grep -q "10.88.0.2:.* established"; }

flush_often() {
	local i
	for ((i = 0; i < flushes; i++)); do
		beeline ct flush "$lab-2" && beeline ct flush "$lab-3" || return 1
	done
}

check agent-starts agent_start || exit
pod_make 2
pod_make 3
check client vm_make 2 pod --namespace default --label app=client || exit
check guests-speak-of-their-groups wait_for group_is_listed
check server vm_make 3 masquerade --ports 8080/TCP,7800/UDP,7801/UDP --namespace default --label app=web || exit
check none-yet equal connections "$(ct_count 3 --protocol tcp)" 0

check policy policy "ingress: [{fromEndpoints: [{matchLabels: {app: client}}]}]"
for family in 4 6; do
	[ $family = 4 ] && net=10.88.0. prefix=10.88.0.0/24 || net=fd00:88:: prefix=fd00:88::/64
	check "open-v$family" while_open "$client" "$server" ${net}3 8080 \
		"$(in_test seen $net $prefix "$dir/v$family")"
	check "listed-v$family" equal entry "$(cat "$dir/v$family")" \
		"TCP vm remote ${net}2 8080 established current default/a spec.ingress[0]"
	check "others-do-not-match-v$family" equal connections "$(ct_count 3 --peer ${net}77)" 0
	check "from-its-end-v$family" equal entry "$(cat "$dir/v$family.from")" "vm 8080"
	check "table-v$family" grep -q "^TCP *remote *8080 *\[*${net}2\]*:.* current *default/a" "$dir/v$family.table"

	# the server speaks first after it: its packet opens the connection anew, as policy lets it
	check "flushed-goes-on-v$family" while_open "$client" "$server" ${net}3 8080 \
		"$build/beeline" ct flush "$lab-3" --port 8080
	# the world speaks first: the pod's kernel must not answer for the guest
	out=$outside
	[ $family = 4 ] || out=$outside6
	check "masquerade-goes-on-v$family" while_open "$server" "$host" "$out" 9000 \
		"$build/beeline" ct flush "$lab-3" --peer "$out"
done

# what ends is forgotten soon; this one lives, and idles
spawn "$dir/held" $talk resumed "$client" "$server" 10.88.0.3 --port 8080 -- tail --pid=$$ -f /dev/null
check one-idles wait_for idles
check policy-older beeline delete cnp a
check older-is-said grep -qw older <(beeline ct list "$lab-3")
check rule-is-not-said fails grep -q "spec.ingress" <(beeline ct list "$lab-3")
check one-family-flushed beeline ct flush "$lab-3" --peer ::/0
check none-of-it equal connections "$(ct_count 3 --peer ::/0)" 0
check other-family-stays fails equal connections "$(ct_count 3 --peer 0.0.0.0/0)" 0
check other-endpoint-stays fails equal connections "$(ct_count 2)" 0
check all-flushed beeline ct flush "$lab-3"
check nothing-left equal connections "$(ct_count 3 --protocol tcp)" 0

check flow-policy policy "ingress: [{fromEndpoints: [{matchLabels: {app: client}}]}]"
check flow-starts flows_begin 500 "$client,$server,10.88.0.3" "$client,$server,fd00:88::3"
check "$flushes-flushes" flush_often
check no-packet-lost-under-flushes flows_were_right
tail -n 1 "$dir/flow"

check nobody-is-said grep -q 'no VM that runs and no endpoint is called "nobody"' \
	<(beeline ct list nobody 2>&1)
check a-bad-peer-is-said grep -q "peer" <(beeline ct list "$lab-3" --peer 10.0.0.0/33 2>&1)
