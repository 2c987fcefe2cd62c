// SPDX-License-Identifier: Apache-2.0
/*
 * The link to a launcher against one that is played here: it is dialled until it answers, only as the
 * right user, its states arrive in order, and it is found again after its death.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include <beeline/json.h>
#include <beeline/launcher.h>
#include <beeline/loop.h>
#include <beeline/rpc.h>

#include "../../agent/launcher_link.h"

#define TURNS_MAX 2000

struct fixture {
	struct bl_loop *loop;
	char *dir, *socket;
	struct launcher_link *link;
	unsigned int n_changes;
	uid_t uid;
	/* the launcher's side */
	struct bl_io listening;
	struct bl_rpc *rpc;
	char calls[512]; /* "state sync shutdown:30 " */
	const char *phase;
	bool refuse_sync;
};

static struct cJSON *state_of(const char *phase)
{
	struct cJSON *state = bl_json_object();

	bl_json_set_string(state, "phase", phase);
	return state;
}

static void called(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		   const struct cJSON *params, int *fds, unsigned int n_fds)
{
	struct fixture *fixture = bl_rpc_data(rpc);
	struct bl_err err;

	strcat(fixture->calls, method);
	if (strcmp(method, "shutdown") == 0)
		sprintf(strchr(fixture->calls, '\0'), ":%.0f",
			bl_json_get_number(params, "graceSeconds", -1));
	strcat(fixture->calls, " ");
	if (strcmp(method, "sync") == 0 && fixture->refuse_sync) {
		bl_fail(&err, -EINVAL, "no such disk");
		bl_rpc_error(call, &err);
		return;
	}
	bl_rpc_reply(call,
		     strcmp(method, "state") == 0 ? state_of(fixture->phase) : bl_json_object());
}

static void closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	struct fixture *fixture = bl_rpc_data(rpc);

	bl_rpc_free(rpc);
	fixture->rpc = NULL;
}

static void dialled(struct bl_io *io, uint32_t events)
{
	static const struct bl_rpc_ops ops = {.call = called, .closed = closed};
	struct fixture *fixture = io->data;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	assert_null(fixture->rpc);
	assert_int_equal(bl_rpc_new(fixture->loop, fd, "beeline-launcher", &ops, fixture,
				    &fixture->rpc, NULL),
			 0);
}

static void launcher_begin(struct fixture *fixture)
{
	int fd = -1;

	assert_int_equal(bl_unix_listen(fixture->socket, 0600, &fd, NULL), 0);
	assert_int_equal(
		bl_io_add(fixture->loop, &fixture->listening, fd, EPOLLIN, dialled, fixture, NULL),
		0);
}

static void launcher_end(struct fixture *fixture)
{
	bl_rpc_free(fixture->rpc);
	fixture->rpc = NULL;
	if (!fixture->listening.loop)
		return;
	bl_io_remove(&fixture->listening);
	close(fixture->listening.fd);
}

static int open_dir(int *ret_fd, void *data, struct bl_err *err)
{
	const struct fixture *fixture = data;

	*ret_fd = open(fixture->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? bl_fail_errno(err, -errno, "no directory") : 0;
}

static void changed(void *data)
{
	((struct fixture *)data)->n_changes++;
}

static void link_begin(struct fixture *fixture)
{
	const struct launcher_link_config config = {
		.loop = fixture->loop,
		.uid = fixture->uid,
		.open_dir = open_dir,
		.changed = changed,
		.data = fixture,
	};

	fixture->link = launcher_link_new(&config);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_int_equal(bl_loop_new(&fixture->loop, NULL), 0);
	fixture->dir = unit_dir();
	fixture->socket = bl_format("%s%s", fixture->dir, strrchr(BL_LAUNCHER_SOCKET, '/'));
	fixture->phase = "Preparing";
	fixture->uid = getuid();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	launcher_link_free(fixture->link);
	launcher_end(fixture);
	bl_loop_free(fixture->loop);
	free(fixture->socket);
	unit_dir_remove(fixture->dir);
	free(fixture);
	return 0;
}

/* Turns the loop until the condition holds. */
#define turn_until(fixture, condition)                       \
	do {                                                 \
		int _turns = 0;                              \
		while (!(condition) && _turns++ < TURNS_MAX) \
			bl_loop_once((fixture)->loop, 10);   \
		assert_true(condition);                      \
	} while (0)

static const char *phase_of(const struct fixture *fixture)
{
	const char *phase = bl_json_get_string(launcher_link_state(fixture->link), "phase");

	return phase ? phase : "";
}

static void notify(struct fixture *fixture, uint64_t seq, const char *phase)
{
	struct cJSON *event = bl_json_object();

	bl_json_set(event, "state", state_of(phase));
	bl_rpc_notify(fixture->rpc, seq, event);
}

/* The launcher's socket appears only after a while. */
static void test_dials_until_answered(void **state)
{
	struct fixture *fixture = *state;

	link_begin(fixture);
	turn_until(fixture, launcher_link_error(fixture->link)->code == -ENOENT);
	assert_false(launcher_link_is_up(fixture->link));
	launcher_begin(fixture);
	turn_until(fixture, strcmp(phase_of(fixture), "Preparing") == 0);
	assert_true(launcher_link_is_up(fixture->link));
	assert_int_equal(launcher_link_error(fixture->link)->code, 0);
	assert_string_equal(fixture->calls, "state ");
}

static void test_wrong_user(void **state)
{
	struct fixture *fixture = *state;

	fixture->uid = getuid() + 1;
	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, launcher_link_error(fixture->link)->code == -EPERM);
	assert_false(launcher_link_is_up(fixture->link));
	assert_null(launcher_link_state(fixture->link));
}

static void test_states_in_order(void **state)
{
	struct fixture *fixture = *state;
	unsigned int before;

	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, *phase_of(fixture));
	before = fixture->n_changes;
	notify(fixture, 2, "Running");
	notify(fixture, 1, "Failed"); /* older than what came already */
	notify(fixture, 3, "Paused");
	turn_until(fixture, strcmp(phase_of(fixture), "Paused") == 0);
	assert_int_equal(fixture->n_changes, before + 2);
	notify(fixture, 4, "Paused"); /* nothing new */
	notify(fixture, 5, "Running");
	turn_until(fixture, strcmp(phase_of(fixture), "Running") == 0);
	assert_int_equal(fixture->n_changes, before + 3);
}

/* What the old process had been told, the new one is told again. */
static void test_found_again(void **state)
{
	struct fixture *fixture = *state;

	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, *phase_of(fixture));
	launcher_link_sync(fixture->link, bl_json_object());
	assert_true(launcher_link_is_synced(fixture->link));
	turn_until(fixture, strstr(fixture->calls, "sync"));
	launcher_end(fixture);
	turn_until(fixture, !launcher_link_is_up(fixture->link));
	assert_false(launcher_link_is_synced(fixture->link));
	assert_null(launcher_link_state(fixture->link));
	fixture->phase = "Running";
	launcher_begin(fixture);
	turn_until(fixture, strcmp(phase_of(fixture), "Running") == 0);
	assert_false(launcher_link_is_synced(fixture->link));
}

static void test_refused_sync(void **state)
{
	struct fixture *fixture = *state;

	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, *phase_of(fixture));
	fixture->refuse_sync = true;
	launcher_link_sync(fixture->link, bl_json_object());
	turn_until(fixture, !launcher_link_is_synced(fixture->link));
	assert_string_equal(launcher_link_error(fixture->link)->message, "no such disk");
	assert_true(launcher_link_is_up(fixture->link));
}

/* The grace that is left shrinks as time goes by: only what is truly sooner is asked for again. */
static void test_shutdown_once(void **state)
{
	struct fixture *fixture = *state;

	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, *phase_of(fixture));
	launcher_link_shutdown(fixture->link, 30);
	launcher_link_shutdown(fixture->link, 29);
	launcher_link_shutdown(fixture->link, 60);
	launcher_link_shutdown(fixture->link, 0);
	launcher_link_shutdown(fixture->link, 0);
	turn_until(fixture, strstr(fixture->calls, ":0 "));
	assert_string_equal(fixture->calls, "state shutdown:30 shutdown:0 ");
}

static void not_called(const struct cJSON *result, const struct bl_err *why, int *fds,
		       unsigned int n_fds, void *data)
{
	fail_msg("answered");
}

static void test_call_without_link(void **state)
{
	static const struct bl_rpc_reply_ops ops = {.done = not_called};
	struct fixture *fixture = *state;
	struct bl_err err;

	link_begin(fixture);
	assert_fails(
		launcher_link_call(fixture->link, "console", bl_json_object(), &ops, NULL, &err),
		-ENOTCONN, "does not answer");
	assert_fails(launcher_link_call(NULL, "console", NULL, &ops, NULL, &err), -ENOTCONN,
		     "does not answer");
}

static void answered(const struct cJSON *result, const struct bl_err *why, int *fds,
		     unsigned int n_fds, void *data)
{
	*(int *)data = why ? why->code : 1;
}

/* Who waits for an answer gets one, whoever goes first. */
static void test_call_outlives_link(void **state)
{
	static const struct bl_rpc_reply_ops ops = {.done = answered};
	struct fixture *fixture = *state;
	int first = 0, second = 0;

	launcher_begin(fixture);
	link_begin(fixture);
	turn_until(fixture, *phase_of(fixture));
	assert_int_equal(launcher_link_call(fixture->link, "pause", NULL, &ops, &first, NULL), 0);
	turn_until(fixture, first == 1);
	assert_int_equal(launcher_link_call(fixture->link, "pause", NULL, &ops, &second, NULL), 0);
	launcher_link_free(fixture->link);
	fixture->link = NULL;
	assert_int_equal(second, -ENOTCONN);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dials_until_answered), TEST(test_wrong_user),
		TEST(test_states_in_order),      TEST(test_found_again),
		TEST(test_refused_sync),         TEST(test_shutdown_once),
		TEST(test_call_without_link),    TEST(test_call_outlives_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
