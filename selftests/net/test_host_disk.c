// SPDX-License-Identifier: Apache-2.0
/* Host disks with real files and owners: which may be shown, and that one is made whole or not at all. */
#include "../unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../agent/vmi/room.h"

#define VM_UID 107
#define MIB    (1024ll * 1024)

struct fixture {
	char *dir;
	struct vmis_config config;
	struct bl_volume volume;
};

static int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->dir = unit_dir();
	f->config = (struct vmis_config){.vm_uid = VM_UID, .host_disk_dir = f->dir};
	f->volume = (struct bl_volume){.name = "d", .kind = BL_VOLUME_HOST_DISK};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free((char *)f->volume.path);
	unit_dir_remove(f->dir);
	free(f);
	return 0;
}

static const char *name(struct fixture *f, const char *file)
{
	free((char *)f->volume.path);
	f->volume.path = bl_format("%s/%s", f->dir, file);
	return f->volume.path;
}

static void make_file(struct fixture *f, const char *file, uid_t owner, mode_t mode)
{
	bl_autoclose int fd = open(name(f, file), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(fchown(fd, owner, owner), 0);
}

static void test_gates(void **state)
{
	struct fixture *f = *state;
	struct bl_err err;

	make_file(f, "disk", VM_UID, 0600);
	assert_int_equal(vmi_host_disk_check(&f->config, &f->volume, false, &err), 0);
	f->config.host_disk_dir = NULL;
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, false, &err), -EPERM, "is off");
	f->config.host_disk_dir = "/usr";
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, false, &err), -EPERM, "not below");
	f->config.host_disk_dir = f->dir;
	assert_fails((name(f, "none"), vmi_host_disk_check(&f->config, &f->volume, false, &err)),
		     -ENOENT, "'d'");
	assert_int_equal(symlink("/etc/passwd", name(f, "link")), 0);
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, true, &err), -ELOOP, "'d'");
	assert_int_equal(symlink("/etc", name(f, "etc")), 0);
	assert_fails(
		(name(f, "etc/passwd"), vmi_host_disk_check(&f->config, &f->volume, true, &err)),
		-ELOOP, "'d'");
}

/* A pipe would hold QEMU for ever. */
static void test_regular_files_only(void **state)
{
	struct fixture *f = *state;
	struct bl_err err;

	assert_int_equal(mkfifo(name(f, "pipe"), 0666), 0);
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, false, &err), -EINVAL, "regular");
	assert_int_equal(mkdir(name(f, "folder"), 0777), 0);
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, false, &err), -EINVAL, "regular");
}

static void test_owner(void **state)
{
	struct fixture *f = *state;
	struct bl_err err;

	make_file(f, "root", 0, 0644);
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, false, &err), -EACCES,
		     "user 107, as whom VMs run, cannot write");
	assert_int_equal(vmi_host_disk_check(&f->config, &f->volume, true, &err), 0);
	make_file(f, "secret", 0, 0600);
	assert_fails(vmi_host_disk_check(&f->config, &f->volume, true, &err), -EACCES, "read");
	/* The agent is itself again. */
	assert_int_equal(access(f->volume.path, R_OK | W_OK), 0);
}

static void test_made_whole(void **state)
{
	struct fixture *f = *state;
	struct stat stat_buf;
	struct bl_err err;

	f->volume.host_disk_type = "DiskOrCreate";
	f->volume.capacity_bytes = 4 * MIB;
	name(f, "new");
	assert_int_equal(vmi_host_disk_check(&f->config, &f->volume, false, &err), 0);
	assert_int_equal(vmi_host_disk_make(&f->config, &f->volume, &err), 0);
	assert_int_equal(stat(f->volume.path, &stat_buf), 0);
	assert_int_equal(stat_buf.st_size, 4 * MIB);
	assert_int_equal(stat_buf.st_uid, VM_UID);
	assert_int_equal(vmi_host_disk_check(&f->config, &f->volume, false, &err), 0);
	/* What is there stays as it is. */
	f->volume.capacity_bytes = 8 * MIB;
	assert_int_equal(vmi_host_disk_make(&f->config, &f->volume, &err), 0);
	assert_int_equal(stat(f->volume.path, &stat_buf), 0);
	assert_int_equal(stat_buf.st_size, 4 * MIB);
}

static void test_made_not_at_all(void **state)
{
	const struct rlimit small = {MIB, MIB};
	struct fixture *f = *state;
	struct bl_err err;

	f->volume.host_disk_type = "DiskOrCreate";
	f->volume.capacity_bytes = 4 * MIB;
	name(f, "huge");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_fails(vmi_host_disk_make(&f->config, &f->volume, &err), -EFBIG, "'d': making");
	assert_int_equal(access(f->volume.path, F_OK), -1);
	name(f, "none/new");
	assert_fails(vmi_host_disk_make(&f->config, &f->volume, &err), -ENOENT, "'d'");
	f->volume.host_disk_type = "Disk";
	name(f, "disk");
	assert_int_equal(vmi_host_disk_make(&f->config, &f->volume, &err), 0);
	assert_int_equal(access(f->volume.path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_regular_files_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_made_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_made_not_at_all, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
