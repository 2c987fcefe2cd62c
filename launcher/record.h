/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the launcher must not forget when it is killed: how far its one domain has come, and how it
 * ended. A small file in the incarnation's private folder, replaced atomically.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

enum record_stage {
	RECORD_NEW,      /* never started */
	RECORD_STARTING, /* a start was asked for; nobody has seen it run */
	RECORD_STARTED,  /* has run: never start it again */
	RECORD_ENDED,
};

#define RECORD_REASON_MAX  64
#define RECORD_MESSAGE_MAX 256

struct record {
	enum record_stage stage;
	bool succeeded; /* with RECORD_ENDED, as the rest */
	char reason[RECORD_REASON_MAX];
	char message[RECORD_MESSAGE_MAX];
};

/* A missing file is a new record. */
int record_read(const char *path, struct record *ret_record, struct bl_err *err);
int record_write(const char *path, const struct record *record, struct bl_err *err);
