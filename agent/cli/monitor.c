/* SPDX-License-Identifier: Apache-2.0 */
/* beeline monitor: drops and sampled packets as they happen, with their reasons. */
#include <string.h>

#include "client.h"
#include "event_filter.h"
#include "event_line.h"
#include "kind.h"
#include "rows.h"
#include "terminal.h"
#include "verbs.h"

struct monitor_options {
	const char *socket;
	const char *namespace;
	const char *endpoint;
	const char *output;
	const char *verdict;
	const char *direction;
	const char *protocol;
	const char *peer;
	long port;
	long sample;
	long count;
};

static const struct bl_option rows[] = {
	OPTION_NAMESPACE_GIVEN(struct monitor_options,
			       "only machines of this namespace (for NAME: default \"default\")"),
	{.name = "endpoint",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, endpoint),
	 .argument = "NAME",
	 .help = "only this endpoint (see `beeline endpoint list`)"},
	{.name = "sample",
	 .letter = 's',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct monitor_options, sample),
	 .argument = "N",
	 .default_value = "0",
	 .help = "also one of every N forwarded packets; 0: drops only, 1: every packet"},
	{.name = "verdict",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, verdict),
	 .argument = "VERDICT",
	 .choices = "dropped|traced",
	 .help = "only events of this verdict"},
	{.name = "direction",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, direction),
	 .argument = "DIRECTION",
	 .choices = "to-vm|from-vm|pod-out",
	 .help = "only this direction"},
	{.name = "protocol",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, protocol),
	 .argument = "PROTOCOL",
	 .choices = "tcp|udp|sctp|icmp|icmpv6|igmp|gre|esp|arp",
	 .help = "only this protocol"},
	{.name = "port",
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct monitor_options, port),
	 .argument = "PORT",
	 .help = "only this port, on either side"},
	{.name = "peer",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, peer),
	 .argument = "PEER",
	 .help = "only packets from or to this address, prefix, VM, pod, service or node, \"host\" "
		 "or \"world\", seen from the VM"},
	{.name = "count",
	 .letter = 'c',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct monitor_options, count),
	 .argument = "N",
	 .default_value = "0",
	 .help = "leave after N events; 0: go on until interrupted"},
	{.name = "output",
	 .letter = 'o',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct monitor_options, output),
	 .argument = "FORMAT",
	 .choices = "json",
	 .help = "one JSON object a line"},
	OPTION_SOCKET(struct monitor_options),
	{0},
};

struct monitor {
	const struct monitor_options *options;
	struct event_filter filter;
	struct bl_loop *loop;
	bool colour;
	long n_shown;
};

static void print_event(const struct monitor *monitor, const struct cJSON *event)
{
	struct event_line line;

	event_line_read(event, &line);
	printf("%s  ", line.packet);
	terminal_paint(stdout, monitor->colour, line.is_drop ? TERMINAL_RED : TERMINAL_DIM,
		       line.verdict);
	putchar('\n');
	event_line_clear(&line);
}

static void warn_lost(const struct cJSON *event, double n_lost)
{
	const char *endpoint = bl_json_get_string(event, "endpoint");
	bl_autofree char *name = event_line_endpoint(endpoint ? endpoint : "");

	terminal_warn("%.0f events%s%s were lost: they came faster than they could be %s", n_lost,
		      *name ? " of " : "", name, *name ? "told" : "read");
}

static void on_event(const struct cJSON *event, void *data)
{
	struct monitor *monitor = data;
	double lost = bl_json_get_number(event, "lost", 0);

	if (monitor->options->count && monitor->n_shown == monitor->options->count)
		return;
	if (lost > 0) {
		warn_lost(event, lost);
		return;
	}
	if (!event_filter_takes(&monitor->filter, event))
		return;
	if (monitor->options->output) {
		bl_autofree char *text = bl_json_print(event);

		puts(text);
	} else {
		print_event(monitor, event);
	}
	fflush(stdout);
	if (++monitor->n_shown == monitor->options->count)
		bl_loop_exit(monitor->loop, 0);
}

static void on_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		    unsigned int n_fds, void *data)
{
	struct monitor *monitor = data;

	bl_loop_exit(monitor->loop, why ? terminal_error(why) : 0);
}

static struct event_filter filter_of(const struct monitor_options *options)
{
	return (struct event_filter){
		.verdict = options->verdict,
		.direction = options->direction,
		.protocol = options->protocol,
		.port = options->port,
	};
}

static struct cJSON *filters(const struct monitor_options *options, const char *name)
{
	const char *fallback = name ? NAMESPACE_DEFAULT : NULL;
	const char *namespace = options->namespace ? options->namespace : fallback;
	struct cJSON *params = client_reference(NULL, namespace, name);

	bl_json_set_string(params, "endpoint", options->endpoint);
	bl_json_set_number(params, "sample", (double)options->sample);
	return params;
}

static int run(void *data, int n_args, char **args)
{
	static const struct bl_rpc_reply_ops ops = {.event = on_event, .done = on_done};
	const struct monitor_options *options = data;
	client_auto struct client client = CLIENT_INIT;
	struct bl_err err = BL_ERR_INIT;
	struct event_filter filter = filter_of(options);
	const char *name = NULL;
	int r;

	if (options->peer && event_filter_peer(options->peer, &filter, &err) < 0)
		return terminal_usage("monitor", "--peer: %s", err.message);
	if (options->port > 65535)
		return terminal_usage("monitor", "--port %ld: ports end at 65535", options->port);
	if ((n_args && kind_machine(args[0], &name, &err) < 0) ||
	    client_open(options->socket, &client, &err) < 0)
		return terminal_error(&err);

	struct monitor monitor = {
		.options = options,
		.filter = filter,
		.loop = client.loop,
		.colour = terminal_has_colour(STDOUT_FILENO),
	};

	bl_rpc_call(client.rpc, "monitor", filters(options, name), NULL, 0, 0, &ops, &monitor);
	r = bl_loop_run(client.loop);
	if (r < 0)
		bl_fail_errno(&err, r, "waiting for the agent");
	return r < 0 ? terminal_error(&err) : r;
}

const struct bl_verb verb_monitor = {
	.name = "monitor",
	.arguments = "[[TYPE/]NAME]",
	.summary = "Watch drops and sampled packets, with the reason for each verdict",
	.help = "A line per event: time, direction (--> to the VM, <-- from it), VM, protocol,\n"
		"source > destination with who they are, size, verdict, reason, and the rule that\n"
		"decided. The datapath reports events only while somebody listens, and so many of\n"
		"each VM; what is beyond that is counted and told as lost.\n"
		"\n"
		"Examples:\n"
		"  beeline monitor\n"
		"  beeline monitor vm-01 --sample 1\n"
		"  beeline monitor --verdict dropped --protocol tcp --port 22 --peer 192.0.2.0/24\n"
		"  beeline monitor --sample 100 --direction from-vm -o json\n"
		"  beeline monitor --verdict dropped --peer default/vm-02",
	.options = rows,
	.options_size = sizeof(struct monitor_options),
	.max_args = 1,
	.run = run,
};
