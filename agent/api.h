/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's socket: who connects, and which function answers which method of beeline/api.h. Methods
 * live in api_<group>.c as one table per group.
 */
#pragma once

#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/rpc.h>

struct agent;
struct api;
struct kind;
struct object_key;

/* One call of a client; borrowed while the method runs, but for the call itself. */
struct api_request {
	struct agent *agent;
	struct bl_rpc *rpc;
	struct bl_rpc_call *call;
	const struct cJSON *params; /* may be NULL */
	int *fds;                   /* a slot set to -1 has been taken */
	unsigned int n_fds;
};

/* 0: *ret_result (owned; may stay NULL for {}) is the answer. API_LATER: the method answers the call
 * itself, then or later. */
#define API_LATER 1
typedef int api_fn(const struct api_request *request, struct cJSON **ret_result,
		   struct bl_err *err);

struct api_method {
	const char *name; /* NULL ends a table */
	api_fn *fn;
};

extern const struct api_method api_apply_methods[];
extern const struct api_method api_object_methods[];
extern const struct api_method api_watch_methods[];
extern const struct api_method api_vm_methods[];
extern const struct api_method api_connection_methods[];
extern const struct api_method api_endpoint_methods[];
extern const struct api_method api_image_methods[];
extern const struct api_method api_monitor_methods[];
extern const struct api_method api_policy_methods[];

/* Listens: mode 0660, owned by the group when there is one of that name. */
int api_new(struct agent *agent, struct api **ret_api, struct bl_err *err);
void api_free(struct api *api);
/* To be called by who handled very many objects: memory that lies free goes back to the kernel as soon as what
 * runs now is over, which allocators do not do by themselves in the midst of what stays. */
void api_spent(struct api *api);
#define API_MANY 64

/* Parameters. A name or namespace from outside is checked to be a DNS name; the namespace is "default"
 * when it is missing. Borrowed from the request. */
int api_string(const struct api_request *request, const char *name, const char **ret_text,
	       struct bl_err *err);
int api_object_name(const struct api_request *request, const char **ret_namespace,
		    const char **ret_name, struct bl_err *err);
/* What the names of the endpoints begin with that "namespace" and "name" mean, a VM's being
 * "<namespace>_<vmi>_<interface>"; NULL: those of all. The caller frees. */
char *api_endpoint_prefix(const struct cJSON *params);
/* The one endpoint that is meant: of that name ("endpoint"), or the only one of a VM ("namespace",
 * "name"). -ENOENT, -EINVAL: it has several. Borrowed. */
int api_endpoint(const struct api_request *request, const char **ret_name, struct bl_err *err);
/* -EINVAL with a sentence: the agent does not act on it. */
int api_find_kind(const char *name, const struct kind **ret_kind, struct bl_err *err);
/* The object that "kind", "namespace" and "name" mean; of a kind that is supported. */
int api_key(const struct api_request *request, struct object_key *ret_key, struct bl_err *err);
/* "kind", and "namespace" or NULL for all. */
int api_kind_of(const struct api_request *request, const char **ret_kind,
		const char **ret_namespace, struct bl_err *err);
