/* SPDX-License-Identifier: Apache-2.0 */
/* beeline vnc: the guest's screen on a local port, for any VNC viewer. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>

#include <beeline/file.h>

#include "client.h"
#include "kind.h"
#include "pump.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct vnc_options {
	const char *socket;
	const char *namespace;
	const char *viewer;
	long port;
	bool proxy_only;
};

static const struct bl_option rows[] = {
	{.name = "proxy-only",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct vnc_options, proxy_only),
	 .help = "start no viewer, only say where one can connect"},
	{.name = "port",
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct vnc_options, port),
	 .argument = "PORT",
	 .default_value = "0",
	 .help = "local port to listen on; 0: any"},
	{.name = "viewer",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct vnc_options, viewer),
	 .argument = "PROGRAM",
	 .default_value = "remote-viewer",
	 .help = "viewer that takes vnc://ADDRESS:PORT"},
	OPTION_NAMESPACE(struct vnc_options),
	OPTION_SOCKET(struct vnc_options),
	{0},
};

extern char **environ;

/* On the loopback address alone: VNC has no password here. */
static int listen_local(long port, int *ret_fd, unsigned int *ret_port, struct bl_err *err)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	bl_autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return bl_fail_errno(err, -errno, "listening on 127.0.0.1:%ld", port);
	*ret_port = ntohs(addr.sin_port);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

static int start_viewer(const char *viewer, unsigned int port, struct bl_err *err)
{
	bl_autofree char *url = bl_format("vnc://127.0.0.1:%u", port);
	char *argv[] = {(char *)viewer, url, NULL};
	pid_t pid;
	int r = posix_spawnp(&pid, viewer, NULL, NULL, argv, environ);

	if (r != 0)
		return bl_fail_errno(err, -r, "starting %s (see --proxy-only)", viewer);
	return 0;
}

/* One viewer, until it or the guest goes. */
static int serve(int listener, int screen, struct bl_err *err)
{
	bl_autoclose int viewer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	enum pump_end end;

	if (viewer < 0)
		return bl_fail_errno(err, -errno, "waiting for a viewer");

	struct pump pump = {
		.in = viewer,
		.out = viewer,
		.peer = screen,
		.signals = -1,
		.escape = PUMP_NO_ESCAPE,
		.linger_ms = 0,
	};

	return pump_run(&pump, &end, err);
}

static int vnc(const struct vnc_options *options, const char *name, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_autoclose int listener = -1, screen = -1;
	struct client_call call = {.method = "vnc", .fd = -1};
	bl_autofree char *clean = text_clean(name);
	unsigned int port = 0;
	int r;

	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	call.params = client_reference(NULL, options->namespace, name);
	r = client_call(&client, &call, NULL, &screen, err);
	if (r == 0)
		r = listen_local(options->port, &listener, &port, err);
	if (r == 0 && !options->proxy_only)
		r = start_viewer(options->viewer, port, err);
	if (r < 0)
		return r;
	printf("The screen of %s is at 127.0.0.1:%u\n", clean, port);
	fflush(stdout);
	return serve(listener, screen, err);
}

static int run(void *data, int n_args, char **args)
{
	const struct vnc_options *options = data;
	struct bl_err err = BL_ERR_INIT;
	const char *name;

	if (options->port < 0 || options->port > UINT16_MAX)
		return terminal_usage("vnc", "--port is a number from 0 to 65535");
	signal(SIGPIPE, SIG_IGN); /* a viewer that closes is no reason to die */
	if (kind_machine(args[0], &name, &err) < 0 || vnc(options, name, &err) < 0)
		return terminal_error(&err);
	return 0;
}

const struct bl_verb verb_vnc = {
	.name = "vnc",
	.arguments = "[TYPE/]NAME",
	.summary = "Show a guest's screen in a VNC viewer",
	.help = "Examples:\n"
		"  beeline vnc vm-01\n"
		"  beeline vnc vm-01 --proxy-only --port 5900",
	.options = rows,
	.options_size = sizeof(struct vnc_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
