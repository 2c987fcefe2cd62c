/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that can be written again when the disk is full. The room for a next version is taken before it
 * is needed: a file is as long as its room, filled up with blanks, and beside all files lies a spare of
 * the same room. A new version overwrites the spare and then changes names with the file, in one step
 * of the file system; what was the file is the next spare. So whoever could be written once can always
 * be written again, whatever else fills the disk, and a crash leaves the old version or the new one.
 *
 * This holds on file systems that overwrite in place (ext4, XFS, tmpfs) and can exchange names. On
 * others a write may fail as any other.
 */
#pragma once

#include <stddef.h>

#include <beeline/err.h>

/* Room is a power of two, this at least; a version that has outgrown its room gets more. */
#define SPARE_ROOM_MIN 16384u

/* Writes text, padded with blanks, to path; spares lie in dir, on the same file system. */
int spare_write(const char *dir, const char *path, const char *text, size_t len,
		struct bl_err *err);
