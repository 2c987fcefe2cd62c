#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What crosses the line, both bindings, both families, both ways: ping, fragments, TCP in frames of
# 64 KB, UDP with every kind of checksum, ICMP errors about the guest's packets, hairpin, and from the
# pod's loopback, as kubectl port-forward comes.
set -u
. "$(dirname "$0")/lab.sh"
lab_open traffic
talk=selftests/net/talk.py

# What the tap has carried: rx is from the guest.
tap_counter() { # N rx|tx packets|bytes
	within "$lab-pod$1" cat "/sys/class/net/tap0/statistics/$2_$3"
}

# whole N rx|tx COMMAND...: data frames cross the tap uncut while the command runs. Acknowledgements
# included, the average is far above any MTU then.
whole() {
	local n=$1 way=$2 packets bytes
	shift 2
	packets=$(tap_counter "$n" "$way" packets) bytes=$(tap_counter "$n" "$way" bytes)
	"$@" || return 1
	packets=$(($(tap_counter "$n" "$way" packets) - packets))
	bytes=$(($(tap_counter "$n" "$way" bytes) - bytes))
	[ $((bytes / packets)) -gt 6000 ] && return
	echo "$bytes bytes in $packets frames"
	return 1
}

checksums() { # off: each stack completes them; on: it leaves them partial
	within "$host" ethtool -K "lxc$n" tx "$1" >/dev/null &&
		within "$vm" ethtool -K eth0 tx "$1" >/dev/null
}

# one_family NAME ADDRESS OUTSIDE
one_family() {
	local name=$1 to=$2 out=$3
	check "$name-ping-in" within "$host" ping -qc 2 -i 0.1 -W 5 "$to"
	check "$name-ping-out" within "$vm" ping -qc 2 -i 0.1 -W 5 "$out"
	check "$name-fragments-in" within "$host" ping -qc 2 -i 0.1 -W 5 -s 4000 "$to"
	check "$name-fragments-out" within "$vm" ping -qc 2 -i 0.1 -W 5 -s 4000 "$out"
	check "$name-tcp-in" whole "$n" tx "$talk" tcp "$host" "$vm" "$to"
	check "$name-tcp-out" whole "$n" rx "$talk" tcp "$vm" "$host" "$out"
	check "$name-udp-in" "$talk" udp "$host" "$vm" "$to"
	check "$name-udp-out" "$talk" udp "$vm" "$host" "$out"
	check "$name-udp-no-checksum-in" "$talk" udp "$host" "$vm" "$to" --no-checksum
	check "$name-udp-no-checksum-out" "$talk" udp "$vm" "$host" "$out" --no-checksum
	check "$name-icmp-error-to-guest" "$talk" refused "$vm" "$out"
	check "$name-icmp-error-from-guest" "$talk" refused "$host" "$to"
	checksums off
	check "$name-complete-checksums-udp-in" "$talk" udp "$host" "$vm" "$to"
	check "$name-complete-checksums-udp-out" "$talk" udp "$vm" "$host" "$out"
	check "$name-complete-checksums-tcp-in" "$talk" tcp "$host" "$vm" "$to" 200000
	check "$name-complete-checksums-tcp-out" "$talk" tcp "$vm" "$host" "$out" 200000
	checksums on
}

check agent-starts agent_start || exit
n=2
for binding in pod masquerade; do
	vm=$lab-vm$n
	pod_make $n
	check "$binding-vm" vm_make $n $binding || exit
	one_family "$binding-v4" 10.88.0.$n $outside
	one_family "$binding-v6" fd00:88::$n $outside6
	n=$((n + 1))
done
check "masquerade-hairpin-v4" $talk tcp "$lab-vm3" "$lab-vm3" 10.88.0.3
check "masquerade-hairpin-v6" $talk tcp "$lab-vm3" "$lab-vm3" fd00:88::3
for to in 127.0.0.1 ::1; do
	check "masquerade-pods-loopback-to-guest-$to" whole 3 tx $talk tcp "$lab-pod3" "$lab-vm3" $to
	check "masquerade-pods-loopback-stays-$to" $talk tcp "$lab-pod3" "$lab-pod3" $to 200000
	check "pod-loopback-stays-$to" $talk tcp "$lab-pod2" "$lab-pod2" $to 200000
done
check "from-vm-to-vm-v4" $talk tcp "$lab-vm2" "$lab-vm3" 10.88.0.3
check "from-vm-to-vm-v6" $talk tcp "$lab-vm2" "$lab-vm3" fd00:88::3
check "from-vm-to-vm-back-v4" $talk tcp "$lab-vm3" "$lab-vm2" 10.88.0.2
check "from-vm-to-vm-back-v6" $talk tcp "$lab-vm3" "$lab-vm2" fd00:88::2
