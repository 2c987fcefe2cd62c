// SPDX-License-Identifier: Apache-2.0
/* From counters to the page: which sample says which number, and which there are. */
#include "unit.h"

#include <stdio.h>

#include "../../agent/metrics/collect.h"

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

/* A line about a VM: what its name ends with, the VM, its labels besides those of each VM, with ' in place
 * of ", and the number. Tables end with one that is zero. */
struct sample {
	const char *suffix, *vm, *labels;
	int value;
};

/* The caller frees. */
static char *text_of(const struct sample *samples)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (; samples->vm; samples++)
		fprintf(out,
			"%s{node='n1',namespace='default',name='%s',interface='eth0'%s%s} %d\n",
			samples->suffix, samples->vm, *samples->labels ? "," : "", samples->labels,
			samples->value);
	assert_int_equal(fclose(out), 0);
	for (char *at = text; (at = strchr(at, '\'')); at++)
		*at = '"';
	return text;
}

static void assert_samples(const struct world *world, const char *family,
			   const struct sample *wanted)
{
	bl_autofree char *text = text_of(wanted);

	assert_lines(world, family, text);
}

static void assert_among(const char *page, const struct sample *wanted)
{
	bl_autofree char *text = text_of(wanted);

	assert_non_null(strstr(page, text));
}

static void test_opened(void **state)
{
	static const struct sample wanted[] = {
		{"", "a", "direction='to-vm'", 3},
		{"", "a", "direction='from-vm'", 0},
		{"", "b", "direction='to-vm'", 0},
		{"", "b", "direction='from-vm'", 4},
		{0},
	};
	struct world *world = *state;

	world->totals.tallies[0][BL_TO_VM].opened = 3;
	world->totals.tallies[1][BL_FROM_VM].opened = 4;
	assert_samples(world, "beeline_connections_opened_total", wanted);
}

static void test_evicted(void **state)
{
	static const struct sample wanted[] = {
		{"", "a", "direction='to-vm'", 0},
		{"", "a", "direction='from-vm'", 0},
		{"", "b", "direction='to-vm'", 5},
		{"", "b", "direction='from-vm'", 0},
		{0},
	};
	struct world *world = *state;

	world->totals.tallies[1][BL_TO_VM].evicted = 5;
	assert_samples(world, "beeline_conntrack_evictions_total", wanted);
}

/* Allowed are shown from the beginning, denied when there are some; nothing where no policy is. */
static void test_verdicts(void **state)
{
	static const struct sample wanted[] = {
		{"", "a", "direction='to-vm',verdict='allowed'", 0},
		{"", "a", "direction='from-vm',verdict='allowed'", 9},
		{"", "a", "direction='to-vm',verdict='denied'", 5},
		{"", "a", "direction='from-vm',verdict='denied_by_rule'", 6},
		{"", "a", "direction='from-vm',verdict='audited'", 7},
		{0},
	};
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
	assert_samples(world, "beeline_policy_verdict_packets_total", wanted);
}

/* A direction without a handshake has no buckets; one that has them has all. */
static void test_handshakes(void **state)
{
	static const struct sample first[] = {
		{"_bucket", "b", "direction='from-vm',le='3.2768e-05'", 1},
		{"_bucket", "b", "direction='from-vm',le='6.5536e-05'", 1},
		{0},
	};
	static const struct sample last[] = {
		{"_bucket", "b", "direction='from-vm',le='4.294967296'", 1},
		{"_bucket", "b", "direction='from-vm',le='8.589934592'", 3},
		{"_bucket", "b", "direction='from-vm',le='+Inf'", 4},
		{"_sum", "b", "direction='from-vm'", 20},
		{"_count", "b", "direction='from-vm'", 4},
		{0},
	};
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
	assert_among(found, first);
	assert_among(found, last);
	assert_null(strstr(found, "to-vm"));
	assert_null(strstr(found, "name=\"a\""));
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
	assert_lines(world, "beeline_policy_entries{",
		     "node=\"n1\",namespace=\"default\",name=\"a\",interface=\"eth0\"} 12\n");
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
	static const struct sample events[] = {{"", "a", "", 19}, {"", "b", "", 0}, {0}};
	static const struct sample packets[] = {{"", "a", "", 0}, {"", "b", "", 20}, {0}};
	struct world *world = *state;

	world->items[0].lost = 19;
	world->items[1].capture_lost = 20;
	assert_samples(world, "beeline_events_lost_total", events);
	assert_samples(world, "beeline_capture_packets_lost_total", packets);
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
