/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loopback of a masqueraded VM's pod, over which `kubectl port-forward` reaches the guest (see
 * headers/loopback.h).
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

#define LOOPBACK_NAME    "lo"
#define LOOPBACK_IFINDEX 1 /* in every namespace */

/* Lets the kernel take the guest's answers from 127.0.0.1 to 127.0.0.1 that come in there, or not. What
 * its own sockets send over the loopback is not asked; so nothing else changes. */
int loopback_admit(int netns_fd, bool admit, struct bl_err *err);
