/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The datapath in the kernel: the shared programs, the maps that they read, and the hooks of each
 * endpoint. datapath.c, datapath/maps.c and hook.c are the only files that speak bpf().
 *
 *   <bpffs>/maps/<map>                             maps, shared by all endpoints and by agents in turn
 *   <bpffs>/<endpoint>/to_vm|from_vm|pod_out|loop  tcx: the link, whose pin keeps it attached;
 *                                                  clsact: the stub, whose filter holds by itself
 *
 * Closing a datapath changes nothing in the kernel: pins and filters stay and traffic goes on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/engine.h>
#include <beeline/err.h>

struct datapath;

enum datapath_mode { DATAPATH_AUTO, DATAPATH_TCX, DATAPATH_CLSACT };
#define DATAPATH_MODES "auto|tcx|clsact"
const char *datapath_mode_name(enum datapath_mode mode);
/* Of a name of DATAPATH_MODES. */
enum datapath_mode datapath_mode_of(const char *name);

/* Mounts bpffs where it is missing, loads the programs with the maps pinned below bpffs_dir (made
 * when missing; carried over when their layout is older, refused when it is newer; see
 * datapath/takeover.h), and writes the program slots. AUTO takes tcx
 * where the kernel knows it. */
int datapath_open(const char *bpffs_dir, enum datapath_mode mode, struct datapath **ret_datapath,
		  struct bl_err *err);
/* With maps of its own, which nobody else sees: to run programs, not to attach them. */
int datapath_open_alone(struct datapath **ret_datapath, struct bl_err *err);
void datapath_free(struct datapath *datapath);
BL_DEFINE_AUTO(datapath, struct datapath *, datapath_free)
#define bl_auto_datapath bl_cleanup(bl_auto_datapath_fn)

enum datapath_mode datapath_mode(const struct datapath *datapath);

/* Where stubs of an endpoint stand. */
enum hook_place {
	HOOK_TO_VM,   /* the uplink's ingress */
	HOOK_FROM_VM, /* the tap's ingress */
	HOOK_POD_OUT, /* masquerade: the uplink's egress */
	HOOK_LOOP,    /* masquerade: the loopback's egress */
	HOOKS_MAX,
};

/* One hook of one endpoint. */
struct hook {
	const char *endpoint; /* its name */
	uint32_t index;
	enum hook_place place;
	enum bl_slot slot;
	int netns_fd;
	const char *ifname;
	uint32_t ifindex;
};

/* Makes sure that exactly one stub of ours stands at the hook: what is pinned and still attached to
 * this device is adopted untouched, anything else of ours is replaced. *ret_attached (may be NULL)
 * says whether anything had to be done. */
int hook_attach(struct datapath *datapath, const struct hook *hook, bool *ret_attached,
		struct bl_err *err);
/* Takes all hooks of an endpoint away: filters when netns_fd is not -1, and its folder of pins. */
int hooks_detach(struct datapath *datapath, const char *endpoint, int netns_fd,
		 const char *const ifnames[HOOKS_MAX], struct bl_err *err);
/* Calls fn with the name of each endpoint that has pins. fn may detach it. */
int hooks_for_each(struct datapath *datapath, void (*fn)(const char *endpoint, void *data),
		   void *data, struct bl_err *err);

/* Entries of one endpoint, each written in one update. */
int datapath_write_endpoint(struct datapath *datapath, uint32_t index,
			    const struct bl_endpoint *entry, struct bl_err *err);
int datapath_read_endpoint(struct datapath *datapath, uint32_t index, struct bl_endpoint *ret_entry,
			   struct bl_err *err);
int datapath_write_lease(struct datapath *datapath, uint32_t index, const struct bl_lease *lease,
			 struct bl_err *err);
int datapath_read_lease(struct datapath *datapath, uint32_t index, struct bl_lease *ret_lease,
			struct bl_err *err);
/* mac NULL: not known. */
int datapath_write_nexthop(struct datapath *datapath, uint32_t index, enum bl_family family,
			   const uint8_t mac[6], struct bl_err *err);
int datapath_read_nexthop(struct datapath *datapath, uint32_t index, enum bl_family family,
			  struct bl_nexthop *ret_nexthop, struct bl_err *err);
/* Gives the endpoint its share of connection tracking; one that it has, and is not smaller, is kept. */
int datapath_make_conntrack(struct datapath *datapath, uint32_t index, uint32_t sets,
			    uint32_t *ret_sets, struct bl_err *err);
/* Empties everything of an index: entry, lease, next hops, connections, counters. */
int datapath_clear(struct datapath *datapath, uint32_t index, struct bl_err *err);

/* Counters, summed over the CPUs. */
int datapath_traffic(struct datapath *datapath, uint32_t index, enum bl_direction direction,
		     struct bl_counter *ret_counter, struct bl_err *err);
int datapath_verdicts(struct datapath *datapath, uint32_t index,
		      void (*fn)(const struct bl_verdict_key *key, const struct bl_counter *counter,
				 void *data),
		      void *data, struct bl_err *err);
int datapath_lost(struct datapath *datapath, uint32_t index, uint64_t *ret_lost,
		  struct bl_err *err);

/* ---- totals (datapath/totals.c) ------------------------------------------------------------------ */

/* One pair that occurred in bl_verdicts. */
struct datapath_verdict {
	struct bl_verdict_key key;
	struct bl_counter counter;
};

/* Connections that live in an endpoint's share. */
struct datapath_fill {
	uint64_t capacity; /* 0: no share */
	uint64_t used;
};

/* As in struct bl_handshakes; bucket i ends with BL_HANDSHAKE_BOUND(i) << BL_HANDSHAKE_SHIFT ns. */
struct datapath_handshakes {
	uint64_t sum_ns;
	uint64_t counts[BL_HANDSHAKE_BOUNDS + 1];
};

/* Everything that is counted, of all indices, in a number of calls that does not grow with them. The
 * shares of connection tracking are too big for that: of many, a part of each is read, another one
 * each time, and stands for the whole. */
struct datapath_totals {
	uint32_t n; /* indices that were asked for */
	struct bl_counter traffic[BL_ENDPOINTS_MAX][BL_DIRECTIONS_MAX];
	uint64_t lost[BL_ENDPOINTS_MAX], capture_lost[BL_ENDPOINTS_MAX];
	struct bl_tally tallies[BL_ENDPOINTS_MAX][BL_VM_DIRECTIONS];
	struct datapath_handshakes handshakes[BL_ENDPOINTS_MAX][BL_VM_DIRECTIONS];
	struct datapath_fill fill[BL_ENDPOINTS_MAX];
	uint32_t policy_rows[BL_ENDPOINTS_MAX]; /* of BL_POLICY_ROWS_MAX */
	struct datapath_verdict *verdicts;      /* by endpoint, direction, reason */
	size_t n_verdicts, max_verdicts;        /* that are there; that the map can hold */
	size_t n_rules, max_rules;              /* counters of rules, likewise */
};

/* Of the first n indices; the caller frees. */
int datapath_totals_new(struct datapath *datapath, uint32_t n, struct datapath_totals **ret_totals,
			struct bl_err *err);
void datapath_totals_free(struct datapath_totals *totals);
BL_DEFINE_AUTO(datapath_totals, struct datapath_totals *, datapath_totals_free)
#define bl_auto_datapath_totals bl_cleanup(bl_auto_datapath_totals_fn)
/* Can the maps be read? */
int datapath_check(struct datapath *datapath, struct bl_err *err);

/* ---- connections (datapath/connections.c) -------------------------------------------------------- */

/*
 * One that lives. What its entry says is all that is known: who the other end is, and of this end the
 * port and whether the guest or its pod has it, but not under which of its addresses; no packets and no
 * bytes are counted. The counter's rule is the present one's only when the epoch is the present one.
 */
typedef void datapath_connection_fn(const struct bl_ct_entry *entry, uint32_t left_s, void *data);

/* Those in DATAPATH_CT_SETS sets of an endpoint's share from the first on; *ret_next is where to go on,
 * 0: that was all. What comes and goes meanwhile is met or not. */
#define DATAPATH_CT_SETS 1024
int datapath_connections(struct datapath *datapath, uint32_t index, uint32_t first,
			 datapath_connection_fn *fn, void *data, uint32_t *ret_next,
			 struct bl_err *err);
/* The programs know the connection no more: its next packet is judged as if it opened one. Whatever else
 * is in the share stays, and packets may flow. *ret_was: it was there. */
int datapath_forget(struct datapath *datapath, uint32_t index, const struct bl_ct_entry *entry,
		    bool *ret_was, struct bl_err *err);
/* The present epoch. */
int datapath_epoch(struct datapath *datapath, uint32_t *ret_epoch, struct bl_err *err);

/* ---- policy (datapath/policies.c, prefixes.c); the order of calls is the caller's ----------------- */

struct datapath_policy {
	uint32_t index;
	const struct bl_policy_row *rows; /* as the engine sorted them; counters are chosen here */
	size_t n_rows;
};

/* Fills a new map for each and puts it in place of the old one, many by one update, as each update waits
 * for the packets that are under way. On failure each endpoint has its old map or its new one, whole. A row
 * that the old map has too goes on with its counter. */
int datapath_swap_policies(struct datapath *datapath, const struct datapath_policy *policies,
			   size_t n_policies, struct bl_err *err);
/* Are all counters of rules taken? A row that finds none is enforced and not counted. */
bool datapath_rules_full(const struct datapath *datapath);
/* Writes rows, uncounted, over those that stand there (NULL: none): for who runs the programs himself, as
 * half of them is seen meanwhile. */
int datapath_rewrite_policy(struct datapath *datapath, uint32_t index,
			    const struct bl_policy_rows *before, const struct bl_policy_rows *after,
			    struct bl_err *err);
/* Rows as they stand in the kernel, with their counters; no policy: none. */
int datapath_policy_rows(struct datapath *datapath, uint32_t index,
			 void (*fn)(const struct bl_policy_row *row,
				    const struct bl_counter *counter, void *data),
			 void *data, struct bl_err *err);
/* The rule behind each counter that those rows use; 0: no row uses it. */
int datapath_policy_cookies(struct datapath *datapath, uint32_t index,
			    uint32_t ret_cookies[BL_RULES_MAX], struct bl_err *err);
/* Writes prefixes, and deletes those whose identity is 0. */
int datapath_write_prefixes(struct datapath *datapath, const struct bl_ipcache_row *rows,
			    size_t n_rows, struct bl_err *err);
int datapath_prefixes(struct datapath *datapath,
		      void (*fn)(const struct bl_ipcache_row *row, void *data), void *data,
		      struct bl_err *err);
/* From now on every connection is judged anew by its next packet. */
int datapath_bump_epoch(struct datapath *datapath, struct bl_err *err);

/* Which packets leave a record in the ring; see struct bl_config. */
int datapath_sample(struct datapath *datapath, bool events, uint32_t sample, struct bl_err *err);
/* The ring of events: fn for each record, until datapath_ring_free(). The descriptor polls. */
struct datapath_ring;
int datapath_ring_new(struct datapath *datapath,
		      void (*fn)(const struct bl_event *event, void *data), void *data,
		      struct datapath_ring **ret_ring, struct bl_err *err);
void datapath_ring_free(struct datapath_ring *ring);
int datapath_ring_fd(const struct datapath_ring *ring);
int datapath_ring_read(struct datapath_ring *ring, struct bl_err *err);

/* ---- captures (datapath/capture.c) --------------------------------------------------------------- */

/* A ring for an endpoint's packets, put in place for the programs, which use it while the endpoint's entry
 * says BL_EP_CAPTURE. The descriptor polls. Freeing takes the ring away. */
struct datapath_capture;
typedef void datapath_capture_fn(const struct bl_capture *record, void *data);
int datapath_capture_new(struct datapath *datapath, uint32_t index, uint32_t snaplen,
			 datapath_capture_fn *fn, void *data, struct datapath_capture **ret_capture,
			 struct bl_err *err);
void datapath_capture_free(struct datapath_capture *capture);
int datapath_capture_fd(const struct datapath_capture *capture);
/* Hands out so many records as one turn of the loop may take. */
#define DATAPATH_CAPTURE_MORE 1
int datapath_capture_read(struct datapath_capture *capture, struct bl_err *err);
/* Packets of the endpoint that found the ring full, ever. */
int datapath_capture_lost(struct datapath *datapath, uint32_t index, uint64_t *ret_lost,
			  struct bl_err *err);
/* Ends what an agent that was killed left running. */
void datapath_capture_recover(struct datapath *datapath);
