// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes and services by address, made of the store. It is read again when somebody asks after one of them
 * changed: people ask seldom, and the store changes often.
 */
#include "places.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "../objects.h"

struct place {
	struct bl_addr addr;
	char *name; /* "node worker-1", "service shop/db" */
};

struct places {
	const struct objects *objects;
	struct place *items; /* sorted */
	size_t n_items;
	bool is_stale;
};

bool places_is_kind(const char *kind)
{
	return strcmp(kind, "Node") == 0 || strcmp(kind, "Service") == 0 ||
	       strcmp(kind, "EndpointSlice") == 0;
}

/* What is no address ("None") is nobody's. Takes the name. */
static void add_place(struct places *places, const char *text, char *name)
{
	struct bl_addr addr;

	if (!text || bl_addr_parse(text, &addr, NULL) < 0 || !bl_addr_is_set(&addr)) {
		free(name);
		return;
	}
	if ((places->n_items & (places->n_items - 1)) == 0)
		places->items = bl_realloc(places->items,
					   (places->n_items * 2 + 1) * sizeof(*places->items));
	places->items[places->n_items++] = (struct place){addr, name};
}

static void add_node(const struct cJSON *object, void *data)
{
	const char *name = bl_json_get_string(object, "metadata/name");

	bl_json_for_each (each, bl_json_get(object, "status/addresses"))
		add_place(data, bl_json_get_string(each, "address"), bl_format("node %s", name));
}

static char *service_name(const struct cJSON *object, const char *name)
{
	return bl_format("service %s/%s", bl_json_get_string(object, "metadata/namespace"), name);
}

static void add_service(const struct cJSON *object, void *data)
{
	static const char *const lists[] = {"spec/clusterIPs", "spec/externalIPs"};
	const char *name = bl_json_get_string(object, "metadata/name");

	add_place(data, bl_json_get_string(object, "spec/clusterIP"), service_name(object, name));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		bl_json_for_each (each, bl_json_get(object, lists[i]))
			add_place(data, bl_json_text(each), service_name(object, name));
	bl_json_for_each (each, bl_json_get(object, "status/loadBalancer/ingress"))
		add_place(data, bl_json_get_string(each, "ip"), service_name(object, name));
}

/* What stands behind a service without being a pod, which would be known by its own name. */
static void add_slice(const struct cJSON *object, void *data)
{
	const struct cJSON *labels = bl_json_get(object, "metadata/labels");
	const char *service = bl_json_text(bl_json_member(labels, "kubernetes.io/service-name"));

	bl_json_for_each (endpoint, service ? bl_json_get(object, "endpoints") : NULL)
		bl_json_for_each (each, bl_json_get(endpoint, "addresses"))
			add_place(data, bl_json_text(each), service_name(object, service));
}

/* Of two names of an address the first by alphabet is taken: nodes before services. */
static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : strcmp(x->name, y->name);
}

static void clear(struct places *places)
{
	for (size_t i = 0; i < places->n_items; i++)
		free(places->items[i].name);
	free(places->items);
	places->items = NULL;
	places->n_items = 0;
}

static void read_store(struct places *places)
{
	clear(places);
	objects_for_each(places->objects, "Node", NULL, add_node, places);
	objects_for_each(places->objects, "Service", NULL, add_service, places);
	objects_for_each(places->objects, "EndpointSlice", NULL, add_slice, places);
	if (places->n_items)
		qsort(places->items, places->n_items, sizeof(*places->items), compare_places);
	places->is_stale = false;
}

const char *places_name(struct places *places, const struct bl_addr *addr)
{
	size_t low = 0, high;

	if (places->is_stale)
		read_store(places);
	high = places->n_items;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (memcmp(&places->items[middle].addr, addr, sizeof(*addr)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < places->n_items && bl_addr_equal(&places->items[low].addr, addr)
		       ? places->items[low].name
		       : NULL;
}

void places_changed(struct places *places)
{
	places->is_stale = true;
}

struct places *places_new(const struct objects *objects)
{
	struct places *places = bl_alloc(sizeof(*places));

	places->objects = objects;
	places->is_stale = true;
	return places;
}

void places_free(struct places *places)
{
	if (places)
		clear(places);
	free(places);
}
