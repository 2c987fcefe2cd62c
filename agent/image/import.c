// SPDX-License-Identifier: Apache-2.0
/*
 * How a file becomes an image, one child after the other:
 *
 *   file --sha256sum--> is it the one that was meant (only when a digest is given)
 *        --image_child--> a disk in incoming/
 *        --qemu-img info--> its format, its virtual size, nothing beside it
 *        --sha256sum--> its digest, by a program that has parsed nothing of it
 *        --image_store_add--> blob and name
 *
 * A given digest may be that of the file as it was brought (what downloads publish) or of the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/process.h>

#include "child.h"
#include "store.h"
#include "unpack.h"

#define INSPECT_TIMEOUT_NS (60ull * 1000 * 1000 * 1000)
#define INSPECT_MEMORY_MAX (2ull << 30)

struct image_import {
	struct images *images;
	struct image_import *next;
	struct bl_timer start;
	char *name, *expected; /* expected digest or NULL */
	char *path;            /* of the disk in incoming/; NULL: not made */
	int in_fd, out_fd;
	uint64_t total;
	bool file_matches; /* the file as brought has the expected digest */
	char *format;
	uint64_t virtual_size;
	struct image_child *child;
	struct bl_process *process;
	void (*progress)(uint64_t bytes, uint64_t total, void *data);
	void (*done)(const struct image *image, const struct bl_err *err, void *data);
	void *data;
};

static void import_free(struct image_import *import)
{
	bl_timer_disarm(&import->start);
	image_child_cancel(import->child);
	bl_process_cancel(import->process);
	if (import->path)
		unlink(import->path);
	if (import->in_fd >= 0)
		close(import->in_fd);
	if (import->out_fd >= 0)
		close(import->out_fd);
	free(import->name);
	free(import->expected);
	free(import->path);
	free(import->format);
	free(import);
}

static void unlink_import(struct image_import *import)
{
	struct image_import **at = &import->images->imports;

	while (*at != import)
		at = &(*at)->next;
	*at = import->next;
}

static void finish(struct image_import *import, const struct image *image, struct bl_err *err)
{
	unlink_import(import);
	if (err)
		bl_wrap(err, "importing '%s'", import->name);
	import->done(image, err, import->data);
	import_free(import);
}

static void fail(struct image_import *import, struct bl_err *err)
{
	finish(import, NULL, err);
}

/* ---- the children that look at the bytes ---- */

/* They read the file as their standard input, from its start, as the VMs' user. */
static int start_reader(struct image_import *import, int fd, const char *const *argv,
			uint64_t timeout_ns, bl_process_fn *fn, struct bl_err *err)
{
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return bl_fail_errno(err, -errno, "rewinding the file");
	spec.argv = argv;
	spec.stdin_fd = fd;
	spec.uid = spec.gid = import->images->vm_uid;
	spec.timeout_ns = timeout_ns;
	spec.max_memory_bytes = INSPECT_MEMORY_MAX;
	return bl_process_start(import->images->loop, &spec, fn, import, &import->process, err);
}

static int start_digest(struct image_import *import, int fd, bl_process_fn *fn, struct bl_err *err)
{
	static const char *const argv[] = {"sha256sum", NULL};

	return start_reader(import, fd, argv, 0, fn, err);
}

static int check_exit(const struct bl_process_result *result, const char *what, struct bl_err *err)
{
	char status[64];

	if (result->status == 0 && !result->timed_out)
		return 0;
	return bl_fail(err, -EIO, "%s: %s: %.*s", what,
		       result->timed_out ? "no answer in time"
					 : bl_process_status_text(result->status, status),
		       (int)strcspn(result->err, "\n"), result->err);
}

/* "<hex>  -" */
static int take_digest(const struct bl_process_result *result, char **ret_digest,
		       struct bl_err *err)
{
	bl_autofree char *digest = bl_format(IMAGE_DIGEST_START "%.*s", IMAGE_HEX_LEN, result->out);
	int r = check_exit(result, "sha256sum", err);

	if (r == 0 && !image_digest_is_valid(digest))
		r = bl_fail(err, -EIO, "sha256sum gave no digest");
	if (r == 0)
		*ret_digest = bl_take_ptr(digest);
	return r;
}

/* ---- from the last step to the first ---- */

static int store(struct image_import *import, const char *digest, struct image *ret_image,
		 struct bl_err *err)
{
	bool matches =
		import->file_matches || !import->expected || strcmp(import->expected, digest) == 0;
	int r;

	if (!matches)
		return bl_fail(err, -EBADMSG, "its digest is %s, not %s", digest, import->expected);
	if (fchmod(import->out_fd, 0444) < 0 || fchown(import->out_fd, 0, 0) < 0)
		return bl_fail_errno(err, -errno, "making the disk read-only");
	r = image_store_add(import->images, import->name, digest, import->format,
			    import->virtual_size, import->path, err);
	if (r == 0)
		r = image_find(import->images, import->name, ret_image, err);
	return r;
}

static void on_disk_digest(const struct bl_process_result *result, void *data)
{
	struct image_import *import = data;
	bl_autofree char *digest = NULL;
	struct bl_err err = BL_ERR_INIT;
	struct image image = {0};
	int r;

	import->process = NULL;
	r = take_digest(result, &digest, &err);
	if (r == 0)
		r = store(import, digest, &image, &err);
	finish(import, r == 0 ? &image : NULL, r == 0 ? NULL : &err);
	image_clear(&image);
}

/* Looks again for what image/format.c has looked for, through QEMU's eyes. */
static int take_facts(struct image_import *import, const char *text, size_t len, struct bl_err *err)
{
	bl_auto_json struct cJSON *facts = NULL;
	const char *format;
	int r = bl_json_parse(text, len, &facts, err);

	if (r < 0)
		return bl_wrap(err, "qemu-img info");
	format = bl_json_get_string(facts, "format");
	if (!format || (strcmp(format, "qcow2") != 0 && strcmp(format, "raw") != 0))
		return bl_fail(err, -EINVAL,
			       "format '%s' is not supported; turn it into qcow2 with "
			       "'qemu-img convert -O qcow2'",
			       format ? format : "unknown");
	if (bl_json_get(facts, "backing-filename") ||
	    bl_json_get(facts, "format-specific/data/data-file"))
		return bl_fail(err, -EINVAL, "the disk refers to another file");
	import->format = bl_strdup(format);
	import->virtual_size = (uint64_t)bl_json_get_number(facts, "virtual-size", 0);
	return 0;
}

static void on_inspected(const struct bl_process_result *result, void *data)
{
	struct image_import *import = data;
	struct bl_err err = BL_ERR_INIT;
	int r;

	import->process = NULL;
	r = check_exit(result, "qemu-img info", &err);
	if (r == 0)
		r = take_facts(import, result->out, result->out_len, &err);
	if (r == 0)
		r = start_digest(import, import->out_fd, on_disk_digest, &err);
	if (r < 0)
		fail(import, &err);
}

static void on_unpacked(const struct bl_err *child_err, void *data)
{
	static const char *const argv[] = {"qemu-img",      "info",       "--force-share",
					   "--output=json", "/dev/stdin", NULL};
	struct image_import *import = data;
	struct bl_err err = child_err ? *child_err : BL_ERR_INIT;
	int r = err.code;

	import->child = NULL;
	if (r == 0)
		r = start_reader(import, import->out_fd, argv, INSPECT_TIMEOUT_NS, on_inspected,
				 &err);
	if (r < 0)
		fail(import, &err);
}

static void on_progress(uint64_t bytes, void *data)
{
	struct image_import *import = data;

	if (import->progress)
		import->progress(bytes < import->total ? bytes : import->total, import->total,
				 import->data);
}

static int start_unpacking(struct image_import *import, struct bl_err *err)
{
	struct image_child_spec spec = {
		.in_fd = import->in_fd,
		.out_fd = import->out_fd,
		.uid = import->images->vm_uid,
		.progress = on_progress,
		.done = on_unpacked,
		.data = import,
	};

	return image_child_start(import->images->loop, &spec, &import->child, err);
}

static void on_file_digest(const struct bl_process_result *result, void *data)
{
	struct image_import *import = data;
	bl_autofree char *digest = NULL;
	struct bl_err err = BL_ERR_INIT;
	int r;

	import->process = NULL;
	r = take_digest(result, &digest, &err);
	if (r == 0) {
		import->file_matches = strcmp(digest, import->expected) == 0;
		r = start_unpacking(import, &err);
	}
	if (r < 0)
		fail(import, &err);
}

static int check_input(struct image_import *import, struct bl_err *err)
{
	struct stat st;

	if (fstat(import->in_fd, &st) < 0)
		return bl_fail_errno(err, -errno, "looking at the file");
	if (!S_ISREG(st.st_mode))
		return bl_fail(err, -EINVAL, "not a regular file");
	if (!st.st_size)
		return bl_fail(err, -EINVAL, "the file is empty");
	import->total = (uint64_t)st.st_size;
	return 0;
}

static int open_disk(struct image_import *import, struct bl_err *err)
{
	import->path = bl_format("%s/XXXXXX", import->images->incoming);
	import->out_fd = mkostemp(import->path, O_CLOEXEC);
	if (import->out_fd < 0)
		return bl_fail_errno(err, -errno, "making a file in %s", import->images->incoming);
	if (fchown(import->out_fd, import->images->vm_uid, import->images->vm_uid) < 0)
		return bl_fail_errno(err, -errno, "giving the file to the VMs' user");
	/* The disk is at least as large as a bare one; of others only the unpacking knows. */
	return image_check_space(import->out_fd, import->total, err);
}

static int begin(struct image_import *import, struct bl_err *err)
{
	bl_autofree char *name = NULL;
	int r = image_name_normalize(import->name, &name, err);

	if (r < 0)
		return r;
	free(import->name);
	import->name = bl_take_ptr(name);
	if (import->expected && !image_digest_is_valid(import->expected))
		return bl_fail(err, -EINVAL, "'%.80s' is not a digest (sha256:...)",
			       import->expected);
	r = check_input(import, err);
	if (r == 0)
		r = open_disk(import, err);
	if (r < 0)
		return r;
	return import->expected ? start_digest(import, import->in_fd, on_file_digest, err)
				: start_unpacking(import, err);
}

static void on_start(struct bl_timer *timer)
{
	struct bl_err err = BL_ERR_INIT;

	if (begin(timer->data, &err) < 0)
		fail(timer->data, &err);
}

void image_import(struct images *images, const char *name, const char *digest, int fd,
		  void (*progress)(uint64_t bytes, uint64_t total, void *data),
		  void (*done)(const struct image *image, const struct bl_err *err, void *data),
		  void *data)
{
	struct image_import *import = bl_alloc(sizeof(*import));

	import->images = images;
	import->name = bl_strdup(name);
	import->expected = bl_strdup(digest);
	import->in_fd = fd;
	import->out_fd = -1;
	import->progress = progress;
	import->done = done;
	import->data = data;
	import->next = images->imports;
	images->imports = import;
	/* From the loop, so that done is never called before this returns. */
	bl_timer_arm(images->loop, &import->start, 0, on_start, import);
}

void image_imports_free(struct images *images)
{
	while (images->imports) {
		struct image_import *import = images->imports;

		images->imports = import->next;
		import_free(import);
	}
}
