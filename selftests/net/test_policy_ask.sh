#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What people are told of policy: entries with their rules and counters, which a restart keeps; whom
# events are about and which rule decided; and lists that no single message could hold.
set -u
. "$(dirname "$0")/lab.sh"
lab_open policy-ask

apply() { beeline apply -f -; }

# told EXPRESSION COMMAND...: a python expression over the command's JSON, as `it`.
told() {
	local expression=$1
	shift
	beeline "$@" -o json | python3 -c 'import json, sys
it = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$expression"
}

is_told() { # WANTED EXPRESSION COMMAND...
	equal "$2" "$(told "${@:2}")" "$1"
}

# datagrams FROM ADDRESS PORT COUNT: of ten bytes each.
datagrams() {
	within "$1" python3 -c 'import socket, sys
address, port, count = sys.argv[1:]
line = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("", 7999))
for _ in range(int(count)):
    line.sendto(b"0123456789", (address, int(port)))' "${@:2}"
}

# counts N RULE DIRECTION: packets and bytes of that rule's entries.
counts() {
	told "' '.join(str(sum(e.get(m, 0) for e in it['entries']
		if (e['rule'], e['direction']) == ('$2', '$3'))) for m in ('packets', 'bytes'))" \
		policy get "$lab-$1"
}

counted_are() { # N RULE DIRECTION PACKETS BYTES
	wait_for equal_counts "$@" || equal "of $2" "$(counts "$1" "$2" "$3")" "$4 $5"
}

equal_counts() { [ "$(counts "$1" "$2" "$3")" = "$4 $5" ]; }

policy() {
	apply <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web}, spec: {
		 endpointSelector: {matchLabels: {app: web}},
		 ingress: [{fromEndpoints: [{matchLabels: {app: client}}],
		            toPorts: [{ports: [{port: '7800', endPort: 7803, protocol: UDP}]}]}],
		 ingressDeny: [{fromEntities: [all], toPorts: [{ports: [{port: '7801', protocol: UDP}]}]}]}}
	END
}

neighbours() {
	apply <<-END
		{apiVersion: v1, kind: Node, metadata: {name: $(hostname)},
		 status: {addresses: [{type: InternalIP, address: 10.88.0.1}]}}
		---
		{apiVersion: v1, kind: Node, metadata: {name: far},
		 status: {addresses: [{type: InternalIP, address: 10.77.0.2}, {type: Hostname, address: far}]}}
		---
		{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop},
		 spec: {nodeName: far}, status: {phase: Running, podIPs: [{ip: 10.66.0.2}, {ip: 'fd00:66::2'}]}}
		---
		{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop},
		 spec: {clusterIP: 10.96.0.9, clusterIPs: [10.96.0.9, 'fd00:96::9'], selector: {app: cart}}}
		---
		{apiVersion: v1, kind: Service, metadata: {name: bank, namespace: shop}, spec: {clusterIP: None}}
		---
		{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: bank-1,
		  namespace: shop, labels: {kubernetes.io/service-name: bank}}, endpoints: [{addresses: [192.0.2.44]}]}
	END
}

# ---- entries and rules ----

check agent-starts agent_start || exit
pod_make 2
pod_make 3
check client vm_make 2 pod --namespace default --label app=client || exit
check server vm_make 3 masquerade --namespace default --label app=web || exit
client=$lab-vm2 server=$lab-vm3

unenforced() {
	is_told "['disabled', 'disabled']" "[e['ingress'] for e in it['endpoints']]" policy list &&
		counted_are 3 "no policy enforces" Egress 0 0
}

listed() {
	is_told "[('disabled', 'disabled'), ('enabled', 'disabled')]" \
		"[(e['ingress'], e['egress']) for e in it['endpoints']]" policy list &&
		is_told "[('web', 1, 'True', 'True')]" \
			"[(p['name'], p['endpoints'], p['valid'], p['enforced']) for p in it['policies']]" \
			policy list
}

# An entry is 52 bytes of IPv4 or 72 of IPv6 to the guest's uplink, of which the deny sees its own.
allowed_are_counted() {
	datagrams "$client" 10.88.0.3 7800 5 && datagrams "$client" fd00:88::3 7803 3 &&
		counted_are 3 "default/web spec.ingress[0]" Ingress 8 $((5 * 52 + 3 * 72))
}

denied_are_counted() {
	datagrams "$client" 10.88.0.3 7801 2 && datagrams "$client" fd00:88::3 7801 4 &&
		counted_are 3 "default/web spec.ingressDeny[0]" Ingress 6 $((2 * 52 + 4 * 72))
}

others_are_counted() {
	datagrams "$client" 10.88.0.3 7900 7 && datagrams "$client" fd00:88::3 7900 1 &&
		counted_are 3 "default deny of default/web" Ingress 8 $((7 * 52 + 72))
}

# What is shown is what stands in the kernel, whatever wrote it there.
kernel_agrees() {
	local id
	id=$(bpftool map dump pinned "$bpffs/maps/bl_policies" -j | python3 -c 'import json, sys
for each in json.load(sys.stdin):
    if int.from_bytes([int(b, 16) for b in each["key"]], "little") == 1:
        print(int.from_bytes([int(b, 16) for b in each["value"]], "little"))')
	is_told "$(bpftool map dump id "$id" -j | python3 -c 'import json, sys
print(len(json.load(sys.stdin)))')" "sum('default' not in e for e in it['entries'])" policy get "$lab-3"
}

in_order() {
	is_told "['spec.ingressDeny[0]', 'spec.ingress[0]', 'the node may come in', 'default deny of default/web']" \
		"[r['path'] for r in it['rules'] if r['direction'] == 'Ingress']" policy describe "$lab-3"
}

described() {
	is_told "(['$lab-3'], [('Valid', 'True'), ('Enforced', 'True')], True, False)" \
		"(lambda p: (p['endpoints'], [(c['type'], c['status']) for c in p['conditions']],
			p['specs'][0]['ingressDefaultDeny'], p['specs'][0]['egressDefaultDeny']))(it['policy'])" \
		policy describe cnp/web
}

kept_over_restart() {
	local before
	before=$(beeline policy get "$lab-3")
	agent_kill && agent_start || return 1
	equal "entries" "$(beeline policy get "$lab-3" | awk '{ $1 = $1 } 1')" "$(awk '{ $1 = $1 } 1' <<<"$before")" ||
		return 1
	datagrams "$client" 10.88.0.3 7800 2 &&
		counted_are 3 "default/web spec.ingress[0]" Ingress 10 $((7 * 52 + 3 * 72))
}

# A policy that changes keeps the counters of entries that stay.
kept_over_change() {
	policy >/dev/null && datagrams "$client" 10.88.0.3 7800 1 &&
		counted_are 3 "default/web spec.ingress[0]" Ingress 11 $((8 * 52 + 3 * 72))
}

check disabled unenforced
check policy policy
check list listed
check allowed-are-counted allowed_are_counted
check denied-are-counted denied_are_counted
check others-are-counted others_are_counted
check kernel-agrees kernel_agrees
check rules-in-order in_order
check policy-described described
check kept-over-restart kept_over_restart
check kept-over-change kept_over_change

# ---- names ----

events=$dir/events

watch_events() { # [OPTION...]
	: >"$events"
	spawn "$dir/losses" bash -c 'exec "$0" monitor -o json "$@" >'"$events" "$build/beeline" "$@"
	monitor=$spawned
	wait_for is_watched
}

is_watched() {
	datagrams "$client" 10.66.0.2 7800 1
	[ -s "$events" ]
}

# has MEMBER=VALUE...: an event says all of it.
has() {
	python3 - "$events" "$@" <<'PYTHON'
import json, sys
wanted = dict(text.split("=", 1) for text in sys.argv[2:])
with open(sys.argv[1], encoding="utf-8") as file:
    events = [json.loads(line) for line in file if line.endswith("\n")]
sys.exit(0 if any(all(str(event.get(key)) == value for key, value in wanted.items()) for event in events)
         else f"no event says {wanted}")
PYTHON
}

named() { # ADDRESS NAME
	datagrams "$client" "$1" 7800 1
	wait_for has endpoint="$lab-2" destination="$1" destinationName="$2"
}

denied_is_explained() {
	local identity
	identity=$(told "[i['id'] for i in it['items'] if 'k8s:app=client' in i['labels']][0]" identity list)
	datagrams "$client" "$1" 7900 1
	wait_for has endpoint="$lab-3" source="$2" sourceName="$lab-2" sourceIdentity="$identity" \
		destinationName="$lab-3" code=133 ruleName="default deny of default/web"
}

deny_is_named() {
	datagrams "$client" fd00:88::3 7801 1
	wait_for has endpoint="$lab-3" code=181 ruleName="default/web spec.ingressDeny[0]"
}

allow_is_named() {
	policy_anew # so that it is judged again
	datagrams "$client" 10.88.0.3 7802 1
	wait_for has endpoint="$lab-3" verdict=traced destination=10.0.2.2 destinationName="$lab-3" \
		ruleName="default/web spec.ingress[0]"
}

leaves_by() {
	apply <<-END
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: leaves}, spec: {
		 endpointSelector: {matchLabels: {app: web}},
		 egress: [{toEntities: [all], toPorts: [{ports: [{port: '$1'}]}]}]}}
	END
}

# The permission that the opener has lost, not the one that a reply needs no more than before.
reply_is_explained() {
	leaves_by 7999 && datagrams "$server" 10.88.0.2 7999 1 && leaves_by 7998 &&
		datagrams "$client" 10.88.0.3 7999 1 || return 1
	wait_for has endpoint="$lab-3" direction=to-vm sourcePort=7999 code=133 \
		ruleName="default deny of default/leaves" && beeline policy delete cnp/leaves
}

policy_anew() { beeline policy delete cnp/web && policy; }

service_moves() {
	apply <<-END
		{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop},
		 spec: {clusterIP: 10.96.0.10, selector: {app: cart}}}
	END
	named 10.96.0.10 "service shop/cart" && named 10.96.0.9 world
}

# What was sent before is told before.
only_the_peer() {
	datagrams "$client" 10.77.0.2 7800 1
	datagrams "$client" fd00:66::2 7800 1
	wait_for has destination=fd00:66::2 destinationName=shop/db || return 1
	fails has destinationName="node far"
}

line_says_it() {
	spawn "$dir/lines" "$build/beeline" monitor --verdict dropped --peer "$lab-2" -c 1
	wait_for line_came || return 1
	grep -E "^[0-9:.]+ --> $lab-3 UDP 10.88.0.2:7999 \($lab-2\) > 10.88.0.3:7900, 52 bytes  dropped: Policy denied \(133\), default deny of default/web$" \
		"$dir/lines"
}

line_came() {
	datagrams "$client" 10.88.0.3 7900 1
	[ -s "$dir/lines" ]
}

check neighbours neighbours
check monitor watch_events --sample 1
check denied-is-explained-v4 denied_is_explained 10.88.0.3 10.88.0.2
check denied-is-explained-v6 denied_is_explained fd00:88::3 fd00:88::2
check reply-is-explained reply_is_explained
check deny-is-named deny_is_named
check allow-is-named allow_is_named
check host-is-named named 10.88.0.1 host
check world-is-named named 10.99.0.1 world
check node-is-named named 10.77.0.2 "node far"
check pod-is-named named fd00:66::2 shop/db
check service-is-named named fd00:96::9 "service shop/cart"
check service-without-selector-is-named named 192.0.2.44 "service shop/bank"
check service-that-moves-is-named service_moves
spawned_ends "$monitor"
check monitor-one-peer watch_events --sample 1 --peer shop/db
check only-the-peer only_the_peer
spawned_ends "$monitor"
check line-says-it line_says_it

# ---- captures ----

# notes_of FILE EXPRESSION: over notes, [(comment, inbound)], and names, {address: name}.
notes_of() {
	python3 - "$@" <<'PYTHON'
import ipaddress, struct, sys
data, at, notes, names = open(sys.argv[1], "rb").read(), 0, [], {}
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    assert struct.unpack_from("<I", data, at + size - 4)[0] == size
    if kind == 4:
        record, length = struct.unpack_from("<HH", data, at + 8)
        value = data[at + 12:at + 12 + length]
        n = {1: 4, 2: 16}[record]
        assert value[-1] == 0 and value[n:-1]
        assert str(ipaddress.ip_address(value[:n])) not in names
        names[str(ipaddress.ip_address(value[:n]))] = value[n:-1].decode()
    if kind == 6:
        (captured,) = struct.unpack_from("<I", data, at + 20)
        option, found = at + 28 + (captured + 3 & ~3), {}
        while option < at + size - 4:
            code, n = struct.unpack_from("<HH", data, option)
            found[code] = data[option + 4:option + 4 + n]
            option += 4 + (n + 3 & ~3)
        notes.append((found.get(1, b"").decode(), found[2][0] == 1))
    at += size
sys.exit(0 if eval("(%s)" % sys.argv[2]) else "%s: %s %s" % (sys.argv[2], notes[:9], names))
PYTHON
}

# capture N COUNT FILTER COMMAND...: so many packets of the command.
capture() {
	spawn "$dir/captured.said" "$build/beeline" capture -w "$dir/captured" "$lab-$1" -c "$2" "$3"
	wait_for grep -q '^capturing' "$dir/captured.said" || return 1
	"${@:4}" && wait_for grep -q 'packets captured' "$dir/captured.said" && wait "$spawned"
}

rules_in_comments() {
	policy_anew || return 1
	capture 3 4 "udp" both_answers || return 1
	notes_of "$dir/captured" 'notes == [("Forwarded (0), rule default/web spec.ingress[0]", True),
		("", True), ("dropped: Policy denied by denylist (181), rule default/web spec.ingressDeny[0]", True),
		("dropped: Policy denied (133), default deny of default/web", True)]'
}

both_answers() {
	datagrams "$client" fd00:88::3 7802 2 && datagrams "$client" fd00:88::3 7801 1 &&
		datagrams "$client" 10.88.0.3 7900 1
}

rules_of_what_it_sends() {
	apply <<-END || return 1
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: out}, spec: {
		 endpointSelector: {matchLabels: {app: client}}, egress: [{toEntities: [host]}]}}
	END
	capture 2 2 "udp port 7999" both_ways || return 1
	beeline policy delete cnp/out || return 1
	notes_of "$dir/captured" 'notes == [("Forwarded (0), rule default/out spec.egress[0]", False),
		("dropped: Policy denied (133), default deny of default/out", False)]'
}

both_ways() {
	datagrams "$client" 10.88.0.1 7800 1 && datagrams "$client" 10.66.0.2 7800 1
}

names_in_file() {
	notes_of "$dir/captured" 'names == {"10.88.0.2": "'"$lab-2"'", "10.88.0.1": "host",
		"10.66.0.2": "shop/db"}'
}

check capture-says-rules rules_in_comments
check stock-reader equal packets "$(tcpdump -nr "$dir/captured" 2>/dev/null | grep -c UDP)" 4
check capture-says-rules-of-what-it-sends rules_of_what_it_sends
check capture-has-names names_in_file

# ---- lists ----

many=40000

cidr_group() {
	python3 -c 'import json
print(json.dumps({"apiVersion": "cilium.io/v2", "kind": "CiliumCIDRGroup", "metadata": {"name": "many"},
    "spec": {"externalCIDRs": [f"100.{64 + i // 65536}.{i // 256 % 256}.{i % 256}/32" for i in range('$many')]}}))
print("---")
print(json.dumps({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "many"},
    "spec": {"endpointSelector": {"matchLabels": {"app": "nobody"}},
             "egress": [{"toCIDRSet": [{"cidrGroupRef": "many"}]}]}}))' | apply
}

# All of it, in several parts, each once.
whole_list() {
	is_told "($many, $many)" "(lambda found: (len(found), len(set(found))))([i['prefix']
		for i in it['items'] if i['prefix'].startswith('100.')])" ipcache list
}

# first_behind PLACE: of the prefixes, however many stand before it and whether there is one of it.
first_behind() {
	python3 - "$BEELINE_SOCKET" "$1" <<'PYTHON'
import json, socket, struct, sys
def say(message):
    text = json.dumps(message).encode()
    line.sendall(struct.pack("!I", len(text)) + text)
line = socket.socket(socket.AF_UNIX)
line.settimeout(20)
line.connect(sys.argv[1])
say({"hello": {"program": "test", "protocol": 1, "version": "0"}})
say({"id": 1, "method": "ipcache-list", "params": {"after": sys.argv[2]}})
stream = line.makefile("rb")
while True:
    message = json.loads(stream.read(struct.unpack("!I", stream.read(4))[0]))
    if "event" in message:
        print(message["event"]["items"][0]["prefix"])
        break
PYTHON
}

goes_on() { # PLACE FIRST
	equal "behind $1" "$(first_behind "$1")" "$2"
}

who_is_who() {
	is_told "['host', '$lab-3', '$lab-3']" \
		"[i.get('name') for i in it['items'] if i['prefix'] in ('10.88.0.3/32', 'fd00:88::3/128', '10.88.0.1/32')]" \
		ipcache list
}

check many-prefixes cidr_group
check whole-list whole_list
check goes-on-behind-a-place goes_on 100.64.1.255/32 100.64.2.0/32
check goes-on-behind-what-is-gone goes_on 100.64.0.0/15 100.64.0.0/32
check goes-on-in-ipv6 goes_on fd00:88::2/128 fd00:88::3/128
check who-is-who who_is_who
check group-goes beeline delete ccg/many
check policy-goes beeline policy delete cnp/many cnp/web
check disabled-again unenforced

refused() { # WORDS COMMAND...
	fails beeline "${@:2}" >"$dir/refused" 2>&1 && grep -F -- "$1" "$dir/refused"
}

audited() {
	policy && is_told "['disabled', 'audit']" "[e['ingress'] for e in it['endpoints']]" policy list
}

check no-such-endpoint refused 'called "nobody"' policy get nobody
check no-such-policy refused 'CiliumNetworkPolicy "nope" not found' policy describe cnp/nope
check audit-restarts agent_kill
check audit-starts agent_start "$build/beeline-agent" --policy audit
check audited audited
check never-restarts agent_kill
check never-starts agent_start "$build/beeline-agent" --policy never
for verb in "policy list" "policy get $lab-3" "identity list" "ipcache list"; do
	check "never-${verb// /-}" refused "--policy=never" $verb
done
