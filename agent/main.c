// SPDX-License-Identifier: Apache-2.0
/*
 * beeline-agent: puts the rooms together and runs the loop. What it starts outlives it: VMs, their
 * namespaces and their packets go on when it ends, however it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/loop.h>
#include <beeline/version.h>

#include "agent.h"
#include "api.h"
#include "datapath.h"
#include "endpoint.h"
#include "image.h"
#include "kinds.h"
#include "metrics.h"
#include "objects.h"
#include "policy.h"
#include "sandbox.h"
#include "source.h"
#include "vmis.h"
#include "vms.h"

static void signalled(int signo, void *data)
{
	struct agent *agent = data;

	bl_info("ending; the VMs go on", "signal", strsignal(signo));
	bl_loop_exit(agent->loop, 0);
}

static void endpoint_changed(const char *name, void *data)
{
	struct agent *agent = data;

	if (agent->vmis)
		vmis_endpoint_changed(agent->vmis, name);
}

/* What this machine can do for guests. */
static void look_at_machine(struct agent *agent)
{
	int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);

	agent->vhost_net = fd >= 0;
	if (fd >= 0)
		close(fd);
	if (gethostname(agent->node_name, sizeof(agent->node_name) - 1) < 0)
		snprintf(agent->node_name, sizeof(agent->node_name), "localhost");
}

static void warn_of_missing(const struct config *config)
{
	char *sentences[CONFIG_MISSING_MAX];
	size_t n = config_missing(config, sentences);

	for (size_t i = 0; i < n; i++) {
		bl_warn(sentences[i]);
		free(sentences[i]);
	}
}

static int open_stores(struct agent *agent, struct bl_err *err)
{
	const struct config *config = &agent->config;
	int r;

	r = config_check(config, err);
	if (r < 0)
		return r;
	warn_of_missing(config);
	r = config_lock(config, agent->lock_fds, err);
	if (r == 0)
		r = config_vm_uid(config, &agent->vm_uid, err);
	if (r == 0)
		r = config_launcher(config, &agent->launcher, err);
	if (r == 0)
		r = objects_new(config->state_dir, kinds_rests, &agent->objects, err);
	if (r == 0)
		r = images_new(agent->loop, config->state_dir, agent->vm_uid, &agent->images, err);
	return r;
}

/* Policy takes in the store, then the endpoints of before, and then the kernel follows. */
static int open_endpoints(struct agent *agent, struct bl_err *err)
{
	const struct policy_config config = {
		.loop = agent->loop,
		.datapath = agent->datapath,
		.objects = agent->objects,
		.state_dir = agent->config.state_dir,
		.node_name = agent->node_name,
		.mode = policy_mode(agent->config.policy),
	};
	struct endpoint_gate gate = {0};
	int r;

	r = policy_new(&config, &agent->policy, err);
	if (r == 0 && policy_is_enforced(agent->policy))
		gate = policy_gate(agent->policy);
	if (r == 0)
		r = endpoints_new(agent->loop, agent->datapath, config.state_dir, &gate,
				  endpoint_changed, agent, &agent->endpoints, err);
	if (r == 0) {
		const struct endpoint_names names = policy_names(agent->policy);

		endpoints_set_names(agent->endpoints, &names);
		policy_start(agent->policy);
	}
	return r;
}

static int open_node(struct agent *agent, struct bl_err *err)
{
	const struct config *config = &agent->config;
	const struct sandbox_config sandbox = {
		.run_dir = config->run_dir,
		.state_dir = config->state_dir,
		.cni_conf = config->cni_conf,
		.cni_bin_dir = config->cni_bin_dir,
		.launcher = agent->launcher,
		.runtime = config->runtime,
		.host_disk_dir = config->host_disk_dir,
		.vm_uid = agent->vm_uid,
	};
	int r;

	r = datapath_open(config->bpffs, datapath_mode_of(config->attach), &agent->datapath, err);
	if (r == 0)
		r = open_endpoints(agent, err);
	if (r == 0)
		r = sandboxes_new(agent->loop, &sandbox, &agent->sandboxes, err);
	return r;
}

/* Some VM may wait for an image. */
static void images_changed(void *data)
{
	const struct agent *agent = data;

	vmis_look_all(agent->vmis);
}

static int start_metrics(struct agent *agent, struct bl_err *err)
{
	const struct metrics_config config = {
		.loop = agent->loop,
		.address = agent->config.metrics_address,
		.node = agent->node_name,
		.endpoints = agent->endpoints,
		.policy = agent->policy,
		.ready = &agent->ready,
	};

	return metrics_new(&config, &agent->metrics, err);
}

static int start_work(struct agent *agent, struct bl_err *err)
{
	const struct vmis_config config = {
		.loop = agent->loop,
		.source = agent->source = source_files_new(agent->objects),
		.sandboxes = agent->sandboxes,
		.endpoints = agent->endpoints,
		.images = agent->images,
		.vm_uid = agent->vm_uid,
		.vhost_net = agent->vhost_net,
		.host_disk_dir = agent->config.host_disk_dir,
		.node_name = agent->node_name,
	};

	agent->vmis = vmis_new(&config);
	images_on_change(agent->images, images_changed, agent);
	agent->vms = vms_new(agent->loop, agent->objects);
	return api_new(agent, &agent->api, err);
}

/* How guests are run is known: VMs begin. Until then the agent answers, and stores what it is told. */
static void kvm_known(bool usable, const char *reason, void *data)
{
	struct agent *agent = data;
	struct bl_err err = BL_ERR_INIT;

	agent->kvm = usable;
	agent->kvm_reason = reason;
	if (!usable)
		bl_info("guests will be emulated", "reason", reason);
	sandboxes_use_kvm(agent->sandboxes, usable);
	if (vmis_begin(agent->vmis, usable, reason, &err) < 0) {
		bl_error("cannot start", "error", err.message);
		bl_loop_exit(agent->loop, 1);
	} else {
		agent->ready = true;
	}
}

static int agent_start(struct agent *agent, struct bl_err *err)
{
	int r;

	agent->kvm_reason = "it is being tried";
	r = bl_loop_new(&agent->loop, err);
	if (r == 0)
		r = kvm_probe_start(agent->loop, &agent->kvm_probe, kvm_known, agent, err);
	if (r == 0)
		r = open_stores(agent, err);
	if (r < 0)
		return r;
	look_at_machine(agent);
	r = open_node(agent, err);
	if (r == 0)
		r = start_metrics(agent, err);
	return r < 0 ? r : start_work(agent, err);
}

/* To be asked for when the loop is about to run: until then a signal simply ends the agent, which it may
 * do at any moment, and need not wait for the kernel to check our programs. */
static int hear_signals(struct agent *agent, struct bl_err *err)
{
	int r = bl_signal_add(agent->loop, SIGTERM, signalled, agent, err);

	return r < 0 ? r : bl_signal_add(agent->loop, SIGINT, signalled, agent, err);
}

/* In the reverse order of the start; what was never started is NULL. */
static void agent_stop(struct agent *agent)
{
	kvm_probe_release(&agent->kvm_probe);
	api_free(agent->api);
	metrics_free(agent->metrics);
	vms_free(agent->vms);
	sandboxes_free(agent->sandboxes);
	vmis_free(agent->vmis);
	source_free(agent->source);
	endpoints_free(agent->endpoints);
	policy_free(agent->policy);
	datapath_free(agent->datapath);
	images_free(agent->images);
	objects_free(agent->objects);
	bl_loop_free(agent->loop);
	free(agent->launcher);
	for (int i = 0; i < 2; i++)
		if (agent->lock_fds[i] >= 0)
			close(agent->lock_fds[i]);
}

static enum bl_log_level log_level(const char *name)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return BL_LOG_INFO;
}

static int run(void *options, int n_args, char **args)
{
	struct agent agent = {.config = *(struct config *)options, .lock_fds = {-1, -1}};
	struct bl_err err = BL_ERR_INIT;
	int r;

	bl_log_init(log_level(agent.config.log_level),
		    strcmp(agent.config.log_format, "json") == 0 ? BL_LOG_JSON : BL_LOG_TEXT);
	signal(SIGPIPE, SIG_IGN);
	umask(0022); /* files say their own mode; runc's mount points take it from here */
	r = agent_start(&agent, &err);
	if (r == 0)
		r = hear_signals(&agent, &err);
	if (r == 0) {
		api_spent(agent.api);
		bl_info("ready", "version", BL_VERSION, "socket", agent.config.socket);
		r = bl_loop_run(agent.loop);
	} else {
		bl_error("cannot start", "error", err.message);
	}
	agent_stop(&agent);
	return r < 0 ? 1 : r;
}

static const struct bl_verb verbs[] = {
	{
		.name = "",
		.arguments = "",
		.summary = "Run the virtual machines of this node in the foreground",
		.options = config_options,
		.options_size = sizeof(struct config),
		.run = run,
	},
	{0},
};

int main(int argc, char **argv)
{
	return bl_verbs_main("beeline-agent", "Beeline's node daemon: VMs and their eBPF datapath",
			     verbs, argc, argv);
}
