/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a daemon may be started: at once when it has lived a while, else after a time that
 * doubles. That it can be connected to proves nothing, since it may die right after. No clock and no
 * process here: the times are the caller's, monotonic.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct restarts {
	uint64_t wait_ns;      /* between this start and the next; 0: before the first */
	uint64_t started_ns;   /* the last start */
	uint64_t connected_ns; /* 0: not connected since the last look */
};

void restarts_connected(struct restarts *restarts, uint64_t now_ns);
/* The daemon is gone, or not there: how long to wait before it is started; 0: start it now. */
uint64_t restarts_left_ns(struct restarts *restarts, uint64_t now_ns);
void restarts_started(struct restarts *restarts, uint64_t now_ns);
