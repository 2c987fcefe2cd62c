// SPDX-License-Identifier: Apache-2.0
/*
 * The programs as judges of first packets; see <beeline/judge.h>.
 *
 *   question --judge_packet--> frame --bl_pod_to_vm, bl_pod_from_vm--> event: reason, cookie
 *
 * There are a few endpoints, bound to their pods. A set of rows that is asked about gets one of them, in
 * turn: its policy is written over, where an agent would swap it, as that waits for the kernel and nobody
 * else looks. A connection that a packet opened is forgotten before the next one, so that each is a first;
 * so one table does for all.
 */
#include <beeline/judge.h>

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/reason.h>

#include "room.h"
#include "datapath.skel.h"
#include "judge_packet.h"

#define CB_ENDPOINT 0 /* as stubs put it */
#define ENDPOINTS   64

/* Addresses that nobody has (RFC 7600, RFC 6666): the endpoint's, and of a peer that has none. */
#define OWN4  "192.0.0.8"
#define OWN6  "100::8"
#define PEER4 "192.0.0.9"
#define PEER6 "100::9"

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};

struct bl_judge {
	const struct bl_engine *engine; /* borrowed */
	struct datapath *datapath;
	struct datapath_ring *ring;
	const struct bl_policy_rows *rows[ENDPOINTS]; /* borrowed; what stands in the kernel */
	uint32_t n_asked;                             /* sets of rows so far */
	struct bl_event event;                        /* the last one */
	bool has_event;
};

/* ---- endpoints ----------------------------------------------------------------------------------- */

static struct bl_addr addr_of(const char *text)
{
	struct bl_addr addr = {0};

	bl_addr_parse(text, &addr, NULL);
	return addr;
}

static struct bl_endpoint endpoint_entry(void)
{
	struct bl_endpoint entry = {
		.flags = BL_EP_LIVE | BL_EP_HAS_V4 | BL_EP_HAS_V6 | BL_EP_PEER | BL_EP_POLICY,
		.uplink_ifindex = 1,
		.tap_ifindex = 1,
		.mtu = 1500,
		.ct_sets = BL_CT_SETS_MIN,
		.guest4 = addr_of(OWN4),
		.guest6 = addr_of(OWN6),
	};

	memcpy(entry.guest_mac, own_mac, sizeof(own_mac));
	memcpy(entry.uplink_mac, own_mac, sizeof(own_mac));
	memcpy(entry.router_mac, peer_mac, sizeof(peer_mac));
	entry.pod4 = entry.guest4;
	entry.pod6 = entry.guest6;
	return entry;
}

static int make_endpoint(struct bl_judge *judge, uint32_t index, struct bl_err *err)
{
	const struct bl_endpoint entry = endpoint_entry();
	int r = datapath_write_endpoint(judge->datapath, index, &entry, err);

	/* a next hop, which the kernel's neighbours are asked for else */
	for (int family = 0; r == 0 && family < BL_FAMILIES; family++)
		r = datapath_write_nexthop(judge->datapath, index, family, peer_mac, err);
	return r;
}

/* The first one's table for the others too. */
static int share_table(struct bl_judge *judge, struct bl_err *err)
{
	int tables = bpf_map__fd(judge->datapath->skeleton->maps.bl_conntrack);
	uint32_t indices[ENDPOINTS - 1], first = 0, id, n = ENDPOINTS - 1;
	bl_autoclose int fd = -1;
	int fds[ENDPOINTS - 1];
	int r = datapath_make_share(judge->datapath, first, BL_CT_SETS_MIN, err);

	if (r == 0)
		r = bpf_map_lookup_elem(tables, &first, &id);
	if (r == 0)
		r = fd = bpf_map_get_fd_by_id(id);
	for (uint32_t i = 0; i < n; i++) {
		indices[i] = i + 1;
		fds[i] = fd;
	}
	if (r >= 0)
		r = bpf_map_update_batch(tables, indices, fds, &n, NULL);
	return r < 0 ? bl_fail_errno(err, r, "making a table of connections") : 0;
}

static int make_endpoints(struct bl_judge *judge, struct bl_err *err)
{
	struct datapath_policy none[ENDPOINTS] = {0};
	int r = share_table(judge, err);

	for (uint32_t i = 0; r == 0 && i < ENDPOINTS; i++) {
		none[i].index = i;
		r = make_endpoint(judge, i, err);
	}
	return r < 0 ? r : datapath_swap_policies(judge->datapath, none, ENDPOINTS, err);
}

static int find_endpoint(struct bl_judge *judge, const struct bl_policy_rows *rows,
			 uint32_t *ret_index, struct bl_err *err)
{
	uint32_t index;
	int r;

	for (index = 0; index < ENDPOINTS; index++) {
		if (judge->rows[index] == rows) {
			*ret_index = index;
			return 0;
		}
	}
	index = judge->n_asked++ % ENDPOINTS;
	r = datapath_rewrite_policy(judge->datapath, index, judge->rows[index], rows, err);
	if (r < 0)
		return r;
	judge->rows[index] = rows;
	*ret_index = index;
	return 0;
}

/* ---- loading ------------------------------------------------------------------------------------- */

static void take_event(const struct bl_event *event, void *data)
{
	struct bl_judge *judge = data;

	judge->event = *event;
	judge->has_event = true;
}

static int write_prefixes(struct bl_judge *judge, struct bl_err *err)
{
	const struct bl_ipcache_row *rows;
	size_t n;

	bl_engine_prefixes(judge->engine, &rows, &n);
	return datapath_write_prefixes(judge->datapath, rows, n, err);
}

int bl_judge_new(const struct bl_engine *engine, struct bl_judge **ret_judge, struct bl_err *err)
{
	bl_auto_judge struct bl_judge *judge = bl_alloc(sizeof(*judge));
	int r;

	judge->engine = engine;
	r = datapath_open_alone(&judge->datapath, err);
	if (r == 0)
		r = datapath_sample(judge->datapath, true, 1, err);
	if (r == 0)
		r = datapath_ring_new(judge->datapath, take_event, judge, &judge->ring, err);
	if (r == 0)
		r = write_prefixes(judge, err);
	if (r == 0)
		r = make_endpoints(judge, err);
	if (r < 0)
		return r;
	*ret_judge = bl_take_ptr(judge);
	return 0;
}

void bl_judge_free(struct bl_judge *judge)
{
	if (!judge)
		return;
	datapath_ring_free(judge->ring);
	datapath_free(judge->datapath);
	free(judge);
}

/* ---- asking -------------------------------------------------------------------------------------- */

static bool is_v4(const struct bl_flow_question *question, const struct bl_addr *peer)
{
	if (question->protocol == IPPROTO_ICMP || question->protocol == IPPROTO_ICMPV6)
		return question->protocol == IPPROTO_ICMP;
	return !peer || bl_addr_is_v4(peer);
}

/* A peer without an address, or with one of a family that its protocol has not, gets one that is known
 * by its identity. */
static int find_ends(struct bl_judge *judge, const struct bl_flow_question *question,
		     struct judge_ends *ends, struct bl_err *err)
{
	struct bl_addr addr;
	bool known = bl_flow_peer_addr(judge->engine, question, &addr);
	bool v4 = is_v4(question, known ? &addr : NULL);
	struct bl_ipcache_row row = {.key.prefixlen = 128, .identity = question->identity};

	*ends = (struct judge_ends){.own = addr_of(v4 ? OWN4 : OWN6)};
	memcpy(ends->own_mac, own_mac, sizeof(own_mac));
	memcpy(ends->peer_mac, peer_mac, sizeof(peer_mac));
	ends->peer = addr;
	if (known && bl_addr_is_v4(&addr) == v4)
		return 0;
	ends->peer = addr_of(v4 ? PEER4 : PEER6);
	memcpy(row.key.addr, &ends->peer, sizeof(row.key.addr));
	return datapath_write_prefixes(judge->datapath, &row, 1, err);
}

static int run(struct bl_judge *judge, uint32_t index, enum bl_direction direction,
	       const struct judge_packet *packet, struct bl_err *err)
{
	const struct bpf_program *program =
		direction == BL_TO_VM ? judge->datapath->skeleton->progs.bl_pod_to_vm
				      : judge->datapath->skeleton->progs.bl_pod_from_vm;
	const struct bl_budget fresh = {0};
	struct __sk_buff context = {.cb[CB_ENDPOINT] = index};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet->bytes,
		    .data_size_in = (uint32_t)packet->len, .ctx_in = &context,
		    .ctx_size_in = sizeof(context));
	int r = bpf_map_update_elem(bpf_map__fd(judge->datapath->skeleton->maps.bl_budgets), &index,
				    &fresh, BPF_ANY);

	if (r == 0)
		r = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
	if (r < 0)
		return bl_fail_errno(err, r, "running program '%s'", bpf_program__name(program));
	judge->has_event = false;
	r = datapath_ring_read(judge->ring, err);
	if (r == 0 && !judge->has_event)
		return bl_fail(err, -EIO, "program '%s' says nothing of its packet",
			       bpf_program__name(program));
	return r;
}

static bool is_echo(const struct bl_flow_question *question)
{
	return (question->protocol == IPPROTO_ICMP &&
		(question->port == ICMP_ECHO || question->port == ICMP_ECHOREPLY)) ||
	       (question->protocol == IPPROTO_ICMPV6 &&
		(question->port == ICMP6_ECHO_REQUEST || question->port == ICMP6_ECHO_REPLY));
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* The connection that the packet opens, if it does. */
static struct bl_ct_entry opened_by(const struct bl_flow_question *question,
				    const struct judge_ends *ends)
{
	bool ports = has_ports(question->protocol), egress = question->direction == BL_EGRESS;
	uint16_t from = ports || is_echo(question) ? JUDGE_PORT : 0;
	uint16_t to = ports ? question->port : from;

	return (struct bl_ct_entry){
		.remote = ends->peer,
		.remote_port = htons(egress ? to : from),
		.local_port = htons(egress ? from : to),
		.protocol = question->protocol,
	};
}

/* What a rule let in is remembered, and must not be known by the next packet. An error of ICMP opens
 * nothing. */
static int forget(struct bl_judge *judge, uint32_t index, const struct bl_ct_entry *opened,
		  struct bl_err *err)
{
	bool let_in = judge->event.reason == BL_REASON_FORWARDED && judge->event.cookie, was;
	bool opens = has_ports(opened->protocol) || opened->local_port;
	int r = datapath_forget(judge->datapath, index, opened, &was, err);

	return r == 0 && let_in && opens && !was
		       ? bl_fail(err, -EIO, "a connection is not found again")
		       : r;
}

/* What is no business of policies was decided by another stage. */
static struct bl_flow_said said_of(const struct bl_event *event)
{
	bool policys = event->reason == BL_REASON_FORWARDED || event->reason == BL_REASON_POLICY ||
		       event->reason == BL_REASON_POLICY_DENY;

	struct bl_flow_said said = {
		.denied = BL_REASON_IS_DROP(event->reason),
		.cookie = event->cookie,
		.why = policys ? NULL : bl_reason_text(event->reason),
	};

	/* neighbour discovery, and what path MTU discovery needs */
	if (event->reason == BL_REASON_FORWARDED && !event->cookie)
		said.why = "passes whatever policies say";
	return said;
}

int bl_judge_ask(const struct bl_flow_question *question, struct bl_flow_said *ret_said, void *data,
		 struct bl_err *err)
{
	enum bl_direction direction = question->direction == BL_EGRESS ? BL_FROM_VM : BL_TO_VM;
	struct bl_judge *judge = data;
	struct judge_packet packet;
	struct bl_ct_entry opened;
	struct judge_ends ends;
	uint32_t index;
	int r = find_endpoint(judge, question->rows, &index, err);

	if (r == 0)
		r = find_ends(judge, question, &ends, err);
	if (r < 0)
		return r;
	opened = opened_by(question, &ends);
	packet = judge_packet(&ends, direction, question->protocol, question->port);
	r = run(judge, index, direction, &packet, err);
	if (r == 0)
		r = forget(judge, index, &opened, err);
	if (r < 0)
		return r;
	*ret_said = said_of(&judge->event);
	return 0;
}
