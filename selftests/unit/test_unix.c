// SPDX-License-Identifier: Apache-2.0
/* Unix sockets: stale files, files of others, links. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include <beeline/rpc.h>

static void test_listen_and_connect(void **state)
{
	char *dir = unit_dir(), *path = bl_format("%s/sock", dir);
	struct bl_err err = BL_ERR_INIT;
	struct stat st;
	int listener, fd, again, dir_fd;

	assert_int_equal(bl_unix_listen(path, 0660, &listener, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(bl_unix_connect(path, &fd, &err), 0);
	close(fd);
	assert_fails(bl_unix_listen(path, 0660, &again, &err), -EADDRINUSE, "somebody listens");
	dir_fd = open(dir, O_PATH | O_DIRECTORY);
	assert_int_equal(bl_unix_connect_beneath(dir_fd, "sock", &fd, &err), 0);
	close(fd);
	assert_int_equal(symlinkat("sock", dir_fd, "link"), 0);
	assert_fails(bl_unix_connect_beneath(dir_fd, "link", &fd, &err), -ELOOP, "link");
	assert_fails(bl_unix_connect_beneath(dir_fd, "../x", &fd, &err), -EXDEV, "x");
	close(listener);
	/* Nobody answers: the file is stale. */
	assert_fails(bl_unix_connect(path, &fd, &err), -ECONNREFUSED, "sock");
	assert_int_equal(bl_unix_listen(path, 0600, &listener, &err), 0);
	close(listener);
	close(dir_fd);
	free(path);
	unit_dir_remove(dir);
}

static void test_listen_spares_other_files(void **state)
{
	char *dir = unit_dir(), *path = bl_format("%s/file", dir);
	struct bl_err err = BL_ERR_INIT;
	int fd;

	assert_int_equal(bl_file_write(path, "precious", 8, 0600, &err), 0);
	assert_fails(bl_unix_listen(path, 0600, &fd, &err), -EEXIST, "not a socket");
	assert_true(bl_file_exists(path));
	free(path);
	unit_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen_and_connect),
		cmocka_unit_test(test_listen_spares_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
