// SPDX-License-Identifier: Apache-2.0
/* ISO images: what a guest that looks for a seed finds, read back by libarchive and by raw bytes. */
#include "unit.h"

#include <errno.h>
#include <time.h>

#include <archive.h>
#include <archive_entry.h>

#include "../../launcher/cloudinit.h"
#include "../../launcher/iso.h"

#define VOLUME_ID   (16 * 2048 + 40)
#define NAMES_MAX   512
#define CONTENT_MAX 4096

/* What libarchive takes for the time while it is not zero. */
static time_t pretended;

__attribute__((visibility("default"))) time_t time(time_t *ret_time)
{
	struct timespec now = {.tv_sec = pretended};

	if (!pretended)
		clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}

/* Names and contents of all files, as "name=content;". */
static void list_image(const char *path, char text[NAMES_MAX])
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	size_t used = 0;

	archive_read_support_format_iso9660(archive);
	assert_int_equal(archive_read_open_filename(archive, path, 2048), ARCHIVE_OK);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		char content[CONTENT_MAX] = "";

		if (archive_entry_filetype(entry) != AE_IFREG)
			continue;
		assert_true(archive_read_data(archive, content, sizeof(content) - 1) >= 0);
		used += (size_t)snprintf(text + used, NAMES_MAX - used, "%s=%s;",
					 archive_entry_pathname(entry), content);
	}
	archive_read_free(archive);
}

static void files_and_volume_id_come_back(void **state)
{
	const struct iso_file files[] = {{"meta-data", "{}", 2}, {"user-data", "", 0}};
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/seed.iso", dir);
	bl_autofree char *bytes = NULL;
	char names[NAMES_MAX];
	size_t len;

	assert_int_equal(iso_write(path, "cidata", files, 2, NULL), 0);
	assert_int_equal(bl_file_read(path, 4 << 20, &bytes, &len, NULL), 0);
	assert_memory_equal(bytes + VOLUME_ID, "cidata                          ", 32);
	assert_int_equal(len % 4096, 0);
	list_image(path, names);
	assert_string_equal(names, "meta-data={};user-data=;");
	unit_dir_remove(dir);
}

static void the_same_input_gives_the_same_image(void **state)
{
	const struct iso_file files[] = {{"a", "content", 7}, {"meta-data", "{}", 2}};
	char *dir = unit_dir();
	bl_autofree char *first = bl_format("%s/1.iso", dir), *second = bl_format("%s/2.iso", dir);
	bl_autofree char *a = NULL, *b = NULL;
	size_t len_a, len_b;

	pretended = 1000000000;
	assert_int_equal(iso_write(first, "v", files, 2, NULL), 0);
	pretended += 86400 * 400 + 3661;
	assert_int_equal(iso_write(second, "v", files, 2, NULL), 0);
	pretended = 0;
	assert_int_equal(bl_file_read(first, 4 << 20, &a, &len_a, NULL), 0);
	assert_int_equal(bl_file_read(second, 4 << 20, &b, &len_b, NULL), 0);
	assert_int_equal(len_a, len_b);
	assert_memory_equal(a, b, len_a);
	unit_dir_remove(dir);
}

static void what_does_not_fit_is_refused(void **state)
{
	const struct iso_file big = {"big", "", ISO_CONTENT_MAX + 1};
	struct bl_err err;

	assert_fails(iso_write("/nonexistent/x", "v", &big, 1, &err), -EFBIG, "bytes of content");
	assert_fails(
		iso_write("/nonexistent/x", "a volume id that is too long for it", NULL, 0, &err),
		-ENAMETOOLONG, "too long");
}

static void a_seed_holds_what_cloud_init_wants(void **state)
{
	struct bl_vmi vmi = {.namespace = "prod", .name = "db", .hostname = "db-\"1\""};
	struct bl_volume volume = {.user_data = "#!/bin/sh\n",
				   .user_data_len = 10,
				   .network_data = "version: 2\n",
				   .network_data_len = 11};
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/seed.iso", dir);
	char names[NAMES_MAX];

	assert_int_equal(cloudinit_write_no_cloud(&vmi, &volume, path, NULL), 0);
	list_image(path, names);
	assert_non_null(strstr(names, "meta-data={\"instance-id\":\"db.prod\","
				      "\"local-hostname\":\"db-\\\"1\\\"\"};"));
	assert_non_null(strstr(names, "user-data=#!/bin/sh\n;"));
	assert_non_null(strstr(names, "network-config=version: 2\n;"));
	unit_dir_remove(dir);
}

static void a_seed_without_data_is_still_one(void **state)
{
	struct bl_vmi vmi = {.namespace = "prod", .name = "db"};
	struct bl_volume volume = {};
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/seed.iso", dir);
	char names[NAMES_MAX];

	assert_int_equal(cloudinit_write_no_cloud(&vmi, &volume, path, NULL), 0);
	list_image(path, names);
	assert_non_null(strstr(names, "user-data=;"));
	assert_null(strstr(names, "network-config"));
	unit_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_volume_id_come_back),
		cmocka_unit_test(the_same_input_gives_the_same_image),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_seed_holds_what_cloud_init_wants),
		cmocka_unit_test(a_seed_without_data_is_still_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
