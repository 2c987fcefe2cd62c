// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls that nothing in a VM's container needs. It holds libvirt, QEMU and the launcher,
 * unprivileged and without capabilities, so the kernel refuses most of these anyhow; the filter takes
 * the code behind them out of reach. Names that the runtime does not know are skipped by it.
 */
#include "bundle.h"

#include <errno.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const refused[] = {
	/* the kernel itself */
	"bpf",
	"create_module",
	"delete_module",
	"finit_module",
	"get_kernel_syms",
	"init_module",
	"kexec_file_load",
	"kexec_load",
	"lookup_dcookie",
	"nfsservctl",
	"perf_event_open",
	"query_module",
	"reboot",
	"swapoff",
	"swapon",
	"sysfs",
	"syslog",
	"uselib",
	"ustat",
	"_sysctl",
	"acct",
	"quotactl",
	"quotactl_fd",
	"vm86",
	"vm86old",
	"iopl",
	"ioperm",
	/* mounts and namespaces */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"setns",
	"unshare",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	"name_to_handle_at",
	"open_by_handle_at",
	"fanotify_init",
	"fanotify_mark",
	/* keys, clocks, other processes */
	"add_key",
	"keyctl",
	"request_key",
	"adjtimex",
	"clock_adjtime",
	"clock_adjtime64",
	"clock_settime",
	"clock_settime64",
	"settimeofday",
	"stime",
	"sethostname",
	"setdomainname",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	"vhangup",
	"move_pages",
	"migrate_pages",
};

/* Programs fall back when these are missing, so they are "not there" rather than "not allowed":
 * io_uring's attack surface, and pages handled in user space. */
static const char *const missing[] = {"io_uring_setup", "io_uring_enter", "io_uring_register",
				      "userfaultfd", "clone3"};

static struct cJSON *make_rule(const char *const *names, size_t n_names, int code)
{
	struct cJSON *rule = bl_json_object(), *list = bl_json_array();

	for (size_t i = 0; i < n_names; i++)
		bl_json_append(list, bl_json_string(names[i]));
	bl_json_set(rule, "names", list);
	bl_json_set_string(rule, "action", "SCMP_ACT_ERRNO");
	bl_json_set_number(rule, "errnoRet", code);
	return rule;
}

/* clone() with any flag of a new namespace. clone3() hides its flags from the filter, hence above. */
static struct cJSON *make_clone_rule(unsigned int flag)
{
	static const char *const name[] = {"clone"};
	struct cJSON *rule = make_rule(name, 1, EPERM), *args = bl_json_array();
	struct cJSON *match = bl_json_object();

	bl_json_set_number(match, "index", 0);
	bl_json_set_number(match, "value", flag);
	bl_json_set_number(match, "valueTwo", flag);
	bl_json_set_string(match, "op", "SCMP_CMP_MASKED_EQ");
	bl_json_append(args, match);
	bl_json_set(rule, "args", args);
	return rule;
}

struct cJSON *bundle_seccomp(void)
{
	/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
	static const unsigned int clone_flags[] = {0x00020000, 0x02000000, 0x04000000, 0x08000000,
						   0x10000000, 0x20000000, 0x40000000};
	static const char *const architectures[] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
						    "SCMP_ARCH_X32"};
	struct cJSON *seccomp = bl_json_object(), *rules = bl_json_array();
	struct cJSON *list = bl_json_array();

	for (size_t i = 0; i < N(architectures); i++)
		bl_json_append(list, bl_json_string(architectures[i]));
	bl_json_append(rules, make_rule(refused, N(refused), EPERM));
	bl_json_append(rules, make_rule(missing, N(missing), ENOSYS));
	for (size_t i = 0; i < N(clone_flags); i++)
		bl_json_append(rules, make_clone_rule(clone_flags[i]));
	bl_json_set_string(seccomp, "defaultAction", "SCMP_ACT_ALLOW");
	bl_json_set(seccomp, "architectures", list);
	bl_json_set(seccomp, "syscalls", rules);
	return seccomp;
}
