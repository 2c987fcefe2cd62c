/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's memory behind an agent's datapath, as the kernel itself accounts for it. */
#pragma once

#include <stdint.h>

#include <beeline/err.h>

struct kernel_bytes {
	uint64_t maps;      /* without the shares of connection tracking */
	uint64_t programs;  /* shared ones and stubs, with their machine code */
	uint64_t conntrack; /* the shares of all endpoints */
};

/* Follows the pins below an agent's bpffs folder: maps, links to their programs, programs in the
 * program array. What the kernel does not account for (a pin, a link: a few hundred bytes) is not in it. */
int kernel_bytes_read(const char *bpffs, struct kernel_bytes *ret_bytes, struct bl_err *err);
