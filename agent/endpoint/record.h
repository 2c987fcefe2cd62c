/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of an endpoint: what was asked for, and where it stands. As JSON it lies below
 * <state-dir>/endpoints/<name>.json, so that an agent that starts knows which index belongs to whom and can
 * build again what is missing; in memory it is as large as what the endpoint has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/json.h>

#include "../endpoint.h"
#include "../netns.h"
#include "../tap.h"

#define RECORD_DNS_MAX      8
#define RECORD_SEARCHES_MAX 32
#define RECORD_ADDRS_MAX    16
#define RECORD_OPTIONS_MAX  31 /* 224 to 254 */

/* Where an endpoint stands: true for one boot and one namespace only. */
struct record_place {
	uint32_t index;
	char boot_id[40];
	struct netns_id netns;
	struct tap_state tap; /* as found at the attach, to build it again */
};

struct record {
	struct endpoint_spec spec; /* netns_fd is -1; what it points to stands behind the record */
	struct record_place place;
	struct bl_labels labels; /* the spec's */
};

#define RECORD_BYTES_MAX (256u * 1024) /* of its file */

/* A copy of spec, without a place; the caller frees. -E2BIG: a list is too long. */
int record_new(const struct endpoint_spec *spec, struct record **ret_record, struct bl_err *err);
void record_free(struct record *record);
BL_DEFINE_AUTO(record, struct record *, record_free)
#define bl_auto_record bl_cleanup(bl_auto_record_fn)

/* record_json.c. Each result is the caller's. */
struct cJSON *record_json(const struct record *record);
int record_from_json(const struct cJSON *document, struct record **ret_record, struct bl_err *err);
