/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries bytes both ways between a pair of descriptors and a stream socket. It uses poll(2) and no
 * loop: standard input may be a file or /dev/null, which epoll refuses.
 */
#pragma once

#include <beeline/err.h>

#define PUMP_NO_ESCAPE (-1)

struct pump {
	int in, out;   /* the user's side */
	int peer;      /* a stream socket */
	int signals;   /* a signalfd that ends the pump; -1: none */
	int escape;    /* the byte of input that ends it; PUMP_NO_ESCAPE: none */
	int linger_ms; /* after the end of input: how long the peer may be silent; -1: for ever */
};

enum pump_end {
	PUMP_PEER_CLOSED,
	PUMP_OUTPUT_CLOSED,
	PUMP_ESCAPE,
	PUMP_INPUT_ENDED, /* and the peer has been silent for linger_ms since */
	PUMP_SIGNAL,
};

int pump_run(const struct pump *pump, enum pump_end *ret_end, struct bl_err *err);
