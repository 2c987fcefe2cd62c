// SPDX-License-Identifier: Apache-2.0
/* What is remembered of one VMI between two looks, and its link to the launcher. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "room.h"

struct vmi_record *vmi_record_new(struct vmis *vmis, const char *key)
{
	struct vmi_record *record = bl_alloc(sizeof(*record));
	const char *slash = strchr(key, '/');

	*record = (struct vmi_record){
		.vmis = vmis,
		.key = bl_strdup(key),
		.namespace = bl_format("%.*s", (int)(slash - key), key),
		.name = bl_strdup(slash + 1),
	};
	return record;
}

void vmi_record_free(struct vmi_record *record)
{
	if (!record)
		return;
	launcher_link_free(record->link);
	free(record->key);
	free(record->namespace);
	free(record->name);
	free(record);
}

static int open_sockets(int *ret_fd, void *data, struct bl_err *err)
{
	const struct vmi_record *record = data;

	return sandbox_open_sockets(vmis_config(record->vmis)->sandboxes, record->namespace,
				    record->name, ret_fd, err);
}

static void link_changed(void *data)
{
	const struct vmi_record *record = data;

	vmis_look(record->vmis, record->namespace, record->name);
}

void vmi_record_link(struct vmi_record *record, bool wanted)
{
	const struct vmis_config *config = vmis_config(record->vmis);
	const struct launcher_link_config link = {
		.loop = config->loop,
		.uid = config->vm_uid,
		.open_dir = open_sockets,
		.changed = link_changed,
		.data = record,
	};

	if (wanted && !record->link) {
		record->link = launcher_link_new(&link);
	} else if (!wanted) {
		launcher_link_free(record->link);
		record->link = NULL;
	}
}
