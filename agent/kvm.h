/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a guest really runs under KVM here. A /dev/kvm that opens proves little: there are
 * implementations that emulate every instruction, pass all set-up calls, and then stop a kernel for
 * ever without a word. So a few instructions are run.
 */
#pragma once

#include <stdbool.h>

#include <beeline/loop.h>

/* reason is a static text that completes "KVM is (not) used: ...". */
typedef void kvm_fn(bool usable, const char *reason, void *data);

struct kvm_probe {
	struct bl_child child;
	kvm_fn *fn;
	void *data;
};

/* Takes some milliseconds, at most about a second, in a child, whatever becomes of it; then fn is
 * called from the loop. To be started before anything is opened that a child must not keep open. */
int kvm_probe_start(struct bl_loop *loop, struct kvm_probe *probe, kvm_fn *fn, void *data,
		    struct bl_err *err);
/* fn is not called any more; the child is ended. */
void kvm_probe_release(struct kvm_probe *probe);
