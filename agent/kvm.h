/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a guest really runs under KVM here. A /dev/kvm that opens proves little: there are
 * implementations that emulate every instruction, pass all set-up calls, and then stop a kernel for
 * ever without a word. So a few instructions are run.
 */
#pragma once

#include <stdbool.h>

/* Some milliseconds, at most about a second; done in a child, whatever becomes of it. For the start
 * of a program, before its loop runs. *ret_reason is a static text that completes "KVM is (not)
 * used: ...". */
bool kvm_probe(const char **ret_reason);
