// SPDX-License-Identifier: Apache-2.0
/*
 * Names of images as manifests write them: [registry/]path[:tag][@digest]. A name is a key of the
 * store and never a path, but what could be taken for one is refused all the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <beeline/file.h>

#include "store.h"

#define NAME_MAX_LEN 255
#define NAME_BYTES                   \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@"

bool image_digest_is_valid(const char *digest)
{
	size_t start = strlen(IMAGE_DIGEST_START);

	return digest && strncmp(digest, IMAGE_DIGEST_START, start) == 0 &&
	       strlen(digest + start) == IMAGE_HEX_LEN &&
	       strspn(digest + start, "0123456789abcdef") == IMAGE_HEX_LEN;
}

/* Parts between slashes are not empty and do not begin with a dot. */
static bool has_sound_parts(const char *name)
{
	for (const char *part = name; part; part = strchr(part, '/')) {
		part += part != name;
		if (!part[0] || part[0] == '/' || part[0] == '.' || part[0] == ':')
			return false;
	}
	return true;
}

int image_name_normalize(const char *name, char **ret_name, struct bl_err *err)
{
	const char *last;

	if (!name[0] || strlen(name) > NAME_MAX_LEN || name[strspn(name, NAME_BYTES)] ||
	    !has_sound_parts(name))
		return bl_fail(
			err, -EINVAL,
			"'%.*s' is not an image's name (like quay.io/containerdisks/fedora:42)",
			NAME_MAX_LEN, name);
	last = strrchr(name, '/');
	last = last ? last : name;
	*ret_name = strchr(last, ':') || strchr(last, '@') ? bl_strdup(name)
							   : bl_format("%s:latest", name);
	return 0;
}
