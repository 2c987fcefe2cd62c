// SPDX-License-Identifier: Apache-2.0
/*
 * Policies as the engine compiles them, and what the reference says of flows: lines for test_engine.py,
 * which asks the programs. Random ones ("random WORLDS FLOWS"), or each of a small universe ("universe").
 * The structs are written as they lie in memory.
 *
 *   world                              what follows is another one
 *   prefix KEY IDENTITY                of the ipcache
 *   row KEY ENTRY                      of the endpoint
 *   flow EGRESS ADDRESS PROTOCOL PORT ALLOWED
 */
#include "../unit/unit_universe.h"

#define SEED 20261122u
/* Source ports of the flows, which are no destination's: so no flow is another one's reply. */
#define SPORTS_FIRST 60000
#define SPORTS       1000

#define N_PODS (sizeof(world_pods) / sizeof(world_pods[0]))

/* The node is the endpoint's, as each endpoint's ipcache has it. */
static const struct bl_engine_options options = {.node = "n0", .all_are_endpoints = true};

struct world {
	const char *at; /* the endpoint that judges */
	struct bl_engine *engine;
	struct bl_reference *reference;
};

static void print_bytes(const void *bytes, size_t len)
{
	putchar(' ');
	for (const uint8_t *byte = bytes, *end = byte + len; byte < end; byte++)
		printf("%02x", *byte);
}

static void put(const struct world *world, const char *text)
{
	bl_auto_json struct cJSON *list = parse_yaml(text);

	assert_int_equal(bl_engine_put(world->engine, bl_json_first(list), NULL), 0);
	assert_int_equal(bl_reference_put(world->reference, bl_json_first(list), NULL), 0);
}

static void update(struct bl_engine *engine)
{
	struct bl_engine_changes changes = {.again = true};

	while (changes.again)
		assert_int_equal(bl_engine_update(engine, &changes, NULL), 0);
}

static void put_policies(const struct world *world, struct random *random)
{
	for (unsigned int n = 1 + random_below(random, 4); n > 0; n--) {
		struct random seed = {1 + random_below(random, 1u << 30)}, again = seed;
		bl_autofree char *name = bl_format("policy%u", n);

		bl_engine_put_policy(world->engine, random_policy(&seed, name));
		bl_reference_put_policy(world->reference, random_policy(&again, name));
	}
}

static void fill(const struct world *world, struct random *random)
{
	for (size_t i = 0; i < sizeof(world_objects) / sizeof(world_objects[0]); i++)
		put(world, world_objects[i]);
	for (size_t i = 0; i < N_PODS; i++) {
		bl_autofree char *text = world_pod(random, i);

		put(world, text);
	}
	put_policies(world, random);
	update(world->engine);
}

static void print_entries(const struct world *world)
{
	const struct bl_policy_rows *rows = bl_engine_rows(world->engine, world->at);
	const struct bl_ipcache_row *prefixes;
	size_t n;

	puts("world");
	bl_engine_prefixes(world->engine, &prefixes, &n);
	for (size_t i = 0; i < n; i++) {
		fputs("prefix", stdout);
		print_bytes(&prefixes[i].key, sizeof(prefixes[i].key));
		print_bytes(&prefixes[i].identity, sizeof(prefixes[i].identity));
		putchar('\n');
	}
	for (size_t i = 0; i < rows->n_items; i++) {
		fputs("row", stdout);
		print_bytes(&rows->items[i].key, sizeof(rows->items[i].key));
		print_bytes(&rows->items[i].entry, sizeof(rows->items[i].entry));
		putchar('\n');
	}
}

/* By the address's family; of ICMP the request that opens a connection. */
static uint8_t draw_protocol(struct random *random, bool v4, uint16_t *ret_port)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
	uint8_t protocol = RANDOM_OF(random, protocols);

	do
		*ret_port = random_below(random, 3) ? RANDOM_OF(random, world_ports)
						    : (uint16_t)random_below(random, 65536);
	while (*ret_port >= SPORTS_FIRST && *ret_port < SPORTS_FIRST + SPORTS);
	if (protocol != IPPROTO_ICMP)
		return protocol;
	*ret_port = v4 ? 8 : 128;
	return v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static void print_flow(const struct world *world, enum bl_policy_direction direction,
		       const char *who, uint8_t protocol, uint16_t port)
{
	struct bl_reference_answer answer;

	assert_int_equal(bl_reference_judge(world->reference, world->at, direction, who, protocol,
					    port, &answer, NULL),
			 0);
	printf("flow %d %s %u %u %d\n", direction == BL_EGRESS, who, protocol, port,
	       answer.verdict != BL_REFERENCE_DENIED);
}

static void print_random_flow(const struct world *world, struct random *random)
{
	enum bl_policy_direction direction = (enum bl_policy_direction)random_below(random, 2);
	struct bl_addr addr;
	const char *who;
	uint16_t port;
	uint8_t protocol;

	do
		who = RANDOM_OF(random, world_peers);
	while (bl_addr_parse(who, &addr, NULL) < 0);
	protocol = draw_protocol(random, bl_addr_is_v4(&addr), &port);
	print_flow(world, direction, who, protocol, port);
}

static void print_random(unsigned int n_worlds, unsigned int n_flows)
{
	struct random random = {SEED};

	while (n_worlds-- > 0) {
		struct world world = {"a/p0", bl_engine_new(&options), bl_reference_new(&options)};

		fill(&world, &random);
		print_entries(&world);
		for (unsigned int i = 0; i < n_flows; i++)
			print_random_flow(&world, &random);
		bl_engine_free(world.engine);
		bl_reference_free(world.reference);
	}
}

/* Of a pod its address stands for it. ICMP is of the peer's family. */
static void print_universe_flows(const struct world *world)
{
	for (size_t i = 0; i < sizeof(universe_peers) / sizeof(universe_peers[0]); i++) {
		const char *who = i == 0 ? "10.0.0.2" : universe_peers[i];
		bool v4 = !strchr(who, ':');

		for (size_t k = 0; k < sizeof(universe_packets) / sizeof(universe_packets[0]);
		     k++) {
			bool icmp = universe_packets[k].protocol == IPPROTO_ICMP;

			print_flow(world, BL_INGRESS, who,
				   icmp && !v4 ? IPPROTO_ICMPV6 : universe_packets[k].protocol,
				   icmp && !v4 ? 128 : universe_packets[k].port);
		}
	}
}

static void print_universe_policy(struct bl_engine *engine, unsigned int first, unsigned int second)
{
	struct world world = {"a/web", engine, bl_reference_new(&options)};
	bool deny = (first + second) % 5;

	put(&world, universe_objects[0]);
	put(&world, universe_objects[1]);
	bl_engine_put_policy(engine, universe_policy(first, second, deny));
	bl_reference_put_policy(world.reference, universe_policy(first, second, deny));
	update(engine);
	print_entries(&world);
	print_universe_flows(&world);
	bl_reference_free(world.reference);
}

static void print_universe(void)
{
	struct bl_engine *engine = bl_engine_new(&options);

	for (unsigned int first = 0; first < UNIVERSE_RULES; first++)
		for (unsigned int second = first; second < UNIVERSE_RULES; second++)
			print_universe_policy(engine, first, second);
	bl_engine_free(engine);
}

static unsigned int number(const char *text)
{
	return (unsigned int)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "random") == 0)
		print_random(number(argv[2]), number(argv[3]));
	else if (argc == 2 && strcmp(argv[1], "universe") == 0)
		print_universe();
	else
		return 2;
	return 0;
}
