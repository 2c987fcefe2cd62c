/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beeline capture: the packets of one VM as pcapng.
 *
 *   agent --messages--> one packet a CPU, until its verdict is there --filter--> pcapng.c
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/abi.h>
#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/version.h>

#include "capture_comment.h"
#include "capture_names.h"
#include "client.h"
#include "event_line.h"
#include "items.h"
#include "kind.h"
#include "pcapng.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

#define CPUS_MAX 4096
#define TURN     64 /* messages, before the loop looks at signals again */

struct capture_options {
	const char *socket;
	const char *namespace;
	const char *write;
	long count;
	long snaplen;
};

static const struct bl_option rows[] = {
	{.name = "write",
	 .letter = 'w',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct capture_options, write),
	 .argument = "FILE",
	 .help = "where the packets go; \"-\", as without: standard output"},
	{.name = "count",
	 .letter = 'c',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct capture_options, count),
	 .argument = "N",
	 .default_value = "0",
	 .help = "leave after N packets; 0: go on until interrupted"},
	{.name = "snaplen",
	 .letter = 's',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct capture_options, snaplen),
	 .argument = "BYTES",
	 .default_value = "65536",
	 .min = 1,
	 .help = "at most so many bytes of each packet"},
	OPTION_NAMESPACE(struct capture_options),
	OPTION_SOCKET(struct capture_options),
	{0},
};

/* A packet from the VM whose verdict is still to come. */
struct pending {
	uint8_t *bytes; /* owned; NULL: there is none */
	char *rule; /* owned; that decides on what comes next from this CPU; NULL: none is known */
	struct bl_capture head;
};

struct capture {
	const struct capture_options *options;
	struct bl_loop *loop;
	struct bl_io io;
	struct bpf_program filter;
	FILE *file;
	struct pending *pending; /* one a CPU */
	struct capture_names names;
	uint64_t n_lost, last_ns;
	long n_written;
	bool complete; /* count is reached */
};

/* Leaves no comment: the best that can be said of a packet without a verdict. */
static const struct capture_outcome unknown = {.reason = BL_REASON_FORWARDED};

/* Nothing more is to come: the agent hands over what it has and ends the stream. */
static void finish(struct capture *capture)
{
	shutdown(capture->io.fd, SHUT_WR);
}

static void write_packet(struct capture *capture, const struct bl_capture *head,
			 const uint8_t *bytes, const struct capture_outcome *outcome)
{
	bl_autofree char *comment = capture_comment(outcome);
	struct pcapng_packet packet = {
		.time_ns = head->time_ns,
		.len = head->len,
		.captured = head->captured,
		.bytes = bytes,
		.inbound = head->kind == BL_CAPTURE_TO_VM,
		.comment = comment,
	};

	if (capture->complete)
		return;
	capture_names_tell(&capture->names, bytes, head->captured, capture->file);
	pcapng_packet(capture->file, &packet);
	capture->last_ns = head->time_ns;
	capture->complete = ++capture->n_written == capture->options->count;
	if (fflush(capture->file) != 0 || capture->complete) {
		capture->complete = true;
		finish(capture);
	}
}

static bool is_wanted(const struct capture *capture, const struct bl_capture *head,
		      const uint8_t *bytes)
{
	const struct pcap_pkthdr header = {.caplen = head->captured, .len = head->len};

	return pcap_offline_filter(&capture->filter, &header, bytes) != 0;
}

/* Writes the packet that waits, if there is one: its verdict has come, or was lost. */
static void settle(struct capture *capture, struct pending *pending,
		   const struct capture_outcome *outcome)
{
	bl_autofree uint8_t *bytes = bl_take_ptr(pending->bytes);

	if (bytes)
		write_packet(capture, &pending->head, bytes, outcome);
}

static void take_rule(struct pending *pending, const struct bl_capture *head, const uint8_t *bytes)
{
	bl_autofree char *text = bl_format("%.*s", (int)head->captured, (const char *)bytes);

	free(pending->rule);
	pending->rule = text_clean(text);
}

static void take_message(struct capture *capture, const struct bl_capture *head,
			 const uint8_t *bytes)
{
	struct pending *pending = &capture->pending[head->cpu % CPUS_MAX];

	if (head->lost > capture->n_lost)
		capture->n_lost = head->lost;
	if (head->kind == BL_CAPTURE_END)
		return;
	if (head->kind == BL_CAPTURE_RULE) {
		take_rule(pending, head, bytes);
		return;
	}

	bl_autofree char *rule = bl_take_ptr(pending->rule);
	const struct capture_outcome outcome = {head->reason, head->cookie, rule};

	settle(capture, pending, head->kind == BL_CAPTURE_VERDICT ? &outcome : &unknown);
	if (head->kind == BL_CAPTURE_VERDICT || !is_wanted(capture, head, bytes))
		return;
	if (head->kind == BL_CAPTURE_TO_VM) {
		write_packet(capture, head, bytes, &outcome);
		return;
	}
	pending->head = *head;
	pending->bytes = bl_alloc(head->captured + 1u);
	memcpy(pending->bytes, bytes, head->captured);
}

static void on_message(struct bl_io *io, uint32_t events)
{
	static _Alignas(struct bl_capture)
		uint8_t buffer[sizeof(struct bl_capture) + BL_CAPTURE_BYTES_MAX];
	const struct bl_capture *head = (const struct bl_capture *)buffer;
	struct capture *capture = io->data;

	for (int i = 0; i < TURN; i++) {
		ssize_t n = recv(io->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			bl_loop_exit(capture->loop, 0);
			return;
		}
		if ((size_t)n >= sizeof(*head) && head->captured <= (size_t)n - sizeof(*head))
			take_message(capture, head, buffer + sizeof(*head));
	}
}

static void on_signal(int signo, void *data)
{
	finish(data);
}

/* The rest of the line is one expression, as tcpdump has it. */
static int compile(struct capture *capture, char **words, struct bl_err *err)
{
	bl_autofree char *text = bl_strdup("");
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, BL_CAPTURE_BYTES_MAX);
	int r = 0;

	for (; *words; words++) {
		char *longer = bl_format("%s%s%s", text, *text ? " " : "", *words);

		free(text);
		text = longer;
	}
	if (pcap_compile(dead, &capture->filter, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		r = bl_fail(err, -EINVAL, "filter: %s", pcap_geterr(dead));
	pcap_close(dead);
	return r;
}

static int open_output(const struct capture_options *options, FILE **ret_file, struct bl_err *err)
{
	bool is_stdout = !options->write || strcmp(options->write, "-") == 0;
	FILE *file = is_stdout ? stdout : fopen(options->write, "we");

	if (!file)
		return bl_fail_errno(err, -errno, "opening '%s'", options->write);
	*ret_file = file;
	return 0;
}

static struct cJSON *params_of(const struct capture_options *options, const char *arg,
			       const char *machine)
{
	struct cJSON *params = client_reference(NULL, options->namespace, machine);

	if (machine == arg) /* "vm/a" is no endpoint's name */
		bl_json_set_string(params, "endpoint", arg);
	bl_json_set_number(params, "snaplen", (double)options->snaplen);
	return params;
}

/* Names are an extra: where no policy is enforced nobody has any. */
static void read_names(struct capture *capture, struct client *client)
{
	bl_auto_json struct cJSON *items = NULL;

	if (items_ask(client, "ipcache-list", bl_json_object(), &items, NULL, NULL) == 0)
		capture_names_read(items, &capture->names);
}

static void begin(const struct capture *capture, const struct cJSON *endpoint)
{
	const char *name = bl_json_get_string(endpoint, "name");
	const char *tap = bl_json_get_string(endpoint, "tap");
	const char *mac = bl_json_get_string(endpoint, "mac");
	bl_autofree char *vm = event_line_endpoint(name ? name : "");
	bl_autofree char *description = bl_format("%s, endpoint %s", vm, name ? name : "?");
	struct pcapng_interface interface = {
		.name = tap ? tap : "tap0",
		.description = description,
		.program = "beeline " BL_VERSION,
		.snaplen = (uint32_t)capture->options->snaplen,
	};

	if (mac)
		bl_mac_parse(mac, interface.mac, NULL);
	pcapng_begin(capture->file, &interface);
	fflush(capture->file);
	fprintf(stderr, "capturing %s, Ctrl-C ends\n", vm);
}

static int end(struct capture *capture, struct bl_err *err)
{
	for (int i = 0; i < CPUS_MAX; i++) {
		settle(capture, &capture->pending[i], &unknown);
		free(capture->pending[i].rule);
	}
	pcapng_end(capture->file, capture->last_ns, (uint64_t)capture->n_written, capture->n_lost);
	fprintf(stderr, "%ld packets captured, %llu lost\n", capture->n_written,
		(unsigned long long)capture->n_lost);
	if ((fflush(capture->file) != 0 || ferror(capture->file)) && errno != EPIPE)
		return bl_fail_errno(err, -errno, "writing the packets");
	return 0;
}

static int capture_run(struct capture *capture, struct client *client, struct cJSON *params,
		       struct bl_err *err)
{
	const struct client_call call = {.method = "capture", .params = params, .fd = -1};
	bl_auto_json struct cJSON *result = NULL;
	bl_autoclose int fd = -1;
	int r = client_call(client, &call, &result, &fd, err);

	if (r == 0)
		r = open_output(capture->options, &capture->file, err);
	if (r < 0)
		return r;
	begin(capture, bl_json_get(result, "endpoint"));
	r = bl_io_add(capture->loop, &capture->io, fd, EPOLLIN, on_message, capture, err);
	if (r == 0)
		r = bl_signal_add(capture->loop, SIGINT, on_signal, capture, err);
	if (r == 0)
		r = bl_signal_add(capture->loop, SIGTERM, on_signal, capture, err);
	if (r == 0)
		r = bl_loop_run(capture->loop);
	bl_io_remove(&capture->io);
	return r < 0 ? r : end(capture, err);
}

static int run(void *data, int n_args, char **args)
{
	const struct capture_options *options = data;
	client_auto struct client client = CLIENT_INIT;
	struct capture capture = {.options = options};
	struct bl_err err = BL_ERR_INIT;
	const char *machine = NULL;
	int r;

	if (options->snaplen > BL_CAPTURE_BYTES_MAX)
		return terminal_usage("capture", "--snaplen %ld: at most %d", options->snaplen,
				      BL_CAPTURE_BYTES_MAX);
	if (!options->write && isatty(STDOUT_FILENO))
		return terminal_usage("capture",
				      "a terminal shows no packets: -w FILE, or a pipe to tshark");
	signal(SIGPIPE, SIG_IGN); /* a reader that closes ends the capture, and no more */
	if (compile(&capture, args + 1, &err) < 0)
		return terminal_error(&err);
	r = kind_machine(args[0], &machine, &err);
	if (r == 0)
		r = client_open(options->socket, &client, &err);
	if (r == 0) {
		capture.loop = client.loop;
		capture.pending = bl_alloc(CPUS_MAX * sizeof(*capture.pending));
		read_names(&capture, &client);
		r = capture_run(&capture, &client, params_of(options, args[0], machine), &err);
		free(capture.pending);
		capture_names_clear(&capture.names);
	}
	pcap_freecode(&capture.filter);
	return r < 0 ? terminal_error(&err) : 0;
}

const struct bl_verb verb_capture = {
	.name = "capture",
	.arguments = "[vm/]NAME [FILTER...]",
	.summary = "Capture the packets of one VM as pcapng, those that were dropped included",
	.help = "NAME is an endpoint's (see `beeline endpoint list`) or a machine's. What the VM "
		"sends\n"
		"is shown as it sent it, what it gets as it got it; a packet that was dropped, or\n"
		"answered for the network, says so in its comment, as one does that policy judged\n"
		"with its rule. The file names the VMs, pods and nodes that its packets are of, as "
		"they\n"
		"were when the capture began: `tshark -N n` shows the names.\n"
		"\n"
		"FILTER is pcap-filter(7)'s language, looked at here and not in the datapath. Put\n"
		"\"--\" before a filter that begins with \"-\". Other VMs' packets are not "
		"touched.\n"
		"\n"
		"Examples:\n"
		"  beeline capture vm-01 -w vm-01.pcapng\n"
		"  beeline capture vm-01 -w - tcp port 80 | tshark -r -\n"
		"  beeline capture vm-01 -c 100 --snaplen 128 -w - 'icmp or icmp6' | tcpdump -nr -",
	.options = rows,
	.options_size = sizeof(struct capture_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
