// SPDX-License-Identifier: Apache-2.0
/* Methods on endpoints made by hand, for any VMM: endpoint-add, -list, -get, -counters,
 * -delete. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../agent.h"
#include "../api.h"
#include "../endpoint.h"
#include "../kinds.h"
#include "../objects.h"

#define LIST_MAX      16
#define PORT_NAME_MAX 15 /* IANA_SVC_NAME */

/* Everything that a spec borrows while it is being built from parameters. */
struct add {
	struct endpoint_spec spec;
	struct bl_labels labels; /* owned */
	struct bl_interface interface;
	struct bl_port ports[BL_VMI_PORTS_MAX];
	char port_names[BL_VMI_PORTS_MAX][PORT_NAME_MAX + 1];
	const char *dns[LIST_MAX], *searches[LIST_MAX];
};

static void add_free(struct add *add)
{
	bl_labels_clear(&add->labels);
	free(add);
}
BL_DEFINE_AUTO(add, struct add *, add_free)

/* VMs' endpoints have '_' in their names and these cannot, so neither can take the other's. */
static int take_name(const struct api_request *request, const char **ret_name, struct bl_err *err)
{
	int r = api_string(request, "name", ret_name, err);

	if (r < 0)
		return r;
	if (strlen(*ret_name) > 63 || **ret_name == '-' ||
	    (*ret_name)[strspn(*ret_name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return bl_fail(err, -EINVAL,
			       "name '%s': up to 63 lower-case letters, digits and '-'", *ret_name);
	return 0;
}

struct namesake {
	const char *name;
	const char *namespace; /* of a machine that has it; NULL: none has */
};

static void note_namesake(const struct cJSON *machine, void *data)
{
	struct namesake *namesake = data;
	const struct object_key key = object_key(machine);

	if (strcmp(key.name, namesake->name) == 0)
		namesake->namespace = key.namespace;
}

/* Where commands take the name of an endpoint or of a machine, the endpoint's hides the machine's. */
static int check_namesakes(const struct api_request *request, const char *name, struct bl_err *err)
{
	const struct objects *objects = request->agent->objects;
	struct namesake namesake = {.name = name};

	if (endpoint_find(request->agent->endpoints, name))
		return 0;
	objects_for_each(objects, KIND_VMI, NULL, note_namesake, &namesake);
	objects_for_each(objects, KIND_VM, NULL, note_namesake, &namesake);
	return namesake.namespace
		       ? bl_fail(err, -EEXIST,
				 "name '%s': VM %s/%s has it, and commands take either's; choose "
				 "another",
				 name, namesake.namespace, name)
		       : 0;
}

static int take_number(const char **text, uint16_t *ret_port)
{
	char *end;
	unsigned long port = strtoul(*text, &end, 10);

	if (end == *text || port < 1 || port > 65535)
		return -EINVAL;
	*ret_port = port;
	*text = end;
	return 0;
}

/* The name in front of "=", if there is one; *text goes on behind it. */
static int take_port_name(const char **text, char name[PORT_NAME_MAX + 1])
{
	size_t len = strcspn(*text, "=");

	if (!(*text)[len])
		return 0;
	if (len < 1 || len > PORT_NAME_MAX ||
	    strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return -EINVAL;
	memcpy(name, *text, len);
	*text += len + 1;
	return 0;
}

/* "80", "80/TCP", "http=80/TCP", "5000-5010/UDP"; name is empty, and stays with the port. */
static int take_port(const char *text, char name[PORT_NAME_MAX + 1], struct bl_port *ret_port,
		     struct bl_err *err)
{
	const char *rest = text;
	struct bl_port port = {.protocol = IPPROTO_TCP};
	int r;

	r = take_port_name(&rest, name);
	if (r == 0)
		r = take_number(&rest, &port.first);
	port.last = port.first;
	if (r == 0 && *rest == '-') {
		rest++;
		r = take_number(&rest, &port.last);
	}
	if (strcasecmp(rest, "/udp") == 0)
		port.protocol = IPPROTO_UDP;
	else if (strcasecmp(rest, "/sctp") == 0)
		port.protocol = IPPROTO_SCTP;
	else if (*rest && strcasecmp(rest, "/tcp") != 0)
		r = -EINVAL;
	if (r < 0 || port.last < port.first)
		return bl_fail(err, -EINVAL,
			       "port '%s': write 80/TCP, http=80/TCP or 5000-5010/UDP", text);
	if (*name && port.last > port.first)
		return bl_fail(err, -EINVAL, "port '%s': a name is that of one port", text);
	port.name = *name ? name : NULL;
	*ret_port = port;
	return 0;
}

static int take_ports(const struct api_request *request, struct add *add, struct bl_err *err)
{
	bl_json_for_each (entry, bl_json_get(request->params, "ports")) {
		const char *text = bl_json_text(entry);
		int r;

		if (!text || add->interface.n_ports >= BL_VMI_PORTS_MAX)
			return bl_fail(err, -EINVAL, "ports: at most %d strings", BL_VMI_PORTS_MAX);
		r = take_port(text, add->port_names[add->interface.n_ports],
			      &add->ports[add->interface.n_ports], err);
		if (r < 0)
			return r;
		add->interface.n_ports++;
	}
	add->interface.ports = add->ports;
	return 0;
}

static int take_list(const struct api_request *request, const char *name, const char **list,
		     size_t *ret_n, struct bl_err *err)
{
	size_t n = 0;

	bl_json_for_each (entry, bl_json_get(request->params, name)) {
		if (!bl_json_text(entry) || n >= LIST_MAX)
			return bl_fail(err, -EINVAL, "%s: at most %d strings", name, LIST_MAX);
		list[n++] = bl_json_text(entry);
	}
	*ret_n = n;
	return 0;
}

static int take_binding(const struct api_request *request, enum bl_binding *ret_binding,
			struct bl_err *err)
{
	const char *binding = bl_json_get_string(request->params, "binding");

	if (!binding || strcmp(binding, "pod") == 0)
		*ret_binding = BL_BINDING_POD;
	else if (strcmp(binding, "masquerade") == 0)
		*ret_binding = BL_BINDING_MASQUERADE;
	else
		return bl_fail(err, -EINVAL, "binding '%s' is none of pod, masquerade", binding);
	return 0;
}

static int take_mac(const struct api_request *request, struct endpoint_spec *spec,
		    struct bl_err *err)
{
	const char *mac = bl_json_get_string(request->params, "mac");
	int r;

	if (!mac)
		return 0;
	r = bl_mac_parse(mac, spec->guest_mac, err);
	spec->has_mac = r == 0;
	return r;
}

static int take_devices(const struct api_request *request, struct endpoint_spec *spec,
			struct bl_err *err)
{
	int r;

	if (request->n_fds != 1)
		return bl_fail(err, -EINVAL, "endpoint-add takes one network namespace");
	spec->netns_fd = request->fds[0];
	r = take_name(request, &spec->name, err);
	if (r == 0)
		r = api_string(request, "netns", &spec->netns_path, err);
	if (r == 0)
		r = api_string(request, "uplink", &spec->uplink, err);
	if (r == 0)
		r = api_string(request, "tap", &spec->tap, err);
	return r;
}

static int take_spec(const struct api_request *request, struct add *add, struct bl_err *err)
{
	struct endpoint_spec *spec = &add->spec;
	int r;

	r = take_devices(request, spec, err);
	if (r == 0)
		r = take_binding(request, &spec->binding, err);
	if (r == 0)
		r = take_mac(request, spec, err);
	if (r == 0)
		r = take_ports(request, add, err);
	if (r == 0)
		r = take_list(request, "dns", add->dns, &spec->n_dns, err);
	if (r == 0)
		r = take_list(request, "search", add->searches, &spec->n_searches, err);
	if (r < 0)
		return r;
	add->interface.binding = spec->binding;
	spec->interface = &add->interface;
	spec->dns = spec->n_dns ? add->dns : NULL;
	spec->searches = add->searches;
	spec->no_spoof_guard = !bl_json_get_bool(request->params, "spoofGuard", true);
	spec->hostname = bl_json_get_string(request->params, "hostname");
	spec->namespace = bl_json_get_string(request->params, "namespace");
	bl_labels_set_all(&add->labels, "k8s", "", bl_json_get(request->params, "labels"));
	spec->labels = &add->labels;
	return 0;
}

static int method_add(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	struct endpoints *endpoints = request->agent->endpoints;
	bl_cleanup(bl_auto_add_fn) struct add *add = bl_alloc(sizeof(*add));
	const struct endpoint *endpoint;
	int r;

	r = take_spec(request, add, err);
	if (r == 0)
		r = check_namesakes(request, add->spec.name, err);
	if (r == 0)
		r = endpoint_attach(endpoints, &add->spec, &endpoint, err);
	if (r < 0)
		return r;
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "endpoint", endpoint_describe(endpoints, endpoint));
	return 0;
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "items", endpoints_list(request->agent->endpoints));
	return 0;
}

static int method_get(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	const struct endpoints *endpoints = request->agent->endpoints;
	const struct endpoint *endpoint;
	const char *name;
	int r;

	r = api_string(request, "name", &name, err);
	if (r < 0)
		return r;
	endpoint = endpoint_find(endpoints, name);
	if (!endpoint)
		return bl_fail(err, -ENOENT, "endpoint \"%s\" not found", name);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "endpoint", endpoint_describe(endpoints, endpoint));
	bl_json_set(*ret_result, "counters", endpoint_counters(endpoints, endpoint));
	return 0;
}

static int method_counters(const struct api_request *request, struct cJSON **ret_result,
			   struct bl_err *err)
{
	bl_auto_endpoints_figures struct endpoints_figures *figures = NULL;
	int r = endpoints_figures_new(request->agent->endpoints, &figures, err);

	if (r < 0)
		return r;
	*ret_result = bl_json_object();
	bl_json_set_number(*ret_result, "timeNs", (double)bl_now_ns());
	bl_json_set(*ret_result, "items", endpoints_figures_json(figures));
	return 0;
}

static int method_delete(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	const char *name;
	int r;

	r = api_string(request, "name", &name, err);
	if (r < 0)
		return r;
	if (strchr(name, '_'))
		return bl_fail(err, -EPERM, "endpoint \"%s\" belongs to a VM: delete that", name);
	if (!endpoint_find(request->agent->endpoints, name))
		return bl_fail(err, -ENOENT, "endpoint \"%s\" not found", name);
	return endpoint_detach(request->agent->endpoints, name, err);
}

const struct api_method api_endpoint_methods[] = {
	{"endpoint-add", method_add},       {"endpoint-list", method_list},
	{"endpoint-get", method_get},       {"endpoint-counters", method_counters},
	{"endpoint-delete", method_delete}, {0},
};
