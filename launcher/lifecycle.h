/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the one domain: what must happen next, decided from what is known. It may be begun anew
 * at any time (the launcher was killed): it then finds daemon and domain as they are.
 *
 *   connect -> observe -> [sync] -> prepare disks -> define and start -> runs -> ended
 *
 * A failure on the way to "runs" is said in the state and tried again with a back-off; a domain that
 * has run is never started a second time.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>

struct lifecycle;

#define LIFECYCLE_GRACE_DEFAULT 30 /* seconds; KubeVirt's */

struct lifecycle_identity {
	const char *namespace;
	const char *name;
	const char *uid;
};

/* changed: lifecycle_state() has something new to say. finished: after lifecycle_terminate(), when
 * nothing runs any more. */
struct lifecycle_ops {
	void (*changed)(void *data);
	void (*finished)(void *data);
};

int lifecycle_new(struct bl_loop *loop, const struct lifecycle_identity *identity,
		  const struct lifecycle_ops *ops, void *data, struct lifecycle **ret_lifecycle,
		  struct bl_err *err);

/* What launcher.h says of these calls. Idempotent. */
int lifecycle_sync(struct lifecycle *lifecycle, const struct cJSON *vmi,
		   const struct cJSON *prepared, struct bl_err *err);
/* Said again, it can only shorten the grace period. */
void lifecycle_shutdown(struct lifecycle *lifecycle, uint32_t grace_seconds);
struct cJSON *lifecycle_state(const struct lifecycle *lifecycle); /* the caller owns it */

enum lifecycle_verb { LIFECYCLE_PAUSE, LIFECYCLE_UNPAUSE, LIFECYCLE_RESET };
/* fn is called exactly once, maybe at once; err NULL: done. */
typedef void lifecycle_fn(const struct bl_err *err, void *data);
void lifecycle_act(struct lifecycle *lifecycle, enum lifecycle_verb verb, lifecycle_fn *fn,
		   void *data);

int lifecycle_open_console(struct lifecycle *lifecycle, int *ret_fd, struct bl_err *err);
int lifecycle_open_vnc(struct lifecycle *lifecycle, int *ret_fd, struct bl_err *err);

/* SIGTERM: shuts down with the VMI's grace period, then calls finished. */
void lifecycle_terminate(struct lifecycle *lifecycle);
