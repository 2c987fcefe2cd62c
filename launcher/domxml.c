// SPDX-License-Identifier: Apache-2.0
/*
 * The XML of a domain: one function per element family, in the order in which libvirt prints them.
 * The writer fails only for want of memory, which aborts, as everywhere.
 */
#include "domxml.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <libxml/xmlwriter.h>

#include <beeline/file.h>

#define METADATA_NAMESPACE "http://kubevirt.io"
#define NUMBER_MAX         24

/* A number as text for the length of one statement. */
#define NUMBER(value) number_text((char[NUMBER_MAX]){}, (int64_t)(value))

static const char *number_text(char text[NUMBER_MAX], int64_t value)
{
	snprintf(text, NUMBER_MAX, "%" PRId64, value);
	return text;
}

static void must(int written)
{
	if (written < 0)
		abort();
}

/* Starts an element with pairs of attribute and value, ended by NULL. A NULL value leaves its
 * attribute out. */
static void start_va(xmlTextWriterPtr w, const char *name, va_list attributes)
{
	const char *key, *value;

	must(xmlTextWriterStartElement(w, BAD_CAST name));
	while ((key = va_arg(attributes, const char *))) {
		value = va_arg(attributes, const char *);
		if (value)
			must(xmlTextWriterWriteAttribute(w, BAD_CAST key, BAD_CAST value));
	}
}

__attribute__((sentinel)) static void start(xmlTextWriterPtr w, const char *name, ...)
{
	va_list attributes;

	va_start(attributes, name);
	start_va(w, name, attributes);
	va_end(attributes);
}

static void end(xmlTextWriterPtr w)
{
	must(xmlTextWriterEndElement(w));
}

/* An element that has attributes only. */
__attribute__((sentinel)) static void empty(xmlTextWriterPtr w, const char *name, ...)
{
	va_list attributes;

	va_start(attributes, name);
	start_va(w, name, attributes);
	va_end(attributes);
	end(w);
}

static void text(xmlTextWriterPtr w, const char *value)
{
	must(xmlTextWriterWriteString(w, BAD_CAST value));
}

static void text_element(xmlTextWriterPtr w, const char *name, const char *value)
{
	must(xmlTextWriterWriteElement(w, BAD_CAST name, BAD_CAST value));
}

/* KubeVirt's own element, so that tools that look for it find the VMI behind a domain. */
static void write_metadata(xmlTextWriterPtr w, const struct domain *domain)
{
	start(w, "metadata", NULL);
	start(w, "kubevirt", "xmlns", METADATA_NAMESPACE, NULL);
	text_element(w, "uid", domain->uid);
	start(w, "graceperiod", NULL);
	text_element(w, "deletionGracePeriodSeconds", NUMBER(domain->grace_seconds));
	end(w);
	end(w);
	end(w);
}

static void write_sizes(xmlTextWriterPtr w, const struct domain *domain)
{
	const struct domain_cpu *cpu = &domain->cpu;

	start(w, "memory", "unit", "b", NULL);
	text(w, NUMBER(domain->memory_bytes));
	end(w);
	start(w, "vcpu", "placement", "static", NULL);
	text(w, NUMBER((int64_t)cpu->sockets * cpu->cores * cpu->threads));
	end(w);
}

static void write_sysinfo_entry(xmlTextWriterPtr w, const char *name, const char *value)
{
	if (!value)
		return;
	start(w, "entry", "name", name, NULL);
	text(w, value);
	end(w);
}

/* Guests tell by these words that they run on KubeVirt. */
static void write_sysinfo(xmlTextWriterPtr w, const struct domain *domain)
{
	start(w, "sysinfo", "type", "smbios", NULL);
	start(w, "system", NULL);
	write_sysinfo_entry(w, "manufacturer", "KubeVirt");
	write_sysinfo_entry(w, "product", "None");
	write_sysinfo_entry(w, "serial", domain->system_serial);
	write_sysinfo_entry(w, "uuid", domain->uuid);
	write_sysinfo_entry(w, "family", "KubeVirt");
	end(w);
	end(w);
}

static void write_os(xmlTextWriterPtr w, const struct domain *domain)
{
	const struct domain_firmware *firmware = &domain->firmware;

	start(w, "os", NULL);
	start(w, "type", "arch", "x86_64", "machine", firmware->machine, NULL);
	text(w, "hvm");
	end(w);
	if (firmware->loader) {
		start(w, "loader", "readonly", "yes", "secure", firmware->secure ? "yes" : NULL,
		      "type", "pflash", NULL);
		text(w, firmware->loader);
		end(w);
		start(w, "nvram", "template", firmware->nvram_template, NULL);
		text(w, firmware->nvram);
		end(w);
	}
	empty(w, "smbios", "mode", "sysinfo", NULL);
	if (firmware->bios_use_serial)
		empty(w, "bios", "useserial", "yes", NULL);
	end(w);
}

static void write_features(xmlTextWriterPtr w, const struct domain *domain)
{
	start(w, "features", NULL);
	if (domain->acpi)
		empty(w, "acpi", NULL);
	empty(w, "apic", NULL);
	if (domain->firmware.smm)
		empty(w, "smm", "state", "on", NULL);
	if (domain->code_buffer_bytes) {
		start(w, "tcg", NULL);
		start(w, "tb-cache", "unit", "MiB", NULL);
		text(w, NUMBER(domain->code_buffer_bytes >> 20));
		end(w);
		end(w);
	}
	end(w);
}

static void write_cpu(xmlTextWriterPtr w, const struct domain_cpu *cpu)
{
	start(w, "cpu", "mode", cpu->mode, "match", cpu->model ? "exact" : NULL, NULL);
	if (cpu->model) {
		start(w, "model", "fallback", "forbid", NULL);
		text(w, cpu->model);
		end(w);
	}
	empty(w, "topology", "sockets", NUMBER(cpu->sockets), "dies", "1", "cores",
	      NUMBER(cpu->cores), "threads", NUMBER(cpu->threads), NULL);
	end(w);
}

/* A crashed or powered-off domain stays defined, so that its end can be asked for. */
static void write_lifecycle(xmlTextWriterPtr w)
{
	empty(w, "clock", "offset", "utc", NULL);
	text_element(w, "on_poweroff", "destroy");
	text_element(w, "on_reboot", "restart");
	text_element(w, "on_crash", "destroy");
}

static void write_boot_order(xmlTextWriterPtr w, uint32_t order)
{
	if (order)
		empty(w, "boot", "order", NUMBER(order), NULL);
}

static void write_disk(xmlTextWriterPtr w, const struct domain_disk *disk)
{
	start(w, "disk", "type", "file", "device", disk->device, "model", disk->model, NULL);
	empty(w, "driver", "name", "qemu", "type", disk->format, "cache", disk->cache,
	      "error_policy", "stop", "discard", "unmap", NULL);
	empty(w, "source", "file", disk->source, NULL);
	empty(w, "target", "dev", disk->target, "bus", disk->bus, NULL);
	if (disk->readonly)
		empty(w, "readonly", NULL);
	if (disk->serial)
		text_element(w, "serial", disk->serial);
	write_boot_order(w, disk->boot_order);
	empty(w, "alias", "name", disk->alias, NULL);
	end(w);
}

static void write_controller(xmlTextWriterPtr w, const struct domain_controller *controller)
{
	empty(w, "controller", "type", controller->type, "index", "0", "model", controller->model,
	      NULL);
}

/* managed='no' always: otherwise libvirt deletes a tap that it did not make when it fails. */
static void write_interface(xmlTextWriterPtr w, const struct domain_interface *interface)
{
	start(w, "interface", "type", "ethernet", NULL);
	empty(w, "mac", "address", interface->mac, NULL);
	empty(w, "target", "dev", interface->tap, "managed", "no", NULL);
	empty(w, "model", "type", interface->model, NULL);
	if (interface->backend)
		empty(w, "driver", "name", interface->backend, "queues",
		      interface->queues > 1 ? NUMBER(interface->queues) : NULL, NULL);
	if (interface->link_down)
		empty(w, "link", "state", "down", NULL);
	if (interface->mtu)
		empty(w, "mtu", "size", NUMBER(interface->mtu), NULL);
	write_boot_order(w, interface->boot_order);
	if (!interface->boot_order)
		empty(w, "rom", "enabled", "no", NULL);
	empty(w, "alias", "name", interface->alias, NULL);
	end(w);
}

static void write_ports(xmlTextWriterPtr w, const struct domain_ports *ports)
{
	if (ports->serial) {
		start(w, "serial", "type", "unix", NULL);
		empty(w, "source", "mode", "bind", "path", ports->serial, NULL);
		empty(w, "log", "file", ports->serial_log, "append", "on", NULL);
		empty(w, "target", "port", "0", NULL);
		end(w);
	}
	/* Without a source libvirt makes a socket of its own for the guest agent. */
	start(w, "channel", "type", "unix", NULL);
	empty(w, "target", "type", "virtio", "name", "org.qemu.guest_agent.0", NULL);
	end(w);
	if (ports->vnc) {
		start(w, "graphics", "type", "vnc", NULL);
		empty(w, "listen", "type", "socket", "socket", ports->vnc, NULL);
		end(w);
		start(w, "video", NULL);
		empty(w, "model", "type", ports->video, "vram", "16384", "heads", "1", NULL);
		end(w);
	}
}

static void write_balloon(xmlTextWriterPtr w, bool wanted)
{
	if (!wanted) {
		empty(w, "memballoon", "model", "none", NULL);
		return;
	}
	start(w, "memballoon", "model", "virtio-non-transitional", "freePageReporting", "on", NULL);
	empty(w, "stats", "period", "10", NULL);
	end(w);
}

static void write_rng(xmlTextWriterPtr w)
{
	start(w, "rng", "model", "virtio-non-transitional", NULL);
	start(w, "backend", "model", "random", NULL);
	text(w, "/dev/urandom");
	end(w);
	end(w);
}

static void write_devices(xmlTextWriterPtr w, const struct domain *domain)
{
	start(w, "devices", NULL);
	for (size_t i = 0; i < domain->n_disks; i++)
		write_disk(w, &domain->disks[i]);
	for (size_t i = 0; i < domain->n_controllers; i++)
		write_controller(w, &domain->controllers[i]);
	for (size_t i = 0; i < domain->n_interfaces; i++)
		write_interface(w, &domain->interfaces[i]);
	write_ports(w, &domain->ports);
	write_balloon(w, domain->balloon);
	if (domain->rng)
		write_rng(w);
	empty(w, "panic", "model", "isa", NULL);
	end(w);
}

static void write_domain(xmlTextWriterPtr w, const struct domain *domain)
{
	start(w, "domain", "type", domain->kvm ? "kvm" : "qemu", NULL);
	text_element(w, "name", domain->name);
	if (domain->uuid)
		text_element(w, "uuid", domain->uuid);
	write_metadata(w, domain);
	write_sizes(w, domain);
	write_sysinfo(w, domain);
	write_os(w, domain);
	write_features(w, domain);
	write_cpu(w, &domain->cpu);
	write_lifecycle(w);
	write_devices(w, domain);
	end(w);
}

char *domxml_format(const struct domain *domain)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	xmlTextWriterPtr writer = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;
	char *result;

	if (!writer)
		abort();
	must(xmlTextWriterSetIndent(writer, 1));
	must(xmlTextWriterSetIndentString(writer, BAD_CAST "  "));
	write_domain(writer, domain);
	must(xmlTextWriterEndDocument(writer));
	xmlFreeTextWriter(writer);
	result = bl_strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	return result;
}
