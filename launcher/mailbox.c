// SPDX-License-Identifier: Apache-2.0
/*
 * Messages between threads: see mailbox.h. The eventfd is a semaphore, one count per message, so
 * that whoever got a count finds a message.
 */
#include "mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <beeline/file.h>

struct mailbox {
	pthread_mutex_t lock;
	struct letter *first;
	struct letter **end;
	int fd;
};

int mailbox_new(bool blocking, struct mailbox **ret_mailbox, struct bl_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | (blocking ? 0 : EFD_NONBLOCK));
	struct mailbox *mailbox;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "eventfd");
	mailbox = bl_alloc(sizeof(*mailbox));
	pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->end = &mailbox->first;
	mailbox->fd = fd;
	*ret_mailbox = mailbox;
	return 0;
}

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	close(mailbox->fd);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

int mailbox_fd(const struct mailbox *mailbox)
{
	return mailbox->fd;
}

void mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
	letter->next = NULL;
	pthread_mutex_lock(&mailbox->lock);
	*mailbox->end = letter;
	mailbox->end = &letter->next;
	pthread_mutex_unlock(&mailbox->lock);
	eventfd_write(mailbox->fd, 1);
}

struct letter *mailbox_take(struct mailbox *mailbox)
{
	struct letter *letter;
	eventfd_t count;

	while (eventfd_read(mailbox->fd, &count) < 0) {
		if (errno != EINTR)
			return NULL;
	}
	pthread_mutex_lock(&mailbox->lock);
	letter = mailbox->first;
	mailbox->first = letter->next;
	if (!mailbox->first)
		mailbox->end = &mailbox->first;
	pthread_mutex_unlock(&mailbox->lock);
	return letter;
}
