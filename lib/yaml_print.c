// SPDX-License-Identifier: Apache-2.0
/* JSON values as YAML text, by libyaml's emitter, in the shape that kubectl prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include <beeline/yaml.h>

#include "yaml_scalar.h"

static int append_output(void *data, unsigned char *bytes, size_t n)
{
	return fwrite(bytes, 1, n, data) == n;
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	/* Fails only without memory. */
	if (!yaml_emitter_emit(emitter, event))
		abort();
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
				     (int)strlen(text), 1, 1, style);
	emit(emitter, &event);
}

/* Plain where every reader takes it for the same text; else quoted, or a block when it has lines. */
static void emit_string(yaml_emitter_t *emitter, const char *text)
{
	if (strchr(text, '\n'))
		emit_scalar(emitter, text, YAML_LITERAL_SCALAR_STYLE);
	else if (yaml_scalar_is_text(text))
		emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
	else
		emit_scalar(emitter, text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void emit_value(yaml_emitter_t *emitter, const struct cJSON *json)
{
	bool mapping = bl_json_is_object(json);
	bl_autofree char *text = NULL;
	yaml_event_t event;

	if (bl_json_is_string(json)) {
		emit_string(emitter, bl_json_text(json));
		return;
	}
	if (!mapping && !bl_json_is_array(json)) {
		text = bl_json_print(json);
		emit_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE);
		return;
	}
	if (mapping)
		yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						    YAML_BLOCK_MAPPING_STYLE);
	else
		yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
						     YAML_BLOCK_SEQUENCE_STYLE);
	emit(emitter, &event);
	bl_json_for_each (member, json) {
		if (mapping)
			emit_string(emitter, bl_json_key(member));
		emit_value(emitter, member);
	}
	if (mapping)
		yaml_mapping_end_event_initialize(&event);
	else
		yaml_sequence_end_event_initialize(&event);
	emit(emitter, &event);
}

char *bl_yaml_print(const struct cJSON *json)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out || !yaml_emitter_initialize(&emitter))
		abort();
	yaml_emitter_set_output(&emitter, append_output, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	emit_value(&emitter, json);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
	if (fclose(out) != 0)
		abort();
	return text;
}
