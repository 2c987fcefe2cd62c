#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ipxe.sh PACKAGES OUT: makes a disk from which iPXE starts, takes a lease, and answers pings.
set -eu

packages=$1
out=$2
partition_start=2048 # sectors
fat=$out.part@@$((partition_start * 512))

rm -f "$out.part"
truncate -s 8M "$out.part"
echo "label: dos
start=$partition_start, type=e, bootable" | sfdisk -q --wipe=never "$out.part"
mkfs.fat -F 12 --offset $partition_start "$out.part" 7168 >/dev/null
# The shell waits for keys, and while it waits the network is served.
mcopy -i "$fat" - ::/syslinux.cfg <<-END
	DEFAULT ipxe
	LABEL ipxe
	KERNEL /ipxe.krn
	APPEND dhcp net0 && echo \${hostname} has \${net0/ip} && shell
END
mcopy -i "$fat" "$packages/boot/ipxe.lkrn" ::/ipxe.krn
syslinux --install --offset $((partition_start * 512)) "$out.part"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$out.part" bs=440 count=1 conv=notrunc status=none
mv "$out.part" "$out"
