// SPDX-License-Identifier: Apache-2.0
/*
 * The launcher's two libvirt threads: see virt.h. The worker alone uses the connection, so there is
 * no lock around it; the event thread only turns callbacks into messages. An event that arrives late,
 * after a newer state was observed, only causes one more look.
 */
#include "virt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <beeline/file.h>

#include "mailbox.h"

/* libvirt's deepest call chains fit several times over; the default would reserve 8 MiB each. */
#define THREAD_STACK_BYTES (512 * 1024)

/* A daemon that says nothing for so long gets a ping; so many pings without an answer end the
 * connection and every call that waits for it. libvirt's daemon answers them beside its work, so a
 * call may take as long as it needs. */
#define KEEPALIVE_INTERVAL_S 4
#define KEEPALIVE_COUNT      2

enum message_kind { MESSAGE_REPLY, MESSAGE_CHANGED, MESSAGE_CLOSED };

struct request {
	struct letter letter;
	enum virt_verb verb;
	char *xml;
	bool paused;
	void *context;
};

struct message {
	struct letter letter;
	enum message_kind kind;
	struct virt_reply reply;
	const char *why; /* with MESSAGE_CLOSED */
};

struct virt {
	const struct virt_ops *ops;
	void *data;
	char *uri;
	char *domain;
	struct mailbox *requests; /* loop to worker */
	struct mailbox *messages; /* threads to loop */
	struct bl_io io;
	virConnectPtr connection; /* the worker's */
};

static void post(struct virt *virt, struct message message)
{
	struct message *copy = bl_alloc(sizeof(*copy));

	*copy = message;
	mailbox_post(virt->messages, &copy->letter);
}

static int fail_libvirt(struct bl_err *err, const char *what)
{
	const char *why = virGetLastErrorMessage();

	return bl_fail(err, -EIO, "%s: %s", what, why ? why : "unknown libvirt error");
}

/* ---- callbacks, on the event thread ---- */

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			void *data)
{
	post(data, (struct message){.kind = MESSAGE_CHANGED});
	return 0;
}

static void on_close(virConnectPtr connection, int reason, void *data)
{
	bool silent = reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE;

	post(data, (struct message){.kind = MESSAGE_CLOSED,
				    .why = silent ? "the libvirt daemon does not answer"
						  : "the libvirt daemon has gone"});
}

static void *run_events(void *data)
{
	for (;;) {
		/* Fails only when poll() does; the next round says so again, or it was a signal. */
		virEventRunDefaultImpl();
	}
	return NULL;
}

/* ---- verbs, on the worker ---- */

static void disconnect(struct virt *virt)
{
	if (!virt->connection)
		return;
	virConnectUnregisterCloseCallback(virt->connection, on_close);
	virConnectClose(virt->connection);
	virt->connection = NULL;
}

static int connect_daemon(struct virt *virt, struct bl_err *err)
{
	disconnect(virt);
	virt->connection = virConnectOpen(virt->uri);
	if (!virt->connection)
		return fail_libvirt(err, "connecting to the libvirt daemon");
	if (virConnectSetKeepAlive(virt->connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) < 0 ||
	    virConnectRegisterCloseCallback(virt->connection, on_close, virt, NULL) < 0 ||
	    virConnectDomainEventRegisterAny(virt->connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
					     VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), virt,
					     NULL) < 0) {
		fail_libvirt(err, "listening to libvirt");
		disconnect(virt);
		return err->code;
	}
	return 0;
}

static int start_domain(struct virt *virt, const struct request *request, struct bl_err *err)
{
	virDomainPtr domain = virDomainDefineXML(virt->connection, request->xml);
	unsigned int flags = request->paused ? VIR_DOMAIN_START_PAUSED : 0;
	int r = 0;

	if (!domain)
		return fail_libvirt(err, "defining the domain");
	if (virDomainCreateWithFlags(domain, flags) < 0)
		r = fail_libvirt(err, "starting the domain");
	virDomainFree(domain);
	return r;
}

static int act(virDomainPtr domain, enum virt_verb verb)
{
	switch (verb) {
	case VIRT_SHUTDOWN:
		return virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
	case VIRT_DESTROY:
		return virDomainDestroy(domain);
	case VIRT_SUSPEND:
		return virDomainSuspend(domain);
	case VIRT_RESUME:
		return virDomainResume(domain);
	case VIRT_RESET:
		return virDomainReset(domain, 0);
	default:
		return 0;
	}
}

static const char *const verb_words[] = {
	[VIRT_CONNECT] = "connecting",
	[VIRT_OBSERVE] = "observing the domain",
	[VIRT_START] = "starting the domain",
	[VIRT_SHUTDOWN] = "shutting the domain down",
	[VIRT_DESTROY] = "destroying the domain",
	[VIRT_SUSPEND] = "pausing the domain",
	[VIRT_RESUME] = "unpausing the domain",
	[VIRT_RESET] = "resetting the domain",
};

/* libvirt finds nothing wrong with pausing twice, and its words name no VM; these are KubeVirt's. */
static int check_paused(virDomainPtr domain, enum virt_verb verb, struct bl_err *err)
{
	int state;

	if (verb != VIRT_SUSPEND && verb != VIRT_RESUME)
		return 0;
	if (virDomainGetState(domain, &state, NULL, 0) < 0)
		return fail_libvirt(err, verb_words[verb]);
	if (verb == VIRT_SUSPEND && state == VIR_DOMAIN_PAUSED)
		return bl_fail(err, -EBUSY, "VMI is already paused");
	if (verb == VIRT_RESUME && state != VIR_DOMAIN_PAUSED)
		return bl_fail(err, -EBUSY, "VMI is not paused");
	return 0;
}

static int act_by_name(struct virt *virt, enum virt_verb verb, struct bl_err *err)
{
	virDomainPtr domain = virDomainLookupByName(virt->connection, virt->domain);
	int r = 0;

	if (!domain)
		return fail_libvirt(err, verb_words[verb]);
	r = check_paused(domain, verb, err);
	if (r == 0 && act(domain, verb) < 0)
		r = fail_libvirt(err, verb_words[verb]);
	virDomainFree(domain);
	return r;
}

static enum virt_end end_of(int shutoff_reason)
{
	switch (shutoff_reason) {
	case VIR_DOMAIN_SHUTOFF_SHUTDOWN:
	case VIR_DOMAIN_SHUTOFF_SAVED:
		return VIRT_END_SHUTDOWN;
	case VIR_DOMAIN_SHUTOFF_DESTROYED:
		return VIRT_END_DESTROYED;
	case VIR_DOMAIN_SHUTOFF_CRASHED:
		return VIRT_END_CRASHED;
	case VIR_DOMAIN_SHUTOFF_FAILED:
		return VIRT_END_FAILED;
	default:
		return VIRT_END_NEVER;
	}
}

static enum virt_state paused_state(int reason)
{
	switch (reason) {
	case VIR_DOMAIN_PAUSED_STARTING_UP:
		return VIRT_STARTING;
	case VIR_DOMAIN_PAUSED_SHUTTING_DOWN:
		return VIRT_RUNNING; /* on its way out: the event of its end follows */
	case VIR_DOMAIN_PAUSED_IOERROR:
		return VIRT_STALLED;
	default:
		return VIRT_PAUSED;
	}
}

static void read_state(virDomainPtr domain, struct virt_reply *reply)
{
	int state, reason;

	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return;
	switch (state) {
	case VIR_DOMAIN_SHUTOFF:
	case VIR_DOMAIN_CRASHED:
		reply->state = VIRT_INACTIVE;
		reply->end = state == VIR_DOMAIN_CRASHED ? VIRT_END_CRASHED : end_of(reason);
		break;
	case VIR_DOMAIN_PAUSED:
		reply->state = paused_state(reason);
		break;
	default:
		reply->state = VIRT_RUNNING;
	}
}

static void observe(struct virt *virt, struct virt_reply *reply)
{
	virDomainPtr domain;

	if (!virt->connection)
		return;
	domain = virDomainLookupByName(virt->connection, virt->domain);
	if (domain) {
		read_state(domain, reply);
		virDomainFree(domain);
	} else if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
		reply->state = VIRT_ABSENT;
	}
}

static int work(struct virt *virt, const struct request *request, struct bl_err *err)
{
	if (request->verb == VIRT_CONNECT)
		return connect_daemon(virt, err);
	if (!virt->connection)
		return bl_fail(err, -ENOTCONN, "%s: no libvirt daemon", verb_words[request->verb]);
	if (request->verb == VIRT_START)
		return start_domain(virt, request, err);
	if (request->verb == VIRT_OBSERVE)
		return 0;
	return act_by_name(virt, request->verb, err);
}

static void *run_worker(void *data)
{
	struct virt *virt = data;

	for (;;) {
		struct request *request = (struct request *)mailbox_take(virt->requests);
		struct virt_reply reply = {.verb = request->verb, .context = request->context};

		work(virt, request, &reply.err);
		observe(virt, &reply);
		post(virt, (struct message){.kind = MESSAGE_REPLY, .reply = reply});
		free(request->xml);
		free(request);
	}
	return NULL;
}

/* ---- on the loop ---- */

static void on_messages(struct bl_io *io, uint32_t events)
{
	struct virt *virt = io->data;
	struct message *message;

	while ((message = (struct message *)mailbox_take(virt->messages))) {
		if (message->kind == MESSAGE_REPLY)
			virt->ops->reply(&message->reply, virt->data);
		else if (message->kind == MESSAGE_CHANGED)
			virt->ops->changed(virt->data);
		else
			virt->ops->closed(message->why, virt->data);
		free(message);
	}
}

void virt_submit(struct virt *virt, const struct virt_request *request)
{
	struct request *copy = bl_alloc(sizeof(*copy));

	copy->verb = request->verb;
	copy->xml = bl_strdup(request->xml);
	copy->paused = request->paused;
	copy->context = request->context;
	mailbox_post(virt->requests, &copy->letter);
}

/* What libvirt has to say comes back as a reply's error; it shall not write to stderr besides. */
static void ignore_error(void *data, virErrorPtr error)
{
}

/* Signals belong to the loop: a thread is born with all of them blocked. */
static int start_thread(void *(*fn)(void *data), void *data, struct bl_err *err)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, fn, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return r ? bl_fail_errno(err, -r, "starting a thread") : 0;
}

static int start_libvirt(struct virt *virt, struct bl_err *err)
{
	virSetErrorFunc(NULL, ignore_error);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return fail_libvirt(err, "starting libvirt's client");
	return 0;
}

int virt_new(struct bl_loop *loop, const char *uri, const char *domain, const struct virt_ops *ops,
	     void *data, struct virt **ret_virt, struct bl_err *err)
{
	struct virt *virt = bl_alloc(sizeof(*virt));
	int r;

	virt->ops = ops;
	virt->data = data;
	virt->uri = bl_strdup(uri);
	virt->domain = bl_strdup(domain);
	r = start_libvirt(virt, err);
	if (r == 0)
		r = mailbox_new(true, &virt->requests, err);
	if (r == 0)
		r = mailbox_new(false, &virt->messages, err);
	if (r == 0)
		r = bl_io_add(loop, &virt->io, mailbox_fd(virt->messages), EPOLLIN, on_messages,
			      virt, err);
	if (r == 0)
		r = start_thread(run_events, virt, err);
	if (r == 0)
		r = start_thread(run_worker, virt, err);
	/* A failure ends the program: what was begun needs no undoing. */
	if (r == 0)
		*ret_virt = virt;
	return r;
}
