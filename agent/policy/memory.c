// SPDX-License-Identifier: Apache-2.0
/*
 * Which set of labels has which number, over restarts of the agent: <state-dir>/identities.json, an
 * array of {"number", "labels"}. It is written before the kernel is told of a number, so the next agent
 * knows all that stand in the kernel's maps and gives them to the same labels again; else, while it writes
 * endpoint after endpoint anew, old rows would speak of new numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "room.h"

#define MEMORY_BYTES_MAX (64 * 1024 * 1024)

int policy_recall(struct policy *policy, struct bl_err *err)
{
	bl_auto_json struct cJSON *numbers = NULL;
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(policy->memory_path, MEMORY_BYTES_MAX, &text, &len, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = bl_json_parse(text, len, &numbers, err);
	if (r < 0) {
		/* They are given anew, and the kernel follows. */
		bl_warn("the numbers of identities are forgotten", "path", policy->memory_path,
			"error", err->message);
		return 0;
	}
	bl_json_for_each (entry, numbers) {
		const char *labels = bl_json_get_string(entry, "labels");

		if (labels)
			bl_engine_remember(policy->engine, labels,
					   (uint32_t)bl_json_get_number(entry, "number", 0));
	}
	return 0;
}

/* Those with labels of their own; the numbers of the others are Cilium's. */
static struct cJSON *list_numbers(const struct bl_engine *engine, const uint32_t *numbers, size_t n)
{
	struct cJSON *json = bl_json_array();

	for (size_t i = 0; i < n; i++) {
		bl_autofree char *labels = NULL;
		struct cJSON *entry;

		if (numbers[i] < BL_IDENTITY_CLUSTER_FIRST)
			continue;
		labels = bl_labels_format(bl_engine_identity_labels(engine, numbers[i]));
		entry = bl_json_object();
		bl_json_set_number(entry, "number", numbers[i]);
		bl_json_set_string(entry, "labels", labels);
		bl_json_append(json, entry);
	}
	return json;
}

/* A number gets other labels only long after it was given up, so the same numbers are the same file. */
int policy_remember(struct policy *policy, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;
	bl_autofree uint32_t *numbers = NULL;
	bl_autofree char *text = NULL;
	size_t n;
	int r;

	bl_engine_identities(policy->engine, &numbers, &n);
	if (n == policy->n_numbers && memcmp(numbers, policy->numbers, n * sizeof(*numbers)) == 0)
		return 0;
	json = list_numbers(policy->engine, numbers, n);
	text = bl_json_print(json);
	r = bl_file_write(policy->memory_path, text, strlen(text), 0600, err);
	if (r < 0)
		return r;
	free(policy->numbers);
	policy->numbers = bl_take_ptr(numbers);
	policy->n_numbers = n;
	return 0;
}
