/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy engine: Kubernetes objects in, map entries out, and no kernel anywhere.
 *
 *   objects -> selectors -> identities -> ordered rules -> entries -> prefixes
 *
 * It holds typed views of what it was given (policies; Namespace, Pod, VirtualMachineInstance, Node,
 * Service, EndpointSlice, CiliumCIDRGroup) and of the endpoints whose edge is enforced, numbers the
 * identities as Cilium does (abi.h), and compiles for each endpoint the entries of its policy map.
 * A change marks what it concerns; bl_engine_update() computes that anew and nothing else.
 *
 * The meaning of a set of rules: sort by tier, priority, verdict (deny, allow, pass); the first that
 * matches decides; pass goes on with the next tier; when none matches, the direction's default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/labels.h>
#include <beeline/policy.h>

struct bl_engine;

struct bl_engine_options {
	const char *node;    /* the Node object whose addresses are "host"; NULL: none is */
	const char *cluster; /* of the cluster label; NULL: "default" */
	/* Every Pod and VMI is an endpoint too, by the name "namespace/name": to ask what would be. */
	bool all_are_endpoints;
};

struct bl_engine *bl_engine_new(const struct bl_engine_options *options);
void bl_engine_free(struct bl_engine *engine);
BL_DEFINE_AUTO(engine, struct bl_engine *, bl_engine_free)
#define bl_auto_engine bl_cleanup(bl_auto_engine_fn)

/* Whoever comes with these labels, as bl_labels_format() spells them, gets this number and nobody else
 * does: for an agent whose kernel goes on with the numbers of one before. Before the first update. */
void bl_engine_remember(struct bl_engine *engine, const char *labels, uint32_t number);
/* From now on numbers are free that nobody came for. */
void bl_engine_forget(struct bl_engine *engine);

/* ---- objects in -------------------------------------------------------------------------------- */

/* Of a policy, or of an object that policies speak of? */
bool bl_engine_is_kind(const char *kind);
/* One of those whose objects stand in no namespace? */
bool bl_engine_is_clusterwide(const char *kind);
/* Takes or replaces an object; the document is not kept. An error leaves what was. */
int bl_engine_put(struct bl_engine *engine, const struct cJSON *document, struct bl_err *err);
/* The same for a policy that was read before; the engine owns it from now on. */
void bl_engine_put_policy(struct bl_engine *engine, struct bl_policy *policy);
/* namespace NULL: of the whole cluster. Nothing happens when there is none. */
void bl_engine_remove(struct bl_engine *engine, const char *kind, const char *namespace,
		      const char *name);
/* Addresses of this node beside those of its Node object, such as a bridge's: all of them, in place of
 * those of the last call. */
void bl_engine_set_host(struct bl_engine *engine, const struct bl_addr *addrs, size_t n_addrs);

struct bl_named_port {
	char *name;
	uint8_t protocol;
	uint16_t port;
};

/* A VM NIC whose edge is enforced here. Strings and labels are copied. */
struct bl_engine_endpoint {
	const char *name;
	const char *namespace;
	const char *service_account;    /* NULL: "default" */
	const char *node;               /* NULL: the engine's */
	const struct bl_labels *labels; /* unfiltered: of the pod or VMI, under source k8s */
	const struct bl_addr *addrs;    /* by which the world reaches it */
	size_t n_addrs;
	const struct bl_named_port *ports;
	size_t n_ports;
};
int bl_engine_put_endpoint(struct bl_engine *engine, const struct bl_engine_endpoint *endpoint,
			   struct bl_err *err);
void bl_engine_remove_endpoint(struct bl_engine *engine, const char *name);

/* Rules that stand in no policy; all others have greater cookies. */
enum bl_engine_rule {
	BL_RULE_NODE = 1,   /* the own node may come in */
	BL_RULE_UNENFORCED, /* nothing denies in this direction */
	BL_RULE_DEFAULT,    /* the default deny, where it has an entry */
};

/* ---- entries out ------------------------------------------------------------------------------- */

struct bl_policy_row {
	struct bl_policy_key key;
	struct bl_policy_entry entry; /* without counter, which is the map writer's */
};

/* Sorted by key. Without default deny a direction has an entry that allows all, so that the rows say
 * everything. */
struct bl_policy_rows {
	struct bl_policy_row *items;
	size_t n_items;
	bool default_deny[BL_POLICY_DIRECTIONS];
};

struct bl_ipcache_row {
	struct bl_ipcache_key key;
	uint32_t identity; /* 0 in a change: the prefix is gone */
};

/*
 * What an update changed; borrowed until the engine is next given something. Endpoints whose rows did not
 * change are not named. A change reaches the kernel in up to three updates, each of which is applied in
 * this order: first the endpoints, then the prefixes. So no packet is judged by half a policy:
 *
 *   1. the rules of before learn the new identities, and the ipcache follows,
 *   2. the rules change, and the ipcache forgets prefixes that nobody names any more,
 *   3. the rows lose identities that no address has any more.
 *
 * again says that there is more to do when this has been applied. An endpoint that is new has its rows at
 * once. Who only asks (bl_engine_find) may call until there is no more.
 */
struct bl_engine_changes {
	const char *const *endpoints;
	size_t n_endpoints;
	const struct bl_ipcache_row *prefixes;
	size_t n_prefixes;
	bool again; /* update once more when this is in the kernel */
};
/* -ENOSPC: no identity is left; what was computed before stands, and the next call tries again. */
int bl_engine_update(struct bl_engine *engine, struct bl_engine_changes *ret_changes,
		     struct bl_err *err);

/* Written out when somebody asks, as there may be a million of them in all, and kept until they are folded
 * or the next update does that. Borrowed until then; NULL: no such endpoint. */
const struct bl_policy_rows *bl_engine_rows(const struct bl_engine *engine, const char *endpoint);
void bl_engine_fold_rows(struct bl_engine *engine);
/* What can be said of them without writing them out; no such endpoint: none, and all is denied. */
size_t bl_engine_n_rows(const struct bl_engine *engine, const char *endpoint);
bool bl_engine_is_default_deny(const struct bl_engine *engine, const char *endpoint,
			       enum bl_policy_direction direction);
/* Why the rows of an endpoint are not those of its policy but what was before, of a new endpoint none:
 * there would be more than BL_POLICY_ROWS_MAX. NULL: they are. An endpoint whose error comes or goes is
 * among the changes. Borrowed. */
const char *bl_engine_error(const struct bl_engine *engine, const char *endpoint);
/* An endpoint that such an error keeps from this policy; NULL: there is none. Borrowed. */
const char *bl_engine_unfit(const struct bl_engine *engine, const char *kind, const char *namespace,
			    const char *name);
/* All prefixes, sorted. */
void bl_engine_prefixes(const struct bl_engine *engine, const struct bl_ipcache_row **ret_rows,
			size_t *ret_n);
size_t bl_engine_n_prefixes(const struct bl_engine *engine);

/* ---- asking ------------------------------------------------------------------------------------ */

/* As the kernel does it: the longest prefix that covers the address; 0: none. */
uint32_t bl_engine_identity(const struct bl_engine *engine, const struct bl_addr *addr);
/* Borrowed; NULL: no such identity. */
const struct bl_labels *bl_engine_identity_labels(const struct bl_engine *engine,
						  uint32_t identity);
/* All of them, rising; the caller frees. */
void bl_engine_identities(const struct bl_engine *engine, uint32_t **ret_numbers, size_t *ret_n);
/* The rule behind an entry's cookie: "default/web spec.ingress[0]"; NULL: there is none. Borrowed. */
const char *bl_engine_rule(const struct bl_engine *engine, uint32_t cookie);

/* Which pod, VM or endpoint has just this address; an endpoint stands in no namespace, "". False: none
 * that is known. Borrowed until the engine is next given something. */
bool bl_engine_peer(const struct bl_engine *engine, const struct bl_addr *addr,
		    const char **ret_namespace, const char **ret_name);
/* Another pod or endpoint that says to have an address of a pod. */
struct bl_engine_rival {
	const char *namespace, *name; /* as bl_engine_peer() has them */
	bool holds;                   /* policies take the address for it, and not for the pod */
};
/* False: there is none. */
bool bl_engine_rival(const struct bl_engine *engine, const struct bl_addr *addr,
		     const char *namespace, const char *pod, struct bl_engine_rival *ret_rival);
/* Who an endpoint is; 0: there is none of this name, or it has no identity yet. */
uint32_t bl_engine_endpoint_identity(const struct bl_engine *engine, const char *endpoint);

/* Each spec of each policy, in no order of policies. endpoint: only those that its rows were compiled of;
 * NULL: all. */
typedef void bl_engine_spec_fn(const struct bl_policy *policy, const struct bl_policy_spec *spec,
			       void *data);
void bl_engine_specs(const struct bl_engine *engine, const char *endpoint, bl_engine_spec_fn *fn,
		     void *data);

/* Would the spec concern an endpoint of this namespace, service account and labels? Of the endpoint nothing
 * else is read. */
bool bl_engine_selects(const struct bl_engine *engine, const struct bl_policy_spec *spec,
		       const struct bl_engine_endpoint *endpoint);

/* One end of a flow. */
struct bl_engine_party {
	const char *
		endpoint; /* as bl_engine_rows() takes it, of the caller or borrowed; NULL: not enforced */
	uint32_t identity; /* as the other end sees it */
};
/* who: "namespace/name" of an endpoint, VMI or pod, an address, or "host". other: the endpoint at the
 * other end, whose own node is host to it; NULL: the engine's node is. -ENOENT: nobody has that name. */
int bl_engine_find(const struct bl_engine *engine, const char *who, const char *other,
		   struct bl_engine_party *ret_party, struct bl_err *err);

/* The two look-ups of the kernel's policy stage over rows (see abi.h). NULL: no entry, which denies. */
const struct bl_policy_row *bl_policy_lookup(const struct bl_policy_rows *rows, uint32_t identity,
					     enum bl_policy_direction direction, uint8_t protocol,
					     uint16_t port);
