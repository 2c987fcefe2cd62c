#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What Prometheus is told: the same numbers as `beeline endpoint get`, in the exact format; how long
# handshakes take whose time is known; and bad clients of the metrics server, which the agent does not mind.
set -u
. "$(dirname "$0")/lab.sh"
lab_open metrics
metrics=selftests/net/metrics.py handshake=selftests/net/handshake.py
export B=$build

# The last address that the agent said.
listening() { sed -n 's/.*msg=metrics address=//p' "$dir/agent.$agents" | tail -n 1; }

# pings N: that cross the line, and three under an address that is not the guest's.
traffic() {
	local vm=$lab-vm$1
	within "$vm" ping -qc 5 -i 0.05 -W 5 "$outside" || return 1
	ip -n "$vm" addr add 10.1.2.3/32 dev eth0
	within "$vm" ping -qc 3 -i 0.05 -W 1 -I 10.1.2.3 "$outside" # never answered
	ip -n "$vm" addr del 10.1.2.3/32 dev eth0
	goes_beyond 2 "$1" from-vm "Invalid source ip"
}

promtool_clean() {
	curl -sSf "http://$address/metrics" >"$dir/page" &&
		"$build/prometheus/usr/bin/promtool" check metrics <"$dir/page"
}

# handshakes NAME: of both VMs, in both directions and families.
handshakes() {
	local n v there here
	for n in 2 3; do
		for v in 4 6; do
			[ $v = 4 ] && there=$outside here=10.88.0.$n || { there=$outside6 here=fd00:88::$n; }
			check "$1-handshake-from-vm$n-v$v" $handshake "$address" "$lab-$n" from-vm "$lab-vm$n" "$host" $there
			check "$1-handshake-to-vm$n-v$v" $handshake "$address" "$lab-$n" to-vm "$host" "$lab-vm$n" $here
		done
	done
}

# Nobody may call but the world that answers; a datagram is tried to where it may not go.
policy_apply() {
	cat >"$dir/policy.yaml" <<-YAML
		apiVersion: cilium.io/v2
		kind: CiliumClusterwideNetworkPolicy
		metadata: {name: outside-alone}
		spec:
		  endpointSelector: {}
		  egress: [{toCIDR: [$outside/32, $outside6/128]}]
	YAML
	beeline apply -f "$dir/policy.yaml" || return 1
	within "$lab-vm2" bash -c 'echo >/dev/udp/10.98.0.1/9'
}

# An address that is asked for and taken keeps the agent from starting, with its reason.
taken() {
	fails agent_start "$build/beeline-agent" --state-dir "$dir/other" --run-dir "$dir/other-run" \
		--bpffs "$bpffs-other" --metrics-address "$address" >"$dir/refused" || return 1
	rm -rf "$bpffs-other"
	grep "metrics-address: listening on $address: Address already in use" "$dir/refused"
}

ready() { [ "$(curl -sS "http://$address/readyz")" = ok ]; }

check agent-starts agent_start "$build/beeline-agent" --metrics-address 127.0.0.1:0 || exit
address=$(listening)
check ready wait_for ready
pod_make 2
pod_make 3
check pod-vm vm_make 2 pod || exit
check masquerade-vm vm_make 3 masquerade || exit
check pod-traffic traffic 2
check masquerade-traffic traffic 3
check well-formed "$metrics" parse "$address"
check as-endpoint-get "$metrics" equal "$address" "$lab-2" "$lab-3"
check connections "$metrics" connections "$address" "$lab-2" "$lab-3"
check pressure "$metrics" pressure "$address" "$bpffs" "$lab-2" "$lab-3"
check policy policy_apply
check verdicts "$metrics" verdicts "$address" "$lab-2"
check pressure-of-policy "$metrics" pressure "$address" "$bpffs" "$lab-2" "$lab-3"
handshakes policed
check lost-syn $handshake "$address" "$lab-2" from-vm "$lab-vm2" "$host" $outside --ignore 1
check promtool promtool_clean
for clients in malformed many slow; do
	check "$clients-clients" "$metrics" $clients "$address"
done
check unread-clients "$metrics" unread "$address" "$agent"
first=$agent
check taken-address taken
agent=$first
check six-restarts agent_kill
check six-starts agent_start "$build/beeline-agent" --metrics-address '[::1]:0' || exit
check six-as-endpoint-get "$metrics" equal "$(listening)" "$lab-2" "$lab-3"
check none-restarts agent_kill
check none-starts agent_start "$build/beeline-agent" --metrics-address ''
check none-listens equal listening "$(listening)" ""
check unpoliced-restarts agent_kill
check unpoliced-starts agent_start "$build/beeline-agent" --policy never --metrics-address 127.0.0.1:0 || exit
address=$(listening)
handshakes unpoliced
