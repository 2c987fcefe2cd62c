/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The contract between the BPF programs and user space: keys, values, events, reasons, limits.
 * Nothing else is shared between the two sides. All multi-byte fields are in host order unless
 * their type or name says be; addresses are 16 bytes in network order.
 *
 * A layout that changes gets a new BL_ABI_VERSION. An agent that finds maps of an older one carries
 * their values over member by member, by name, as the types in the kernel say (agent/datapath/layout.h).
 * So a member may move, widen, come and go; zero in a new one means that nobody knows. One whose
 * meaning changes gets a new name, a map whose keys do gets a new name, and slots keep their numbers.
 */
#pragma once

#include <linux/types.h>

#define BL_ABI_VERSION 3

/* Endpoints on one node; the index into every per-endpoint array. */
#define BL_ENDPOINTS_MAX 1024

/* IPv4 as ::ffff:a.b.c.d; one form for both families. */
struct bl_addr {
	union {
		__u8 bytes[16];
		__be32 words[4];
		__u64 halves[2];
	};
};

struct bl_prefix {
	struct bl_addr addr;
	__u8 bits; /* of 128: an IPv4 /24 is 120 */
	__u8 pad[7];
};

/* ---- Program array: written by the agent, once per program generation ---------------------- */

/* Slots of bl_progs. A stub attached to a device puts its endpoint's index into cb[0] and
 * tail-calls its slot; an upgrade is one slot write for all endpoints. */
enum bl_slot {
	BL_SLOT_POD_TO_VM,
	BL_SLOT_POD_FROM_VM,
	BL_SLOT_MASQ_TO_VM,
	BL_SLOT_MASQ_FROM_VM,
	BL_SLOT_MASQ_POD_OUT,
	BL_SLOT_MASQ_LOOP,
	BL_SLOT_DHCP, /* called by programs, not by stubs */
	BL_SLOTS_MAX = 16,
};

/* The direction of a packet, from the VM's side. */
enum bl_direction {
	BL_TO_VM,
	BL_FROM_VM,
	BL_POD_OUT, /* the pod's own traffic leaving eth0 beside a masqueraded VM */
	BL_DIRECTIONS_MAX,
};
#define BL_VM_DIRECTIONS 2 /* the VM's own: all but the last */

/* ---- bl_endpoints: ARRAY[endpoint]; the agent writes, programs read ------------------------- */

enum bl_endpoint_flags {
	BL_EP_LIVE = 1 << 0, /* entry is in use; without it every packet falls through */
	BL_EP_SPOOF_GUARD = 1 << 1,
	BL_EP_HAS_V4 = 1 << 2,
	BL_EP_HAS_V6 = 1 << 3,
	BL_EP_CUSTOM_MAC = 1 << 4, /* guest_mac differs from uplink_mac: rewrite both ways */
	BL_EP_PEER = 1 << 5,       /* uplink is a veth or netkit: bpf_redirect_peer works */
	BL_EP_ADOPTED = 1 << 6,    /* a KubeVirt pod: unknown frames go on to its bridge */
	BL_EP_PORTS = 1 << 7,      /* masquerade: ports[] is an allow list */
	BL_EP_TAP_PLAIN = 1 << 8,  /* tap without offloads: no partial checksums towards it */
	BL_EP_POLICY = 1 << 9,   /* connections are tracked, and judged by the endpoint's policy */
	BL_EP_AUDIT = 1 << 10,   /* what policy denies passes, and is counted */
	BL_EP_CAPTURE = 1 << 11, /* its packets go to its ring in bl_captures, too */
};

#define BL_ONLINK_MAX 8
#define BL_PORTS_MAX  64

struct bl_port_range {
	__u8 protocol; /* IPPROTO_* */
	__u8 pad;
	__u16 first, last; /* inclusive */
};

struct bl_endpoint {
	/* first cache line: what each packet needs */
	__u32 flags; /* enum bl_endpoint_flags */
	__u32 uplink_ifindex;
	__u32 tap_ifindex;
	__u16 mtu; /* of the route, layer 3: the largest IP packet */
	__u16 n_onlink;
	__u8 guest_mac[6];
	__u8 uplink_mac[6];
	/* The MAC by which the guest knows its gateways, in both bindings: ARP and ND are answered
	 * with it, and frames sent to it get the MAC in bl_nexthops. Never the MAC of a device. */
	__u8 router_mac[6];
	__u16 n_ports;
	/* one's-complement sums guest - pod, to be added to a checksum when the guest's source
	 * address becomes the pod's; folded to 16 bits, in network order as the checksum is */
	__u16 delta4;
	__u16 delta6;
	__u32 ct_sets; /* size of this endpoint's share of bl_conntrack; 0: none */
	struct bl_addr guest4;
	struct bl_addr guest6;
	struct bl_addr pod4; /* pod binding: the same as guest4 */
	struct bl_addr pod6;
	struct bl_addr gateway4; /* the pod's gateway on the wire, in both bindings; zero: none */
	struct bl_addr gateway6;
	struct bl_addr router6;      /* link-local address that RAs come from */
	struct bl_addr dhcp_server4; /* DHCP server identifier; masquerade: the guest's gateway */
	/* what is reachable without a gateway: ARP and ND for these pass to the wire */
	struct bl_prefix onlink[BL_ONLINK_MAX];
	struct bl_port_range ports[BL_PORTS_MAX];
} __attribute__((aligned(64)));

/* ---- bl_nexthops: ARRAY[endpoint * 2 + family]; the agent seeds, bl_to_vm refreshes ---------- */

enum bl_family { BL_V4, BL_V6, BL_FAMILIES };

/* The MAC of the pod's gateway. Eight bytes and one store, so a reader never sees half of one. */
struct bl_nexthop {
	union {
		__u64 word; /* 0: not known */
		struct {
			__u8 mac[6];
			__u16 known; /* 1 */
		};
	};
};

/* ---- bl_leases: ARRAY[endpoint]; the agent writes, the responders read ----------------------- */

/* DHCP option bodies and RA options, encoded by the agent, copied by BPF. sum is the folded
 * one's-complement sum of the bytes (odd length padded with a zero byte), in network order. */
#define BL_BLOB_MAX 768
struct bl_blob {
	__u16 len;
	__u16 sum;
	__u8 bytes[BL_BLOB_MAX];
};

#define BL_DUID_LEN 10 /* DUID-LL (type 3, hardware 1) and the 6 bytes of a MAC */

struct bl_lease {
	__u32 lease_s; /* DHCPv4 and DHCPv6 lease time */
	__u16 reserved;
	__u8 server_duid[BL_DUID_LEN];
	/* DHCPv4 options after message type, server id and lease time; 255 comes last. Even length. */
	struct bl_blob dhcp4;
	/* DHCPv6 options after the identifiers and the IA: DNS servers, search list. */
	struct bl_blob dhcp6;
	/* Router advertisement: the whole ICMPv6 message (type 134 .. options) with its checksum field
	 * zero; source link-layer address (router_mac), MTU, RDNSS, DNSSL. Even length. */
	struct bl_blob ra;
};

/* ---- bl_conntrack: ARRAY_OF_MAPS[endpoint]; programs write, the agent makes and removes --------- */

/* Connections, both directions in one entry. Each endpoint has a share of its own, an ARRAY of sets made
 * by the agent with BPF_F_INNER_MAP and a power of two of entries; eviction stays inside it, so one
 * VM cannot push out another's connections. */
#define BL_CT_WAYS            3
#define BL_CT_SETS_MIN        16
#define BL_CT_SETS_HANDSHAKES 256   /* where nothing else is tracked: 768 that wait for an answer */
#define BL_CT_SETS            8192  /* 24,576 connections in 1 MiB */
#define BL_CT_SETS_MAX        65536 /* the hash has no more */

/* Whose is it? Only masquerade's pods have connections of their own. */
enum bl_ct_owner { BL_CT_FREE, BL_CT_GUEST, BL_CT_POD };

enum bl_ct_state {
	BL_CT_BY_VM = 1 << 0,       /* opened by the VM: what comes to it is a reply */
	BL_CT_ESTABLISHED = 1 << 1, /* TCP: more than SYNs were seen */
	BL_CT_FIN_TO_VM = 1 << 2,   /* TCP: nothing more is to come to the VM ... */
	BL_CT_FIN_FROM_VM = 1 << 3, /* ... or from it; both: it is closing */
};

/* Times are in a power of two of the kernel's ticks since it booted, a second or a little more. */
#define BL_CT_CLAIMED 0xffffffffu /* expires: somebody is writing this entry */

struct bl_ct_entry {
	struct bl_addr remote;
	/* ICMP echo: the identifier in both; a fragmented datagram: the two halves of its id */
	__be16 remote_port, local_port;
	__u8 protocol; /* IPPROTO_* */
	__u8 owner;    /* enum bl_ct_owner */
	__u8 fragment; /* 1: stands for the later fragments of a datagram */
	__u8 state;    /* enum bl_ct_state */
	__u32 expires; /* 0: free; written last */
	/* in which policy last let the opener's packets through; 0: nobody was asked; see struct bl_config */
	__u32 epoch;
	__u16 counter; /* of the policy's entry that did; index into bl_rules */
	__u16 ticks;   /* when expires was written, the kernel's ticks; they wrap */
	/* TCP, while an answer is awaited: when the first SYN came by, in the unit of struct
	 * bl_handshakes (it wraps after 73 minutes); 0: none is */
	__u32 syn_time;
};

struct bl_ct_set {
	struct bl_ct_entry ways[BL_CT_WAYS];
	__u64 pad;
};

/* Layout 1, whose shares do not say what they hold. */
struct bl_ct_set_1 {
	struct {
		struct bl_addr remote;
		__be16 remote_port, local_port;
		__u8 protocol, owner, fragment;
		__u32 expires;
		__u32 pad;
	} ways[4];
};

/* What bl_ct_restore and bl_ct_forget are handed, as their packet: a connection that programs of another
 * layout left, or one that nobody shall know any more, which only its tuple matters of. */
struct bl_ct_order {
	__u32 endpoint;
	__u32 pad;
	struct bl_ct_entry entry;
};

enum bl_ct_outcome {
	BL_CT_DONE,
	BL_CT_BUSY,   /* another CPU was writing: try again */
	BL_CT_ABSENT, /* to be forgotten, and not there */
};

/* ---- identities: who an address is --------------------------------------------------------------- */

/* Cilium's numbers (pkg/identity/reserved.go). */
#define BL_IDENTITIES(X)                       \
	X(HOST, 1, "host")                     \
	X(WORLD, 2, "world")                   \
	X(UNMANAGED, 3, "unmanaged")           \
	X(HEALTH, 4, "health")                 \
	X(INIT, 5, "init")                     \
	X(REMOTE_NODE, 6, "remote-node")       \
	X(KUBE_APISERVER, 7, "kube-apiserver") \
	X(INGRESS, 8, "ingress")               \
	X(WORLD_IPV4, 9, "world-ipv4")         \
	X(WORLD_IPV6, 10, "world-ipv6")

enum bl_identity {
	BL_IDENTITY_ANY = 0, /* in policy keys; as an answer: not known */
#define X(name, number, text) BL_IDENTITY_##name = (number),
	BL_IDENTITIES(X)
#undef X
		BL_IDENTITY_CLUSTER_FIRST = 256, /* label sets of pods */
	BL_IDENTITY_CLUSTER_LAST = 65535,
	BL_IDENTITY_LOCAL = 1 << 24, /* scope: prefixes that policies name */
	BL_IDENTITY_NODE = 2 << 24,  /* scope: addresses of other nodes */
};

/* bl_ipcache: LPM_TRIE, shared by all endpoints; the agent writes. The longest prefix that holds an
 * address is who it is. */
#define BL_PREFIXES_MAX 512000 /* Cilium's */
struct bl_ipcache_key {
	__u32 prefixlen; /* of 128: an IPv4 /24 is 120 */
	__u8 addr[16];   /* as in struct bl_addr */
};

struct bl_ipcache_entry {
	__u32 identity;
};

/* ---- bl_policies: ARRAY_OF_MAPS[endpoint] of LPM_TRIE; the agent makes, fills and swaps ------------ */

/* Cilium's key (pkg/maps/policymap). Identity and direction are never matched by prefix; a protocol is
 * wild only when the port is. */
struct bl_policy_key {
	__u32 prefixlen; /* 40; with a protocol 48; with 0 to 16 bits of the port up to 64 */
	__u32 identity;  /* enum bl_identity */
	__u8 egress;     /* bit 0 */
	__u8 protocol;
	__be16 dport; /* ICMP: the type */
};
#define BL_POLICY_ROWS_MAX        16384 /* of one endpoint, Cilium's default */
#define BL_POLICY_PREFIX_FIXED    40
#define BL_POLICY_PREFIX_PROTOCOL 48
#define BL_POLICY_PREFIX_FULL     64

/* A packet looks twice, by its peer's identity and by identity 0; of two answers that with the greater
 * precedence holds, of equal ones the first. No answer denies. Only the longest prefix of an identity is
 * found, so there is an entry where its answer is another than that of the broader one, and nowhere else.
 * From BL_POLICY_PRECEDENCE_WHOLE on the first answer already minds the rules for everybody. */
#define BL_POLICY_PRECEDENCE_WHOLE 0xffffff00u
enum bl_policy_deny { BL_POLICY_ALLOWS, BL_POLICY_DENIES, BL_POLICY_DENIES_BY_DEFAULT };

struct bl_policy_entry {
	__u8 deny; /* enum bl_policy_deny */
	__u8 pad;
	__u16 counter; /* index into bl_rules; 0: not counted */
	__u32 precedence; /* tier and priority inverted in the upper 24 bits, below them 255: deny, 1: allow */
	__u32 cookie; /* the rule that decided, as user space numbers it */
};

/* ---- counters: programs write, the agent reads ----------------------------------------------- */

/* bl_traffic: PERCPU_ARRAY[endpoint * BL_DIRECTIONS_MAX + direction]: what was forwarded. */
struct bl_counter {
	__u64 packets;
	__u64 bytes;
};

/* bl_rules: PERCPU_ARRAY[bl_policy_entry.counter] of struct bl_counter: packets that opened a
 * connection or went on with one as an entry of a policy let them or not; replies are not counted. */
#define BL_RULES_MAX 16384

/* bl_verdicts: PERCPU_HASH; everything that was not simply forwarded. An entry appears with its
 * first packet; value is struct bl_counter. */
struct bl_verdict_key {
	__u16 endpoint;
	__u8 direction; /* enum bl_direction */
	__u8 reason;    /* enum bl_reason */
};

/* bl_tallies: PERCPU_ARRAY[endpoint * BL_VM_DIRECTIONS + direction]. */
struct bl_tally {
	__u64 opened; /* connections that began by a packet of that direction, and were let through */
	__u64 allowed; /* packets that policy was asked about, and allowed */
	__u64 evicted; /* connections that were forgotten before their time, for one that began so */
};

/* bl_handshakes: ARRAY[endpoint * BL_VM_DIRECTIONS + direction of the SYN]: how long openers of TCP
 * connections waited, from the first SYN to the first SYN-ACK, both as they pass the VM's edge. The unit
 * of time is 1,024 ns. Bucket i counts what took more than bound i - 1 and at most bound i, the last one
 * what took longer: 33 us, and so on by powers of two, to 8.6 s. */
#define BL_HANDSHAKE_SHIFT    10 /* nanoseconds to the unit */
#define BL_HANDSHAKE_BOUNDS   19
#define BL_HANDSHAKE_BOUND(i) (32u << (i))
struct bl_handshakes {
	__u64 sum;
	__u64 counts[BL_HANDSHAKE_BOUNDS + 1];
};

/* What became of a packet. Numbers from 130 on are drops; where Cilium has a number for the reason
 * it is Cilium's (pkg/monitor/api/drop.go), ours begin at 224. */
#define BL_REASONS(X)                                                       \
	X(FORWARDED, 0, "Forwarded")                                        \
	X(ANSWERED, 1, "Answered for the network")                          \
	X(PASSED, 2, "Passed to the pod's stack")                           \
	X(CONSUMED, 3, "Consumed, no answer due")                           \
	X(RESOLVING, 4, "Forwarded by the kernel's neighbour table")        \
	X(PORT_CLOSED, 5, "Port not declared, left to the pod")             \
	X(POD_OWN, 6, "The pod's own connection")                           \
	X(AUDITED, 7, "Forwarded, though policy denies it")                 \
	X(SPOOFED_MAC, 130, "Invalid source mac")                           \
	X(SPOOFED_IP, 132, "Invalid source ip")                             \
	X(POLICY, 133, "Policy denied")                                     \
	X(INVALID, 134, "Invalid packet")                                   \
	X(TRUNCATED, 135, "CT: Truncated or invalid header")                \
	X(UNKNOWN_L3, 139, "Unsupported L3 protocol")                       \
	X(WRITE_ERROR, 141, "Error writing to packet")                      \
	X(INVALID_EXTHDR, 156, "Invalid IPv6 extension header")             \
	X(UNKNOWN_CT, 163, "Unknown connection tracking state")             \
	X(FRAG_NOT_FOUND, 175, "First logical datagram fragment not found") \
	X(FORBIDDEN_ICMP6, 176, "Forbidden ICMPv6 message")                 \
	X(POLICY_DENY, 181, "Policy denied by denylist")                    \
	X(SPOOFED_ARP, 224, "Invalid sender in ARP")                        \
	X(SPOOFED_ND, 225, "Invalid sender in neighbour discovery")         \
	X(DHCP_SERVER, 226, "DHCP server in the guest")                     \
	X(TOO_BIG, 227, "Packet too big, sender told")                      \
	X(TOO_BIG_SILENT, 228, "Packet too big, sender not told")           \
	X(PARTIAL_CSUM, 231, "Answer impossible on a partial checksum")

enum bl_reason {
#define X(name, number, text) BL_REASON_##name = (number),
	BL_REASONS(X)
#undef X
};
#define BL_REASON_IS_DROP(reason) ((reason) >= 130)

/* ---- bl_events: RINGBUF; drops and sampled packets ------------------------------------------- */

#define BL_EVENT_BYTES_MAX 128

struct bl_event {
	__u64 time_ns; /* bpf_ktime_get_ns() */
	__u32 len;     /* of the packet on the wire */
	__u16 endpoint;
	__u8 direction; /* enum bl_direction */
	__u8 reason;    /* enum bl_reason */
	__u16 captured; /* bytes that follow, at most BL_EVENT_BYTES_MAX */
	__u8 asked;     /* enum bl_direction: of the opener whom policy was asked about */
	__u8 pad;
	__u32 cookie; /* of the policy's entry that judged it; 0: none, or it was not asked */
	__u8 bytes[BL_EVENT_BYTES_MAX]; /* from the Ethernet header */
};

/* bl_config: ARRAY[1]; the agent writes. */
struct bl_config {
	__u32 version; /* BL_ABI_VERSION of who wrote the maps */
	__u32 sample;  /* one event per so many forwarded packets; 0: none */
	__u32 events;  /* somebody reads bl_events: 1, nobody: 0 */
	/* of policies and identities: what was judged in another one is judged anew; never 0, which
	 * stands in connections that nobody judged */
	__u32 epoch;
};

/* bl_lost: PERCPU_ARRAY[endpoint] of __u64: events beyond the endpoint's budget, or that found the ring
 * full. */

/* bl_budgets: ARRAY[endpoint]: events that an endpoint has had in the present window, a sixteenth of
 * the programs' unit of time. A window's worth is a 25th part of the ring, so that a flood of one VM's
 * drops leaves room for the others' events. */
#define BL_EVENTS_PER_WINDOW  256
#define BL_EVENT_WINDOW_SHIFT 4
struct bl_budget {
	__u32 window;
	__u32 spent;
};

/* ---- bl_captures: ARRAY_OF_MAPS[endpoint] of RINGBUF; the agent makes and removes ---------------- */

/* What the records of a captured endpoint say. A packet from the VM is recorded before the walk, as it
 * was sent, and what became of it follows from the same CPU before that CPU's next packet. */
enum bl_capture_kind {
	BL_CAPTURE_FROM_VM, /* a packet as the VM sent it */
	BL_CAPTURE_VERDICT, /* reason: what became of that one; no bytes */
	BL_CAPTURE_TO_VM,   /* a packet as the VM got it, or would have: reason */
	BL_CAPTURE_END,     /* only from the agent to its reader: the last one */
	/* Likewise: the bytes are the words for the rule that decided on the record that comes next
	 * from the same CPU. */
	BL_CAPTURE_RULE,
};

#define BL_CAPTURE_BYTES_MAX 65536 /* of one packet */
#define BL_CAPTURE_RING      (8 << 20)

struct bl_capture {
	__u64 time_ns;  /* bpf_ktime_get_ns(); to the reader: since 1970 */
	__u64 lost;     /* to the reader: packets that were lost until then */
	__u32 len;      /* of the packet on the wire, before segmentation */
	__u32 captured; /* bytes that follow, at most the endpoint's in bl_snaplens */
	__u32 cpu;
	__u32 cookie; /* of the policy's entry that judged it; 0: none, or it was not asked */
	__u8 kind;    /* enum bl_capture_kind */
	__u8 reason;  /* enum bl_reason */
	__u8 asked;   /* as in struct bl_event */
	__u8 pad[5];
	__u8 bytes[];
};

/* bl_snaplens: ARRAY[endpoint] of __u32: bytes of each packet that its reader wants. */
/* bl_capture_lost: PERCPU_ARRAY[endpoint] of __u64: packets that found the endpoint's ring full. */

/* bl_answered: ARRAY[endpoint] of __u64: when the last too-big answer went out (rate limit). */

_Static_assert(sizeof(struct bl_addr) == 16, "bl_addr");
_Static_assert(sizeof(struct bl_prefix) == 24, "bl_prefix");
_Static_assert(sizeof(struct bl_nexthop) == 8, "bl_nexthop");
_Static_assert(sizeof(struct bl_ct_entry) == 40, "bl_ct_entry");
_Static_assert(sizeof(struct bl_ct_set) == 128, "bl_ct_set");
_Static_assert((int)BL_VM_DIRECTIONS == (int)BL_POD_OUT, "BL_VM_DIRECTIONS");
_Static_assert(BL_CT_SETS <= BL_CT_SETS_MAX, "BL_CT_SETS");
_Static_assert(sizeof(struct bl_verdict_key) == 4, "bl_verdict_key");
_Static_assert(sizeof(struct bl_ipcache_key) == 20, "bl_ipcache_key");
_Static_assert(sizeof(struct bl_policy_key) == 12, "bl_policy_key");
_Static_assert(sizeof(struct bl_policy_entry) == 12, "bl_policy_entry");
_Static_assert(sizeof(struct bl_endpoint) % 64 == 0, "bl_endpoint");
_Static_assert(sizeof(struct bl_budget) == 8, "bl_budget");
_Static_assert(sizeof(struct bl_capture) == 40, "bl_capture");
_Static_assert(sizeof(struct bl_event) == 24 + BL_EVENT_BYTES_MAX, "bl_event");
