// SPDX-License-Identifier: Apache-2.0
/*
 * Unpacking under the sanitizers: a container image that was changed anywhere is refused or gives the
 * same disk, and nothing that is thrown at the readers makes them fall.
 */
#include "unit.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <unistd.h>

#include <beeline/json.h>

#include "../../agent/image/unpack.h"

#define DISK_LEN  (64 * 1024)
#define ROUNDS    1500
#define INPUT_MAX (1024 * 1024)

struct bytes {
	char data[INPUT_MAX];
	size_t len;
};

struct fixture {
	char *dir;
	int in_fd, out_fd;
	char disk[DISK_LEN];
	struct bytes good, input;
};

/* xorshift: the same rounds every time. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void add_member(struct archive *archive, const char *name, const void *data, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, data, len), len);
	archive_entry_free(entry);
}

static struct archive *begin_tar(struct bytes *to, bool gzip)
{
	struct archive *archive = archive_write_new();

	archive_write_set_format_ustar(archive);
	if (gzip)
		archive_write_add_filter_gzip(archive);
	archive_write_set_bytes_per_block(archive, 0);
	assert_int_equal(archive_write_open_memory(archive, to->data, INPUT_MAX, &to->len),
			 ARCHIVE_OK);
	return archive;
}

static void end_tar(struct archive *archive)
{
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

/* The digest's hex digits. */
static void digest_of(const void *data, size_t len, char hex[65])
{
	struct sha256_ctx sha256;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_init(&sha256);
	sha256_update(&sha256, len, data);
	sha256_digest(&sha256, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static void add_blob(struct archive *archive, const char *hex, const void *data, size_t len)
{
	bl_autofree char *name = bl_format("blobs/sha256/%s", hex);

	add_member(archive, name, data, len);
}

static void make_image(struct fixture *f)
{
	static struct bytes layer;
	bl_autofree char *manifest = NULL, *index = NULL;
	char layer_hex[65], manifest_hex[65];
	struct archive *archive = begin_tar(&layer, true);

	add_member(archive, "disk/disk.img", f->disk, DISK_LEN);
	end_tar(archive);
	digest_of(layer.data, layer.len, layer_hex);
	manifest = bl_format("{\"schemaVersion\":2,\"layers\":[{\"digest\":\"sha256:%s\"}]}",
			     layer_hex);
	digest_of(manifest, strlen(manifest), manifest_hex);
	index = bl_format("{\"manifests\":[{\"digest\":\"sha256:%s\"}]}", manifest_hex);
	archive = begin_tar(&f->good, false);
	add_blob(archive, layer_hex, layer.data, layer.len);
	add_blob(archive, manifest_hex, manifest, strlen(manifest));
	add_member(archive, "index.json", index, strlen(index));
	end_tar(archive);
}

static int open_scratch(struct fixture *f, const char *name)
{
	bl_autofree char *path = bl_format("%s/%s", f->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));
	uint32_t random = 1;

	f->dir = unit_dir();
	f->in_fd = open_scratch(f, "in");
	f->out_fd = open_scratch(f, "out");
	for (size_t i = DISK_LEN / 2; i < DISK_LEN; i++)
		f->disk[i] = (char)next_random(&random);
	make_image(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->in_fd);
	close(f->out_fd);
	unit_dir_remove(f->dir);
	free(f);
	return 0;
}

static void no_progress(uint64_t bytes, void *data)
{
}

static int unpack(struct fixture *f, struct bl_err *err)
{
	const char *format = NULL;
	int r;

	assert_int_equal(ftruncate(f->in_fd, 0), 0);
	assert_int_equal(ftruncate(f->out_fd, 0), 0);
	assert_int_equal(pwrite(f->in_fd, f->input.data, f->input.len, 0), f->input.len);
	*err = BL_ERR_INIT;
	r = image_unpack(f->in_fd, f->out_fd, no_progress, NULL, &format, err);
	if (r < 0)
		assert_int_not_equal(err->message[0], '\0');
	else
		assert_non_null(format);
	return r;
}

static bool is_the_disk(struct fixture *f)
{
	static char written[DISK_LEN + 1];

	return pread(f->out_fd, written, sizeof(written), 0) == DISK_LEN &&
	       memcmp(written, f->disk, DISK_LEN) == 0;
}

static void test_sound_image(void **state)
{
	struct fixture *f = *state;
	struct bl_err err;

	f->input = f->good;
	if (unpack(f, &err) < 0)
		fail_msg("%s", err.message);
	assert_true(is_the_disk(f));
}

static void test_changed_image_gives_no_other_disk(void **state)
{
	struct fixture *f = *state;
	uint32_t random = 4711;
	size_t n_refused = 0;
	struct bl_err err;

	for (int round = 0; round < ROUNDS; round++) {
		f->input = f->good;
		for (uint32_t i = next_random(&random) % 4 + 1; i; i--)
			f->input.data[next_random(&random) % f->good.len] =
				(char)next_random(&random);
		if (unpack(f, &err) < 0)
			n_refused++;
		/* A destroyed magic makes it a bare disk of its own kind, which is no containerDisk. */
		else if (memcmp(f->input.data + 257, "ustar", 5) == 0)
			assert_true(is_the_disk(f));
	}
	assert_true(n_refused > ROUNDS / 4);
}

static void test_cut_image_is_refused(void **state)
{
	struct fixture *f = *state;
	struct bl_err err;

	for (size_t len = 512; len < f->good.len - 3 * 512; len += 777) {
		f->input = f->good;
		f->input.len = len;
		assert_true(unpack(f, &err) < 0);
	}
}

static void test_headers_alone(void **state)
{
	struct fixture *f = *state;
	uint32_t random = 99;
	struct bl_err err;

	for (int round = 0; round < ROUNDS; round++) {
		f->input.len = 512 * (next_random(&random) % 4 + 1);
		for (size_t i = 0; i < f->input.len; i++)
			f->input.data[i] = (char)next_random(&random);
		memcpy(f->input.data, round % 2 ? "QFI\xfb\0\0\0\3" : "\x1f\x8b\x08\0\0\0\0\0", 8);
		unpack(f, &err);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sound_image, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_image_gives_no_other_disk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cut_image_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers_alone, setup, teardown),
	};

	return cmocka_run_group_tests_name("image_unpack", tests, NULL, NULL);
}
