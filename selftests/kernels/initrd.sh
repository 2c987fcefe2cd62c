#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# initrd.sh BUILD OUT: a root file system with busybox, this machine's iproute2 and Beeline's
# programs with their libraries. Not compressed: unpacking costs an emulated machine seconds.
set -eu

here=$(dirname "$0")
build=$1
out=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# A program under its base name, and its libraries where the loader of this machine finds them.
add_program() {
	cp "$1" "$root/bin"
	ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
	done
}

for dir in bin dev proc sys run tmp var; do
	mkdir "$root/$dir"
done
cp "$build/kernels/packages/bin/busybox" "$root/bin"
for applet in $("$root/bin/busybox" --list); do
	[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
rm "$root/bin/ip" "$root/bin/tc" # busybox's know neither veth nor namespaces
add_program "$build/older/beeline-agent"
mv "$root/bin/beeline-agent" "$root/bin/older-agent"
for program in "$(command -v ip)" "$(command -v tc)" "$build/beeline" "$build/beeline-agent"; do
	add_program "$program"
done
cp "$build/kernels/wire" "$here/forward" "$here/lease" "$root/bin"
cp "$here/init" "$root/init"
guest/modules.sh "$build/kernels/packages" "$here/drivers" "$root"
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$out"
