// SPDX-License-Identifier: Apache-2.0
/*
 * Policies and identities in the kernel's maps: what is written is what stands there, counters follow
 * their rows from map to map, and a new agent finds them again.
 */
#define TEST "policies"
#include "attached.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <bpf/bpf.h>

#include <beeline/addr.h>

#include "../../agent/datapath.h"

#define BPFFS POD_BPFFS "/beeline-test-" TEST

struct fixture {
	struct datapath *datapath;
	struct bl_err err;
};

static void start(struct fixture *f)
{
	if (datapath_open(BPFFS, DATAPATH_AUTO, &f->datapath, &f->err) < 0)
		fail_msg("%s", f->err.message);
}

static int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	run("rm -rf " BPFFS);
	start(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	datapath_free(f->datapath);
	run("rm -rf " BPFFS);
	free(f);
	return 0;
}

static struct bl_policy_row row_of(uint32_t identity, uint16_t port, bool deny)
{
	return (struct bl_policy_row){
		.key = {.prefixlen = BL_POLICY_PREFIX_FULL,
			.identity = identity,
			.protocol = IPPROTO_TCP,
			.dport = htons(port)},
		.entry = {.deny = deny, .precedence = deny ? 255 : 1, .cookie = port},
	};
}

static int swap(struct fixture *f, uint32_t index, const struct bl_policy_row *rows, size_t n)
{
	const struct datapath_policy policy = {.index = index, .rows = rows, .n_rows = n};

	f->err = BL_ERR_INIT;
	return datapath_swap_policies(f->datapath, &policy, 1, &f->err);
}

struct found {
	size_t n;
	struct bl_policy_row rows[32];
	uint64_t packets[32];
};

static void find_row(const struct bl_policy_row *row, const struct bl_counter *counter, void *data)
{
	struct found *found = data;

	assert_true(found->n < 32);
	found->rows[found->n] = *row;
	found->packets[found->n++] = counter->packets;
}

static struct found look(struct fixture *f, uint32_t index)
{
	struct found found = {0};

	assert_int_equal(datapath_policy_rows(f->datapath, index, find_row, &found, &f->err), 0);
	return found;
}

/* The row of a port; the test fails when there is none. */
static const struct bl_policy_row *port_row(const struct found *found, uint16_t port)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->rows[i].key.dport == htons(port))
			return &found->rows[i];
	fail_msg("no row for port %u", port);
	return NULL;
}

static void count(uint16_t counter, uint64_t packets)
{
	bl_autoclose int fd = bpf_obj_get(BPFFS "/maps/bl_rules");
	struct bl_counter counters[256] = {{.packets = packets}};
	uint32_t key = counter;

	assert_int_equal(bpf_map_update_elem(fd, &key, counters, BPF_ANY), 0);
}

static void test_rows_stand_as_written(void **state)
{
	struct fixture *f = *state;
	const struct bl_policy_row rows[] = {row_of(300, 443, true), row_of(256, 80, false)};
	struct found found;

	assert_int_equal(swap(f, 5, rows, 2), 0);
	found = look(f, 5);
	assert_int_equal(found.n, 2);
	assert_int_equal(port_row(&found, 443)->entry.deny, 1);
	assert_int_equal(port_row(&found, 443)->key.identity, 300);
	assert_int_equal(port_row(&found, 80)->entry.precedence, 1);
	assert_int_not_equal(port_row(&found, 80)->entry.counter, 0);
	assert_int_not_equal(port_row(&found, 80)->entry.counter,
			     port_row(&found, 443)->entry.counter);
	assert_int_equal(look(f, 6).n, 0);
}

static void test_a_row_keeps_its_counter(void **state)
{
	struct fixture *f = *state;
	const struct bl_policy_row before[] = {row_of(256, 80, false), row_of(256, 81, false)};
	const struct bl_policy_row after[] = {row_of(256, 80, true), row_of(256, 82, false)};
	struct found found;
	uint16_t kept, dropped;

	assert_int_equal(swap(f, 0, before, 2), 0);
	found = look(f, 0);
	kept = port_row(&found, 80)->entry.counter;
	dropped = port_row(&found, 81)->entry.counter;
	count(kept, 7);
	count(dropped, 9);

	assert_int_equal(swap(f, 0, after, 2), 0);
	found = look(f, 0);
	assert_int_equal(port_row(&found, 80)->entry.counter, kept);
	assert_int_equal(port_row(&found, 80)->entry.deny, 1);
	assert_int_not_equal(port_row(&found, 82)->entry.counter, dropped);
	for (size_t i = 0; i < found.n; i++)
		assert_int_equal(found.packets[i], found.rows[i].key.dport == htons(80) ? 7 : 0);
}

/* The counter of a row that went is free again, and begins at zero. */
static void test_counters_are_given_back(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 1, false);
	uint16_t counter;
	struct found found;

	assert_int_equal(swap(f, 0, &row, 1), 0);
	found = look(f, 0);
	counter = found.rows[0].entry.counter;
	count(counter, 5);
	assert_int_equal(swap(f, 0, NULL, 0), 0);
	assert_int_equal(swap(f, 0, &row, 1), 0);
	found = look(f, 0);
	assert_int_equal(found.rows[0].entry.counter, counter);
	assert_int_equal(found.packets[0], 0);
}

static void test_a_new_agent_takes_no_counter_twice(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 80, false);
	struct found first, second;

	assert_int_equal(swap(f, 0, &row, 1), 0);
	first = look(f, 0);
	datapath_free(f->datapath);
	start(f);
	assert_int_equal(swap(f, 1, &row, 1), 0);
	second = look(f, 1);
	assert_int_equal(look(f, 0).rows[0].entry.counter, first.rows[0].entry.counter);
	assert_int_not_equal(second.rows[0].entry.counter, first.rows[0].entry.counter);
}

static void test_several_at_once_or_none(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 80, false);
	bl_autofree struct bl_policy_row *many = bl_alloc((BL_POLICY_ROWS_MAX + 1) * sizeof(*many));
	struct datapath_policy policies[] = {
		{.index = 1, .rows = &row, .n_rows = 1},
		{.index = 2, .rows = many, .n_rows = BL_POLICY_ROWS_MAX + 1},
	};

	for (uint32_t i = 0; i <= BL_POLICY_ROWS_MAX; i++)
		many[i] = row_of(256 + i, 80, false);
	assert_int_equal(datapath_swap_policies(f->datapath, policies, 2, &f->err), -E2BIG);
	assert_int_equal(look(f, 1).n, 0);
	policies[1].n_rows = 3;
	assert_int_equal(datapath_swap_policies(f->datapath, policies, 2, &f->err), 0);
	assert_int_equal(look(f, 1).n, 1);
	assert_int_equal(look(f, 2).n, 3);
}

/* Many more endpoints than descriptors. */
static void test_descriptors_are_few(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 80, false);
	struct datapath_policy policies[BL_ENDPOINTS_MAX];
	bl_autoclose int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit before, few;
	int r;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		policies[i] = (struct datapath_policy){.index = i, .rows = &row, .n_rows = 1};
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)next + 200, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = datapath_swap_policies(f->datapath, policies, BL_ENDPOINTS_MAX, &f->err);
	few.rlim_cur = (rlim_t)next + 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	row = row_of(257, 80, false);
	assert_int_equal(datapath_swap_policies(f->datapath, policies, 5, &f->err), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, 0);
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		struct found found = look(f, i);

		assert_int_equal(found.n, 1);
		assert_int_equal(found.rows[0].key.identity, 256);
	}
}

/* Who finds no counter is enforced all the same, and gets one as soon as there is one again. */
static void test_counters_are_all_taken(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 80, false);
	bl_autofree struct bl_policy_row *many = bl_alloc(BL_POLICY_ROWS_MAX * sizeof(*many));

	for (uint32_t i = 0; i < BL_POLICY_ROWS_MAX; i++)
		many[i] = row_of(256 + i, 80, false);
	assert_false(datapath_rules_full(f->datapath));
	assert_int_equal(swap(f, 0, many, BL_POLICY_ROWS_MAX), 0);
	assert_true(datapath_rules_full(f->datapath));
	assert_int_equal(swap(f, 1, &row, 1), 0);
	assert_int_equal(look(f, 1).n, 1);
	assert_int_equal(look(f, 1).rows[0].entry.counter, 0);
	assert_int_equal(swap(f, 0, many, 1), 0);
	assert_false(datapath_rules_full(f->datapath));
	assert_int_equal(swap(f, 1, &row, 1), 0);
	assert_int_not_equal(look(f, 1).rows[0].entry.counter, 0);
}

static void test_clear_takes_the_policy_away(void **state)
{
	struct fixture *f = *state;
	struct bl_policy_row row = row_of(256, 80, false);
	uint16_t counter;
	struct found found;

	assert_int_equal(swap(f, 0, &row, 1), 0);
	found = look(f, 0);
	counter = found.rows[0].entry.counter;
	assert_int_equal(datapath_clear(f->datapath, 0, &f->err), 0);
	assert_int_equal(look(f, 0).n, 0);
	assert_int_equal(swap(f, 1, &row, 1), 0);
	found = look(f, 1);
	assert_int_equal(found.rows[0].entry.counter, counter);
}

static struct bl_ipcache_row prefix_of(const char *text, uint32_t identity)
{
	struct bl_ipcache_row row = {.identity = identity};
	struct bl_addr addr;
	uint8_t bits;

	assert_int_equal(bl_prefix_parse(text, false, &addr, &bits, NULL), 0);
	memcpy(row.key.addr, &addr, sizeof(row.key.addr));
	row.key.prefixlen = bits + (bl_addr_is_v4(&addr) ? 96 : 0);
	return row;
}

static void find_prefix(const struct bl_ipcache_row *row, void *data)
{
	struct bl_ipcache_row **found = data;

	*(*found)++ = *row;
}

static void test_prefixes(void **state)
{
	struct fixture *f = *state;
	struct bl_ipcache_row rows[] = {prefix_of("0.0.0.0/0", BL_IDENTITY_WORLD_IPV4),
					prefix_of("10.0.0.0/8", BL_IDENTITY_LOCAL | 1),
					prefix_of("2001:db8::/32", BL_IDENTITY_LOCAL | 2)};
	struct bl_ipcache_row found[8], *end = found;

	assert_int_equal(datapath_write_prefixes(f->datapath, rows, 3, &f->err), 0);
	assert_int_equal(datapath_prefixes(f->datapath, find_prefix, &end, &f->err), 0);
	assert_int_equal(end - found, 3);
	rows[1].identity = 0;
	/* once more, as a prefix that is gone already is no failure */
	for (int i = 0; i < 2; i++)
		assert_int_equal(datapath_write_prefixes(f->datapath, &rows[1], 1, &f->err), 0);
	end = found;
	assert_int_equal(datapath_prefixes(f->datapath, find_prefix, &end, &f->err), 0);
	assert_int_equal(end - found, 2);
	for (const struct bl_ipcache_row *row = found; row < end; row++)
		assert_int_not_equal(row->identity, BL_IDENTITY_LOCAL | 1);
}

static struct bl_config read_config(void)
{
	bl_autoclose int fd = bpf_obj_get(BPFFS "/maps/bl_config");
	struct bl_config config;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &config), 0);
	return config;
}

static uint32_t epoch(void)
{
	return read_config().epoch;
}

static void write_epoch(uint32_t value)
{
	bl_autoclose int fd = bpf_obj_get(BPFFS "/maps/bl_config");
	struct bl_config config = read_config();
	uint32_t key = 0;

	config.epoch = value;
	assert_int_equal(bpf_map_update_elem(fd, &key, &config, BPF_ANY), 0);
}

/* Others write the same map; the epoch stays what it is, also when a new agent comes. */
static void test_the_epoch_only_grows(void **state)
{
	struct fixture *f = *state;
	uint32_t before = epoch();

	assert_int_equal(datapath_bump_epoch(f->datapath, &f->err), 0);
	assert_int_equal(epoch(), before + 1);
	assert_int_equal(datapath_sample(f->datapath, true, 3, &f->err), 0);
	assert_int_equal(epoch(), before + 1);
	datapath_free(f->datapath);
	start(f);
	assert_int_equal(epoch(), before + 1);
}

/* A connection that nobody judged says epoch 0, and would count as judged in it. */
static void test_the_epoch_is_never_0(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(epoch(), 0);
	write_epoch(UINT32_MAX);
	assert_int_equal(datapath_bump_epoch(f->datapath, &f->err), 0);
	assert_int_equal(epoch(), 1);
	datapath_free(f->datapath);
	write_epoch(0); /* as agents before left it */
	start(f);
	assert_int_not_equal(epoch(), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(rows_stand_as_written),
		T(a_row_keeps_its_counter),
		T(counters_are_given_back),
		T(a_new_agent_takes_no_counter_twice),
		T(several_at_once_or_none),
		T(descriptors_are_few),
		T(counters_are_all_taken),
		T(clear_takes_the_policy_away),
		T(prefixes),
		T(the_epoch_only_grows),
		T(the_epoch_is_never_0),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
