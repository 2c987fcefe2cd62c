/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which block of the built-in network's addresses is this agent's? Agents of one machine share its
 * network, so each has a block of its own: the one that its state directory says, else the first from
 * preferred on that no living agent has claimed and no address of the host lies in, which is what the
 * pods of an agent that is gone still hold. The choice is written down, since the pods that have
 * addresses outlive this agent.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>

/* *ret_fd is the claim: it lasts as long as it is open. -EADDRNOTAVAIL when no block is free. */
int block_claim(const char *state_dir, uint32_t preferred, uint32_t *ret_block, int *ret_fd,
		struct bl_err *err);
