// SPDX-License-Identifier: Apache-2.0
/* Options of the agent: see the header. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/api.h>
#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "datapath.h"
#include "metrics.h"
#include "policy.h"
#include "vm_user.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define AT(member) offsetof(struct config, member)

const struct bl_option config_options[] = {
	{"socket", 0, BL_OPTION_STRING, AT(socket), "PATH", BL_AGENT_SOCKET, "BEELINE_SOCKET",
	 "unix socket for the beeline command"},
	{"group", 0, BL_OPTION_STRING, AT(group), "NAME", BL_AGENT_GROUP, NULL,
	 "group that may use the socket beside root; equals root; need not exist"},
	{"state-dir", 0, BL_OPTION_STRING, AT(state_dir), "DIR", BL_AGENT_STATE_DIR, NULL,
	 "objects, images and records that outlive a reboot"},
	{"run-dir", 0, BL_OPTION_STRING, AT(run_dir), "DIR", BL_AGENT_RUN_DIR, NULL,
	 "sandboxes of this boot"},
	{"bpffs", 0, BL_OPTION_STRING, AT(bpffs), "DIR", BL_AGENT_BPFFS, NULL,
	 "where programs, maps and links are pinned"},
	{"cni-conf", 0, BL_OPTION_STRING, AT(cni_conf), "FILE", NULL, NULL,
	 "CNI network configuration list for the pods (default: ptp with host-local)"},
	{"cni-bin-dir", 0, BL_OPTION_STRING, AT(cni_bin_dir), "DIR", "/usr/lib/cni", NULL,
	 "where the CNI plugins are"},
	{"launcher", 0, BL_OPTION_STRING, AT(launcher), "PATH", NULL, NULL,
	 "beeline-launcher (default: beside this program)"},
	{"host-disk-dir", 0, BL_OPTION_STRING, AT(host_disk_dir), "DIR", NULL, NULL,
	 "allow hostDisk volumes below this directory"},
	{"vm-user", 0, BL_OPTION_INTEGER, AT(vm_user), "UID", NULL, NULL,
	 "user that VMs run as (default: one that has no account here)", .min = 1},
	{"runtime", 0, BL_OPTION_STRING, AT(runtime), "PROGRAM", "runc", NULL,
	 "OCI runtime that runs the sandboxes"},
	{"policy", 0, BL_OPTION_STRING, AT(policy), "MODE", "default", NULL,
	 "where network policy denies by default: where a policy selects, nowhere, everywhere; "
	 "audit: "
	 "as default, but what is denied passes and is counted",
	 POLICY_MODES},
	{"attach", 0, BL_OPTION_STRING, AT(attach), "WAY", "auto", NULL,
	 "how programs are attached: by tcx links, by clsact filters, or (auto) by tcx where the "
	 "kernel knows it",
	 DATAPATH_MODES},
	{"metrics-address", 0, BL_OPTION_STRING, AT(metrics_address), "ADDR:PORT", NULL, NULL,
	 "where Prometheus reads /metrics, /healthz and /readyz; \"\": nowhere "
	 "(default: " METRICS_ADDRESS ", nowhere when that is taken)"},
	{"log-level", 0, BL_OPTION_STRING, AT(log_level), "LEVEL", "info", NULL,
	 "least important messages to log", "debug|info|warn|error"},
	{"log-format", 0, BL_OPTION_STRING, AT(log_format), "FORMAT", "text", NULL,
	 "how log lines look", "text|json"},
	{0},
};

/* The installed agent lies in bin or libexec, and its launcher in either. */
static const char *const launcher_places[] = {
	"%.*s/beeline-launcher",
	"%.*s/../libexec/beeline-launcher",
	"%.*s/../bin/beeline-launcher",
};

int config_launcher(const struct config *config, char **ret_path, struct bl_err *err)
{
	char self[PATH_MAX];
	ssize_t len;

	if (config->launcher) {
		*ret_path = realpath(config->launcher, NULL);
		return *ret_path ? 0
				 : bl_fail_errno(err, -errno, "launcher '%s'", config->launcher);
	}
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0)
		return bl_fail_errno(err, -errno, "finding this program's own file");
	self[len] = '\0';
	for (size_t i = 0; i < sizeof(launcher_places) / sizeof(launcher_places[0]); i++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), launcher_places[i], (int)(strrchr(self, '/') - self),
			 self);
		*ret_path = realpath(path, NULL);
		if (*ret_path)
			return 0;
	}
	return bl_fail(err, -ENOENT, "no beeline-launcher beside '%s': name it by --launcher",
		       self);
}

/* As execvp() looks for it. */
static bool is_in_path(const char *program)
{
	bl_autofree char *path = bl_strdup(getenv("PATH") ? getenv("PATH") : DEFAULT_PATH);
	char *rest = path, *dir;

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	while ((dir = strsep(&rest, ":"))) {
		bl_autofree char *file = bl_format("%s/%s", *dir ? dir : ".", program);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

int config_check(const struct config *config, struct bl_err *err)
{
	if (config->host_disk_dir && config->host_disk_dir[0] != '/')
		return bl_fail(err, -EINVAL,
			       "--host-disk-dir '%s': write the whole path, since hostDisk.path is "
			       "one",
			       config->host_disk_dir);
	return 0;
}

size_t config_missing(const struct config *config, char *ret_sentences[CONFIG_MISSING_MAX])
{
	size_t n = 0;

	if (config->host_disk_dir && !bl_file_exists(config->host_disk_dir))
		ret_sentences[n++] =
			bl_format("--host-disk-dir '%s' does not exist: no hostDisk can be used",
				  config->host_disk_dir);
	if (!is_in_path(config->runtime))
		ret_sentences[n++] = bl_format(
			"--runtime '%s' is not installed: no VM can be started", config->runtime);
	if (!bl_file_exists(config->cni_bin_dir))
		ret_sentences[n++] =
			bl_format("--cni-bin-dir '%s' does not exist: no pod gets a network",
				  config->cni_bin_dir);
	return n;
}

static int read_vm_uid(const char *path, uid_t *ret_uid)
{
	bl_autofree char *text = NULL;
	unsigned long uid;
	size_t len;
	int r;

	r = bl_file_read(path, 32, &text, &len, NULL);
	if (r < 0)
		return r;
	uid = strtoul(text, NULL, 10);
	if (uid < 1 || uid > INT_MAX)
		return -EINVAL;
	*ret_uid = uid;
	return 0;
}

int config_vm_uid(const struct config *config, uid_t *ret_uid, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/vm-uid", config->state_dir);
	char text[16];
	int r;

	if (config->vm_user < 0 || config->vm_user > INT_MAX)
		return bl_fail(err, -EINVAL, "--vm-user: %ld is no user", config->vm_user);
	if (config->vm_user) {
		*ret_uid = config->vm_user;
		return 0;
	}
	if (read_vm_uid(path, ret_uid) == 0)
		return 0;
	r = vm_user_pick(ret_uid, err);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u\n", *ret_uid);
	return bl_file_write(path, text, strlen(text), 0600, err);
}

static int make_and_lock(const char *dir, int *ret_fd, struct bl_err *err)
{
	int r;

	r = bl_dir_make(dir, 0711, err);
	if (r == 0)
		r = bl_dir_lock(dir, ret_fd, err);
	return r == -EBUSY ? bl_fail(err, r, "another agent runs on '%s'", dir) : r;
}

int config_lock(const struct config *config, int ret_fds[2], struct bl_err *err)
{
	int r;

	r = make_and_lock(config->state_dir, &ret_fds[0], err);
	if (r == 0)
		r = make_and_lock(config->run_dir, &ret_fds[1], err);
	return r;
}
