// SPDX-License-Identifier: Apache-2.0
/*
 * The life of the domain: see lifecycle.h.
 *
 * Everything that happens (a reply of libvirt, a finished disk, a sync, a timer) first updates what is
 * known and then calls advance(), the one place that decides the next step. At most one step towards
 * "runs" is under way at a time (busy). libvirt's word on the domain's state comes with every reply;
 * its events only cause another look, so none can be missed for good or misread.
 */
#include "lifecycle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/rpc.h>

#include "blueprint.h"
#include "console.h"
#include "ending.h"
#include "libvirtd.h"
#include "paths.h"
#include "record.h"
#include "virt.h"

#define SECOND_NS      (1000ull * 1000 * 1000)
#define BACKOFF_MIN_NS SECOND_NS
#define BACKOFF_MAX_NS (30 * SECOND_NS)
#define ACPI_REPEAT_NS (5 * SECOND_NS) /* guests that boot do not hear the first press */

struct action {
	lifecycle_fn *fn;
	void *data;
};

struct lifecycle {
	struct bl_loop *loop;
	const struct lifecycle_ops *ops;
	void *data;
	char *domain_name;
	char *record_path;
	char *vnc_path;
	struct record record;
	struct libvirtd *libvirtd;
	struct virt *virt;
	struct console *console;

	/* known */
	bool connected, observed;
	bool active, paused;
	struct blueprint *blueprint; /* NULL before the first sync */

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

static void advance(struct lifecycle *lifecycle);
static void press(struct lifecycle *lifecycle);

static bool has_ended(const struct lifecycle *lifecycle)
{
	return lifecycle->record.stage == RECORD_ENDED;
}

static void remember(struct lifecycle *lifecycle, enum record_stage stage)
{
	struct bl_err err = BL_ERR_INIT;

	lifecycle->record.stage = stage;
	if (record_write(lifecycle->record_path, &lifecycle->record, &err) < 0)
		bl_error("state not kept", "reason", err.message);
}

static void submit(struct lifecycle *lifecycle, enum virt_verb verb)
{
	virt_submit(lifecycle->virt, &(struct virt_request){.verb = verb});
}

/* ---- trying again ---- */

static void on_timer(struct bl_timer *timer)
{
	advance(timer->data);
}

static void press_later(struct lifecycle *lifecycle, uint64_t after_ns)
{
	bl_timer_arm(lifecycle->loop, &lifecycle->stop, after_ns, on_timer, lifecycle);
}

static void fail_step(struct lifecycle *lifecycle, const struct bl_err *err)
{
	bl_error("VM not started", "vmi", lifecycle->domain_name, "reason", err->message);
	lifecycle->failure = *err;
	bl_timer_arm(lifecycle->loop, &lifecycle->retry, lifecycle->backoff_ns, on_timer,
		     lifecycle);
	lifecycle->backoff_ns *= 2;
	if (lifecycle->backoff_ns > BACKOFF_MAX_NS)
		lifecycle->backoff_ns = BACKOFF_MAX_NS;
	lifecycle->ops->changed(lifecycle->data);
}

/* ---- the end ---- */

static void finish(struct lifecycle *lifecycle, struct ending ending)
{
	struct record *record = &lifecycle->record;

	record->succeeded = ending.succeeded;
	snprintf(record->reason, sizeof(record->reason), "%s", ending.reason);
	snprintf(record->message, sizeof(record->message), "%s", ending.message);
	remember(lifecycle, RECORD_ENDED);
	bl_info("VM ended", "vmi", lifecycle->domain_name, "reason", ending.reason);
	lifecycle->active = false;
	bl_timer_disarm(&lifecycle->stop);
	bl_timer_disarm(&lifecycle->retry);
	console_detach(lifecycle->console);
	lifecycle->ops->changed(lifecycle->data);
	if (lifecycle->terminating)
		lifecycle->ops->finished(lifecycle->data);
}

/* ---- what libvirt says ---- */

static void on_active(struct lifecycle *lifecycle, bool paused)
{
	bool news = !lifecycle->active || lifecycle->paused != paused;

	lifecycle->active = true;
	lifecycle->paused = paused;
	lifecycle->failure.code = 0;
	bl_timer_disarm(&lifecycle->retry);
	if (lifecycle->record.stage != RECORD_STARTED)
		remember(lifecycle, RECORD_STARTED);
	console_attach(lifecycle->console);
	if (!news)
		return;
	bl_info(paused ? "VM is paused" : "VM runs", "vmi", lifecycle->domain_name);
	lifecycle->ops->changed(lifecycle->data);
}

/* Whether the domain, found inactive, has had its run. When the launcher died between asking for the
 * start and seeing it, libvirt's memory of an end tells. */
static bool has_run(const struct lifecycle *lifecycle, enum virt_end end)
{
	if (lifecycle->record.stage == RECORD_STARTED)
		return true;
	return lifecycle->record.stage == RECORD_STARTING && !lifecycle->busy &&
	       (end == VIRT_END_SHUTDOWN || end == VIRT_END_DESTROYED || end == VIRT_END_CRASHED);
}

static void learn(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	if (reply->state == VIRT_UNKNOWN || has_ended(lifecycle))
		return;
	lifecycle->observed = true;
	if (reply->state == VIRT_RUNNING || reply->state == VIRT_PAUSED)
		on_active(lifecycle, reply->state == VIRT_PAUSED);
	else if (reply->state != VIRT_STARTING && has_run(lifecycle, reply->end))
		finish(lifecycle, ending_of(reply->end, lifecycle->stopping, lifecycle->killed));
}

static void on_connect(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	lifecycle->connected = !reply->err.code;
	if (lifecycle->connected) {
		bl_info("connected to the libvirt daemon");
		libvirtd_alive(lifecycle->libvirtd);
	} else {
		bl_debug("libvirt daemon not reached", "reason", reply->err.message);
		libvirtd_revive(lifecycle->libvirtd);
	}
}

static void on_started(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	lifecycle->busy = false;
	if (!reply->err.code && !has_ended(lifecycle))
		remember(lifecycle, RECORD_STARTED);
}

/* A kill that failed is tried again with the next press. */
static void on_destroyed(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	if (!reply->err.code)
		return;
	bl_error("VM not killed", "vmi", lifecycle->domain_name, "reason", reply->err.message);
	lifecycle->killed = false;
	press_later(lifecycle, SECOND_NS);
}

static void finish_action(const struct virt_reply *reply)
{
	struct action *action = reply->context;

	action->fn(reply->err.code ? &reply->err : NULL, action->data);
	free(action);
}

static void on_reply(const struct virt_reply *reply, void *data)
{
	struct lifecycle *lifecycle = data;

	if (reply->verb == VIRT_CONNECT)
		on_connect(lifecycle, reply);
	if (reply->verb == VIRT_START)
		on_started(lifecycle, reply);
	if (reply->verb == VIRT_DESTROY)
		on_destroyed(lifecycle, reply);
	learn(lifecycle, reply);
	if (reply->context)
		finish_action(reply);
	/* A start that failed because the domain ran already did not fail. */
	if (reply->verb == VIRT_START && reply->err.code && !lifecycle->active)
		fail_step(lifecycle, &reply->err);
	else
		advance(lifecycle);
}

static void on_changed(void *data)
{
	struct lifecycle *lifecycle = data;

	submit(lifecycle, VIRT_OBSERVE);
}

static void reconnect(void *data)
{
	struct lifecycle *lifecycle = data;

	submit(lifecycle, VIRT_CONNECT);
}

static void on_closed(void *data)
{
	struct lifecycle *lifecycle = data;

	bl_warn("connection to the libvirt daemon lost");
	lifecycle->connected = lifecycle->observed = false;
	reconnect(lifecycle);
}

static const struct virt_ops virt_ops = {
	.reply = on_reply,
	.changed = on_changed,
	.closed = on_closed,
};

/* ---- steps towards "runs" ---- */

static void on_disks(const struct bl_err *err, void *data)
{
	struct lifecycle *lifecycle = data;

	lifecycle->busy = false;
	if (err) {
		fail_step(lifecycle, err);
		return;
	}
	lifecycle->blueprint->disks_ready = true;
	advance(lifecycle);
}

static void start(struct lifecycle *lifecycle)
{
	bl_autofree char *xml = NULL;
	struct bl_err err = BL_ERR_INIT;
	struct virt_request request = {.verb = VIRT_START};

	if (blueprint_format(lifecycle->blueprint, &xml, &err) < 0) {
		fail_step(lifecycle, &err);
		return;
	}
	request.xml = xml;
	request.paused = lifecycle->blueprint->vmi->start_paused;
	remember(lifecycle, RECORD_STARTING);
	lifecycle->busy = true;
	virt_submit(lifecycle->virt, &request);
}

/* The next step, if one can be taken now. */
static void advance(struct lifecycle *lifecycle)
{
	struct blueprint *blueprint = lifecycle->blueprint;

	if (has_ended(lifecycle) || lifecycle->busy || lifecycle->retry.loop)
		return;
	if (lifecycle->stopping) {
		press(lifecycle);
		return;
	}
	if (lifecycle->active || !lifecycle->observed || !blueprint)
		return;
	if (!blueprint->disks_ready) {
		lifecycle->busy = true;
		disk_prepare(lifecycle->loop, blueprint->vmi, &blueprint->plan, on_disks,
			     lifecycle);
	} else if (lifecycle->connected) {
		start(lifecycle);
	}
}

/* ---- stopping ---- */

static bool hears_acpi(const struct lifecycle *lifecycle)
{
	return !lifecycle->blueprint || lifecycle->blueprint->vmi->acpi;
}

/* Called by advance() when the stop begins and whenever something was learned; the timer says whether
 * it is time for another press. */
static void press(struct lifecycle *lifecycle)
{
	uint64_t now = bl_now_ns(), wait;

	if (!lifecycle->observed || lifecycle->killed || lifecycle->stop.loop)
		return;
	if (!lifecycle->active) {
		finish(lifecycle, ending_before_start());
		return;
	}
	if (now >= lifecycle->deadline_ns || !hears_acpi(lifecycle)) {
		lifecycle->killed = true;
		submit(lifecycle, VIRT_DESTROY);
		return;
	}
	submit(lifecycle, VIRT_SHUTDOWN);
	wait = lifecycle->deadline_ns - now;
	press_later(lifecycle, wait < ACPI_REPEAT_NS ? wait : ACPI_REPEAT_NS);
}

void lifecycle_shutdown(struct lifecycle *lifecycle, uint32_t grace_seconds)
{
	uint64_t deadline_ns = bl_now_ns() + grace_seconds * SECOND_NS;

	if (has_ended(lifecycle) || (lifecycle->stopping && deadline_ns >= lifecycle->deadline_ns))
		return;
	bl_info("VM is shut down", "vmi", lifecycle->domain_name);
	lifecycle->stopping = true;
	lifecycle->deadline_ns = deadline_ns;
	bl_timer_disarm(&lifecycle->stop);
	bl_timer_disarm(&lifecycle->retry);
	advance(lifecycle);
}

void lifecycle_terminate(struct lifecycle *lifecycle)
{
	const struct blueprint *blueprint = lifecycle->blueprint;
	uint32_t grace =
		blueprint ? blueprint->vmi->termination_grace_seconds : LIFECYCLE_GRACE_DEFAULT;

	lifecycle->terminating = true;
	if (has_ended(lifecycle))
		lifecycle->ops->finished(lifecycle->data);
	else if (!lifecycle->stopping)
		lifecycle_shutdown(lifecycle, grace);
}

/* ---- calls ---- */

int lifecycle_sync(struct lifecycle *lifecycle, const struct cJSON *vmi,
		   const struct cJSON *prepared, struct bl_err *err)
{
	bl_auto_blueprint struct blueprint *blueprint = NULL;
	int r;

	if (has_ended(lifecycle) || lifecycle->busy)
		return 0; /* nothing in it could change what goes on */
	r = blueprint_new(vmi, prepared, &blueprint, err);
	if (r < 0)
		return r;
	blueprint_free(lifecycle->blueprint);
	lifecycle->blueprint = bl_take_ptr(blueprint);
	bl_timer_disarm(&lifecycle->retry);
	advance(lifecycle);
	return 0;
}

void lifecycle_act(struct lifecycle *lifecycle, enum lifecycle_verb verb, lifecycle_fn *fn,
		   void *data)
{
	static const enum virt_verb verbs[] = {
		[LIFECYCLE_PAUSE] = VIRT_SUSPEND,
		[LIFECYCLE_UNPAUSE] = VIRT_RESUME,
		[LIFECYCLE_RESET] = VIRT_RESET,
	};
	struct action *action;
	struct bl_err err = BL_ERR_INIT;

	if (!lifecycle->active) {
		bl_fail(&err, -ESRCH, "the VM does not run");
		fn(&err, data);
		return;
	}
	action = bl_alloc(sizeof(*action));
	action->fn = fn;
	action->data = data;
	virt_submit(lifecycle->virt,
		    &(struct virt_request){.verb = verbs[verb], .context = action});
}

int lifecycle_open_console(struct lifecycle *lifecycle, int *ret_fd, struct bl_err *err)
{
	return console_open(lifecycle->console, ret_fd, err);
}

int lifecycle_open_vnc(struct lifecycle *lifecycle, int *ret_fd, struct bl_err *err)
{
	if (!lifecycle->active)
		return bl_fail(err, -ESRCH, "the VM does not run");
	return bl_unix_connect(lifecycle->vnc_path, ret_fd, err);
}

/* ---- state ---- */

static const char *phase(const struct lifecycle *lifecycle)
{
	if (has_ended(lifecycle))
		return lifecycle->record.succeeded ? "Succeeded" : "Failed";
	if (lifecycle->active)
		return lifecycle->paused ? "Paused" : "Running";
	return "Preparing";
}

struct cJSON *lifecycle_state(const struct lifecycle *lifecycle)
{
	struct cJSON *state = bl_json_object();

	bl_json_set_string(state, "phase", phase(lifecycle));
	if (has_ended(lifecycle)) {
		bl_json_set_string(state, "reason", lifecycle->record.reason);
		bl_json_set_string(state, "message", lifecycle->record.message);
	} else if (lifecycle->failure.code) {
		bl_json_set_string(state, "reason", "StartFailed");
		bl_json_set_string(state, "message", lifecycle->failure.message);
	}
	if (lifecycle->blueprint)
		blueprint_describe(lifecycle->blueprint, state);
	return state;
}

/* ---- birth ---- */

static int begin(struct lifecycle *lifecycle, const char *private_dir, struct bl_err *err)
{
	int r = bl_dir_make(private_dir, 0755, err);

	if (r == 0)
		r = record_read(lifecycle->record_path, &lifecycle->record, err);
	if (r == 0)
		r = libvirtd_new(lifecycle->loop, reconnect, lifecycle, &lifecycle->libvirtd, err);
	if (r == 0)
		r = virt_new(lifecycle->loop, libvirtd_uri(lifecycle->libvirtd),
			     lifecycle->domain_name, &virt_ops, lifecycle, &lifecycle->virt, err);
	return r;
}

int lifecycle_new(struct bl_loop *loop, const struct lifecycle_identity *identity,
		  const struct lifecycle_ops *ops, void *data, struct lifecycle **ret_lifecycle,
		  struct bl_err *err)
{
	bl_autofree char *private_dir = paths_private(identity->uid, "");
	bl_autofree char *serial = paths_private(identity->uid, BL_LAUNCHER_SERIAL_NAME);
	bl_autofree char *serial_log = paths_private(identity->uid, BL_LAUNCHER_SERIAL_LOG_NAME);
	struct lifecycle *lifecycle = bl_alloc(sizeof(*lifecycle));
	int r;

	lifecycle->loop = loop;
	lifecycle->ops = ops;
	lifecycle->data = data;
	lifecycle->backoff_ns = BACKOFF_MIN_NS;
	lifecycle->domain_name = paths_domain_name(identity->namespace, identity->name);
	lifecycle->record_path = paths_private(identity->uid, "launcher.json");
	lifecycle->vnc_path = paths_private(identity->uid, BL_LAUNCHER_VNC_NAME);
	lifecycle->console = console_new(loop, serial, serial_log);
	r = begin(lifecycle, private_dir, err);
	/* A failure ends the program: what was begun needs no undoing. */
	if (r < 0)
		return r;
	reconnect(lifecycle);
	*ret_lifecycle = lifecycle;
	return 0;
}
