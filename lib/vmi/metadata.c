// SPDX-License-Identifier: Apache-2.0
/*
 * metadata, of any object and of a template: Kubernetes' ObjectMeta as a decode table, and the syntax
 * of labels and annotations, whose keys are the user's and so in no table. Nothing is stored.
 */
#include <errno.h>
#include <string.h>

#include "family.h"

#define ENTRIES_MAX         1024
#define ANNOTATIONS_SIZE    (256u * 1024) /* keys and values together */
#define ANNOTATION_KEY_SIZE 320           /* a prefix of 253, '/', a name of 63 */

#define CHECKED_ROWS(rows_)                                                  \
	{                                                                    \
		.rows = rows_, .n_rows = sizeof(rows_) / sizeof((rows_)[0]), \
	}

static const struct bl_field owner_rows[] = {
	BL_FIELD_CHECK("apiVersion", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("kind", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("name", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("uid", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("controller", BL_FIELD_BOOL),
	BL_FIELD_CHECK("blockOwnerDeletion", BL_FIELD_BOOL),
};
static const struct bl_fields owner_fields = CHECKED_ROWS(owner_rows);

static const struct bl_field managed_rows[] = {
	BL_FIELD_CHECK("manager", BL_FIELD_STRING),
	BL_FIELD_CHECK("operation", BL_FIELD_STRING),
	BL_FIELD_CHECK("apiVersion", BL_FIELD_STRING),
	BL_FIELD_CHECK("time", BL_FIELD_STRING),
	BL_FIELD_CHECK("fieldsType", BL_FIELD_STRING),
	BL_FIELD_KNOWN("fieldsV1"),
	BL_FIELD_CHECK("subresource", BL_FIELD_STRING),
};
static const struct bl_fields managed_fields = CHECKED_ROWS(managed_rows);

static const struct bl_field metadata_rows[] = {
	BL_FIELD_CHECK("name", BL_FIELD_STRING),
	BL_FIELD_CHECK("generateName", BL_FIELD_STRING),
	BL_FIELD_CHECK("namespace", BL_FIELD_STRING),
	BL_FIELD_KNOWN("labels"),
	BL_FIELD_KNOWN("annotations"),
	BL_FIELD_CHECK("uid", BL_FIELD_STRING),
	BL_FIELD_CHECK("resourceVersion", BL_FIELD_STRING),
	BL_FIELD_CHECK("generation", BL_FIELD_UINT, .max = UINT32_MAX),
	BL_FIELD_CHECK("creationTimestamp", BL_FIELD_STRING),
	BL_FIELD_CHECK("deletionTimestamp", BL_FIELD_STRING),
	BL_FIELD_CHECK("deletionGracePeriodSeconds", BL_FIELD_UINT, .max = UINT32_MAX),
	BL_FIELD_CHECK("finalizers", BL_FIELD_STRINGS, .max = ENTRIES_MAX),
	BL_FIELD_CHECK("ownerReferences", BL_FIELD_LIST, .items = &owner_fields,
		       .max = ENTRIES_MAX),
	BL_FIELD_CHECK("managedFields", BL_FIELD_LIST, .items = &managed_fields,
		       .max = ENTRIES_MAX),
	BL_FIELD_CHECK("selfLink", BL_FIELD_STRING),
};
const struct bl_fields vmi_metadata_fields = CHECKED_ROWS(metadata_rows);

static int validate_map(const struct cJSON *metadata, const char *path, const char *key,
			struct bl_err *err)
{
	const struct cJSON *map = bl_json_get(metadata, key);

	if (!map || bl_json_is_null(map))
		return 0;
	if (!bl_json_is_object(map))
		return bl_fail(err, -EINVAL, "%s.%s: expected object, got %s", path, key,
			       bl_json_type(map));
	bl_json_for_each (entry, map) {
		if (!bl_json_is_string(entry))
			return bl_fail(err, -EINVAL, "%s.%s['%.64s']: expected string, got %s",
				       path, key, bl_json_key(entry), bl_json_type(entry));
	}
	return 0;
}

int vmi_metadata_validate_maps(const struct cJSON *metadata, const char *path, struct bl_err *err)
{
	int r = validate_map(metadata, path, "labels", err);

	return r < 0 ? r : validate_map(metadata, path, "annotations", err);
}

static int fail_key(const char *path, const char *map, const char *key, struct bl_err *err)
{
	return bl_fail(
		err, -EINVAL,
		"%s.%s['%.64s']: is not a key: up to 63 letters, digits, '-', '_' and '.', "
		"with a letter or digit at both ends; before it a DNS name and '/' if need be",
		path, map, key);
}

static int validate_labels(const struct cJSON *metadata, const char *path, struct bl_err *err)
{
	bl_json_for_each (label, bl_json_get(metadata, "labels")) {
		const char *key = bl_json_key(label), *value = bl_json_text(label);

		if (!bl_name_is_key(key))
			return fail_key(path, "labels", key, err);
		if (!bl_name_is_label_value(value))
			return bl_fail(err, -EINVAL,
				       "%s.labels['%.64s']: '%.64s' is not the value of a label: "
				       "up to 63 letters, digits, '-', '_' and '.', with a letter "
				       "or digit at both ends",
				       path, key, value);
	}
	return 0;
}

/* The prefix of an annotation's key may have capital letters. */
static bool is_annotation_key(const char *key)
{
	char lower[ANNOTATION_KEY_SIZE];
	size_t len = strlen(key);

	if (len >= sizeof(lower))
		return false;
	for (size_t i = 0; i <= len; i++)
		lower[i] = key[i] >= 'A' && key[i] <= 'Z' ? (char)(key[i] - 'A' + 'a') : key[i];
	return bl_name_is_key(lower);
}

static int validate_annotations(const struct cJSON *metadata, const char *path, struct bl_err *err)
{
	size_t size = 0;

	bl_json_for_each (annotation, bl_json_get(metadata, "annotations")) {
		const char *key = bl_json_key(annotation);

		if (!is_annotation_key(key))
			return fail_key(path, "annotations", key, err);
		size += strlen(key) + strlen(bl_json_text(annotation));
	}
	if (size > ANNOTATIONS_SIZE)
		return bl_fail(err, -EINVAL, "%s.annotations: %zu bytes are more than %u", path,
			       size, ANNOTATIONS_SIZE);
	return 0;
}

int vmi_metadata_validate(const struct cJSON *metadata, const char *path, struct bl_err *err)
{
	int r;

	if (!metadata || bl_json_is_null(metadata))
		return 0;
	r = bl_fields_decode(&vmi_metadata_fields, metadata, path, NULL, NULL, err);
	if (r == 0)
		r = vmi_metadata_validate_maps(metadata, path, err);
	if (r == 0)
		r = validate_labels(metadata, path, err);
	return r < 0 ? r : validate_annotations(metadata, path, err);
}
