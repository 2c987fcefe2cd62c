// SPDX-License-Identifier: Apache-2.0
/* Picks the VMs' user by asking the host's account database. */
#include "vm_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define VM_UID     107
#define VM_ACCOUNT "libvirt-qemu"
/* Left free by systemd's and Debian's allocations (systemd: "Users, Groups, UIDs and GIDs"). */
#define FREE_FIRST 60578
#define FREE_LAST  61183

static bool is_free(uid_t uid)
{
	return !getpwuid(uid) && !getgrgid(uid);
}

static bool is_vm_account(uid_t uid)
{
	const struct passwd *passwd = getpwuid(uid);

	return passwd && strcmp(passwd->pw_name, VM_ACCOUNT) == 0;
}

int vm_user_pick(uid_t *ret_uid, struct bl_err *err)
{
	uid_t uid = VM_UID;

	if (!is_vm_account(uid) && !is_free(uid)) {
		for (uid = FREE_FIRST; uid <= FREE_LAST && !is_free(uid); uid++)
			;
		if (uid > FREE_LAST)
			return bl_fail(err, -ENOSPC, "no free user id for VMs (107, %d to %d)",
				       FREE_FIRST, FREE_LAST);
	}
	*ret_uid = uid;
	return 0;
}
