// SPDX-License-Identifier: Apache-2.0
/* What the agent asks of a lifecycle and is told of it. */
#include <errno.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/rpc.h>

#include "lifecycle_private.h"
#include "paths.h"

static int check_identity(const struct lifecycle *lifecycle, const struct bl_vmi *vmi,
			  struct bl_err *err)
{
	bl_autofree char *name = paths_domain_name(vmi->namespace, vmi->name);

	if (strcmp(name, lifecycle->domain_name) == 0 && vmi->uid &&
	    strcmp(vmi->uid, lifecycle->uid) == 0)
		return 0;
	return bl_fail(err, -EINVAL, "this launcher is there for %s with uid %s",
		       lifecycle->domain_name, lifecycle->uid);
}

int lifecycle_sync(struct lifecycle *lifecycle, const struct cJSON *vmi,
		   const struct cJSON *prepared, struct bl_err *err)
{
	bl_auto_blueprint struct blueprint *blueprint = NULL;
	int r;

	if (lifecycle_has_ended(lifecycle) || lifecycle->busy)
		return 0; /* nothing in it could change what goes on */
	r = blueprint_new(vmi, prepared, &blueprint, err);
	if (r == 0)
		r = check_identity(lifecycle, blueprint->vmi, err);
	if (r < 0)
		return r;
	blueprint_free(lifecycle->blueprint);
	lifecycle->blueprint = bl_take_ptr(blueprint);
	lifecycle_advance(lifecycle);
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
	struct lifecycle_action *action;
	struct bl_err err = BL_ERR_INIT;

	if (!lifecycle->active) {
		bl_fail(&err, -ESRCH, "the VM does not run");
		fn(&err, data);
		return;
	}
	if (!lifecycle->connected) { /* it would wait behind the connection, maybe for ever */
		bl_fail(&err, -ENOTCONN, "%s",
			lifecycle->outage.code ? lifecycle->outage.message
					       : "the libvirt daemon is not connected yet");
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
	if (lifecycle_has_ended(lifecycle))
		return lifecycle->record.succeeded ? "Succeeded" : "Failed";
	if (lifecycle->active)
		return lifecycle->state == VIRT_RUNNING ? "Running" : "Paused";
	/* It runs unless libvirt, when it is asked, says otherwise. */
	return lifecycle->record.stage == RECORD_STARTED ? "Unknown" : "Preparing";
}

struct cJSON *lifecycle_state(const struct lifecycle *lifecycle)
{
	struct cJSON *state = bl_json_object();

	bl_json_set_string(state, "phase", phase(lifecycle));
	if (lifecycle_has_ended(lifecycle)) {
		bl_json_set_string(state, "reason", lifecycle->record.reason);
		bl_json_set_string(state, "message", lifecycle->record.message);
	} else if (lifecycle->active && lifecycle->state == VIRT_STALLED) {
		bl_json_set_string(state, "reason", "IOError");
		bl_json_set_string(state, "message",
				   "a disk failed or its file system is full; the guest waits and "
				   "is resumed from time to time");
	} else if (lifecycle->failure.code) {
		bl_json_set_string(state, "reason", "StartFailed");
		bl_json_set_string(state, "message", lifecycle->failure.message);
	}
	if (lifecycle->outage.code && !lifecycle_has_ended(lifecycle))
		bl_json_set_string(state, "outage", lifecycle->outage.message);
	if (lifecycle->blueprint)
		blueprint_describe(lifecycle->blueprint, state);
	return state;
}
