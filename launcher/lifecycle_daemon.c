// SPDX-License-Identifier: Apache-2.0
/*
 * The connection to the libvirt daemon: made, lost, made again, and what is said of it meanwhile. The
 * guest runs on without a daemon; only nothing can be asked of it.
 *
 *   lost (the daemon ended, or hangs)  --> said at once, connected anew
 *   not made for PATIENCE_NS           --> said: a daemon that starts is no news, one that does not is
 *   refused                            --> libvirtd.c starts the daemon and says when to try again
 */
#include <errno.h>

#include <beeline/log.h>

#include "lifecycle_private.h"

/* A daemon needs a second to start, on a busy machine some more. */
#define PATIENCE_NS (10 * LIFECYCLE_SECOND_NS)

static void say_outage(struct lifecycle *lifecycle, const char *why)
{
	bl_warn("no connection to the libvirt daemon", "vmi", lifecycle->domain_name, "reason",
		why);
	bl_fail(&lifecycle->outage, -ENOTCONN, "%s", why);
	lifecycle->ops->changed(lifecycle->data);
}

static void on_patience_over(struct bl_timer *timer)
{
	say_outage(timer->data, "the libvirt daemon does not answer");
}

void lifecycle_connect(void *data)
{
	struct lifecycle *lifecycle = data;

	if (!lifecycle->patience.loop && !lifecycle->outage.code)
		bl_timer_arm(lifecycle->loop, &lifecycle->patience, PATIENCE_NS, on_patience_over,
			     lifecycle);
	lifecycle_submit(lifecycle, VIRT_CONNECT);
}

void lifecycle_disconnected(const char *why, void *data)
{
	struct lifecycle *lifecycle = data;

	lifecycle->connected = lifecycle->observed = false;
	say_outage(lifecycle, why);
	lifecycle_connect(lifecycle);
}

void lifecycle_connected(struct lifecycle *lifecycle, const struct bl_err *err)
{
	lifecycle->connected = !err->code;
	if (!lifecycle->connected) {
		bl_debug("libvirt daemon not reached", "reason", err->message);
		libvirtd_revive(lifecycle->libvirtd);
		return;
	}
	bl_info("connected to the libvirt daemon");
	libvirtd_alive(lifecycle->libvirtd);
	bl_timer_disarm(&lifecycle->patience);
	if (!lifecycle->outage.code)
		return;
	lifecycle->outage = BL_ERR_INIT;
	lifecycle->ops->changed(lifecycle->data);
}
