// SPDX-License-Identifier: Apache-2.0
/* Filling struct bl_err. Nothing here allocates or logs. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/err.h>

/* The arguments may point into err->message itself, hence the detour over a buffer of our own. */
static void fill(struct bl_err *err, int code, const char *fmt, va_list args, const char *tail)
{
	char text[BL_ERR_MESSAGE_MAX];
	int len = vsnprintf(text, sizeof(text), fmt, args);

	if (tail && len >= 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, ": %s", tail);
	err->code = code;
	memcpy(err->message, text, strlen(text) + 1);
}

int bl_fail(struct bl_err *err, int code, const char *fmt, ...)
{
	va_list args;

	assert(code < 0);
	if (!err)
		return code;
	va_start(args, fmt);
	fill(err, code, fmt, args, NULL);
	va_end(args);
	return code;
}

int bl_fail_errno(struct bl_err *err, int code, const char *fmt, ...)
{
	char reason[128];
	va_list args;

	assert(code < 0);
	if (!err)
		return code;
	va_start(args, fmt);
	fill(err, code, fmt, args, strerror_r(-code, reason, sizeof(reason)));
	va_end(args);
	return code;
}

int bl_wrap(struct bl_err *err, const char *fmt, ...)
{
	char inner[BL_ERR_MESSAGE_MAX];
	va_list args;

	if (!err || !err->code)
		return -EIO;
	memcpy(inner, err->message, sizeof(inner));
	va_start(args, fmt);
	fill(err, err->code, fmt, args, inner);
	va_end(args);
	return err->code;
}
