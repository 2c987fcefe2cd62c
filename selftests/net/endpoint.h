/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod, a loop and a set of endpoints, for the tests of the endpoint room. The test defines TEST, its
 * name, before it includes this.
 */
#pragma once

#include "attached.h"

#include <errno.h>

#include <beeline/addr.h>
#include <beeline/loop.h>

#include "../../agent/datapath.h"
#include "../../agent/endpoint.h"

#define BPFFS POD_BPFFS "/beeline-test-" TEST

struct fixture {
	struct pod pod;
	struct bl_loop *loop;
	struct datapath *datapath;
	struct endpoints *endpoints;
	char *state_dir;
	int n_changed;
	struct bl_err err;
};

static inline void on_changed(const char *name, void *data)
{
	struct fixture *f = data;

	assert_string_equal(name, f->pod.name);
	f->n_changed++;
}

static inline void start(struct fixture *f)
{
	if (datapath_open(BPFFS, DATAPATH_AUTO, &f->datapath, &f->err) < 0 ||
	    endpoints_new(f->loop, f->datapath, f->state_dir, NULL, on_changed, f, &f->endpoints,
			  &f->err) < 0)
		fail_msg("%s", f->err.message);
}

static inline void stop(struct fixture *f)
{
	endpoints_free(bl_take_ptr(f->endpoints));
	datapath_free(bl_take_ptr(f->datapath));
}

/* What a kill -9 leaves behind is what giving the object up leaves behind. */
static inline void restart(struct fixture *f)
{
	stop(f);
	start(f);
}

static inline int set_up(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	run("rm -rf " BPFFS);
	pod_make(&f->pod, 0);
	f->state_dir = unit_dir();
	assert_int_equal(bl_loop_new(&f->loop, &f->err), 0);
	start(f);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	stop(f);
	bl_loop_free(f->loop);
	pod_remove(&f->pod);
	unit_dir_remove(f->state_dir);
	run("rm -rf " BPFFS);
	free(f);
	return 0;
}

static inline struct endpoint_spec spec_of(const struct fixture *f)
{
	return (struct endpoint_spec){
		.name = f->pod.name,
		.netns_path = f->pod.netns_path,
		.netns_fd = -1,
		.uplink = "eth0",
		.tap = "tap0",
		.binding = BL_BINDING_POD,
	};
}

static inline const struct endpoint *attach(struct fixture *f, const struct endpoint_spec *spec)
{
	const struct endpoint *endpoint = NULL;

	if (endpoint_attach(f->endpoints, spec, &endpoint, &f->err) < 0)
		fail_msg("%s", f->err.message);
	return endpoint;
}

/* Settings of the loopback that let the guest's answers in. */
static inline long n_admitted(const struct fixture *f)
{
	return number("ip netns exec %s sysctl -n net.ipv4.conf.lo.route_localnet "
		      "net.ipv4.conf.lo.accept_local | grep -c 1 || true",
		      f->pod.name);
}

static inline void assert_line(const struct fixture *f)
{
	assert_attached(&f->pod, "eth0", TCX_INGRESS, "bl_to_vm");
	assert_attached(&f->pod, "tap0", TCX_INGRESS, "bl_from_vm");
	assert_attached(&f->pod, "eth0", TCX_EGRESS, NULL);
	assert_attached(&f->pod, "lo", TCX_EGRESS, NULL);
	assert_int_equal(n_admitted(f), 0);
}

static inline void assert_no_line(const struct fixture *f)
{
	assert_attached(&f->pod, "eth0", TCX_INGRESS, NULL);
	assert_attached(&f->pod, "tap0", TCX_INGRESS, NULL);
	assert_attached(&f->pod, "eth0", TCX_EGRESS, NULL);
	assert_attached(&f->pod, "lo", TCX_EGRESS, NULL);
	assert_int_equal(n_admitted(f), 0);
}

static inline long n_local(const struct fixture *f)
{
	return number("{ ip -n %s route show table local; ip -n %s -6 route show table local; } | "
		      "grep -cE 'local (10.77.0.2|fd77::2) ' || true",
		      f->pod.name, f->pod.name);
}

/* Dispatches until the owner has been told n times. */
static inline void wait_changed(struct fixture *f, int n)
{
	uint64_t until = bl_now_ns() + 5000000000ull;

	while (f->n_changed < n && bl_now_ns() < until)
		bl_loop_once(f->loop, 100);
	assert_int_equal(f->n_changed, n);
}
