// SPDX-License-Identifier: Apache-2.0
/* The work queue: one entry per key, earliest time wins, back-off doubles and is forgotten. */
#include "unit.h"

#include <beeline/loop.h>

#include "../../agent/queue.h"

#define MS 1000000ull

struct fixture {
	struct bl_loop *loop;
	struct queue *queue;
	char seen[256]; /* keys in their order, each followed by ' ' */
	bool add_again; /* once, from inside the callback */
};

static void look(const char *key, void *data)
{
	struct fixture *fixture = data;

	strcat(strcat(fixture->seen, key), " ");
	if (fixture->add_again) {
		fixture->add_again = false;
		queue_add(fixture->queue, key);
	}
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_int_equal(bl_loop_new(&fixture->loop, NULL), 0);
	fixture->queue = queue_new(fixture->loop, look, fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	queue_free(fixture->queue);
	bl_loop_free(fixture->loop);
	free(fixture);
	return 0;
}

/* Turns the loop until nothing has been due for a while. */
static void turn(struct fixture *fixture)
{
	size_t before;

	do {
		before = strlen(fixture->seen);
		bl_loop_once(fixture->loop, 0);
		bl_loop_once(fixture->loop, 0);
	} while (strlen(fixture->seen) != before);
}

static void test_one_entry(void **state)
{
	struct fixture *fixture = *state;

	queue_add(fixture->queue, "a");
	queue_add(fixture->queue, "b");
	queue_add(fixture->queue, "a");
	assert_string_equal(fixture->seen, "");
	turn(fixture);
	assert_true(strcmp(fixture->seen, "a b ") == 0 || strcmp(fixture->seen, "b a ") == 0);
}

static void test_add_from_inside(void **state)
{
	struct fixture *fixture = *state;

	fixture->add_again = true;
	queue_add(fixture->queue, "a");
	turn(fixture);
	assert_string_equal(fixture->seen, "a a ");
}

static void test_earliest_wins(void **state)
{
	struct fixture *fixture = *state;

	queue_add_after(fixture->queue, "a", 3600000 * MS);
	turn(fixture);
	assert_string_equal(fixture->seen, "");
	queue_add(fixture->queue, "a");
	queue_add_after(fixture->queue, "a", 3600000 * MS);
	turn(fixture);
	assert_string_equal(fixture->seen, "a ");
}

static void test_backoff(void **state)
{
	struct fixture *fixture = *state;
	uint64_t after = QUEUE_RETRY_MIN_NS;

	assert_int_equal(queue_retry(fixture->queue, "a"), after);
	assert_int_equal(queue_retry(fixture->queue, "a"), after * 2);
	assert_int_equal(queue_retry(fixture->queue, "b"), after);
	for (int i = 0; i < 20; i++)
		after = queue_retry(fixture->queue, "a");
	assert_int_equal(after, QUEUE_RETRY_MAX_NS);
	queue_forget(fixture->queue, "a");
	assert_int_equal(queue_retry(fixture->queue, "a"), QUEUE_RETRY_MIN_NS);
	turn(fixture);
	assert_string_equal(fixture->seen, "");
}

/* The back-off outlives the look that it led to. */
static void test_backoff_grows_over_looks(void **state)
{
	struct fixture *fixture = *state;

	queue_retry(fixture->queue, "a");
	queue_add(fixture->queue, "a");
	turn(fixture);
	assert_string_equal(fixture->seen, "a ");
	assert_int_equal(queue_retry(fixture->queue, "a"), QUEUE_RETRY_MIN_NS * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_add_from_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earliest_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backoff, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backoff_grows_over_looks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
