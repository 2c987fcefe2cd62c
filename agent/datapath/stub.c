// SPDX-License-Identifier: Apache-2.0
/*
 * The instructions of a stub. They are written out by hand because a thousand stubs are loaded, and
 * an object file for each would cost a hundred times more than these eight instructions do.
 */
#include "stub.h"

const char *stub_name(enum hook_place place)
{
	static const char *const names[HOOKS_MAX] = {
		[HOOK_TO_VM] = "bl_to_vm",
		[HOOK_FROM_VM] = "bl_from_vm",
		[HOOK_POD_OUT] = "bl_pod_out",
		[HOOK_LOOP] = "bl_loop",
	};

	return names[place];
}

static struct bpf_insn mov_imm(uint8_t dst, int32_t imm)
{
	return (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = dst, .imm = imm};
}

/* The context arrives in r1, where the tail call wants it, so nothing has to be saved. A store of an
 * immediate into the context is refused before 6.4: the index takes the way through a register. */
void stub_build(struct bpf_insn insns[STUB_INSNS], uint32_t index, int progs_fd, enum bl_slot slot)
{
	const struct bpf_insn program[STUB_INSNS] = {
		mov_imm(BPF_REG_2, (int32_t)index),
		{
			.code = BPF_STX | BPF_MEM | BPF_W,
			.dst_reg = BPF_REG_1,
			.src_reg = BPF_REG_2,
			.off = offsetof(struct __sk_buff, cb),
		},
		{
			.code = BPF_LD | BPF_IMM | BPF_DW,
			.dst_reg = BPF_REG_2,
			.src_reg = BPF_PSEUDO_MAP_FD,
			.imm = progs_fd,
		},
		{0}, /* second half of the 64-bit load */
		mov_imm(BPF_REG_3, slot),
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		mov_imm(BPF_REG_0, -1), /* TCX_NEXT, which clsact knows as TC_ACT_UNSPEC */
		{.code = BPF_JMP | BPF_EXIT},
	};

	for (size_t i = 0; i < STUB_INSNS; i++)
		insns[i] = program[i];
}
