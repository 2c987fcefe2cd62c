/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a spec and the pod's network mean for the datapath: the endpoint's entry and what its guest
 * is told. Pure; the two bindings differ here and nowhere else in the agent.
 */
#pragma once

#include <beeline/abi.h>
#include <beeline/err.h>

#include "../endpoint.h"
#include "../tap.h"
#include "podnet.h"

/* LIVE is set: the entry is complete. */
int entry_build(const struct endpoint_spec *spec, const struct podnet *podnet,
		const struct tap_state *tap, struct bl_endpoint *ret_entry, struct bl_err *err);
int entry_lease(const struct endpoint_spec *spec, const struct podnet *podnet,
		const struct bl_endpoint *entry, struct bl_lease *ret_lease, struct bl_err *err);
/* Are connections tracked, beyond the handshakes that are timed? */
bool entry_is_tracked(const struct endpoint_spec *spec, const struct bl_endpoint *entry);

/* One's-complement sum guest - pod over the family's own bytes (RFC 1624); see struct bl_endpoint. */
uint16_t entry_delta(const struct bl_addr *guest, const struct bl_addr *pod);
