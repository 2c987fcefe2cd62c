// SPDX-License-Identifier: Apache-2.0
/* Lines at the end of a file: see the header. */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define JOURNAL_BYTES_MAX (256 * 1024 * 1024)

void journal_init(struct journal *journal, char *path)
{
	*journal = (struct journal){.path = path, .fd = -1};
}

static void lose(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}

void journal_release(struct journal *journal)
{
	lose(journal);
	free(journal->path);
}

int journal_read(const struct journal *journal, void (*fn)(char *line, void *data), void *data,
		 struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(journal->path, JOURNAL_BYTES_MAX, &text, &len, err);
	char *end = r == 0 ? memrchr(text, '\n', len) : NULL;

	if (r == 0 && !end && len > 0)
		fn(text, data);
	while (end) {
		char *before = memrchr(text, '\n', (size_t)(end - text));

		*end = '\0';
		fn(before ? before + 1 : text, data);
		end = before;
	}
	return r;
}

int journal_rewrite(struct journal *journal, const char *lines, size_t n_lines, struct bl_err *err)
{
	size_t len = strlen(lines);
	int r = bl_file_write(journal->path, lines, len, 0600, err);

	lose(journal);
	if (r < 0)
		return r;
	journal->fd = open(journal->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (journal->fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", journal->path);
	journal->n_lines = n_lines;
	journal->size = (off_t)len;
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fdatasync(fd) < 0 ? -errno : 0;
}

int journal_append(struct journal *journal, const char *lines, size_t n_lines, struct bl_err *err)
{
	size_t len = strlen(lines);
	int r = write_all(journal->fd, lines, len);

	if (r < 0) {
		if (ftruncate(journal->fd, journal->size) < 0)
			lose(journal);
		return bl_fail_errno(err, r, "appending to %s", journal->path);
	}
	journal->n_lines += n_lines;
	journal->size += (off_t)len;
	return 0;
}
