// SPDX-License-Identifier: Apache-2.0
/*
 * A bound on other people's logs: see logfile.h. A flood makes an inotify event per write; the pause
 * after each look keeps it from costing the VM a look per write.
 */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>

struct logfile {
	struct bl_loop *loop;
	char *path, *old;
	off_t limit_bytes;
	struct bl_io watch;
	struct bl_timer pause;
};

/* As far as there is room: a log that cannot be kept is no reason to let the file grow. */
static void keep_tail(const struct logfile *logfile, int from, off_t size)
{
	bl_autoclose int to =
		open(logfile->old, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	off_t at = size - logfile->limit_bytes;

	while (to >= 0 && at < size && sendfile(to, from, &at, (size_t)(size - at)) > 0)
		continue;
}

/* What is written between the last read and the truncation is lost. */
static void bound(const struct logfile *logfile)
{
	bl_autoclose int fd = open(logfile->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= logfile->limit_bytes)
		return;
	keep_tail(logfile, fd, st.st_size);
	if (ftruncate(fd, 0) < 0)
		bl_warn("log not bounded", "file", logfile->path, "reason", strerror(errno));
}

static void on_pause_over(struct bl_timer *timer)
{
	struct logfile *logfile = timer->data;

	bound(logfile);
	bl_io_modify(&logfile->watch, EPOLLIN);
}

/* That something in the folder was written is all that counts, so the events are only drained. */
static void on_written(struct bl_io *io, uint32_t events)
{
	struct logfile *logfile = io->data;
	char drained[4096];

	while (read(io->fd, drained, sizeof(drained)) > 0)
		continue;
	bl_io_modify(io, 0);
	bl_timer_arm(logfile->loop, &logfile->pause, LOGFILE_PAUSE_NS, on_pause_over, logfile);
}

/* The folder, because the file may come later or be made anew. */
static int watch_folder(struct logfile *logfile, struct bl_err *err)
{
	bl_autofree char *folder = bl_strdup(logfile->path);
	bl_autoclose int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	*strrchr(folder, '/') = '\0';
	if (fd < 0 || inotify_add_watch(fd, folder, IN_MODIFY | IN_MOVED_TO) < 0)
		return bl_fail_errno(err, -errno, "watching %s", folder);
	if (bl_io_add(logfile->loop, &logfile->watch, fd, EPOLLIN, on_written, logfile, err) < 0)
		return err->code;
	bl_take_fd(&fd);
	return 0;
}

int logfile_new(struct bl_loop *loop, const char *path, off_t limit_bytes,
		struct logfile **ret_logfile, struct bl_err *err)
{
	struct logfile *logfile = bl_alloc(sizeof(*logfile));

	logfile->loop = loop;
	logfile->path = bl_strdup(path);
	logfile->old = bl_format("%s.1", path);
	logfile->limit_bytes = limit_bytes;
	if (watch_folder(logfile, err) < 0) {
		logfile_free(logfile);
		return err->code;
	}
	bound(logfile);
	*ret_logfile = logfile;
	return 0;
}

void logfile_free(struct logfile *logfile)
{
	if (!logfile)
		return;
	bl_timer_disarm(&logfile->pause);
	if (logfile->watch.loop) {
		bl_io_remove(&logfile->watch);
		close(logfile->watch.fd);
	}
	free(logfile->path);
	free(logfile->old);
	free(logfile);
}
