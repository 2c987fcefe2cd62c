/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for one guest: watches its VirtualMachineInstance (and the VirtualMachine that makes it),
 * says what changes, and probes its addresses once it runs.
 *
 *   watch events --> struct instance --> probes --> reachable()
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "instance.h"
#include "probe.h"
#include "terminal.h"

struct guest;

#define GUEST_STANDING_MAX (INSTANCE_TEXT_MAX + 128)

struct guest_ops {
	/* Every address answers, or one does and the others had their time; or the guest runs and has no
	 * network to answer on. */
	void (*reachable)(struct guest *guest, void *data);
	/* The agent ended the watch, or the guest ended and will not come again. */
	void (*failed)(struct guest *guest, const struct bl_err *why, void *data);
	void *data;
};

/* One address and how it answered ("" while it does not). */
struct guest_address {
	struct bl_addr addr;
	char how[PROBE_TEXT_MAX];
	struct probe *probe;
	struct guest *guest;
};

struct guest {
	struct client *client; /* borrowed, as all that follows */
	const char *namespace;
	const char *name;
	bool has_vm;      /* a VirtualMachine of that name makes the instance */
	bool comes_again; /* after its end, by its run strategy */
	struct progress *progress;
	const struct guest_ops *ops;

	struct instance instance;
	char trouble[INSTANCE_TEXT_MAX]; /* of the VirtualMachine, while there is no instance */
	char shown[GUEST_STANDING_MAX];  /* what people read last */
	bool exists;                     /* the instance does */
	bool reachable;
	struct guest_address addresses[INSTANCE_ADDRESSES_MAX];
	size_t n_addresses;
	uint64_t watches[2];      /* ids of the calls; 0: none */
	struct bl_timer patience; /* for the second family, once the first has answered */
};

/* Begins to watch. The guest's first members are filled in by the caller; it stays at its address. */
void guest_start(struct guest *guest);
void guest_stop(struct guest *guest);
/* "Scheduling: image ...": where it stands, for people. */
const char *guest_standing(const struct guest *guest, char text[GUEST_STANDING_MAX]);
