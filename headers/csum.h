/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Internet checksums (RFC 1071, incremental update RFC 1624), and the one question that decides how
 * to write one: does the frame carry a complete checksum, or a pseudo-header sum that the device
 * is still to complete (CHECKSUM_PARTIAL)?
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "pkt.h"

static __always_inline __u16 bl_csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The sum of a block that begins at an odd offset counts with its bytes swapped (RFC 1071 2.B). */
static __always_inline __u16 bl_csum_at(__u64 sum, __u32 offset)
{
	__u16 folded = bl_csum_fold(sum);

	return offset & 1 ? __builtin_bswap16(folded) : folded;
}

/* Pseudo header of both families (IPv4's mapped prefix adds 0xffff twice, which is zero). */
static __always_inline __u64 bl_csum_pseudo(const struct bl_addr *src, const struct bl_addr *dst,
					    __u32 len, __u8 protocol)
{
	__u64 sum = bpf_htonl(len);

	sum += bpf_htonl(protocol);
	sum += (__u64)src->words[0] + src->words[1] + src->words[2] + src->words[3];
	sum += (__u64)dst->words[0] + dst->words[1] + dst->words[2] + dst->words[3];
	return sum;
}

/* The field of the kernel's struct that __sk_buff does not show; relocated at load time. */
struct sk_buff {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

#define BL_CHECKSUM_PARTIAL 3

/* bpf_cast_to_kern_ctx() is 6.2 and later and nearly free; the loader sets the flag where it exists.
 * Else the real skb behind the context is read by a helper. */
const volatile bool bl_can_cast = false;
extern void *bpf_cast_to_kern_ctx(void *skb) __ksym __weak;

static __always_inline bool bl_csum_is_partial(struct __sk_buff *skb)
{
	struct sk_buff *kskb;

	if (bl_can_cast) {
		kskb = bpf_cast_to_kern_ctx(skb);
		return BPF_CORE_READ_BITFIELD(kskb, ip_summed) == BL_CHECKSUM_PARTIAL;
	}
	kskb = (void *)skb;
	return BPF_CORE_READ_BITFIELD_PROBED(kskb, ip_summed) == BL_CHECKSUM_PARTIAL;
}

/* The value of an L4 checksum field: sum is that of the pseudo header alone when the frame is
 * partial, else of pseudo header and payload with the field zero. */
static __always_inline __u16 bl_csum_field(__u64 sum, bool partial)
{
	__u16 folded = bl_csum_fold(sum);

	return partial ? folded : (__u16)~folded;
}
