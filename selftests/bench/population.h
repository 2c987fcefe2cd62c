/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster at the size that the policy engine promises, as documents: 10,000 pods with labels of their own
 * in 50 namespaces, 1,000 policies, and who 1,000 endpoints among them are. Pure; the caller owns what is
 * made. A generation is a version of the same object: another port in a policy, another app of a pod.
 */
#pragma once

#include <beeline/json.h>

#define POPULATION_NAMESPACES 50
#define POPULATION_ENDPOINTS  1000
#define POPULATION_POLICIES   1000
#define POPULATION_PODS       10000

struct cJSON *population_namespace(unsigned int i);
struct cJSON *population_pod(unsigned int i, unsigned int generation);
struct cJSON *population_policy(unsigned int i, unsigned int generation);

/* Of the i-th endpoint. */
unsigned int population_endpoint_namespace(unsigned int i);
struct cJSON *population_endpoint_labels(unsigned int i);
