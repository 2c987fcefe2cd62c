// SPDX-License-Identifier: Apache-2.0
/* Methods on the image store: image-import, image-list, image-delete, image-prune. */
#include <errno.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "../agent.h"
#include "../api.h"
#include "../image.h"
#include "../vmis.h"

/* An import under way; it goes on when its client goes away. */
struct import {
	struct agent *agent;
	struct bl_rpc_call *call; /* NULL: nobody waits */
};

static void import_cancelled(struct bl_rpc_call *call, void *data)
{
	((struct import *)data)->call = NULL;
}

static void import_progress(uint64_t bytes, uint64_t total, void *data)
{
	struct import *import = data;
	struct cJSON *event;

	if (!import->call)
		return;
	event = bl_json_object();
	bl_json_set_number(event, "bytes", bytes);
	bl_json_set_number(event, "total", total);
	bl_rpc_progress(import->call, event);
}

static struct cJSON *describe(const struct image *image)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "name", image->name);
	bl_json_set_string(json, "digest", image->digest);
	bl_json_set_string(json, "format", image->format);
	bl_json_set_number(json, "bytes", image->size);
	bl_json_set_number(json, "virtualBytes", image->virtual_size);
	return json;
}

static void import_done(const struct image *image, const struct bl_err *err, void *data)
{
	struct import *import = data;
	struct cJSON *result;

	if (!err)
		vmis_look_all(import->agent->vmis); /* some may wait for this image */
	if (import->call && err) {
		bl_rpc_error(import->call, err);
	} else if (import->call) {
		result = bl_json_object();
		bl_json_set(result, "image", describe(image));
		bl_rpc_reply(import->call, result);
	}
	free(import);
}

static int method_import(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	struct import *import;
	const char *name;
	int r;

	r = api_string(request, "name", &name, err);
	if (r < 0)
		return r;
	if (request->n_fds != 1)
		return bl_fail(err, -EINVAL, "image-import takes one file");
	import = bl_alloc(sizeof(*import));
	*import = (struct import){request->agent, request->call};
	bl_rpc_on_cancel(request->call, import_cancelled, import);
	image_import(request->agent->images, name, bl_json_get_string(request->params, "digest"),
		     bl_take_fd(&request->fds[0]), import_progress, import_done, import);
	return API_LATER;
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "items", images_list(request->agent->images));
	return 0;
}

static bool in_use(const char *digest, void *data)
{
	return vmis_use_image(data, digest);
}

static int method_delete(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	const char *name;
	int r;

	r = api_string(request, "name", &name, err);
	if (r < 0)
		return r;
	return image_delete(request->agent->images, name, in_use, request->agent->vmis, err);
}

static int method_prune(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	struct cJSON *deleted;
	int r;

	r = images_prune(request->agent->images, in_use, request->agent->vmis, &deleted, err);
	if (r < 0)
		return r;
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "deleted", deleted);
	return 0;
}

const struct api_method api_image_methods[] = {
	{"image-import", method_import},
	{"image-list", method_list},
	{"image-delete", method_delete},
	{"image-prune", method_prune},
	{0},
};
