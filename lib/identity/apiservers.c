// SPDX-License-Identifier: Apache-2.0
/* Who stands behind the service default/kubernetes: see the header. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "apiservers.h"

static bool is_theirs(const struct object *slice)
{
	return strcmp(slice->namespace, "default") == 0 && slice->service &&
	       strcmp(slice->service, "kubernetes") == 0;
}

void apiservers_read(struct apiservers *apiservers, const struct inventory *inventory)
{
	size_t position = 0;

	apiservers->n_addrs = 0;
	for (const struct object *slice;
	     (slice = inventory_next(inventory, OBJECT_SLICE, &position));) {
		if (!is_theirs(slice))
			continue;
		apiservers->addrs =
			bl_realloc(apiservers->addrs, (apiservers->n_addrs + slice->n_addrs) *
							      sizeof(*apiservers->addrs));
		for (size_t i = 0; i < slice->n_addrs; i++)
			apiservers->addrs[apiservers->n_addrs++] = slice->addrs[i];
	}
}

bool apiservers_has(const struct apiservers *apiservers, const struct bl_addr *addr)
{
	return bl_addr_is_among(addr, apiservers->addrs, apiservers->n_addrs);
}

/* New ones before old ones, so that who stays keeps the mark. */
void apiservers_mark(struct apiservers *apiservers, struct prefixes *prefixes,
		     struct bl_prefix *outside, size_t n)
{
	for (size_t i = 0; i < n; i++)
		prefixes_hold(prefixes, &outside[i]);
	for (size_t i = 0; i < apiservers->n_outside; i++) {
		prefixes_set_apiserver(prefixes, &apiservers->outside[i], false);
		prefixes_drop(prefixes, &apiservers->outside[i]);
	}
	for (size_t i = 0; i < n; i++)
		prefixes_set_apiserver(prefixes, &outside[i], true);
	free(apiservers->outside);
	apiservers->outside = outside;
	apiservers->n_outside = n;
}

void apiservers_release(struct apiservers *apiservers)
{
	free(apiservers->addrs);
	free(apiservers->outside);
}
