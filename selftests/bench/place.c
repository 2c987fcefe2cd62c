// SPDX-License-Identifier: Apache-2.0
/* A run's names and their removal; see place.h. */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/process.h>

#include "../../agent/netns.h"
#include "../../agent/datapath/rcu.h"

#define NETNS_DIR "/run/netns"
#define BPFFS     "/sys/fs/bpf"
#define WORD      "bench-"

BL_DEFINE_AUTO(dir, DIR *, closedir)

struct place place_of(pid_t pid)
{
	struct place place;

	snprintf(place.prefix, sizeof(place.prefix), WORD "%d-", pid);
	snprintf(place.dir, sizeof(place.dir), "/tmp/" WORD "%d-run", pid);
	snprintf(place.bpffs, sizeof(place.bpffs), BPFFS "/" WORD "%d-run", pid);
	return place;
}

void place_name(const struct place *place, const char *what, int n, char name[PLACE_NAME_MAX])
{
	if (n < 0)
		snprintf(name, PLACE_NAME_MAX, "%s%s", place->prefix, what);
	else
		snprintf(name, PLACE_NAME_MAX, "%s%s%d", place->prefix, what, n);
}

int place_make(const struct place *place, struct bl_err *err)
{
	return bl_dir_make(place->dir, 0700, err);
}

static int clear_namespaces(const struct place *place, struct bl_err *err)
{
	bl_cleanup(bl_auto_dir_fn) DIR *dir = opendir(NETNS_DIR);
	struct dirent *entry;
	int r = 0;

	while (dir && (entry = readdir(dir)))
		if (strncmp(entry->d_name, place->prefix, strlen(place->prefix)) == 0 && r == 0)
			r = netns_remove(entry->d_name, err);
	return r;
}

int place_clear(const struct place *place, struct bl_err *err)
{
	/* A thousand links go, each with a grace period. The marker lies beside our own pins. */
	bl_autofree char *marker = bl_format("%s-hurry", place->bpffs);
	bool hurried = rcu_hurry(marker);
	int r = clear_namespaces(place, err);

	if (r == 0)
		r = bl_dir_remove(place->bpffs, err);
	rcu_relax(marker, hurried);
	return r == 0 ? bl_dir_remove(place->dir, err) : r;
}

/* A run is its supervisor's pid. One whose number was given away again waits for the next time. */
static int clear_if_dead(const char *name, struct bl_err *err)
{
	long pid =
		strncmp(name, WORD, strlen(WORD)) == 0 ? strtol(name + strlen(WORD), NULL, 10) : 0;
	struct place place;

	if (pid <= 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
		return 0;
	place = place_of((pid_t)pid);
	return place_clear(&place, err);
}

static int clear_dead_in(const char *path, struct bl_err *err)
{
	bl_cleanup(bl_auto_dir_fn) DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir)))
		r = clear_if_dead(entry->d_name, err);
	return r;
}

int place_clear_dead(struct bl_err *err)
{
	int r = clear_dead_in(NETNS_DIR, err);

	if (r == 0)
		r = clear_dead_in(BPFFS, err);
	return r == 0 ? clear_dead_in("/tmp", err) : r;
}

int place_run(int netns_fd, const char *const *argv, const char *input, struct bl_err *err)
{
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	int r;

	spec.argv = argv;
	spec.netns_fd = netns_fd;
	spec.input = input;
	spec.input_len = input ? strlen(input) : 0;
	r = bl_process_run(&spec, NULL, err);
	return r < 0 ? bl_wrap(err, "%s", argv[0]) : 0;
}

int place_netns(const char *name, int *ret_fd, struct bl_err *err)
{
	bl_autofree char *path = bl_format(NETNS_DIR "/%s", name);
	bl_autoclose int fd = -1;
	int r = netns_make(name, err);

	if (r == 0)
		r = netns_open(path, &fd, err);
	if (r == 0)
		r = netns_sysctl(fd, "net/ipv6/conf/all/disable_ipv6", "1", err);
	if (r == 0)
		r = netns_sysctl(fd, "net/ipv6/conf/default/disable_ipv6", "1", err);
	if (r == 0)
		*ret_fd = bl_take_fd(&fd);
	return r;
}
