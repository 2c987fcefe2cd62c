/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stub: the few instructions that stand at one hook of one endpoint. It puts the endpoint's index
 * into cb[0] and tail-calls a slot of bl_progs; where that fails the packet goes on to whoever
 * stands next. Pure: instructions out, nothing is loaded here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

#include <beeline/abi.h>

#include "../datapath.h"

#define STUB_INSNS 8

/* The name that bpftool shows for a stub at this place. */
const char *stub_name(enum hook_place place);
void stub_build(struct bpf_insn insns[STUB_INSNS], uint32_t index, int progs_fd, enum bl_slot slot);
