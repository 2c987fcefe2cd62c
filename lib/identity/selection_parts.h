/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the selector cache share. */
#pragma once

#include "selection.h"

/* The selections that want one key and value, whatever its source. */
struct file {
	uint64_t hash; /* of key and value */
	struct selection **items;
	size_t n_items;
};

/* NULL: none wants it. */
struct file *selections_file(const struct selections *selections, uint64_t hash);
/* Puts a selection of labels into its files, or takes it out. */
void selections_set_file(struct selections *selections, struct selection *selection, bool in);
void selections_append(struct selection ***list, size_t *n, struct selection *selection);

/* Computes the selections by CIDR anew: all, or the fresh ones. */
void selections_update_cidrs(struct selections *selections, const struct identities *identities,
			     bool all, uint64_t round);
