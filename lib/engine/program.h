/* SPDX-License-Identifier: Apache-2.0 */
/* What endpoints that are selected by the same specs have in common: the compiled rows. */
#pragma once

#include "../identity/peers.h"
#include "rules.h"
#include "shared_rows.h"

struct program {
	struct spec **specs; /* in the order of rules->specs; borrowed */
	size_t n_specs;
	int *own_ports; /* numbers that names have in ingress rules, in their order; -1: none */
	size_t n_own_ports;
	uint32_t n_endpoints;
	uint64_t compiled; /* the round; 0: never */
	struct shared_rows *rows;
	char *error; /* NULL: rows are what the specs say */
};

struct programs {
	struct hash_table items;
};

/* What is in a policy without standing in one. */
struct program_defaults {
	struct selection *hosts; /* who may come in unless a rule denies it */
	struct cookie *host, *allow, *deny;
};

/* The program of a peer whose identity is known; one more endpoint. settled: of the specs as they should
 * be, else as they are active. */
struct program *program_get(struct programs *programs, const struct rules *rules,
			    const struct peer *peer, bool settled);
void program_put(struct programs *programs, struct program *program);
/* Is one of its specs that policy's? */
bool program_has_policy(const struct program *program, const struct rules *rules, const char *kind,
			const char *namespace, const char *name);
/* Compiles what changed. */
void programs_update(struct programs *programs, const struct peers *peers,
		     const struct program_defaults *defaults, uint64_t round);
void programs_release(struct programs *programs);
