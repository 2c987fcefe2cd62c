/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt shall run, as a plain struct between the VMI and the XML:
 *
 *   struct bl_vmi + struct prepared + disk plan --domain_build--> struct domain --domxml--> XML
 *
 * Every decision (models, buses, defaults) is made here, one device family per file; domxml.c only
 * writes down. Strings are constants or borrowed from the inputs unless a comment says owned. All of
 * it is pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/addr.h>
#include <beeline/err.h>
#include <beeline/vmi.h>

#include "../disk.h"
#include "../prepared.h"

#define DOMAIN_TARGET_MAX 8

struct domain_cpu {
	const char *mode;  /* "host-model", "host-passthrough", "maximum", "custom" */
	const char *model; /* with "custom" */
	uint32_t sockets, cores, threads;
};

struct domain_firmware {
	const char *machine;
	const char *loader; /* NULL: SeaBIOS */
	const char *nvram_template;
	char *nvram; /* owned */
	bool secure;
	bool smm;
	bool bios_use_serial;
};

struct domain_disk {
	char *alias; /* owned: ua-<volume> */
	const char *device;
	const char *bus;
	const char *model; /* of a virtio disk */
	char target[DOMAIN_TARGET_MAX];
	const char *source;
	const char *format;
	const char *cache;
	const char *serial;
	uint32_t boot_order;
	bool readonly;
};

struct domain_interface {
	char *alias; /* owned: ua-<interface> */
	const char *tap;
	const char *model;
	const char *backend; /* "qemu" or "vhost"; NULL for an emulated card */
	char mac[BL_MAC_TEXT_MAX];
	uint16_t mtu;    /* 0: not told to the guest by the device */
	uint32_t queues; /* 1: single */
	uint32_t boot_order;
	bool link_down;
};

struct domain_controller {
	const char *type;
	const char *model;
};
#define DOMAIN_CONTROLLERS_MAX 3

/* What a guest talks to people and to us by. Paths are owned; NULL: device left out. */
struct domain_ports {
	char *serial, *serial_log;
	char *vnc;
	const char *video; /* with vnc */
};

struct domain {
	char *name; /* owned */
	const char *uid;
	const char *uuid; /* NULL: libvirt chooses */
	const char *system_serial;
	bool kvm;
	int64_t memory_bytes;
	int64_t code_buffer_bytes; /* of the emulator; 0 under KVM */
	uint32_t grace_seconds;
	bool acpi, rng, balloon, start_paused;
	struct domain_cpu cpu;
	struct domain_firmware firmware;
	struct domain_ports ports;
	struct domain_disk *disks;
	size_t n_disks;
	struct domain_interface *interfaces;
	size_t n_interfaces;
	struct domain_controller controllers[DOMAIN_CONTROLLERS_MAX];
	size_t n_controllers;
};

/* The result borrows from all inputs; the caller clears it. */
int domain_build(const struct bl_vmi *vmi, const struct prepared *prepared,
		 const struct disk_plan *plan, struct domain *ret_domain, struct bl_err *err);
void domain_clear(struct domain *domain);

/* The families. Each fills its own members of a zeroed domain; domain_clear() frees half-built ones. */
void domain_build_cpu(const struct bl_vmi *vmi, bool kvm, struct domain_cpu *cpu);
void domain_build_firmware(const struct bl_vmi *vmi, struct domain_firmware *firmware);
int domain_build_disks(const struct bl_vmi *vmi, const struct disk_plan *plan,
		       struct domain *domain, struct bl_err *err);
int domain_build_interfaces(const struct bl_vmi *vmi, const struct prepared *prepared,
			    struct domain *domain, struct bl_err *err);
void domain_build_ports(const struct bl_vmi *vmi, struct domain_ports *ports);
void domain_build_controllers(struct domain *domain);
