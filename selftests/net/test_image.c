// SPDX-License-Identifier: Apache-2.0
/* The image store with real files: what it takes, finds, pulls, deletes and prunes. */
#include "images.h"

static bool nobody(const char *digest, void *data)
{
	return false;
}

static bool everybody(const char *digest, void *data)
{
	return true;
}

static void test_bare_disks(void **state)
{
	struct fixture *f = *state;
	struct image found = {0};
	struct cJSON *list;

	make(f, "python3 -",
	     PRELUDE
	     "save('disk.gz', gzip.compress(disk))\n"
	     "save('parts.gz', gzip.compress(disk[:9]) + gzip.compress(disk[9:]) + bytes(9))\n"
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
	accept_as(f, "example/gz:1", NULL, "parts.gz");
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

static void on_change(void *data)
{
	((struct fixture *)data)->done = true;
}

static void wait_for_change(struct fixture *f)
{
	struct bl_timer timer = {0};

	f->done = f->expired = false;
	bl_timer_arm(f->loop, &timer, TIMEOUT_NS, on_expiry, f);
	while (!f->done && !f->expired)
		assert_true(bl_loop_once(f->loop, 100) >= 0);
	bl_timer_disarm(&timer);
	assert_false(f->expired);
}

/* skopeo is played by a script that knows one image. */
static void test_missing_images_are_pulled(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *path = bl_format("%s:%s", f->dir, getenv("PATH"));
	bl_autofree char *before = bl_strdup(getenv("PATH"));
	struct image image = {0};
	struct bl_err err = BL_ERR_INIT;

	/* the machine may have a skopeo of its own */
	setenv("PATH", f->dir, 1);
	assert_fails(image_find_or_pull(f->images, "some/disk", &image, &err), -ENOENT,
		     "beeline image import");
	setenv("PATH", before, 1);
	make(f, "python3 -", PRELUDE "save('good.tar', oci(tar(('disk/disk.img', disk))))\n");
	make(f, "sh -e",
	     "cat >skopeo <<END\n"
	     "#!/bin/sh\n"
	     "[ \\$(id -u) = 107 ] && [ \"\\$1 \\$2\" = 'copy --quiet' ] || exit 9\n"
	     "[ \\$3 = docker://some/disk:latest ] || { echo no such image >&2; exit 1; }\n"
	     "cat $PWD/good.tar >\\${4#oci-archive:}\n"
	     "END\n"
	     "chmod 755 skopeo; chmod 711 . state\n");
	setenv("PATH", path, 1);
	images_on_change(f->images, on_change, f);
	assert_fails(image_find_or_pull(f->images, "some/disk", &image, &err), -EAGAIN,
		     "is being pulled");
	assert_fails(image_find_or_pull(f->images, "some/disk", &image, &err), -EAGAIN,
		     "is being pulled");
	wait_for_change(f);
	if (image_find_or_pull(f->images, "some/disk", &image, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(image.format, "raw");
	image_clear(&image);
	assert_int_equal(image_find_or_pull(f->images, "some/other", &image, &err), -EAGAIN);
	wait_for_change(f);
	assert_fails(image_find_or_pull(f->images, "some/other", &image, &err), -EIO,
		     "pulling 'some/other:latest': skopeo: no such image");
	setenv("PATH", before, 1);
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
		cmocka_unit_test_setup_teardown(test_digests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete_and_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_images_are_pulled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agent_dies_while_importing, setup, teardown),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
