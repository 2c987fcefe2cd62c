/* SPDX-License-Identifier: Apache-2.0 */
/* Applying objects and saying what became of them: what `apply` and `run` share. */
#pragma once

#include <stdio.h>

#include <beeline/json.h>

#include "client.h"
#include "manifest.h"

/* manifests are borrowed. validate: as --validate says; NULL: strictly. Prints
 * "virtualmachine.kubevirt.io/vm-01 created" per object to file. */
int apply_objects(struct client *client, const struct manifests *manifests, const char *validate,
		  FILE *file, struct bl_err *err);
