/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for a pod's uplink that is gone. CNI plugins learn from the interface itself for which
 * addresses they have left rules outside the namespace (ptp: masquerading), so DEL would leave these
 * for ever when somebody has taken the interface or its namespace away.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>

/* Makes an interface of that name with the addresses of a CNI result, unless there is one. */
int uplink_stand_in(int netns_fd, const char *ifname, const struct cJSON *result,
		    struct bl_err *err);
