// SPDX-License-Identifier: Apache-2.0
/* Values from one layout to another, by types that are made here. */
#include "unit.h"

#include <bpf/btf.h>

#include "../../agent/datapath/layout.h"

struct old_inner {
	uint16_t a, b;
};

struct old {
	uint32_t first;
	struct old_inner inner[2];
	union {
		uint32_t word;
		uint8_t bytes[4];
	};
	uint32_t gone;
};

struct new_inner {
	uint32_t added;
	uint16_t b;
	uint16_t a;
};

struct new
{
	uint64_t added;
	struct {
		uint64_t first; /* wider, and within an anonymous one */
	};
	uint32_t word;
	uint8_t bytes[4];
	struct new_inner inner[3];
};

struct fixture {
	struct btf *old_btf, *new_btf;
	struct layout old, new;
};

static int add_array(struct btf *btf, int element, uint32_t n)
{
	int index = btf__add_int(btf, "index", 4, 0);

	return btf__add_array(btf, index, element, n);
}

static void add_field(struct btf *btf, const char *name, int type, size_t offset)
{
	assert_int_equal(btf__add_field(btf, name, type, (uint32_t)offset * 8, 0), 0);
}

static uint32_t add_old(struct btf *btf)
{
	int u8 = btf__add_int(btf, "u8", 1, 0), u16 = btf__add_int(btf, "u16", 2, 0);
	int u32 = btf__add_int(btf, "u32", 4, 0), alias = btf__add_typedef(btf, "alias", u32);
	int bytes = add_array(btf, u8, 4), inner, inners, either, old;

	inner = btf__add_struct(btf, "inner", sizeof(struct old_inner));
	add_field(btf, "a", u16, offsetof(struct old_inner, a));
	add_field(btf, "b", u16, offsetof(struct old_inner, b));
	inners = add_array(btf, inner, 2);
	either = btf__add_union(btf, NULL, 4);
	add_field(btf, "word", u32, 0);
	add_field(btf, "bytes", bytes, 0);
	old = btf__add_struct(btf, "value", sizeof(struct old));
	add_field(btf, "first", alias, offsetof(struct old, first));
	add_field(btf, "inner", inners, offsetof(struct old, inner));
	add_field(btf, "", either, offsetof(struct old, word));
	add_field(btf, "gone", u32, offsetof(struct old, gone));
	return (uint32_t)old;
}

static uint32_t add_new(struct btf *btf)
{
	int u8 = btf__add_int(btf, "u8", 1, 0), u16 = btf__add_int(btf, "u16", 2, 0);
	int u32 = btf__add_int(btf, "u32", 4, 0), u64 = btf__add_int(btf, "u64", 8, 0);
	int bytes = add_array(btf, u8, 4), inner, inners, unnamed, new;

	inner = btf__add_struct(btf, "inner", sizeof(struct new_inner));
	add_field(btf, "added", u32, offsetof(struct new_inner, added));
	add_field(btf, "b", u16, offsetof(struct new_inner, b));
	add_field(btf, "a", u16, offsetof(struct new_inner, a));
	inners = add_array(btf, inner, 3);
	unnamed = btf__add_struct(btf, NULL, 8);
	add_field(btf, "first", u64, 0);
	new = btf__add_struct(btf, "value", sizeof(struct new));
	add_field(btf, "added", u64, offsetof(struct new, added));
	add_field(btf, "", unnamed, offsetof(struct new, first));
	add_field(btf, "word", u32, offsetof(struct new, word));
	add_field(btf, "bytes", bytes, offsetof(struct new, bytes));
	add_field(btf, "inner", inners, offsetof(struct new, inner));
	return (uint32_t) new;
}

static int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->old_btf = btf__new_empty();
	f->new_btf = btf__new_empty();
	f->old = (struct layout){f->old_btf, add_old(f->old_btf)};
	f->new = (struct layout){f->new_btf, add_new(f->new_btf)};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	btf__free(f->old_btf);
	btf__free(f->new_btf);
	free(f);
	return 0;
}

static void test_forward(void **state)
{
	struct fixture *f = *state;
	const struct old old = {
		.first = 0xfffffff1, .inner = {{2, 3}, {4, 5}}, .word = 0x09080706, .gone = 10};
	struct new new;

	memset(&new, 0xee, sizeof(new));
	layout_convert(f->old, &old, f->new, &new);
	assert_int_equal(new.added, 0);
	assert_int_equal(new.first, 0xfffffff1);
	assert_int_equal(new.word, 0x09080706);
	assert_memory_equal(new.bytes, "\x06\x07\x08\x09", 4);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(new.inner[i].added, 0);
		assert_int_equal(new.inner[i].a, i < 2 ? 2 + 2 * i : 0);
		assert_int_equal(new.inner[i].b, i < 2 ? 3 + 2 * i : 0);
	}
}

/* Nobody does that with maps; it shows that neither side is special. */
static void test_backward(void **state)
{
	struct fixture *f = *state;
	const struct new new = {.added = 1,
				.first = 2,
				.word = 0x06050403,
				.bytes = {3, 4, 5, 6},
				.inner = {{7, 8, 9}, {10, 11, 12}, {13, 14, 15}}};
	struct old old;

	memset(&old, 0xee, sizeof(old));
	layout_convert(f->new, &new, f->old, &old);
	assert_int_equal(old.first, 2);
	assert_int_equal(old.word, 0x06050403);
	assert_int_equal(old.gone, 0);
	assert_int_equal(old.inner[0].a, 9);
	assert_int_equal(old.inner[1].b, 11);
}

/* A struct of two numbers; the differences are in its names, its places and its size. */
static struct layout pair(struct btf *btf, const char *second, uint32_t at, uint32_t size)
{
	int u32 = btf__add_int(btf, "u32", 4, 0), type = btf__add_struct(btf, "pair", size);

	add_field(btf, "one", u32, 0);
	add_field(btf, second, u32, at);
	return (struct layout){btf, (uint32_t)type};
}

static void test_same(void **state)
{
	struct fixture *f = *state;
	struct layout two = pair(f->old_btf, "two", 4, 8);

	assert_true(layout_same(f->old, f->old));
	assert_true(layout_same(two, pair(f->new_btf, "two", 4, 8)));
	assert_false(layout_same(f->old, f->new));
	assert_false(layout_same(two, pair(f->new_btf, "other", 4, 8)));
	assert_false(layout_same(pair(f->old_btf, "two", 4, 12), pair(f->new_btf, "two", 8, 12)));
	assert_false(layout_same(two, pair(f->new_btf, "two", 4, 12)));
}

static void test_find_array(void **state)
{
	struct fixture *f = *state;
	struct layout_array array;
	const struct old old = {.inner = {{2, 3}, {4, 5}}};
	uint16_t b[2];

	assert_true(layout_find_array(f->new, "inner", &array));
	assert_int_equal(array.offset, offsetof(struct new, inner));
	assert_int_equal(array.size, sizeof(struct new_inner));
	assert_int_equal(array.n, 3);
	assert_false(layout_find_array(f->new, "word", &array));
	assert_false(layout_find_array(f->new, "none", &array));
	assert_true(layout_find_array(f->old, "inner", &array));
	layout_convert(array.element, (const uint8_t *)&old + array.offset + array.size,
		       array.element, b);
	assert_int_equal(b[0], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forward, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_backward, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_find_array, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
