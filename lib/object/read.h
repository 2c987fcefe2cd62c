/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of the kinds as object.c chooses among them, and what they share. Each fills what its kind
 * has of a struct object; on an error the caller clears it. What is read must be of its type, whatever
 * else a document holds. */
#pragma once

#include "object.h"
#include "value.h"

typedef int object_reader(const struct value *value, void *object, struct bl_err *err);

/* workload.c */
object_reader object_read_pod, object_read_vmi;
/* addresses.c */
object_reader object_read_node, object_read_service, object_read_slice, object_read_group;

/* ---- parts of several kinds (parts.c) ---------------------------------------------------------- */

/* A text that is one more address. */
object_reader object_read_addr;
/* The ports of a container or an interface that have a name; key: of the member with the number. */
int object_read_ports(const struct value *owner, const char *key, struct object *object,
		      struct bl_err *err);
