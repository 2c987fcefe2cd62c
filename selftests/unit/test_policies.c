// SPDX-License-Identifier: Apache-2.0
/*
 * Policies and what they are read as, one test for each file of selftests/golden/policies. Its first
 * lines say what is expected: "#! " the sentence of the refusal, or the policy in the one form of all kinds,
 * a line "#= " for each spec, rule and member that cannot be enforced.
 */
#include "unit.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>

#include <beeline/addr.h>
#include <beeline/policy.h>
#include <beeline/yaml.h>

#define POLICIES  "selftests/golden/policies"
#define FILES_MAX 256

static const char *const direction_words[] = {[BL_INGRESS] = "ingress", [BL_EGRESS] = "egress"};
static const char *const verdict_words[] = {
	[BL_RULE_DENY] = "deny", [BL_RULE_ALLOW] = "allow", [BL_RULE_PASS] = "pass"};
static const char *const tier_words[] = {
	[BL_TIER_ADMIN] = "admin", [BL_TIER_NORMAL] = "normal", [BL_TIER_BASELINE] = "baseline"};

static void show_prefix(FILE *out, const struct bl_prefix *prefix)
{
	char text[BL_ADDR_TEXT_MAX];

	fprintf(out, "%s/%u", bl_addr_format(&prefix->addr, text),
		prefix->bits - (bl_addr_is_v4(&prefix->addr) ? 96 : 0));
}

static void show_peer(FILE *out, const struct bl_peer *peer)
{
	static const char *const words[] = {
		[BL_PEER_LABELS] = "labels",   [BL_PEER_ENTITY] = "entity",
		[BL_PEER_CIDR] = "cidr",       [BL_PEER_CIDR_GROUP] = "cidr-group",
		[BL_PEER_NODES] = "nodes",     [BL_PEER_ALL_NODES] = "all-nodes",
		[BL_PEER_SERVICE] = "service",
	};
	bl_autofree char *selector = bl_selector_format(&peer->selector);

	fprintf(out, " %s(", words[peer->kind]);
	if (peer->kind == BL_PEER_ENTITY)
		fprintf(out, "%s", bl_entity_name(peer->entity));
	else if (peer->kind == BL_PEER_CIDR)
		show_prefix(out, &peer->cidr);
	else
		fprintf(out, "%s", peer->name ? peer->name : selector);
	if (peer->namespace)
		fprintf(out, " of %s", peer->namespace);
	for (size_t i = 0; i < peer->n_except; i++) {
		fputs(" except ", out);
		show_prefix(out, &peer->except[i]);
	}
	fputc(')', out);
}

static void show_layer4(FILE *out, const struct bl_layer4 *row)
{
	static const char *const words[256] = {
		[IPPROTO_TCP] = "TCP",   [IPPROTO_UDP] = "UDP",       [IPPROTO_SCTP] = "SCTP",
		[IPPROTO_ICMP] = "ICMP", [IPPROTO_ICMPV6] = "ICMPv6", [112] = "VRRP",
	};

	fprintf(out, " %s", words[row->protocol] ? words[row->protocol] : "?");
	if (row->name)
		fprintf(out, "/%s", row->name);
	else if (!row->any_port && row->first == row->last)
		fprintf(out, "/%u", row->first);
	else if (!row->any_port)
		fprintf(out, "/%u-%u", row->first, row->last);
}

static void show_rule(FILE *out, const struct bl_policy_rule *rule)
{
	fprintf(out, "#= %s %s %s:", rule->path, direction_words[rule->direction],
		verdict_words[rule->verdict]);
	fputs(rule->any_peer ? " anybody" : rule->n_peers ? "" : " nobody", out);
	for (size_t i = 0; i < rule->n_peers; i++)
		show_peer(out, &rule->peers[i]);
	fputs(" at", out);
	fputs(rule->any_layer4 ? " anything" : rule->n_layer4 ? "" : " nothing", out);
	for (size_t i = 0; i < rule->n_layer4; i++)
		show_layer4(out, &rule->layer4[i]);
	fputc('\n', out);
}

static void show_spec(FILE *out, const struct bl_policy_spec *spec)
{
	bl_autofree char *subject = bl_selector_format(&spec->subject);

	fprintf(out, "#= %s(%s) %s %u%s%s\n", spec->of_nodes ? "nodes" : "endpoints", subject,
		tier_words[spec->tier], spec->priority,
		spec->default_deny[BL_INGRESS] ? " denies ingress" : "",
		spec->default_deny[BL_EGRESS] ? " denies egress" : "");
	for (size_t i = 0; i < spec->n_rules; i++)
		show_rule(out, &spec->rules[i]);
}

static char *show(const struct bl_policy *policy)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < policy->n_specs; i++)
		show_spec(out, &policy->specs[i]);
	for (size_t i = 0; i < policy->unenforced.n_items; i++)
		fprintf(out, "#= %s\n", policy->unenforced.items[i]);
	for (size_t i = 0; i < policy->warnings.n_items; i++)
		fprintf(out, "#= warning: %s\n", policy->warnings.items[i]);
	fclose(out);
	return text;
}

/* Files that are called lax-... are read so. */
static char *judge(const char *text, enum bl_unknown unknown)
{
	bl_auto_json struct cJSON *documents = NULL;
	bl_auto_policy struct bl_policy *policy = NULL;
	struct bl_err err = BL_ERR_INIT;

	if (bl_yaml_parse(text, strlen(text), &documents, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(bl_json_size(documents), 1);
	if (bl_policy_new_lax(bl_json_first(documents), unknown, &policy, &err) < 0)
		return bl_format("#! %s\n", err.message);
	return show(policy);
}

static void test_policy(void **state)
{
	bl_autofree char *path = bl_format(POLICIES "/%s", (char *)*state);
	bl_autofree char *text = NULL;
	size_t len, expected = 0;
	struct bl_err err = BL_ERR_INIT;
	bl_autofree char *outcome = NULL;

	assert_int_equal(bl_file_read(path, 1 << 20, &text, &len, &err), 0);
	outcome = judge(text,
			strncmp(*state, "lax-", 4) == 0 ? BL_UNKNOWN_WARNED : BL_UNKNOWN_REFUSED);
	while (text[expected] == '#' && strchr("!=", text[expected + 1]))
		expected += strcspn(text + expected, "\n") + 1;
	text[expected] = '\0';
	assert_string_equal(outcome, text);
}

int main(void)
{
	static struct CMUnitTest tests[FILES_MAX];
	struct dirent **entries;
	int n_entries = scandir(POLICIES, &entries, NULL, alphasort), r;
	size_t n = 0;

	assert_true(n_entries > 0);
	for (int i = 0; i < n_entries; i++) {
		char *name = entries[i]->d_name;

		if (strstr(name, ".yaml")) {
			assert_true(n < FILES_MAX);
			name = bl_strdup(name);
			tests[n++] = (struct CMUnitTest){name, test_policy, NULL, NULL, name};
		}
		free(entries[i]);
	}
	free(entries);
	r = _cmocka_run_group_tests("policies", tests, n, NULL, NULL);
	while (n > 0)
		free((char *)tests[--n].name);
	return r;
}
