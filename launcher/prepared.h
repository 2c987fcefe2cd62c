/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent has prepared for the VM and says in its sync ("prepared" in launcher.h): taps,
 * volume files, whether guests run under KVM. Facts, no decisions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>

struct prepared_interface {
	char *name; /* of the VMI's interface */
	char *tap;
	uint8_t mac[6];
	uint16_t mtu;
	uint32_t queues;
};

struct prepared_volume {
	char *name;
	char *path;
	char *format; /* "qcow2" or "raw" */
	bool readonly;
};

struct prepared {
	bool kvm;
	char *kvm_reason; /* why not; may be NULL */
	bool vhost_net;
	struct prepared_interface *interfaces;
	size_t n_interfaces;
	struct prepared_volume *volumes;
	size_t n_volumes;
};

/* The caller owns *ret_prepared on success. Errors name the full path ("prepared.interfaces[0].tap"). */
int prepared_new(const struct cJSON *json, struct prepared **ret_prepared, struct bl_err *err);
void prepared_free(struct prepared *prepared);
BL_DEFINE_AUTO(prepared, struct prepared *, prepared_free)
#define bl_auto_prepared bl_cleanup(bl_auto_prepared_fn)

const struct prepared_interface *prepared_interface(const struct prepared *prepared,
						    const char *name);
const struct prepared_volume *prepared_volume(const struct prepared *prepared, const char *name);
