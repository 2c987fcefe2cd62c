// SPDX-License-Identifier: Apache-2.0
/*
 * CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy: what their specs mean. An entry becomes a
 * rule. One without any member of layer 3 is for every peer only when it speaks of layer 4; else it
 * selects nobody and just turns default deny on.
 */
#include <errno.h>
#include <string.h>

#include "cilium.h"

#define NOT_HERE "is not enforced at layers 3 and 4"

/* ---- what cannot be enforced ------------------------------------------------------------------- */

static void judge(const struct cilium_context *context, bool is_there, const char *member)
{
	bl_autofree char *path = bl_format("%s.%s", context->path, member);

	if (is_there)
		policy_cannot_enforce(context->policy, context->rule, path, NOT_HERE);
}

static void judge_ports(const struct cilium_context *context, const struct cilium_ports *ports,
			size_t i)
{
	const struct {
		bool is_there;
		const char *name;
	} members[] = {
		{cilium_layer7_asks(ports->rules), "rules"},
		{ports->listener, "listener"},
		{ports->terminating_tls, "terminatingTLS"},
		{ports->originating_tls, "originatingTLS"},
		{bl_json_size(ports->server_names) > 0, "serverNames"},
	};

	for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++) {
		bl_autofree char *member = bl_format("toPorts[%zu].%s", i, members[k].name);

		judge(context, members[k].is_there, member);
	}
}

static bool authenticates(const struct cJSON *authentication)
{
	const char *mode = bl_json_get_string(authentication, "mode");

	return authentication && !(mode && strcmp(mode, "disabled") == 0);
}

/* After the peers: these rules lose theirs. */
static void judge_entry(const struct cilium_context *context, const struct cilium_entry *entry)
{
	bl_autofree char *groups = bl_format("%sGroups", context->side);

	judge(context, bl_json_size(entry->groups) > 0, groups);
	judge(context, bl_json_size(entry->fqdns) > 0, "toFQDNs");
	judge(context, authenticates(entry->authentication), "authentication");
	for (size_t i = 0; i < entry->n_ports; i++)
		judge_ports(context, &entry->ports[i], i);
	if (entry->unknown)
		policy_not_understood(context->policy, context->rule, entry->unknown);
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int read_entry(struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err)
{
	bool wildcard;
	int r = cilium_peers_read(context, entry, &wildcard, err);

	if (r < 0)
		return r;
	context->rule->any_peer = wildcard && (entry->n_ports || entry->n_icmps);
	r = cilium_ports_read(context, entry, err);
	if (r == 0)
		r = cilium_layer7_check(entry, context->path, context->rule->direction == BL_EGRESS,
					err);
	if (r == 0)
		judge_entry(context, entry);
	return r;
}

static int read_section(struct bl_policy *policy, struct bl_policy_spec *spec,
			const struct cilium_rule *raw, enum cilium_section section,
			const char *path, struct bl_err *err)
{
	bool egress = section == CILIUM_EGRESS || section == CILIUM_EGRESS_DENY;
	bool deny = section == CILIUM_INGRESS_DENY || section == CILIUM_EGRESS_DENY;
	const struct cilium_entries *entries = &raw->sections[section];

	for (size_t i = 0; i < entries->n_items; i++) {
		bl_autofree char *at =
			bl_format("%s.%s[%zu]", path, cilium_section_names[section], i);
		struct cilium_context context = {
			.policy = policy,
			.rule = policy_add_rule(spec, egress ? BL_EGRESS : BL_INGRESS,
						deny ? BL_RULE_DENY : BL_RULE_ALLOW, at),
			.namespace = policy->namespace,
			.path = at,
			.side = egress ? "to" : "from",
		};
		int r = read_entry(&context, &entries->items[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- specs ------------------------------------------------------------------------------------- */

static int read_subject(const struct bl_policy *policy, struct bl_policy_spec *spec,
			const struct cilium_rule *raw, const char *path, struct bl_err *err)
{
	bl_autofree char *at =
		bl_format("%s.%s", path, raw->node_selector ? "nodeSelector" : "endpointSelector");
	int r;

	if (raw->node_selector && *policy->namespace)
		return bl_fail(err, -EINVAL, "%s: is for CiliumClusterwideNetworkPolicy alone", at);
	spec->of_nodes = raw->node_selector != NULL;
	r = bl_selector_decode(spec->of_nodes ? raw->node_selector : raw->endpoint_selector, NULL,
			       "", at, &spec->subject, err);
	if (r == 0 && *policy->namespace)
		bl_selector_require(&spec->subject, "k8s", BL_LABEL_NAMESPACE, policy->namespace);
	return r;
}

/* Default deny needs an entry of its direction, be it one that selects nobody. */
static int read_default_deny(struct bl_policy_spec *spec, const struct cilium_rule *raw,
			     const char *path, struct bl_err *err)
{
	size_t n[BL_POLICY_DIRECTIONS] = {
		raw->sections[CILIUM_INGRESS].n_items + raw->sections[CILIUM_INGRESS_DENY].n_items,
		raw->sections[CILIUM_EGRESS].n_items + raw->sections[CILIUM_EGRESS_DENY].n_items,
	};

	if (n[BL_INGRESS] + n[BL_EGRESS] == 0)
		return bl_fail(err, -EINVAL,
			       "%s: needs an entry in ingress, ingressDeny, egress or egressDeny",
			       path);
	for (int i = 0; i < BL_POLICY_DIRECTIONS; i++)
		spec->default_deny[i] = raw->default_deny[i] && n[i] > 0;
	return 0;
}

static int read_rule(struct bl_policy *policy, const struct cilium_rule *raw, const char *path,
		     struct bl_err *err)
{
	struct bl_policy_spec *spec = policy_add_spec(policy);
	int r = read_default_deny(spec, raw, path, err);

	if (r < 0)
		return r;
	spec->tier = BL_TIER_NORMAL;
	r = read_subject(policy, spec, raw, path, err);
	for (int i = 0; r == 0 && i < CILIUM_SECTIONS; i++)
		r = read_section(policy, spec, raw, i, path, err);
	return r;
}

static int read_spec(struct bl_policy *policy, const struct cJSON *json, const char *path,
		     struct bl_err *err)
{
	struct cilium_rule raw = {.default_deny = {true, true}};
	int r = bl_fields_decode(&cilium_rule_fields, json, path, &raw, &policy->warnings, err);

	if (r == 0)
		r = read_rule(policy, &raw, path, err);
	bl_fields_clear(&cilium_rule_fields, &raw);
	return r;
}

struct document {
	const struct cJSON *spec, *specs;
};

static const struct bl_field document_rows[] = {
	BL_FIELD_KNOWN("apiVersion"),
	BL_FIELD_KNOWN("kind"),
	BL_FIELD_KNOWN("metadata"),
	BL_FIELD_KNOWN("status"),
	BL_FIELD("spec", BL_FIELD_JSON, struct document, spec),
	BL_FIELD("specs", BL_FIELD_JSON, struct document, specs),
};
static const struct bl_fields document_fields = BL_FIELDS(document_rows, struct document);

int cilium_policy_read(const struct cJSON *json, struct bl_policy *policy, struct bl_err *err)
{
	struct document document = {};
	size_t i = 0;
	int r = bl_fields_decode(&document_fields, json, "", &document, &policy->warnings, err);

	if (r < 0)
		return r;
	if (!document.spec && !document.specs)
		return bl_fail(err, -EINVAL, "needs spec or specs");
	if (document.specs && !bl_json_is_array(document.specs))
		return bl_fail(err, -EINVAL, "specs: expected array, got %s",
			       bl_json_type(document.specs));
	if (document.spec) {
		r = read_spec(policy, document.spec, "spec", err);
		if (r < 0)
			return r;
	}
	bl_json_for_each (item, document.specs) {
		bl_autofree char *path = bl_format("specs[%zu]", i++);

		r = read_spec(policy, item, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}
