/* SPDX-License-Identifier: Apache-2.0 */
/* What the policy engine reads of Kubernetes objects that are no policies. */
#pragma once

#include <beeline/engine.h>

enum object_kind {
	OBJECT_NAMESPACE,
	OBJECT_POD,
	OBJECT_VMI,
	OBJECT_NODE,
	OBJECT_SERVICE,
	OBJECT_SLICE,
	OBJECT_CIDR_GROUP,
	OBJECT_KINDS
};

#define OBJECT_ADDRS_MAX 1000 /* of one object, as EndpointSlices may have */
#define OBJECT_PORTS_MAX 1000
#define OBJECT_CIDRS_MAX 100000

/* One view for all kinds; a member that a kind lacks is empty. */
struct object {
	enum object_kind kind;
	char *namespace; /* "" for kinds of the whole cluster */
	char *name;
	struct bl_labels labels; /* source k8s; of a Node: node; of a CiliumCIDRGroup: cidrgroup */
	struct bl_addr *addrs;   /* Pod, VMI, Node, EndpointSlice (of those that are ready) */
	size_t n_addrs;
	struct bl_prefix *prefixes; /* CiliumCIDRGroup */
	size_t n_prefixes;
	struct bl_named_port *ports; /* Pod, VMI */
	size_t n_ports;
	char *service_account;     /* Pod, VMI: never NULL */
	char *node;                /* Pod, VMI: that it runs on; NULL: none yet */
	bool on_host_network;      /* Pod: it is its node */
	bool is_over;              /* Pod, VMI: ran, and is nobody any more */
	struct bl_labels selector; /* Service */
	char *service;             /* EndpointSlice: whose it is; NULL: nobody's */
};

/* -1: of no kind that is read here. */
int object_kind(const char *kind);
bool object_is_namespaced(enum object_kind kind);
int object_read(const struct cJSON *document, struct object *ret_object, struct bl_err *err);
void object_clear(struct object *object);
/* In all that is read. */
bool object_equal(const struct object *a, const struct object *b);

/* The labels by which policies know a pod or VM: its own without those that only the cluster may give,
 * namespace, cluster and service account; all that make no identity left out. The labels of its
 * namespace come later (object_add_namespace). */
void object_identity_labels(const struct bl_labels *own, const char *namespace, const char *cluster,
			    const char *service_account, struct bl_labels *ret_labels);
/* labels: of the Namespace object, NULL: there is none. Every namespace has the label of its name, as the
 * API server sees to. */
void object_add_namespace(struct bl_labels *to, const char *namespace,
			  const struct bl_labels *labels);
/* What came so goes. */
void object_drop_namespace(struct bl_labels *labels);
