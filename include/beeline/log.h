/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on stderr: `level=info msg="endpoint attached" vmi=default/vm-01`.
 * Values are quoted when they need it; control characters never reach the terminal. Only programs
 * log, once per failure, at the place that decides what to do about it. No secrets, no whole objects.
 */
#pragma once

enum bl_log_level { BL_LOG_DEBUG, BL_LOG_INFO, BL_LOG_WARN, BL_LOG_ERROR };
enum bl_log_format { BL_LOG_TEXT, BL_LOG_JSON };

void bl_log_init(enum bl_log_level level, enum bl_log_format format);

/* Pairs of (const char *key, const char *value), ended by NULL. A NULL value leaves the pair out. */
void bl_log(enum bl_log_level level, const char *msg, ...) __attribute__((sentinel));

#define bl_debug(...) bl_log(BL_LOG_DEBUG, __VA_ARGS__, NULL)
#define bl_info(...)  bl_log(BL_LOG_INFO, __VA_ARGS__, NULL)
#define bl_warn(...)  bl_log(BL_LOG_WARN, __VA_ARGS__, NULL)
#define bl_error(...) bl_log(BL_LOG_ERROR, __VA_ARGS__, NULL)
