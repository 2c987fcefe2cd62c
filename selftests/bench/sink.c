// SPDX-License-Identifier: Apache-2.0
/* A counting drop; see sink.h. */
#include "sink.h"

#include <errno.h>
#include <stddef.h>
#include <net/if.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../../agent/netns.h"

#define TCX_INGRESS 46 /* enum bpf_attach_type of kernel 6.6 */
#define TCX_DROP    2

static struct bpf_insn load(int size, int to, int from, int offset)
{
	return (struct bpf_insn){
		.code = BPF_LDX | BPF_MEM | size, .dst_reg = to, .src_reg = from, .off = offset};
}

static struct bpf_insn store(int to, int offset, int from)
{
	return (struct bpf_insn){
		.code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = to, .src_reg = from, .off = offset};
}

static struct bpf_insn alu(int op, int to, int source, int value)
{
	return (struct bpf_insn){.code = BPF_ALU64 | op | source,
				 .dst_reg = to,
				 .src_reg = source == BPF_X ? value : 0,
				 .imm = source == BPF_K ? value : 0};
}

static int load_program(int map_fd)
{
	const struct bpf_insn program[] = {
		load(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct __sk_buff, len)),
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_3,
		 .src_reg = BPF_PSEUDO_MAP_VALUE,
		 .imm = map_fd},
		{0}, /* second half of the 64-bit load */
		load(BPF_DW, BPF_REG_4, BPF_REG_3, offsetof(struct sink_counts, packets)),
		alu(BPF_ADD, BPF_REG_4, BPF_K, 1),
		store(BPF_REG_3, offsetof(struct sink_counts, packets), BPF_REG_4),
		load(BPF_DW, BPF_REG_4, BPF_REG_3, offsetof(struct sink_counts, bytes)),
		alu(BPF_ADD, BPF_REG_4, BPF_X, BPF_REG_2),
		store(BPF_REG_3, offsetof(struct sink_counts, bytes), BPF_REG_4),
		alu(BPF_MOV, BPF_REG_0, BPF_K, TCX_DROP),
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "bench_sink", "GPL", program,
			     sizeof(program) / sizeof(program[0]), NULL);
}

struct attaching {
	const char *device;
	int prog_fd;
};

static int attach_here(void *data, struct bl_err *err)
{
	const struct attaching *a = data;
	int fd = bpf_link_create(a->prog_fd, (int)if_nametoindex(a->device), TCX_INGRESS, NULL);

	return fd < 0 ? bl_fail_errno(err, fd, "attaching the sink to %s", a->device) : 0;
}

int sink_attach(int netns_fd, const char *device, const struct sink_counts **ret_counts,
		struct bl_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int map_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "bench_sink", sizeof(uint32_t),
				    sizeof(struct sink_counts), 1, &opts);
	struct attaching a = {.device = device};
	void *counts;

	if (map_fd < 0)
		return bl_fail_errno(err, map_fd, "making the sink's counter");
	a.prog_fd = load_program(map_fd);
	if (a.prog_fd < 0)
		return bl_fail_errno(err, a.prog_fd, "loading the sink");
	counts = mmap(NULL, sizeof(struct sink_counts), PROT_READ, MAP_SHARED, map_fd, 0);
	if (counts == MAP_FAILED)
		return bl_fail_errno(err, -errno, "mapping the sink's counter");
	*ret_counts = counts;
	return netns_do(netns_fd, attach_here, &a, err);
}
