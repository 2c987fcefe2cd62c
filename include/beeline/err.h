/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something failed: a code and a sentence, as a value on the caller's stack. It owns nothing,
 * so it cannot leak and may be overwritten at will.
 *
 * Every fallible function is `int f(..., ret_x, struct bl_err *err)`: 0 is success, a negative
 * errno is failure and err is filled, a positive value is a condition that the function's own
 * header enumerates. err may be NULL. Library code returns; only programs log.
 */
#pragma once

#include <stdarg.h>

#define BL_ERR_MESSAGE_MAX 1024

struct bl_err {
	int code; /* negative errno, 0 when nothing failed */
	char message[BL_ERR_MESSAGE_MAX];
};

#define BL_ERR_INIT     \
	(struct bl_err) \
	{               \
		0       \
	}

/* Fills err and returns code: `return bl_fail(err, -ENOENT, "pod '%s'", name)`. */
int bl_fail(struct bl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like bl_fail(), with ": <strerror(-code)>" appended. For failed system calls. */
int bl_fail_errno(struct bl_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "<text>: " before the message, so that it reads from the outer to the inner; returns
 * err->code (or -EIO when err is NULL or empty). */
int bl_wrap(struct bl_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
