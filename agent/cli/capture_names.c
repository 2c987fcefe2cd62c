// SPDX-License-Identifier: Apache-2.0
/* Names of captured packets' ends; see capture_names.h. */
#include "capture_names.h"

#include <linux/if_ether.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "event_line.h"
#include "pcapng.h"
#include "text.h"

struct capture_name {
	struct bl_addr addr;
	char *name; /* NULL: it has been told */
};

static int compare(const void *a, const void *b)
{
	const struct capture_name *x = a, *y = b;

	return memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

/* "10.88.0.2/32": only whole addresses have names. */
static bool read_addr(const char *prefix, struct bl_addr *ret_addr)
{
	struct bl_addr addr;
	uint8_t bits;

	if (!prefix || bl_prefix_parse(prefix, false, &addr, &bits, NULL) < 0)
		return false;
	*ret_addr = addr;
	return true;
}

void capture_names_read(const struct cJSON *items, struct capture_names *ret_names)
{
	struct capture_names names = {
		.items = bl_alloc((bl_json_size(items) + 1) * sizeof(*names.items))};

	bl_json_for_each (item, items) {
		const char *said = bl_json_get_string(item, "name");
		bl_autofree char *shown = said ? event_line_endpoint(said) : NULL;
		struct capture_name *name = &names.items[names.n_items];

		/* a name for all is none */
		if (!said || strcmp(said, "world") == 0 ||
		    !read_addr(bl_json_get_string(item, "prefix"), &name->addr))
			continue;
		name->name = text_clean(shown);
		names.n_items++;
	}
	qsort(names.items, names.n_items, sizeof(*names.items), compare);
	*ret_names = names;
}

static void tell(struct capture_names *names, const uint8_t *bytes, size_t len, FILE *file)
{
	const struct capture_name key = {.addr = bl_addr_from_bytes(bytes, len)};
	struct capture_name *found =
		bsearch(&key, names->items, names->n_items, sizeof(key), compare);

	if (!found || !found->name)
		return;
	pcapng_name(file, &found->addr, found->name);
	free(bl_take_ptr(found->name));
}

void capture_names_tell(struct capture_names *names, const void *frame, size_t len, FILE *file)
{
	const uint8_t *bytes = frame, *ip = bytes + ETH_HLEN;
	bool is_v4, is_v6;

	if (names->n_items == 0 || len < ETH_HLEN)
		return;
	is_v4 = bytes[12] == 0x08 && bytes[13] == 0x00;
	is_v6 = bytes[12] == 0x86 && bytes[13] == 0xdd;
	if (is_v4 && len >= ETH_HLEN + 20) {
		tell(names, ip + 12, 4, file);
		tell(names, ip + 16, 4, file);
	} else if (is_v6 && len >= ETH_HLEN + 40) {
		tell(names, ip + 8, 16, file);
		tell(names, ip + 24, 16, file);
	}
}

void capture_names_clear(struct capture_names *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (struct capture_names){0};
}
