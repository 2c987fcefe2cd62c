/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the image store: what its files share.
 *
 *   <state-dir>/images/blobs/<hex>       a disk, named by its SHA-256; read-only
 *   <state-dir>/images/blobs/<hex>.json  its format and virtual size; written before the name
 *   <state-dir>/images/names.json        {"<name>:<tag>": "sha256:<hex>"}
 *   <state-dir>/images/incoming/         disks that are being written; emptied at the start
 *
 *   image.c         names and blobs
 *   image/import.c  how a file becomes a blob
 *   image/pull.c    images from registries
 *   image/name.c    what a name is
 */
#pragma once

#include "../image.h"

#define IMAGE_DIGEST_START "sha256:"
#define IMAGE_HEX_LEN      64

struct image_import;
struct image_pull;

struct images {
	struct bl_loop *loop;
	uid_t vm_uid;
	char *dir, *blobs, *names, *incoming;
	struct image_import *imports; /* those that run */
	struct image_pull *pulls;     /* those that run or failed a short time ago */
	void (*changed)(void *data);
	void *changed_data;
};

/* Checks a name and adds ":latest" where it has neither tag nor digest. The caller frees. */
int image_name_normalize(const char *name, char **ret_name, struct bl_err *err);
/* "sha256:<64 hex digits>". */
bool image_digest_is_valid(const char *digest);

/* Takes a finished disk into the store: descriptor and path of the file in incoming/, which is moved.
 * Then name refers to it. */
int image_store_add(struct images *images, const char *name, const char *digest, const char *format,
		    uint64_t virtual_size, const char *path, struct bl_err *err);

void image_imports_free(struct images *images);
void image_pulls_free(struct images *images);
