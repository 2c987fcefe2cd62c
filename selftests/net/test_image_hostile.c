// SPDX-License-Identifier: Apache-2.0
/* What the image store must refuse: each with its sentence, and nothing left of it. */
#include "images.h"

static void test_hostile_containers(void **state)
{
	struct fixture *f = *state;

	make(f, "python3 -",
	     PRELUDE
	     "l = tar(('disk/disk.img', disk))\n"
	     "link = {'type': tarfile.SYMTYPE, 'linkname': '/etc/shadow'}\n"
	     "hard = {'type': tarfile.LNKTYPE, 'linkname': '/etc/shadow'}\n"
	     "save('symlink.tar', oci(tar(('disk/disk.img', b'', link))))\n"
	     "save('hardlink.tar', oci(tar(('disk/disk.img', b'', hard))))\n"
	     "save('dirlink.tar', oci(tar(('disk', b'', link), ('etc/disk.img', disk))))\n"
	     "save('dots.tar', oci(tar(('../disk/disk.img', disk), ('disk/../../x', disk))))\n"
	     "save('device.tar', oci(tar(('disk/disk.img', b'', {'type': tarfile.BLKTYPE}))))\n"
	     "save('two.tar', oci(tar(('disk/a', disk), ('disk/b', disk))))\n"
	     "save('none.tar', oci(tar(('etc/passwd', b''))))\n"
	     "save('spoilt.tar', oci(l, spoil=bytes(range(256))))\n"
	     "save('hidden.tar', oci(l, tar(('disk/.wh.disk.img', b''))))\n"
	     "save('many.tar', oci(l, platforms=['amd64', 'amd64']))\n"
	     "save('foreign.tar', oci(l, platforms=['arm64']))\n"
	     "save('tar.tar', l)\n"
	     "save('index.tar', tar(('index.json', b'[' * 1000)))\n"
	     "save('digest.tar', tar(('index.json', json.dumps({'manifests': [{'digest': "
	     "'sha256:../../../etc/passwd'}]}).encode())))\n"
	     "m = json.dumps({'manifests': []}).encode()\n"
	     "save('cut.tar', oci(l)[:300000])\n");
	refuse(f, "x", "symlink.tar", "no file directly below /disk/");
	refuse(f, "x", "hardlink.tar", "no file directly below /disk/");
	refuse(f, "x", "dirlink.tar", "no file directly below /disk/");
	refuse(f, "x", "dots.tar", "no file directly below /disk/");
	refuse(f, "x", "device.tar", "no file directly below /disk/");
	refuse(f, "x", "none.tar", "no file directly below /disk/");
	refuse(f, "x", "hidden.tar", "no file directly below /disk/");
	refuse(f, "x", "two.tar", "more than one file below /disk/");
	refuse(f, "x", "spoilt.tar", "is damaged: its digest is");
	refuse(f, "x", "many.tar", "more than one image for amd64");
	refuse(f, "x", "foreign.tar", "no image for amd64");
	refuse(f, "x", "tar.tar", "no container image");
	refuse(f, "x", "index.tar", "index.json");
	refuse(f, "x", "digest.tar", "unknown digest");
	refuse(f, "x", "cut.tar", "damaged");
	assert_int_equal(count_files(f->state_dir, "blobs"), 0);
}

static void test_hostile_disks(void **state)
{
	struct fixture *f = *state;

	make(f, "python3 -",
	     PRELUDE "q = 'qemu-img create -q -f qcow2 '\n"
		     "os.system(q + '-b /etc/passwd -F raw backing.qcow2 1M')\n"
		     "os.system(q + '-o data_file=data.bin data.qcow2 1M')\n"
		     "os.system('qemu-img convert -O vmdk disk.raw disk.vmdk')\n"
		     "os.system('qemu-img convert -O vpc disk.raw disk.vhd')\n"
		     "os.system(q + 'sound.qcow2 1M')\n"
		     "s = open('sound.qcow2', 'rb').read()\n"
		     "save('short.qcow2', s[:40])\n"
		     "save('version.qcow2', s[:4] + b'\\0\\0\\0\\x09' + s[8:])\n"
		     "save('features.qcow2', s[:72] + b'\\x80' + s[73:])\n"
		     "save('l1.qcow2', s[:36] + b'\\xff\\xff\\xff\\xff' + s[40:])\n"
		     "save('text', b'<!DOCTYPE html>' + b' ' * 497)\n"
		     "save('odd', b'x' * 700)\n"
		     "save('empty', b'')\n"
		     "z = gzip.compress(disk); save('cut.gz', z[:len(z) // 2])\n"
		     "save('crc.gz', z[:-8] + b'\\0' * 8)\n"
		     "save('bit.gz', gzip.compress(disk, 0)[:700000] + b'\\xa5' + "
		     "gzip.compress(disk, 0)[700001:])\n"
		     "os.mkfifo('fifo')\n"
		     "os.truncate(open('huge', 'w').name, 5 << 40)\n");
	refuse(f, "x", "backing.qcow2", "needs a backing file");
	refuse(f, "x", "data.qcow2", "keeps its data in another file");
	refuse(f, "x", "disk.vmdk", "VMDK");
	refuse(f, "x", "disk.vhd", "VHD");
	refuse(f, "x", "short.qcow2", "cut off");
	refuse(f, "x", "version.qcow2", "version 9");
	refuse(f, "x", "features.qcow2", "features that are not known");
	refuse(f, "x", "l1.qcow2", "qemu-img info");
	refuse(f, "x", "text", "HTML");
	refuse(f, "x", "odd", "no disk");
	refuse(f, "x", "empty", "empty");
	refuse(f, "x", "cut.gz", "damaged");
	refuse(f, "x", "crc.gz", "damaged");
	refuse(f, "x", "bit.gz", "damaged");
	refuse(f, "x", "fifo", "not a regular file");
	refuse(f, "x", "huge", "not enough room");
	assert_int_equal(count_files(f->state_dir, "blobs"), 0);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;

	images_free(f->images);
	assert_int_equal(mount("tmpfs", f->state_dir, "tmpfs", 0, "size=24m"), 0);
	assert_int_equal(images_new(f->loop, f->state_dir, VM_UID, &f->images, NULL), 0);
	make(f, "python3 -",
	     PRELUDE "big = os.urandom(1 << 20) * 64\n"
		     "save('big', big)\n"
		     "save('big.gz', gzip.compress(b'x' * (64 << 20)))\n");
	refuse(f, "x", "big", "not enough room");
	refuse(f, "x", "big.gz", "not enough room");
	accept_as(f, "x", NULL, "disk.raw");
	assert_is_disk(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hostile_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_disks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
	};

	return cmocka_run_group_tests_name("image_hostile", tests, NULL, NULL);
}
