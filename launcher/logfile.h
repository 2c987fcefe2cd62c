/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a log that another process appends to (QEMU's own, the serial console's) from growing without
 * end. What is written is never in the way of the writer: it opened the file with O_APPEND, so the
 * file may be emptied under it. The newest bytes before that stand in PATH.1.
 */
#pragma once

#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/loop.h>

struct logfile;

/* Watches path, which need not exist yet; its folder must. The file holds no more than limit_bytes and
 * what is written within LOGFILE_PAUSE_NS, as long as this process lives; PATH.1 never more than
 * limit_bytes. */
#define LOGFILE_PAUSE_NS (100ull * 1000 * 1000)
int logfile_new(struct bl_loop *loop, const char *path, off_t limit_bytes,
		struct logfile **ret_logfile, struct bl_err *err);
void logfile_free(struct logfile *logfile);
