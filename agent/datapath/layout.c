// SPDX-License-Identifier: Apache-2.0
/* Comparison and conversion of values by their BTF: see the header. */
#include "layout.h"

#include <string.h>

#include <bpf/btf.h>

/* Where a member is. */
struct place {
	struct layout layout;
	uint32_t offset;
};

static struct layout resolve(struct layout layout)
{
	const struct btf_type *t = btf__type_by_id(layout.btf, layout.type);

	while (btf_is_mod(t) || btf_is_typedef(t)) {
		layout.type = t->type;
		t = btf__type_by_id(layout.btf, layout.type);
	}
	return layout;
}

static const struct btf_type *type_of(struct layout layout)
{
	return btf__type_by_id(layout.btf, layout.type);
}

static size_t size_of(struct layout layout)
{
	int64_t size = btf__resolve_size(layout.btf, layout.type);

	return size < 0 ? 0 : (size_t)size;
}

static const char *name_of(struct layout layout, const struct btf_member *member)
{
	return btf__name_by_offset(layout.btf, member->name_off);
}

static struct place place_of(struct layout layout, uint32_t index)
{
	const struct btf_type *t = type_of(layout);
	struct layout member = {layout.btf, btf_members(t)[index].type};

	return (struct place){resolve(member), btf_member_bit_offset(t, index) / 8};
}

static struct layout element_of(struct layout layout)
{
	return resolve((struct layout){layout.btf, btf_array(type_of(layout))->type});
}

/* ---- comparison ------------------------------------------------------------------------------ */

static bool same_members(struct layout a, struct layout b)
{
	const struct btf_type *ta = type_of(a), *tb = type_of(b);

	if (btf_vlen(ta) != btf_vlen(tb))
		return false;
	for (uint32_t i = 0; i < btf_vlen(ta); i++) {
		struct place pa = place_of(a, i), pb = place_of(b, i);

		if (strcmp(name_of(a, &btf_members(ta)[i]), name_of(b, &btf_members(tb)[i])) != 0 ||
		    pa.offset != pb.offset || !layout_same(pa.layout, pb.layout))
			return false;
	}
	return true;
}

bool layout_same(struct layout a, struct layout b)
{
	const struct btf_type *ta, *tb;

	a = resolve(a);
	b = resolve(b);
	ta = type_of(a);
	tb = type_of(b);
	if (!ta || !tb || btf_kind(ta) != btf_kind(tb) || size_of(a) != size_of(b))
		return false;
	if (btf_is_composite(ta))
		return same_members(a, b);
	return !btf_is_array(ta) || (btf_array(ta)->nelems == btf_array(tb)->nelems &&
				     layout_same(element_of(a), element_of(b)));
}

/* ---- conversion ------------------------------------------------------------------------------ */

static void convert(struct layout from, const uint8_t *value, struct layout to, uint8_t *ret_value);

/* Looks into anonymous members too. */
static bool find_member(struct layout layout, const char *name, struct place *ret_place)
{
	const struct btf_type *t = type_of(layout);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *here = name_of(layout, &btf_members(t)[i]);
		struct place place = place_of(layout, i), inner;

		if (strcmp(here, name) == 0) {
			*ret_place = place;
			return true;
		}
		if (!*here && btf_is_composite(type_of(place.layout)) &&
		    find_member(place.layout, name, &inner)) {
			inner.offset += place.offset;
			*ret_place = inner;
			return true;
		}
	}
	return false;
}

static void convert_members(struct layout from, const uint8_t *value, struct layout to,
			    uint8_t *ret_value)
{
	const struct btf_type *t = type_of(to);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *name = name_of(to, &btf_members(t)[i]);
		struct place place = place_of(to, i), old;

		if (!*name)
			convert(from, value, place.layout, ret_value + place.offset);
		else if (find_member(from, name, &old))
			convert(old.layout, value + old.offset, place.layout,
				ret_value + place.offset);
	}
}

static void convert_elements(struct layout from, const uint8_t *value, struct layout to,
			     uint8_t *ret_value)
{
	struct layout old = element_of(from), new = element_of(to);
	uint32_t n_old = btf_array(type_of(from))->nelems, n_new = btf_array(type_of(to))->nelems;

	for (uint32_t i = 0; i < n_old && i < n_new; i++)
		convert(old, value + i * size_of(old), new, ret_value + i * size_of(new));
}

/* Numbers are little-endian, or of one width for ever (__be16, __be32): the low bytes come first. */
static void convert(struct layout from, const uint8_t *value, struct layout to, uint8_t *ret_value)
{
	const struct btf_type *old = type_of(from), *new = type_of(to);
	size_t n_old = size_of(from), n_new = size_of(to);

	if (btf_is_composite(old) && btf_is_composite(new))
		convert_members(from, value, to, ret_value);
	else if (btf_is_array(old) && btf_is_array(new))
		convert_elements(from, value, to, ret_value);
	else if (!btf_is_composite(old) && !btf_is_composite(new) && !btf_is_array(old) &&
		 !btf_is_array(new))
		memcpy(ret_value, value, n_old < n_new ? n_old : n_new);
}

void layout_convert(struct layout from, const void *value, struct layout to, void *ret_value)
{
	from = resolve(from);
	to = resolve(to);
	memset(ret_value, 0, size_of(to));
	convert(from, value, to, ret_value);
}

bool layout_find_array(struct layout layout, const char *name, struct layout_array *ret_array)
{
	struct place place;

	layout = resolve(layout);
	if (!btf_is_composite(type_of(layout)) || !find_member(layout, name, &place) ||
	    !btf_is_array(type_of(place.layout)))
		return false;
	ret_array->element = element_of(place.layout);
	ret_array->offset = place.offset;
	ret_array->size = size_of(ret_array->element);
	ret_array->n = btf_array(type_of(place.layout))->nelems;
	return ret_array->size > 0;
}
