#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A route with a smaller MTU than its device (a tunnel behind it): a guest that does not care is told,
# and its TCP gets through. And the declared ports, the only ones that a masqueraded guest opens.
set -u
. "$(dirname "$0")/lab.sh"
lab_open mtu
mtu=1400

mkdir "$dir/www"
head -c 1M /dev/urandom >"$dir/www/blob"

serve() { # NETNS
	within "$1" busybox httpd -p 80 -h "$dir/www" 9>&-
	within "$1" busybox httpd -p 81 -h "$dir/www" 9>&-
}

fetch() { # NETNS, address as in a URL
	within "$1" curl -sf -m 10 -o "$dir/got" "http://$2/blob" && cmp "$dir/got" "$dir/www/blob"
}

# Answers are rate-limited: some of a few pings get one.
told() { # FAMILY SIZE TO
	within "$vm" ping "-$1" -M do -c 4 -i 0.5 -W 1 -s "$2" "$3" | grep "mtu *= *$mtu"
}

# careless VM: the full Ethernet MTU in both families. Only a change of the device's takes back what
# the router advertised to its routes.
careless() {
	ip -n "$1" link set eth0 mtu $mtu
	ip -n "$1" link set eth0 mtu 1500
	sysctl_in "$1" net.ipv6.conf.eth0.mtu=1500
}

check agent-starts agent_start || exit
serve "$host"
n=2
for binding in pod masquerade; do
	vm=$lab-vm$n
	pod_make $n mtu $mtu
	[ $binding = pod ] || set -- --ports 80/TCP
	check $binding-vm vm_make $n $binding "$@" || exit
	careless "$vm"
	serve "$vm"
	check $binding-told-v4 told 4 1472 $outside
	check $binding-told-v6 told 6 1452 $outside6
	check $binding-fits-v4 within "$vm" ping -qc 1 -W 2 -M do -s $((mtu - 28)) $outside
	check $binding-fits-v6 within "$vm" ping -qc 1 -W 2 -M do -s $((mtu - 48)) $outside6
	check $binding-tcp-in-v4 fetch "$vm" $outside
	check $binding-tcp-in-v6 fetch "$vm" "[$outside6]"
	check $binding-tcp-out-v4 fetch "$host" 10.88.0.$n
	check $binding-tcp-out-v6 fetch "$host" "[fd00:88::$n]"
	n=$((n + 1))
done
check port-closed-v4 fails within "$host" curl -sf -m 2 http://10.88.0.3:81/blob
check port-closed-v6 fails within "$host" curl -sf -m 2 'http://[fd00:88::3]:81/blob'
check pod-keeps-its-own-connections fetch "$lab-pod3" $outside
