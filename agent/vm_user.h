/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which user VMs run as. 107 is what KubeVirt's images use and what Debian gives libvirt-qemu; where
 * somebody else has that number, the first free one of a range that no distribution hands out.
 */
#pragma once

#include <sys/types.h>

#include <beeline/err.h>

/* Looks into the host's accounts and changes nothing there. The same answer every time, as long as
 * the accounts stay. */
int vm_user_pick(uid_t *ret_uid, struct bl_err *err);
