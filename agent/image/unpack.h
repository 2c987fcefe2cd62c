/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file that somebody brought to the disk in it: a bare disk, an OCI archive or a docker
 * archive, compressed or not. It parses hostile input, so it runs in a child with nothing to lose
 * (image/child.c); nothing of it runs in the agent itself.
 *
 *   image/unpack.c   what kind of file it is; copies a bare disk
 *   image/gzip.c     copies a gzip'd disk
 *   image/layers.c   index, manifest and layers of an archive
 *   image/sink.c     writes the disk: sparse, bounded, leaving room on the file system
 *   image/format.c   what the written disk is: qcow2 that refers to no other file, or raw
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>

struct archive;

/* A guest's disk as a number of bytes that is certainly a mistake or an attack. */
#define IMAGE_DISK_MAX (4ull << 40)

struct image_sink {
	int fd;
	uint64_t end;       /* highest byte written or skipped, plus one */
	uint64_t unchecked; /* bytes written since the free space was looked at */
	void (*progress)(uint64_t bytes, void *data);
	void *data;
};

/* Writes a piece at its offset; pages of zeroes become holes. */
int image_sink_write(struct image_sink *sink, const void *bytes, size_t len, uint64_t offset,
		     struct bl_err *err);
/* Sets the final length and brings it to the disk. */
int image_sink_finish(struct image_sink *sink, uint64_t size, struct bl_err *err);
/* Whether the file system below fd has room for so many bytes and a reserve. */
int image_check_space(int fd, uint64_t bytes, struct bl_err *err);

/* Copies the entry that the archive stands at; progress counts the input's bytes. */
int image_copy_entry(struct archive *archive, struct image_sink *sink, struct bl_err *err);
/* All of in_fd, a gzip'd disk. */
int image_copy_gzip(int in_fd, struct image_sink *sink, struct bl_err *err);
/* The file below /disk/ of the archive's image. */
int image_copy_from_layers(int in_fd, struct image_sink *sink, struct bl_err *err);
/* Opens in_fd from its start with gzip, xz and zstd undone. raw: as one stream; else as tar. */
int image_open_archive(int in_fd, bool raw, struct archive **ret_archive, struct bl_err *err);
void image_close_archive(struct archive *archive);
BL_DEFINE_AUTO(archive, struct archive *, image_close_archive)
#define bl_auto_archive bl_cleanup(bl_auto_archive_fn)

/* "qcow2" or "raw"; refuses what names other files, is encrypted, or is no disk at all. */
int image_check_format(int fd, const char **ret_format, struct bl_err *err);

/* All of the above: from in_fd to a checked disk in out_fd. */
int image_unpack(int in_fd, int out_fd, void (*progress)(uint64_t bytes, void *data), void *data,
		 const char **ret_format, struct bl_err *err);
