/* SPDX-License-Identifier: Apache-2.0 */
/* The unfinished file of a download; see part.h. */
#include "part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define VALIDATOR_MAX 1024

/* FNV-1a: a name for the cache, not a proof; the digest is checked by whoever imports. */
static uint64_t name_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static int cache_path(const char *url, char **ret_path, struct bl_err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	bl_autofree char *folder = NULL;
	int r;

	if (cache && *cache)
		folder = bl_format("%s/beeline", cache);
	else if (home && *home)
		folder = bl_format("%s/.cache/beeline", home);
	else
		return bl_fail(err, -ENOENT, "no place for downloads: set HOME or XDG_CACHE_HOME");
	r = bl_dir_make(folder, 0700, err);
	if (r < 0)
		return r;
	*ret_path = bl_format("%s/%016" PRIx64 ".part", folder, name_hash(url));
	return 0;
}

static char *validator_path(const struct part *part)
{
	return bl_format("%s.version", part->path);
}

static void read_validator(struct part *part)
{
	bl_autofree char *path = validator_path(part);
	size_t len;

	if (bl_file_read(path, VALIDATOR_MAX, &part->validator, &len, NULL) < 0)
		part->validator = NULL;
}

int part_open(const char *url, struct part *ret_part, struct bl_err *err)
{
	struct part part = PART_INIT;
	int r = cache_path(url, &part.path, err);

	if (r < 0)
		return r;
	part.fd = open(part.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (part.fd < 0)
		r = bl_fail_errno(err, -errno, "%s", part.path);
	else if (flock(part.fd, LOCK_EX | LOCK_NB) < 0)
		r = bl_fail(err, -EBUSY, "%s is being downloaded already", url);
	if (r == 0) {
		read_validator(&part);
		*ret_part = part;
		return 0;
	}
	if (part.fd >= 0)
		close(part.fd);
	free(part.path);
	return r;
}

static void forget_validator(struct part *part)
{
	bl_autofree char *path = validator_path(part);

	unlink(path);
	free(part->validator);
	part->validator = NULL;
}

int part_empty(struct part *part, struct bl_err *err)
{
	forget_validator(part);
	if (ftruncate(part->fd, 0) < 0 || lseek(part->fd, 0, SEEK_SET) < 0)
		return bl_fail_errno(err, -errno, "%s", part->path);
	return 0;
}

int part_resume(struct part *part, bool checked, int64_t *ret_bytes, struct bl_err *err)
{
	off_t end;

	*ret_bytes = 0;
	if (!part->validator && !checked)
		return part_empty(part, err);
	end = lseek(part->fd, 0, SEEK_END);
	if (end < 0)
		return bl_fail_errno(err, -errno, "%s", part->path);
	*ret_bytes = end;
	return 0;
}

int part_remember(struct part *part, const char *validator, struct bl_err *err)
{
	bl_autofree char *path = validator_path(part);

	free(part->validator);
	part->validator = bl_strdup(validator);
	return bl_file_write(path, validator, strlen(validator), 0600, err);
}

void part_remove(struct part *part)
{
	if (!part->path)
		return;
	forget_validator(part);
	unlink(part->path);
}

void part_close(struct part *part)
{
	if (part->fd < 0)
		return;
	if (lseek(part->fd, 0, SEEK_END) == 0)
		part_remove(part);
	close(part->fd);
	free(part->validator);
	free(part->path);
	*part = PART_INIT;
}
