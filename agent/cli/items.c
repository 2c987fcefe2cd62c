// SPDX-License-Identifier: Apache-2.0
/* Lists in parts; see items.h. */
#include "items.h"

#include <stdlib.h>

#include <beeline/file.h>

#include "client.h"

static void take_part(const struct cJSON *event, void *data)
{
	bl_json_for_each (item, bl_json_get(event, "items"))
		bl_json_append(data, bl_json_copy(item));
}

int items_ask(struct client *client, const char *method, struct cJSON *params,
	      struct cJSON **ret_items, struct cJSON **ret_result, struct bl_err *err)
{
	bl_auto_json struct cJSON *wanted = params, *items = bl_json_array(), *result = NULL;
	struct client_call call = {.method = method, .fd = -1, .event = take_part, .data = items};

	const char *next = NULL;

	do {
		int r;

		bl_json_set_string(wanted, "after", next);
		bl_json_free(bl_take_ptr(result));
		call.params = bl_json_copy(wanted);
		r = client_call(client, &call, &result, NULL, err);
		if (r < 0)
			return r;
		next = bl_json_get_string(result, "next");
	} while (next);
	*ret_items = bl_take_ptr(items);
	if (ret_result)
		*ret_result = bl_take_ptr(result);
	return 0;
}

int items_ask_once(const char *socket, const char *method, struct cJSON *params,
		   struct cJSON **ret_items, struct cJSON **ret_result, struct bl_err *err)
{
	bl_auto_json struct cJSON *taken = params;
	client_auto struct client client = CLIENT_INIT;
	int r = client_open(socket, &client, err);

	if (r < 0)
		return r;
	return items_ask(&client, method, bl_take_ptr(taken), ret_items, ret_result, err);
}

char *items_join(const struct cJSON *array, const char *between)
{
	char *text = bl_strdup("");

	bl_json_for_each (item, array) {
		const char *part = bl_json_text(item);
		char *longer = bl_format("%s%s%s", text, *text ? between : "", part ? part : "");

		free(text);
		text = longer;
	}
	return text;
}
