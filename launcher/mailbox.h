/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of messages between two threads. The eventfd counts what waits: the loop watches it, a
 * worker blocks on it. Messages are heap objects that begin with a struct letter and change owner
 * by being posted.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

struct letter {
	struct letter *next;
};

struct mailbox;

/* blocking says whether mailbox_take() waits for a message. */
int mailbox_new(bool blocking, struct mailbox **ret_mailbox, struct bl_err *err);
void mailbox_free(struct mailbox *mailbox); /* empty, and no thread uses it any more */
int mailbox_fd(const struct mailbox *mailbox);
void mailbox_post(struct mailbox *mailbox, struct letter *letter);
/* The oldest message, or NULL when there is none (only when not blocking). */
struct letter *mailbox_take(struct mailbox *mailbox);
