// SPDX-License-Identifier: Apache-2.0
/* What the agent finds out about the machine: KVM, and the VMs' user. Depends on where it runs, so
 * only what holds everywhere is asked. */
#include "unit.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit_loop.h"

#include "../../agent/kvm.h"
#include "../../agent/vm_user.h"

struct answer {
	bool usable;
	const char *reason; /* NULL: not yet */
};

static void on_answer(bool usable, const char *reason, void *data)
{
	*(struct answer *)data = (struct answer){usable, reason};
}

static struct answer ask(struct bl_loop *loop)
{
	struct kvm_probe probe = {0};
	struct answer answer = {0};

	assert_int_equal(kvm_probe_start(loop, &probe, on_answer, &answer, NULL), 0);
	run_until(loop, answer.reason);
	kvm_probe_release(&probe); /* which has nothing to do */
	return answer;
}

static void test_kvm_is_decided_in_time(void **state)
{
	bl_auto_loop struct bl_loop *loop = NULL;
	struct answer answer;

	assert_int_equal(bl_loop_new(&loop, NULL), 0);
	answer = ask(loop);
	if (access("/dev/kvm", F_OK) < 0) {
		assert_false(answer.usable);
		assert_non_null(strstr(answer.reason, "does not exist"));
	}
	/* A machine does not change its mind from one moment to the next. */
	assert_int_equal(ask(loop).usable, answer.usable);
}

/* Who ends while the machine is tried does not wait for it, and leaves no child. */
static void test_kvm_is_given_up(void **state)
{
	bl_auto_loop struct bl_loop *loop = NULL;
	struct kvm_probe probe = {0};
	struct answer answer = {0};

	assert_int_equal(bl_loop_new(&loop, NULL), 0);
	assert_int_equal(kvm_probe_start(loop, &probe, on_answer, &answer, NULL), 0);
	kvm_probe_release(&probe);
	run_until(loop, waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	assert_null(answer.reason);
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
		cmocka_unit_test(test_kvm_is_given_up),
		cmocka_unit_test(test_vm_user_is_nobody_elses),
	};

	return cmocka_run_group_tests_name("kvm", tests, NULL, NULL);
}
