#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent is killed and another one loads its programs anew, several times, under a steady stream of
# numbered packets in both directions: none is lost, as nothing is ever detached.
name=upgrade
# shellcheck source=selftests/net/line.sh
. "$(dirname "$0")/line.sh"

restarts=3
packets=1500 # at 5 ms: longer than the restarts take
streams=()

stream() { # file, namespace, address
	in_ "$2" ping -q -i 0.005 -c $packets -W 5 "$3" >"$run/$1" 2>&1 &
	streams+=($!)
}

restart() {
	kill_agent
	start_agent
}

none_lost() { # file
	grep "$packets packets transmitted, $packets received" "$run/$1" || {
		cat "$run/$1"
		return 1
	}
}

make_node
must start_agent
make_ptp_pod 2
make_ptp_pod 3
must attach 2 --binding pod >/dev/null
must attach 3 --binding masquerade >/dev/null
for n in 2 3; do
	start_guest $n
	must lease4 $n
	must lease6 $n
	must routed6 $n
done
stream pod-to node 10.88.0.2
stream pod6-to node fd88::2
stream pod-from guest2 10.99.0.1
stream masquerade-to node 10.88.0.3
stream masquerade6-from guest3 fd99::1
stream masquerade-from guest3 10.99.0.1
for ((i = 1; i <= restarts; i++)); do
	must restart
done
wait "${streams[@]}"
for file in pod-to pod6-to pod-from masquerade-to masquerade-from masquerade6-from; do
	check "no packet lost: $file" none_lost $file
done
