/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of an endpoint: what was asked for, and where it stands. One JSON document, kept in
 * memory and below <state-dir>/endpoints/<name>.json, so that an agent that starts knows which
 * index belongs to whom and can build again what is missing. The spec is a view of the document.
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
	struct cJSON *document;    /* owned; the strings below are its */
	struct endpoint_spec spec; /* netns_fd is -1 */
	struct record_place place;
	/* what the spec points to */
	struct bl_interface interface;
	struct bl_network network;
	struct bl_port ports[BL_PORTS_MAX];
	struct bl_addr ntp_servers[RECORD_ADDRS_MAX];
	struct bl_dhcp_option private_options[RECORD_OPTIONS_MAX];
	const char *dns[RECORD_DNS_MAX];
	const char *searches[RECORD_SEARCHES_MAX];
};

/* A copy of spec; the caller frees. Lists that are too long are refused. */
int record_new(const struct endpoint_spec *spec, struct record **ret_record, struct bl_err *err);
/* From a document, which is taken on success. */
int record_from_json(struct cJSON *document, struct record **ret_record, struct bl_err *err);
/* The document with the present place in it; borrowed. */
const struct cJSON *record_json(struct record *record);
void record_free(struct record *record);
BL_DEFINE_AUTO(record, struct record *, record_free)
#define bl_auto_record bl_cleanup(bl_auto_record_fn)
