/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A work queue of keys. Work is level-driven: a key in the queue says "look at this again", never
 * what happened, so any number of reasons to look are one entry. What failed is looked at again
 * after a back-off of its own that doubles from QUEUE_RETRY_MIN_NS to QUEUE_RETRY_MAX_NS until it
 * is forgotten.
 */
#pragma once

#include <stdint.h>

#include <beeline/loop.h>

#define QUEUE_RETRY_MIN_NS 250000000ull
#define QUEUE_RETRY_MAX_NS 60000000000ull

struct queue;

/* Called from the loop, one key at a time; the key is borrowed and gone from the queue, so fn may
 * add it again. */
typedef void queue_fn(const char *key, void *data);

struct queue *queue_new(struct bl_loop *loop, queue_fn *fn, void *data);
void queue_free(struct queue *queue);

/* As soon as the loop turns. */
void queue_add(struct queue *queue, const char *key);
/* After that long, or earlier when somebody else asks for it. */
void queue_add_after(struct queue *queue, const char *key, uint64_t after_ns);
/* After the key's back-off, which grows; returns how long that is. */
uint64_t queue_retry(struct queue *queue, const char *key);
/* It went well: the next failure starts with the shortest back-off again. */
void queue_forget(struct queue *queue, const char *key);
