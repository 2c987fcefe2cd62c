/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that several verbs have, each said once. owner is the verb's options struct; a row fills its
 * member of the option's name. Only rows live here; an option of one verb stands in that verb's file.
 */
#pragma once

#include <stddef.h>

#include <beeline/api.h>
#include <beeline/option.h>

#include "client.h"

#define OPTION_SOCKET(owner)                                                                   \
	{                                                                                      \
		.name = "socket", .type = BL_OPTION_STRING, .offset = offsetof(owner, socket), \
		.argument = "PATH", .default_value = BL_AGENT_SOCKET, .env = "BEELINE_SOCKET", \
		.help = "the agent's socket"                                                   \
	}
#define OPTION_NAMESPACE(owner)                                                        \
	{                                                                              \
		.name = "namespace", .letter = 'n', .type = BL_OPTION_STRING,          \
		.offset = offsetof(owner, namespace), .argument = "NAMESPACE",         \
		.default_value = NAMESPACE_DEFAULT, .help = "namespace of the objects" \
	}
/* Where it matters whether one was given: NULL when not. */
#define OPTION_NAMESPACE_GIVEN(owner, text)                                                 \
	{                                                                                   \
		.name = "namespace", .letter = 'n', .type = BL_OPTION_STRING,               \
		.offset = offsetof(owner, namespace), .argument = "NAMESPACE", .help = text \
	}
#define OPTION_NAMESPACE_OF_MANIFESTS(owner)                                                     \
	OPTION_NAMESPACE_GIVEN(owner, "for objects that name none (default \"" NAMESPACE_DEFAULT \
				      "\"); others must agree with it")
#define OPTION_ALL_NAMESPACES(owner, text)                                       \
	{                                                                        \
		.name = "all-namespaces", .letter = 'A', .type = BL_OPTION_FLAG, \
		.offset = offsetof(owner, all_namespaces), .help = text          \
	}
#define OPTION_SELECTOR(owner)                                                     \
	{                                                                          \
		.name = "selector", .letter = 'l', .type = BL_OPTION_STRING,       \
		.offset = offsetof(owner, selector), .argument = "LABELS",         \
		.help = "only objects with these labels: a=b,c!=d,e in (f,g),h,!i" \
	}
#define OPTION_FILES(owner, text)                                                  \
	{                                                                          \
		.name = "filename", .letter = 'f', .type = BL_OPTION_LIST,         \
		.offset = offsetof(owner, files), .argument = "FILE", .help = text \
	}
#define OPTION_GRACE(owner)                                                                        \
	{                                                                                          \
		.name = "grace-period", .type = BL_OPTION_INTEGER,                                 \
		.offset = offsetof(owner, grace_s), .argument = "SECONDS", .default_value = "-1",  \
		.min = -1, .help = "time that a guest gets to shut down; -1: as its manifest says" \
	}
#define OPTION_FORCE(owner)                                                                \
	{                                                                                  \
		.name = "force", .type = BL_OPTION_FLAG, .offset = offsetof(owner, force), \
		.help = "at once, as if the power were cut"                                \
	}
#define OPTION_IGNORE_NOT_FOUND(owner)                              \
	{                                                           \
		.name = "ignore-not-found", .type = BL_OPTION_FLAG, \
		.offset = offsetof(owner, ignore_not_found),        \
		.help = "a missing object is no failure"            \
	}

#define OUTPUT_CHOICES "wide|json|yaml|name|jsonpath="
#define OPTION_OUTPUT(owner, values)                                                        \
	{                                                                                   \
		.name = "output", .letter = 'o', .type = BL_OPTION_STRING,                  \
		.offset = offsetof(owner, output), .argument = "FORMAT", .choices = values, \
		.help = "how the answer is printed"                                         \
	}
