/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the event ring in words: what happened to a packet and what packet it was, read from
 * the bytes that the program captured. Pure; the bytes are a guest's and may be anything.
 */
#pragma once

#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/json.h>

#include "../endpoint.h"

/* As api.h names the members; the caller owns it. wall_ns: the event's time since 1970. */
struct cJSON *event_json(const struct bl_event *event, const char *endpoint, int64_t wall_ns);
/* "TCP", "ICMPv6"; "IP 112" where there is no name, which is written into text. */
#define EVENT_PROTOCOL_MAX 16
const char *event_protocol(uint8_t protocol, char text[EVENT_PROTOCOL_MAX]);
