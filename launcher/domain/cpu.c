// SPDX-License-Identifier: Apache-2.0
/* CPU model and topology of the guest. */
#include "domain.h"

#include <string.h>

/* The emulator offers the same CPU whatever the host is, and a named model may ask for what it cannot
 * emulate, so without KVM it is always all that it can do. */
static void choose_model(const struct bl_vmi *vmi, bool kvm, struct domain_cpu *cpu)
{
	const char *model = vmi->cpu.model;

	if (!kvm) {
		cpu->mode = "maximum";
	} else if (!model || strcmp(model, "host-model") == 0) {
		cpu->mode = "host-model";
	} else if (strcmp(model, "host-passthrough") == 0) {
		cpu->mode = "host-passthrough";
	} else {
		cpu->mode = "custom";
		cpu->model = model;
	}
}

void domain_build_cpu(const struct bl_vmi *vmi, bool kvm, struct domain_cpu *cpu)
{
	choose_model(vmi, kvm, cpu);
	cpu->sockets = vmi->cpu.sockets;
	cpu->cores = vmi->cpu.cores;
	cpu->threads = vmi->cpu.threads;
}
