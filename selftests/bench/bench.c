// SPDX-License-Identifier: Apache-2.0
/*
 * What the eBPF line costs, against what it replaces, in one run on one machine.
 *
 * Two processes: one that starts the agent, waits, and takes everything away however the other ends;
 * and one that measures. Of a run that was killed itself, the next one removes what is left.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/option.h>

#include "edge.h"
#include "policies.h"
#include "report.h"
#include "simulate.h"
#include "table.h"

struct bench_options {
	const char *agent, *command, *json;
	uint64_t measure_ns;
	bool quick;
};

#define QUICK_REPS   2
#define QUICK_BURSTS 3
#define FULL_BURSTS  9

/* ---- what is measured where ---- */

static struct cJSON *machine_json(void)
{
	struct cJSON *machine = bl_json_object();
	bl_autofree char *cpuinfo = NULL;
	struct utsname system;
	char *line;

	uname(&system);
	bl_json_set_string(machine, "kernel", system.release);
	bl_json_set_string(machine, "architecture", system.machine);
	bl_json_set_number(machine, "cpus", (double)sysconf(_SC_NPROCESSORS_ONLN));
	if (bl_file_read("/proc/cpuinfo", 1 << 20, &cpuinfo, NULL, NULL) < 0 ||
	    !(line = strstr(cpuinfo, "model name")) || !(line = strchr(line, ':')))
		return machine;
	line += 2;
	line[strcspn(line, "\n")] = '\0';
	bl_json_set_string(machine, "cpu", line);
	return machine;
}

static int write_json(const char *path, const struct cJSON *report, struct bl_err *err)
{
	bl_autofree char *text = bl_json_print_pretty(report);
	bl_autofree char *line = bl_format("%s\n", text);

	return bl_file_write(path, line, strlen(line), 0644, err);
}

/* ---- the measuring process ---- */

static int measure_lanes(const struct bench_options *options, const struct place *place,
			 struct agent *agent, struct costs *costs, struct bl_err *err)
{
	static struct lane lanes[LANES];
	const struct measure_spec spec = {
		.reps = options->quick ? QUICK_REPS : REPS_MAX,
		.bursts = options->quick ? QUICK_BURSTS : FULL_BURSTS,
		.limit_ns = options->quick ? 0 : options->measure_ns,
	};
	bl_autoclose int host_fd = -1;
	char host[PLACE_NAME_MAX];
	int r;

	place_name(place, "host", -1, host);
	r = place_netns(host, &host_fd, err);
	if (r == 0)
		r = edge_apply(agent, err);
	for (unsigned int i = 0; i < LANES && r == 0; i++)
		r = lane_open(&lanes[i], &variants[i], place, agent, host_fd, i, err);
	if (r == 0) {
		printf("measuring %d lanes in turn\n", LANES);
		fflush(stdout);
		r = measure(lanes, &spec, costs, err);
	}
	for (unsigned int i = 0; i < LANES && r == 0; i++)
		if (variants[i].binding)
			r = agent_detach(agent, lanes[i].name, err);
	return r;
}

static int work(const struct bench_options *options, const struct place *place, pid_t agent_pid,
		struct bl_err *err)
{
	struct scale_step steps[SCALE_STEPS] = {0};
	struct policies_cost policies = {0};
	double flows_per_s = 0;
	unsigned int n_steps = options->quick ? 2 : SCALE_STEPS;
	bl_autofree struct costs *costs = bl_alloc(sizeof(*costs));
	bl_auto_json struct cJSON *report = NULL;
	struct agent *agent;
	int r = agent_connect(place, agent_pid, &agent, err);

	if (r == 0)
		r = measure_lanes(options, place, agent, costs, err);
	if (r == 0)
		r = scale(place, agent, n_steps, steps, err);
	if (r == 0)
		r = policies_measure(agent, steps[n_steps - 1].n, &policies, err);
	if (r == 0)
		r = simulate_measure(options->command, place, &flows_per_s, err);
	if (r < 0)
		return r;
	report = report_json(costs, steps, &policies, flows_per_s, machine_json());
	r = write_json(options->json, report, err);
	if (options->quick)
		return r;
	table_print_costs(costs, stdout);
	printf("\n");
	table_print(report, stdout);
	printf("\n");
	table_print_targets(report, stdout);
	printf("\n%u repetitions; %s\n", costs->n_reps, options->json);
	return r;
}

/* ---- the supervising process ---- */

static pid_t start_worker(const struct bench_options *options, const struct place *place,
			  pid_t agent_pid)
{
	struct bl_err err = BL_ERR_INIT;
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (work(options, place, agent_pid, &err) == 0)
		exit(0);
	bl_error("measuring failed", "error", err.message);
	exit(1);
}

/* Until the worker ends; a signal to us ends it. Returns our exit code. */
static int wait_worker(pid_t pid, const sigset_t *signals)
{
	int status, signo, got = 0;

	for (;;) {
		signo = sigwaitinfo(signals, NULL);
		if (signo == SIGCHLD && waitpid(pid, &status, WNOHANG) == pid)
			break;
		if (signo == SIGINT || signo == SIGTERM) {
			got = signo;
			kill(pid, SIGTERM);
		}
	}
	if (got)
		return 128 + got;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int supervise(const struct bench_options *options, struct bl_err *err)
{
	struct place place = place_of(getpid());
	pid_t agent_pid = 0, worker;
	sigset_t signals;
	int code = 1, r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = place_clear_dead(err);
	if (r == 0)
		r = place_make(&place, err);
	if (r == 0)
		r = agent_start(options->agent, &place, &agent_pid, err);
	if (r == 0) {
		worker = start_worker(options, &place, agent_pid);
		code = worker > 0 ? wait_worker(worker, &signals) : 1;
	}
	agent_stop(agent_pid);
	if (r < 0)
		place_clear(&place, NULL);
	else
		r = place_clear(&place, err);
	return r < 0 ? r : code;
}

#define OPTION(member) .offset = offsetof(struct bench_options, member)
static const struct bl_option rows[] = {
	{.name = "agent",
	 .type = BL_OPTION_STRING,
	 OPTION(agent),
	 .argument = "PROGRAM",
	 .default_value = "build/beeline-agent",
	 .help = "the agent that attaches the line"},
	{.name = "command",
	 .type = BL_OPTION_STRING,
	 OPTION(command),
	 .argument = "PROGRAM",
	 .default_value = "build/beeline",
	 .help = "the command that simulates flows"},
	{.name = "json",
	 .type = BL_OPTION_STRING,
	 OPTION(json),
	 .argument = "FILE",
	 .default_value = "build/bench.json",
	 .help = "where the rows are written"},
	{.name = "measure",
	 .type = BL_OPTION_DURATION,
	 OPTION(measure_ns),
	 .argument = "TIME",
	 .default_value = "120s",
	 .help = "how long lanes are visited in turn"},
	{.name = "quick",
	 .type = BL_OPTION_FLAG,
	 OPTION(quick),
	 .help = "show only that it runs: few repetitions, at most 100 endpoints, no tables"},
	{0},
};

static int run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;
	int r = supervise(data, &err);

	if (r < 0)
		bl_error("the benchmark failed", "error", err.message);
	return r < 0 ? 1 : r;
}

int main(int argc, char **argv)
{
	static const struct bl_verb verbs[] = {
		{.name = "",
		 .summary = "",
		 .options = rows,
		 .options_size = sizeof(struct bench_options),
		 .run = run},
		{0},
	};

	return bl_verbs_main("bench", "Measure the eBPF line against bridge, NAT and tc mirred",
			     verbs, argc, argv);
}
