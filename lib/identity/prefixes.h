/* SPDX-License-Identifier: Apache-2.0 */
/* The prefixes that have an identity of their own because somebody names them. */
#pragma once

#include "identity.h"
#include "ipcache.h"

struct prefixes {
	struct hash_table named;
	struct named_prefix **changed;
	size_t n_changed;
};

/* 0.0.0.0/0 and ::/0 are always named: everybody is somebody. */
void prefixes_init(struct prefixes *prefixes);
void prefixes_release(struct prefixes *prefixes);
/* Counted: a prefix stays named until each hold has been dropped. */
void prefixes_hold(struct prefixes *prefixes, const struct bl_prefix *prefix);
void prefixes_drop(struct prefixes *prefixes, const struct bl_prefix *prefix);
/* The API server is (not) at this address. Beside, not in place of, a hold. */
void prefixes_set_apiserver(struct prefixes *prefixes, const struct bl_prefix *prefix, bool is);
/* Gives and takes identities and claims as holds have changed. */
void prefixes_update(struct prefixes *prefixes, struct identities *identities,
		     struct ipcache *ipcache);
