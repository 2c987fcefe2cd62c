/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image store below a scratch directory, and a Python prelude that makes disks and container
 * images around them. Nothing half-made may be left at the end.
 */
#pragma once

#include "../unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/loop.h>
#include <beeline/process.h>

#include "../../agent/image.h"

#define TIMEOUT_NS (60ull * 1000 * 1000 * 1000)
#define VM_UID     107

struct fixture {
	char *dir, *state_dir;
	struct bl_loop *loop;
	struct images *images;
	bool done, expired;
	uint64_t progress;
	struct bl_err err;
	struct image image;
};

static inline void on_expiry(struct bl_timer *timer)
{
	((struct fixture *)timer->data)->expired = true;
}

static inline int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));
	struct bl_err err = BL_ERR_INIT;

	f->dir = unit_dir();
	f->state_dir = bl_format("%s/state", f->dir);
	assert_int_equal(bl_dir_make(f->state_dir, 0700, NULL), 0);
	assert_int_equal(bl_loop_new(&f->loop, NULL), 0);
	if (images_new(f->loop, f->state_dir, VM_UID, &f->images, &err) < 0)
		fail_msg("%s", err.message);
	*state = f;
	return 0;
}

static inline size_t count_files(const char *dir, const char *name)
{
	bl_autofree char *path = bl_format("%s/images/%s", dir, name);
	DIR *stream = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		n += entry->d_name[0] != '.';
	closedir(stream);
	return n;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	/* Whatever happened, nothing half-made stays. */
	assert_int_equal(count_files(f->state_dir, "incoming"), 0);
	images_free(f->images);
	bl_loop_free(f->loop);
	umount(f->state_dir);
	unit_dir_remove(f->dir);
	free(f->state_dir);
	image_clear(&f->image);
	free(f);
	return 0;
}

/* Runs a script in the fixture's directory. */
static inline void make(struct fixture *f, const char *interpreter, const char *script)
{
	bl_autofree char *in_dir = bl_format("cd %s && exec %s", f->dir, interpreter);
	const char *argv[] = {"sh", "-ec", in_dir, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	struct bl_err err = BL_ERR_INIT;

	spec.argv = argv;
	spec.input = script;
	spec.input_len = strlen(script);
	if (bl_process_run(&spec, NULL, &err) < 0)
		fail_msg("%s", err.message);
}

static inline void on_progress(uint64_t bytes, uint64_t total, void *data)
{
	struct fixture *f = data;

	assert_true(bytes <= total);
	f->progress = bytes;
}

static inline void on_done(const struct image *image, const struct bl_err *err, void *data)
{
	struct fixture *f = data;

	assert_false(f->done);
	assert_true(!image == !!err);
	f->done = true;
	f->err = err ? *err : BL_ERR_INIT;
	if (!image)
		return;
	image_clear(&f->image);
	f->image = (struct image){
		.name = bl_strdup(image->name),
		.digest = bl_strdup(image->digest),
		.format = bl_strdup(image->format),
		.path = bl_strdup(image->path),
		.size = image->size,
		.virtual_size = image->virtual_size,
	};
}

static inline void import(struct fixture *f, const char *name, const char *digest, const char *file)
{
	bl_autofree char *path = bl_format("%s/%s", f->dir, file);
	struct bl_timer timer = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	assert_true(fd >= 0);
	f->done = f->expired = false;
	bl_timer_arm(f->loop, &timer, TIMEOUT_NS, on_expiry, f);
	image_import(f->images, name, digest, fd, on_progress, on_done, f);
	assert_false(f->done);
	while (!f->done && !f->expired)
		assert_true(bl_loop_once(f->loop, 100) >= 0);
	bl_timer_disarm(&timer);
	assert_false(f->expired);
}

static inline void accept_as(struct fixture *f, const char *name, const char *digest,
			     const char *file)
{
	import(f, name, digest, file);
	if (f->err.code)
		fail_msg("%s: %s", file, f->err.message);
}

static inline void refuse(struct fixture *f, const char *name, const char *file, const char *words)
{
	import(f, name, NULL, file);
	if (!f->err.code)
		fail_msg("%s was taken", file);
	if (!strstr(f->err.message, words))
		fail_msg("%s: '%s' lacks '%s'", file, f->err.message, words);
}

/* The blob's content is the disk that the scripts make. */
static inline void assert_is_disk(struct fixture *f)
{
	bl_autofree char *script =
		bl_format("cmp %s disk.raw && test $(stat -c %%a:%%u %s) = 444:0", f->image.path,
			  f->image.path);

	assert_string_equal(f->image.format, "raw");
	assert_int_equal(f->image.virtual_size, 1 << 20);
	make(f, "sh -e", script);
}

/* disk.raw (1 MiB: zeroes, then something) and the layouts of container images around it. */
#define PRELUDE                                                                                    \
	"import io, json, gzip, hashlib, tarfile, os\n"                                            \
	"disk = bytes(512 * 1024) + bytes(range(256)) * 2048\n"                                    \
	"open('disk.raw', 'wb').write(disk)\n"                                                     \
	"def entry(t, name, data=b'', **kw):\n"                                                    \
	"    i = tarfile.TarInfo(name); i.size = len(data)\n"                                      \
	"    for k, v in kw.items(): setattr(i, k, v)\n"                                           \
	"    t.addfile(i, io.BytesIO(data))\n"                                                     \
	"def tar(*entries):\n"                                                                     \
	"    b = io.BytesIO()\n"                                                                   \
	"    with tarfile.open(fileobj=b, mode='w') as t:\n"                                       \
	"        for e in entries: entry(t, *e[:2], **(e[2] if len(e) > 2 else {}))\n"             \
	"    return b.getvalue()\n"                                                                \
	"def sha(b): return hashlib.sha256(b).hexdigest()\n"                                       \
	"def desc(b, **kw): return dict(kw, digest='sha256:' + sha(b), size=len(b))\n"             \
	"def oci(*layers, spoil=b'', nest=False, platforms=None):\n"                               \
	"    m = json.dumps({'schemaVersion': 2, 'layers': [desc(l) for l in layers]}).encode()\n" \
	"    blobs = list(layers) + [m]\n"                                                         \
	"    ms = [desc(m)]\n"                                                                     \
	"    if platforms: ms = [desc(m if p == 'amd64' else b'none', platform={'os': 'linux', "   \
	"'architecture': p}) for p in platforms]\n"                                                \
	"    if nest:\n"                                                                           \
	"        n = json.dumps({'manifests': ms}).encode(); blobs.append(n); ms = [desc(n)]\n"    \
	"    es = [('./blobs/sha256/' + sha(b), b.replace(spoil, b'!', 1) if spoil else b) for b " \
	"in blobs]\n"                                                                              \
	"    return tar(*es, ('index.json', json.dumps({'manifests': ms}).encode()))\n"            \
	"def save(name, b): open(name, 'wb').write(b)\n"
