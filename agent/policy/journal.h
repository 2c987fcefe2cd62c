/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of lines that grows at its end: what has been appended is on the disk when the call returns, and
 * a crash leaves all lines of before and perhaps the beginning of a new one, which is no line. Whoever
 * appends writes the whole anew first, and when most lines say nothing any more.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <beeline/err.h>

struct journal {
	char *path;
	int fd;         /* -1: to be written anew before anything is appended */
	size_t n_lines; /* of the file */
	off_t size;
};

void journal_init(struct journal *journal, char *path); /* takes the path over */
void journal_release(struct journal *journal);

/* Calls fn for each whole line, the newest first; its newline is no part of it. A file without any newline
 * is one line, as others may have written it. -ENOENT: no file. */
int journal_read(const struct journal *journal, void (*fn)(char *line, void *data), void *data,
		 struct bl_err *err);
/* In place of everything; lines end with a newline each. */
int journal_rewrite(struct journal *journal, const char *lines, size_t n_lines, struct bl_err *err);
/* After a failure the file is what it was, or is to be written anew. */
int journal_append(struct journal *journal, const char *lines, size_t n_lines, struct bl_err *err);
