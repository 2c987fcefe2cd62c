/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage policy, at the VM's edge: may this packet pass? Asked of what opens a connection, and once per
 * epoch of the connection's next packet, whichever way it goes: a change of policy takes effect on what
 * is established, in both directions. The question is always the opener's; replies, errors about a known
 * connection and the fragments behind a first one follow its answer. Where ports are equal, or there are
 * none, an opening of the other end looks like a reply and is taken for one until the connection has ended:
 * otherwise one reply that is under way would let in again whom a change has shut out. "Fragmentation
 * needed" passes whomever it quotes, as path MTU discovery dies without it.
 *
 * The answer is two look-ups in the endpoint's trie, by the identity of the peer and by none (abi.h).
 * Without an entry the answer is no, and so it is without a trie.
 */
#pragma once

#include "connection.h"
#include "counter.h"
#include "elder.h"
#include "maps.h"
#include "mtu.h"
#include "pkt.h"

struct bl_question {
	__u32 endpoint;
	struct bl_addr peer;
	__u8 egress;
	__u8 protocol;
	__be16 dport; /* ICMP: the type */
};

struct bl_judgement {
	__u32 cookie;
	__u16 counter;
	__u8 reason; /* enum bl_reason: FORWARDED, or a drop */
	__u8 pad;
};

/* Who has an address. The agent keeps entries for all of both families; without one it is the world. */
static __always_inline __u32 bl_identity(const struct bl_addr *addr)
{
	struct bl_ipcache_key key = {.prefixlen = 128};
	const struct bl_ipcache_entry *entry;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	entry = bpf_map_lookup_elem(&bl_ipcache, &key);
	return entry ? entry->identity : BL_IDENTITY_WORLD;
}

static __always_inline const struct bl_policy_entry *
bl_policy_find(void *trie, struct bl_policy_key *key, __u32 identity)
{
	key->identity = identity;
	return bpf_map_lookup_elem(trie, key);
}

/* Out of line: an established flow does not come here. */
static __noinline int bl_policy_ask(const struct bl_question *question,
				    struct bl_judgement *judgement)
{
	struct bl_policy_key key = {
		.prefixlen = BL_POLICY_PREFIX_FULL,
		.egress = question->egress,
		.protocol = question->protocol,
		.dport = question->dport,
	};
	const struct bl_policy_entry *own, *any;
	__u32 endpoint = question->endpoint;
	void *trie = bpf_map_lookup_elem(&bl_policies, &endpoint);

	judgement->reason = BL_REASON_POLICY;
	if (!trie)
		return 0;
	own = bl_policy_find(trie, &key, bl_identity(&question->peer));
	any = bl_policy_find(trie, &key, BL_IDENTITY_ANY);
	if (!own || (any && any->precedence > own->precedence))
		own = any;
	if (!own)
		return 0;
	judgement->cookie = own->cookie;
	judgement->counter = own->counter;
	if (own->deny != BL_POLICY_DENIES_BY_DEFAULT)
		judgement->reason = own->deny ? BL_REASON_POLICY_DENY : BL_REASON_FORWARDED;
	return 0;
}

static __always_inline bool bl_is_icmp(__u8 protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static __always_inline bool bl_opened_by_vm(const struct bl_pkt *pkt)
{
	return pkt->ct ? pkt->ct->state & BL_CT_BY_VM : pkt->direction != BL_TO_VM;
}

/* Does the packet go the way of the one that opened its connection? */
static __always_inline bool bl_is_openers(const struct bl_pkt *pkt)
{
	return !bl_is_icmp_error(pkt) && bl_opened_by_vm(pkt) == (pkt->direction != BL_TO_VM);
}

/* Whom, by which protocol, and at which port or with which type of ICMP, the opener called. An error
 * about nothing that is known opens nothing and is judged as the message that it is. */
static __always_inline struct bl_question bl_opening(const struct bl_pkt *pkt)
{
	struct bl_question question = {
		.endpoint = pkt->endpoint,
		.peer = pkt->tuple.remote,
		.egress = bl_opened_by_vm(pkt),
		.protocol = pkt->tuple.protocol,
	};
	bool stray = bl_is_icmp_error(pkt) && !pkt->ct;

	if (stray) {
		question.peer = pkt->direction == BL_TO_VM ? pkt->src : pkt->dst;
		question.protocol = pkt->protocol;
	}
	if (stray || (bl_is_openers(pkt) && bl_is_icmp(question.protocol)))
		question.dport = bpf_htons(pkt->icmp_type);
	else if (question.protocol == IPPROTO_ICMP)
		question.dport = bpf_htons(BL_ICMP4_ECHO);
	else if (question.protocol == IPPROTO_ICMPV6)
		question.dport = bpf_htons(BL_ICMP6_ECHO);
	else
		question.dport = question.egress ? pkt->tuple.remote_port : pkt->tuple.local_port;
	return question;
}

static __always_inline bool bl_says_too_big(const struct bl_pkt *pkt)
{
	if (pkt->flags & BL_PKT_NO_L4)
		return false;
	if (pkt->family == BL_V6)
		return pkt->protocol == IPPROTO_ICMPV6 && pkt->icmp_type == BL_ICMP6_TOO_BIG;
	return pkt->protocol == IPPROTO_ICMP && pkt->icmp_type == BL_ICMP_UNREACHABLE &&
	       pkt->icmp_code == BL_ICMP_FRAG_NEEDED;
}

static __always_inline __u32 bl_epoch(void)
{
	__u32 zero = 0;
	const struct bl_config *config = bpf_map_lookup_elem(&bl_config, &zero);

	return config ? config->epoch : 0;
}

/* Asks, and notes the answer in the packet and, when it is yes, in the connection. */
static __always_inline enum bl_verdict bl_judge(struct __sk_buff *skb, struct bl_pkt *pkt,
						__u32 epoch, __u16 *counter)
{
	const struct bl_question question = bl_opening(pkt);
	struct bl_judgement judgement = {};

	bl_policy_ask(&question, &judgement);
	pkt->cookie = judgement.cookie | (question.egress ? BL_COOKIE_FROM_VM : 0);
	*counter = judgement.counter;
	if (judgement.reason != BL_REASON_FORWARDED) {
		if (!pkt->ct) /* an elder may know it as the reply to one that was let in */
			bl_ask_elder(skb, pkt);
		bl_count_rule(judgement.counter, skb->len);
		if (!(pkt->ep->flags & BL_EP_AUDIT))
			return bl_drop(pkt, judgement.reason);
		pkt->reason = BL_REASON_AUDITED;
		return BL_GO_ON;
	}
	bl_count_allowed(pkt);
	/* the counter first: who sees the epoch sees its counter */
	if (pkt->ct) {
		pkt->ct->counter = judgement.counter;
		barrier();
		pkt->ct->epoch = epoch;
	}
	return BL_GO_ON;
}

/* The stage. What passes is remembered; an audited connection without an epoch, so that each of its
 * packets is judged and seen. */
static __always_inline enum bl_verdict bl_admit(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u32 epoch;
	__u16 counter;

	if (!(pkt->flags & BL_PKT_TRACKED))
		return BL_GO_ON;
	if (!(pkt->ep->flags & BL_EP_POLICY) || pkt->tuple.fragment || bl_says_too_big(pkt)) {
		bl_remember(skb, pkt, BL_CT_GUEST, 0, 0);
		return BL_GO_ON;
	}
	/* read before the verdict is: an answer of an older policy is never taken for newer */
	epoch = bl_epoch();
	counter = pkt->ct ? pkt->ct->counter : 0;
	if ((!pkt->ct || pkt->ct->epoch != epoch) &&
	    bl_judge(skb, pkt, epoch, &counter) != BL_GO_ON)
		return BL_DROP;
	if (pkt->reason == BL_REASON_AUDITED)
		epoch = 0;
	else if (bl_is_openers(pkt))
		bl_count_rule(counter, skb->len);
	bl_remember(skb, pkt, BL_CT_GUEST, epoch, counter);
	return BL_GO_ON;
}
