// SPDX-License-Identifier: Apache-2.0
/*
 * YAML streams to JSON values, from libyaml's events. Beside yaml_print.c the only file that includes
 * libyaml's header, and linked by the command alone.
 *
 * Aliases are copies. A document grows exponentially by aliases of aliases, so what a copy would
 * cost is known (struct built) and charged before it is made.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <beeline/file.h>
#include <beeline/yaml.h>

#include "yaml_scalar.h"

#define TAG "tag:yaml.org,2002:"

/* A value with its cost: values and bytes of text in it, levels below it (a scalar has 0). */
struct built {
	struct cJSON *json;
	size_t n_nodes, n_bytes;
	unsigned int height;
};

struct anchor {
	char *name;
	struct built built; /* a copy of its own */
	struct anchor *next;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct anchor *anchors;
	const struct bl_yaml_limits *limits;
	size_t n_nodes, n_bytes; /* of the whole stream so far */
	unsigned int depth;
	struct bl_err *err;
};

static int fail_at(struct reader *reader, int code, yaml_mark_t mark, const char *what)
{
	return bl_fail(reader->err, code, "YAML line %zu column %zu: %s", mark.line + 1,
		       mark.column + 1, what);
}

static int fail_here(struct reader *reader, const char *what)
{
	return fail_at(reader, -EINVAL, reader->event.start_mark, what);
}

/* Where a byte of the input stands: bytes that are no text are told by their offset alone. */
static yaml_mark_t mark_of_byte(const yaml_parser_t *parser, size_t offset)
{
	const unsigned char *at = parser->input.string.start;
	const unsigned char *end = at + offset;
	yaml_mark_t mark = {.index = offset};

	for (; at < end && at < parser->input.string.end; at++) {
		mark.column = *at == '\n' ? 0 : mark.column + 1;
		mark.line += *at == '\n';
	}
	return mark;
}

/* Makes the next event the current one. */
static int advance(struct reader *reader)
{
	yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark;

	yaml_event_delete(&reader->event);
	if (yaml_parser_parse(parser, &reader->event))
		return 0;
	memset(&reader->event, 0, sizeof(reader->event));
	if (parser->error == YAML_MEMORY_ERROR)
		return bl_fail(reader->err, -ENOMEM, "YAML does not fit into memory");
	mark = parser->error == YAML_READER_ERROR ? mark_of_byte(parser, parser->problem_offset)
						  : parser->problem_mark;
	return fail_at(reader, -EINVAL, mark, parser->problem ? parser->problem : "not YAML");
}

/* ---- cost ---- */

static int charge(struct reader *reader, size_t n_nodes, size_t n_bytes)
{
	reader->n_nodes += n_nodes;
	reader->n_bytes += n_bytes;
	if (reader->n_nodes > reader->limits->n_nodes)
		return fail_at(reader, -E2BIG, reader->event.start_mark,
			       "too many values (aliases counted as what they stand for)");
	if (reader->n_bytes > reader->limits->n_bytes)
		return fail_at(reader, -E2BIG, reader->event.start_mark,
			       "too much text (aliases counted as what they stand for)");
	return 0;
}

static void built_add(struct built *outer, const struct built *inner)
{
	outer->n_nodes += inner->n_nodes;
	outer->n_bytes += inner->n_bytes;
	if (outer->height < inner->height + 1)
		outer->height = inner->height + 1;
}

/* ---- anchors ---- */

static const struct anchor *anchor_find(const struct reader *reader, const char *name)
{
	const struct anchor *anchor = reader->anchors;

	while (anchor && strcmp(anchor->name, name) != 0)
		anchor = anchor->next;
	return anchor;
}

static void anchors_clear(struct reader *reader)
{
	while (reader->anchors) {
		struct anchor *anchor = reader->anchors;

		reader->anchors = anchor->next;
		bl_json_free(anchor->built.json);
		free(anchor->name);
		free(anchor);
	}
}

/* Keeps a copy under the name; a later anchor of the same name hides this one. */
static int anchor_keep(struct reader *reader, const char *name, const struct built *built)
{
	struct anchor *anchor;
	int r = charge(reader, built->n_nodes, built->n_bytes);

	if (r < 0)
		return r;
	anchor = bl_alloc(sizeof(*anchor));
	anchor->name = bl_strdup(name);
	anchor->built = *built;
	anchor->built.json = bl_json_copy(built->json);
	anchor->next = reader->anchors;
	reader->anchors = anchor;
	return 0;
}

static int build_alias(struct reader *reader, struct built *ret_built)
{
	const char *name = (const char *)reader->event.data.alias.anchor;
	const struct anchor *anchor = anchor_find(reader, name);
	int r;

	if (!anchor)
		return fail_here(reader, "alias without its anchor");
	if (reader->depth + anchor->built.height > BL_JSON_DEPTH_MAX)
		return fail_here(reader, "nested too deep");
	r = charge(reader, anchor->built.n_nodes, anchor->built.n_bytes);
	if (r < 0)
		return r;
	*ret_built = anchor->built;
	ret_built->json = bl_json_copy(anchor->built.json);
	return 0;
}

/* ---- scalars ---- */

static struct cJSON *scalar_value(enum yaml_scalar kind, const char *text, double number)
{
	switch (kind) {
	case YAML_SCALAR_NULL:
		return bl_json_null();
	case YAML_SCALAR_BOOL:
		return bl_json_bool(number != 0);
	case YAML_SCALAR_NUMBER:
		return bl_json_number(number);
	default:
		return bl_json_string(text);
	}
}

/* Whether a value of this kind may carry the tag. */
static bool tag_fits(const char *tag, enum yaml_scalar kind, double number)
{
	if (strcmp(tag, TAG "null") == 0)
		return kind == YAML_SCALAR_NULL;
	if (strcmp(tag, TAG "bool") == 0)
		return kind == YAML_SCALAR_BOOL;
	if (strcmp(tag, TAG "int") == 0)
		return kind == YAML_SCALAR_NUMBER && number == trunc(number);
	return strcmp(tag, TAG "float") == 0 && kind == YAML_SCALAR_NUMBER;
}

static int build_scalar(struct reader *reader, struct built *ret_built)
{
	const char *text = (const char *)reader->event.data.scalar.value;
	const char *tag = (const char *)reader->event.data.scalar.tag;
	size_t len = reader->event.data.scalar.length;
	bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	bool string = tag ? strcmp(tag, TAG "str") == 0 || strcmp(tag, "!") == 0 : !plain;
	enum yaml_scalar kind = YAML_SCALAR_STRING;
	double number = 0;
	int r;

	if (strlen(text) != len)
		return fail_here(reader, "NUL character in a text");
	if (!string)
		kind = yaml_scalar_resolve(text, &number);
	if (kind == YAML_SCALAR_NOT_FINITE)
		return fail_here(reader, "a number that is not finite");
	if (tag && !string && !tag_fits(tag, kind, number))
		return fail_here(reader, "the value does not suit its tag, or the tag is unknown");
	r = charge(reader, 1, len);
	if (r < 0)
		return r;
	*ret_built = (struct built){scalar_value(kind, text, number), 1, len, 0};
	return 0;
}

/* ---- collections ---- */

static int build_node(struct reader *reader, struct built *ret_built);

static int check_collection_tag(struct reader *reader, const yaml_char_t *tag, const char *own)
{
	if (tag && strcmp((const char *)tag, own) != 0 && strcmp((const char *)tag, "!") != 0)
		return fail_here(reader, "unknown tag");
	return 0;
}

static int build_items(struct reader *reader, struct built *built)
{
	while (reader->event.type != YAML_SEQUENCE_END_EVENT) {
		struct built item;
		int r = build_node(reader, &item);

		if (r < 0)
			return r;
		bl_json_append(built->json, item.json);
		built_add(built, &item);
	}
	return 0;
}

/* The name that a key's value stands for, as kubectl makes names of numbers and booleans; owned. */
static char *key_name(const struct cJSON *key)
{
	if (bl_json_is_string(key))
		return bl_strdup(bl_json_text(key));
	return bl_json_is_number(key) || bl_json_is_bool(key) ? bl_json_print(key) : NULL;
}

/* Members of a mapping that the outer one does not have itself. */
static void merge_mapping(struct cJSON *into, const struct cJSON *mapping)
{
	bl_json_for_each (member, mapping)
		if (!bl_json_member(into, bl_json_key(member)))
			bl_json_set(into, bl_json_key(member), bl_json_copy(member));
}

static bool can_merge(const struct cJSON *value)
{
	bl_json_for_each (item, bl_json_is_array(value) ? value : NULL)
		if (!bl_json_is_object(item))
			return false;
	return bl_json_is_object(value) || bl_json_is_array(value);
}

static void merge(struct cJSON *into, const struct cJSON *value)
{
	if (bl_json_is_object(value))
		merge_mapping(into, value);
	bl_json_for_each (item, bl_json_is_array(value) ? value : NULL)
		merge_mapping(into, item);
}

static bool is_merge_key(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && !event->data.scalar.tag &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

/* One key and its value; what `<<` names is collected in merges. */
static int build_member(struct reader *reader, struct built *built, struct cJSON *merges)
{
	bool merging = is_merge_key(&reader->event);
	yaml_mark_t mark = reader->event.start_mark;
	bl_auto_json struct cJSON *key_json = NULL;
	bl_autofree char *name = NULL;
	struct built key, value;
	int r = build_node(reader, &key);

	if (r < 0)
		return r;
	key_json = key.json;
	name = key_name(key_json);
	if (!name)
		return fail_at(reader, -EINVAL, mark, "a key that is no name");
	if (!merging && bl_json_member(built->json, name))
		return fail_at(reader, -EINVAL, mark, "a key that stands in the mapping already");
	r = build_node(reader, &value);
	if (r < 0)
		return r;
	if (merging && !can_merge(value.json)) {
		bl_json_free(value.json);
		return fail_at(reader, -EINVAL, mark, "'<<' can only merge mappings");
	}
	built_add(built, &key);
	built_add(built, &value);
	if (merging)
		bl_json_append(merges, value.json);
	else
		bl_json_set(built->json, name, value.json);
	return 0;
}

static int build_members(struct reader *reader, struct built *built)
{
	bl_auto_json struct cJSON *merges = bl_json_array();

	while (reader->event.type != YAML_MAPPING_END_EVENT) {
		int r = build_member(reader, built, merges);

		if (r < 0)
			return r;
	}
	bl_json_for_each (value, merges)
		merge(built->json, value);
	return 0;
}

static int build_collection(struct reader *reader, bool mapping, struct built *ret_built)
{
	struct built built = {.n_nodes = 1};
	const yaml_char_t *tag = mapping ? reader->event.data.mapping_start.tag
					 : reader->event.data.sequence_start.tag;
	int r = check_collection_tag(reader, tag, mapping ? TAG "map" : TAG "seq");

	if (r == 0 && ++reader->depth > BL_JSON_DEPTH_MAX)
		r = fail_here(reader, "nested too deep");
	if (r == 0)
		r = charge(reader, 1, 0);
	if (r == 0)
		r = advance(reader);
	if (r < 0)
		return r;
	built.json = mapping ? bl_json_object() : bl_json_array();
	r = mapping ? build_members(reader, &built) : build_items(reader, &built);
	if (r < 0) {
		bl_json_free(built.json);
		return r;
	}
	reader->depth--;
	*ret_built = built;
	return 0;
}

/* ---- nodes and documents ---- */

static const char *event_anchor(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int build_untied(struct reader *reader, struct built *ret_built)
{
	switch (reader->event.type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(reader, ret_built);
	case YAML_ALIAS_EVENT:
		return build_alias(reader, ret_built);
	case YAML_SEQUENCE_START_EVENT:
		return build_collection(reader, false, ret_built);
	case YAML_MAPPING_START_EVENT:
		return build_collection(reader, true, ret_built);
	default:
		return fail_here(reader, "expected a value");
	}
}

/* The node at the current event; the event after it becomes the current one. */
static int build_node(struct reader *reader, struct built *ret_built)
{
	bl_autofree char *anchor = bl_strdup(event_anchor(&reader->event));
	struct built built;
	int r = build_untied(reader, &built);

	if (r < 0)
		return r;
	if (anchor)
		r = anchor_keep(reader, anchor, &built);
	if (r == 0)
		r = advance(reader);
	if (r < 0) {
		bl_json_free(built.json);
		return r;
	}
	*ret_built = built;
	return 0;
}

static int read_document(struct reader *reader, struct cJSON *documents)
{
	struct built built;
	int r = advance(reader);

	if (r == 0)
		r = build_node(reader, &built);
	if (r < 0)
		return r;
	anchors_clear(reader);
	if (bl_json_is_null(built.json))
		bl_json_free(built.json);
	else
		bl_json_append(documents, built.json);
	return advance(reader); /* past the document's end */
}

static int read_stream(struct reader *reader, struct cJSON *documents)
{
	int r = advance(reader);

	while (r == 0 && reader->event.type != YAML_STREAM_END_EVENT)
		r = reader->event.type == YAML_DOCUMENT_START_EVENT
			    ? read_document(reader, documents)
			    : advance(reader);
	return r;
}

/* JSON is YAML but for its surrogate escapes and some of its tabs, so JSON goes its own way. */
static struct cJSON *parse_as_json(const char *text, size_t len, size_t max_values)
{
	size_t space = 0;
	struct cJSON *json;

	while (space < len && text[space] && strchr(" \t\r\n", text[space]))
		space++;
	if (space == len || text[space] != '{')
		return NULL;
	return bl_json_parse_within(text, len, max_values, &json, NULL) == 0 ? json : NULL;
}

int bl_yaml_parse(const char *text, size_t len, struct cJSON **ret_documents, struct bl_err *err)
{
	static const struct bl_yaml_limits limits = {BL_YAML_NODES_MAX, BL_YAML_BYTES_MAX};

	return bl_yaml_parse_within(text, len, &limits, ret_documents, err);
}

int bl_yaml_parse_within(const char *text, size_t len, const struct bl_yaml_limits *limits,
			 struct cJSON **ret_documents, struct bl_err *err)
{
	bl_auto_json struct cJSON *documents = bl_json_array();
	struct cJSON *json = parse_as_json(text, len, limits->n_nodes);
	struct reader reader = {.limits = limits, .err = err};
	int r = 0;

	if (json) {
		bl_json_append(documents, json);
	} else {
		if (!yaml_parser_initialize(&reader.parser))
			return bl_fail(err, -ENOMEM, "YAML does not fit into memory");
		yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
		r = read_stream(&reader, documents);
		anchors_clear(&reader);
		yaml_event_delete(&reader.event);
		yaml_parser_delete(&reader.parser);
	}
	if (r == 0)
		*ret_documents = bl_take_ptr(documents);
	return r;
}
