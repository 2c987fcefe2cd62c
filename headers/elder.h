/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The programs before these, whose maps have another layout, for as long as what they know has not
 * been carried over (agent/datapath/takeover.h). A connection that is not known here may be known
 * there: to the VM the elder judges what is unknown, from the VM what would be dropped. It runs as if
 * the stub had called it. At any other time there is none, and asking costs one failing tail call.
 *
 * To be asked before the packet is changed, or anything is inserted.
 */
#pragma once

#include "maps.h"
#include "pkt.h"

/* Does not return when there is an elder. */
static __always_inline void bl_ask_elder(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	bpf_tail_call(skb, &bl_elders, pkt->slot);
}
