/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people ask of a VirtualMachineInstance: its phase, where it can be reached, and what holds it
 * up. A pure view of the document; texts are cleaned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/addr.h>
#include <beeline/json.h>

#define INSTANCE_ADDRESSES_MAX 16
#define INSTANCE_PORTS_MAX     16
#define INSTANCE_TEXT_MAX      1024

struct instance {
	char phase[64];
	bool ending;      /* it is being deleted: who answers now will be gone */
	bool has_network; /* else it cannot answer, and running is all it does */
	/* "Reason: message" of what is wrong; "" when nothing is */
	char condition[INSTANCE_TEXT_MAX];
	struct bl_addr addresses[INSTANCE_ADDRESSES_MAX]; /* global ones, in the order of status */
	size_t n_addresses;
	uint16_t ports[INSTANCE_PORTS_MAX]; /* TCP ports that the manifest declares */
	size_t n_ports;
};

void instance_read(const struct cJSON *vmi, struct instance *ret_instance);
bool instance_is_running(const struct instance *instance);
/* It has run to its end, one way or the other. */
bool instance_is_over(const struct instance *instance);

/* "Reason: message" of the condition that says most about why an object is not there yet: the one
 * that changed last among those that are bad news; "" when there is none. */
void instance_trouble(const struct cJSON *object, char text[INSTANCE_TEXT_MAX]);
