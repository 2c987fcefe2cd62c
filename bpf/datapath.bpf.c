// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The eBPF line of a VM NIC. A program here is its table of contents: the order of the stages, each
 * of which is a header of the same name. bl_*_to_vm stands at the ingress of the pod's uplink,
 * bl_*_from_vm at the ingress of the tap; both are reached from an endpoint's stub by tail call.
 *
 * A stage answers BL_GO_ON, or with the verdict that ends the walk; bl_finish() carries it out.
 */
#include "finish.h"
#include "forward.h"
#include "guard.h"
#include "handshake.h"
#include "loopback.h"
#include "maps.h"
#include "masquerade.h"
#include "mtu.h"
#include "parse.h"
#include "pkt.h"
#include "policy.h"
#include "respond.h"

SEC("tc")
int bl_pod_to_vm(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {.slot = BL_SLOT_POD_TO_VM};
	enum bl_verdict verdict;

	if (!bl_begin(skb, &pkt, BL_TO_VM))
		return BL_CODE_NEXT;
	verdict = bl_parse(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_learn(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_pod_owner(&pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_track(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_admit(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_handshake(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_clamp(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_pod_to_guest(skb, &pkt);
	return bl_finish(skb, &pkt, verdict);
}

SEC("tc")
int bl_pod_from_vm(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {.slot = BL_SLOT_POD_FROM_VM};
	enum bl_verdict verdict;

	if (!bl_begin(skb, &pkt, BL_FROM_VM))
		return BL_CODE_NEXT;
	bl_capture_begin(skb, &pkt);
	verdict = bl_parse(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_guard(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_respond(skb, &pkt, BL_ONLINK_PASSES);
	if (verdict == BL_GO_ON)
		verdict = bl_mtu(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_track(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_admit(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_handshake(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_clamp(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_pod_to_wire(skb, &pkt);
	return bl_finish(skb, &pkt, verdict);
}

SEC("tc")
int bl_masq_to_vm(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {.slot = BL_SLOT_MASQ_TO_VM};
	enum bl_verdict verdict;

	if (!bl_begin(skb, &pkt, BL_TO_VM))
		return BL_CODE_NEXT;
	verdict = bl_parse(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_learn(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_masq_for_pod(&pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_track(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_masq_owner(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_admit(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_handshake(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_clamp(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_masq_to_guest(skb, &pkt);
	return bl_finish(skb, &pkt, verdict);
}

SEC("tc")
int bl_masq_from_vm(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {.slot = BL_SLOT_MASQ_FROM_VM};
	enum bl_verdict verdict;

	if (!bl_begin(skb, &pkt, BL_FROM_VM))
		return BL_CODE_NEXT;
	bl_capture_begin(skb, &pkt);
	verdict = bl_parse(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_guard(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_respond(skb, &pkt, BL_ONLINK_ANSWERED);
	if (verdict == BL_GO_ON)
		verdict = bl_mtu(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_masq_leaves(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_loopback_from_guest(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_track(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_admit(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_handshake(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_clamp(skb, &pkt);
	if (verdict == BL_GO_ON)
		verdict = bl_masq_to_wire(skb, &pkt);
	return bl_finish(skb, &pkt, verdict);
}

/* The guest asks for a lease: handed on by the responders of both bindings. */
SEC("tc")
int bl_dhcp(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {};

	if (!bl_begin(skb, &pkt, BL_FROM_VM))
		return BL_CODE_NEXT;
	return bl_finish(skb, &pkt, bl_dhcp_respond(skb, &pkt));
}

/* At the uplink's egress: remembers what the pod itself opens, so that its replies stay the pod's.
 * The guest's packets go by bpf_redirect_peer and never come here, but for those whose neighbour the
 * kernel resolved. */
SEC("tc")
int bl_masq_pod_out(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {.slot = BL_SLOT_MASQ_POD_OUT};

	if (!bl_begin(skb, &pkt, BL_POD_OUT))
		return BL_CODE_NEXT;
	if (skb->mark != BL_MARK_GUEST && bl_parse(skb, &pkt) == BL_GO_ON && bl_pkt_is_ip(&pkt) &&
	    bl_addr_eq(&pkt.src, bl_pod_addr(&pkt)) && bl_track(skb, &pkt) == BL_GO_ON)
		bl_remember(skb, &pkt, BL_CT_POD, 0, 0);
	pkt.reason = BL_REASON_PASSED;
	return bl_finish(skb, &pkt, BL_PASS);
}

/* At the egress of the pod's loopback: who calls 127.0.0.1 there may mean the guest. The pod's own
 * goes on untouched, mark and all, and is not counted. */
SEC("tc")
int bl_masq_loop(struct __sk_buff *skb)
{
	struct bl_pkt pkt = {};

	if (!bl_begin(skb, &pkt, BL_TO_VM) || bl_parse(skb, &pkt) != BL_GO_ON ||
	    !bl_loopback_is_guests(skb, &pkt))
		return BL_CODE_NEXT;
	return bl_finish(skb, &pkt, bl_loopback_to_guest(skb, &pkt));
}

/* At no hook: see agent/datapath/carry.c. */
SEC("tc")
int bl_ct_restore(struct __sk_buff *skb)
{
	return bl_ct_put_back(skb);
}

/* At no hook: see agent/datapath/connections.c. */
SEC("tc")
int bl_ct_forget(struct __sk_buff *skb)
{
	return bl_ct_take_out(skb);
}

/* bpf_redirect_peer() and friends are for GPL-compatible programs. */
char bl_license[] SEC("license") = "Dual BSD/GPL";
