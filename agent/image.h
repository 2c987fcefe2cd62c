/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local store of containerDisk images: content-addressed files below <state-dir>/images/blobs
 * (sha256 of the disk as stored), and names that refer to them. A VM pins the digest it started
 * with. A disk comes in as an OCI archive (one file below /disk/ in its layers) or a bare qcow2 or
 * raw disk, gzip'd or not; it is unpacked and inspected in a child that runs as the VM's user under
 * limits, and refused when it names a backing or data file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>

struct images;

int images_new(struct bl_loop *loop, const char *state_dir, uid_t vm_uid,
	       struct images **ret_images, struct bl_err *err);
void images_free(struct images *images);

struct image {
	char *name;            /* as the manifests write it: "quay.io/containerdisks/fedora:42" */
	char *digest;          /* "sha256:<hex>" */
	char *format;          /* "qcow2" or "raw" */
	char *path;            /* of the blob */
	uint64_t size;         /* bytes on disk */
	uint64_t virtual_size; /* bytes as the guest sees it */
};
void image_clear(struct image *image);

/* Names without a tag mean ":latest". -ENOENT with a sentence that says how to import it. */
int image_find(struct images *images, const char *name, struct image *ret_image,
	       struct bl_err *err);
int image_find_digest(struct images *images, const char *digest, struct image *ret_image,
		      struct bl_err *err);

/* Like image_find(); where skopeo is installed, a missing image is pulled meanwhile: -EAGAIN until the
 * change is told of, or why it failed, until the next attempt. */
int image_find_or_pull(struct images *images, const char *name, struct image *ret_image,
		       struct bl_err *err);
/* fn is called from the loop when looking for an image again may give something else. */
void images_on_change(struct images *images, void (*fn)(void *data), void *data);

/* Imports from fd (taken); progress gets bytes read so far. done gets the image or the error. */
void image_import(struct images *images, const char *name, const char *digest, int fd,
		  void (*progress)(uint64_t bytes, uint64_t total, void *data),
		  void (*done)(const struct image *image, const struct bl_err *err, void *data),
		  void *data);
struct cJSON *images_list(struct images *images);
/* in_use says whether a VM has this digest pinned: then -EBUSY. */
int image_delete(struct images *images, const char *name,
		 bool (*in_use)(const char *digest, void *data), void *data, struct bl_err *err);
/* Deletes blobs without a name and unused; *ret_deleted is an array of digests, owned. */
int images_prune(struct images *images, bool (*in_use)(const char *digest, void *data), void *data,
		 struct cJSON **ret_deleted, struct bl_err *err);
