// SPDX-License-Identifier: Apache-2.0
/* The hash table against a list that is walked. */
#include "../../lib/hash.h"
#include "unit_policy.h"

#define STEPS 20000
#define ITEMS 300

/* Different items may have one hash. */
struct item {
	uint64_t hash;
	uint32_t key;
	bool is_in;
};

static bool has_key(const void *item, const void *key)
{
	return ((const struct item *)item)->key == *(const uint32_t *)key;
}

/* Few and many to a hash; 0 is the hash that would look like an empty slot. */
static void draw(struct random *random, struct item items[ITEMS])
{
	uint32_t n_hashes = 1 + random_below(random, ITEMS);

	for (uint32_t i = 0; i < ITEMS; i++)
		items[i] = (struct item){.hash = random_below(random, n_hashes), .key = i};
}

static void check(const struct hash_table *table, struct item items[ITEMS])
{
	size_t position = 0, n = 0, n_found = 0;

	for (uint32_t i = 0; i < ITEMS; i++) {
		assert_ptr_equal(hash_find(table, items[i].hash, has_key, &items[i].key),
				 items[i].is_in ? &items[i] : NULL);
		n += items[i].is_in;
	}
	for (const struct item *item; (item = hash_next(table, &position)); n_found++)
		assert_true(item->is_in);
	assert_int_equal(n_found, n);
	assert_int_equal(table->n_items, n);
}

static void test_items_are_found_until_they_are_removed(void **state)
{
	struct random random = {1};

	for (int round = 0; round < 20; round++) {
		struct hash_table table = {0};
		struct item items[ITEMS];

		draw(&random, items);
		for (size_t i = 0; i < STEPS / 20; i++) {
			struct item *item = &items[random_below(&random, ITEMS)];

			if (item->is_in)
				hash_remove(&table, item->hash, item);
			else
				hash_add(&table, item->hash, item);
			item->is_in = !item->is_in;
			if (i % 50 == 0)
				check(&table, items);
		}
		check(&table, items);
		hash_release(&table);
		assert_null(hash_find(&table, items[0].hash, has_key, &items[0].key));
	}
}

/* Three quarters of the slots at most, and not fewer for those that were there once. */
static void test_removed_items_take_no_room(void **state)
{
	struct hash_table table = {0};
	struct item items[8];

	for (uint32_t i = 0; i < STEPS; i++) {
		struct item *item = &items[i % 8];

		if (i >= 8)
			hash_remove(&table, item->hash, item);
		*item = (struct item){.hash = i, .key = i};
		hash_add(&table, item->hash, item);
		assert_true(table.n_used * 4 <= table.n_slots * 3);
	}
	assert_int_equal(table.n_items, 8);
	assert_in_range(table.n_slots, 8, 32);
	hash_release(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_are_found_until_they_are_removed),
		cmocka_unit_test(test_removed_items_take_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
