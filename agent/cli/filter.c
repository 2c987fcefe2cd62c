// SPDX-License-Identifier: Apache-2.0
/*
 * kubectl's way to write a label selector; see filter.h. The text becomes the selector of a document, so
 * that keys, values and operators are judged where those of manifests are.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#define SOURCE "k8s"

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && strchr(" \t", text[len - 1]); len--)
		continue;
	text[len] = '\0';
	return text;
}

/* Cuts the text at the first comma that stands in no parentheses; what is behind it, or NULL. */
static char *cut(char *text)
{
	bool inside = false;

	for (; *text; text++) {
		if (*text == '(' || *text == ')')
			inside = *text == '(';
		if (*text != ',' || inside)
			continue;
		*text = '\0';
		return text + 1;
	}
	return NULL;
}

/* values: split by commas; NULL: none. */
static struct cJSON *expression(char *key, const char *op, char *values)
{
	struct cJSON *json = bl_json_object(), *array = bl_json_array();

	for (char *value = values, *next; value; value = next) {
		next = cut(value);
		bl_json_append(array, bl_json_string(trim(value)));
	}
	bl_json_set_string(json, "key", trim(key));
	bl_json_set_string(json, "operator", op);
	bl_json_set(json, "values", array);
	return json;
}

/* "env in (a,b)"; open is its parenthesis. What is no set is left to be refused as a key. */
static struct cJSON *read_set(char *term, char *open)
{
	char *close = strchr(open, ')'), *word;

	if (!close || close[1])
		return expression(term, "Exists", NULL);
	*open = *close = '\0';
	term = trim(term);
	word = strrchr(term, ' ');
	if (!word)
		return expression(close, "Exists", NULL); /* no key */
	*word++ = '\0';
	if (strcmp(word, "in") == 0)
		return expression(term, "In", open + 1);
	return expression(term, strcmp(word, "notin") == 0 ? "NotIn" : word, open + 1);
}

static struct cJSON *read_term(char *term)
{
	char *sign = strpbrk(term, "=!(");
	bool negative = sign && *sign == '!';

	if (*term == '!')
		return expression(term + 1, "DoesNotExist", NULL);
	if (sign && *sign == '(')
		return read_set(term, sign);
	if (!sign || (negative && sign[1] != '='))
		return expression(term, "Exists", NULL);
	*sign++ = '\0';
	return expression(term, negative ? "NotIn" : "In", sign + (*sign == '='));
}

int filter_parse(const char *text, struct bl_selector *ret_filter, struct bl_err *err)
{
	bl_autofree char *copy = bl_strdup(text);
	bl_auto_json struct cJSON *document = bl_json_object();
	struct cJSON *expressions = bl_json_array();

	for (char *term = copy, *next; term; term = next) {
		next = cut(term);
		bl_json_append(expressions, read_term(trim(term)));
	}
	bl_json_set(document, "matchExpressions", expressions);
	return bl_selector_decode(document, SOURCE, NULL, "--selector", ret_filter, err);
}

bool filter_takes(const struct bl_selector *filter, const struct cJSON *object)
{
	struct bl_labels labels = {0};
	bool takes;

	bl_labels_set_all(&labels, SOURCE, "", bl_json_get(object, "metadata/labels"));
	takes = bl_selector_matches(filter, &labels);
	bl_labels_clear(&labels);
	return takes;
}
