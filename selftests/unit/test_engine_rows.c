// SPDX-License-Identifier: Apache-2.0
/* Rows that rest packed are the rows that were compiled. */
#include <arpa/inet.h>

#include "../../lib/engine/packed_rows.h"
#include "unit_engine.h"
#include "unit_held.h"

#define CASES      20000
#define IDENTITIES 6
#define ROWS_MAX   (BL_POLICY_DIRECTIONS * IDENTITIES * 3)

struct rows {
	struct bl_policy_row items[ROWS_MAX];
	size_t n_items;
};

/* What is said of an identity is one of a few things. */
static void say(struct rows *rows, enum bl_policy_direction direction, uint32_t identity,
		size_t what)
{
	for (size_t i = 0; i < what; i++)
		rows->items[rows->n_items++] = (struct bl_policy_row){
			.key = {.prefixlen = BL_POLICY_PREFIX_FULL,
				.identity = identity,
				.egress = direction == BL_EGRESS,
				.protocol = IPPROTO_TCP,
				.dport = htons((uint16_t)(80 + i))},
			.entry = {.precedence = 7, .cookie = what == 3 ? 5 : 4},
		};
}

/* Some identities of each direction, so that often the last of one is the first of the other. */
static struct rows draw(struct random *random)
{
	struct rows rows = {0};

	for (int d = 0; d < BL_POLICY_DIRECTIONS; d++)
		for (uint32_t i = 0; i < IDENTITIES; i++)
			if (random_below(random, 2))
				say(&rows, (enum bl_policy_direction)d, i, random_below(random, 4));
	return rows;
}

static bool same(const struct rows *a, const struct rows *b)
{
	return a->n_items == b->n_items &&
	       memcmp(a->items, b->items, a->n_items * sizeof(a->items[0])) == 0;
}

static void test_packed_rows_come_out_as_they_went_in(void **state)
{
	struct random random = {1};

	for (size_t i = 0; i < CASES; i++) {
		const struct rows rows = draw(&random);
		struct rows out = {.n_items = rows.n_items};
		bl_autofree struct packed_rows *packed = packed_rows_new(rows.items, rows.n_items);

		packed_rows_write_out(packed, out.items);
		assert_true(same(&rows, &out));
	}
}

static void test_rows_are_packed_alike_when_they_are_equal(void **state)
{
	struct random random = {2};
	size_t n_equal = 0;

	for (size_t i = 0; i < CASES; i++) {
		const struct rows a = draw(&random);
		struct rows b = a;
		bl_autofree struct packed_rows *x = packed_rows_new(a.items, a.n_items), *y = NULL;

		if (a.n_items && random_below(&random, 2))
			b.items[random_below(&random, a.n_items)].entry.cookie =
				4 + (uint32_t)random_below(&random, 2);
		y = packed_rows_new(b.items, b.n_items);
		assert_int_equal(packed_rows_equal(x, y), same(&a, &b));
		n_equal += same(&a, &b);
	}
	assert_in_range(n_equal, CASES / 4, CASES * 9 / 10);
}

static void test_rows_are_there_again_when_they_were_folded(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "ingress: [{fromEntities: [world]}]"));
	update(engine, "one");
	for (int i = 0; i < 2; i++) {
		judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "allowed");
		judges(engine, "one", BL_INGRESS, "10.0.0.1", 80, "denied");
		judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "unenforced");
		assert_int_equal(bl_engine_rows(engine, "one")->n_items,
				 bl_engine_n_rows(engine, "one"));
		bl_engine_fold_rows(engine);
	}
	assert_true(bl_engine_is_default_deny(engine, "one", BL_INGRESS));
	assert_false(bl_engine_is_default_deny(engine, "one", BL_EGRESS));
	assert_true(bl_engine_is_default_deny(engine, "two", BL_EGRESS));
	assert_int_equal(bl_engine_n_rows(engine, "two"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed_rows_come_out_as_they_went_in),
		cmocka_unit_test(test_rows_are_packed_alike_when_they_are_equal),
		cmocka_unit_test(test_rows_are_there_again_when_they_were_folded),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
