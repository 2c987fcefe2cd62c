// SPDX-License-Identifier: Apache-2.0
/* Many endpoints; see scale.h. */
#include "scale.h"

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "population.h"
#include "stats.h"

#define TRIES 15 /* of attaching, at each step */

static const unsigned int numbers[SCALE_STEPS] = {1, 100, 1000};

static const char pod_batch[] = "link add eth0 type veth peer name s%u netns %s\n"
				"addr add 10.88.%u.%u/16 dev eth0\n"
				"link set eth0 up\n"
				"route add default via 10.88.255.254\n"
				"neigh add 10.88.255.254 lladdr 02:be:00:00:00:01 dev eth0 "
				"nud permanent\n"
				"tuntap add dev tap0 mode tap vnet_hdr\n"
				"link set tap0 up\n";

static const char *binding_of(unsigned int i)
{
	return i % 2 ? "masquerade" : "pod";
}

/* One of the population, for the policies that follow. */
static int attach(struct agent *agent, const char *name, int netns_fd, unsigned int i,
		  uint64_t *ret_ns, struct bl_err *err)
{
	bl_autofree char *namespace = bl_format("ns-%u", population_endpoint_namespace(i));
	const struct agent_endpoint endpoint = {
		.name = name,
		.netns_fd = netns_fd,
		.binding = binding_of(i),
		.namespace = namespace,
		.labels = population_endpoint_labels(i),
	};

	return agent_attach(agent, &endpoint, ret_ns, err);
}

static int add_pod(const struct place *place, struct agent *agent, unsigned int i,
		   struct bl_err *err)
{
	char name[PLACE_NAME_MAX], host[PLACE_NAME_MAX];
	bl_autofree char *batch = NULL;
	bl_autoclose int netns_fd = -1;
	int r;

	place_name(place, "many-", (int)i, name);
	place_name(place, "host", -1, host);
	batch = bl_format(pod_batch, i, host, i / 250, i % 250 + 1);
	r = place_netns(name, &netns_fd, err);
	if (r == 0)
		r = place_run(netns_fd, (const char *const[]){"ip", "-batch", "-", NULL}, batch,
			      err);
	if (r == 0)
		r = attach(agent, name, netns_fd, i, NULL, err);
	return r < 0 ? bl_wrap(err, "endpoint %u", i) : 0;
}

/* Takes the last endpoint away and attaches it again, some times. */
static int time_attach(const struct place *place, struct agent *agent, struct scale_step *step,
		       struct bl_err *err)
{
	char name[PLACE_NAME_MAX];
	bl_autoclose int netns_fd = -1;
	double ms[TRIES];
	int r;

	place_name(place, "many-", (int)step->n - 1, name);
	r = place_netns(name, &netns_fd, err);
	for (int i = 0; i < TRIES && r == 0; i++) {
		uint64_t ns = 0;

		r = agent_detach(agent, name, err);
		if (r == 0)
			r = attach(agent, name, netns_fd, step->n - 1, &ns, err);
		ms[i] = (double)ns / 1e6;
	}
	if (r < 0)
		return r;
	step->attach_ms = stats_quantile(ms, TRIES, 0.5);
	step->attach_low = stats_quantile(ms, TRIES, 0.1);
	step->attach_high = stats_quantile(ms, TRIES, 0.9);
	return 0;
}

int scale(const struct place *place, struct agent *agent, unsigned int steps,
	  struct scale_step ret_steps[SCALE_STEPS], struct bl_err *err)
{
	unsigned int n = 0;
	int r = 0;

	for (unsigned int i = 0; i < steps && r == 0; i++) {
		struct scale_step step = {.n = numbers[i]};

		while (r == 0 && n < step.n)
			r = add_pod(place, agent, n++, err);
		if (r == 0)
			r = time_attach(place, agent, &step, err);
		if (r == 0)
			r = agent_resident(agent, &step.resident_bytes, err);
		if (r == 0)
			r = kernel_bytes_read(place->bpffs, &step.kernel, err);
		if (r == 0)
			ret_steps[i] = step;
	}
	return r;
}
