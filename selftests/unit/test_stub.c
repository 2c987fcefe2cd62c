// SPDX-License-Identifier: Apache-2.0
/* The instructions of a stub, as the kernel will read them. */
#include "unit.h"

#include "../../agent/datapath/stub.h"

static void test_instructions(void **state)
{
	struct bpf_insn insns[STUB_INSNS];

	stub_build(insns, 1023, 7, BL_SLOT_MASQ_FROM_VM);
	/* r2 = index */
	assert_int_equal(insns[0].code, BPF_ALU64 | BPF_MOV | BPF_K);
	assert_int_equal(insns[0].dst_reg, 2);
	assert_int_equal(insns[0].imm, 1023);
	/* skb->cb[0] = r2 */
	assert_int_equal(insns[1].code, BPF_STX | BPF_MEM | BPF_W);
	assert_int_equal(insns[1].dst_reg, 1);
	assert_int_equal(insns[1].src_reg, 2);
	assert_int_equal(insns[1].off, offsetof(struct __sk_buff, cb));
	/* r2 = map by descriptor: two instructions wide */
	assert_int_equal(insns[2].code, BPF_LD | BPF_IMM | BPF_DW);
	assert_int_equal(insns[2].src_reg, BPF_PSEUDO_MAP_FD);
	assert_int_equal(insns[2].imm, 7);
	assert_int_equal(insns[3].code, 0);
	/* r3 = slot, tail call, else NEXT */
	assert_int_equal(insns[4].imm, BL_SLOT_MASQ_FROM_VM);
	assert_int_equal(insns[5].imm, BPF_FUNC_tail_call);
	assert_int_equal(insns[6].dst_reg, 0);
	assert_int_equal(insns[6].imm, -1);
	assert_int_equal(insns[7].code, BPF_JMP | BPF_EXIT);
}

/* bpftool shows 15 characters, and nobody's name begins like Cilium's. */
static void test_names(void **state)
{
	for (int i = 0; i < BL_DIRECTIONS_MAX; i++) {
		assert_non_null(stub_name(i));
		assert_true(strlen(stub_name(i)) <= 15);
		assert_int_equal(strncmp(stub_name(i), "bl_", 3), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
