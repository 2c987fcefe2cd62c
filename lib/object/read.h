/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the kinds as object.c chooses among them, and what they share. Each fills what its kind
 * has of an object; on an error the caller clears it. */
#pragma once

#include "object.h"

/* workload.c */
int object_read_pod(const struct cJSON *json, struct object *object, struct bl_err *err);
int object_read_vmi(const struct cJSON *json, struct object *object, struct bl_err *err);
/* addresses.c */
int object_read_node(const struct cJSON *json, struct object *object, struct bl_err *err);
int object_read_service(const struct cJSON *json, struct object *object, struct bl_err *err);
int object_read_slice(const struct cJSON *json, struct object *object, struct bl_err *err);
int object_read_group(const struct cJSON *json, struct object *object, struct bl_err *err);

/* ---- parts (parts.c) --------------------------------------------------------------------------- */

/* path: what an error names. */
int object_add_addr(struct object *object, const struct cJSON *json, const char *path,
		    struct bl_err *err);
/* All of an array; key: the member of each item that is the address, NULL: the item itself. */
int object_add_addrs(struct object *object, const struct cJSON *array, const char *key,
		     const char *path, struct bl_err *err);
/* Those of an array of ports that have a name; key: of the member that holds the number. */
int object_add_ports(struct object *object, const struct cJSON *array, const char *key,
		     const char *path, struct bl_err *err);
