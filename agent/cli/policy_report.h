/* SPDX-License-Identifier: Apache-2.0 */
/* Network policy for people, in Cilium's columns. Documents are the agent's, see <beeline/api.h>. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <beeline/json.h>

/* Of "policy-list": endpoints as `cilium-dbg endpoint list` has them, then the policies. */
void policy_print_list(const struct cJSON *answer, bool wide, FILE *file);
/* Of "policy-get": entries as `cilium-dbg bpf policy get` has them, and the rule behind each. */
void policy_print_entries(const struct cJSON *entries, bool wide, FILE *file);
/* Of "policy-rules" and "policy-describe". */
void policy_print_endpoint(const struct cJSON *endpoint, const struct cJSON *rules, FILE *file);
void policy_print_policy(const struct cJSON *policy, const struct cJSON *rules, FILE *file);
/* Of "identity-list", the same when wide, and "ipcache-list". */
void policy_print_identities(const struct cJSON *items, bool wide, FILE *file);
void policy_print_prefixes(const struct cJSON *items, bool wide, FILE *file);
