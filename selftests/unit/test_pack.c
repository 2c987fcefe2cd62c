// SPDX-License-Identifier: Apache-2.0
/* Packs: what is measured is what is filled, and nothing in it leads outside. */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>

#include "../../agent/pack.h"

struct thing {
	const char *name, *nothing;
	const uint64_t *numbers;
	const char *const *texts;
	const void *empty;
};

static const uint64_t numbers[] = {1, 2, 3};
static const char *const texts[] = {"a", "", NULL, "longer than eight bytes"};

static struct thing fill(struct pack *pack)
{
	return (struct thing){
		.name = pack_text(pack, "name"),
		.nothing = pack_text(pack, NULL),
		.numbers = pack_bytes(pack, numbers, sizeof(numbers)),
		.texts = pack_texts(pack, texts, 4),
		.empty = pack_bytes(pack, numbers, 0),
	};
}

static void assert_inside(const struct pack *pack, size_t size, const void *at)
{
	assert_true((const char *)at >= pack->memory && (const char *)at <= pack->memory + size);
}

static void test_measure_and_fill(void **state)
{
	struct pack measure = {0}, pack = {0};
	struct thing thing = fill(&measure);

	assert_null(thing.name);
	assert_null(thing.numbers);
	assert_null(thing.texts);
	pack.memory =
		malloc(measure.size); /* to the byte, so that a sanitizer sees what is beyond */
	thing = fill(&pack);
	assert_int_equal(pack.size, measure.size);
	assert_string_equal(thing.name, "name");
	assert_null(thing.nothing);
	assert_int_equal((uintptr_t)thing.numbers % sizeof(uint64_t), 0);
	assert_memory_equal(thing.numbers, numbers, sizeof(numbers));
	assert_ptr_not_equal(thing.numbers, numbers);
	for (int i = 0; i < 4; i++) {
		if (!texts[i]) {
			assert_null(thing.texts[i]);
			continue;
		}
		assert_string_equal(thing.texts[i], texts[i]);
		assert_inside(&pack, measure.size, thing.texts[i]);
	}
	assert_inside(&pack, measure.size, thing.empty);
	free(pack.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measure_and_fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
