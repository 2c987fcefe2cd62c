/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolv.conf(5): name servers and search domains. Loopback servers are left out, since a guest
 * cannot reach the host's own stub resolver. Pure but for reading the file.
 */
#pragma once

#include <stddef.h>

#include <beeline/abi.h>
#include <beeline/err.h>

#define RESOLVCONF_SERVERS_MAX  3 /* MAXNS of the C library */
#define RESOLVCONF_SEARCHES_MAX 16
#define RESOLVCONF_NAME_MAX     254

struct resolvconf {
	struct bl_addr servers[RESOLVCONF_SERVERS_MAX];
	size_t n_servers;
	char searches[RESOLVCONF_SEARCHES_MAX][RESOLVCONF_NAME_MAX];
	size_t n_searches;
};

/* Lines that make no sense are skipped, as the C library does. */
void resolvconf_parse(const char *text, struct resolvconf *ret_conf);
int resolvconf_read(const char *path, struct resolvconf *ret_conf, struct bl_err *err);
