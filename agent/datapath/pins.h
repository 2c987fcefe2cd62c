/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder in which an endpoint's hooks are pinned: a link or a filter's program for each, and a folder for
 * each clsact qdisc that is ours.
 */
#pragma once

#include "room.h"

/* The caller frees the paths. */
char *pins_path(const char *dir, enum hook_place place);
char *pins_qdisc_note(const char *dir, uint32_t ifindex);
/* One that is there is fine. */
int pins_make_dir(const char *path, struct bl_err *err);

/* What is pinned there: a link, else (false) a filter's program; *ret_fd -1: nothing. */
bool pins_open(const char *path, int *ret_fd);
void pins_detach_link(const struct datapath *datapath, int link);
/* Is one of them a filter's program? */
bool pins_have_filters(const char *dir);
/* Detaches what links hold, and removes the folder with all that is in it. */
int pins_remove(struct datapath *datapath, const char *dir, struct bl_err *err);
