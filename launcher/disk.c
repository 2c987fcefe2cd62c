// SPDX-License-Identifier: Apache-2.0
/* The files behind the disks: see disk.h. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "cloudinit.h"
#include "image.h"
#include "paths.h"

/* ---- the plan: pure ---- */

static int plan_prepared(const struct bl_volume *volume, const struct prepared *prepared,
			 struct disk_image *image, struct bl_err *err)
{
	const struct prepared_volume *facts = prepared_volume(prepared, volume->name);

	if (!facts)
		return bl_fail(err, -ENOENT, "volume '%s': no file was prepared", volume->name);
	if (volume->kind == BL_VOLUME_CONTAINER_DISK) {
		image->origin = DISK_OVERLAY;
		image->path = paths_overlay(volume->name);
		image->format = "qcow2";
		image->backing = facts->path;
		image->backing_format = facts->format;
		return 0;
	}
	image->origin = DISK_AS_IS;
	image->path = bl_strdup(facts->path);
	image->format = facts->format;
	image->readonly = facts->readonly;
	return 0;
}

static int plan_volume(const struct bl_vmi *vmi, const struct bl_volume *volume,
		       const struct prepared *prepared, struct disk_image *image,
		       struct bl_err *err)
{
	switch (volume->kind) {
	case BL_VOLUME_CONTAINER_DISK:
	case BL_VOLUME_HOST_DISK:
		return plan_prepared(volume, prepared, image, err);
	case BL_VOLUME_EMPTY_DISK:
		image->origin = DISK_EMPTY;
		image->path = paths_empty_disk(volume->name);
		image->format = "qcow2";
		image->capacity_bytes = volume->capacity_bytes;
		return 0;
	case BL_VOLUME_CLOUD_INIT_NO_CLOUD:
		image->origin = DISK_SEED;
		image->path = paths_no_cloud(vmi->namespace, vmi->name);
		image->format = "raw";
		return 0;
	case BL_VOLUME_NONE:
		break;
	}
	return bl_fail(err, -ENOTSUP, "volume '%s': is of no kind that can be a disk",
		       volume->name);
}

int disk_plan_make(const struct bl_vmi *vmi, const struct prepared *prepared,
		   struct disk_plan *ret_plan, struct bl_err *err)
{
	struct disk_plan plan = {.images = bl_alloc((vmi->n_disks + 1) * sizeof(*plan.images))};

	for (size_t i = 0; i < vmi->n_disks; i++) {
		const struct bl_volume *volume = bl_vmi_volume(vmi, vmi->disks[i].name);
		int r = -ENOENT;

		plan.images[plan.n_images++].volume = vmi->disks[i].name;
		if (volume)
			r = plan_volume(vmi, volume, prepared, &plan.images[i], err);
		else
			bl_fail(err, r, "disk '%s': has no volume", vmi->disks[i].name);
		if (r < 0) {
			disk_plan_clear(&plan);
			return r;
		}
	}
	*ret_plan = plan;
	return 0;
}

void disk_plan_clear(struct disk_plan *plan)
{
	for (size_t i = 0; i < plan->n_images; i++)
		free(plan->images[i].path);
	free(plan->images);
	*plan = (struct disk_plan){};
}

/* ---- making the files ---- */

struct disk_job {
	struct bl_loop *loop;
	const struct bl_vmi *vmi;
	struct disk_plan *plan;
	disk_fn *fn;
	void *data;
	size_t next;           /* image to look at next */
	bool waiting;          /* for qemu-img */
	struct bl_timer start; /* so that fn is never called from within disk_prepare() */
};

static void finish(struct disk_job *job, const struct bl_err *err)
{
	disk_fn *fn = job->fn;
	void *data = job->data;

	free(job);
	fn(err, data);
}

static int make_parent(const char *path, struct bl_err *err)
{
	bl_autofree char *copy = bl_strdup(path);

	return bl_dir_make(dirname(copy), 0755, err);
}

/* tmpfs before Linux 6.6 and some network file systems refuse it. */
static bool opens_direct(const struct disk_image *image)
{
	int flags = image->readonly ? O_RDONLY : O_RDWR;
	bl_autoclose int fd = open(image->path, flags | O_DIRECT | O_CLOEXEC);

	return fd >= 0;
}

static void advance(struct disk_job *job);

static void on_image(const struct bl_err *err, void *data)
{
	struct disk_job *job = data;

	job->waiting = false;
	if (err)
		finish(job, err);
	else
		advance(job);
}

static int make_by_child(struct disk_job *job, const struct disk_image *image, struct bl_err *err)
{
	struct image_spec spec = {
		.path = image->path,
		.backing = image->backing,
		.backing_format = image->backing_format,
		.capacity_bytes = image->capacity_bytes,
	};
	int r = image_create(job->loop, &spec, on_image, job, err);

	job->waiting = r == 0;
	return r;
}

/* Either the image is there afterwards, or a child is at work on it. */
static int make_image(struct disk_job *job, const struct disk_image *image, struct bl_err *err)
{
	if (image->origin == DISK_AS_IS)
		return 0;
	if (bl_file_exists(image->path))
		return 0;
	if (make_parent(image->path, err) < 0)
		return err->code;
	if (image->origin == DISK_SEED)
		return cloudinit_write_no_cloud(job->vmi, bl_vmi_volume(job->vmi, image->volume),
						image->path, err);
	return make_by_child(job, image, err);
}

static void advance(struct disk_job *job)
{
	while (job->next < job->plan->n_images) {
		struct disk_image *image = &job->plan->images[job->next];
		struct bl_err err = BL_ERR_INIT;

		if (make_image(job, image, &err) < 0) {
			bl_wrap(&err, "volume '%s'", image->volume);
			finish(job, &err);
			return;
		}
		if (job->waiting)
			return;
		image->direct = opens_direct(image);
		job->next++;
	}
	finish(job, NULL);
}

static void on_start(struct bl_timer *timer)
{
	advance(timer->data);
}

void disk_prepare(struct bl_loop *loop, const struct bl_vmi *vmi, struct disk_plan *plan,
		  disk_fn *fn, void *data)
{
	struct disk_job *job = bl_alloc(sizeof(*job));

	job->loop = loop;
	job->vmi = vmi;
	job->plan = plan;
	job->fn = fn;
	job->data = data;
	bl_timer_arm(loop, &job->start, 0, on_start, job);
}
