// SPDX-License-Identifier: Apache-2.0
/* Namespaces that lose their name under a line, and namespaces that end. */
#define TEST "netns"
#include "endpoint.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int stay_here(void *data, struct bl_err *err)
{
	*(pid_t *)data = fork();
	if (*(pid_t *)data == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sleep", "sleep", "infinity", NULL);
		_exit(1);
	}
	return 0;
}

/* A process in the pod, as a VMM would be. */
static pid_t settle(const struct fixture *f)
{
	pid_t pid;

	assert_int_equal(netns_do(f->pod.netns_fd, stay_here, &pid, NULL), 0);
	assert_true(pid > 0);
	return pid;
}

static void leave(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool is_unnamed(const struct fixture *f)
{
	const struct endpoint *endpoint = endpoint_find(f->endpoints, f->pod.name);
	bl_auto_json struct cJSON *json = endpoint_describe(f->endpoints, endpoint);

	return bl_json_get_bool(json, "unnamed", false);
}

/* The name of a namespace in which a VMM lives is taken away: the line goes on, is kept in order, and is
 * there when the next agent looks. */
static void test_name_taken_away(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	pid_t pid = settle(f);

	attach(f, &spec);
	assert_false(is_unnamed(f));
	run("umount -l %s", f->pod.netns_path); /* busy: this test has it open */
	wait_changed(f, 1);
	assert_true(is_unnamed(f));
	assert_line(f);
	restart(f);
	assert_true(is_unnamed(f));
	assert_line(f);
	run("nsenter --net=/proc/%d/ns/net ip link del tap0", pid);
	wait_changed(f, 2);
	assert_line(f);
	run("mount --bind /proc/%d/ns/net %s", pid, f->pod.netns_path);
	wait_changed(f, 3);
	assert_false(is_unnamed(f));
	run("umount -l %s", f->pod.netns_path);
	wait_changed(f, 4);
	leave(pid); /* nobody is left in it, though this test still holds it */
	restart(f);
	assert_null(endpoint_find(f->endpoints, f->pod.name));
	assert_no_line(f);
}

/* A number may be another namespace's by the time that it is looked for. */
static void test_namespace_found_by_cookie(void **state)
{
	struct fixture *f = *state;
	bl_autoclose int fd = -1;
	struct netns_id id, other;
	pid_t pid = settle(f);

	assert_int_equal(netns_identify(f->pod.netns_fd, &id, &f->err), 0);
	assert_true(id.cookie != 0);
	assert_int_equal(netns_find(&id, &fd, &f->err), 0);
	assert_int_equal(netns_identify(fd, &other, &f->err), 0);
	assert_true(other.inode == id.inode && other.cookie == id.cookie);
	close(bl_take_fd(&fd));
	other.cookie++;
	assert_int_equal(netns_find(&other, &fd, &f->err), -ENOENT);
	other.cookie = 0;
	assert_int_equal(netns_find(&other, &fd, &f->err), -ENOENT);
	leave(pid);
	assert_int_equal(netns_find(&id, &fd, &f->err), -ENOENT);
}

static void test_namespace_gone(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	pod_remove(&f->pod);
	wait_changed(f, 1);
	assert_int_equal(number("ls " BPFFS " | grep -vc '^maps$' || true"), 0);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_name_taken_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_namespace_found_by_cookie, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_namespace_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, take_turn, NULL);
}
