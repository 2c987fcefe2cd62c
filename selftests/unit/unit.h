/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka and what it wants before it; a scratch directory for a test that needs files. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/file.h>

/* A fresh directory below TMPDIR; the caller frees the path and removes the tree. */
static inline char *unit_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *path = bl_format("%s/beeline-unit-XXXXXX", base ? base : "/tmp");

	assert_non_null(mkdtemp(path));
	return path;
}

static inline void unit_dir_remove(char *path)
{
	assert_int_equal(bl_dir_remove(path, NULL), 0);
	free(path);
}

/* A document that is made of a table says what the table does; with BEELINE_UPDATE=1 it is written. */
static inline void unit_document(const char *path, const char *wanted)
{
	bl_autofree char *text = NULL;
	struct bl_err err = BL_ERR_INIT;
	size_t len;

	if (getenv("BEELINE_UPDATE")) {
		assert_int_equal(bl_file_write(path, wanted, strlen(wanted), 0644, &err), 0);
		return;
	}
	assert_int_equal(bl_file_read(path, 1 << 20, &text, &len, &err), 0);
	if (strcmp(text, wanted) != 0)
		fail_msg("%s is not what its table says; run this test with BEELINE_UPDATE=1",
			 path);
}

/* The call fails and its message holds the words. */
#define assert_fails(call, code, words)                                   \
	do {                                                              \
		const char *_words = (words);                             \
		err = BL_ERR_INIT;                                        \
		assert_int_equal(call, code);                             \
		if (!strstr(err.message, _words))                         \
			fail_msg("'%s' lacks '%s'", err.message, _words); \
	} while (0)

/* Skips the test and says what is missing. Does not return, so nothing may be owned yet. */
#define unit_skip(feature)                              \
	do {                                            \
		print_message("# needs %s\n", feature); \
		skip();                                 \
	} while (0)
