/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that people name, and their columns; see kind.h. */
#include "kind.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <beeline/file.h>
#include <beeline/plan.h>

#include "text.h"

static char *age(const struct cJSON *object, int64_t now_s)
{
	const char *created = bl_json_get_string(object, "metadata/creationTimestamp");
	int64_t then_s = created ? bl_time_parse(created) : -1;
	char text[TEXT_AGE_MAX];

	return bl_strdup(then_s < 0 ? "<unknown>" : text_age(now_s - then_s, text));
}

char *column_cell(const struct column *column, const struct cJSON *object, int64_t now_s)
{
	const char *text;

	if (column->is_age)
		return age(object, now_s);
	/* What kubectl prints of a condition: its status. */
	text = column->condition ? bl_condition(bl_json_get(object, "status"), column->condition)
				 : bl_json_get_string(object, column->path);
	return bl_strdup(text ? text : "");
}

/* Columns as KubeVirt's CustomResourceDefinitions print them. */
static const struct column vm_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"AGE", .is_age = true},
	{"STATUS", .path = "status/printableStatus"},
	{"READY", .condition = "Ready"},
	{0},
};

static const struct column vmi_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"AGE", .is_age = true},
	{"PHASE", .path = "status/phase"},
	{"IP", .path = "status/interfaces/0/ipAddress"},
	{"NODENAME", .path = "status/nodeName"},
	{"READY", .condition = "Ready"},
	{"LIVE-MIGRATABLE", .condition = "LiveMigratable", .wide = true},
	{"PAUSED", .condition = "Paused", .wide = true},
	{0},
};

static const struct column cilium_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"AGE", .is_age = true},
	{"VALID", .condition = "Valid"},
	{"ENFORCED", .condition = "Enforced", .wide = true},
	{0},
};

static const struct column policy_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"AGE", .is_age = true},
	{"ENFORCED", .condition = "Enforced", .wide = true},
	{0},
};

static const struct column pod_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"STATUS", .path = "status/phase"},
	{"AGE", .is_age = true},
	{"IP", .path = "status/podIP", .wide = true},
	{"NODE", .path = "spec/nodeName", .wide = true},
	{0},
};

static const struct column service_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"TYPE", .path = "spec/type"},
	{"CLUSTER-IP", .path = "spec/clusterIP"},
	{"AGE", .is_age = true},
	{0},
};

static const struct column slice_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"ADDRESSTYPE", .path = "addressType"},
	{"AGE", .is_age = true},
	{0},
};

static const struct column plain_columns[] = {
	{"NAME", .path = "metadata/name"},
	{"AGE", .is_age = true},
	{0},
};

#define GROUP   ".kubevirt.io"
#define CILIUM  ".cilium.io"
#define NETWORK ".networking.k8s.io"
#define TIERS   ".policy.networking.k8s.io"
#define SLICES  ".discovery.k8s.io"

static const struct kind kinds[] = {
	{KIND_VM, "virtualmachine" GROUP, "vm vms virtualmachine virtualmachines", vm_columns,
	 .is_machine = true},
	{KIND_VMI, "virtualmachineinstance" GROUP,
	 "vmi vmis virtualmachineinstance virtualmachineinstances", vmi_columns,
	 .is_machine = true},
	{"CiliumNetworkPolicy", "ciliumnetworkpolicy" CILIUM,
	 "cnp ciliumnp ciliumnetworkpolicy ciliumnetworkpolicies", cilium_columns},
	{"CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicy" CILIUM,
	 "ccnp ciliumclusterwidenetworkpolicy ciliumclusterwidenetworkpolicies", cilium_columns},
	{"NetworkPolicy", "networkpolicy" NETWORK, "netpol networkpolicy networkpolicies",
	 policy_columns},
	{"ClusterNetworkPolicy", "clusternetworkpolicy" TIERS,
	 "clusternetworkpolicy clusternetworkpolicies", policy_columns},
	{"CiliumCIDRGroup", "ciliumcidrgroup" CILIUM, "ccg ciliumcidrgroup ciliumcidrgroups",
	 plain_columns},
	{"Namespace", "namespace", "ns namespace namespaces", plain_columns},
	{"Node", "node", "no node nodes", plain_columns},
	{"Pod", "pod", "po pod pods", pod_columns},
	{"Service", "service", "svc service services", service_columns},
	{"EndpointSlice", "endpointslice" SLICES, "endpointslice endpointslices", slice_columns},
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

static bool is_named(const struct kind *kind, const char *name, size_t len)
{
	for (const char *at = kind->names; *at;) {
		size_t word = strcspn(at, " ");

		if (word == len && strncasecmp(at, name, len) == 0)
			return true;
		at += word;
		at += *at == ' ';
	}
	return false;
}

static bool ends_with(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncasecmp(name + len - n, end, n) == 0;
}

/* The length of the name before the kind's group and version, which may be left out. */
static size_t without_group(const struct kind *kind, const char *name, size_t len)
{
	const char *group = strchr(kind->resource, '.');

	if (!group || !ends_with(name, len, group))
		return len;
	len -= strlen(group);
	return ends_with(name, len, ".v1") || ends_with(name, len, ".v2") ? len - 3 : len;
}

static int find(const char *name, size_t len, const struct kind **ret_kind, struct bl_err *err)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (is_named(&kinds[i], name, without_group(&kinds[i], name, len))) {
			*ret_kind = &kinds[i];
			return 0;
		}
	}
	return bl_fail(err, -EINVAL,
		       "there is no resource type \"%.*s\"; use vm (virtualmachines), vmi "
		       "(virtualmachineinstances), cnp, ccnp, netpol, clusternetworkpolicy, ccg, "
		       "ns, no, po, svc or endpointslice",
		       (int)len, name);
}

int kind_find(const char *name, const struct kind **ret_kind, struct bl_err *err)
{
	return find(name, strlen(name), ret_kind, err);
}

char *kind_resource(const char *kind)
{
	char *lower;

	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].kind, kind) == 0)
			return bl_strdup(kinds[i].resource);
	}
	lower = bl_strdup(kind);
	for (char *at = lower; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return lower;
}

static void add(struct targets *targets, const struct kind *kind, const char *name)
{
	targets->items =
		bl_realloc(targets->items, (targets->n_items + 1) * sizeof(*targets->items));
	targets->items[targets->n_items++] = (struct target){.kind = kind, .name = name};
}

/* "vm/a" */
static int add_slashed(struct targets *targets, const char *arg, struct bl_err *err)
{
	const char *slash = strchr(arg, '/');
	const struct kind *kind;
	int r;

	if (!slash)
		return bl_fail(err, -EINVAL, "\"%s\": write every name as TYPE/NAME, or none", arg);
	if (slash[1] == '\0' || strchr(slash + 1, '/'))
		return bl_fail(err, -EINVAL, "\"%s\": expected TYPE/NAME", arg);
	r = find(arg, (size_t)(slash - arg), &kind, err);
	if (r < 0)
		return r;
	add(targets, kind, slash + 1);
	return 0;
}

static void add_names(struct targets *targets, const struct kind *kind, char *const *names,
		      size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		add(targets, kind, names[i]);
	if (n_names == 0)
		add(targets, kind, NULL);
}

/* "vm" or "vm,vmi", each with all the names that follow; "all" is the kinds that kubectl has in that
 * category, as KubeVirt's are. */
static int add_types(struct targets *targets, const char *types, char *const *names, size_t n_names,
		     struct bl_err *err)
{
	if (strcasecmp(types, "all") == 0 && n_names == 0) {
		for (size_t i = 0; i < N_KINDS; i++)
			if (kinds[i].is_machine)
				add_names(targets, &kinds[i], NULL, 0);
		return 0;
	}
	for (const char *at = types;;) {
		size_t len = strcspn(at, ",");
		const struct kind *kind;
		int r = find(at, len, &kind, err);

		if (r < 0)
			return r;
		add_names(targets, kind, names, n_names);
		if (at[len] == '\0')
			return 0;
		at += len + 1;
	}
}

int targets_parse(char *const *args, size_t n_args, const struct kind *fallback,
		  struct targets *ret_targets, struct bl_err *err)
{
	struct targets targets = {0};
	bool slashed = n_args && strchr(args[0], '/');
	int r = 0;

	if (!slashed && !fallback && n_args)
		r = add_types(&targets, args[0], args + 1, n_args - 1, err);
	for (size_t i = 0; i < n_args && r == 0; i++) {
		if (slashed)
			r = add_slashed(&targets, args[i], err);
		else if (fallback)
			add(&targets, fallback, args[i]);
		else if (strchr(args[i], '/'))
			r = bl_fail(err, -EINVAL, "\"%s\": write every name as TYPE/NAME, or none",
				    args[i]);
	}
	if (r < 0) {
		targets_clear(&targets);
		return r;
	}
	*ret_targets = targets;
	return 0;
}

int kind_machine(const char *arg, const char **ret_name, struct bl_err *err)
{
	targets_auto struct targets targets = {0};
	int r = strchr(arg, '/') ? add_slashed(&targets, arg, err) : 0;

	if (r == 0 && targets.n_items && !targets.items[0].kind->is_machine)
		r = bl_fail(err, -EINVAL, "\"%s\" is no machine: write vm/NAME or vmi/NAME", arg);
	if (r == 0)
		*ret_name = targets.n_items ? targets.items[0].name : arg;
	return r;
}

void targets_clear(struct targets *targets)
{
	free(targets->items);
	*targets = (struct targets){0};
}
