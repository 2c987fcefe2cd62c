// SPDX-License-Identifier: Apache-2.0
/*
 * beeline policy simulate: flows in, answers out.
 *
 *   manifests --manifest--> objects --simulation--> a cluster on paper
 *   flows     --flow------> struct bl_flow --ask--> answers --> table or JSON
 */
#include "policy_simulate.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>

#include "manifest.h"
#include "rows.h"
#include "simulation.h"
#include "table.h"
#include "terminal.h"
#include "verbs.h"

#define LINE_BYTES_MAX 8192
#define STDIN_NAME     "standard input"
#define ROWS_AT_ONCE   1000 /* of a table, before they are printed */

const struct bl_option policy_simulate_rows[] = {
	OPTION_FILES(struct policy_simulate_options,
		     "manifest, folder of manifests, or - for standard input; may be repeated"),
	OPTION_NAMESPACE_OF_MANIFESTS(struct policy_simulate_options),
	{.name = "flows",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct policy_simulate_options, flows),
	 .argument = "FILE",
	 .help = "the flows, or - for standard input (required)"},
	{.name = "engine",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct policy_simulate_options, engine),
	 .argument = "ENGINE",
	 .default_value = "compiled",
	 .choices = SIMULATION_ENGINES,
	 .help = "compiled: by the entries that the kernel would get; reference: slowly, rule by "
		 "rule, to check the other; kernel: by the BPF programs, as root"},
	OPTION_OUTPUT(struct policy_simulate_options, "json"),
	{0},
};

/* ---- flows in ----------------------------------------------------------------------------------- */

struct reader {
	FILE *file;
	const char *name;
	size_t number; /* of the line */
	char line[LINE_BYTES_MAX];
	size_t len;
};

static int fail_line(const struct reader *reader, const char *what, struct bl_err *err)
{
	return bl_fail(err, -EINVAL, "%s: line %zu: %s", reader->name, reader->number, what);
}

/* Whether there is one more line. */
static int read_line(struct reader *reader, bool *ret_more, struct bl_err *err)
{
	int c;

	reader->number++;
	reader->len = 0;
	while ((c = getc_unlocked(reader->file)) != EOF && c != '\n') {
		if (reader->len + 1 == LINE_BYTES_MAX)
			return fail_line(reader, "too long for a flow", err);
		reader->line[reader->len++] = (char)c;
	}
	if (ferror(reader->file))
		return bl_fail_errno(err, -errno, "%s", reader->name);
	reader->line[reader->len] = '\0';
	*ret_more = c != EOF || reader->len > 0;
	return 0;
}

static bool is_blank(const struct reader *reader)
{
	return strspn(reader->line, " \t\r") == reader->len;
}

static int read_flow(const struct reader *reader, struct bl_flow *ret_flow, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;

	if (bl_json_parse(reader->line, reader->len, &json, err) < 0 ||
	    bl_flow_decode(json, ret_flow, err) < 0)
		return bl_wrap(err, "%s: line %zu", reader->name, reader->number);
	return 0;
}

/* ---- answers out -------------------------------------------------------------------------------- */

static void print_json(const struct bl_flow_answer *answer, FILE *file)
{
	const struct bl_flow_end *egress = &answer->ends[BL_EGRESS];
	const struct bl_flow_end *ingress = &answer->ends[BL_INGRESS];
	bl_auto_json struct cJSON *json = bl_json_object();
	bl_autofree char *text = NULL;

	bl_json_set_string(json, "egress", bl_flow_verdict_name(egress->verdict));
	bl_json_set_string(json, "ingress", bl_flow_verdict_name(ingress->verdict));
	bl_json_set_string(json, "verdict", bl_flow_verdict_name(bl_flow_verdict(answer)));
	bl_json_set_string(json, "egressRule", egress->rule);
	bl_json_set_string(json, "ingressRule", ingress->rule);
	text = bl_json_print(json);
	fprintf(file, "%s\n", text);
}

/* "80/TCP", "ICMP type 8", "protocol 47" */
static char *service_of(const struct bl_flow *flow)
{
	switch (flow->protocol) {
	case IPPROTO_TCP:
		return bl_format("%u/TCP", flow->port);
	case IPPROTO_UDP:
		return bl_format("%u/UDP", flow->port);
	case IPPROTO_SCTP:
		return bl_format("%u/SCTP", flow->port);
	case IPPROTO_ICMP:
		return bl_format("ICMP type %u", flow->port);
	case IPPROTO_ICMPV6:
		return bl_format("ICMPv6 type %u", flow->port);
	default:
		return bl_format("protocol %u", flow->protocol);
	}
}

/* The rules of the ends that had something to say. */
static char *reason_of(const struct bl_flow_answer *answer)
{
	const struct bl_flow_end *egress = &answer->ends[BL_EGRESS];
	const struct bl_flow_end *ingress = &answer->ends[BL_INGRESS];
	bool by_egress = egress->verdict != BL_FLOW_UNENFORCED;
	bool by_ingress = ingress->verdict != BL_FLOW_UNENFORCED;

	if (!by_egress && !by_ingress)
		return bl_strdup("-");
	return bl_format("%s%s%s%s%s", by_egress ? "egress: " : "", by_egress ? egress->rule : "",
			 by_egress && by_ingress ? "; " : "", by_ingress ? "ingress: " : "",
			 by_ingress ? ingress->rule : "");
}

static void add_row(struct table *table, const struct bl_flow *flow,
		    const struct bl_flow_answer *answer)
{
	bl_autofree char *service = service_of(flow);
	bl_autofree char *reason = reason_of(answer);
	const char *const cells[] = {
		flow->src,
		flow->dst,
		service,
		bl_flow_verdict_name(answer->ends[BL_EGRESS].verdict),
		bl_flow_verdict_name(answer->ends[BL_INGRESS].verdict),
		bl_flow_verdict_name(bl_flow_verdict(answer)),
		reason,
	};

	table_row(table, cells);
	if (table->n_rows == ROWS_AT_ONCE)
		table_flush(table, stdout);
}

static void add_columns(struct table *table)
{
	static const char *const headers[] = {"FROM",    "TO",      "PORT", "EGRESS",
					      "INGRESS", "VERDICT", "RULE"};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		table_column(table, headers[i]);
}

/* ---- one by the other --------------------------------------------------------------------------- */

static int answer_line(const struct simulation *simulation, const struct reader *reader,
		       struct table *table, struct bl_err *err)
{
	bl_auto_flow struct bl_flow flow = BL_FLOW_INIT;
	bl_auto_flow_answer struct bl_flow_answer answer = BL_FLOW_ANSWER_INIT;
	int r = read_flow(reader, &flow, err);

	if (r < 0)
		return r;
	r = simulation_ask(simulation, &flow, &answer, err);
	if (r < 0)
		return bl_wrap(err, "%s: line %zu", reader->name, reader->number);
	if (table)
		add_row(table, &flow, &answer);
	else
		print_json(&answer, stdout);
	return 0;
}

static int answer_all(const struct simulation *simulation, struct reader *reader,
		      struct table *table, struct bl_err *err)
{
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		r = read_line(reader, &more, err);
		if (r == 0 && more && !is_blank(reader))
			r = answer_line(simulation, reader, table, err);
	}
	return r;
}

static int answer_flows(const struct policy_simulate_options *options,
			const struct simulation *simulation, FILE *file, struct bl_err *err)
{
	bl_autofree struct reader *reader = bl_alloc(sizeof(*reader));
	table_auto struct table table = {0};
	int r;

	reader->file = file;
	reader->name = file == stdin ? STDIN_NAME : options->flows;
	add_columns(&table);
	r = answer_all(simulation, reader, options->output ? NULL : &table, err);
	table_flush(&table, stdout);
	if ((fflush(stdout) != 0 || ferror(stdout)) && r == 0)
		r = bl_fail_errno(err, -errno, "standard output");
	return r;
}

static int simulate(const struct policy_simulate_options *options, struct bl_err *err)
{
	bool from_stdin = strcmp(options->flows, "-") == 0;
	manifests_auto struct manifests manifests = {0};
	simulation_auto struct simulation simulation = SIMULATION_INIT;
	FILE *file;
	int r;

	r = manifests_read(options->files.items, options->files.n_items, options->namespace,
			   MANIFEST_KEPT, &manifests, err);
	if (r == 0)
		r = simulation_init(&manifests, simulation_engine(options->engine), &simulation,
				    err);
	if (r < 0)
		return r;
	file = from_stdin ? stdin : fopen(options->flows, "re");
	if (!file)
		return bl_fail_errno(err, -errno, "%s", options->flows);
	r = answer_flows(options, &simulation, file, err);
	if (!from_stdin)
		fclose(file);
	return r;
}

static bool wants_stdin_twice(const struct policy_simulate_options *options)
{
	for (size_t i = 0; i < options->files.n_items; i++)
		if (strcmp(options->files.items[i], "-") == 0)
			return strcmp(options->flows, "-") == 0;
	return false;
}

int policy_simulate_run(void *data, int n_args, char **args)
{
	const struct policy_simulate_options *options = data;
	struct bl_err err = BL_ERR_INIT;

	if (options->files.n_items == 0)
		return terminal_usage("policy simulate", "-f FILE is required");
	if (!options->flows)
		return terminal_usage("policy simulate", "--flows FILE is required");
	if (wants_stdin_twice(options))
		return terminal_usage("policy simulate",
				      "standard input cannot be both objects and flows");
	return simulate(options, &err) < 0 ? terminal_error(&err) : 0;
}
