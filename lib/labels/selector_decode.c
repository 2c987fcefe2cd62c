// SPDX-License-Identifier: Apache-2.0
/* Selectors from documents: matchLabels and matchExpressions, with the checks of the API server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/name.h>

#include "selector.h"

struct reading {
	const char *source, *prefix, *path;
	struct bl_err *err;
};

/* A requirement as it is read. */
struct draft {
	char *source, *key;
	enum bl_label_op op;
	const char **values; /* the document's */
	size_t n_values;
};

static void draft_clear(struct draft *draft)
{
	free(draft->source);
	free(draft->key);
	free(draft->values);
}
#define draft_auto bl_cleanup(draft_clear)

/* Labels of a namespace are checked as that namespace's own. */
static bool is_key(const char *key)
{
	size_t skip = strlen(BL_LABEL_NAMESPACE_LABELS);

	return bl_name_is_key(strncmp(key, BL_LABEL_NAMESPACE_LABELS, skip) == 0 ? key + skip
										 : key);
}

/* Splits "source:key", where the policy's kind has sources; "any" is none. */
static int read_key(const struct reading *reading, const char *where, const char *text,
		    struct draft *draft)
{
	const char *colon = reading->source ? NULL : strchr(text, ':');
	const char *key = colon ? colon + 1 : text;

	if (!is_key(key) || colon == text)
		return bl_fail(reading->err, -EINVAL, "%s: '%.128s' is not the key of a label",
			       where, text);
	if (colon && strncmp(text, "any:", 4) != 0)
		draft->source = bl_format("%.*s", (int)(colon - text), text);
	else
		draft->source = bl_strdup(reading->source);
	draft->key = bl_format("%s%s", reading->prefix, key);
	return 0;
}

static int add_value(const struct reading *reading, const char *where, const struct cJSON *json,
		     struct draft *draft)
{
	const char *text = bl_json_text(json);

	if (!text)
		return bl_fail(reading->err, -EINVAL, "%s: expected string, found %s", where,
			       bl_json_type(json));
	if (!bl_name_is_label_value(text))
		return bl_fail(reading->err, -EINVAL, "%s: '%.128s' is not the value of a label",
			       where, text);
	draft->values = bl_realloc(draft->values, (draft->n_values + 1) * sizeof(char *));
	draft->values[draft->n_values++] = text;
	return 0;
}

static int read_match_label(const struct reading *reading, const struct cJSON *member,
			    struct draft *draft)
{
	bl_autofree char *where =
		bl_format("%s.matchLabels.%.200s", reading->path, bl_json_key(member));
	int r = read_key(reading, where, bl_json_key(member), draft);

	draft->op = BL_LABEL_IN;
	return r < 0 ? r : add_value(reading, where, member, draft);
}

static int read_operator(const struct reading *reading, const char *where, const char *text,
			 struct draft *draft)
{
	static const char *const ops[] = {
		[BL_LABEL_IN] = "In",
		[BL_LABEL_NOT_IN] = "NotIn",
		[BL_LABEL_EXISTS] = "Exists",
		[BL_LABEL_DOES_NOT_EXIST] = "DoesNotExist",
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(text, ops[i]) == 0) {
			draft->op = (enum bl_label_op)i;
			return 0;
		}
	}
	return bl_fail(reading->err, -EINVAL,
		       "%s.operator: expected In, NotIn, Exists or DoesNotExist, found '%.64s'",
		       where, text);
}

static int read_values(const struct reading *reading, const char *where, const struct cJSON *values,
		       struct draft *draft)
{
	bool wants = draft->op == BL_LABEL_IN || draft->op == BL_LABEL_NOT_IN;
	size_t n = 0;

	if (values && !bl_json_is_null(values) && !bl_json_is_array(values))
		return bl_fail(reading->err, -EINVAL, "%s.values: expected array, found %s", where,
			       bl_json_type(values));
	bl_json_for_each (value, values) {
		bl_autofree char *at = bl_format("%s.values[%zu]", where, n++);
		int r = add_value(reading, at, value, draft);

		if (r < 0)
			return r;
	}
	if (wants != (n > 0))
		return bl_fail(reading->err, -EINVAL, "%s.values: %s", where,
			       wants ? "must not be empty for this operator"
				     : "must be empty for this operator");
	return 0;
}

static int refuse_unknown(const struct reading *reading, const char *where,
			  const struct cJSON *object, const char *const *names, size_t n_names)
{
	if (!bl_json_is_object(object))
		return bl_fail(reading->err, -EINVAL, "%s: expected object, found %s", where,
			       bl_json_type(object));
	bl_json_for_each (member, object) {
		bool known = false;

		for (size_t i = 0; i < n_names; i++)
			known |= strcmp(bl_json_key(member), names[i]) == 0;
		if (!known)
			return bl_fail(reading->err, -EINVAL, "%s.%.128s: unknown field", where,
				       bl_json_key(member));
	}
	return 0;
}

/* Of an expression; "" when it is missing. YAML takes an unquoted n, y or on for a boolean. */
static int read_text(const struct reading *reading, const char *where, const struct cJSON *object,
		     const char *name, const char **ret_text)
{
	const struct cJSON *member = bl_json_get(object, name);

	if (member && !bl_json_is_null(member) && !bl_json_is_string(member))
		return bl_fail(reading->err, -EINVAL, "%s.%s: expected string, found %s", where,
			       name, bl_json_type(member));
	*ret_text = bl_json_text(member) ? bl_json_text(member) : "";
	return 0;
}

static int read_expression(const struct reading *reading, size_t i, const struct cJSON *object,
			   struct draft *draft)
{
	static const char *const names[] = {"key", "operator", "values"};
	bl_autofree char *where = bl_format("%s.matchExpressions[%zu]", reading->path, i);
	bl_autofree char *key_at = bl_format("%s.key", where);
	const char *key, *operator;
	int r = refuse_unknown(reading, where, object, names, 3);

	if (r == 0)
		r = read_text(reading, where, object, "key", &key);
	if (r == 0)
		r = read_text(reading, where, object, "operator", &operator);
	if (r == 0)
		r = read_key(reading, key_at, key, draft);
	if (r == 0)
		r = read_operator(reading, where, operator, draft);
	if (r == 0)
		r = read_values(reading, where, bl_json_get(object, "values"), draft);
	return r;
}

static void add(struct bl_selector *selector, const struct draft *draft)
{
	const struct bl_requirement like = {
		.source = draft->source,
		.key = draft->key,
		.op = draft->op,
		.values = draft->values,
		.n_values = draft->n_values,
	};

	selector_add(selector, requirement_get(&like));
}

static int read_parts(const struct reading *reading, const struct cJSON *object,
		      struct bl_selector *selector)
{
	const struct cJSON *labels = bl_json_get(object, "matchLabels");
	const struct cJSON *expressions = bl_json_get(object, "matchExpressions");
	size_t i = 0;

	if (labels && !bl_json_is_null(labels) && !bl_json_is_object(labels))
		return bl_fail(reading->err, -EINVAL, "%s.matchLabels: expected object, found %s",
			       reading->path, bl_json_type(labels));
	if (expressions && !bl_json_is_null(expressions) && !bl_json_is_array(expressions))
		return bl_fail(reading->err, -EINVAL,
			       "%s.matchExpressions: expected array, found %s", reading->path,
			       bl_json_type(expressions));
	bl_json_for_each (member, labels) {
		draft_auto struct draft draft = {0};
		int r = read_match_label(reading, member, &draft);

		if (r < 0)
			return r;
		add(selector, &draft);
	}
	bl_json_for_each (expression, expressions) {
		draft_auto struct draft draft = {0};
		int r = read_expression(reading, i++, expression, &draft);

		if (r < 0)
			return r;
		add(selector, &draft);
	}
	return 0;
}

int bl_selector_decode(const struct cJSON *object, const char *source, const char *prefix,
		       const char *path, struct bl_selector *ret_selector, struct bl_err *err)
{
	static const char *const names[] = {"matchLabels", "matchExpressions"};
	struct reading reading = {source, prefix ? prefix : "", path, err};
	struct bl_selector selector = {0};
	int r = refuse_unknown(&reading, path, object, names, 2);

	if (r == 0)
		r = read_parts(&reading, object, &selector);
	if (r < 0)
		bl_selector_clear(&selector);
	else
		*ret_selector = selector;
	return r;
}
