/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for rules, by which entries name the rule that decided. */
#pragma once

#include "../hash.h"

struct cookie {
	uint32_t number;
	uint32_t n_users;
	char key[]; /* the kind, a blank, and the text that people are told */
};

struct cookies {
	struct hash_table by_key, by_number;
	uint32_t last;
};

/* One more user. The same rule of a policy that was written anew keeps its number; a number is never
 * given to another rule, as entries with it may be in a kernel for a while. */
struct cookie *cookie_get(struct cookies *cookies, const char *kind, const char *text);
void cookie_put(struct cookies *cookies, struct cookie *cookie);
const char *cookie_text(const struct cookies *cookies, uint32_t number); /* NULL: none */
void cookies_release(struct cookies *cookies);
