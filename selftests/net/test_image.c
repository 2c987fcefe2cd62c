// SPDX-License-Identifier: Apache-2.0
/*
 * The image store with real files, made by a small Python script: disks and containers of every kind
 * that it takes, and those that it must refuse.
 */
#include "../unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/loop.h>
#include <beeline/process.h>

#include "../../agent/image.h"

#define TIMEOUT_NS (60ull * 1000 * 1000 * 1000)
#define VM_UID     107

struct fixture {
	char *dir, *state_dir;
	struct bl_loop *loop;
	struct images *images;
	bool done, expired;
	uint64_t progress;
	struct bl_err err;
	struct image image;
};

static void on_expiry(struct bl_timer *timer)
{
	((struct fixture *)timer->data)->expired = true;
}

static int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));
	struct bl_err err = BL_ERR_INIT;

	f->dir = unit_dir();
	f->state_dir = bl_format("%s/state", f->dir);
	assert_int_equal(bl_dir_make(f->state_dir, 0700, NULL), 0);
	assert_int_equal(bl_loop_new(&f->loop, NULL), 0);
	if (images_new(f->loop, f->state_dir, VM_UID, &f->images, &err) < 0)
		fail_msg("%s", err.message);
	*state = f;
	return 0;
}

static size_t count_files(const char *dir, const char *name)
{
	bl_autofree char *path = bl_format("%s/images/%s", dir, name);
	DIR *stream = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		n += entry->d_name[0] != '.';
	closedir(stream);
	return n;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	/* Whatever happened, nothing half-made stays. */
	assert_int_equal(count_files(f->state_dir, "incoming"), 0);
	images_free(f->images);
	bl_loop_free(f->loop);
	umount(f->state_dir);
	unit_dir_remove(f->dir);
	free(f->state_dir);
	image_clear(&f->image);
	free(f);
	return 0;
}

/* Runs a script in the fixture's directory. */
static void make(struct fixture *f, const char *interpreter, const char *script)
{
	bl_autofree char *in_dir = bl_format("cd %s && exec %s", f->dir, interpreter);
	const char *argv[] = {"sh", "-ec", in_dir, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	struct bl_err err = BL_ERR_INIT;

	spec.argv = argv;
	spec.input = script;
	spec.input_len = strlen(script);
	if (bl_process_run(&spec, NULL, &err) < 0)
		fail_msg("%s", err.message);
}

static void on_progress(uint64_t bytes, uint64_t total, void *data)
{
	struct fixture *f = data;

	assert_true(bytes <= total);
	f->progress = bytes;
}

static void on_done(const struct image *image, const struct bl_err *err, void *data)
{
	struct fixture *f = data;

	assert_false(f->done);
	assert_true(!image == !!err);
	f->done = true;
	f->err = err ? *err : BL_ERR_INIT;
	if (!image)
		return;
	image_clear(&f->image);
	f->image = (struct image){
		.name = bl_strdup(image->name),
		.digest = bl_strdup(image->digest),
		.format = bl_strdup(image->format),
		.path = bl_strdup(image->path),
		.size = image->size,
		.virtual_size = image->virtual_size,
	};
}

static void import(struct fixture *f, const char *name, const char *digest, const char *file)
{
	bl_autofree char *path = bl_format("%s/%s", f->dir, file);
	struct bl_timer timer = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0);
	f->done = f->expired = false;
	bl_timer_arm(f->loop, &timer, TIMEOUT_NS, on_expiry, f);
	image_import(f->images, name, digest, fd, on_progress, on_done, f);
	assert_false(f->done);
	while (!f->done && !f->expired)
		assert_true(bl_loop_once(f->loop, 100) >= 0);
	bl_timer_disarm(&timer);
	assert_false(f->expired);
}

static void accept_as(struct fixture *f, const char *name, const char *digest, const char *file)
{
	import(f, name, digest, file);
	if (f->err.code)
		fail_msg("%s: %s", file, f->err.message);
}

static void refuse(struct fixture *f, const char *name, const char *file, const char *words)
{
	import(f, name, NULL, file);
	if (!f->err.code)
		fail_msg("%s was taken", file);
	if (!strstr(f->err.message, words))
		fail_msg("%s: '%s' lacks '%s'", file, f->err.message, words);
}

/* The blob's content is the disk that the scripts make. */
static void assert_is_disk(struct fixture *f)
{
	bl_autofree char *script =
		bl_format("cmp %s disk.raw && test $(stat -c %%a:%%u %s) = 444:0", f->image.path,
			  f->image.path);

	assert_string_equal(f->image.format, "raw");
	assert_int_equal(f->image.virtual_size, 1 << 20);
	make(f, "sh -e", script);
}

static bool nobody(const char *digest, void *data)
{
	return false;
}

static bool everybody(const char *digest, void *data)
{
	return true;
}

/* disk.raw (1 MiB: zeroes, then something) and the layouts of container images around it. */
#define PRELUDE                                                                                    \
	"import io, json, gzip, hashlib, tarfile, os\n"                                            \
	"disk = bytes(512 * 1024) + bytes(range(256)) * 2048\n"                                    \
	"open('disk.raw', 'wb').write(disk)\n"                                                     \
	"def entry(t, name, data=b'', **kw):\n"                                                    \
	"    i = tarfile.TarInfo(name); i.size = len(data)\n"                                      \
	"    for k, v in kw.items(): setattr(i, k, v)\n"                                           \
	"    t.addfile(i, io.BytesIO(data))\n"                                                     \
	"def tar(*entries):\n"                                                                     \
	"    b = io.BytesIO()\n"                                                                   \
	"    with tarfile.open(fileobj=b, mode='w') as t:\n"                                       \
	"        for e in entries: entry(t, *e[:2], **(e[2] if len(e) > 2 else {}))\n"             \
	"    return b.getvalue()\n"                                                                \
	"def sha(b): return hashlib.sha256(b).hexdigest()\n"                                       \
	"def desc(b, **kw): return dict(kw, digest='sha256:' + sha(b), size=len(b))\n"             \
	"def oci(*layers, spoil=b'', nest=False, platforms=None):\n"                               \
	"    m = json.dumps({'schemaVersion': 2, 'layers': [desc(l) for l in layers]}).encode()\n" \
	"    blobs = list(layers) + [m]\n"                                                         \
	"    ms = [desc(m)]\n"                                                                     \
	"    if platforms: ms = [desc(m if p == 'amd64' else b'none', platform={'os': 'linux', "   \
	"'architecture': p}) for p in platforms]\n"                                                \
	"    if nest:\n"                                                                           \
	"        n = json.dumps({'manifests': ms}).encode(); blobs.append(n); ms = [desc(n)]\n"    \
	"    es = [('./blobs/sha256/' + sha(b), b.replace(spoil, b'!', 1) if spoil else b) for b " \
	"in blobs]\n"                                                                              \
	"    return tar(*es, ('index.json', json.dumps({'manifests': ms}).encode()))\n"            \
	"def save(name, b): open(name, 'wb').write(b)\n"

static void test_bare_disks(void **state)
{
	struct fixture *f = *state;
	struct image found = {0};
	struct cJSON *list;

	make(f, "python3 -",
	     PRELUDE "save('disk.gz', gzip.compress(disk))\n"
		     "import lzma; save('disk.xz', lzma.compress(disk))\n"
		     "os.system('qemu-img convert -c -O qcow2 disk.raw disk.qcow2')\n"
		     "save('qcow2.gz', gzip.compress(open('disk.qcow2', 'rb').read()))\n");
	accept_as(f, "example/raw", NULL, "disk.raw");
	assert_string_equal(f->image.name, "example/raw:latest");
	assert_is_disk(f);
	/* Its leading zeroes are a hole. */
	assert_true(f->image.size < (1 << 20));
	accept_as(f, "example/gz:1", NULL, "disk.gz");
	assert_is_disk(f);
	accept_as(f, "example/xz:1", NULL, "disk.xz");
	assert_is_disk(f);
	/* The same disk three times is one blob and its facts. */
	assert_int_equal(count_files(f->state_dir, "blobs"), 2);
	accept_as(f, "localhost:5000/q", NULL, "disk.qcow2");
	assert_string_equal(f->image.format, "qcow2");
	assert_int_equal(f->image.virtual_size, 1 << 20);
	accept_as(f, "example/qgz", NULL, "qcow2.gz");
	assert_int_equal(image_find(f->images, "localhost:5000/q:latest", &found, NULL), 0);
	assert_string_equal(found.digest, f->image.digest);
	list = images_list(f->images);
	assert_int_equal(bl_json_size(list), 5);
	bl_json_free(list);
	image_clear(&found);
}

static void test_container_images(void **state)
{
	static const char *const files[] = {"plain.tar", "gz.tar",   "outer.tar.gz",
					    "upper.tar", "arch.tar", "docker.tar"};
	struct fixture *f = *state;

	make(f, "python3 -",
	     PRELUDE
	     "l = tar(('disk/', b'', {'type': tarfile.DIRTYPE}), ('disk/disk.img', disk))\n"
	     "other = tar(('disk/old.img', b'x' * 512), ('etc/passwd', b''))\n"
	     "save('plain.tar', oci(other, l))\n"
	     "save('gz.tar', oci(gzip.compress(l), gzip.compress(tar(('etc/x', b'y')))))\n"
	     "save('outer.tar.gz', gzip.compress(oci(l)))\n"
	     "save('upper.tar', oci(l, tar(), tar(('disk', b'', {'type': tarfile.DIRTYPE}))))\n"
	     "save('arch.tar', oci(l, nest=True, platforms=['arm64', 'amd64', 's390x']))\n"
	     "save('docker.tar', tar(('manifest.json', json.dumps([{'Layers': ['a/layer.tar', "
	     "'b/layer.tar']}]).encode()), ('a/layer.tar', other), ('b/layer.tar', l)))\n");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		accept_as(f, "example/disk", NULL, files[i]);
		assert_is_disk(f);
	}
}

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

static void test_digests(void **state)
{
	static const char wrong[] =
		"sha256:00000000000000000000000000000000000000000000000000000000000000ff";
	struct fixture *f = *state;
	bl_autofree char *digest = NULL;

	make(f, "python3 -",
	     PRELUDE "z = gzip.compress(disk); save('disk.gz', z); save('digest', "
		     "('sha256:' + sha(z)).encode())\n");
	accept_as(f, "x", NULL, "disk.raw");
	digest = bl_strdup(f->image.digest);
	accept_as(f, "x", digest, "disk.gz");
	import(f, "x", wrong, "disk.gz");
	assert_non_null(strstr(f->err.message, "not sha256:00"));
	import(f, "x", "md5:1", "disk.gz");
	assert_non_null(strstr(f->err.message, "not a digest"));
	{
		bl_autofree char *path = bl_format("%s/digest", f->dir), *of_file = NULL;

		assert_int_equal(bl_file_read(path, 100, &of_file, NULL, NULL), 0);
		accept_as(f, "x", of_file, "disk.gz");
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", "../x", "a//b", "a/../b", "/a", "a b", "a\n", "x/"};
	struct fixture *f = *state;
	struct image image = {0};
	struct bl_err err;

	make(f, "python3 -", PRELUDE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuse(f, bad[i], "disk.raw", "not an image's name");
	assert_fails(image_find(f->images, "some/image", &image, &err), -ENOENT,
		     "beeline image import some/image FILE|URL");
	assert_fails(image_find_digest(f->images, "sha256:../../x", &image, &err), -EINVAL,
		     "not a digest");
}

static void test_delete_and_prune(void **state)
{
	struct fixture *f = *state;
	struct cJSON *deleted = NULL;
	struct image image = {0};
	struct bl_err err;

	make(f, "python3 -", PRELUDE "save('other.raw', b'y' * 1024)\n");
	accept_as(f, "a", NULL, "disk.raw");
	accept_as(f, "b", NULL, "disk.raw");
	assert_fails(image_delete(f->images, "a", everybody, NULL, &err), -EBUSY, "in use");
	assert_int_equal(image_delete(f->images, "a", nobody, NULL, NULL), 0);
	assert_fails(image_delete(f->images, "a", nobody, NULL, &err), -ENOENT, "not in the store");
	assert_int_equal(image_find(f->images, "b:latest", &image, NULL), 0);
	image_clear(&image);
	/* The name moves to another disk; the old one stays for those who have pinned it. */
	accept_as(f, "b", NULL, "other.raw");
	assert_int_equal(count_files(f->state_dir, "blobs"), 4);
	assert_int_equal(images_prune(f->images, everybody, NULL, &deleted, NULL), 0);
	assert_int_equal(bl_json_size(deleted), 0);
	bl_json_free(deleted);
	assert_int_equal(images_prune(f->images, nobody, NULL, &deleted, NULL), 0);
	assert_int_equal(bl_json_size(deleted), 1);
	bl_json_free(deleted);
	assert_int_equal(image_delete(f->images, "b", nobody, NULL, NULL), 0);
	assert_int_equal(count_files(f->state_dir, "blobs"), 0);
}

static void test_agent_dies_while_importing(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *path = NULL;

	make(f, "python3 -", PRELUDE "save('big', os.urandom(1 << 20) * 64)\n");
	path = bl_format("%s/big", f->dir);
	image_import(f->images, "x", NULL, open(path, O_RDONLY | O_CLOEXEC), NULL, on_done, f);
	for (int i = 0; i < 3; i++)
		bl_loop_once(f->loop, 10);
	images_free(f->images);
	assert_false(f->done);
	assert_int_equal(images_new(f->loop, f->state_dir, VM_UID, &f->images, NULL), 0);
	assert_int_equal(count_files(f->state_dir, "incoming"), 0);
	assert_int_equal(count_files(f->state_dir, "blobs"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bare_disks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_images, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_disks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete_and_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agent_dies_while_importing, setup, teardown),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
