// SPDX-License-Identifier: Apache-2.0
/*
 * The work queue: a list of keys, each with a timer of its own. A key stays known while it waits or
 * has a back-off to remember, and is dropped otherwise.
 */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

struct queue_item {
	struct queue *queue;
	struct queue_item *next;
	struct bl_timer timer;
	char *key;
	uint64_t backoff_ns; /* of the last failure; 0: none */
};

struct queue {
	struct bl_loop *loop;
	struct queue_item *items;
	queue_fn *fn;
	void *data;
};

struct queue *queue_new(struct bl_loop *loop, queue_fn *fn, void *data)
{
	struct queue *queue = bl_alloc(sizeof(*queue));

	*queue = (struct queue){.loop = loop, .fn = fn, .data = data};
	return queue;
}

static struct queue_item **item_slot(struct queue *queue, const char *key)
{
	struct queue_item **slot = &queue->items;

	while (*slot && strcmp((*slot)->key, key) != 0)
		slot = &(*slot)->next;
	return slot;
}

static void item_free(struct queue_item *item)
{
	bl_timer_disarm(&item->timer);
	free(item->key);
	free(item);
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	while (queue->items) {
		struct queue_item *item = queue->items;

		queue->items = item->next;
		item_free(item);
	}
	free(queue);
}

static struct queue_item *item_get(struct queue *queue, const char *key)
{
	struct queue_item **slot = item_slot(queue, key);

	if (!*slot) {
		*slot = bl_alloc(sizeof(**slot));
		**slot = (struct queue_item){.queue = queue, .key = bl_strdup(key)};
	}
	return *slot;
}

/* Forgets the key when nothing is left to remember of it. */
static void item_drop(struct queue *queue, const char *key)
{
	struct queue_item **slot = item_slot(queue, key);
	struct queue_item *item = *slot;

	if (!item || item->timer.loop || item->backoff_ns)
		return;
	*slot = item->next;
	item_free(item);
}

static void item_due(struct bl_timer *timer)
{
	struct queue_item *item = timer->data;
	struct queue *queue = item->queue;
	bl_autofree char *key = bl_strdup(item->key);

	item_drop(queue, key);
	queue->fn(key, queue->data);
}

void queue_add_after(struct queue *queue, const char *key, uint64_t after_ns)
{
	struct queue_item *item = item_get(queue, key);

	if (item->timer.loop && item->timer.deadline_ns <= bl_now_ns() + after_ns)
		return;
	bl_timer_arm(queue->loop, &item->timer, after_ns, item_due, item);
}

void queue_add(struct queue *queue, const char *key)
{
	queue_add_after(queue, key, 0);
}

uint64_t queue_retry(struct queue *queue, const char *key)
{
	struct queue_item *item = item_get(queue, key);
	uint64_t backoff = item->backoff_ns ? item->backoff_ns * 2 : QUEUE_RETRY_MIN_NS;

	item->backoff_ns = backoff < QUEUE_RETRY_MAX_NS ? backoff : QUEUE_RETRY_MAX_NS;
	backoff = item->backoff_ns;
	queue_add_after(queue, key, backoff);
	return backoff;
}

void queue_forget(struct queue *queue, const char *key)
{
	struct queue_item *item = *item_slot(queue, key);

	if (!item)
		return;
	item->backoff_ns = 0;
	item_drop(queue, key);
}
