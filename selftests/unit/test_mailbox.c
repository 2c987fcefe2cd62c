// SPDX-License-Identifier: Apache-2.0
/* Letters between two threads: all arrive, once, in their order, and waiting works both ways. */
#include "unit.h"

#include <poll.h>
#include <pthread.h>

#include "../../launcher/mailbox.h"

#define LETTERS 20000

struct numbered {
	struct letter letter;
	int number;
};

static struct mailbox *new_mailbox(bool blocking)
{
	struct mailbox *mailbox = NULL;

	assert_int_equal(mailbox_new(blocking, &mailbox, NULL), 0);
	return mailbox;
}

static void post(struct mailbox *mailbox, int number)
{
	struct numbered *numbered = bl_alloc(sizeof(*numbered));

	numbered->number = number;
	mailbox_post(mailbox, &numbered->letter);
}

static int take(struct mailbox *mailbox)
{
	struct numbered *numbered = (struct numbered *)mailbox_take(mailbox);
	int number = numbered ? numbered->number : -1;

	free(numbered);
	return number;
}

static bool is_readable(const struct mailbox *mailbox)
{
	struct pollfd poll_fd = {.fd = mailbox_fd(mailbox), .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void an_empty_mailbox_says_so(void **state)
{
	struct mailbox *mailbox = new_mailbox(false);

	assert_false(is_readable(mailbox));
	assert_null(mailbox_take(mailbox));
	post(mailbox, 7);
	post(mailbox, 8);
	assert_true(is_readable(mailbox));
	assert_int_equal(take(mailbox), 7);
	assert_true(is_readable(mailbox));
	assert_int_equal(take(mailbox), 8);
	assert_false(is_readable(mailbox));
	assert_null(mailbox_take(mailbox));
	mailbox_free(mailbox);
}

static void *post_all(void *data)
{
	for (int i = 0; i < LETTERS; i++)
		post(data, i);
	return NULL;
}

static void letters_arrive_once_and_in_order(void **state)
{
	struct mailbox *mailbox = new_mailbox(true);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, post_all, mailbox), 0);
	for (int i = 0; i < LETTERS; i++)
		assert_int_equal(take(mailbox), i);
	pthread_join(thread, NULL);
	assert_false(is_readable(mailbox));
	mailbox_free(mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_mailbox_says_so),
		cmocka_unit_test(letters_arrive_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
