/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox to try things on: an agent's sandboxes below a directory that is the test's (TEST, defined
 * before this is included), and a launcher that is a shell script, which reports what it sees through the
 * directories that it shares with the host. An agent that dies is played by giving up the sandboxes object
 * and making a new one over the same directories. What a teardown finds left is a failure; what a run that
 * was killed has left is known by its directory, and taken away before the next test begins.
 */
#pragma once

#include "../unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/json.h>
#include <beeline/loop.h>
#include <beeline/process.h>

#include "../../agent/sandbox.h"
#include "turn.h"

#define DIR        "/tmp/beeline-test-" TEST
#define TIMEOUT_NS (30ull * 1000 * 1000 * 1000)
#define VM_UID     107
#define MIB        (1024ll * 1024)

struct fixture {
	char *dir, *run_dir, *state_dir, *launcher, *disk;
	const char *cni_conf; /* NULL: the built-in one */
	struct bl_loop *loop;
	struct sandboxes *sandboxes;
	struct bl_vmi vmi;
	bool done, expired;
	int n_exits;
	struct bl_err err;
};

static const char launcher[] =
	"#!/bin/sh\n"
	"exec 2>/var/run/kubevirt-private/launcher.log >&2\n"
	"echo \"args $*\"; id -u; cat /proc/self/status; echo core $(ulimit -Hc); cat /etc/hosts\n"
	"ls /dev /dev/net; cat /var/run/kubevirt/container-disks/disk_0.img\n"
	"touch /usr/x /etc/x /x; touch /var/run/kubevirt/ours && echo writable\n"
	"touch /var/run/kubevirt-ephemeral-disks/overlay /tmp/x /run/x\n"
	"unshare -U true; mount -t tmpfs none /tmp\n"
	"touch /var/run/kubevirt/sockets/ready\n"
	"while [ ! -e /var/run/kubevirt/sockets/end ]; do sleep 0.05; done\n";

static inline void on_expiry(struct bl_timer *timer)
{
	((struct fixture *)timer->data)->expired = true;
}

/* Dispatches until the condition holds; a test that waits for ever fails. */
#define wait_for(f, condition)                                              \
	do {                                                                \
		struct bl_timer _timer = {0};                               \
		(f)->expired = false;                                       \
		bl_timer_arm((f)->loop, &_timer, TIMEOUT_NS, on_expiry, f); \
		while (!(condition) && !(f)->expired)                       \
			assert_true(bl_loop_once((f)->loop, 50) >= 0);      \
		bl_timer_disarm(&_timer);                                   \
		if ((f)->expired)                                           \
			fail_msg("timed out waiting for " #condition);      \
	} while (0)

static inline void on_done(const struct bl_err *err, void *data)
{
	struct fixture *f = data;

	assert_false(f->done);
	f->done = true;
	f->err = err ? *err : BL_ERR_INIT;
}

static inline void on_container_exit(const char *namespace, const char *name, void *data)
{
	struct fixture *f = data;

	assert_string_equal(namespace, f->vmi.namespace);
	assert_string_equal(name, f->vmi.name);
	f->n_exits++;
}

static inline void start_agent(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;
	struct sandbox_config config = {
		.run_dir = f->run_dir,
		.state_dir = f->state_dir,
		.cni_conf = f->cni_conf,
		.cni_bin_dir = "/usr/lib/cni",
		.launcher = f->launcher,
		.runtime = "runc",
		.vm_uid = VM_UID,
	};

	if (sandboxes_new(f->loop, &config, &f->sandboxes, &err) < 0)
		fail_msg("%s", err.message);
	sandboxes_on_exit(f->sandboxes, on_container_exit, f);
}

static inline void restart_agent(struct fixture *f)
{
	sandboxes_free(f->sandboxes);
	start_agent(f);
}

static inline void finish(struct fixture *f)
{
	wait_for(f, f->done);
	f->done = false;
}

static inline void succeed(struct fixture *f)
{
	finish(f);
	if (f->err.code)
		fail_msg("%s", f->err.message);
}

/* As the agent does: again while children of the agent before are still at work. */
static inline void repeat(struct fixture *f, void (*verb)(struct fixture *f))
{
	uint64_t deadline_ns = bl_now_ns() + TIMEOUT_NS;

	do {
		verb(f);
		finish(f);
	} while (f->err.code && bl_now_ns() < deadline_ns);
	if (f->err.code)
		fail_msg("%s", f->err.message);
}

static inline void start_remove(struct fixture *f)
{
	sandbox_remove(f->sandboxes, f->vmi.namespace, f->vmi.name, on_done, f);
}

static inline void remove_it(struct fixture *f)
{
	repeat(f, start_remove);
}

/* The last one that is listed. */
static inline void note(const char *namespace, const char *name, void *data)
{
	free(*(char **)data);
	*(char **)data = bl_format("%s/%s", namespace, name);
}

static inline void take_away_leftovers(struct fixture *f)
{
	const struct bl_vmi vmi = f->vmi;

	start_agent(f);
	for (;;) {
		bl_autofree char *found = NULL;

		assert_int_equal(sandboxes_for_each(f->sandboxes, note, &found, NULL), 0);
		if (!found)
			break;
		f->vmi.namespace = found;
		f->vmi.name = strchr(found, '/') + 1;
		*strchr(found, '/') = '\0';
		remove_it(f);
	}
	f->vmi = vmi;
	sandboxes_free(f->sandboxes);
	assert_int_equal(bl_dir_remove(DIR, NULL), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	umask(022); /* as the agent's main does */
	f->dir = bl_strdup(DIR);
	f->run_dir = bl_format("%s/run", f->dir);
	f->state_dir = bl_format("%s/state", f->dir);
	f->launcher = bl_format("%s/launcher", f->dir);
	f->disk = bl_format("%s/disk", f->dir);
	f->vmi = (struct bl_vmi){
		.namespace = "sandbox-test",
		.name = "vm-01",
		.uid = "0b5c6d56-0000-4000-8000-000000000001",
		.hostname = "vm-01",
		.memory_bytes = 64 * MIB,
		.cpu_limit_milli = 500,
		.cpu = {.cores = 1, .sockets = 1, .threads = 1},
	};
	assert_int_equal(bl_loop_new(&f->loop, NULL), 0);
	if (access(DIR, F_OK) == 0)
		take_away_leftovers(f);
	assert_int_equal(bl_dir_make(DIR, 0711, NULL), 0);
	assert_int_equal(bl_file_write(f->launcher, launcher, strlen(launcher), 0755, NULL), 0);
	assert_int_equal(bl_file_write(f->disk, "base\n", 5, 0444, NULL), 0);
	start_agent(f);
	*state = f;
	return 0;
}

static inline void start_make_network(struct fixture *f)
{
	sandbox_make_network(f->sandboxes, &f->vmi, on_done, f);
}

static inline void make_network(struct fixture *f)
{
	repeat(f, start_make_network);
}

static inline void start_run(struct fixture *f)
{
	struct sandbox_volume volume = {
		.name = "disk",
		.host_path = f->disk,
		.guest_path = "/var/run/kubevirt/container-disks/disk_0.img",
		.readonly = true,
	};

	sandbox_run(f->sandboxes, &f->vmi, &volume, 1, on_done, f);
}

static inline void run(struct fixture *f)
{
	start_run(f);
	succeed(f);
}

/* What is seen of it; the caller clears it. */
static inline struct sandbox_state observe(struct fixture *f)
{
	struct sandbox_state state;

	assert_int_equal(sandbox_observe(f->sandboxes, f->vmi.namespace, f->vmi.name, &state, NULL),
			 0);
	return state;
}

/* Of that, what has no owner. */
static inline struct sandbox_state glance(struct fixture *f)
{
	struct sandbox_state state = observe(f), plain = state;

	sandbox_state_clear(&state);
	plain.degraded = plain.uid = NULL;
	return plain;
}

static inline enum sandbox_phase phase(struct fixture *f)
{
	return glance(f).phase;
}

static inline bool is_stale(struct fixture *f)
{
	return glance(f).stale;
}

static inline pid_t pid_of(struct fixture *f)
{
	return glance(f).pid;
}

/* What the shell prints, without the last newline. The caller frees. */
static inline char *shell(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	struct bl_err err = BL_ERR_INIT;
	char *out = NULL;

	spec.argv = argv;
	if (bl_process_run(&spec, &out, &err) < 0)
		fail_msg("%s: %s", command, err.message);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static inline char *sandbox_id(struct fixture *f)
{
	bl_autofree char *path = sandbox_netns_path(f->sandboxes, f->vmi.namespace, f->vmi.name);

	return bl_strdup(strrchr(path, '/') + 1);
}

/* Everything by which a sandbox could be remembered is gone. */
static inline void assert_nothing_left(struct fixture *f)
{
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = bl_format(
		"{ ls /run/netns | grep -F '%s'; find /sys/fs/cgroup -name '*%s*'; "
		"iptables-save | grep -F '%s'; ip6tables-save | grep -F '%s'; "
		"grep -F '%s' /proc/self/mountinfo; ls %s/runc %s/sandboxes %s/sandboxes; "
		"find %s/cni -name '10.*' -o -name 'fd*'; } 2>/dev/null | grep -v ':$' | head -3; "
		":",
		id, id, id, id, f->dir, f->run_dir, f->run_dir, f->state_dir, f->state_dir);
	bl_autofree char *left = shell(command);

	assert_string_equal(left, "");
	assert_int_equal(phase(f), SANDBOX_ABSENT);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	remove_it(f);
	assert_nothing_left(f);
	sandboxes_free(f->sandboxes);
	bl_loop_free(f->loop);
	unit_dir_remove(f->dir);
	free(f->run_dir);
	free(f->state_dir);
	free(f->launcher);
	free(f->disk);
	free(f);
	return 0;
}

static inline bool exists_below_sockets(struct fixture *f, const char *name)
{
	int dir_fd = -1;
	bool exists;

	assert_int_equal(
		sandbox_open_sockets(f->sandboxes, f->vmi.namespace, f->vmi.name, &dir_fd, NULL),
		0);
	exists = faccessat(dir_fd, name, F_OK, 0) == 0;
	close(dir_fd);
	return exists;
}

static inline char *read_log(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;
	char *text = NULL;
	int fd = -1;

	if (sandbox_open_log(f->sandboxes, f->vmi.namespace, f->vmi.name, "launcher", &fd, &err) <
	    0)
		fail_msg("%s", err.message);
	assert_int_equal(bl_file_read_fd(fd, MIB, &text, NULL, NULL), 0);
	close(fd);
	return text;
}

static inline void make_pod(struct fixture *f)
{
	make_network(f);
	run(f);
	wait_for(f, exists_below_sockets(f, "ready"));
}
