// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent writes into the datapath's maps and reads from them: entries of endpoints, their
 * counters, and the ring of events. An entry is always written whole, in one update, so a program
 * sees the old or the new value of a field, and flags of an entry that is being set up stay clear.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "datapath.skel.h"
#include "rcu.h"

static int write_entry(const struct bpf_map *map, uint32_t key, const void *value,
		       struct bl_err *err)
{
	int r = bpf_map_update_elem(bpf_map__fd(map), &key, value, BPF_ANY);

	if (r < 0)
		return bl_fail_errno(err, r, "writing entry %u of map '%s'", key,
				     bpf_map__name(map));
	return 0;
}

static int read_entry(const struct bpf_map *map, uint32_t key, void *value, struct bl_err *err)
{
	int r = bpf_map_lookup_elem(bpf_map__fd(map), &key, value);

	if (r < 0)
		return bl_fail_errno(err, r, "reading entry %u of map '%s'", key,
				     bpf_map__name(map));
	return 0;
}

int datapath_write_endpoint(struct datapath *datapath, uint32_t index,
			    const struct bl_endpoint *entry, struct bl_err *err)
{
	return write_entry(datapath->skeleton->maps.bl_endpoints, index, entry, err);
}

int datapath_read_endpoint(struct datapath *datapath, uint32_t index, struct bl_endpoint *ret_entry,
			   struct bl_err *err)
{
	return read_entry(datapath->skeleton->maps.bl_endpoints, index, ret_entry, err);
}

int datapath_write_lease(struct datapath *datapath, uint32_t index, const struct bl_lease *lease,
			 struct bl_err *err)
{
	return write_entry(datapath->skeleton->maps.bl_leases, index, lease, err);
}

int datapath_read_lease(struct datapath *datapath, uint32_t index, struct bl_lease *ret_lease,
			struct bl_err *err)
{
	return read_entry(datapath->skeleton->maps.bl_leases, index, ret_lease, err);
}

int datapath_write_nexthop(struct datapath *datapath, uint32_t index, enum bl_family family,
			   const uint8_t mac[6], struct bl_err *err)
{
	struct bl_nexthop nexthop = {.word = 0};

	if (mac) {
		memcpy(nexthop.mac, mac, sizeof(nexthop.mac));
		nexthop.known = 1;
	}
	return write_entry(datapath->skeleton->maps.bl_nexthops, index * BL_FAMILIES + family,
			   &nexthop, err);
}

int datapath_read_nexthop(struct datapath *datapath, uint32_t index, enum bl_family family,
			  struct bl_nexthop *ret_nexthop, struct bl_err *err)
{
	return read_entry(datapath->skeleton->maps.bl_nexthops, index * BL_FAMILIES + family,
			  ret_nexthop, err);
}

/* Calls fn with each key that an endpoint can have. There are a few dozen, whereas a walk through the
 * map meets those of all endpoints. */
static int for_each_verdict(uint32_t index,
			    int (*fn)(int fd, struct bl_verdict_key *key, void *data), int fd,
			    void *data)
{
	static const uint8_t reasons[] = {
#define X(name, number, text) (number),
		BL_REASONS(X)
#undef X
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < BL_DIRECTIONS_MAX * sizeof(reasons); i++) {
		struct bl_verdict_key key = {
			.endpoint = (uint16_t)index,
			.direction = (uint8_t)(i / sizeof(reasons)),
			.reason = reasons[i % sizeof(reasons)],
		};

		r = fn(fd, &key, data);
	}
	return r;
}

static int delete_verdict(int fd, struct bl_verdict_key *key, void *data)
{
	int r = bpf_map_delete_elem(fd, key);

	return r < 0 && r != -ENOENT ? r : 0;
}

static int clear_verdicts(struct datapath *datapath, uint32_t index, struct bl_err *err)
{
	int fd = bpf_map__fd(datapath->skeleton->maps.bl_verdicts);
	int r = for_each_verdict(index, delete_verdict, fd, NULL);

	return r < 0 ? bl_fail_errno(err, r, "deleting a counter") : 0;
}

/* Both wait for programs that still look into the share; see rcu.h. */
static int write_share(struct datapath *datapath, uint32_t index, int fd, struct bl_err *err)
{
	bool hurried = rcu_hurry(datapath->hurry);
	int r = write_entry(datapath->skeleton->maps.bl_conntrack, index, &fd, err);

	rcu_relax(datapath->hurry, hurried);
	return r;
}

static int remove_share(struct datapath *datapath, uint32_t index, struct bl_err *err)
{
	int conntrack = bpf_map__fd(datapath->skeleton->maps.bl_conntrack);
	uint32_t id;
	bool hurried;
	int r;

	if (bpf_map_lookup_elem(conntrack, &index, &id) < 0)
		return 0;
	hurried = rcu_hurry(datapath->hurry);
	r = bpf_map_delete_elem(conntrack, &index);
	rcu_relax(datapath->hurry, hurried);
	return r < 0 ? bl_fail_errno(err, r, "removing conntrack share %u", index) : 0;
}

/* The size of the share that stands at an index; 0: none. */
static uint32_t share_sets(int conntrack, uint32_t index)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), id;
	bl_autoclose int fd = -1;

	if (bpf_map_lookup_elem(conntrack, &index, &id) < 0)
		return 0;
	fd = bpf_map_get_fd_by_id(id);
	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.max_entries : 0;
}

/* With its types, so that bpftool and a later release can read it. */
static int new_share(struct datapath *datapath, uint32_t sets)
{
	const struct bpf_object *object = datapath->skeleton->obj;
	const struct btf *btf = bpf_object__btf(object);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP,
		    .btf_fd = (uint32_t)bpf_object__btf_fd(object),
		    .btf_key_type_id = (uint32_t)btf__find_by_name(btf, "__u32"),
		    .btf_value_type_id = (uint32_t)btf__find_by_name(btf, "bl_ct_set"));

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "bl_ct_share", sizeof(uint32_t),
			      sizeof(struct bl_ct_set), sets, &opts);
}

int datapath_make_share(struct datapath *datapath, uint32_t index, uint32_t sets,
			struct bl_err *err)
{
	bl_autoclose int fd = new_share(datapath, sets);

	if (fd < 0)
		return bl_fail_errno(err, fd, "making conntrack share %u", index);
	return write_share(datapath, index, fd, err);
}

int datapath_make_conntrack(struct datapath *datapath, uint32_t index, uint32_t sets,
			    uint32_t *ret_sets, struct bl_err *err)
{
	uint32_t before = share_sets(bpf_map__fd(datapath->skeleton->maps.bl_conntrack), index);
	int r = before < sets ? datapath_make_share(datapath, index, sets, err) : 0;

	if (r == 0)
		*ret_sets = before < sets ? sets : before;
	return r;
}

static int clear_openings(struct datapath *datapath, uint32_t index, struct bl_err *err)
{
	static const struct bl_handshakes no_handshakes;
	bl_autofree void *zeroes = bl_alloc((size_t)datapath->n_cpus * sizeof(struct bl_tally));
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < BL_VM_DIRECTIONS; i++) {
		uint32_t key = index * BL_VM_DIRECTIONS + i;

		r = write_entry(datapath->skeleton->maps.bl_tallies, key, zeroes, err);
		if (r == 0)
			r = write_entry(datapath->skeleton->maps.bl_handshakes, key, &no_handshakes,
					err);
	}
	return r;
}

int datapath_clear(struct datapath *datapath, uint32_t index, struct bl_err *err)
{
	static const struct bl_endpoint no_endpoint;
	static const struct bl_lease no_lease;
	static const uint64_t never;
	bl_autofree void *zeroes = bl_alloc((size_t)datapath->n_cpus * sizeof(struct bl_counter));
	int r = datapath_write_endpoint(datapath, index, &no_endpoint, err);

	if (r == 0)
		r = datapath_write_lease(datapath, index, &no_lease, err);
	for (int family = 0; r == 0 && family < BL_FAMILIES; family++)
		r = datapath_write_nexthop(datapath, index, family, NULL, err);
	for (uint32_t i = 0; r == 0 && i < BL_DIRECTIONS_MAX; i++)
		r = write_entry(datapath->skeleton->maps.bl_traffic, index * BL_DIRECTIONS_MAX + i,
				zeroes, err);
	if (r == 0)
		r = write_entry(datapath->skeleton->maps.bl_lost, index, zeroes, err);
	if (r == 0)
		r = clear_openings(datapath, index, err);
	if (r == 0)
		r = write_entry(datapath->skeleton->maps.bl_answered, index, &never, err);
	if (r == 0)
		r = remove_share(datapath, index, err);
	if (r == 0)
		r = datapath_remove_policy(datapath, index, err);
	return r == 0 ? clear_verdicts(datapath, index, err) : r;
}

struct bl_counter datapath_sum(const struct bl_counter *counters, int n)
{
	struct bl_counter total = {0};

	for (int i = 0; i < n; i++) {
		total.packets += counters[i].packets;
		total.bytes += counters[i].bytes;
	}
	return total;
}

int datapath_traffic(struct datapath *datapath, uint32_t index, enum bl_direction direction,
		     struct bl_counter *ret_counter, struct bl_err *err)
{
	bl_autofree struct bl_counter *counters =
		bl_alloc((size_t)datapath->n_cpus * sizeof(*counters));
	int r = read_entry(datapath->skeleton->maps.bl_traffic,
			   index * BL_DIRECTIONS_MAX + direction, counters, err);

	if (r == 0)
		*ret_counter = datapath_sum(counters, datapath->n_cpus);
	return r;
}

struct verdicts {
	void (*fn)(const struct bl_verdict_key *key, const struct bl_counter *counter, void *data);
	void *data;
	struct bl_counter *counters; /* one per CPU */
	int n_cpus;
};

static int read_verdict(int fd, struct bl_verdict_key *key, void *data)
{
	struct verdicts *v = data;
	struct bl_counter total;

	if (bpf_map_lookup_elem(fd, key, v->counters) < 0)
		return 0;
	total = datapath_sum(v->counters, v->n_cpus);
	v->fn(key, &total, v->data);
	return 0;
}

int datapath_verdicts(struct datapath *datapath, uint32_t index,
		      void (*fn)(const struct bl_verdict_key *key, const struct bl_counter *counter,
				 void *data),
		      void *data, struct bl_err *err)
{
	bl_autofree struct bl_counter *counters =
		bl_alloc((size_t)datapath->n_cpus * sizeof(*counters));
	struct verdicts v = {
		.fn = fn, .data = data, .counters = counters, .n_cpus = datapath->n_cpus};

	return for_each_verdict(index, read_verdict,
				bpf_map__fd(datapath->skeleton->maps.bl_verdicts), &v);
}

int datapath_lost(struct datapath *datapath, uint32_t index, uint64_t *ret_lost, struct bl_err *err)
{
	bl_autofree uint64_t *counts = bl_alloc((size_t)datapath->n_cpus * sizeof(*counts));
	int r = read_entry(datapath->skeleton->maps.bl_lost, index, counts, err);

	if (r < 0)
		return r;
	*ret_lost = 0;
	for (int i = 0; i < datapath->n_cpus; i++)
		*ret_lost += counts[i];
	return 0;
}

/* Epoch 0 is of connections that nobody judged: the present one is another. */
static int write_config(struct datapath *datapath, struct bl_config *config, struct bl_err *err)
{
	if (config->epoch == 0)
		config->epoch = 1;
	return write_entry(datapath->skeleton->maps.bl_config, 0, config, err);
}

int datapath_bump_epoch(struct datapath *datapath, struct bl_err *err)
{
	struct bl_config config;
	int r = read_entry(datapath->skeleton->maps.bl_config, 0, &config, err);

	config.epoch++;
	return r < 0 ? r : write_config(datapath, &config, err);
}

int datapath_epoch(struct datapath *datapath, uint32_t *ret_epoch, struct bl_err *err)
{
	struct bl_config config;
	int r = read_entry(datapath->skeleton->maps.bl_config, 0, &config, err);

	if (r == 0)
		*ret_epoch = config.epoch;
	return r;
}

int datapath_sample(struct datapath *datapath, bool events, uint32_t sample, struct bl_err *err)
{
	struct bl_config config;
	int r = read_entry(datapath->skeleton->maps.bl_config, 0, &config, err);

	if (r < 0)
		return r;
	config.version = BL_ABI_VERSION;
	config.sample = sample;
	config.events = events;
	return write_config(datapath, &config, err);
}

struct datapath_ring {
	struct ring_buffer *ring;
	void (*fn)(const struct bl_event *event, void *data);
	void *data;
};

static int on_record(void *context, void *record, size_t size)
{
	struct datapath_ring *ring = context;

	if (size >= sizeof(struct bl_event))
		ring->fn(record, ring->data);
	return 0;
}

int datapath_ring_new(struct datapath *datapath,
		      void (*fn)(const struct bl_event *event, void *data), void *data,
		      struct datapath_ring **ret_ring, struct bl_err *err)
{
	bl_autofree struct datapath_ring *ring = bl_alloc(sizeof(*ring));

	ring->fn = fn;
	ring->data = data;
	ring->ring = ring_buffer__new(bpf_map__fd(datapath->skeleton->maps.bl_events), on_record,
				      ring, NULL);
	if (!ring->ring)
		return bl_fail_errno(err, -errno, "mapping the ring of events");
	*ret_ring = bl_take_ptr(ring);
	return 0;
}

void datapath_ring_free(struct datapath_ring *ring)
{
	if (!ring)
		return;
	ring_buffer__free(ring->ring);
	free(ring);
}

int datapath_ring_fd(const struct datapath_ring *ring)
{
	return ring_buffer__epoll_fd(ring->ring);
}

int datapath_ring_read(struct datapath_ring *ring, struct bl_err *err)
{
	int r = ring_buffer__consume(ring->ring);

	return r < 0 ? bl_fail_errno(err, r, "reading the ring of events") : 0;
}
