// SPDX-License-Identifier: Apache-2.0
/*
 * The engine against the reference evaluator: random policies over a small world, judged by both for
 * every endpoint, peer and many ports; from nothing, and after random changes. The seed stands below and
 * is printed, so that what fails fails again.
 */
#include "unit_policy.h"
#include "unit_held.h"

#define SEED      20261121u
#define WORLDS    400
#define FLOWS     300 /* of each */
#define HISTORIES 80
#define STEPS     8 /* of each */

#define N_PODS  (sizeof(world_pods) / sizeof(world_pods[0]))
#define N_SLOTS 4 /* policies of a world */

/* What a world is made of: seeds, so that it can be made twice. */
struct world {
	uint64_t pods[N_PODS];
	uint64_t policies[N_SLOTS]; /* 0: there is none */
};

static struct bl_err err;
static size_t n_cases, n_denied, n_allowed, n_rows;

static uint64_t draw_seed(struct random *random)
{
	return 1 + random_below(random, 1u << 30);
}

static void put_yaml(struct bl_engine *engine, struct bl_reference *reference, const char *text)
{
	bl_auto_json struct cJSON *list = parse_yaml(text);
	struct cJSON *document = bl_json_first(list);

	if (engine && bl_engine_put(engine, document, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	if (reference && bl_reference_put(reference, document, &err) < 0)
		fail_msg("%s: %s", text, err.message);
}

static struct bl_policy *policy_of(const struct world *world, size_t slot)
{
	struct random random = {world->policies[slot]};
	bl_autofree char *name = bl_format("policy%zu", slot);

	return random_policy(&random, name);
}

static void put_pod(struct bl_engine *engine, struct bl_reference *reference,
		    const struct world *world, size_t i)
{
	struct random random = {world->pods[i]};
	bl_autofree char *text = world_pod(&random, i);

	put_yaml(engine, reference, text);
}

static void fill(struct bl_engine *engine, struct bl_reference *reference,
		 const struct world *world)
{
	for (size_t i = 0; i < sizeof(world_objects) / sizeof(world_objects[0]); i++)
		put_yaml(engine, reference, world_objects[i]);
	put_yaml(engine, reference, world_host_pod);
	for (size_t i = 0; i < N_PODS; i++)
		put_pod(engine, reference, world, i);
	for (size_t i = 0; i < N_SLOTS; i++) {
		if (world->policies[i] && engine)
			bl_engine_put_policy(engine, policy_of(world, i));
		if (world->policies[i] && reference)
			bl_reference_put_policy(reference, policy_of(world, i));
	}
}

static struct world random_world(struct random *random)
{
	struct world world;

	for (size_t i = 0; i < N_PODS; i++)
		world.pods[i] = draw_seed(random);
	for (size_t i = 0; i < N_SLOTS; i++)
		world.policies[i] = random_below(random, 4) ? draw_seed(random) : 0;
	return world;
}

struct flow {
	const char *at, *who;
	enum bl_policy_direction direction;
	uint8_t protocol;
	uint16_t port;
};

static struct flow random_flow(struct random *random)
{
	return (struct flow){
		.at = RANDOM_OF(random, world_pods),
		.who = RANDOM_OF(random, world_peers),
		.direction = (enum bl_policy_direction)random_below(random, 2),
		.protocol = RANDOM_OF(random, world_protocols),
		.port = random_below(random, 4) ? RANDOM_OF(random, world_ports)
						: (uint16_t)random_below(random, 65536),
	};
}

static const struct bl_policy_row *look_up(const struct bl_engine *engine, const struct flow *flow,
					   const struct bl_policy_rows *rows)
{
	struct bl_engine_party party;

	assert_int_equal(bl_engine_find(engine, flow->who, flow->at, &party, &err), 0);
	return bl_policy_lookup(rows, party.identity, flow->direction, flow->protocol, flow->port);
}

/* The rule that the reference names has to be the entry's, or one of the same rank. */
static bool same_rule(const struct bl_engine *engine, const struct bl_policy_row *row,
		      const struct bl_reference_answer *answer)
{
	const char *text = bl_engine_rule(engine, row->entry.cookie);
	bl_autofree char *mine = NULL;

	if (!answer->rule)
		return row->entry.cookie <= BL_RULE_DEFAULT;
	mine = bl_format("%s %s", answer->policy->name, answer->rule->path);
	return row->entry.cookie > BL_RULE_DEFAULT && text &&
	       (strcmp(text, mine) == 0 ||
		!!row->entry.deny == (answer->rule->verdict == BL_RULE_DENY));
}

static void compare(const struct bl_engine *engine, const struct bl_reference *reference,
		    const struct flow *flow, const char *where)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, flow->at);
	struct bl_reference_answer answer;
	enum bl_reference_verdict verdict = BL_REFERENCE_ALLOWED;
	const struct bl_policy_row *row;

	assert_non_null(rows);
	assert_null(bl_engine_error(engine, flow->at));
	row = look_up(engine, flow, rows);
	if (!row || row->entry.deny)
		verdict = BL_REFERENCE_DENIED;
	else if (!rows->default_deny[flow->direction])
		verdict = BL_REFERENCE_UNENFORCED;
	assert_int_equal(bl_reference_judge(reference, flow->at, flow->direction, flow->who,
					    flow->protocol, flow->port, &answer, &err),
			 0);
	if (verdict != answer.verdict || (row && !same_rule(engine, row, &answer)))
		fail_msg("%s: %s %s %s, protocol %u port %u: engine %d by '%s', reference %d by "
			 "'%s %s'",
			 where, flow->at, flow->direction == BL_INGRESS ? "from" : "to", flow->who,
			 flow->protocol, flow->port, verdict,
			 row ? bl_engine_rule(engine, row->entry.cookie) : "nothing",
			 answer.verdict, answer.policy ? answer.policy->name : "-",
			 answer.rule ? answer.rule->path : "-");
	n_cases++;
	n_denied += verdict == BL_REFERENCE_DENIED;
	n_allowed += verdict == BL_REFERENCE_ALLOWED;
}

/* Keys are sorted and stand once, and no entry says what the broader one says. */
static void check_rows(const struct bl_policy_rows *rows)
{
	for (size_t i = 0; i < rows->n_items; i++) {
		const struct bl_policy_key *key = &rows->items[i].key;

		assert_in_range(key->prefixlen, BL_POLICY_PREFIX_FIXED, BL_POLICY_PREFIX_FULL);
		assert_true(key->prefixlen > BL_POLICY_PREFIX_FIXED || key->protocol == 0);
		for (size_t k = i + 1; k < rows->n_items; k++)
			assert_memory_not_equal(key, &rows->items[k].key, sizeof(*key));
	}
	n_rows += rows->n_items;
}

static void compare_all(const struct bl_engine *engine, const struct world *world,
			struct random *random, size_t n_flows, const char *where)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_reference struct bl_reference *reference = bl_reference_new(&options);

	fill(NULL, reference, world);
	for (size_t i = 0; i < n_flows; i++) {
		struct flow flow = random_flow(random);

		compare(engine, reference, &flow, where);
	}
	for (size_t i = 0; i < N_PODS; i++)
		check_rows(bl_engine_rows(engine, world_pods[i]));
}

static void test_worlds(void **state)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	struct random random = {SEED};

	print_message("# seed %u\n", SEED);
	for (size_t i = 0; i < WORLDS; i++) {
		bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
		bl_autofree char *where = bl_format("world %zu", i);
		struct world world = random_world(&random);
		struct bl_engine_changes changes;

		fill(engine, NULL, &world);
		assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
		compare_all(engine, &world, &random, FLOWS, where);
	}
	print_message("# %zu cases: %zu denied, %zu allowed, %zu rows\n", n_cases, n_denied,
		      n_allowed, n_rows);
	assert_true(n_cases >= 100000 && n_denied > n_cases / 10 && n_allowed > n_cases / 10);
}

/* ---- histories ---------------------------------------------------------------------------------- */

#define PROBES 60

/* What the kernel holds that is told the changes alone. */
struct mirror {
	struct bl_policy_rows rows[N_PODS];
	struct bl_ipcache_row *prefixes;
	size_t n_prefixes;
};

/* A flow with an address, and how it was judged at moments of one change. */
struct probe {
	struct flow flow;
	struct bl_addr addr;
	bool before, between[16], after;
	size_t n_between;
};

static void copy_rows(const struct bl_policy_rows *from, struct bl_policy_rows *to)
{
	free(to->items);
	*to = *from;
	to->items = bl_alloc(from->n_items * sizeof(*from->items));
	for (size_t i = 0; i < from->n_items; i++)
		to->items[i] = from->items[i];
}

static void follow_prefix(struct mirror *mirror, const struct bl_ipcache_row *change)
{
	size_t i = 0;

	while (i < mirror->n_prefixes &&
	       memcmp(&mirror->prefixes[i].key, &change->key, sizeof(change->key)) != 0)
		i++;
	if (change->identity == 0) {
		assert_true(i < mirror->n_prefixes);
		mirror->prefixes[i] = mirror->prefixes[--mirror->n_prefixes];
		return;
	}
	if (i == mirror->n_prefixes)
		mirror->prefixes =
			bl_realloc(mirror->prefixes, ++mirror->n_prefixes * sizeof(*change));
	else
		assert_int_not_equal(mirror->prefixes[i].identity, change->identity);
	mirror->prefixes[i] = *change;
}

static size_t pod_index(const char *name)
{
	size_t i = 0;

	while (strcmp(world_pods[i], name) != 0)
		i++;
	return i;
}

static bool holds(const struct bl_ipcache_row *row, const struct bl_addr *addr)
{
	for (uint32_t bit = 0; bit < row->key.prefixlen; bit++)
		if ((row->key.addr[bit / 8] ^ addr->bytes[bit / 8]) & (0x80 >> bit % 8))
			return false;
	return true;
}

/* Is the packet let through by what the kernel holds? */
static bool passes(const struct mirror *mirror, const struct probe *probe)
{
	const struct bl_policy_rows *rows = &mirror->rows[pod_index(probe->flow.at)];
	const struct bl_ipcache_row *best = NULL;
	const struct bl_policy_row *row;

	for (size_t i = 0; i < mirror->n_prefixes; i++)
		if (holds(&mirror->prefixes[i], &probe->addr) &&
		    (!best || mirror->prefixes[i].key.prefixlen > best->key.prefixlen))
			best = &mirror->prefixes[i];
	row = bl_policy_lookup(rows, best ? best->identity : 0, probe->flow.direction,
			       probe->flow.protocol, probe->flow.port);
	return row && !row->entry.deny;
}

static void draw_probes(struct random *random, const struct mirror *mirror, struct probe *probes)
{
	for (size_t i = 0; i < PROBES; i++) {
		struct probe *probe = &probes[i];

		do
			probe->flow = random_flow(random);
		while (bl_addr_parse(probe->flow.who, &probe->addr, NULL) < 0);
		probe->before = passes(mirror, probe);
		probe->n_between = 0;
	}
}

static void probe_between(const struct mirror *mirror, struct probe *probes)
{
	for (size_t i = 0; i < PROBES; i++)
		if (probes[i].n_between < sizeof(probes[i].between))
			probes[i].between[probes[i].n_between++] = passes(mirror, &probes[i]);
}

/* At no moment was a packet judged otherwise than before or after. */
static void check_probes(const struct mirror *mirror, const struct probe *probes, const char *where)
{
	for (size_t i = 0; i < PROBES; i++) {
		const struct probe *probe = &probes[i];
		bool after = passes(mirror, probe);

		for (size_t k = 0; k < probe->n_between; k++)
			if (probe->between[k] != probe->before && probe->between[k] != after)
				fail_msg("%s: %s %s %s, protocol %u port %u: %s at moment %zu",
					 where, probe->flow.at,
					 probe->flow.direction == BL_INGRESS ? "from" : "to",
					 probe->flow.who, probe->flow.protocol, probe->flow.port,
					 probe->between[k] ? "passes" : "dropped", k);
	}
}

/* In the order that engine.h demands, looking in between. */
static void apply(struct mirror *mirror, const struct bl_engine *engine,
		  const struct bl_engine_changes *changes, struct probe *probes)
{
	for (size_t i = 0; i < changes->n_endpoints; i++)
		copy_rows(bl_engine_rows(engine, changes->endpoints[i]),
			  &mirror->rows[pod_index(changes->endpoints[i])]);
	probe_between(mirror, probes);
	for (size_t i = 0; i < changes->n_prefixes; i++) {
		follow_prefix(mirror, &changes->prefixes[i]);
		if (i == changes->n_prefixes / 2)
			probe_between(mirror, probes);
	}
	probe_between(mirror, probes);
}

/* What was told is all that there is. */
static void check_mirror(const struct mirror *mirror, const struct bl_engine *engine)
{
	const struct bl_ipcache_row *rows;
	size_t n;

	bl_engine_prefixes(engine, &rows, &n);
	assert_int_equal(n, mirror->n_prefixes);
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < n && memcmp(&rows[i], &mirror->prefixes[k], sizeof(rows[i])) != 0)
			k++;
		assert_true(k < n);
	}
	for (size_t i = 0; i < N_PODS; i++) {
		const struct bl_policy_rows *now = bl_engine_rows(engine, world_pods[i]);

		assert_int_equal(now->n_items, mirror->rows[i].n_items);
		for (size_t k = 0; k < now->n_items; k++)
			assert_memory_equal(&now->items[k], &mirror->rows[i].items[k],
					    sizeof(now->items[k]));
	}
}

static void update(struct mirror *mirror, struct bl_engine *engine, struct probe *probes)
{
	struct bl_engine_changes changes = {.again = true};
	size_t n_rounds = 0;

	while (changes.again) {
		assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
		apply(mirror, engine, &changes, probes);
		assert_true(++n_rounds <= 5);
	}
	check_mirror(mirror, engine);
}

/* One thing becomes another. */
static void step(struct bl_engine *engine, struct world *world, struct random *random)
{
	size_t pod = random_below(random, N_PODS), slot = random_below(random, N_SLOTS);
	bl_autofree char *name = bl_format("policy%zu", slot);

	if (random_below(random, 3) == 0) {
		world->pods[pod] = draw_seed(random);
		put_pod(engine, NULL, world, pod);
	} else if (random_below(random, 3) == 0) {
		world->policies[slot] = 0;
		bl_engine_remove(engine, "CiliumClusterwideNetworkPolicy", NULL, name);
	} else {
		world->policies[slot] = draw_seed(random);
		bl_engine_put_policy(engine, policy_of(world, slot));
	}
}

static void run_history(struct random *random, size_t number)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	struct world world = random_world(random);
	struct mirror mirror = {0};
	static struct probe probes[PROBES];

	fill(engine, NULL, &world);
	draw_probes(random, &mirror, probes);
	update(&mirror, engine, probes);
	for (size_t i = 0; i < STEPS; i++) {
		bl_autofree char *where = bl_format("history %zu step %zu", number, i);

		draw_probes(random, &mirror, probes);
		step(engine, &world, random);
		update(&mirror, engine, probes);
		check_probes(&mirror, probes, where);
		compare_all(engine, &world, random, 40, where);
	}
	for (size_t i = 0; i < N_PODS; i++)
		free(mirror.rows[i].items);
	free(mirror.prefixes);
}

static void test_histories(void **state)
{
	struct random random = {SEED + 1};

	for (size_t i = 0; i < HISTORIES; i++)
		run_history(&random, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worlds),
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
