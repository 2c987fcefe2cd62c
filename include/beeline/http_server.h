/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server on the loop, for what is read: metrics and health. It answers GET and HEAD, has
 * no thread and never blocks. Clients may be slow, many or hostile: connections, their idle time, the
 * size of a request and the bytes on their way to clients are all bounded.
 */
#pragma once

#include <stddef.h>

#include <beeline/addr.h>
#include <beeline/err.h>
#include <beeline/loop.h>

struct bl_http_server;

/* Begins as {.status = 404}. */
struct bl_http_answer {
	unsigned int status;
	const char *type; /* of the content; NULL: plain text */
	char *text;       /* taken; NULL: what the status means */
	size_t len;
};
/* path is without its query. */
typedef void bl_http_fn(const char *path, struct bl_http_answer *answer, void *data);

/* "127.0.0.1:80" or "[::1]:80"; port 0 lets the kernel choose. */
int bl_http_address(const char *text, struct bl_addr *ret_addr, uint16_t *ret_port,
		    struct bl_err *err);
/* Listens; -EADDRINUSE when somebody else does. */
int bl_http_server_new(struct bl_loop *loop, const char *address, bl_http_fn *fn, void *data,
		       struct bl_http_server **ret_server, struct bl_err *err);
void bl_http_server_free(struct bl_http_server *server);
/* Where it listens, with the port that was chosen, as bl_http_address() reads it. */
const char *bl_http_server_address(const struct bl_http_server *server);
