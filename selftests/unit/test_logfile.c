// SPDX-License-Identifier: Apache-2.0
/* A log that another process appends to: bounded, the writer unharmed, the newest kept. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../launcher/logfile.h"
#include "unit_loop.h"

#define LIMIT 4096

struct fixture {
	struct bl_loop *loop;
	char *dir, *path, *old;
	struct logfile *logfile;
	int writer;
};

static void set_up(struct fixture *fixture)
{
	assert_int_equal(bl_loop_new(&fixture->loop, NULL), 0);
	fixture->dir = unit_dir();
	fixture->path = bl_format("%s/log", fixture->dir);
	fixture->old = bl_format("%s.1", fixture->path);
	fixture->writer = -1;
}

static void watch(struct fixture *fixture)
{
	assert_int_equal(logfile_new(fixture->loop, fixture->path, LIMIT, &fixture->logfile, NULL),
			 0);
}

static void tear_down(struct fixture *fixture)
{
	logfile_free(fixture->logfile);
	bl_loop_free(fixture->loop);
	close(fixture->writer);
	unit_dir_remove(fixture->dir);
	free(fixture->path);
	free(fixture->old);
}

/* As QEMU does: opened once, appended to for ever. */
static void append(struct fixture *fixture, char byte, size_t n)
{
	bl_autofree char *bytes = bl_alloc(n);

	if (fixture->writer < 0)
		fixture->writer = open(fixture->path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	memset(bytes, byte, n);
	assert_int_equal(write(fixture->writer, bytes, n), n);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void assert_text(const char *path, char first, size_t n_first, char second, size_t n_second)
{
	bl_autofree char *text = NULL;
	size_t len;

	assert_int_equal(bl_file_read(path, 1 << 20, &text, &len, NULL), 0);
	assert_int_equal(len, n_first + n_second);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(text[i], i < n_first ? first : second);
}

static void a_flood_is_cut(void **state)
{
	struct fixture fixture = {};

	set_up(&fixture);
	watch(&fixture);
	append(&fixture, 'a', 100);
	append(&fixture, 'b', 1 << 20);
	append(&fixture, 'c', LIMIT - 96);
	run_until(fixture.loop, size_of(fixture.path) == 0);
	assert_text(fixture.old, 'b', 96, 'c', LIMIT - 96);
	/* Where the writer goes on there is no hole before it; and it is cut again and again. */
	append(&fixture, 'd', 10);
	assert_text(fixture.path, 'd', 10, 0, 0);
	append(&fixture, 'e', LIMIT);
	run_until(fixture.loop, size_of(fixture.path) == 0);
	assert_text(fixture.old, 'd', 0, 'e', LIMIT);
	tear_down(&fixture);
}

static void what_fits_stays(void **state)
{
	struct fixture fixture = {};

	set_up(&fixture);
	watch(&fixture);
	append(&fixture, 'a', LIMIT);
	/* Bounded again by a launcher that comes anew. */
	logfile_free(fixture.logfile);
	watch(&fixture);
	assert_int_equal(size_of(fixture.path), LIMIT);
	assert_int_equal(size_of(fixture.old), -1);
	tear_down(&fixture);
}

static void what_was_written_before_is_cut(void **state)
{
	struct fixture fixture = {};

	set_up(&fixture);
	append(&fixture, 'a', 5 * LIMIT);
	watch(&fixture);
	assert_int_equal(size_of(fixture.path), 0);
	assert_text(fixture.old, 'a', LIMIT, 0, 0);
	tear_down(&fixture);
}

/* Whoever may write in the folder cannot have another file emptied or overwritten. */
static void links_are_not_followed(void **state)
{
	struct fixture fixture = {};
	bl_autofree char *other = NULL;

	set_up(&fixture);
	other = bl_format("%s/other", fixture.dir);
	append(&fixture, 'a', 2 * LIMIT);
	assert_int_equal(rename(fixture.path, other), 0);
	assert_int_equal(symlink(other, fixture.path), 0);
	watch(&fixture);
	assert_int_equal(size_of(other), 2 * LIMIT);
	tear_down(&fixture);
}

static void a_missing_folder_is_told(void **state)
{
	struct fixture fixture = {};
	bl_autofree char *path = NULL;
	struct bl_err err;

	set_up(&fixture);
	path = bl_format("%s/none/log", fixture.dir);
	assert_fails(logfile_new(fixture.loop, path, LIMIT, &fixture.logfile, &err), -ENOENT,
		     "watching");
	tear_down(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_is_cut),
		cmocka_unit_test(what_fits_stays),
		cmocka_unit_test(what_was_written_before_is_cut),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(a_missing_folder_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
