/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typed view of a VirtualMachineInstance and of a VirtualMachine (kubevirt.io/v1): only the
 * fields that Beeline uses. The user's document is kept as it was written; these structs are read
 * from it and never written back.
 *
 *   JSON --bl_vmi_decode--> struct bl_vmi --bl_vmi_default--> complete --bl_vmi_validate--> sound
 *
 * Every error names the full path ("spec.domain.cpu.cores: expected integer, got string"). A field
 * that KubeVirt knows and Beeline does not support yet is refused with a sentence; a field that
 * nobody knows is refused as unknown. All strings are owned by the struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/addr.h>
#include <beeline/err.h>
#include <beeline/fields.h>
#include <beeline/json.h>

#define BL_VMI_DISKS_MAX      64
#define BL_VMI_INTERFACES_MAX 16
#define BL_VMI_VOLUMES_MAX    256
#define BL_VMI_PORTS_MAX      64

enum bl_disk_device { BL_DISK_DISK, BL_DISK_CDROM, BL_DISK_LUN };
enum bl_disk_bus { BL_BUS_UNSET, BL_BUS_VIRTIO, BL_BUS_SATA, BL_BUS_SCSI, BL_BUS_USB };
enum bl_binding { BL_BINDING_POD, BL_BINDING_MASQUERADE };
enum bl_network_kind { BL_NETWORK_POD, BL_NETWORK_MULTUS };
enum bl_firmware { BL_FIRMWARE_BIOS, BL_FIRMWARE_EFI };

enum bl_volume_kind {
	BL_VOLUME_NONE,
	BL_VOLUME_CONTAINER_DISK,
	BL_VOLUME_HOST_DISK,
	BL_VOLUME_EMPTY_DISK,
	BL_VOLUME_CLOUD_INIT_NO_CLOUD,
};

struct bl_disk {
	char *name; /* of the volume */
	char *serial;
	char *cache; /* "none", "writethrough", "writeback", or NULL: decided by the launcher */
	enum bl_disk_device device;
	enum bl_disk_bus bus;
	uint32_t boot_order; /* 0: none */
	bool readonly;
};

struct bl_port {
	char *name;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t first, last;
};

struct bl_dhcp_option {
	uint8_t code; /* 224-254 */
	char *value;
};

struct bl_interface {
	char *name;
	char *model; /* "virtio" by default */
	enum bl_binding binding;
	uint8_t mac[6];
	bool has_mac;
	bool link_down; /* state: down */
	uint32_t boot_order;
	struct bl_port *ports; /* spec.domain.devices.interfaces[].ports */
	size_t n_ports;
	/* dhcpOptions */
	char *boot_file_name;   /* option 67 */
	char *tftp_server_name; /* option 66 */
	struct bl_addr *ntp_servers;
	size_t n_ntp_servers;
	struct bl_dhcp_option *private_options;
	size_t n_private_options;
};

struct bl_network {
	char *name;
	enum bl_network_kind kind;
	struct bl_addr vm_cidr; /* spec.networks[].pod.vmNetworkCIDR, default 10.0.2.0/24 */
	uint8_t vm_cidr_bits;
	struct bl_addr vm_cidr6; /* vmIPv6NetworkCIDR, default fd10:0:2::/120 */
	uint8_t vm_cidr6_bits;
};

struct bl_volume {
	char *name;
	enum bl_volume_kind kind;
	char *image;            /* containerDisk.image */
	char *path;             /* containerDisk.path or hostDisk.path */
	char *host_disk_type;   /* "Disk", "DiskOrCreate" */
	int64_t capacity_bytes; /* emptyDisk.capacity, hostDisk.capacity */
	char *user_data;        /* decoded, NUL-terminated */
	size_t user_data_len;
	char *network_data;
	size_t network_data_len;
};

struct bl_cpu {
	uint32_t cores, sockets, threads; /* 0 before defaults */
	char *model;                      /* NULL: host-model under KVM, maximum under emulation */
};

struct bl_vmi {
	char *namespace;
	char *name;
	char *uid;
	char *hostname; /* spec.hostname, default: the name */
	char *subdomain;
	struct bl_cpu cpu;
	int64_t memory_bytes;         /* guest memory */
	int64_t memory_request_bytes; /* resources.requests.memory, 0: none */
	int64_t memory_limit_bytes;   /* resources.limits.memory, 0: none */
	int64_t cpu_request_milli;    /* resources.requests.cpu, 0: none */
	int64_t cpu_limit_milli;
	char *machine_type; /* "q35" */
	enum bl_firmware firmware;
	bool bios_use_serial;
	bool secure_boot;
	bool smm;
	char *firmware_uuid;
	char *firmware_serial;
	bool acpi; /* features.acpi.enabled */
	bool rng;
	bool autoattach_graphics, autoattach_serial, autoattach_memballoon,
		autoattach_pod_interface;
	bool multiqueue; /* networkInterfaceMultiqueue */
	bool start_paused;
	uint32_t termination_grace_seconds; /* default 30 */
	struct bl_disk *disks;
	size_t n_disks;
	struct bl_interface *interfaces;
	size_t n_interfaces;
	struct bl_network *networks;
	size_t n_networks;
	struct bl_volume *volumes;
	size_t n_volumes;
	char **dns_servers; /* dnsConfig.nameservers */
	size_t n_dns_servers;
	char **dns_searches;
	size_t n_dns_searches;
	struct bl_warnings warnings; /* fields accepted without effect, a sentence each */
};

enum bl_run_strategy {
	BL_RUN_ALWAYS,
	BL_RUN_RERUN_ON_FAILURE,
	BL_RUN_MANUAL,
	BL_RUN_HALTED,
	BL_RUN_ONCE,
};

struct bl_vm {
	char *namespace;
	char *name;
	char *uid;
	enum bl_run_strategy run_strategy; /* from runStrategy or running */
	const struct cJSON *vmi_template;  /* spec.template, borrowed from the document */
	struct bl_warnings warnings;       /* of the VM and its template */
};

/* Decode + default + validate; on success the caller owns *ret_vmi. The document must outlive it
 * only where a member says "borrowed". Errors: -EINVAL, or -ENOTSUP for what is sound KubeVirt but
 * not supported here. */
int bl_vmi_new(const struct cJSON *document, struct bl_vmi **ret_vmi, struct bl_err *err);
/* The same for who is not the first to read the document, or was told how strict to be. */
int bl_vmi_new_lax(const struct cJSON *document, enum bl_unknown unknown, struct bl_vmi **ret_vmi,
		   struct bl_err *err);
void bl_vmi_free(struct bl_vmi *vmi);
BL_DEFINE_AUTO(vmi, struct bl_vmi *, bl_vmi_free)
#define bl_auto_vmi bl_cleanup(bl_auto_vmi_fn)

/* A VirtualMachine; its template is decoded and validated too (errors begin "spec.template."). */
int bl_vm_new(const struct cJSON *document, struct bl_vm **ret_vm, struct bl_err *err);
int bl_vm_new_lax(const struct cJSON *document, enum bl_unknown unknown, struct bl_vm **ret_vm,
		  struct bl_err *err);
void bl_vm_free(struct bl_vm *vm);
BL_DEFINE_AUTO(vm, struct bl_vm *, bl_vm_free)
#define bl_auto_vm bl_cleanup(bl_auto_vm_fn)

/* KubeVirt's memory overhead of the pod for this VMI (facts: pkg/hypervisor/kvm), plus the
 * emulator's code buffer when it runs without KVM. */
int64_t bl_vmi_overhead_bytes(const struct bl_vmi *vmi, bool emulated);
#define BL_TCG_CODE_BUFFER_BYTES (64ll * 1024 * 1024)

uint32_t bl_vmi_vcpus(const struct bl_vmi *vmi);
const struct bl_volume *bl_vmi_volume(const struct bl_vmi *vmi, const char *name);
const struct bl_network *bl_vmi_network(const struct bl_vmi *vmi, const char *name);
/* Queues of each virtio interface: min(vCPUs, 256) with multiqueue or by our default for several
 * vCPUs, else 1. */
uint32_t bl_vmi_queues(const struct bl_vmi *vmi, const struct bl_interface *interface);

/* Checks what every object must have, whatever its kind, when its user writes it: apiVersion, kind,
 * metadata.name and namespace as DNS names, and nothing in metadata that Kubernetes' ObjectMeta has
 * not, labels and annotations by their syntax. Kinds that one machine has no use for (Service,
 * DataVolume, presets, ...) are refused with what to write instead. */
int bl_object_validate(const struct cJSON *document, struct bl_err *err);
/* Of these only what programs rely on, for objects that were written before: a VM goes on although a
 * newer program would not take its manifest any more. */
int bl_object_validate_stored(const struct cJSON *document, struct bl_err *err);
