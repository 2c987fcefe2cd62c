// SPDX-License-Identifier: Apache-2.0
/* From counters to the page: which sample says which number, and which there are. */
#include "unit.h"

#include <stdio.h>

#include "../../agent/metrics/collect.h"

#define LABELS(vm) "node=\"n1\",namespace=\"default\",name=\"" vm "\",interface=\"eth0\""

struct world {
	struct datapath_totals totals;
	struct endpoint_figures items[2];
	struct endpoints_figures figures;
	struct histogram attach_times, policy_times;
	struct policy_troubles troubles;
	struct scene scene;
};

static struct endpoint_figures figures_of(const struct world *world, uint32_t index,
					  const char *name)
{
	struct endpoint_figures figures = {
		.namespace = "default",
		.interface = "eth0",
		.traffic = world->totals.traffic[index],
		.tallies = world->totals.tallies[index],
		.handshakes = world->totals.handshakes[index],
	};

	snprintf(figures.name, sizeof(figures.name), "%s", name);
	return figures;
}

/* Two VMs, the first of them policed. */
static int set_up(void **state)
{
	struct world *world = bl_alloc(sizeof(*world));

	world->items[0] = figures_of(world, 0, "a");
	world->items[1] = figures_of(world, 1, "b");
	world->items[0].is_policed = true;
	world->figures = (struct endpoints_figures){&world->totals, world->items, 2};
	world->scene = (struct scene){
		.figures = &world->figures,
		.attach_times = &world->attach_times,
		.policy_times = &world->policy_times,
		.troubles = &world->troubles,
		.node = "n1",
	};
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* The page's lines of one family, without its comments; the caller frees. */
static char *lines_of(const struct world *world, const char *family)
{
	struct page page = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	collect(&world->scene, &page);
	for (char *line = strtok(page.text, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, family, strlen(family)) == 0)
			fprintf(out, "%s\n", line + strlen(family));
	assert_int_equal(fclose(out), 0);
	free(page.text);
	return text;
}

static void assert_lines(const struct world *world, const char *family, const char *wanted)
{
	bl_autofree char *found = lines_of(world, family);

	assert_string_equal(found, wanted);
}

static void test_opened(void **state)
{
	struct world *world = *state;

	world->totals.tallies[0][BL_TO_VM].opened = 3;
	world->totals.tallies[1][BL_FROM_VM].opened = 4;
	assert_lines(
		world, "beeline_connections_opened_total",
		"{" LABELS(
			"a") ",direction=\"to-vm\"} 3\n"
			     "{" LABELS(
				     "a") ",direction=\"from-vm\"} 0\n"
					  "{" LABELS(
						  "b") ",direction=\"to-vm\"} 0\n"
						       "{" LABELS(
							       "b") ",direction=\"from-vm\"} 4\n");
}

static void test_evicted(void **state)
{
	struct world *world = *state;

	world->totals.tallies[1][BL_TO_VM].evicted = 5;
	assert_lines(
		world, "beeline_conntrack_evictions_total",
		"{" LABELS(
			"a") ",direction=\"to-vm\"} 0\n"
			     "{" LABELS(
				     "a") ",direction=\"from-vm\"} 0\n"
					  "{" LABELS(
						  "b") ",direction=\"to-vm\"} 5\n"
						       "{" LABELS(
							       "b") ",direction=\"from-vm\"} 0\n");
}

/* Allowed are shown from the beginning, denied when there are some; nothing where no policy is. */
static void test_verdicts(void **state)
{
	struct world *world = *state;
	struct datapath_verdict denied[] = {
		{{.direction = BL_TO_VM, .reason = BL_REASON_POLICY}, {.packets = 5}},
		{{.direction = BL_FROM_VM, .reason = BL_REASON_POLICY_DENY}, {.packets = 6}},
		{{.direction = BL_FROM_VM, .reason = BL_REASON_AUDITED}, {.packets = 7}},
		{{.direction = BL_FROM_VM, .reason = BL_REASON_SPOOFED_IP}, {.packets = 8}},
	};

	world->totals.tallies[0][BL_FROM_VM].allowed = 9;
	world->totals.tallies[1][BL_FROM_VM].allowed = 10;
	world->items[0].verdicts = denied;
	world->items[0].n_verdicts = 4;
	assert_lines(
		world, "beeline_policy_verdict_packets_total",
		"{" LABELS("a") ",direction=\"to-vm\",verdict=\"allowed\"} 0\n"
				"{" LABELS(
					"a") ",direction=\"from-vm\",verdict=\"allowed\"} 9\n"
					     "{" LABELS(
						     "a") ",direction=\"to-vm\",verdict=\"denied\"}"
							  " 5\n"
							  "{" LABELS(
								  "a") ",direction=\"from-vm\","
								       "verdict=\"denied_by_rule\"}"
								       " 6\n"
								       "{" LABELS(
									       "a") ",direction="
										    "\"from-vm\","
										    "verdict="
										    "\"audited\"} "
										    "7\n");
}

/* A direction without a handshake has no buckets; one that has them has all. */
static void test_handshakes(void **state)
{
	struct world *world = *state;
	struct datapath_handshakes *handshakes = &world->totals.handshakes[1][BL_FROM_VM];
	bl_autofree char *none = lines_of(world, "beeline_vmi_tcp_handshake_seconds"),
			 *found = NULL;

	assert_string_equal(none, "");
	handshakes->sum_ns = 20000000000;
	handshakes->counts[0] = 1;
	handshakes->counts[BL_HANDSHAKE_BOUNDS - 1] = 2;
	handshakes->counts[BL_HANDSHAKE_BOUNDS] = 1;
	found = lines_of(world, "beeline_vmi_tcp_handshake_seconds");
#define B "_bucket{" LABELS("b") ",direction=\"from-vm\",le="
	assert_non_null(strstr(found, B "\"3.2768e-05\"} 1\n" B "\"6.5536e-05\"} 1\n"));
	assert_non_null(strstr(
		found, B "\"4.294967296\"} 1\n" B "\"8.589934592\"} 3\n" B "\"+Inf\"} 4\n"
			 "_sum{" LABELS("b") ",direction=\"from-vm\"} 20\n"
					     "_count{" LABELS("b") ",direction=\"from-vm\"} 4\n"));
	assert_null(strstr(found, "to-vm"));
	assert_null(strstr(found, LABELS("a")));
}

static void test_pressure(void **state)
{
	struct world *world = *state;

	world->items[0].policy_rows = 12;
	world->items[1].policy_rows = 13;
	world->totals.n_rules = 14;
	world->totals.max_rules = 15;
	world->totals.n_verdicts = 16;
	world->totals.max_verdicts = 17;
	world->scene.n_prefixes = 18;
	assert_lines(world, "beeline_policy_entries{", LABELS("a") "} 12\n");
	assert_lines(world, "beeline_policy_entries_limit", " 16384\n");
	assert_lines(world, "beeline_map_entries{",
		     "map=\"bl_endpoints\"} 2\nmap=\"bl_ipcache\"} 18\n"
		     "map=\"bl_rules\"} 14\nmap=\"bl_verdicts\"} 16\n");
	assert_lines(world, "beeline_map_entries_limit{",
		     "map=\"bl_endpoints\"} 1024\nmap=\"bl_ipcache\"} 256000\n"
		     "map=\"bl_rules\"} 15\nmap=\"bl_verdicts\"} 17\n");
}

static void test_lost(void **state)
{
	struct world *world = *state;

	world->items[0].lost = 19;
	world->items[1].capture_lost = 20;
	assert_lines(world, "beeline_events_lost_total",
		     "{" LABELS("a") "} 19\n{" LABELS("b") "} 0\n");
	assert_lines(world, "beeline_capture_packets_lost_total",
		     "{" LABELS("a") "} 0\n{" LABELS("b") "} 20\n");
}

/* Without policy there are no times of it. */
static void test_times(void **state)
{
	struct world *world = *state;

	histogram_observe(&world->attach_times, 3000000);
	histogram_observe(&world->policy_times, 2000000000);
	assert_lines(world, "beeline_endpoint_attach_duration_seconds_sum", " 0.003\n");
	assert_lines(world, "beeline_policy_update_duration_seconds_sum", " 2\n");
	assert_lines(world, "beeline_policy_update_duration_seconds_count", " 1\n");
	world->scene.policy_times = NULL;
	assert_lines(world, "beeline_policy_update_duration_seconds_sum", "");
}

static void test_troubles(void **state)
{
	struct world *world = *state;

	world->troubles = (struct policy_troubles){.n_failures = 7, .n_amiss = 2};
	assert_lines(world, "beeline_policy_update_failures_total", " 7\n");
	assert_lines(world, "beeline_policy_endpoints_amiss", " 2\n");
	world->scene.troubles = NULL;
	assert_lines(world, "beeline_policy_endpoints_amiss", "");
}

/* Each family that the table has is on the page once, in full. */
static void test_families(void **state)
{
	struct world *world = *state;
	struct page page = {0};

	collect(&world->scene, &page);
	for (size_t i = 0; i < FAMILIES_MAX; i++) {
		bl_autofree char *type =
			bl_format("# TYPE %s %s\n", family_rows[i].name, family_rows[i].type);
		const char *found = strstr(page.text, type);

		if (!found || strstr(found + 1, type))
			fail_msg("%s", type);
	}
	free(page.text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_evicted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_verdicts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_handshakes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pressure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_troubles, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_families, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
