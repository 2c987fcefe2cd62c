/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope. A variable that owns something is declared with its cleanup attribute and
 * always initialised; what leaves the scope leaves through bl_take_ptr() or bl_take_fd(). So a
 * function can be checked for leaks without opening its callees.
 *
 * Each owning type declares its own bl_auto_<type> next to its _free() with BL_DEFINE_AUTO().
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define bl_cleanup(fn) __attribute__((cleanup(fn)))

static inline void bl_autofree_fn(void *ptr)
{
	free(*(void **)ptr);
}
#define bl_autofree bl_cleanup(bl_autofree_fn)

static inline void bl_autoclose_fn(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
/* Closes the descriptor at the end of the scope; -1 is "none". */
#define bl_autoclose bl_cleanup(bl_autoclose_fn)

/* Defines the function behind `#define bl_auto_<name> bl_cleanup(bl_auto_<name>_fn)`. */
#define BL_DEFINE_AUTO(name, type, free_fn)               \
	static inline void bl_auto_##name##_fn(type *ptr) \
	{                                                 \
		if (*ptr)                                 \
			free_fn(*ptr);                    \
	}

/* Moves a pointer out of an owning variable: the variable becomes NULL. */
#define bl_take_ptr(ptr)                         \
	({                                       \
		__typeof__(ptr) *_slot = &(ptr); \
		__typeof__(ptr) _value = *_slot; \
		*_slot = NULL;                   \
		_value;                          \
	})

/* Moves a descriptor out of an owning variable: the variable becomes -1. */
static inline int bl_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
