/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb's row; each lives in the file of its name. main.c puts them in order. */
#pragma once

#include <beeline/option.h>

extern const struct bl_verb verb_apply;
extern const struct bl_verb verb_capture;
extern const struct bl_verb verb_console;
extern const struct bl_verb verb_ct;
extern const struct bl_verb verb_delete;
extern const struct bl_verb verb_describe;
extern const struct bl_verb verb_endpoint;
extern const struct bl_verb verb_get;
extern const struct bl_verb verb_identity;
extern const struct bl_verb verb_image;
extern const struct bl_verb verb_ipcache;
extern const struct bl_verb verb_logs;
extern const struct bl_verb verb_monitor;
extern const struct bl_verb verb_pause;
extern const struct bl_verb verb_policy;
extern const struct bl_verb verb_restart;
extern const struct bl_verb verb_run;
extern const struct bl_verb verb_ssh;
extern const struct bl_verb verb_start;
extern const struct bl_verb verb_status;
extern const struct bl_verb verb_stop;
extern const struct bl_verb verb_top;
extern const struct bl_verb verb_unpause;
extern const struct bl_verb verb_version;
extern const struct bl_verb verb_vnc;
