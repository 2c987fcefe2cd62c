// SPDX-License-Identifier: Apache-2.0
/*
 * The hooks of an endpoint: a stub at tc ingress of the uplink, at tc ingress of the tap, and for
 * masquerade at tc egress of the uplink and of the loopback.
 *
 * Attaching is the same act as adopting: what stands at the hook is looked at first. A pinned link on
 * this very device whose stub calls into our bl_progs is left alone; one with a foreign stub (maps
 * were made anew) gets ours by an update in place; a link whose device went away is replaced. Under
 * clsact the filter's priority and handle are ours alone, so a replacement cannot add a second one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <net/if.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "../netns.h"
#include "rcu.h"
#include "stub.h"
#include "takeover.h"

/* Our place among clsact filters: after those that others put at small numbers. */
#define FILTER_PRIORITY 0xbee0
#define FILTER_HANDLE   0xbee

static const char *const pin_names[HOOKS_MAX] = {
	[HOOK_TO_VM] = "to_vm",
	[HOOK_FROM_VM] = "from_vm",
	[HOOK_POD_OUT] = "pod_out",
	[HOOK_LOOP] = "loop",
};

/* What the functions below need; fds are borrowed but stub_fd. */
struct attaching {
	struct datapath *datapath;
	const struct hook *hook;
	const char *pin;
	int stub_fd; /* a stub of ours, loaded when first needed; -1 */
	bool attached;
};

static bool is_egress(enum hook_place place)
{
	return place == HOOK_POD_OUT || place == HOOK_LOOP;
}

static int load_stub(struct attaching *a, struct bl_err *err)
{
	struct bpf_insn insns[STUB_INSNS];

	if (a->stub_fd >= 0)
		return 0;
	stub_build(insns, a->hook->index, a->datapath->progs_fd, a->hook->slot);
	a->stub_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, stub_name(a->hook->place),
				   "Dual BSD/GPL", insns, STUB_INSNS, NULL);
	if (a->stub_fd < 0)
		return bl_fail_errno(err, a->stub_fd, "loading stub %s", stub_name(a->hook->place));
	return 0;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* Does this program tail-call into our bl_progs? */
static bool is_our_stub(const struct datapath *datapath, int prog_fd)
{
	uint32_t map = 0;
	struct bpf_prog_info info = {.nr_map_ids = 1, .map_ids = (uintptr_t)&map};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) == 0 && map != 0 &&
	       map == map_id(datapath->progs_fd);
}

static uint32_t prog_id(int prog_fd)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) == 0 ? info.id : 0;
}

static int pin(struct attaching *a, int fd, struct bl_err *err)
{
	bl_autofree char *dir = datapath_endpoint_dir(a->datapath, a->hook->endpoint);

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return bl_fail_errno(err, -errno, "making '%s'", dir);
	if (unlink(a->pin) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing the old pin '%s'", a->pin);
	if (bpf_obj_pin(fd, a->pin) < 0)
		return bl_fail_errno(err, -errno, "pinning '%s'", a->pin);
	return 0;
}

/* ---- tcx ------------------------------------------------------------------------------------- */

static int create_link(void *data, struct bl_err *err)
{
	struct attaching *a = data;
	int type = is_egress(a->hook->place) ? BL_TCX_EGRESS : BL_TCX_INGRESS;
	bool hurried = rcu_hurry(a->datapath->hurry);
	bl_autoclose int link = bpf_link_create(a->stub_fd, (int)a->hook->ifindex,
						(enum bpf_attach_type)type, NULL);

	rcu_relax(a->datapath->hurry, hurried);
	if (link < 0)
		return bl_fail_errno(err, link, "attaching %s to '%s' by tcx",
				     stub_name(a->hook->place), a->hook->ifname);
	return pin(a, link, err);
}

/* The stub that a link runs, and whether the link holds on to a device still. */
static int open_link(int link, uint32_t *ret_ifindex, int *ret_prog)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &len) < 0)
		return -errno;
	*ret_ifindex = info.xdp.ifindex; /* a tcx link's stands at the same place */
	*ret_prog = bpf_prog_get_fd_by_id(info.prog_id);
	return 0;
}

static void detach_link(const struct datapath *datapath, int link)
{
	bool hurried = rcu_hurry(datapath->hurry);

	bpf_link_detach(link);
	rcu_relax(datapath->hurry, hurried);
}

static int attach_tcx(struct attaching *a, struct bl_err *err)
{
	bl_autoclose int link = bpf_obj_get(a->pin), old = -1;
	uint32_t ifindex = 0;
	int r;

	if (link >= 0 && open_link(link, &ifindex, &old) == 0 && ifindex == a->hook->ifindex &&
	    is_our_stub(a->datapath, old))
		return 0;
	a->attached = true;
	r = load_stub(a, err);
	if (r < 0)
		return r;
	if (link >= 0 && ifindex == a->hook->ifindex) {
		r = bpf_link_update(link, a->stub_fd, NULL);
		return r < 0 ? bl_fail_errno(err, r, "updating link '%s'", a->pin) : 0;
	}
	if (link >= 0 && ifindex != 0)
		detach_link(a->datapath, link);
	return netns_do(a->hook->netns_fd, create_link, a, err);
}

/* ---- clsact ---------------------------------------------------------------------------------- */

static struct bpf_tc_hook filter_hook(uint32_t ifindex, enum hook_place place)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = is_egress(place) ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

static int attach_filter(struct attaching *a, const struct bpf_tc_hook *tc, struct bl_err *err)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .flags = BPF_TC_F_REPLACE);
	int r = load_stub(a, err);

	if (r < 0)
		return r;
	a->attached = true;
	opts.prog_fd = a->stub_fd;
	r = bpf_tc_attach(tc, &opts);
	if (r < 0)
		return bl_fail_errno(err, r, "attaching %s to '%s' by clsact",
				     stub_name(a->hook->place), a->hook->ifname);
	return pin(a, a->stub_fd, err);
}

static int attach_clsact(void *data, struct bl_err *err)
{
	struct attaching *a = data;
	struct bpf_tc_hook tc = filter_hook(a->hook->ifindex, a->hook->place);
	LIBBPF_OPTS(bpf_tc_opts, found, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	bl_autoclose int old = bpf_obj_get(a->pin);
	int r = bpf_tc_hook_create(&tc);

	if (r < 0 && r != -EEXIST)
		return bl_fail_errno(err, r, "making the clsact qdisc of '%s'", a->hook->ifname);
	if (old >= 0 && bpf_tc_query(&tc, &found) == 0 && found.prog_id == prog_id(old) &&
	    is_our_stub(a->datapath, old))
		return 0;
	return attach_filter(a, &tc, err);
}

int hook_attach(struct datapath *datapath, const struct hook *hook, bool *ret_attached,
		struct bl_err *err)
{
	bl_autofree char *dir = datapath_endpoint_dir(datapath, hook->endpoint);
	bl_autofree char *path = bl_format("%s/%s", dir, pin_names[hook->place]);
	struct attaching a = {.datapath = datapath, .hook = hook, .pin = path, .stub_fd = -1};
	int r = datapath->mode == DATAPATH_TCX ? attach_tcx(&a, err)
					       : netns_do(hook->netns_fd, attach_clsact, &a, err);

	if (a.stub_fd >= 0)
		close(a.stub_fd);
	if (r == 0 && ret_attached)
		*ret_attached = a.attached;
	return r;
}

/* ---- taking away ----------------------------------------------------------------------------- */

struct detaching {
	const char *const *ifnames;
};

/* A device that is gone took its filter along. */
static int remove_filters(void *data, struct bl_err *err)
{
	struct detaching *d = data;

	for (int i = 0; i < HOOKS_MAX; i++) {
		uint32_t ifindex = d->ifnames[i] ? if_nametoindex(d->ifnames[i]) : 0;
		struct bpf_tc_hook tc = filter_hook(ifindex, (enum hook_place)i);
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
			    .priority = FILTER_PRIORITY);

		if (ifindex != 0)
			bpf_tc_detach(&tc, &opts);
	}
	return 0;
}

int hooks_detach(struct datapath *datapath, const char *endpoint, int netns_fd,
		 const char *const ifnames[HOOKS_MAX], struct bl_err *err)
{
	bl_autofree char *dir = datapath_endpoint_dir(datapath, endpoint);
	struct detaching detaching = {.ifnames = ifnames};

	for (int i = 0; i < HOOKS_MAX; i++) {
		bl_autofree char *path = bl_format("%s/%s", dir, pin_names[i]);
		bl_autoclose int fd = bpf_obj_get(path);

		/* Losing its pin alone would detach the link a moment later, from a worker. */
		if (fd >= 0 && datapath->mode == DATAPATH_TCX)
			detach_link(datapath, fd);
		if (unlink(path) < 0 && errno != ENOENT)
			return bl_fail_errno(err, -errno, "removing pin '%s'", path);
	}
	if (rmdir(dir) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing '%s'", dir);
	if (datapath->mode == DATAPATH_CLSACT && netns_fd >= 0)
		return netns_do(netns_fd, remove_filters, &detaching, err);
	return 0;
}

/* The inverse of datapath_endpoint_dir(), in place. */
static void decode_name(char *name)
{
	char *to = name;

	for (const char *from = name; *from; from++) {
		unsigned int code;

		if (*from == '%' && sscanf(from + 1, "%2x", &code) == 1) {
			*to++ = (char)code;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

int hooks_for_each(struct datapath *datapath, void (*fn)(const char *endpoint, void *data),
		   void *data, struct bl_err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(datapath->bpffs_dir, &entries, NULL, alphasort);

	if (n < 0)
		return bl_fail_errno(err, -errno, "listing '%s'", datapath->bpffs_dir);
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		if (entries[i]->d_type == DT_DIR && name[0] != '.' && strcmp(name, "maps") != 0 &&
		    strcmp(name, TAKEOVER_OTHER) != 0) {
			decode_name(name);
			fn(name, data);
		}
		free(entries[i]);
	}
	free(entries);
	return 0;
}
