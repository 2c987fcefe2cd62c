/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a lifecycle, shared by its four files and nobody else:
 *   lifecycle.c         what is known, and the next step towards "runs"
 *   lifecycle_daemon.c  the connection to the libvirt daemon
 *   lifecycle_stop.c    the way down
 *   lifecycle_call.c    what the agent asks for and is told
 */
#pragma once

#include "blueprint.h"
#include "console.h"
#include "ending.h"
#include "libvirtd.h"
#include "lifecycle.h"
#include "logfile.h"
#include "record.h"
#include "virt.h"

#define LIFECYCLE_SECOND_NS (1000ull * 1000 * 1000)

/* An answer that somebody waits for: the context of a request. */
struct lifecycle_action {
	lifecycle_fn *fn;
	void *data;
};

struct lifecycle {
	struct bl_loop *loop;
	const struct lifecycle_ops *ops;
	void *data;
	char *uid;
	char *domain_name;
	char *record_path;
	char *vnc_path;
	struct record record;
	struct libvirtd *libvirtd;
	struct virt *virt;
	struct console *console;
	struct logfile *serial_log, *qemu_log;

	/* known */
	bool connected, observed;
	bool active;
	enum virt_state state;       /* of an active domain: running, paused or stalled */
	struct blueprint *blueprint; /* NULL before the first sync */

	/* not connected: when that is to be said, and what; code 0: nothing */
	struct bl_timer patience;
	struct bl_err outage;

	/* under way */
	bool busy;
	struct bl_timer retry;
	uint64_t backoff_ns;
	struct bl_err failure; /* of the last try; code 0: none */

	/* shutting down */
	bool stopping, terminating, killed;
	uint64_t deadline_ns;
	struct bl_timer stop;
};

/* Takes the next step, if one can be taken now. To be called whenever something was learned. */
void lifecycle_advance(struct lifecycle *lifecycle);
/* Asks for a connection; lifecycle_connected() hears what became of it. Takes the lifecycle. */
void lifecycle_connect(void *data);
void lifecycle_connected(struct lifecycle *lifecycle, const struct bl_err *err);
void lifecycle_disconnected(const char *why, void *data);
/* The next step down; called by lifecycle_advance() while stopping. */
void lifecycle_press(struct lifecycle *lifecycle);
/* A kill has been tried. */
void lifecycle_killed(struct lifecycle *lifecycle, const struct bl_err *err);
void lifecycle_submit(struct lifecycle *lifecycle, enum virt_verb verb);
void lifecycle_finish(struct lifecycle *lifecycle, struct ending ending);
bool lifecycle_has_ended(const struct lifecycle *lifecycle);
