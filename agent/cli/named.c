// SPDX-License-Identifier: Apache-2.0
/* Things that have a name and no kind; see named.h. */
#include "named.h"

#include <stdio.h>

#include <beeline/file.h>

#include "client.h"
#include "terminal.h"
#include "text.h"

int named_delete(const char *socket, const char *thing, char *const *names, int n_names)
{
	bl_autofree char *method = bl_format("%s-delete", thing);
	client_auto struct client client = CLIENT_INIT;
	struct bl_err err = BL_ERR_INIT;
	int exit_code = 0;

	if (client_open(socket, &client, &err) < 0)
		return terminal_error(&err);
	for (int i = 0; i < n_names; i++) {
		bl_autofree char *name = text_clean(names[i]);

		if (client_ask(&client, method, client_reference(NULL, NULL, names[i]), NULL,
			       &err) < 0)
			exit_code = terminal_error(&err);
		else
			printf("%s \"%s\" deleted\n", thing, name);
	}
	return exit_code;
}

void named_print(const struct cJSON *items)
{
	bl_json_for_each (item, items) {
		bl_autofree char *name = text_clean(bl_json_get_string(item, "name"));

		if (*name)
			puts(name);
	}
}
