// SPDX-License-Identifier: Apache-2.0
/* Copies of specs, each in one allocation but for its labels, which all sets of labels share: see the header. */
#include "record.h"

#include <errno.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "../pack.h"

static struct bl_port *pack_ports(struct pack *pack, const struct bl_interface *from)
{
	struct bl_port *ports = pack_bytes(pack, from->ports, from->n_ports * sizeof(*ports));

	for (size_t i = 0; i < from->n_ports; i++) {
		char *name = pack_text(pack, from->ports[i].name);

		if (ports)
			ports[i].name = name;
	}
	return ports;
}

static struct bl_dhcp_option *pack_options(struct pack *pack, const struct bl_interface *from)
{
	struct bl_dhcp_option *options =
		pack_bytes(pack, from->private_options, from->n_private_options * sizeof(*options));

	for (size_t i = 0; i < from->n_private_options; i++) {
		char *value = pack_text(pack, from->private_options[i].value);

		if (options)
			options[i].value = value;
	}
	return options;
}

/* What an endpoint needs of it; the rest is the VM's. */
static const struct bl_interface *pack_interface(struct pack *pack, const struct bl_interface *from)
{
	struct bl_interface kept;

	if (!from)
		return NULL;
	kept = (struct bl_interface){
		.ports = pack_ports(pack, from),
		.n_ports = from->n_ports,
		.boot_file_name = pack_text(pack, from->boot_file_name),
		.tftp_server_name = pack_text(pack, from->tftp_server_name),
		.ntp_servers = pack_bytes(pack, from->ntp_servers,
					  from->n_ntp_servers * sizeof(*from->ntp_servers)),
		.n_ntp_servers = from->n_ntp_servers,
		.private_options = pack_options(pack, from),
		.n_private_options = from->n_private_options,
	};
	return pack_bytes(pack, &kept, sizeof(kept));
}

static const struct bl_network *pack_network(struct pack *pack, const struct bl_network *from)
{
	struct bl_network kept;

	if (!from)
		return NULL;
	kept = (struct bl_network){
		.vm_cidr = from->vm_cidr,
		.vm_cidr_bits = from->vm_cidr_bits,
		.vm_cidr6 = from->vm_cidr6,
		.vm_cidr6_bits = from->vm_cidr6_bits,
	};
	return pack_bytes(pack, &kept, sizeof(kept));
}

/* All but the labels. */
static void pack_spec(struct pack *pack, const struct endpoint_spec *from,
		      struct endpoint_spec *ret_spec)
{
	struct endpoint_spec spec = *from;

	spec.netns_fd = -1;
	spec.labels = NULL;
	spec.interface = pack_interface(pack, from->interface);
	spec.network = pack_network(pack, from->network);
	spec.dns = pack_texts(pack, from->dns, from->n_dns);
	spec.searches = pack_texts(pack, from->searches, from->n_searches);
	spec.name = pack_text(pack, from->name);
	spec.netns_path = pack_text(pack, from->netns_path);
	spec.uplink = pack_text(pack, from->uplink);
	spec.tap = pack_text(pack, from->tap);
	spec.hostname = pack_text(pack, from->hostname);
	spec.domain = pack_text(pack, from->domain);
	spec.namespace = pack_text(pack, from->namespace);
	*ret_spec = spec;
}

static int check_lists(const struct endpoint_spec *spec, struct bl_err *err)
{
	const struct bl_interface none = {0};
	const struct bl_interface *interface = spec->interface ? spec->interface : &none;
	const struct {
		const char *name;
		size_t n, max;
	} lists[] = {
		{"dns", spec->n_dns, RECORD_DNS_MAX},
		{"searches", spec->n_searches, RECORD_SEARCHES_MAX},
		{"ports", interface->n_ports, BL_PORTS_MAX},
		{"ntpServers", interface->n_ntp_servers, RECORD_ADDRS_MAX},
		{"privateOptions", interface->n_private_options, RECORD_OPTIONS_MAX},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i].n > lists[i].max)
			return bl_fail(err, -E2BIG, "%s: %zu, at most %zu can be", lists[i].name,
				       lists[i].n, lists[i].max);
	return 0;
}

int record_new(const struct endpoint_spec *spec, struct record **ret_record, struct bl_err *err)
{
	struct pack pack = {0};
	struct record *record;
	struct endpoint_spec measured;
	int r = check_lists(spec, err);

	if (r < 0)
		return bl_wrap(err, "record of an endpoint");
	pack_spec(&pack, spec, &measured);
	record = bl_alloc(sizeof(*record) + pack.size);
	pack = (struct pack){.memory = (char *)(record + 1)};
	pack_spec(&pack, spec, &record->spec);
	if (spec->labels) {
		bl_labels_copy(spec->labels, &record->labels);
		record->spec.labels = &record->labels;
	}
	*ret_record = record;
	return 0;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	bl_labels_clear(&record->labels);
	free(record);
}
