// SPDX-License-Identifier: Apache-2.0
/* Parser of resolv.conf(5). */
#include "resolvconf.h"

#include <stdio.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/cleanup.h>
#include <beeline/file.h>

#define FILE_MAX (64 * 1024)
#define BLANKS   " \t\r"

static bool is_loopback(const struct bl_addr *addr)
{
	static const struct bl_addr v6 = {.bytes = {[15] = 1}};

	return bl_addr_is_v4(addr) ? addr->bytes[12] == 127 : bl_addr_equal(addr, &v6);
}

static void take_server(struct resolvconf *conf, const char *text)
{
	struct bl_addr addr;

	if (conf->n_servers < RESOLVCONF_SERVERS_MAX && bl_addr_parse(text, &addr, NULL) == 0 &&
	    !is_loopback(&addr))
		conf->servers[conf->n_servers++] = addr;
}

/* The last line that names search domains counts. */
static void take_searches(struct resolvconf *conf, char *words)
{
	char *rest = NULL;

	conf->n_searches = 0;
	for (char *word = strtok_r(words, BLANKS, &rest); word;
	     word = strtok_r(NULL, BLANKS, &rest)) {
		if (strcmp(word, ".") == 0 || strlen(word) >= RESOLVCONF_NAME_MAX ||
		    conf->n_searches == RESOLVCONF_SEARCHES_MAX)
			continue;
		snprintf(conf->searches[conf->n_searches++], RESOLVCONF_NAME_MAX, "%s", word);
	}
}

static void take_line(struct resolvconf *conf, char *line)
{
	char *rest = NULL;
	char *word = strtok_r(line, BLANKS, &rest);

	if (!word || word[0] == '#' || word[0] == ';')
		return;
	if (strcmp(word, "nameserver") == 0) {
		char *server = strtok_r(NULL, BLANKS, &rest);

		if (server)
			take_server(conf, server);
	} else if (strcmp(word, "search") == 0 || strcmp(word, "domain") == 0) {
		take_searches(conf, rest);
	}
}

void resolvconf_parse(const char *text, struct resolvconf *ret_conf)
{
	bl_autofree char *copy = bl_strdup(text);
	char *rest = NULL;

	*ret_conf = (struct resolvconf){0};
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(ret_conf, line);
}

int resolvconf_read(const char *path, struct resolvconf *ret_conf, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, FILE_MAX, &text, &len, err);

	if (r == 0)
		resolvconf_parse(text, ret_conf);
	return r;
}
