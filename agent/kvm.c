// SPDX-License-Identifier: Apache-2.0
/*
 * The probe: a VM with one vCPU in 64-bit mode, whose program uses one SSE2 instruction (part of
 * every x86-64), turns a loop a million times (well below a millisecond on a processor, seconds in an
 * emulator), and says that it is done by a port write. The child's exit status tells how far it got.
 */
#include "kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define PROBE_SECONDS 1

#define MEMORY_SIZE (4 * 1024 * 1024)
#define PML4_AT     0x2000
#define PDPT_AT     0x3000
#define PD_AT       0x4003 /* 0x4000, present and writable */
#define CODE_AT     0x10000
#define DONE_PORT   0xf4
#define DONE_VALUE  42
#define CPUID_MAX   256

/* cr4 |= OSFXSR | OSXMMEXCPT; pxor xmm0, xmm0; ecx = 1000000; 1: dec ecx; jnz 1b; al = 42;
 * out 0xf4, al */
static const uint8_t payload[] = {0x0f, 0x20, 0xe0,       0x48, 0x0d,     0x00, 0x06, 0x00,
				  0x00, 0x0f, 0x22,       0xe0, 0x66,     0x0f, 0xef, 0xc0,
				  0xb9, 0x40, 0x42,       0x0f, 0x00,     0xff, 0xc9, 0x75,
				  0xfc, 0xb0, DONE_VALUE, 0xe6, DONE_PORT};

enum result {
	RAN,
	NO_DEVICE,
	NOT_ALLOWED,
	NO_VM,
	NO_MEMORY,
	NO_VCPU,
	NO_REGISTERS,
	STOPPED_EARLY,
	N_RESULTS,
};

static const char *const reasons[] = {
	[RAN] = "a test program ran under it",
	[NO_DEVICE] = "/dev/kvm does not exist or does not open",
	[NOT_ALLOWED] = "/dev/kvm may not be opened",
	[NO_VM] = "/dev/kvm makes no VM",
	[NO_MEMORY] = "/dev/kvm takes no memory for a VM",
	[NO_VCPU] = "/dev/kvm makes no vCPU",
	[NO_REGISTERS] = "/dev/kvm refuses the registers of a 64-bit vCPU",
	[STOPPED_EARLY] = "/dev/kvm exists, but a test program did not run to its end under it",
};
_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == N_RESULTS, "a reason for each result");

/* Identity map of the first gigabyte by 2 MiB pages. */
static void write_memory(uint8_t *memory)
{
	uint64_t *pml4 = (uint64_t *)(memory + PML4_AT);
	uint64_t *pdpt = (uint64_t *)(memory + PDPT_AT);
	uint64_t *pd = (uint64_t *)(memory + (PD_AT & ~0xfff));

	pml4[0] = PDPT_AT | 3;
	pdpt[0] = PD_AT;
	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83;
	memcpy(memory + CODE_AT, payload, sizeof(payload));
}

static int give_memory(int vm)
{
	uint8_t *memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY_SIZE,
		.userspace_addr = (uintptr_t)memory,
	};

	if (memory == MAP_FAILED)
		return -1;
	write_memory(memory);
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static int set_cpuid(int kvm, int vcpu)
{
	bl_autofree struct kvm_cpuid2 *cpuid =
		bl_alloc(sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));

	cpuid->nent = CPUID_MAX;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return -1;
	return ioctl(vcpu, KVM_SET_CPUID2, cpuid);
}

static int set_registers(int vcpu)
{
	struct kvm_segment code = {
		.limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
	struct kvm_segment data = {
		.limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
	struct kvm_regs regs = {.rip = CODE_AT, .rflags = 2};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x80050033; /* PE, MP, ET, NE, WP, AM, PG */
	sregs.cr3 = PML4_AT;
	sregs.cr4 = 0x20;   /* PAE */
	sregs.efer = 0x500; /* LME, LMA */
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	return ioctl(vcpu, KVM_SET_REGS, &regs);
}

static enum result run(int kvm, int vcpu)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run;

	if (size <= 0)
		return NO_VCPU;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return NO_VCPU;
	if (ioctl(vcpu, KVM_RUN, 0) < 0 || run->exit_reason != KVM_EXIT_IO ||
	    run->io.port != DONE_PORT || *((uint8_t *)run + run->io.data_offset) != DONE_VALUE)
		return STOPPED_EARLY;
	return RAN;
}

/* In the child: what it opens is closed by its end. */
static enum result probe(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu;

	if (kvm < 0)
		return errno == EACCES || errno == EPERM ? NOT_ALLOWED : NO_DEVICE;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		return NO_VM;
	if (give_memory(vm) < 0)
		return NO_MEMORY;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return NO_VCPU;
	if (set_cpuid(kvm, vcpu) < 0 || set_registers(vcpu) < 0)
		return NO_REGISTERS;
	return run(kvm, vcpu);
}

/* A child that the alarm killed has no exit status: it was still running. */
static void on_end(struct bl_child *child, int status)
{
	struct kvm_probe *probe = child->data;
	enum result result = STOPPED_EARLY;

	if (WIFEXITED(status) && WEXITSTATUS(status) < N_RESULTS)
		result = WEXITSTATUS(status);
	probe->fn(result == RAN, reasons[result], probe->data);
}

int kvm_probe_start(struct bl_loop *loop, struct kvm_probe *ret_probe, kvm_fn *fn, void *data,
		    struct bl_err *err)
{
	pid_t pid = fork();
	int r;

	if (pid == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(PROBE_SECONDS);
		_exit(probe());
	}
	if (pid < 0)
		return bl_fail_errno(err, -errno, "starting the probe of KVM");
	ret_probe->fn = fn;
	ret_probe->data = data;
	r = bl_child_watch(loop, &ret_probe->child, pid, on_end, ret_probe, err);
	return r < 0 ? bl_wrap(err, "the probe of KVM") : 0;
}

void kvm_probe_release(struct kvm_probe *probe)
{
	if (!probe->child.pid)
		return;
	kill(probe->child.pid, SIGKILL);
	bl_child_abandon(&probe->child);
}
