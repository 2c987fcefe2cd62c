// SPDX-License-Identifier: Apache-2.0
/* How the end of a domain is told: see ending.h. */
#include "ending.h"

static const struct ending by_itself[] = {
	[VIRT_END_NEVER] = {false, "Unknown", "the guest ended while nobody watched"},
	[VIRT_END_SHUTDOWN] = {true, "Shutdown", "the guest shut down"},
	[VIRT_END_DESTROYED] = {false, "Destroyed", "the guest was destroyed from outside"},
	[VIRT_END_CRASHED] = {false, "Crashed", "the guest or its emulator crashed"},
	[VIRT_END_FAILED] = {false, "Failed", "the emulator failed"},
};

struct ending ending_of(enum virt_end end, bool stopping, bool killed)
{
	if (killed)
		return (struct ending){true, "Killed",
				       "the guest did not shut down in time, or could not"};
	/* Whatever took the domain away, the stop is what was wanted; a crash stays a crash. */
	if (stopping && end != VIRT_END_CRASHED && end != VIRT_END_FAILED)
		return (struct ending){true, "Shutdown", "the guest was shut down"};
	return by_itself[end];
}

struct ending ending_before_start(void)
{
	return (struct ending){true, "Stopped", "the VM was stopped before it ran"};
}
