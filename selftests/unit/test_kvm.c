// SPDX-License-Identifier: Apache-2.0
/* What the agent finds out about the machine: KVM, and the VMs' user. Depends on where it runs, so
 * only what holds everywhere is asked. */
#include "unit.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <beeline/loop.h>

#include "../../agent/kvm.h"
#include "../../agent/vm_user.h"

#define SECOND_NS (1000ull * 1000 * 1000)

static void test_kvm_is_decided_in_time(void **state)
{
	uint64_t start_ns = bl_now_ns();
	const char *reason = NULL;
	bool usable = kvm_probe(&reason);

	assert_in_range(bl_now_ns() - start_ns, 0, 5 * SECOND_NS);
	assert_non_null(reason);
	if (access("/dev/kvm", F_OK) < 0) {
		assert_false(usable);
		assert_non_null(strstr(reason, "does not exist"));
	}
	/* A machine does not change its mind from one moment to the next. */
	assert_int_equal(kvm_probe(&reason), usable);
}

static void test_vm_user_is_nobody_elses(void **state)
{
	uid_t uid = 0, again = 0;
	const struct passwd *passwd;

	assert_int_equal(vm_user_pick(&uid, NULL), 0);
	assert_int_equal(vm_user_pick(&again, NULL), 0);
	assert_int_equal(uid, again);
	assert_true(uid == 107 || (uid >= 60578 && uid <= 61183));
	passwd = getpwuid(uid);
	assert_true(!passwd || strcmp(passwd->pw_name, "libvirt-qemu") == 0);
	assert_true(passwd || !getgrgid(uid));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kvm_is_decided_in_time),
		cmocka_unit_test(test_vm_user_is_nobody_elses),
	};

	return cmocka_run_group_tests_name("kvm", tests, NULL, NULL);
}
