/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: bounded reads, atomic writes, and paths that a pod or a guest controls, which are opened
 * beneath a directory descriptor with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | NO_MAGICLINKS).
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <beeline/err.h>

/* Reads at most max bytes (-EFBIG beyond); NUL is appended. The caller frees *ret_text. */
int bl_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len,
		 struct bl_err *err);
int bl_file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len, struct bl_err *err);
/* Temporary file beside path, fsync, rename, fsync of the directory. */
int bl_file_write(const char *path, const char *text, size_t len, mode_t mode, struct bl_err *err);
/* Writes text into an existing kernel file (sysctl, cgroup): one write(), no O_CREAT. */
int bl_file_poke(const char *path, const char *text, struct bl_err *err);
bool bl_file_exists(const char *path);
/* Missing parents too, mode for all new ones; an existing directory is fine. */
int bl_dir_make(const char *path, mode_t mode, struct bl_err *err);
/* Takes the directory for this program: the lock lasts as long as *ret_fd is open. -EBUSY when somebody
 * else has it. */
int bl_dir_lock(const char *path, int *ret_fd, struct bl_err *err);
/* Removes a tree without following links or crossing a mount; a missing one is fine. */
int bl_dir_remove(const char *path, struct bl_err *err);
int bl_file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
			 struct bl_err *err);
/* printf into a fresh string; aborts when memory is out. The caller frees. */
char *bl_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *bl_strdup(const char *text); /* NULL stays NULL */
void *bl_alloc(size_t size);       /* zeroed; aborts when memory is out */
void *bl_realloc(void *ptr, size_t size);
