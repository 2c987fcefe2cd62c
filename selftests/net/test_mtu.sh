#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The way out is narrower than the device: route MTU 1400 on a device of 1500, and a guest that listens
# to nobody. It is told so packet by packet, and TCP works all the same.
set -u
. "$(dirname "$0")/lab.sh"
lab_open mtu
talk=selftests/net/talk.py

# told PATTERN COMMAND...: the command fails, and says that.
told() {
	local pattern=$1 said
	shift
	said=$("$@" 2>&1) && return 1
	grep -E "$pattern" <<<"$said" && return
	echo "$said" | tail -n 2 | xargs
	return 1
}

path_mtu() { # ADDRESS: what the guest's kernel has learned
	ip -n "$vm" route get "$1" | grep -o 'mtu [0-9]*'
}

silently_dropped() {
	local before
	before=$(counted "$n" from-vm "Packet too big, sender not told")
	within "$vm" ping -qc 1 -W 1 -M dont -s 1450 $outside2 && return 1
	goes_beyond "$before" "$n" from-vm "Packet too big, sender not told"
}

deaf_guest() { # N BINDING MAC
	guest_start "$1" "$3" || return 1
	sysctl_in "$vm" net.ipv6.conf.eth0.accept_ra_mtu=0
	guest_address "$1" "$2"
	sysctl_in "$vm" net.ipv6.conf.eth0.mtu=1500
	equal "device MTU" "$(within "$vm" cat /sys/class/net/eth0/mtu)" 1500
}

# An address of its own for each question, as the guest's kernel remembers the answer.
outside2=10.99.0.2
for address in 10.99.0.2/32 fd00:99::2/128; do
	ip -n "$host" addr add $address dev lo
done
check agent-starts agent_start || exit
n=2
for binding in pod masquerade; do
	vm=$lab-vm$n
	pod_make $n mtu 1400
	check "$binding-endpoint" endpoint_add $n $binding --mac "02:00:00:00:00:0$n" || exit
	check "$binding-guest" deaf_guest $n $binding "02:00:00:00:00:0$n"
	check "$binding-fits" within "$vm" ping -qc 1 -W 5 -M do -s 1372 $outside
	check "$binding-fits-v6" within "$vm" ping -qc 1 -W 5 -M do -s 1352 $outside6
	check "$binding-without-df-counted" silently_dropped
	check "$binding-tcp-out" $talk tcp "$vm" "$host" $outside
	check "$binding-tcp-out-v6" $talk tcp "$vm" "$host" $outside6
	check "$binding-tcp-in" $talk tcp "$host" "$vm" 10.88.0.$n
	check "$binding-tcp-in-v6" $talk tcp "$host" "$vm" fd00:88::$n
	check "$binding-frag-needed" told 'mtu ?= ?1400' \
		within "$vm" ping -c 1 -w $patience_s -M do -s 1373 $outside
	check "$binding-packet-too-big" told 'mtu(=|: )1400' \
		within "$vm" ping -c 1 -w $patience_s -M do -s 1353 $outside6
	check "$binding-guest-learned" equal path "$(path_mtu $outside)" "mtu 1400"
	check "$binding-guest-learned-v6" equal path "$(path_mtu $outside6)" "mtu 1400"
	n=$((n + 1))
done
