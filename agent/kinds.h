/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that the agent acts on, as manifests name them. */
#pragma once

#define KIND_VM              "VirtualMachine"
#define KIND_VMI             "VirtualMachineInstance"
#define KUBEVIRT_API_VERSION "kubevirt.io/v1"
