/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clsact way to a tc hook: a qdisc, which may be anybody's, and one filter that is ours by its priority
 * and handle. All of it is done in the calling thread's network namespace.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <beeline/err.h>

struct filter_hook {
	const char *ifname;
	uint32_t ifindex;
	bool egress;
};

/* *ret_made: there was no clsact qdisc before, so that it is ours. */
int filter_make_qdisc(const struct filter_hook *hook, bool *ret_made, struct bl_err *err);
/* The program of our filter; 0: there is none. */
uint32_t filter_prog_id(const struct filter_hook *hook);
/* In place of the one that is there. */
int filter_put(const struct filter_hook *hook, int prog_fd, struct bl_err *err);
/* A missing one is fine. */
void filter_remove(const struct filter_hook *hook);
/* Takes the qdisc away, unless somebody's filter stands at either side of it; whether it did. */
bool filter_remove_qdisc(const struct filter_hook *hook);
