// SPDX-License-Identifier: Apache-2.0
/* A file of lines: what was said to be there is there, whenever the writer ends and however the disk fails. */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../agent/policy/journal.h"

#define KILLS 20

struct fixture {
	char *dir;
	struct journal journal;
};

static struct bl_err err;

static int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->dir = unit_dir();
	journal_init(&f->journal, bl_format("%s/lines", f->dir));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	journal_release(&f->journal);
	unit_dir_remove(f->dir);
	free(f);
	return 0;
}

static void add_line(char *line, void *data)
{
	char **text = data;
	char *longer = bl_format("%s%s,", *text, line);

	free(*text);
	*text = longer;
}

/* The lines, each with a comma behind it; the caller frees. */
static char *lines_of(struct fixture *f)
{
	char *text = bl_strdup("");

	assert_int_equal(journal_read(&f->journal, add_line, &text, &err), 0);
	return text;
}

static void assert_lines(struct fixture *f, const char *want)
{
	bl_autofree char *found = lines_of(f);

	assert_string_equal(found, want);
}

static void test_lines_are_appended(void **state)
{
	struct fixture *f = *state;
	char *none = NULL;

	assert_int_equal(journal_read(&f->journal, add_line, &none, &err), -ENOENT);
	assert_int_equal(journal_rewrite(&f->journal, "a\nb\n", 2, &err), 0);
	assert_int_equal(journal_append(&f->journal, "c\nd\n", 2, &err), 0);
	assert_lines(f, "d,c,b,a,");
	assert_int_equal(f->journal.n_lines, 4);
	assert_int_equal(journal_rewrite(&f->journal, "", 0, &err), 0);
	assert_lines(f, "");
	assert_int_equal(journal_append(&f->journal, "e\n", 1, &err), 0);
	assert_lines(f, "e,");
	assert_int_equal(f->journal.n_lines, 1);
}

/* A power cut may leave any beginning of what was being appended. */
static void test_half_a_line_is_none(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(journal_rewrite(&f->journal, "one\n", 1, &err), 0);
	assert_int_equal(journal_append(&f->journal, "two\nthree\n", 2, &err), 0);
	for (off_t size = (off_t)strlen("one\ntwo\nthree\n"); size >= 4; size--) {
		assert_int_equal(truncate(f->journal.path, size), 0);
		assert_lines(f, size >= 14 ? "three,two,one," : size >= 8 ? "two,one," : "one,");
	}
}

static void test_what_others_wrote(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bl_file_write(f->journal.path, "[1, 2]", 6, 0600, &err), 0);
	assert_lines(f, "[1, 2],");
}

/* The disk takes a part of a line and then no more. */
static void test_a_full_disk_leaves_what_was(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, less;

	assert_int_equal(journal_rewrite(&f->journal, "one\n", 1, &err), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	less = (struct rlimit){.rlim_cur = 6, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	assert_int_equal(journal_append(&f->journal, "two\nthree\n", 2, &err), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_lines(f, "one,");
	assert_int_equal(journal_append(&f->journal, "four\n", 1, &err), 0);
	assert_lines(f, "four,one,");
}

/* Appends numbers without an end, and says of each when it is written. */
static _Noreturn void write_until_killed(struct fixture *f, int out)
{
	for (int i = 1;; i++) {
		bl_autofree char *line = bl_format("%d\n", i);
		int r = i % 64 == 1 ? journal_rewrite(&f->journal, line, 1, NULL)
				    : journal_append(&f->journal, line, 1, NULL);

		if (r < 0 || write(out, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void test_a_killed_writer_left_what_it_said(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < KILLS; round++) {
		int said[2], last = 0, status;
		bl_autofree char *lines = NULL;
		pid_t pid;

		assert_int_equal(pipe(said), 0);
		pid = fork();
		if (pid == 0)
			write_until_killed(f, said[1]);
		close(said[1]);
		for (int i = 0; i <= 5 * round; i++)
			assert_int_equal(read(said[0], &last, sizeof(last)), sizeof(last));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(said[0], &last, sizeof(last)) == sizeof(last))
			;
		close(said[0]);
		lines = lines_of(f);
		assert_true(atoi(lines) >= last && atoi(lines) <= last + 1);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(lines_are_appended),
		T(half_a_line_is_none),
		T(what_others_wrote),
		T(a_full_disk_leaves_what_was),
		T(a_killed_writer_left_what_it_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
