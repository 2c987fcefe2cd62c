// SPDX-License-Identifier: Apache-2.0
/*
 * The way down: the power button is pressed again and again until the guest goes or its grace period
 * is over; then it is killed. A guest that cannot hear the button is killed at once.
 */
#include "lifecycle_private.h"

#include <beeline/log.h>

#define ACPI_REPEAT_NS (5 * LIFECYCLE_SECOND_NS) /* guests that boot do not hear the first press */

static void on_timer(struct bl_timer *timer)
{
	lifecycle_advance(timer->data);
}

static void press_later(struct lifecycle *lifecycle, uint64_t after_ns)
{
	bl_timer_arm(lifecycle->loop, &lifecycle->stop, after_ns, on_timer, lifecycle);
}

/* A kill that failed is tried again with the next press. */
void lifecycle_killed(struct lifecycle *lifecycle, const struct bl_err *err)
{
	if (!err->code)
		return;
	bl_error("VM not killed", "vmi", lifecycle->domain_name, "reason", err->message);
	lifecycle->killed = false;
	press_later(lifecycle, LIFECYCLE_SECOND_NS);
}

/* A paused guest hears nothing, and is not made to run again by the wish that it ends. */
static bool hears_acpi(const struct lifecycle *lifecycle)
{
	return lifecycle->state == VIRT_RUNNING &&
	       (!lifecycle->blueprint || lifecycle->blueprint->vmi->acpi);
}

/* Called by advance() when the stop begins and whenever something was learned; the timer says whether
 * it is time for another press. */
void lifecycle_press(struct lifecycle *lifecycle)
{
	uint64_t now = bl_now_ns(), wait;

	if (!lifecycle->observed || lifecycle->killed || lifecycle->stop.loop)
		return;
	if (!lifecycle->active) {
		lifecycle_finish(lifecycle, ending_before_start());
		return;
	}
	if (now >= lifecycle->deadline_ns || !hears_acpi(lifecycle)) {
		lifecycle->killed = true;
		lifecycle_submit(lifecycle, VIRT_DESTROY);
		return;
	}
	lifecycle_submit(lifecycle, VIRT_SHUTDOWN);
	wait = lifecycle->deadline_ns - now;
	press_later(lifecycle, wait < ACPI_REPEAT_NS ? wait : ACPI_REPEAT_NS);
}

void lifecycle_shutdown(struct lifecycle *lifecycle, uint32_t grace_seconds)
{
	uint64_t deadline_ns = bl_now_ns() + grace_seconds * LIFECYCLE_SECOND_NS;

	if (lifecycle_has_ended(lifecycle) ||
	    (lifecycle->stopping && deadline_ns >= lifecycle->deadline_ns))
		return;
	bl_info("VM is shut down", "vmi", lifecycle->domain_name);
	lifecycle->stopping = true;
	lifecycle->deadline_ns = deadline_ns;
	bl_timer_disarm(&lifecycle->stop);
	bl_timer_disarm(&lifecycle->retry);
	lifecycle_advance(lifecycle);
}

void lifecycle_terminate(struct lifecycle *lifecycle)
{
	const struct blueprint *blueprint = lifecycle->blueprint;
	uint32_t grace =
		blueprint ? blueprint->vmi->termination_grace_seconds : LIFECYCLE_GRACE_DEFAULT;

	lifecycle->terminating = true;
	if (lifecycle_has_ended(lifecycle))
		lifecycle->ops->finished(lifecycle->data);
	else if (!lifecycle->stopping)
		lifecycle_shutdown(lifecycle, grace);
}
