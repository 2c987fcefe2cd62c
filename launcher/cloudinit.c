// SPDX-License-Identifier: Apache-2.0
/* NoCloud seeds: see cloudinit.h. */
#include "cloudinit.h"

#include <string.h>

#include <beeline/file.h>
#include <beeline/json.h>

#include "iso.h"

#define FILES_MAX 3

/* JSON is YAML. The caller frees. */
static char *format_meta_data(const struct bl_vmi *vmi)
{
	bl_auto_json struct cJSON *meta = bl_json_object();
	bl_autofree char *instance = bl_format("%s.%s", vmi->name, vmi->namespace);

	bl_json_set_string(meta, "instance-id", instance);
	bl_json_set_string(meta, "local-hostname", vmi->hostname ? vmi->hostname : vmi->name);
	return bl_json_print(meta);
}

int cloudinit_write_no_cloud(const struct bl_vmi *vmi, const struct bl_volume *volume,
			     const char *path, struct bl_err *err)
{
	bl_autofree char *meta = format_meta_data(vmi);
	struct iso_file files[FILES_MAX];
	size_t n = 0;

	files[n++] = (struct iso_file){"meta-data", meta, strlen(meta)};
	/* Without user-data, even an empty one, cloud-init does not take the seed for one. */
	files[n++] = (struct iso_file){"user-data", volume->user_data ? volume->user_data : "",
				       volume->user_data_len};
	if (volume->network_data)
		files[n++] = (struct iso_file){"network-config", volume->network_data,
					       volume->network_data_len};
	return iso_write(path, "cidata", files, n, err);
}
