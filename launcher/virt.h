/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt, owned whole. Its calls block (a start takes seconds) and its connection cannot cross a
 * fork, so it lives in two threads of its own:
 *
 *   loop --request--> worker thread --libvirt call--> daemon
 *   loop <--reply---- worker thread
 *   loop <--event---- event thread (libvirt's event loop)
 *
 * Requests, replies and events are plain structs that cross by mailboxes. Requests are worked off
 * one by one in their order. No libvirt type leaves virt.c.
 *
 * A daemon that hangs is noticed by libvirt's keepalive, which ends the connection. Only VIRT_CONNECT
 * has no such bound: it waits until the daemon goes on or dies, and everything behind it waits too.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>
#include <beeline/loop.h>

enum virt_verb {
	VIRT_CONNECT, /* drops the old connection, if any, and makes a new one */
	VIRT_OBSERVE,
	VIRT_START,    /* defines the domain from XML and starts it */
	VIRT_SHUTDOWN, /* presses the ACPI power button */
	VIRT_DESTROY,
	VIRT_SUSPEND,
	VIRT_RESUME,
	VIRT_RESET,
};

/* The domain as libvirt sees it after the verb. */
enum virt_state {
	VIRT_UNKNOWN,  /* could not be asked: the reply's err says why, or no connection */
	VIRT_ABSENT,   /* not defined */
	VIRT_INACTIVE, /* defined; how it ended is in end */
	VIRT_STARTING,
	VIRT_RUNNING,
	VIRT_PAUSED,
	VIRT_STALLED, /* paused by QEMU itself: a disk failed */
};

enum virt_end {
	VIRT_END_NEVER, /* not started, or libvirt has forgotten */
	VIRT_END_SHUTDOWN,
	VIRT_END_DESTROYED,
	VIRT_END_CRASHED,
	VIRT_END_FAILED,
};

struct virt_reply {
	enum virt_verb verb;
	struct bl_err err; /* code 0: the verb succeeded */
	enum virt_state state;
	enum virt_end end;
	void *context; /* of the request */
};

struct virt_ops {
	void (*reply)(const struct virt_reply *reply, void *data);
	void (*changed)(void *data); /* the domain's state may have changed: observe */
	/* The connection has ended, because the daemon did or because it did not answer: connect
	 * again. Calls that waited for it have failed. */
	void (*closed)(const char *why, void *data);
};

struct virt;

/* Starts the threads; they live to the end of the process. domain is the name of the only domain
 * that this launcher cares for. */
int virt_new(struct bl_loop *loop, const char *uri, const char *domain, const struct virt_ops *ops,
	     void *data, struct virt **ret_virt, struct bl_err *err);

/* xml (copied) and paused are for VIRT_START. */
struct virt_request {
	enum virt_verb verb;
	const char *xml;
	bool paused;
	void *context;
};
void virt_submit(struct virt *virt, const struct virt_request *request);
