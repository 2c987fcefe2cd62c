// SPDX-License-Identifier: Apache-2.0
/*
 * The hooks of an endpoint: a stub at tc ingress of the uplink, at tc ingress of the tap, and for
 * masquerade at tc egress of the uplink and of the loopback.
 *
 * Attaching is the same act as adopting: what stands at the hook is looked at first. A pinned link on
 * this very device whose stub calls into our bl_progs is left alone; one with a foreign stub (maps
 * were made anew) gets ours by an update in place; a link whose device went away is replaced. Under
 * clsact the filter's priority and handle are ours alone, so a replacement cannot add a second one.
 *
 * What is pinned says which way an endpoint is attached: a link, or a filter's program. An agent that is to
 * attach by the other way puts its own there first, and then takes the old one off; where both are, tcx's
 * comes first and lets nothing through to the other. A clsact qdisc that was not there before is noted by a
 * folder beside the pins, and goes with the last filter.
 */
#include <errno.h>
#include <string.h>
#include <net/if.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "../netns.h"
#include "filter.h"
#include "pins.h"
#include "rcu.h"
#include "stub.h"

/* What the functions below need; fds are borrowed but stub_fd. */
struct attaching {
	struct datapath *datapath;
	const struct hook *hook;
	const char *dir, *pin;
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
	int r = pins_make_dir(a->dir, err);

	if (r < 0)
		return r;
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

/* ---- clsact ---------------------------------------------------------------------------------- */

static struct filter_hook filter_hook(const char *ifname, uint32_t ifindex, enum hook_place place)
{
	return (struct filter_hook){
		.ifname = ifname, .ifindex = ifindex, .egress = is_egress(place)};
}

static void remove_filter(const char *dir, const struct filter_hook *filter)
{
	bl_autofree char *note = pins_qdisc_note(dir, filter->ifindex);

	filter_remove(filter);
	if (access(note, F_OK) == 0 && filter_remove_qdisc(filter))
		rmdir(note);
}

static int make_qdisc(const struct attaching *a, const struct filter_hook *filter,
		      struct bl_err *err)
{
	bl_autofree char *note = pins_qdisc_note(a->dir, filter->ifindex);
	bool made = false;
	int r = filter_make_qdisc(filter, &made, err);

	if (r == 0 && made)
		r = pins_make_dir(a->dir, err);
	return r == 0 && made ? pins_make_dir(note, err) : r;
}

static int attach_clsact(void *data, struct bl_err *err)
{
	struct attaching *a = data;
	const struct filter_hook filter =
		filter_hook(a->hook->ifname, a->hook->ifindex, a->hook->place);
	bl_autoclose int old = -1;
	bool was_tcx = pins_open(a->pin, &old);
	int r = make_qdisc(a, &filter, err);

	if (r < 0)
		return r;
	if (old >= 0 && !was_tcx && filter_prog_id(&filter) == prog_id(old) &&
	    is_our_stub(a->datapath, old))
		return 0;
	r = load_stub(a, err);
	if (r < 0)
		return r;
	a->attached = true;
	r = filter_put(&filter, a->stub_fd, err);
	if (r == 0)
		r = pin(a, a->stub_fd, err);
	if (r == 0 && was_tcx)
		pins_detach_link(a->datapath, old);
	return r;
}

/* ---- either way ------------------------------------------------------------------------------ */

static int leave_clsact(void *data, struct bl_err *err)
{
	const struct attaching *a = data;
	const struct filter_hook filter =
		filter_hook(a->hook->ifname, a->hook->ifindex, a->hook->place);

	remove_filter(a->dir, &filter);
	return 0;
}

static int attach_tcx(struct attaching *a, struct bl_err *err)
{
	bl_autoclose int link = -1, old = -1;
	bool is_link = pins_open(a->pin, &link), was_clsact = link >= 0 && !is_link;
	uint32_t ifindex = 0;
	int r;

	if (is_link && open_link(link, &ifindex, &old) == 0 && ifindex == a->hook->ifindex &&
	    is_our_stub(a->datapath, old))
		return 0;
	a->attached = true;
	r = load_stub(a, err);
	if (r < 0)
		return r;
	if (is_link && ifindex == a->hook->ifindex) {
		r = bpf_link_update(link, a->stub_fd, NULL);
		return r < 0 ? bl_fail_errno(err, r, "updating link '%s'", a->pin) : 0;
	}
	if (is_link && ifindex != 0)
		pins_detach_link(a->datapath, link);
	r = netns_do(a->hook->netns_fd, create_link, a, err);
	return r == 0 && was_clsact ? netns_do(a->hook->netns_fd, leave_clsact, a, err) : r;
}

int hook_attach(struct datapath *datapath, const struct hook *hook, bool *ret_attached,
		struct bl_err *err)
{
	bl_autofree char *dir = datapath_endpoint_dir(datapath, hook->endpoint);
	bl_autofree char *path = pins_path(dir, hook->place);
	struct attaching a = {
		.datapath = datapath, .hook = hook, .dir = dir, .pin = path, .stub_fd = -1};
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
	const char *dir;
	const char *const *ifnames;
};

/* A device that is gone took its filter along. */
static int remove_filters(void *data, struct bl_err *err)
{
	struct detaching *d = data;

	for (int i = 0; i < HOOKS_MAX; i++) {
		uint32_t ifindex = d->ifnames[i] ? if_nametoindex(d->ifnames[i]) : 0;
		const struct filter_hook filter =
			filter_hook(d->ifnames[i], ifindex, (enum hook_place)i);

		if (ifindex != 0)
			remove_filter(d->dir, &filter);
	}
	return 0;
}

int hooks_detach(struct datapath *datapath, const char *endpoint, int netns_fd,
		 const char *const ifnames[HOOKS_MAX], struct bl_err *err)
{
	bl_autofree char *dir = datapath_endpoint_dir(datapath, endpoint);
	struct detaching detaching = {.dir = dir, .ifnames = ifnames};
	int r = 0;

	if (netns_fd >= 0 && (datapath->mode == DATAPATH_CLSACT || pins_have_filters(dir)))
		r = netns_do(netns_fd, remove_filters, &detaching, err);
	return r == 0 ? pins_remove(datapath, dir, err) : r;
}
