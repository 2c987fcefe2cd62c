// SPDX-License-Identifier: Apache-2.0
/*
 * Every policy of two rules over a small universe, judged by the engine and by the reference: all
 * combinations of tier, verdict, peer and ports for each of the two, with and without default deny, asked
 * for every peer and port that tells them apart. One engine goes through all of them, so each is also an
 * update of the one before.
 */
#include "unit_universe.h"

static struct bl_err err;

static enum bl_reference_verdict ask_engine(const struct bl_engine *engine, const char *who,
					    size_t packet)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, "a/web");
	const struct bl_policy_row *row;
	struct bl_engine_party party;

	assert_int_equal(bl_engine_find(engine, who, "a/web", &party, &err), 0);
	row = bl_policy_lookup(rows, party.identity, BL_INGRESS, universe_packets[packet].protocol,
			       universe_packets[packet].port);
	if (!row || row->entry.deny)
		return BL_REFERENCE_DENIED;
	return rows->default_deny[BL_INGRESS] ? BL_REFERENCE_ALLOWED : BL_REFERENCE_UNENFORCED;
}

static size_t compare(const struct bl_engine *engine, const struct bl_reference *reference,
		      unsigned int first, unsigned int second)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(universe_peers) / sizeof(universe_peers[0]); i++) {
		for (size_t k = 0; k < sizeof(universe_packets) / sizeof(universe_packets[0]);
		     k++, n++) {
			struct bl_reference_answer answer;

			assert_int_equal(
				bl_reference_judge(reference, "a/web", BL_INGRESS,
						   universe_peers[i], universe_packets[k].protocol,
						   universe_packets[k].port, &answer, &err),
				0);
			if (ask_engine(engine, universe_peers[i], k) != answer.verdict)
				fail_msg("rules %u and %u, from %s, packet %zu: not %d", first,
					 second, universe_peers[i], k, answer.verdict);
		}
	}
	return n;
}

static void put_objects(struct bl_engine *engine, struct cJSON *const *documents)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(bl_engine_put(engine, bl_json_first(documents[i]), &err), 0);
}

static size_t judge(struct bl_engine *engine, struct cJSON *const *documents, unsigned int first,
		    unsigned int second, bool deny)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_reference struct bl_reference *reference = bl_reference_new(&options);
	struct bl_engine_changes changes = {.again = true};

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(bl_reference_put(reference, bl_json_first(documents[i]), &err), 0);
	bl_reference_put_policy(reference, universe_policy(first, second, deny));
	bl_engine_put_policy(engine, universe_policy(first, second, deny));
	while (changes.again)
		assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	return compare(engine, reference, first, second);
}

static void test_every_policy_of_two_rules(void **state)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	struct cJSON *documents[] = {parse_yaml(universe_objects[0]),
				     parse_yaml(universe_objects[1])};
	size_t n_cases = 0;

	put_objects(engine, documents);
	for (unsigned int first = 0; first < UNIVERSE_RULES; first++)
		for (unsigned int second = first; second < UNIVERSE_RULES; second++)
			n_cases += judge(engine, documents, first, second, (first + second) % 5);
	bl_json_free(documents[0]);
	bl_json_free(documents[1]);
	print_message("# %zu cases\n", n_cases);
	assert_int_equal(n_cases, UNIVERSE_RULES * (UNIVERSE_RULES + 1) / 2 * 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_policy_of_two_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
