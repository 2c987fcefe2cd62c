/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster on paper: objects from manifests, every Pod and VM of them an endpoint, and what policies
 * would say to flows between them. It neither prints answers nor knows where objects came from.
 */
#pragma once

#include <beeline/flow.h>
#include <beeline/judge.h>

#include "manifest.h"

/* Who answers. */
enum simulation_engine {
	SIMULATION_COMPILED,  /* the entries that the kernel would get */
	SIMULATION_REFERENCE, /* the rules, one by one */
	SIMULATION_KERNEL,    /* the BPF programs with these entries */
};
/* Of a name of SIMULATION_ENGINES. */
#define SIMULATION_ENGINES "compiled|reference|kernel"
enum simulation_engine simulation_engine(const char *name);

struct simulation {
	struct bl_engine *engine;       /* or else reference */
	struct bl_reference *reference; /* or else engine */
	struct bl_judge *judge;         /* NULL: the engine answers itself */
};

/* Warnings about what takes no part or cannot be enforced go to the terminal. The caller releases
 * *ret_simulation. */
int simulation_init(const struct manifests *manifests, enum simulation_engine engine,
		    struct simulation *ret_simulation, struct bl_err *err);
void simulation_release(struct simulation *simulation);
#define SIMULATION_INIT ((struct simulation){0})
#define simulation_auto bl_cleanup(simulation_release)

int simulation_ask(const struct simulation *simulation, const struct bl_flow *flow,
		   struct bl_flow_answer *ret_answer, struct bl_err *err);
