// SPDX-License-Identifier: Apache-2.0
/*
 * The life of the domain: see lifecycle.h.
 *
 * Everything that happens (a reply of libvirt, a finished disk, a sync, a timer) first updates what is
 * known and then calls lifecycle_advance(), the one place that decides the next step. At most one step
 * towards "runs" is under way at a time (busy). libvirt's word on the domain's state comes with every
 * reply; its events only cause another look, so none can be missed for good or misread.
 */
#include <stdio.h>
#include <stdlib.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "lifecycle_private.h"
#include "paths.h"

#define BACKOFF_MIN_NS LIFECYCLE_SECOND_NS
#define BACKOFF_MAX_NS (30 * LIFECYCLE_SECOND_NS)

#define SERIAL_LOG_MAX (4 * 1024 * 1024)
#define QEMU_LOG_MAX   (1024 * 1024)

bool lifecycle_has_ended(const struct lifecycle *lifecycle)
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

void lifecycle_submit(struct lifecycle *lifecycle, enum virt_verb verb)
{
	virt_submit(lifecycle->virt, &(struct virt_request){.verb = verb});
}

/* ---- trying again ---- */

static void on_timer(struct bl_timer *timer)
{
	lifecycle_advance(timer->data);
}

static void retry_later(struct lifecycle *lifecycle)
{
	bl_timer_arm(lifecycle->loop, &lifecycle->retry, lifecycle->backoff_ns, on_timer,
		     lifecycle);
	lifecycle->backoff_ns *= 2;
	if (lifecycle->backoff_ns > BACKOFF_MAX_NS)
		lifecycle->backoff_ns = BACKOFF_MAX_NS;
}

static void fail_step(struct lifecycle *lifecycle, const struct bl_err *err)
{
	bl_error("VM not started", "vmi", lifecycle->domain_name, "reason", err->message);
	lifecycle->failure = *err;
	retry_later(lifecycle);
	lifecycle->ops->changed(lifecycle->data);
}

/* ---- the end ---- */

void lifecycle_finish(struct lifecycle *lifecycle, struct ending ending)
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

static const char *const state_names[] = {
	[VIRT_RUNNING] = "running",
	[VIRT_PAUSED] = "paused",
	[VIRT_STALLED] = "stalled by a disk",
};

/* QEMU stops a guest whose disk fails (a full file system, mostly): it is resumed now and then, which
 * tries the same request again. */
static void on_active(struct lifecycle *lifecycle, enum virt_state state)
{
	bool news = !lifecycle->active || lifecycle->state != state;

	lifecycle->active = true;
	lifecycle->state = state;
	lifecycle->failure.code = 0;
	if (state != VIRT_STALLED)
		bl_timer_disarm(&lifecycle->retry);
	else if (!lifecycle->retry.loop)
		retry_later(lifecycle);
	if (lifecycle->record.stage != RECORD_STARTED)
		remember(lifecycle, RECORD_STARTED);
	console_attach(lifecycle->console);
	if (!news)
		return;
	bl_info("VM is up", "vmi", lifecycle->domain_name, "state", state_names[state]);
	lifecycle->ops->changed(lifecycle->data);
}

static bool is_active(enum virt_state state)
{
	return state == VIRT_RUNNING || state == VIRT_PAUSED || state == VIRT_STALLED;
}

/* Whether the domain, found inactive, has had its run. When the launcher died between asking for the
 * start and seeing it, libvirt's memory of an end tells. */
static bool has_run(const struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	enum virt_end end = reply->end;

	if (lifecycle->record.stage == RECORD_STARTED)
		return true;
	return lifecycle->record.stage == RECORD_STARTING && !lifecycle->busy &&
	       reply->verb != VIRT_START &&
	       (end == VIRT_END_SHUTDOWN || end == VIRT_END_DESTROYED || end == VIRT_END_CRASHED);
}

static void learn(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	if (reply->state == VIRT_UNKNOWN || lifecycle_has_ended(lifecycle))
		return;
	lifecycle->observed = true;
	if (is_active(reply->state))
		on_active(lifecycle, reply->state);
	else if (reply->state != VIRT_STARTING && has_run(lifecycle, reply))
		lifecycle_finish(lifecycle,
				 ending_of(reply->end, lifecycle->stopping, lifecycle->killed));
}

static void on_started(struct lifecycle *lifecycle, const struct virt_reply *reply)
{
	lifecycle->busy = false;
	if (!reply->err.code && !lifecycle_has_ended(lifecycle))
		remember(lifecycle, RECORD_STARTED);
}

static void finish_action(const struct virt_reply *reply)
{
	struct lifecycle_action *action = reply->context;

	action->fn(reply->err.code ? &reply->err : NULL, action->data);
	free(action);
}

static void on_reply(const struct virt_reply *reply, void *data)
{
	struct lifecycle *lifecycle = data;

	if (reply->verb == VIRT_CONNECT)
		lifecycle_connected(lifecycle, &reply->err);
	if (reply->verb == VIRT_START)
		on_started(lifecycle, reply);
	if (reply->verb == VIRT_DESTROY)
		lifecycle_killed(lifecycle, &reply->err);
	learn(lifecycle, reply);
	if (reply->context)
		finish_action(reply);
	/* A start that failed because the domain ran already did not fail. */
	if (reply->verb == VIRT_START && reply->err.code && !lifecycle->active)
		fail_step(lifecycle, &reply->err);
	else
		lifecycle_advance(lifecycle);
}

static void on_changed(void *data)
{
	struct lifecycle *lifecycle = data;

	lifecycle_submit(lifecycle, VIRT_OBSERVE);
}

static const struct virt_ops virt_ops = {
	.reply = on_reply,
	.changed = on_changed,
	.closed = lifecycle_disconnected,
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
	lifecycle_advance(lifecycle);
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
void lifecycle_advance(struct lifecycle *lifecycle)
{
	struct blueprint *blueprint = lifecycle->blueprint;

	if (lifecycle_has_ended(lifecycle) || lifecycle->busy)
		return;
	if (lifecycle->stopping) {
		lifecycle_press(lifecycle);
		return;
	}
	if (lifecycle->retry.loop)
		return;
	if (lifecycle->active && lifecycle->state == VIRT_STALLED)
		lifecycle_submit(lifecycle, VIRT_RESUME);
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

/* ---- birth ---- */

/* QEMU writes both by itself, as the guest pleases. */
static int bound_logs(struct lifecycle *lifecycle, struct bl_err *err)
{
	bl_autofree char *serial = paths_private(lifecycle->uid, BL_LAUNCHER_SERIAL_LOG_NAME);
	bl_autofree char *qemu =
		bl_format(BL_LAUNCHER_QEMU_LOG_DIR "/%s.log", lifecycle->domain_name);
	int r = bl_dir_make(BL_LAUNCHER_QEMU_LOG_DIR, 0755, err);

	if (r == 0)
		r = logfile_new(lifecycle->loop, serial, SERIAL_LOG_MAX, &lifecycle->serial_log,
				err);
	if (r == 0)
		r = logfile_new(lifecycle->loop, qemu, QEMU_LOG_MAX, &lifecycle->qemu_log, err);
	return r;
}

static int begin(struct lifecycle *lifecycle, const char *private_dir, struct bl_err *err)
{
	int r = bl_dir_make(private_dir, 0755, err);

	if (r == 0)
		r = bound_logs(lifecycle, err);
	if (r == 0)
		r = record_read(lifecycle->record_path, &lifecycle->record, err);
	if (r == 0)
		r = libvirtd_new(lifecycle->loop, lifecycle_connect, lifecycle,
				 &lifecycle->libvirtd, err);
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
	lifecycle->uid = bl_strdup(identity->uid);
	lifecycle->domain_name = paths_domain_name(identity->namespace, identity->name);
	lifecycle->record_path = paths_private(identity->uid, "launcher.json");
	lifecycle->vnc_path = paths_private(identity->uid, BL_LAUNCHER_VNC_NAME);
	lifecycle->console = console_new(loop, serial, serial_log);
	r = begin(lifecycle, private_dir, err);
	/* A failure ends the program: what was begun needs no undoing. */
	if (r < 0)
		return r;
	lifecycle_connect(lifecycle);
	*ret_lifecycle = lifecycle;
	return 0;
}
