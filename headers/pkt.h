/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet's facts, and what a stage says about it. struct bl_pkt is begun by its program (bl_begin(), finish.h),
 * filled by parse, and then only read; a stage returns a verdict and leaves the reason here. A stage
 * never returns a TC code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <beeline/abi.h>

enum bl_verdict {
	BL_GO_ON = 0,    /* this stage has nothing against it: the next one */
	BL_TO_TAP,       /* out of the tap, to the guest */
	BL_TO_UPLINK,    /* to the network behind the uplink */
	BL_TO_NEIGHBOUR, /* to the uplink, the kernel resolving the next hop */
	BL_TO_LOOPBACK,  /* into the pod's own loopback */
	BL_PASS,         /* on to the pod's stack, or the bridge of a KubeVirt pod */
	BL_DROP,         /* for the reason in pkt->reason */
};

enum bl_pkt_flags {
	BL_PKT_FRAGMENT = 1 << 0,  /* part of a fragmented packet */
	BL_PKT_NO_L4 = 1 << 1,     /* a later fragment: no ports, no type */
	BL_PKT_DF = 1 << 2,        /* IPv4 don't fragment */
	BL_PKT_OPTIONS = 1 << 3,   /* IPv4 options or IPv6 extension headers present */
	BL_PKT_GROUP_MAC = 1 << 4, /* broadcast or multicast destination MAC */
	BL_PKT_TRACKED = 1 << 5,   /* tuple is set, and ct when there is an entry */
	BL_PKT_OPENS = 1 << 6,     /* the first of its connection */
};

/* Beside a cookie: policy was asked about what the VM opens. The numbers of rules are smaller. */
#define BL_COOKIE_FROM_VM (1u << 31)

/* What a connection is known by, from the VM's side. */
struct bl_ct_tuple {
	struct bl_addr remote;
	__be16 remote_port, local_port;
	__u8 protocol;
	__u8 fragment;
	__u16 pad;
};

struct bl_pkt {
	const struct bl_endpoint *ep;
	struct bl_ct_entry *ct; /* its connection, when it is known; stage conntrack */
	struct bl_ct_tuple tuple;
	__u32 endpoint; /* index */
	__u32 flags;    /* enum bl_pkt_flags */
	__u32 mark;     /* with BL_TO_NEIGHBOUR: what bl_masq_pod_out is to know */
	__u32 cookie;   /* of the policy's entry that judged it, or BL_COOKIE_FROM_VM */
	struct bl_addr src, dst;
	__u8 smac[ETH_ALEN], dmac[ETH_ALEN];
	__be16 ethertype; /* behind one VLAN tag */
	__be16 sport, dport;
	__u16 l3, l4;   /* offsets from the Ethernet header */
	__u16 ip_len;   /* of the IP packet as its header says */
	__u8 family;    /* enum bl_family; only for IPv4 and IPv6 */
	__u8 protocol;  /* IPPROTO_* behind extension headers */
	__u8 tcp_flags; /* byte 13 of the TCP header */
	__u8 icmp_type, icmp_code;
	__u8 direction; /* enum bl_direction */
	__u8 reason;    /* enum bl_reason; BL_REASON_FORWARDED unless a stage says more */
	__u8 slot;      /* enum bl_slot: of this program */
};

static __always_inline enum bl_verdict bl_drop(struct bl_pkt *pkt, enum bl_reason reason)
{
	pkt->reason = reason;
	return BL_DROP;
}

static __always_inline enum bl_verdict bl_pass(struct bl_pkt *pkt)
{
	pkt->reason = BL_REASON_PASSED;
	return BL_PASS;
}

/* An answer made from the packet itself, on its way back to the guest. */
static __always_inline enum bl_verdict bl_answer(struct bl_pkt *pkt)
{
	pkt->reason = BL_REASON_ANSWERED;
	return BL_TO_TAP;
}

/* Taken, and nobody needs an answer: a DHCP RELEASE. */
static __always_inline enum bl_verdict bl_consume(struct bl_pkt *pkt)
{
	return bl_drop(pkt, BL_REASON_CONSUMED);
}

static __always_inline bool bl_pkt_is_ip(const struct bl_pkt *pkt)
{
	return pkt->ethertype == bpf_htons(ETH_P_IP) || pkt->ethertype == bpf_htons(ETH_P_IPV6);
}

/* Packet pointers. Loaded by hand, because clang folds loads of inlined copies into arithmetic on
 * the context pointer, which the verifier refuses. Reload after each helper that may move data. */
static __always_inline void *bl_data(const struct __sk_buff *skb)
{
	void *ptr;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(ptr)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data)));
	return ptr;
}

static __always_inline void *bl_data_end(const struct __sk_buff *skb)
{
	void *ptr;

	asm volatile("%0 = *(u32 *)(%1 + %2)"
		     : "=r"(ptr)
		     : "r"(skb), "i"(offsetof(struct __sk_buff, data_end)));
	return ptr;
}

/* Headers begin within the first BL_HEADERS_MAX bytes: parse refuses others. The mask says so to the
 * verifier, which loses the bound when the offset rests on the stack. */
#define BL_HEADERS_MAX 512

static __always_inline void *bl_data_at(const struct __sk_buff *skb, __u32 offset)
{
	asm volatile("" : "+r"(offset));
	return bl_data(skb) + (offset & (2 * BL_HEADERS_MAX - 1));
}

/* Read and write 1 to max bytes: the verifier wants both bounds on the very register that is passed.
 * Two comparisons that the compiler cannot join, as joined they bound the length less one; and
 * signed, as "not zero" is no lower bound to 6.1's verifier. */
#define BL_BOUND(len, max)                    \
	do {                                  \
		asm volatile("" : "+r"(len)); \
		if ((len) <= 0)               \
			return -1;            \
		asm volatile("" : "+r"(len)); \
		if ((len) > (max))            \
			return -1;            \
	} while (0)

static __always_inline int bl_load(struct __sk_buff *skb, __u32 offset, void *bytes, __s64 len,
				   const __s64 max)
{
	BL_BOUND(len, max);
	return bpf_skb_load_bytes(skb, offset, bytes, len);
}

static __always_inline int bl_store(struct __sk_buff *skb, __u32 offset, const void *bytes,
				    __s64 len, const __s64 max)
{
	BL_BOUND(len, max);
	return bpf_skb_store_bytes(skb, offset, bytes, len, 0);
}

static __always_inline bool bl_mac_eq(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const __u16 *)a, *y = (const __u16 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static __always_inline void bl_mac_copy(__u8 *to, const __u8 *from)
{
	__u16 *x = (__u16 *)to;
	const __u16 *y = (const __u16 *)from;

	x[0] = y[0];
	x[1] = y[1];
	x[2] = y[2];
}

static __always_inline bool bl_addr_eq(const struct bl_addr *a, const struct bl_addr *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static __always_inline bool bl_addr_zero(const struct bl_addr *a)
{
	return !(a->halves[0] | a->halves[1]);
}

static __always_inline struct bl_addr bl_addr_v4(__be32 addr)
{
	struct bl_addr a = {};

	a.words[2] = bpf_htonl(0xffff);
	a.words[3] = addr;
	return a;
}

/* fe80::/10 */
static __always_inline bool bl_addr_link_local(const struct bl_addr *a)
{
	return (a->words[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* Multicast or, for IPv4, limited broadcast. */
static __always_inline bool bl_addr_group(const struct bl_addr *a, __u8 family)
{
	if (family == BL_V6)
		return a->bytes[0] == 0xff;
	return (a->words[3] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	       a->words[3] == bpf_htonl(0xffffffff);
}

/* Is addr within the prefix (bits of 128)? */
static __always_inline bool bl_addr_within(const struct bl_addr *addr,
					   const struct bl_prefix *prefix)
{
	__u64 high = bpf_be64_to_cpu(addr->halves[0] ^ prefix->addr.halves[0]);
	__u64 low = bpf_be64_to_cpu(addr->halves[1] ^ prefix->addr.halves[1]);
	__u32 bits = prefix->bits;

	if (bits == 0)
		return true;
	if (bits <= 64)
		return !(high >> (64 - bits));
	if (bits > 128)
		return false;
	return !high && !(low >> (128 - bits));
}
