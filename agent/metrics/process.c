// SPDX-License-Identifier: Apache-2.0
/* The agent itself, as the kernel sees it. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "collect.h"

double process_cpu_s(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double process_resident_bytes(void)
{
	bl_autofree char *text = NULL;
	unsigned long size, resident = 0;

	if (bl_file_read("/proc/self/statm", 256, &text, NULL, NULL) < 0 ||
	    sscanf(text, "%lu %lu", &size, &resident) != 2)
		return 0;
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}
