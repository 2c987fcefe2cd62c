// SPDX-License-Identifier: Apache-2.0
/* Bursts and their cost; see measure.h. */
#include "measure.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <beeline/loop.h>

#include "stats.h"

#define FRAME_MAX      65536
#define SETTLE_TRIES   100
#define SETTLE_MS      100
#define CONNECT_BURSTS 3

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Reads the tap until `want` frames of that length came or nothing is left. */
static unsigned int take(const struct lane *lane, size_t len, unsigned int want)
{
	unsigned char buffer[FRAME_TAP_HEADER + FRAME_MAX];
	unsigned int taken = 0;
	ssize_t n;

	while (taken < want && (n = read(lane->tap_fd, buffer, sizeof(buffer))) >= 0)
		taken += (size_t)n == FRAME_TAP_HEADER + len;
	return taken;
}

static unsigned int send_burst(const struct lane *lane, const struct frames *frames)
{
	int fd = frames->load == LOAD_GSO ? lane->gso_fd : lane->packet_fd;
	struct mmsghdr messages[FRAME_BURST] = {0};
	struct iovec parts[FRAME_BURST];
	unsigned int sent = 0;
	int n;

	for (unsigned int i = 0; i < FRAME_BURST; i++) {
		parts[i] = (struct iovec){frames_at(frames, i), frames->header + frames->len};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (sent < FRAME_BURST && (n = sendmmsg(fd, messages + sent, FRAME_BURST - sent, 0)) > 0)
		sent += (unsigned int)n;
	return sent;
}

/* One burst; *ret_ns is per frame. Returns how many frames were lost. */
static unsigned int burst_to_guest(const struct lane *lane, const struct frames *frames,
				   double *ret_ns)
{
	uint64_t start = cpu_ns();
	unsigned int sent = send_burst(lane, frames);
	unsigned int taken = take(lane, frames->len, sent);

	*ret_ns = (double)(cpu_ns() - start) / FRAME_BURST;
	take(lane, 0, FRAME_BURST); /* what another burst or the kernel left */
	return FRAME_BURST - taken;
}

static unsigned int burst_from_guest(const struct lane *lane, const struct frames *frames,
				     double *ret_ns)
{
	uint64_t packets = lane->sink->packets, bytes = lane->sink->bytes;
	uint64_t start = cpu_ns();
	ssize_t n = 0;

	for (unsigned int i = 0; i < FRAME_BURST && n >= 0; i++)
		n = write(lane->tap_fd, frames_at(frames, i), frames->header + frames->len);
	*ret_ns = (double)(cpu_ns() - start) / FRAME_BURST;
	packets = lane->sink->packets - packets;
	bytes = lane->sink->bytes - bytes;
	/* fewer, or not as long as they were */
	return bytes == FRAME_BURST * frames->len && packets == FRAME_BURST
		       ? 0
		       : FRAME_BURST - (unsigned int)(packets % FRAME_BURST);
}

static unsigned int burst(struct lane *lane, enum way way, enum load load, double *ret_ns)
{
	struct frames *frames = &lane->frames[way][load];

	if (load == LOAD_FLOWS) {
		frames_set_flows(frames, lane->flow[way]);
		lane->flow[way] += FRAME_BURST;
	}
	return way == TO_GUEST ? burst_to_guest(lane, frames, ret_ns)
			       : burst_from_guest(lane, frames, ret_ns);
}

/* A whole burst of SYNs, and then of answers. What follows is not measured: the connections end, so that
 * no table fills up. */
static unsigned int burst_connections(struct lane *lane, double *ret_ns)
{
	struct frames *syns = &lane->frames[TO_GUEST][LOAD_CONNECT];
	double syn_ns, answer_ns, end_ns;
	unsigned int lost;

	for (int way = 0; way < WAYS; way++)
		frames_set_connections(&lane->frames[way][LOAD_CONNECT], lane->connections);
	lane->connections += FRAME_BURST;
	lost = burst_to_guest(lane, syns, &syn_ns);
	lost += burst_from_guest(lane, &lane->frames[FROM_GUEST][LOAD_CONNECT], &answer_ns);
	*ret_ns = syn_ns + answer_ns;
	frames_set_reset(syns, true);
	lost += burst_to_guest(lane, syns, &end_ns);
	frames_set_reset(syns, false);
	return lost;
}

/* Does the lane do with a stranger what it is to do? Then what was measured is what it says. */
static int try_stranger(struct lane *lane, struct bl_err *err)
{
	unsigned int expected = lane->variant->policy ? FRAME_BURST : 0, lost;
	double ns;

	for (int way = 0; way < WAYS; way++) {
		struct frames *frames = &lane->frames[way][LOAD_FLOWS];

		frames_set_stranger(frames);
		lost = way == TO_GUEST ? burst_to_guest(lane, frames, &ns)
				       : burst_from_guest(lane, frames, &ns);
		if (lost != expected)
			return bl_fail(err, -EPROTO,
				       "%s, %s: a stranger loses %u of %d frames, not %u",
				       lane->name, way_names[way], lost, FRAME_BURST, expected);
	}
	return 0;
}

static int try_strangers(struct lane lanes[LANES], struct bl_err *err)
{
	int r = 0;

	for (int i = 0; i < LANES && r == 0; i++)
		r = try_stranger(&lanes[i], err);
	return r;
}

/* A bridge lets nothing through until it has heard of its ports' carrier. Sends until all arrives,
 * waiting in between for what comes late. */
static int settle(struct lane *lane, struct bl_err *err)
{
	struct pollfd tap = {.fd = lane->tap_fd, .events = POLLIN};
	unsigned int lost = 0;
	double ns;

	for (int i = 0; i < SETTLE_TRIES; i++) {
		lost = burst(lane, FROM_GUEST, LOAD_64, &ns);
		lost += burst(lane, TO_GUEST, LOAD_64, &ns);
		if (lost == 0)
			return 0;
		poll(&tap, 1, SETTLE_MS);
	}
	return bl_fail(err, -ENETDOWN, "%s loses %u of %d frames", lane->name, lost,
		       2 * FRAME_BURST);
}

static void warm(struct lane *lane, enum way way, enum load load)
{
	unsigned int bursts = load == LOAD_FLOWS ? BURSTS_MAX : 4;
	double ns;

	for (unsigned int i = 0; i < bursts; i++)
		burst(lane, way, load, &ns);
}

/* Makes neighbours, bridges and connections known: what is measured is what flows already. */
static void warm_up(struct lane *lane)
{
	for (int load = 0; load < LOADS; load++)
		for (int way = WAYS - 1; way >= 0; way--) /* the guest opens */
			warm(lane, way, load);
}

static void visit(struct lane *lane, struct cell *cell, enum way way, enum load load,
		  const struct measure_spec *spec, unsigned int rep)
{
	/* all flows each time, and once before: what the other lanes have driven out of the caches
	 * meanwhile is not what many flows cost */
	unsigned int bursts = load == LOAD_FLOWS ? BURSTS_MAX : spec->bursts;
	double ns[BURSTS_MAX];

	if (load == LOAD_FLOWS)
		warm(lane, way, load);
	for (unsigned int i = 0; i < bursts; i++) {
		cell->lost += burst(lane, way, load, &ns[i]);
		cell->sent += FRAME_BURST;
	}
	cell->ns[rep] = stats_quantile(ns, bursts, 0.5);
}

static void visit_connections(struct lane *lane, struct cell *cell, unsigned int rep)
{
	double ns[CONNECT_BURSTS];

	for (int i = 0; i < CONNECT_BURSTS; i++) {
		cell->lost += burst_connections(lane, &ns[i]);
		cell->sent += FRAME_BURST;
	}
	cell->ns[rep] = stats_quantile(ns, CONNECT_BURSTS, 0.5);
}

/* What is compared is visited one after the other, each time beginning with another. */
static void visit_all(struct lane lanes[LANES], struct costs *costs,
		      const struct measure_spec *spec, unsigned int rep)
{
	for (int way = 0; way < WAYS; way++)
		for (int load = 0; load < LOADS; load++)
			for (unsigned int i = 0; i < LANES; i++) {
				unsigned int id = (i + rep) % LANES;

				visit(&lanes[id], &costs->cells[id][way][load], way, load, spec,
				      rep);
			}
	for (unsigned int i = 0; i < LANES; i++) {
		unsigned int id = (i + rep) % LANES;

		visit_connections(&lanes[id], &costs->connections[id], rep);
	}
}

static int pin_to_last_cpu(struct bl_err *err)
{
	cpu_set_t allowed, one;
	int cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return bl_fail_errno(err, -errno, "asking for CPUs");
	while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0
		       ? bl_fail_errno(err, -errno, "keeping to CPU %d", cpu)
		       : 0;
}

int measure(struct lane lanes[LANES], const struct measure_spec *spec, struct costs *ret_costs,
	    struct bl_err *err)
{
	uint64_t start;
	int r = pin_to_last_cpu(err);

	if (r < 0)
		return r;
	for (int i = 0; i < LANES && r == 0; i++)
		r = settle(&lanes[i], err);
	if (r == 0)
		r = try_strangers(lanes, err);
	if (r < 0)
		return r;
	for (int i = 0; i < LANES; i++)
		warm_up(&lanes[i]);
	start = bl_now_ns();
	*ret_costs = (struct costs){0};
	while (ret_costs->n_reps < spec->reps &&
	       (!spec->limit_ns || bl_now_ns() - start < spec->limit_ns))
		visit_all(lanes, ret_costs, spec, ret_costs->n_reps++);
	return try_strangers(lanes, err);
}
