// SPDX-License-Identifier: Apache-2.0
/*
 * The policy decoders: whatever the document, a policy or a clear sentence. And what cannot be enforced
 * never widens: a rule that allows is for everybody only when it says nothing of layer 3.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/policy.h>
#include <beeline/yaml.h>

static void check_rule(const struct bl_policy_rule *rule)
{
	if (!rule->path || (rule->any_peer && rule->n_peers) ||
	    (rule->any_layer4 && rule->n_layer4))
		abort();
	for (size_t i = 0; i < rule->n_layer4; i++)
		if (rule->layer4[i].protocol == 0 || rule->layer4[i].first > rule->layer4[i].last)
			abort();
	for (size_t i = 0; i < rule->n_peers; i++)
		if (rule->peers[i].cidr.bits > 128)
			abort();
}

static void decode(const struct cJSON *document)
{
	struct bl_err err = BL_ERR_INIT;
	bl_auto_policy struct bl_policy *policy = NULL;

	if (bl_policy_new(document, &policy, &err) < 0) {
		if (!*err.message)
			abort();
		return;
	}
	for (size_t i = 0; i < policy->n_specs; i++)
		for (size_t k = 0; k < policy->specs[i].n_rules; k++)
			check_rule(&policy->specs[i].rules[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bl_auto_json struct cJSON *documents = NULL;

	if (bl_yaml_parse((const char *)data, size, &documents, NULL) < 0)
		return 0;
	bl_json_for_each (document, documents)
		decode(document);
	return 0;
}
