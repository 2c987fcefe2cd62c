// SPDX-License-Identifier: Apache-2.0
/*
 * The members of a CiliumNetworkPolicy that are above layer 4. None is enforced, and a rule that has one
 * allows nothing; they are held to what Cilium would take all the same (its CRD and
 * pkg/policy/api/rule_validation.go), as nobody wants to learn of a slip when the policy moves there.
 */
#include <errno.h>
#include <string.h>

#include "cilium.h"

#define LAYER7_RULES_MAX 1000 /* of one list */
#define PRIORITY_MAX     100

/* Names of domains, and what stands for any part of one in patterns. */
#define NAME_LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define PATTERN_LETTERS NAME_LETTERS "*"

struct domain {
	char *name, *pattern;
};

static const struct bl_field domain_rows[] = {
	BL_FIELD("matchName", BL_FIELD_STRING, struct domain, name, .group = "name",
		 .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("matchPattern", BL_FIELD_STRING, struct domain, pattern, .group = "name"),
};
static const struct bl_fields domain_fields = BL_FIELDS(domain_rows, struct domain);

struct domains {
	struct domain *items;
	size_t n_items;
};

static const struct bl_field http_rows[] = {
	BL_FIELD_CHECK("path", BL_FIELD_STRING),
	BL_FIELD_CHECK("method", BL_FIELD_STRING),
	BL_FIELD_CHECK("host", BL_FIELD_STRING),
	BL_FIELD_CHECK("headers", BL_FIELD_STRINGS, .max = LAYER7_RULES_MAX),
	BL_FIELD_KNOWN("headerMatches"),
};
static const struct bl_fields http_fields = BL_FIELDS(http_rows, struct domains);

static const struct bl_field rules_rows[] = {
	BL_FIELD_CHECK("http", BL_FIELD_LIST, .items = &http_fields, .max = LAYER7_RULES_MAX,
		       .group = "rules", .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD_PAIR("dns", BL_FIELD_LIST, struct domains, items, n_items, .items = &domain_fields,
		      .max = LAYER7_RULES_MAX, .group = "rules"),
	BL_FIELD_KNOWN("kafka", .group = "rules"),
	BL_FIELD_KNOWN("l7proto", .group = "rules"),
	BL_FIELD_KNOWN("l7"),
};
static const struct bl_fields rules_fields = BL_FIELDS(rules_rows, struct domains);

static const struct bl_field tls_rows[] = {
	BL_FIELD_CHECK("secret", BL_FIELD_MARK, .required = true),
	BL_FIELD_CHECK("secret.name", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("secret.namespace", BL_FIELD_STRING),
	BL_FIELD_CHECK("trustedCA", BL_FIELD_STRING),
	BL_FIELD_CHECK("certificate", BL_FIELD_STRING),
	BL_FIELD_CHECK("privateKey", BL_FIELD_STRING),
};
static const struct bl_fields tls_fields = BL_FIELDS(tls_rows, struct domains);

static const char *const listener_kinds[] = {"CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig"};

static const struct bl_field listener_rows[] = {
	BL_FIELD_CHECK("name", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("envoyConfig", BL_FIELD_MARK, .required = true),
	BL_FIELD_CHECK("envoyConfig.name", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("envoyConfig.kind", BL_FIELD_STRING, BL_FIELD_NAMES(listener_kinds)),
	BL_FIELD_CHECK("priority", BL_FIELD_UINT, .min = 1, .max = PRIORITY_MAX),
};
static const struct bl_fields listener_fields = BL_FIELDS(listener_rows, struct domains);

/* ---- domains ------------------------------------------------------------------------------------ */

/* Parts of letters, digits, '-' and '_' between single dots. */
static int check_name(const char *text, const char *letters, const char *path, struct bl_err *err)
{
	if (*text && *text != '.' && !strstr(text, "..") && text[strspn(text, letters)] == '\0')
		return 0;
	return bl_fail(err, -EINVAL, "%s: '%.64s' is not the name of a domain", path, text);
}

static int check_domain(const struct domain *domain, const char *path, struct bl_err *err)
{
	bl_autofree char *at =
		bl_format("%s.%s", path, domain->name ? "matchName" : "matchPattern");

	return domain->name ? check_name(domain->name, NAME_LETTERS, at, err)
			    : check_name(domain->pattern, PATTERN_LETTERS, at, err);
}

static int check_fqdns(const struct cJSON *list, const char *path, struct bl_err *err)
{
	size_t i = 0;

	if (list && !bl_json_is_array(list))
		return bl_fail(err, -EINVAL, "%s: expected array, got %s", path,
			       bl_json_type(list));
	bl_json_for_each (item, list) {
		bl_autofree char *at = bl_format("%s[%zu]", path, i++);
		struct domain domain = {};
		int r = bl_fields_decode(&domain_fields, item, at, &domain, NULL, err);

		if (r == 0)
			r = check_domain(&domain, at, err);
		bl_fields_clear(&domain_fields, &domain);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_server_names(const struct cJSON *list, const char *path, struct bl_err *err)
{
	size_t i = 0;

	if (list && (!bl_json_is_array(list) || bl_json_size(list) == 0))
		return bl_fail(err, -EINVAL, "%s: expected array of names", path);
	bl_json_for_each (item, list) {
		bl_autofree char *at = bl_format("%s[%zu]", path, i++);
		const char *text = bl_json_text(item);
		int r = check_name(text ? text : "", PATTERN_LETTERS, at, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- beside ports ------------------------------------------------------------------------------- */

static int check_member(const struct bl_fields *fields, const struct cJSON *object,
			const char *path, const char *member, struct bl_err *err)
{
	bl_autofree char *at = bl_format("%s.%s", path, member);
	struct domains unused = {};
	int r = object ? bl_fields_decode(fields, object, at, &unused, NULL, err) : 0;

	bl_fields_clear(fields, &unused);
	return r;
}

static int check_rule_domains(const struct cJSON *rules, const char *path, struct bl_err *err)
{
	bl_autofree char *at = bl_format("%s.rules.dns", path);

	return check_fqdns(bl_json_get(rules, "dns"), at, err);
}

/* Rules about DNS go out, by any protocol; those about HTTP are for TCP. Both want ports. */
static int check_rules(const struct cilium_ports *ports, const char *path, bool egress,
		       struct bl_err *err)
{
	bool dns = bl_json_size(bl_json_get(ports->rules, "dns")) > 0;

	if (dns && !egress)
		return bl_fail(err, -EINVAL, "%s.rules.dns: is for egress alone", path);
	for (size_t i = 0; i < ports->n_ports; i++) {
		const struct cilium_port *port = &ports->ports[i];

		if (!dns && (!port->protocol || strcmp(port->protocol, "TCP") != 0))
			return bl_fail(
				err, -EINVAL,
				"%s.ports[%zu].protocol: rules other than of DNS are for TCP", path,
				i);
		if (port->port && layer4_port_number(port->port) == 0)
			return bl_fail(err, -EINVAL, "%s.ports[%zu].port: rules want a port", path,
				       i);
	}
	if (dns && ports->n_ports == 0)
		return bl_fail(err, -EINVAL, "%s.ports: rules of DNS want a port", path);
	if (ports->listener)
		return bl_fail(err, -EINVAL, "%s.listener: stands without rules", path);
	if (bl_json_size(ports->server_names) > 0 && !ports->terminating_tls)
		return bl_fail(err, -EINVAL, "%s.serverNames: beside rules want terminatingTLS",
			       path);
	return 0;
}

static int check_ports(const struct cilium_ports *ports, const char *path, bool egress,
		       struct bl_err *err)
{
	bl_autofree char *names = bl_format("%s.serverNames", path);
	int r = check_member(&rules_fields, ports->rules, path, "rules", err);

	if (r == 0)
		r = check_rule_domains(ports->rules, path, err);
	if (r == 0)
		r = check_member(&listener_fields, ports->listener, path, "listener", err);
	if (r == 0)
		r = check_member(&tls_fields, ports->terminating_tls, path, "terminatingTLS", err);
	if (r == 0)
		r = check_member(&tls_fields, ports->originating_tls, path, "originatingTLS", err);
	if (r == 0)
		r = check_server_names(ports->server_names, names, err);
	if (r == 0 && ports->listener && !egress)
		r = bl_fail(err, -EINVAL, "%s.listener: is for egress alone", path);
	if (r == 0 && cilium_layer7_asks(ports->rules))
		r = check_rules(ports, path, egress, err);
	return r;
}

bool cilium_layer7_asks(const struct cJSON *rules)
{
	bl_json_for_each (member, rules) {
		if (bl_json_is_string(member) || bl_json_size(member) > 0)
			return true;
	}
	return rules && !bl_json_is_object(rules);
}

int cilium_layer7_check(const struct cilium_entry *entry, const char *path, bool egress,
			struct bl_err *err)
{
	static const char *const modes[] = {"disabled", "required", "test-always-fail"};
	static const struct bl_field rows[] = {
		BL_FIELD_CHECK("mode", BL_FIELD_STRING, BL_FIELD_NAMES(modes), .required = true),
	};
	static const struct bl_fields authentication = BL_FIELDS(rows, struct domains);
	bl_autofree char *fqdns = bl_format("%s.toFQDNs", path);
	int r = check_member(&authentication, entry->authentication, path, "authentication", err);

	if (r == 0)
		r = check_fqdns(entry->fqdns, fqdns, err);
	for (size_t i = 0; r == 0 && i < entry->n_ports; i++) {
		bl_autofree char *at = bl_format("%s.toPorts[%zu]", path, i);

		r = check_ports(&entry->ports[i], at, egress, err);
	}
	return r;
}
