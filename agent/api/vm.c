// SPDX-License-Identifier: Apache-2.0
/* Methods on running and startable VMs: vm, vmi, console, vnc, logs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/plan.h>

#include "../agent.h"
#include "../api.h"
#include "../kinds.h"
#include "../launcher_link.h"
#include "../objects.h"
#include "../sandbox.h"
#include "../vmis.h"

static int take_verb(const struct api_request *request, enum bl_vm_verb *ret_verb,
		     struct bl_err *err)
{
	static const char *const names[] = {
		[BL_VM_START] = "start",
		[BL_VM_STOP] = "stop",
		[BL_VM_RESTART] = "restart",
	};
	const char *verb;
	int r;

	r = api_string(request, "verb", &verb, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], verb) == 0) {
			*ret_verb = i;
			return 0;
		}
	}
	return bl_fail(err, -EINVAL, "'%s' is none of start, stop, restart", verb);
}

/* What a verb changes: the run strategy, or the requests that the plan follows. */
static void take_over(struct cJSON *vm, void *data)
{
	static const char *const members[] = {"spec", "status"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const struct cJSON *value = bl_json_get(data, members[i]);

		if (value)
			bl_json_set(vm, members[i], bl_json_copy(value));
	}
}

static int request_change(struct objects *objects, const struct object_key *vm_key,
			  const struct cJSON *vmi, enum bl_vm_verb verb, struct bl_err *err)
{
	const struct cJSON *vm = objects_get(objects, vm_key);
	bl_auto_json struct cJSON *changed = NULL;
	int r;

	if (!vm)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found in namespace \"%s\"", KIND_VM,
			       vm_key->name, vm_key->namespace);
	changed = bl_json_copy(vm);
	r = bl_vm_request(changed, vmi, verb, err);
	if (r < 0)
		return bl_wrap(err, "%s \"%s\"", KIND_VM, vm_key->name);
	return objects_update(objects, vm_key, take_over, changed, err);
}

static int method_vm(const struct api_request *request, struct cJSON **ret_result,
		     struct bl_err *err)
{
	struct objects *objects = request->agent->objects;
	struct object_key vm_key = {.kind = KIND_VM}, vmi_key = {.kind = KIND_VMI};
	double grace = bl_json_get_number(request->params, "gracePeriodSeconds", -1);
	enum bl_vm_verb verb = BL_VM_START;
	int r;

	r = take_verb(request, &verb, err);
	if (r == 0)
		r = api_object_name(request, &vm_key.namespace, &vm_key.name, err);
	if (r < 0)
		return r;
	vmi_key.namespace = vm_key.namespace;
	vmi_key.name = vm_key.name;
	r = request_change(objects, &vm_key, objects_get(objects, &vmi_key), verb, err);
	/* The plan would give the guest what its manifest says. */
	if (r == 0 && grace >= 0 && verb != BL_VM_START && objects_get(objects, &vmi_key))
		r = objects_mark_deleted(objects, &vmi_key, grace, err);
	return r;
}

/* A call that is passed on to a VMI's launcher; cancelled when the client went away meanwhile. */
struct passed_call {
	struct bl_rpc_call *call; /* NULL: nobody waits */
	char *name;               /* of the VMI, for errors: the launcher's words do not say it */
};

static void passed_free(struct passed_call *passed)
{
	free(passed->name);
	free(passed);
}

static void passed_cancelled(struct bl_rpc_call *call, void *data)
{
	((struct passed_call *)data)->call = NULL;
}

/* Descriptors go straight from the launcher to the client. */
static void passed_done(const struct cJSON *result, const struct bl_err *why, int *fds,
			unsigned int n_fds, void *data)
{
	struct passed_call *passed = data;

	if (passed->call && why) {
		struct bl_err err = *why;

		bl_wrap(&err, "%s \"%s\"", KIND_VMI, passed->name);
		bl_rpc_error(passed->call, &err);
	} else if (passed->call) {
		bl_rpc_reply_fds(passed->call, bl_json_object(), fds, n_fds);
	}
	passed_free(passed);
}

static int pass_on(const struct api_request *request, const char *method, struct bl_err *err)
{
	static const struct bl_rpc_reply_ops ops = {.done = passed_done};
	struct object_key key = {.kind = KIND_VMI};
	struct launcher_link *link;
	struct passed_call *passed;
	int r;

	r = api_object_name(request, &key.namespace, &key.name, err);
	if (r < 0)
		return r;
	if (!objects_get(request->agent->objects, &key))
		return bl_fail(err, -ENOENT, "%s \"%s\" not found in namespace \"%s\"", KIND_VMI,
			       key.name, key.namespace);
	link = vmis_link(request->agent->vmis, key.namespace, key.name);
	if (!launcher_link_is_up(link))
		return bl_fail(err, -ENOTCONN, "VMI \"%s\" is not running", key.name);
	passed = bl_alloc(sizeof(*passed));
	passed->call = request->call;
	passed->name = bl_strdup(key.name);
	bl_rpc_on_cancel(request->call, passed_cancelled, passed);
	r = launcher_link_call(link, method, NULL, &ops, passed, err);
	if (r < 0) {
		passed_free(passed);
		return r;
	}
	return API_LATER;
}

static int method_vmi(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	static const char *const verbs[] = {"pause", "unpause", "reset"};
	const char *verb;
	int r;

	r = api_string(request, "verb", &verb, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i], verb) == 0)
			return pass_on(request, verbs[i], err);
	return bl_fail(err, -EINVAL, "'%s' is none of pause, unpause, reset", verb);
}

static int method_console(const struct api_request *request, struct cJSON **ret_result,
			  struct bl_err *err)
{
	return pass_on(request, "console", err);
}

static int method_vnc(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	return pass_on(request, "vnc", err);
}

static int method_logs(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	const char *namespace, *name, *source;
	bl_autoclose int fd = -1;
	int r;

	r = api_object_name(request, &namespace, &name, err);
	if (r == 0)
		r = api_string(request, "source", &source, err);
	if (r == 0)
		r = sandbox_open_log(request->agent->sandboxes, namespace, name, source, &fd, err);
	if (r < 0)
		return r;
	bl_rpc_reply_fds(request->call, bl_json_object(), &fd, 1);
	return API_LATER;
}

const struct api_method api_vm_methods[] = {
	{"vm", method_vm},   {"vmi", method_vmi},   {"console", method_console},
	{"vnc", method_vnc}, {"logs", method_logs}, {0},
};
