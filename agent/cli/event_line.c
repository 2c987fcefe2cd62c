/* SPDX-License-Identifier: Apache-2.0 */
/* One line for one packet event; see event_line.h. */
#include "event_line.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/engine.h>
#include <beeline/file.h>

#include "text.h"

static const char *part(const struct cJSON *event, const char *key)
{
	const char *text = bl_json_get_string(event, key);

	return text ? text : "";
}

char *event_line_endpoint(const char *endpoint)
{
	const char *first = strchr(endpoint, '_');
	const char *second = first ? strchr(first + 1, '_') : NULL;

	if (!second)
		return bl_strdup(endpoint);
	return bl_format("%.*s/%.*s", (int)(first - endpoint), endpoint, (int)(second - first - 1),
			 first + 1);
}

/* "12:03:04.567890" of an RFC 3339 time. */
static char *clock_text(const char *time)
{
	const char *t = strchr(time, 'T');
	const char *begin = t ? t + 1 : time;

	return bl_format("%.*s", (int)strcspn(begin, "Z+"), begin);
}

/* "10.0.0.1:80", "[fd00::1]:80", or the address alone. */
static char *socket_text(const char *address, double port)
{
	const char *text = *address ? address : "?";

	if (port < 1)
		return bl_strdup(text);
	return strchr(text, ':') ? bl_format("[%s]:%.0f", text, port)
				 : bl_format("%s:%.0f", text, port);
}

/* The same with who it is, unless that is the VM that the line is about. */
static char *party_text(const struct cJSON *event, const char *address, const char *port,
			const char *name)
{
	bl_autofree char *socket =
		socket_text(part(event, address), bl_json_get_number(event, port, 0));
	bl_autofree char *who = event_line_endpoint(part(event, name));

	if (!*who || strcmp(part(event, name), part(event, "endpoint")) == 0)
		return bl_take_ptr(socket);
	return bl_format("%s (%s)", socket, who);
}

static const char *arrow(const char *direction)
{
	if (strcmp(direction, "to-vm") == 0)
		return "-->";
	return strcmp(direction, "from-vm") == 0 ? "<--" : "pod";
}

static char *packet_text(const struct cJSON *event)
{
	bl_autofree char *clock = clock_text(part(event, "time"));
	bl_autofree char *vm = event_line_endpoint(part(event, "endpoint"));
	bl_autofree char *source = party_text(event, "source", "sourcePort", "sourceName");
	bl_autofree char *destination =
		party_text(event, "destination", "destinationPort", "destinationName");
	const char *detail = part(event, "detail");
	bl_autofree char *text = bl_format(
		"%s %s %s %s %s > %s%s%s, %.0f bytes", clock, arrow(part(event, "direction")), vm,
		part(event, "protocol"), source, destination, *detail ? " " : "", detail,
		bl_json_get_number(event, "bytes", 0));

	return text_clean(text);
}

/* ", rule default/web spec.ingress[0]", ", default deny of default/web" of what stands in no policy, ", rule 7"
 * where nobody has words for it, or nothing. */
static char *rule_text(const struct cJSON *event)
{
	double rule = bl_json_get_number(event, "rule", 0);
	const char *name = part(event, "ruleName");

	if (*name)
		return bl_format(", %s%s", rule > BL_RULE_DEFAULT ? "rule " : "", name);
	return rule > 0 ? bl_format(", rule %.0f", rule) : bl_strdup("");
}

void event_line_read(const struct cJSON *event, struct event_line *ret_line)
{
	const char *verdict = part(event, "verdict");
	bl_autofree char *rule = rule_text(event);
	bl_autofree char *text = bl_format("%s: %s (%.0f)%s", verdict, part(event, "reason"),
					   bl_json_get_number(event, "code", 0), rule);

	ret_line->packet = packet_text(event);
	ret_line->verdict = text_clean(text);
	ret_line->is_drop = strcmp(verdict, "dropped") == 0;
}

void event_line_clear(struct event_line *line)
{
	free(line->packet);
	free(line->verdict);
	*line = (struct event_line){0};
}
