// SPDX-License-Identifier: Apache-2.0
/* The slots of the program arrays: see the header. */
#include "slot.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "datapath.skel.h"
#include "room.h"

#define MAPS_OF_PROGRAM_MAX 64

/* In the order in which they are written. */
static const struct {
	uint32_t slot;
	const char *program;
	enum bl_direction direction;
} slots[] = {
	{BL_SLOT_DHCP, "bl_dhcp", BL_FROM_VM},
	{BL_SLOT_POD_TO_VM, "bl_pod_to_vm", BL_TO_VM},
	{BL_SLOT_MASQ_TO_VM, "bl_masq_to_vm", BL_TO_VM},
	{BL_SLOT_MASQ_LOOP, "bl_masq_loop", BL_TO_VM},
	{BL_SLOT_POD_FROM_VM, "bl_pod_from_vm", BL_FROM_VM},
	{BL_SLOT_MASQ_FROM_VM, "bl_masq_from_vm", BL_FROM_VM},
	{BL_SLOT_MASQ_POD_OUT, "bl_masq_pod_out", BL_POD_OUT},
};

#define SLOTS (sizeof(slots) / sizeof(slots[0]))

int slots_write(struct datapath *datapath, struct bl_err *err)
{
	for (size_t i = 0; i < SLOTS; i++) {
		const struct bpf_program *program =
			bpf_object__find_program_by_name(datapath->skeleton->obj, slots[i].program);
		int fd, r;

		if (!program)
			return bl_fail(err, -ENOENT, "there is no program '%s'", slots[i].program);
		fd = bpf_program__fd(program);
		r = bpf_map_update_elem(datapath->progs_fd, &slots[i].slot, &fd, BPF_ANY);
		if (r < 0)
			return bl_fail_errno(err, r, "writing the slot of '%s'", slots[i].program);
	}
	return 0;
}

static bool uses_map(int program, uint32_t map_id)
{
	uint32_t ids[MAPS_OF_PROGRAM_MAX];
	struct bpf_prog_info info = {.nr_map_ids = MAPS_OF_PROGRAM_MAX, .map_ids = (uintptr_t)ids};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &len) < 0)
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_OF_PROGRAM_MAX; i++)
		if (ids[i] == map_id)
			return true;
	return false;
}

int slots_copy(int from, int to, uint32_t map_id, struct bl_err *err)
{
	for (size_t i = 0; i < SLOTS; i++) {
		uint32_t slot = slots[i].slot, id;
		bl_autoclose int program = -1;
		int r;

		if (bpf_map_lookup_elem(from, &slot, &id) < 0)
			continue;
		program = bpf_prog_get_fd_by_id(id);
		if (program < 0)
			return bl_fail_errno(err, program, "opening the program in slot %u", slot);
		if (!uses_map(program, map_id))
			continue;
		r = bpf_map_update_elem(to, &slot, &program, BPF_ANY);
		if (r < 0)
			return bl_fail_errno(err, r, "keeping the program of slot %u", slot);
	}
	return 0;
}

int slots_empty(int array, enum bl_direction direction, struct bl_err *err)
{
	for (size_t i = 0; i < SLOTS; i++) {
		int r = slots[i].direction == direction ? bpf_map_delete_elem(array, &slots[i].slot)
							: 0;

		if (r < 0 && r != -ENOENT)
			return bl_fail_errno(err, r, "emptying slot %u", slots[i].slot);
	}
	return 0;
}
