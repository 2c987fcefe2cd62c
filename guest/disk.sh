#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# disk.sh PACKAGES INITRD OUT: makes the disk: one FAT partition with kernel and initrd, which both
# SeaBIOS (by syslinux) and OVMF (by systemd-boot) can start. No root, no mount, no loop device.
set -eu

packages=$1
initrd=$2
out=$3
# no_timer_check: an emulated machine on a busy host else panics now and then.
cmdline="console=ttyS0 quiet no_timer_check panic=-1"
partition_start=2048 # sectors
partition_sectors=65536

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
raw=$work/raw
fat=$raw@@$((partition_start * 512))

write_loader_files() {
	cat >"$work/syslinux.cfg" <<-END
		DEFAULT linux
		LABEL linux
		KERNEL /vmlinuz
		INITRD /initrd
		APPEND $cmdline
	END
	echo "timeout 0" >"$work/loader.conf"
	cat >"$work/linux.conf" <<-END
		title Beeline demo
		linux /vmlinuz
		initrd /initrd
		options $cmdline
	END
}

make_partition() {
	truncate -s $(((partition_start + partition_sectors) * 512)) "$raw"
	printf 'label: dos\nlabel-id: 0x6265656c\nstart=%s, size=%s, type=e, bootable\n' \
		$partition_start $partition_sectors | sfdisk -q "$raw"
	mkfs.fat -F 16 -i 6265656c --offset $partition_start "$raw" \
		$((partition_sectors / 2)) >"$work/log"
}

fill_partition() {
	export SOURCE_DATE_EPOCH=315532800 # FAT's first day
	mmd -i "$fat" ::/EFI ::/EFI/BOOT ::/loader ::/loader/entries
	mcopy -i "$fat" "$packages"/boot/vmlinuz-* ::/vmlinuz
	mcopy -i "$fat" "$initrd" ::/initrd
	mcopy -i "$fat" "$work/syslinux.cfg" ::/
	mcopy -i "$fat" "$work/loader.conf" ::/loader/
	mcopy -i "$fat" "$work/linux.conf" ::/loader/entries/
	mcopy -i "$fat" /usr/lib/systemd/boot/efi/systemd-bootx64.efi ::/EFI/BOOT/BOOTX64.EFI
}

write_loader_files
make_partition
fill_partition
syslinux --install --offset $((partition_start * 512)) "$raw"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$raw" bs=440 count=1 conv=notrunc status=none
qemu-img convert -c -O qcow2 "$raw" "$out"
