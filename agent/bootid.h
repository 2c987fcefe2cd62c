/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which boot of this host we live in. Records carry it: what another boot has written about kernel
 * objects (namespaces, leases, containers) is no longer true.
 */
#pragma once

#include <beeline/err.h>

/* The kernel's boot id as text; the caller frees. */
int boot_id(char **ret_id, struct bl_err *err);
