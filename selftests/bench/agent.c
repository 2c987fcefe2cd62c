// SPDX-License-Identifier: Apache-2.0
/* The agent as a child and as a peer; see agent.h. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "../../agent/cli/client.h"

#define START_MS   60000
#define STOP_MS    20000
#define LOG_MAX    (1024 * 1024)
#define GUEST_MAC  "02:be:00:00:00:04" /* masquerade's; a pod's guest has the pod's */
#define MASQUERADE "masquerade"

struct agent {
	struct client client;
	pid_t pid;
};

/* ---- the child ---- */

static char *path_in(const struct place *place, const char *name)
{
	return bl_format("%s/%s", place->dir, name);
}

/* In the child. It ends with us, and a ^C at the terminal is not meant for it. */
static void exec_agent(const char *program, const struct place *place, int log_fd)
{
	char *socket = path_in(place, "agent.sock"), *state = path_in(place, "state");
	char *run = path_in(place, "run");
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	execl(program, program, "--socket", socket, "--state-dir", state, "--run-dir", run,
	      "--bpffs", place->bpffs, NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Its log says ready when the socket answers. Waits for the log to grow, or for the child's end. */
static int wait_ready(const char *log_path, int watch_fd, int pid_fd, struct bl_err *err)
{
	struct pollfd fds[] = {{.fd = watch_fd, .events = POLLIN},
			       {.fd = pid_fd, .events = POLLIN}};
	char events[4096];

	for (;;) {
		bl_autofree char *log = NULL;
		int r = poll(fds, 2, START_MS), read_r;

		read_r = bl_file_read(log_path, LOG_MAX, &log, NULL, err);
		if (read_r < 0)
			return read_r;
		if (strstr(log, "msg=ready"))
			return 0;
		if (r <= 0 || fds[1].revents)
			return bl_fail(err, -ETIMEDOUT, "the agent did not start: %s", log);
		if (read(watch_fd, events, sizeof(events)) < 0)
			return bl_fail_errno(err, -errno, "watching %s", log_path);
	}
}

int agent_start(const char *program, const struct place *place, pid_t *ret_pid, struct bl_err *err)
{
	bl_autofree char *log_path = path_in(place, "agent.log");
	bl_autoclose int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bl_autoclose int watch_fd = inotify_init1(IN_CLOEXEC);
	bl_autoclose int pid_fd = -1;
	pid_t pid;
	int r;

	if (log_fd < 0 || watch_fd < 0 || inotify_add_watch(watch_fd, log_path, IN_MODIFY) < 0)
		return bl_fail_errno(err, -errno, "making %s", log_path);
	pid = fork();
	if (pid < 0)
		return bl_fail_errno(err, -errno, "forking");
	if (pid == 0)
		exec_agent(program, place, log_fd);
	pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = wait_ready(log_path, watch_fd, pid_fd, err);
	if (r < 0)
		agent_stop(pid);
	else
		*ret_pid = pid;
	return r;
}

void agent_stop(pid_t pid)
{
	bl_autoclose int pid_fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd fd = {.fd = pid_fd, .events = POLLIN};

	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	if (poll(&fd, 1, STOP_MS) <= 0)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- the peer ---- */

int agent_connect(const struct place *place, pid_t pid, struct agent **ret_agent,
		  struct bl_err *err)
{
	bl_autofree char *socket = path_in(place, "agent.sock");
	bl_autofree struct agent *agent = bl_alloc(sizeof(*agent));
	int r = client_open(socket, &agent->client, err);

	agent->pid = pid;
	if (r == 0)
		*ret_agent = bl_take_ptr(agent);
	return r;
}

static int timed_call(struct agent *agent, const struct client_call *call, uint64_t *ret_ns,
		      struct bl_err *err)
{
	uint64_t start = bl_now_ns();
	int r = client_call(&agent->client, call, NULL, NULL, err);

	if (ret_ns)
		*ret_ns = bl_now_ns() - start;
	return r;
}

int agent_attach(struct agent *agent, const struct agent_endpoint *endpoint, uint64_t *ret_ns,
		 struct bl_err *err)
{
	struct client_call call = {.method = "endpoint-add", .fd = endpoint->netns_fd};
	bl_autofree char *netns = bl_format("/run/netns/%s", endpoint->name);

	call.params = bl_json_object();
	bl_json_set_string(call.params, "name", endpoint->name);
	bl_json_set_string(call.params, "netns", netns);
	bl_json_set_string(call.params, "uplink", "eth0");
	bl_json_set_string(call.params, "tap", "tap0");
	bl_json_set_string(call.params, "binding", endpoint->binding);
	bl_json_set_string(call.params, "namespace", endpoint->namespace);
	if (endpoint->labels)
		bl_json_set(call.params, "labels", endpoint->labels);
	if (strcmp(endpoint->binding, MASQUERADE) == 0)
		bl_json_set_string(call.params, "mac", GUEST_MAC);
	return timed_call(agent, &call, ret_ns, err);
}

int agent_apply(struct agent *agent, struct cJSON *objects, uint64_t *ret_ns, struct bl_err *err)
{
	struct client_call call = {.method = "apply", .fd = -1, .params = bl_json_object()};

	bl_json_set(call.params, "objects", objects);
	return timed_call(agent, &call, ret_ns, err);
}

int agent_detach(struct agent *agent, const char *name, struct bl_err *err)
{
	return client_ask(&agent->client, "endpoint-delete", client_reference(NULL, NULL, name),
			  NULL, err);
}

int agent_cpu(const struct agent *agent, uint64_t *ret_ns, struct bl_err *err)
{
	struct timespec now;
	clockid_t clock;
	int r = clock_getcpuclockid(agent->pid, &clock);

	if (r == 0 && clock_gettime(clock, &now) < 0)
		r = errno;
	if (r != 0)
		return bl_fail_errno(err, -r, "reading the agent's CPU time");
	*ret_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return 0;
}

int agent_resident(const struct agent *agent, uint64_t *ret_bytes, struct bl_err *err)
{
	bl_autofree char *path = bl_format("/proc/%d/status", agent->pid);
	bl_autofree char *text = NULL;
	const char *line;
	int r = bl_file_read(path, 65536, &text, NULL, err);

	if (r < 0)
		return r;
	line = strstr(text, "VmRSS:");
	if (!line)
		return bl_fail(err, -ENOENT, "%s has no VmRSS", path);
	*ret_bytes = strtoull(line + strlen("VmRSS:"), NULL, 10) * 1024;
	return 0;
}
