/* SPDX-License-Identifier: Apache-2.0 */
/* What statuses are written in: conditions, phases, times. For VMs and VMIs alike. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <beeline/plan.h>

static struct cJSON *find(const struct cJSON *list, const char *key, const char *value)
{
	bl_json_for_each (entry, list) {
		const char *text = bl_json_get_string(entry, key);

		if (text && strcmp(text, value) == 0)
			return entry;
	}
	return NULL;
}

static struct cJSON *ensure_array(struct cJSON *object, const char *key)
{
	if (!bl_json_is_array(bl_json_get(object, key)))
		bl_json_set(object, key, bl_json_array());
	return bl_json_get(object, key);
}

/* Sets a member, or takes it away when text is NULL or empty; says whether that changed it. */
static bool change_string(struct cJSON *object, const char *key, const char *text)
{
	const char *old = bl_json_get_string(object, key);

	if (!text || !text[0]) {
		bl_json_remove(object, key);
		return old != NULL;
	}
	if (old && strcmp(old, text) == 0)
		return false;
	bl_json_set_string(object, key, text);
	return true;
}

bool bl_condition_set(struct cJSON *status, const char *type, const char *value, const char *reason,
		      const char *message, int64_t wall_s)
{
	struct cJSON *conditions = ensure_array(status, "conditions");
	struct cJSON *condition = find(conditions, "type", type);
	char time[32];
	bool turned, changed;

	if (!condition) {
		condition = bl_json_object();
		bl_json_set_string(condition, "type", type);
		bl_json_append(conditions, condition);
	}
	turned = change_string(condition, "status", value);
	if (turned)
		bl_json_set_string(condition, "lastTransitionTime", bl_time_format(wall_s, time));
	changed = change_string(condition, "reason", reason);
	return change_string(condition, "message", message) || changed || turned;
}

bool bl_condition_remove(struct cJSON *status, const char *type)
{
	struct cJSON *conditions = bl_json_get(status, "conditions");
	struct cJSON *kept;

	if (!find(conditions, "type", type))
		return false;
	kept = bl_json_array();
	bl_json_for_each (condition, conditions) {
		if (condition != find(conditions, "type", type))
			bl_json_append(kept, bl_json_copy(condition));
	}
	bl_json_set(status, "conditions", kept);
	return true;
}

const struct cJSON *bl_condition_find(const struct cJSON *status, const char *type)
{
	return find(bl_json_get(status, "conditions"), "type", type);
}

const char *bl_condition(const struct cJSON *status, const char *type)
{
	const struct cJSON *condition = bl_condition_find(status, type);

	return condition ? bl_json_get_string(condition, "status") : NULL;
}

const char *bl_condition_reason(const struct cJSON *status, const char *type)
{
	const struct cJSON *condition = find(bl_json_get(status, "conditions"), "type", type);

	return condition ? bl_json_get_string(condition, "reason") : NULL;
}

bool bl_phase_set(struct cJSON *status, const char *phase, int64_t wall_s)
{
	const char *old = bl_json_get_string(status, "phase");
	struct cJSON *entry;
	char time[32];

	if (old && strcmp(old, phase) == 0)
		return false;
	bl_json_set_string(status, "phase", phase);
	entry = bl_json_object();
	bl_json_set_string(entry, "phase", phase);
	bl_json_set_string(entry, "phaseTransitionTimestamp", bl_time_format(wall_s, time));
	bl_json_append(ensure_array(status, "phaseTransitionTimestamps"), entry);
	return true;
}

int64_t bl_phase_time(const struct cJSON *status, const char *phase)
{
	const struct cJSON *entry =
		find(bl_json_get(status, "phaseTransitionTimestamps"), "phase", phase);
	const char *text = entry ? bl_json_get_string(entry, "phaseTransitionTimestamp") : NULL;

	return text ? bl_time_parse(text) : -1;
}

bool bl_phase_is_final(const char *phase)
{
	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

const char *bl_time_format(int64_t wall_s, char text[32])
{
	time_t seconds = wall_s;
	struct tm tm = {0};

	if (!gmtime_r(&seconds, &tm))
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

int64_t bl_time_parse(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	return end && *end == '\0' ? timegm(&tm) : -1;
}

int64_t bl_time_now(void)
{
	return time(NULL);
}
