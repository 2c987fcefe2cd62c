// SPDX-License-Identifier: Apache-2.0
/* The private libvirt daemon: see libvirtd.h. */
#include "libvirtd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/process.h>

#include "paths.h"
#include "restarts.h"

#define BACKOFF_MIN_NS (50ull * 1000 * 1000)
#define BACKOFF_MAX_NS (10ull * 1000 * 1000 * 1000)

#define DRIVER_DIR  PATHS_LIBVIRT_CONFIG_DIR "/drivers"
#define DRIVER_NAME "libvirt_driver_qemu.so"
#define DAEMON_CONF PATHS_LIBVIRT_CONFIG_DIR "/daemon.conf"
#define QEMU_CONF   PATHS_LIBVIRT_CONFIG_DIR "/qemu.conf"
#define CLIENT_CONF PATHS_LIBVIRT_CONFIG_DIR "/libvirt.conf"
/* Where virsh looks when only HOME is set. */
#define HOME_CONF_DIR BL_LAUNCHER_PRIVATE_DIR "/.config/libvirt"

struct daemon {
	const char *path;
	const char *uri;
};

/* The first that exists is taken. */
static const struct daemon daemons[] = {
	{"/usr/sbin/virtqemud",
	 "qemu+unix:///session?socket=" BL_LAUNCHER_LIBVIRT_DIR "/virtqemud-sock"},
	{"/usr/sbin/libvirtd",
	 "qemu+unix:///session?socket=" BL_LAUNCHER_LIBVIRT_DIR "/libvirt-sock"},
};

static const char *const driver_places[] = {
	"/usr/lib/x86_64-linux-gnu/libvirt/connection-driver",
	"/usr/lib64/libvirt/connection-driver",
};

/* Few threads: one VM has one client and now and then a virsh. */
static const char daemon_conf[] = "unix_sock_dir = \"" BL_LAUNCHER_LIBVIRT_DIR "\"\n"
				  "log_level = 3\n"
				  "log_outputs = \"3:stderr\"\n"
				  "min_workers = 1\n"
				  "max_workers = 4\n"
				  "prio_workers = 1\n"
				  "admin_min_workers = 1\n"
				  "admin_max_workers = 1\n";

/* "file": no virtlogd beside each VM. The pod confines QEMU; libvirt adds its seccomp filter. */
static const char qemu_conf[] = "stdio_handler = \"file\"\n"
				"seccomp_sandbox = 1\n"
				"security_driver = \"none\"\n"
				"namespaces = []\n"
				"cgroup_controllers = []\n"
				"max_core = 0\n"
				"remember_owner = 0\n";

static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C",
	"HOME=" BL_LAUNCHER_PRIVATE_DIR,
	"XDG_RUNTIME_DIR=/var/run",
	"XDG_CONFIG_HOME=" BL_LAUNCHER_PRIVATE_DIR,
	"XDG_CACHE_HOME=" BL_LAUNCHER_PRIVATE_DIR,
	"LIBVIRT_DRIVER_DIR=" DRIVER_DIR,
	"LIBVIRT_AUTOSTART=0", /* a client never starts a daemon by itself */
	NULL,
};

struct libvirtd {
	struct bl_loop *loop;
	const struct daemon *daemon;
	struct bl_process *process; /* when it is our child */
	struct bl_io watch;         /* inotify on the sockets' folder */
	struct bl_timer timer;
	uint64_t backoff_ns; /* between two tries to connect */
	struct restarts restarts;
	void (*retry)(void *data);
	void *data;
};

/* ---- files and environment ---- */

static int write_text(const char *path, const char *text, struct bl_err *err)
{
	return bl_file_write(path, text, strlen(text), 0600, err);
}

/* A folder with the QEMU driver alone, so that libvirtd loads no other (half its memory). */
static int link_driver(struct bl_err *err)
{
	if (bl_dir_make(DRIVER_DIR, 0755, err) < 0)
		return err->code;
	for (size_t i = 0; i < sizeof(driver_places) / sizeof(*driver_places); i++) {
		bl_autofree char *driver = bl_format("%s/%s", driver_places[i], DRIVER_NAME);

		if (!bl_file_exists(driver))
			continue;
		if (symlink(driver, DRIVER_DIR "/" DRIVER_NAME) < 0 && errno != EEXIST)
			return bl_fail_errno(err, -errno, "linking %s", driver);
		return 0;
	}
	return bl_fail(err, -ENOENT, "%s: not installed", DRIVER_NAME);
}

static int write_configuration(const struct daemon *daemon, struct bl_err *err)
{
	bl_autofree char *client = bl_format("uri_default = \"%s\"\n", daemon->uri);
	int r;

	r = bl_dir_make(PATHS_LIBVIRT_CONFIG_DIR, 0755, err);
	if (r == 0)
		r = bl_dir_make(HOME_CONF_DIR, 0755, err);
	if (r == 0)
		r = bl_dir_make(BL_LAUNCHER_LIBVIRT_DIR, 0755, err);
	if (r == 0)
		r = write_text(DAEMON_CONF, daemon_conf, err);
	if (r == 0)
		r = write_text(QEMU_CONF, qemu_conf, err);
	if (r == 0)
		r = write_text(CLIENT_CONF, client, err);
	if (r == 0)
		r = write_text(HOME_CONF_DIR "/libvirt.conf", client, err);
	if (r == 0)
		r = link_driver(err);
	return r;
}

static void set_own_environment(void)
{
	for (size_t i = 0; environment[i]; i++) {
		bl_autofree char *name = bl_strdup(environment[i]);
		char *value = strchr(name, '=');

		*value++ = '\0';
		setenv(name, value, 1);
	}
}

static const struct daemon *find_daemon(void)
{
	for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++) {
		if (bl_file_exists(daemons[i].path))
			return &daemons[i];
	}
	return NULL;
}

/* ---- start ---- */

static void on_exit_of_daemon(const struct bl_process_result *result, void *data)
{
	struct libvirtd *libvirtd = data;
	char status[64];

	libvirtd->process = NULL;
	bl_warn("libvirt daemon ended", "status", bl_process_status_text(result->status, status));
}

static void start(struct libvirtd *libvirtd)
{
	const char *argv[] = {libvirtd->daemon->path, "-f", DAEMON_CONF, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	struct bl_err err = BL_ERR_INIT;

	spec.argv = argv;
	spec.env = environment;
	spec.log_fd = STDERR_FILENO;
	if (bl_process_start(libvirtd->loop, &spec, on_exit_of_daemon, libvirtd, &libvirtd->process,
			     &err) < 0)
		bl_error("libvirt daemon not started", "reason", err.message);
}

static void retry_now(struct libvirtd *libvirtd)
{
	bl_timer_disarm(&libvirtd->timer);
	libvirtd->retry(libvirtd->data);
}

static void on_timer(struct bl_timer *timer)
{
	retry_now(timer->data);
}

/* Only that something appeared counts; while nobody waits for it, nothing follows from it. */
static void on_watch(struct bl_io *io, uint32_t events)
{
	struct libvirtd *libvirtd = io->data;
	char buffer[4096];

	while (read(io->fd, buffer, sizeof(buffer)) > 0)
		continue;
	if (libvirtd->timer.loop)
		retry_now(libvirtd);
}

void libvirtd_revive(struct libvirtd *libvirtd)
{
	uint64_t now_ns = bl_now_ns(), left_ns = 0;

	if (!libvirtd->process)
		left_ns = restarts_left_ns(&libvirtd->restarts, now_ns);
	if (left_ns) {
		bl_timer_arm(libvirtd->loop, &libvirtd->timer, left_ns, on_timer, libvirtd);
		return;
	}
	if (!libvirtd->process) {
		restarts_started(&libvirtd->restarts, now_ns);
		start(libvirtd);
	}
	bl_timer_arm(libvirtd->loop, &libvirtd->timer, libvirtd->backoff_ns, on_timer, libvirtd);
	libvirtd->backoff_ns *= 2;
	if (libvirtd->backoff_ns > BACKOFF_MAX_NS)
		libvirtd->backoff_ns = BACKOFF_MAX_NS;
}

void libvirtd_alive(struct libvirtd *libvirtd)
{
	bl_timer_disarm(&libvirtd->timer);
	libvirtd->backoff_ns = BACKOFF_MIN_NS;
	restarts_connected(&libvirtd->restarts, bl_now_ns());
}

const char *libvirtd_uri(const struct libvirtd *libvirtd)
{
	return libvirtd->daemon->uri;
}

static int watch_sockets(struct libvirtd *libvirtd, struct bl_err *err)
{
	bl_autoclose int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0 || inotify_add_watch(fd, BL_LAUNCHER_LIBVIRT_DIR, IN_CREATE | IN_MOVED_TO) < 0)
		return bl_fail_errno(err, -errno, "watching %s", BL_LAUNCHER_LIBVIRT_DIR);
	if (bl_io_add(libvirtd->loop, &libvirtd->watch, fd, EPOLLIN, on_watch, libvirtd, err) < 0)
		return err->code;
	bl_take_fd(&fd); /* open to the end of the process */
	return 0;
}

int libvirtd_new(struct bl_loop *loop, void (*retry)(void *data), void *data,
		 struct libvirtd **ret_libvirtd, struct bl_err *err)
{
	bl_autofree struct libvirtd *libvirtd = bl_alloc(sizeof(*libvirtd));
	int r;

	libvirtd->loop = loop;
	libvirtd->daemon = find_daemon();
	libvirtd->backoff_ns = BACKOFF_MIN_NS;
	libvirtd->retry = retry;
	libvirtd->data = data;
	if (!libvirtd->daemon)
		return bl_fail(err, -ENOENT, "neither virtqemud nor libvirtd is installed");
	r = write_configuration(libvirtd->daemon, err);
	if (r == 0)
		r = watch_sockets(libvirtd, err);
	if (r < 0)
		return bl_wrap(err, "setting up the libvirt daemon");
	set_own_environment();
	*ret_libvirtd = bl_take_ptr(libvirtd);
	return 0;
}
