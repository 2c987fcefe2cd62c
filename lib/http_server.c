// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd as a guest of the loop: its epoll descriptor is one source of ours, and a timer calls
 * it when it says so. The listening socket is made here, so that errors name the address.
 */
#include <beeline/http_server.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define CONNECTIONS_MAX 64u
#define IDLE_S          10u
#define REQUEST_MAX     ((size_t)16 * 1024)
#define ON_THE_WAY_MAX  ((size_t)16 * 1024 * 1024)
#define ADDRESS_MAX     80

struct bl_http_server {
	struct bl_loop *loop;
	struct MHD_Daemon *daemon;
	struct bl_io io;
	struct bl_timer timer;
	bl_http_fn *fn;
	void *data;
	size_t on_the_way; /* bytes of answers that clients have not got yet */
	char address[ADDRESS_MAX];
};

/* ---- address ------------------------------------------------------------------------------------- */

static int parse_port(const char *text, uint16_t *ret_port)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port > 65535)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int bl_http_address(const char *text, struct bl_addr *ret_addr, uint16_t *ret_port,
		    struct bl_err *err)
{
	const char *colon = strrchr(text, ':');
	bl_autofree char *host = colon ? bl_format("%.*s", (int)(colon - text), text) : NULL;
	size_t len = host ? strlen(host) : 0;
	bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
	int r = -EINVAL;

	if (bracketed) {
		host[len - 1] = '\0';
		r = bl_addr_parse(host + 1, ret_addr, NULL);
	} else if (host && !strchr(host, ':')) {
		r = bl_addr_parse(host, ret_addr, NULL);
	}
	if (r == 0)
		r = parse_port(colon + 1, ret_port);
	if (r < 0)
		return bl_fail(
			err, -EINVAL,
			"'%s': expected an address and a port, as in 127.0.0.1:80 or [::1]:80",
			text);
	return 0;
}

static void address_text(const struct bl_addr *addr, uint16_t port, char text[ADDRESS_MAX])
{
	bool v4 = bl_addr_is_v4(addr);
	char plain[BL_ADDR_TEXT_MAX];

	snprintf(text, ADDRESS_MAX, "%s%s%s:%u", v4 ? "" : "[", bl_addr_format(addr, plain),
		 v4 ? "" : "]", port);
}

/* ---- listening ----------------------------------------------------------------------------------- */

/* The socket of either family; [::] is IPv6 alone. */
static int open_socket(const struct bl_addr *addr, uint16_t port, uint16_t *ret_port)
{
	bool v4 = bl_addr_is_v4(addr);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr *name = v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = v4 ? sizeof(four) : sizeof(six);
	bl_autoclose int fd =
		socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	memcpy(&six.sin6_addr, addr->bytes, sizeof(six.sin6_addr));
	memcpy(&four.sin_addr, &addr->bytes[12], sizeof(four.sin_addr));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (!v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, name, len) < 0 || listen(fd, CONNECTIONS_MAX) < 0 ||
	    getsockname(fd, name, &len) < 0)
		return -errno;
	*ret_port = ntohs(v4 ? four.sin_port : six.sin6_port);
	return bl_take_fd(&fd);
}

/* ---- answering ----------------------------------------------------------------------------------- */

/* A body on its way; freed by the library when the client has it or is gone. */
struct body {
	struct bl_http_server *server;
	size_t len;
	char *text;
};

static void body_free(void *data)
{
	struct body *body = data;

	body->server->on_the_way -= body->len;
	free(body->text);
	free(body);
}

static const char *meaning(unsigned int status)
{
	switch (status) {
	case MHD_HTTP_NOT_FOUND:
		return "not found\n";
	case MHD_HTTP_METHOD_NOT_ALLOWED:
		return "only GET and HEAD\n";
	case MHD_HTTP_SERVICE_UNAVAILABLE:
		return "unavailable\n";
	default:
		return "ok\n";
	}
}

static struct MHD_Response *response_of(struct bl_http_server *server,
					const struct bl_http_answer *answer)
{
	struct body *body = bl_alloc(sizeof(*body));
	struct MHD_Response *response;

	body->server = server;
	body->text = answer->text ? answer->text : bl_strdup(meaning(answer->status));
	body->len = answer->text ? answer->len : strlen(body->text);
	server->on_the_way += body->len;
	response = MHD_create_response_from_buffer_with_free_callback_cls(body->len, body->text,
									  body_free, body);
	if (!response)
		body_free(body);
	return response;
}

static enum MHD_Result send_answer(struct bl_http_server *server, struct MHD_Connection *connection,
				   const struct bl_http_answer *answer)
{
	struct MHD_Response *response = response_of(server, answer);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				answer->type ? answer->type : "text/plain; charset=utf-8");
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* Called when the header is there, and again when the request is complete. What is answered the first
 * time ends the connection, so a wanted request waits for the second. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **ret_state)
{
	struct bl_http_server *server = data;
	struct bl_http_answer answer = {.status = MHD_HTTP_NOT_FOUND};

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
		return *ret_state ? MHD_NO : send_answer(server, connection, &answer);
	}
	if (!*ret_state) {
		*ret_state = server;
		return MHD_YES;
	}
	if (*upload_len)
		return MHD_NO;
	if (server->on_the_way > ON_THE_WAY_MAX)
		answer.status = MHD_HTTP_SERVICE_UNAVAILABLE;
	else
		server->fn(path, &answer, server->data);
	return send_answer(server, connection, &answer);
}

/* ---- the loop's guest ---------------------------------------------------------------------------- */

static void on_timer(struct bl_timer *timer);

static unsigned int n_connections(const struct bl_http_server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

static void go_on(struct bl_http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	unsigned int before;

	/* At its limit it stops to listen, and begins anew only when it is called again. */
	do {
		before = n_connections(server);
		MHD_run(server->daemon);
	} while (n_connections(server) < before);
	bl_timer_disarm(&server->timer);
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
		bl_timer_arm(server->loop, &server->timer, ms * 1000000ull, on_timer, server);
}

static void on_timer(struct bl_timer *timer)
{
	go_on(timer->data);
}

static void on_readable(struct bl_io *io, uint32_t events)
{
	go_on(io->data);
}

/* It speaks of clients' mistakes, which are theirs. */
static void say_nothing(void *data, const char *format, va_list args)
{
}

static int start(struct bl_http_server *server, int *fd, struct bl_err *err)
{
	const union MHD_DaemonInfo *info;

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
		MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, *fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MAX, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
		1, MHD_OPTION_END);
	if (!server->daemon)
		return bl_fail(err, -EIO, "starting the HTTP server");
	*fd = -1; /* the daemon's now */
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return bl_fail(err, -EIO, "the HTTP server has no descriptor to wait for");
	return bl_io_add(server->loop, &server->io, info->epoll_fd, EPOLLIN, on_readable, server,
			 err);
}

int bl_http_server_new(struct bl_loop *loop, const char *address, bl_http_fn *fn, void *data,
		       struct bl_http_server **ret_server, struct bl_err *err)
{
	struct bl_http_server *server;
	bl_autoclose int fd = -1;
	struct bl_addr addr;
	uint16_t port;
	int r = bl_http_address(address, &addr, &port, err);

	if (r < 0)
		return r;
	fd = open_socket(&addr, port, &port);
	if (fd < 0)
		return bl_fail_errno(err, fd, "listening on %s", address);
	server = bl_alloc(sizeof(*server));
	server->loop = loop;
	server->fn = fn;
	server->data = data;
	address_text(&addr, port, server->address);
	r = start(server, &fd, err);
	if (r < 0) {
		bl_http_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

void bl_http_server_free(struct bl_http_server *server)
{
	if (!server)
		return;
	bl_timer_disarm(&server->timer);
	bl_io_remove(&server->io);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	free(server);
}

const char *bl_http_server_address(const struct bl_http_server *server)
{
	return server->address;
}
