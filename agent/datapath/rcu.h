/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short grace periods while a tcx link is made or detached.
 *
 * For each of the two the kernel waits for one RCU grace period while it holds the lock of all
 * network configuration: 8 to 15 ms in which neither this agent's loop nor anybody's `ip link` goes
 * on, where the act itself takes 0.1 ms. The kernel's own network code asks for expedited grace
 * periods when it waits under that lock (synchronize_net()); tcx does not, so it is asked to here,
 * through /sys/kernel/rcu_expedited. A host that forbids them (rcu_normal, real-time tuning) or
 * already has them on is left alone, and where sysfs is read-only things merely take longer.
 *
 * A marker, a folder on bpffs that lives as long as the switch does, says that it was us: the agent
 * after one that was killed in between switches them off again.
 */
#pragma once

#include <stdbool.h>

/* Whether there is something to be undone by rcu_relax(). marker NULL: the host's setting is let be. */
bool rcu_hurry(const char *marker);
void rcu_relax(const char *marker, bool hurried);
/* Undoes what a killed agent left. */
void rcu_recover(const char *marker);
