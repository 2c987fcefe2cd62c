// SPDX-License-Identifier: Apache-2.0
/*
 * The network of a sandbox: a named namespace, and an uplink made in it by the CNI plugins.
 * It is recorded before ADD with what DEL needs, and again after it with the result; so whatever
 * moment a crash chooses, the record says what may have to be undone. A record of an earlier boot
 * describes leases whose namespace is gone.
 */
#include "oci.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "../netns.h"
#include "uplink.h"

#define IFNAME    "eth0"
#define ADDRS_MAX 16

static bool is_of_this_boot(const struct sandboxes *sandboxes, const struct cJSON *network)
{
	const char *boot_id = bl_json_get_string(network, "bootId");

	return boot_id && strcmp(boot_id, sandboxes->boot_id) == 0;
}

static bool netns_stands(const struct sandbox_paths *paths)
{
	bl_autoclose int fd = -1;

	return netns_open(paths->netns, &fd, NULL) == 0;
}

bool sandbox_has_record(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	bl_auto_json struct cJSON *network = NULL;

	return sandbox_network_read(paths, &network, NULL) == 0 &&
	       is_of_this_boot(sandboxes, network) && bl_json_get(network, "result");
}

bool sandbox_has_network(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	return sandbox_has_record(sandboxes, paths) && netns_stands(paths);
}

/* The container may not leave its namespace (seccomp.c), so what its first process is in is the pod's. */
static int open_netns_of(pid_t pid, int *ret_fd, struct bl_err *err)
{
	bl_autofree char *path = bl_format("/proc/%d/ns/net", pid);

	return netns_open(path, ret_fd, err);
}

bool sandbox_is_named(const struct sandbox_paths *paths, pid_t pid)
{
	bl_autoclose int fd = -1;
	struct netns_id id;

	return open_netns_of(pid, &fd, NULL) == 0 && netns_identify(fd, &id, NULL) == 0 &&
	       netns_is_at(paths->netns, &id);
}

int sandbox_name_network(struct sandboxes *sandboxes, const char *namespace, const char *name,
			 struct bl_err *err)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);
	pid_t pid = sandbox_pid(sandboxes, paths);
	bl_autoclose int fd = -1;
	int r;

	if (!pid)
		return bl_fail(err, -ESRCH, "the container of %s/%s has ended", namespace, name);
	r = open_netns_of(pid, &fd, err);
	if (r == 0)
		r = netns_bind(fd, paths->id, err);
	if (r == 0 && !sandbox_is_named(paths, pid))
		r = bl_fail(err, -EBUSY, "another one stands at %s", paths->netns);
	return r < 0 ? bl_wrap(err, "naming the network namespace of %s/%s", namespace, name) : 0;
}

static int step_record(struct sandbox_op *op, struct bl_err *err)
{
	return sandbox_record_write(op, err);
}

static int step_network_stands(struct sandbox_op *op, struct bl_err *err)
{
	return sandbox_has_network(op->sandboxes, op->paths) ? SANDBOX_OP_DONE : 0;
}

/* Before anything is made: what a plugin that is not there has made could not be undone either. */
static int step_check_plugins(struct sandbox_op *op, struct bl_err *err)
{
	return cni_check_plugins(op->sandboxes->conflist, op->sandboxes->config.cni_bin_dir, err);
}

static void on_detached(const struct cJSON *result, const struct bl_err *err, void *data)
{
	struct sandbox_op *op = data;

	if (!err)
		sandbox_network_forget(op->paths);
	sandbox_op_resume(op, err);
}

/* The namespace and the interface as DEL expects them, even if somebody has taken them away. */
static int prepare_detach(struct sandbox_op *op, const struct cJSON *network, struct bl_err *err)
{
	const struct cJSON *result = bl_json_get(network, "result");
	bl_autoclose int fd = -1;
	int r = netns_make(op->paths->id, err);

	if (r == 0)
		r = netns_open(op->paths->netns, &fd, err);
	if (r == 0 && result)
		r = uplink_stand_in(fd, IFNAME, result, err);
	return r;
}

int sandbox_step_detach(struct sandbox_op *op, struct bl_err *err)
{
	bl_auto_json struct cJSON *network = NULL;
	struct cni_attachment attachment = {
		.bin_dir = op->sandboxes->config.cni_bin_dir,
		.container_id = op->paths->id,
		.netns = op->paths->netns,
		.ifname = IFNAME,
		.lock = op->paths->cni_lock,
	};
	int r = sandbox_network_read(op->paths, &network, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = bl_dir_make(op->paths->run, 0755, err);
	if (r == 0)
		r = prepare_detach(op, network, err);
	if (r < 0)
		return r;
	attachment.conflist = bl_json_get(network, "conflist");
	attachment.result = bl_json_get(network, "result");
	attachment.args = bl_json_get_string(network, "args");
	r = cni_del(op->sandboxes->loop, &attachment, on_detached, op, &op->cni, err);
	return r < 0 ? r : SANDBOX_OP_WAIT;
}

int sandbox_step_remove_netns(struct sandbox_op *op, struct bl_err *err)
{
	return netns_remove(op->paths->id, err);
}

static int loopback_up(void *data, struct bl_err *err)
{
	bl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return bl_fail_errno(err, -errno, "setting lo up");
	return 0;
}

/* Duplicate address detection would keep ptp waiting for two seconds on a link that has exactly one
 * other end. Hosts without IPv6 have no such setting. */
static int skip_dad(int netns_fd, struct bl_err *err)
{
	static const char *const settings[] = {"net/ipv6/conf/all/accept_dad",
					       "net/ipv6/conf/default/accept_dad"};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int r = netns_sysctl(netns_fd, settings[i], "0", err);

		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int step_make_netns(struct sandbox_op *op, struct bl_err *err)
{
	bl_autoclose int fd = -1;
	int r = netns_make(op->paths->id, err);

	if (r == 0)
		r = netns_open(op->paths->netns, &fd, err);
	if (r == 0)
		r = netns_do(fd, loopback_up, NULL, err);
	return r < 0 ? r : skip_dad(fd, err);
}

/* By the names that plugins know from Kubernetes. */
static char *make_args(const struct sandbox_op *op)
{
	return bl_format("IgnoreUnknown=1;K8S_POD_NAMESPACE=%s;K8S_POD_NAME=%s;"
			 "K8S_POD_INFRA_CONTAINER_ID=%s",
			 op->namespace, op->name, op->paths->id);
}

static void on_attached(const struct cJSON *result, const struct bl_err *err, void *data)
{
	struct sandbox_op *op = data;
	struct bl_err own = BL_ERR_INIT;
	bl_autofree char *args = make_args(op);

	if (!err && sandbox_network_write(op, args, result, &own) < 0)
		err = &own;
	sandbox_op_resume(op, err);
}

static int step_attach(struct sandbox_op *op, struct bl_err *err)
{
	bl_autofree char *args = make_args(op);
	struct cni_attachment attachment = {
		.conflist = op->sandboxes->conflist,
		.bin_dir = op->sandboxes->config.cni_bin_dir,
		.container_id = op->paths->id,
		.netns = op->paths->netns,
		.ifname = IFNAME,
		.args = args,
		.lock = op->paths->cni_lock,
	};
	int r = sandbox_network_write(op, args, NULL, err);

	if (r == 0)
		r = cni_add(op->sandboxes->loop, &attachment, on_attached, op, &op->cni, err);
	return r < 0 ? r : SANDBOX_OP_WAIT;
}

/* What stands half-made is taken down first: plugins do not promise that ADD may be repeated. */
sandbox_step *const sandbox_network_steps[] = {
	step_network_stands,       step_check_plugins, step_record, sandbox_step_detach,
	sandbox_step_remove_netns, step_make_netns,    step_attach, NULL,
};

int sandbox_network_addrs(const struct sandbox_paths *paths, struct bl_addr **ret_addrs,
			  size_t *ret_n_addrs, struct bl_err *err)
{
	bl_auto_json struct cJSON *network = NULL;
	bl_autofree struct bl_addr *addrs = bl_alloc(ADDRS_MAX * sizeof(*addrs));
	size_t n = 0;
	int r = sandbox_network_read(paths, &network, err);

	if (r < 0)
		return r;
	bl_json_for_each (ip, bl_json_get(network, "result/ips")) {
		const char *text = bl_json_get_string(ip, "address");
		uint8_t bits;

		if (n == ADDRS_MAX || !text)
			continue;
		r = bl_prefix_parse(text, true, &addrs[n], &bits, err);
		if (r < 0)
			return bl_wrap(err, "the CNI's result");
		n++;
	}
	*ret_addrs = bl_take_ptr(addrs);
	*ret_n_addrs = n;
	return 0;
}
