// SPDX-License-Identifier: Apache-2.0
/* Whether an object that is written anew says anything new. */
#include <string.h>

#include "../prefix.h"
#include "object.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_addrs(const struct object *a, const struct object *b)
{
	if (a->n_addrs != b->n_addrs)
		return false;
	for (size_t i = 0; i < a->n_addrs; i++)
		if (!bl_addr_equal(&a->addrs[i], &b->addrs[i]))
			return false;
	return true;
}

static bool same_prefixes(const struct object *a, const struct object *b)
{
	if (a->n_prefixes != b->n_prefixes)
		return false;
	for (size_t i = 0; i < a->n_prefixes; i++)
		if (!prefix_equal(&a->prefixes[i], &b->prefixes[i]))
			return false;
	return true;
}

static bool same_ports(const struct object *a, const struct object *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (a->ports[i].protocol != b->ports[i].protocol ||
		    a->ports[i].port != b->ports[i].port ||
		    strcmp(a->ports[i].name, b->ports[i].name) != 0)
			return false;
	return true;
}

/* An EndpointSlice's service is one of its labels. */
bool object_equal(const struct object *a, const struct object *b)
{
	return a->kind == b->kind && same_text(a->namespace, b->namespace) &&
	       same_text(a->name, b->name) && bl_labels_equal(&a->labels, &b->labels) &&
	       same_addrs(a, b) && same_prefixes(a, b) && same_ports(a, b) &&
	       same_text(a->service_account, b->service_account) && same_text(a->node, b->node) &&
	       a->on_host_network == b->on_host_network && a->is_over == b->is_over &&
	       bl_labels_equal(&a->selector, &b->selector);
}
