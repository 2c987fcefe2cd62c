/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the program arrays: which program stands in which, and in what order they change. A program
 * that others call comes before them, and those to the VM before those from it, since they look up what
 * the others record: no reply meets a program that looks where its question is not written.
 */
#pragma once

#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>

struct datapath;

/* Writes our programs into bl_progs: from each write on all endpoints run that program. */
int slots_write(struct datapath *datapath, struct bl_err *err);
/* Copies the programs that use a map, by its id, from one array into the other. */
int slots_copy(int from, int to, uint32_t map_id, struct bl_err *err);
int slots_empty(int array, enum bl_direction direction, struct bl_err *err);
