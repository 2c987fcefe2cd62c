// SPDX-License-Identifier: Apache-2.0
/* Versions of an object: see the header. No files, no store. */
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <beeline/plan.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Metadata that users cannot write. */
static const char *const own_members[] = {
	"uid",
	"creationTimestamp",
	"generation",
	"resourceVersion",
	"deletionTimestamp",
	"deletionGracePeriodSeconds",
};

/* Metadata that controllers write and that stays unless the user's document has its own. */
static const char *const kept_members[] = {"ownerReferences", "finalizers"};

/* A random UUID (RFC 4122, version 4). */
static const char *uid_make(char text[37])
{
	unsigned char bytes[16];
	char *out = text;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		out += snprintf(out, 3, "%02x", bytes[i]);
	}
	return text;
}

static struct cJSON *without_own(const struct cJSON *document)
{
	struct cJSON *next = bl_json_copy(document);
	struct cJSON *metadata = bl_json_ensure(next, "metadata");

	for (size_t i = 0; i < N_ELEMENTS(own_members); i++)
		bl_json_remove(metadata, own_members[i]);
	return next;
}

struct cJSON *object_version_first(const struct cJSON *document)
{
	struct cJSON *next = without_own(document);
	struct cJSON *metadata = bl_json_ensure(next, "metadata");
	char uid[37], now[32];

	bl_json_set_string(metadata, "uid", uid_make(uid));
	bl_json_set_string(metadata, "creationTimestamp", bl_time_format(bl_time_now(), now));
	return next;
}

struct cJSON *object_version_after(const struct cJSON *old, const struct cJSON *document)
{
	struct cJSON *next = without_own(document);
	struct cJSON *metadata = bl_json_ensure(next, "metadata");
	const struct cJSON *before = bl_json_get(old, "metadata");
	const struct cJSON *status = bl_json_get(old, "status");

	for (size_t i = 0; i < N_ELEMENTS(own_members); i++) {
		const struct cJSON *value = bl_json_get(before, own_members[i]);

		if (value)
			bl_json_set(metadata, own_members[i], bl_json_copy(value));
	}
	for (size_t i = 0; i < N_ELEMENTS(kept_members); i++) {
		const struct cJSON *value = bl_json_get(before, kept_members[i]);

		if (value && !bl_json_get(metadata, kept_members[i]))
			bl_json_set(metadata, kept_members[i], bl_json_copy(value));
	}
	if (status && !bl_json_get(next, "status"))
		bl_json_set(next, "status", bl_json_copy(status));
	return next;
}

void object_version_stamp(struct cJSON *object, const struct cJSON *old, uint64_t revision)
{
	struct cJSON *metadata = bl_json_ensure(object, "metadata");
	double generation = bl_json_get_number(metadata, "generation", 0);
	char text[24];

	if (!old || !bl_json_equal(bl_json_get(old, "spec"), bl_json_get(object, "spec")))
		bl_json_set_number(metadata, "generation", generation + 1);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)revision);
	bl_json_set_string(metadata, "resourceVersion", text);
}

void object_version_delete(struct cJSON *object, int64_t grace_s)
{
	struct cJSON *metadata = bl_json_ensure(object, "metadata");
	double before = bl_json_get_number(metadata, "deletionGracePeriodSeconds", -1);
	char now[32];

	if (!bl_json_get(metadata, "deletionTimestamp"))
		bl_json_set_string(metadata, "deletionTimestamp",
				   bl_time_format(bl_time_now(), now));
	if (grace_s >= 0 && (before < 0 || grace_s < before))
		bl_json_set_number(metadata, "deletionGracePeriodSeconds", grace_s);
}
