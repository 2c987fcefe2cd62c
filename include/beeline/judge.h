/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF programs themselves, asked about first packets: they are loaded with maps of their own, and
 * run on packets that nobody sends. Nothing is pinned, attached or shared with an agent, and nothing is
 * left when the judge is freed.
 */
#pragma once

#include <beeline/flow.h>

struct bl_judge;

/* Knows the prefixes of the engine's last update, which has to stay the last one. -EPERM: the caller may
 * not load programs, as root may. */
int bl_judge_new(const struct bl_engine *engine, struct bl_judge **ret_judge, struct bl_err *err);
void bl_judge_free(struct bl_judge *judge);
BL_DEFINE_AUTO(judge, struct bl_judge *, bl_judge_free)
#define bl_auto_judge bl_cleanup(bl_auto_judge_fn)

/* For bl_flow_judge_by(); data is the judge. */
int bl_judge_ask(const struct bl_flow_question *question, struct bl_flow_said *ret_said, void *data,
		 struct bl_err *err);
