// SPDX-License-Identifier: Apache-2.0
/* Bounded reads, atomic writes, trees, and paths that somebody else controls. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static struct bl_err err;

struct place {
	char *dir, *file;
};

static int setup(void **state)
{
	struct place *place = bl_alloc(sizeof(*place));

	place->dir = unit_dir();
	place->file = bl_format("%s/file", place->dir);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	unit_dir_remove(place->dir);
	free(place->file);
	free(place);
	return 0;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void test_write_and_read(void **state)
{
	struct place *place = *state;
	bl_autofree char *text = NULL;
	struct stat st;
	size_t len;

	umask(0077);
	assert_int_equal(bl_file_write(place->file, "one", 3, 0644, &err), 0);
	assert_int_equal(bl_file_write(place->file, "tw\0", 3, 0640, &err), 0);
	assert_int_equal(bl_file_read(place->file, 3, &text, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "tw\0\0", 4);
	assert_int_equal(stat(place->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(count_entries(place->dir), 1);
}

static void test_reads_are_bounded(void **state)
{
	struct place *place = *state;
	bl_autofree char *big = bl_alloc(20000), *text = NULL;

	memset(big, 'x', 20000);
	assert_int_equal(bl_file_write(place->file, big, 20000, 0600, &err), 0);
	assert_fails(bl_file_read(place->file, 19999, &text, NULL, &err), -EFBIG, "larger than");
	assert_null(text);
	assert_int_equal(bl_file_read(place->file, 20000, &text, NULL, &err), 0);
	assert_int_equal(strlen(text), 20000);
	assert_fails(bl_file_read("/dev/zero", 1000, &text, NULL, &err), -EFBIG, "/dev/zero");
	assert_fails(bl_file_read("/nonexistent", 10, &text, NULL, &err), -ENOENT, "/nonexistent");
	assert_fails(bl_file_read(place->dir, 10, &text, NULL, &err), -EISDIR, "reading");
}

/* A write that fails leaves the old content and no other file. */
static void test_failed_write_changes_nothing(void **state)
{
	struct place *place = *state;
	bl_autofree char *inside = bl_format("%s/inside", place->file), *text = NULL;

	assert_int_equal(mkdir(place->file, 0700), 0);
	assert_int_equal(bl_file_write(inside, "x", 1, 0600, &err), 0);
	/* A directory cannot be replaced by a file. */
	assert_fails(bl_file_write(place->file, "y", 1, 0600, &err), -EISDIR, "writing");
	assert_int_equal(count_entries(place->dir), 1);
	assert_int_equal(bl_file_read(inside, 10, &text, NULL, &err), 0);
	assert_string_equal(text, "x");
	assert_fails(bl_file_write("/nonexistent/x", "y", 1, 0600, &err), -ENOENT, "/nonexistent");
}

static void test_poke(void **state)
{
	struct place *place = *state;

	assert_fails(bl_file_poke(place->file, "1", &err), -ENOENT, "opening");
	assert_false(bl_file_exists(place->file));
	assert_int_equal(bl_file_write(place->file, "0", 1, 0600, &err), 0);
	assert_int_equal(bl_file_poke(place->file, "1", &err), 0);
	assert_true(bl_file_exists(place->file));
}

static void test_make_directories(void **state)
{
	struct place *place = *state;
	bl_autofree char *deep = bl_format("%s/a//b/c/", place->dir);
	bl_autofree char *below_file = bl_format("%s/x", place->file);
	struct stat st;

	umask(0077);
	assert_int_equal(bl_dir_make(deep, 0755, &err), 0);
	assert_int_equal(bl_dir_make(deep, 0700, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(bl_file_write(place->file, "", 0, 0600, &err), 0);
	assert_fails(bl_dir_make(below_file, 0700, &err), -ENOTDIR, "making directory");
	assert_int_equal(bl_dir_make("/", 0700, &err), 0);
}

static void test_remove_follows_no_links(void **state)
{
	struct place *place = *state;
	bl_autofree char *tree = bl_format("%s/tree/a/b", place->dir);
	bl_autofree char *top = bl_format("%s/tree", place->dir);
	bl_autofree char *link = bl_format("%s/link", tree), *file = bl_format("%s/f", tree);
	bl_autofree char *kept = bl_format("%s/kept/precious", place->dir);
	bl_autofree char *kept_dir = bl_format("%s/kept", place->dir);

	assert_int_equal(bl_dir_make(tree, 0700, &err), 0);
	assert_int_equal(bl_dir_make(kept_dir, 0700, &err), 0);
	assert_int_equal(bl_file_write(kept, "x", 1, 0600, &err), 0);
	assert_int_equal(bl_file_write(file, "x", 1, 0600, &err), 0);
	assert_int_equal(symlink(kept_dir, link), 0);
	assert_int_equal(bl_dir_remove(top, &err), 0);
	assert_false(bl_file_exists(top));
	assert_true(bl_file_exists(kept));
	assert_int_equal(bl_dir_remove(top, &err), 0);
	assert_fails(bl_dir_remove("/tmp/..", &err), -EINVAL, "does not end in a name");
	assert_fails(bl_dir_remove("/", &err), -EINVAL, "does not end in a name");
}

static void remove_with_mount(struct place *place)
{
	bl_autofree char *mount_point = bl_format("%s/tree/mnt", place->dir);
	bl_autofree char *top = bl_format("%s/tree", place->dir);
	bl_autofree char *other = bl_format("%s/other", place->dir);
	bl_autofree char *kept = bl_format("%s/other/kept", place->dir);

	assert_int_equal(bl_dir_make(mount_point, 0700, &err), 0);
	assert_int_equal(bl_dir_make(other, 0700, &err), 0);
	assert_int_equal(bl_file_write(kept, "x", 1, 0600, &err), 0);
	assert_int_equal(mount(other, mount_point, NULL, MS_BIND, NULL), 0);
	assert_fails(bl_dir_remove(top, &err), -EXDEV, "something is mounted");
	assert_true(bl_file_exists(kept));
	assert_int_equal(umount(mount_point), 0);
}

static void test_remove_crosses_no_mount(void **state)
{
	if (geteuid() != 0)
		unit_skip("root (mount)");
	remove_with_mount(*state);
}

static void test_remove_is_bounded_in_depth(void **state)
{
	struct place *place = *state;
	bl_autofree char *top = bl_format("%s/deep", place->dir);
	int fd, next;

	assert_int_equal(mkdir(top, 0700), 0);
	fd = open(top, O_DIRECTORY);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		next = openat(fd, "d", O_DIRECTORY);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_fails(bl_dir_remove(top, &err), -ELOOP, "deep");
	/* Make it shallower for the clean-up: move the lower half up. */
	bl_autofree char *half = bl_strdup(top);

	for (int i = 0; i < 50; i++) {
		char *more = bl_format("%s/d", half);

		free(half);
		half = more;
	}
	bl_autofree char *beside = bl_format("%s/half", place->dir);

	assert_int_equal(rename(half, beside), 0);
}

static void test_open_beneath(void **state)
{
	struct place *place = *state;
	bl_autofree char *link = bl_format("%s/link", place->dir);
	int dir_fd = open(place->dir, O_PATH | O_DIRECTORY), fd;

	assert_int_equal(bl_file_open_beneath(dir_fd, "new", O_CREAT | O_WRONLY, 0640, &fd, &err),
			 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(symlink("new", link), 0);
	assert_fails(bl_file_open_beneath(dir_fd, "link", O_RDONLY, 0, &fd, &err), -ELOOP, "link");
	assert_fails(bl_file_open_beneath(dir_fd, "../x", O_RDONLY, 0, &fd, &err), -EXDEV, "..");
	assert_fails(bl_file_open_beneath(dir_fd, "/etc/passwd", O_RDONLY, 0, &fd, &err), -EXDEV,
		     "/etc");
	assert_fails(bl_file_open_beneath(dir_fd, "none", O_RDONLY, 0, &fd, &err), -ENOENT, "none");
	close(dir_fd);
}

static void test_strings(void **state)
{
	bl_autofree char *text = bl_format("%s-%d", "a", 5);
	bl_autofree char *zeros = bl_alloc(4);

	assert_string_equal(text, "a-5");
	assert_null(bl_strdup(NULL));
	assert_memory_equal(zeros, "\0\0\0\0", 4);
}

#define PLACE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_write_and_read),
		PLACE_TEST(test_reads_are_bounded),
		PLACE_TEST(test_failed_write_changes_nothing),
		PLACE_TEST(test_poke),
		PLACE_TEST(test_make_directories),
		PLACE_TEST(test_remove_follows_no_links),
		PLACE_TEST(test_remove_crosses_no_mount),
		PLACE_TEST(test_remove_is_bounded_in_depth),
		PLACE_TEST(test_open_beneath),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
