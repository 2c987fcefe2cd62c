// SPDX-License-Identifier: Apache-2.0
/* Methods on an endpoint's table of connections: ct-list, ct-flush. */
#include <errno.h>
#include <string.h>

#include "../agent.h"
#include "../api.h"
#include "../endpoint.h"

static int take_peer(const char *text, struct endpoint_connections *wanted, struct bl_err *err)
{
	int r;

	if (!text)
		return 0;
	if (strchr(text, '/')) {
		r = bl_prefix_parse(text, false, &wanted->peer, &wanted->peer_bits, err);
	} else {
		r = bl_addr_parse(text, &wanted->peer, err);
		wanted->peer_bits = r == 0 && bl_addr_is_v4(&wanted->peer) ? 32 : 128;
	}
	wanted->has_peer = r == 0;
	return r < 0 ? bl_wrap(err, "peer") : 0;
}

static int take_wanted(const struct api_request *request, const struct endpoint **ret_endpoint,
		       struct endpoint_connections *wanted, struct bl_err *err)
{
	double port = bl_json_get_number(request->params, "port", 0);
	double first = bl_json_get_number(request->params, "first", 0);
	const char *name;
	int r = api_endpoint(request, &name, err);

	if (r < 0)
		return r;
	if (port < 0 || port > UINT16_MAX)
		return bl_fail(err, -EINVAL, "port: 1 to 65535");
	if (first < 0 || first > BL_CT_SETS_MAX)
		return bl_fail(err, -EINVAL, "first: beyond the table");
	*ret_endpoint = endpoint_find(request->agent->endpoints, name);
	*wanted = (struct endpoint_connections){
		.first = (uint32_t)first,
		.protocol = bl_json_get_string(request->params, "protocol"),
		.port = (uint16_t)port,
	};
	return take_peer(bl_json_get_string(request->params, "peer"), wanted, err);
}

static void set_next(struct cJSON *result, uint32_t next)
{
	if (next)
		bl_json_set_number(result, "next", next);
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	const struct endpoints *endpoints = request->agent->endpoints;
	bl_auto_json struct cJSON *items = bl_json_array();
	struct endpoint_connections wanted;
	const struct endpoint *endpoint;
	uint32_t next;
	int r = take_wanted(request, &endpoint, &wanted, err);

	if (r == 0)
		r = endpoint_connections_list(endpoints, endpoint, &wanted, items, &next, err);
	if (r < 0)
		return r;
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "endpoint", endpoint_describe(endpoints, endpoint));
	bl_json_set(*ret_result, "items", bl_take_ptr(items));
	set_next(*ret_result, next);
	return 0;
}

static int method_flush(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	struct endpoint_connections wanted;
	const struct endpoint *endpoint;
	uint32_t n, next;
	int r = take_wanted(request, &endpoint, &wanted, err);

	if (r == 0)
		r = endpoint_connections_flush(request->agent->endpoints, endpoint, &wanted, &n,
					       &next, err);
	if (r < 0)
		return r;
	*ret_result = bl_json_object();
	bl_json_set_number(*ret_result, "flushed", n);
	set_next(*ret_result, next);
	return 0;
}

const struct api_method api_connection_methods[] = {
	{"ct-list", method_list},
	{"ct-flush", method_flush},
	{0},
};
