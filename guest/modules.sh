#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# modules.sh PACKAGES LIST ROOT: copies the kernel modules of a list, with all that they need, from
# an unpacked kernel package into a root file system, ready for busybox's modprobe.
set -eu

packages=$1
list=$2
root=$3
kernel=$(basename "$packages"/lib/modules/*)
tree=lib/modules/$kernel

# "path: path path" of one module: its file and, depmod has followed them to the end, its needs.
module_files() {
	# File names have '-' and '_' as their authors liked; to modprobe they are the same.
	pattern=$(echo "$1" | sed 's/[-_]/[-_]/g')
	grep -E "/$pattern\\.ko:" "$packages/$tree/modules.dep" || {
		echo "modules.sh: $kernel has no module $1" >&2
		return 1
	}
}

"$packages/bin/busybox" depmod -b "$packages" "$kernel"
mkdir -p "$root/$tree" "$root/etc"
grep -v '^#' "$list" >"$root/etc/modules"
while read -r module; do
	files=$(module_files "$module")
	for file in $(echo "$files" | tr -d :); do
		(cd "$packages/$tree" && cp --parents "$file" "$root/$tree")
	done
done <"$root/etc/modules"
"$packages/bin/busybox" depmod -b "$root" "$kernel"
