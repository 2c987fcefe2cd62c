// SPDX-License-Identifier: Apache-2.0
/* The launcher's memory as a JSON file: see record.h. */
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/json.h>

#define FILE_MAX 4096

static const char *const stage_names[] = {
	[RECORD_NEW] = "new",
	[RECORD_STARTING] = "starting",
	[RECORD_STARTED] = "started",
	[RECORD_ENDED] = "ended",
};

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static int decode(const struct cJSON *json, struct record *record, struct bl_err *err)
{
	const char *stage = bl_json_get_string(json, "stage");

	for (size_t i = 0; stage && i < sizeof(stage_names) / sizeof(*stage_names); i++) {
		if (strcmp(stage, stage_names[i]) != 0)
			continue;
		record->stage = (enum record_stage)i;
		record->succeeded = bl_json_get_bool(json, "succeeded", false);
		copy_text(record->reason, sizeof(record->reason),
			  bl_json_get_string(json, "reason"));
		copy_text(record->message, sizeof(record->message),
			  bl_json_get_string(json, "message"));
		return 0;
	}
	return bl_fail(err, -EINVAL, "stage: missing or unknown");
}

int record_read(const char *path, struct record *ret_record, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;
	bl_autofree char *text = NULL;
	struct record record = {};
	size_t len;
	int r;

	if (!bl_file_exists(path)) {
		*ret_record = record;
		return 0;
	}
	r = bl_file_read(path, FILE_MAX, &text, &len, err);
	if (r == 0)
		r = bl_json_parse(text, len, &json, err);
	if (r == 0)
		r = decode(json, &record, err);
	if (r < 0)
		return bl_wrap(err, "%s", path);
	*ret_record = record;
	return 0;
}

int record_write(const char *path, const struct record *record, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = bl_json_object();
	bl_autofree char *text = NULL;

	bl_json_set_string(json, "stage", stage_names[record->stage]);
	if (record->stage == RECORD_ENDED) {
		bl_json_set_bool(json, "succeeded", record->succeeded);
		bl_json_set_string(json, "reason", record->reason);
		bl_json_set_string(json, "message", record->message);
	}
	text = bl_json_print(json);
	return bl_file_write(path, text, strlen(text), 0600, err);
}
