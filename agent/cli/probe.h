/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a guest answer at an address? Asks by ICMP echo (an unprivileged ping socket, else a raw one)
 * and by TCP connect, on the loop, again and again with growing pauses, until one of them succeeds.
 * A refused connection proves nothing: the pod's kernel may have said so.
 */
#pragma once

#include <stdint.h>

#include <beeline/addr.h>
#include <beeline/loop.h>

#define PROBE_PORTS_MAX 16
#define PROBE_TEXT_MAX  48

struct probe;
/* how: "ping" or "TCP port 22". Called once; the probe may be freed from inside. */
typedef void probe_fn(const char *how, void *data);

/* Begins at once. ports is copied. */
struct probe *probe_new(struct bl_loop *loop, const struct bl_addr *addr, const uint16_t *ports,
			size_t n_ports, probe_fn *fn, void *data);
void probe_free(struct probe *probe);
