#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# initrd.sh PACKAGES OUT: puts together the guest's root file system, which lives in memory:
# rootfs/ as it stands, busybox, the SSH server and DHCP client, and the kernel modules.
# Owners, order and times are fixed, so that the same inputs give the same file.
set -eu

here=$(dirname "$0")
packages=$1
out=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

add_tree() {
	cp -R "$here/rootfs/." "$root"
	for dir in bin dev proc sys run tmp var/log var/lib/dhcpcd mnt etc/dropbear; do
		mkdir -p "$root/$dir"
	done
	ln -s usr/sbin "$root/sbin"
	ln -s /run "$root/var/run"
	ln -s /run/resolv.conf "$root/etc/resolv.conf"
}

add_busybox() {
	cp "$packages/bin/busybox" "$root/bin"
	for applet in $("$root/bin/busybox" --list); do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done
	ln -s bin/busybox "$root/init"
}

# A program and the libraries that it names, at the paths where the packages have them.
add_program() {
	mkdir -p "$root/usr/sbin"
	cp "$packages$1" "$root/usr/sbin"
	objdump -p "$packages$1" | awk '$1 == "NEEDED" { print $2 }' | while read -r library; do
		add_library "$library"
	done
}

add_library() {
	mkdir -p "$root/lib" "$root/lib64"
	[ -e "$root/lib/$1" ] && return
	cp -L "$(find "$packages" -name "$1" | head -n 1)" "$root/lib/$1"
	objdump -p "$root/lib/$1" | awk '$1 == "NEEDED" { print $2 }' | while read -r library; do
		case $library in
		ld-linux*) cp -L "$packages/lib64/$library" "$root/lib64" ;;
		*) add_library "$library" ;;
		esac
	done
}

add_tree
add_busybox
add_program /usr/sbin/dropbear
add_program /usr/sbin/dhcpcd
cp -R "$packages/usr/lib/dhcpcd" "$root/usr/lib"
# BusyBox's logger knows no -i and would print its usage on the console at each lease.
sed -i 's/logger -i /logger /' "$root/usr/lib/dhcpcd/dhcpcd-run-hooks"
"$here/modules.sh" "$packages" "$here/drivers" "$root"
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --reproducible --quiet) |
	gzip -9n >"$out"
