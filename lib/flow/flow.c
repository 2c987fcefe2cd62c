// SPDX-License-Identifier: Apache-2.0
/*
 * A flow from its JSON. What its protocol has must be there, and what it has not must not: an answer for
 * a port that nobody meant is worse than none.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <beeline/addr.h>
#include <beeline/flow.h>

#include "../policy/decode.h"

#define ABSENT UINT32_MAX

/* Types of ICMP that open something: what a flow that names none means. */
#define ICMP_ECHO_REQUEST   8
#define ICMPV6_ECHO_REQUEST 128

struct view {
	char *src, *dst;
	const struct cJSON *protocol;
	uint32_t dport, sport, icmp_type;
};

static const struct bl_field rows[] = {
	BL_FIELD("src", BL_FIELD_STRING, struct view, src, .required = true),
	BL_FIELD("dst", BL_FIELD_STRING, struct view, dst, .required = true),
	BL_FIELD("protocol", BL_FIELD_JSON, struct view, protocol, .required = true),
	BL_FIELD("dport", BL_FIELD_UINT, struct view, dport, .max = UINT16_MAX),
	BL_FIELD("sport", BL_FIELD_UINT, struct view, sport, .max = UINT16_MAX),
	BL_FIELD("icmpType", BL_FIELD_UINT, struct view, icmp_type, .max = UINT8_MAX),
};
static const struct bl_fields fields = BL_FIELDS(rows, struct view);

static const char *const verdict_names[] = {
	[BL_FLOW_UNENFORCED] = "unenforced",
	[BL_FLOW_ALLOWED] = "allowed",
	[BL_FLOW_DENIED] = "denied",
};
_Static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) == BL_FLOW_VERDICTS,
	       "verdict_names");

const char *bl_flow_verdict_name(enum bl_flow_verdict verdict)
{
	return verdict_names[verdict];
}

/* ---- decoding ----------------------------------------------------------------------------------- */

static int check_end(const char *text, const char *field, struct bl_err *err)
{
	struct bl_addr addr;
	const char *slash = strchr(text, '/');

	if (slash ? slash != text && slash[1] && !strchr(slash + 1, '/')
		  : strcmp(text, "host") == 0 || bl_addr_parse(text, &addr, NULL) == 0)
		return 0;
	return bl_fail(err, -EINVAL,
		       "%s: expected \"namespace/name\", an address or \"host\", got \"%.64s\"",
		       field, text);
}

static int check_families(const struct bl_flow *flow, struct bl_err *err)
{
	struct bl_addr src, dst;

	if (bl_addr_parse(flow->src, &src, NULL) < 0 || bl_addr_parse(flow->dst, &dst, NULL) < 0 ||
	    bl_addr_is_v4(&src) == bl_addr_is_v4(&dst))
		return 0;
	return bl_fail(err, -EINVAL, "dst: %s is not of the family of src, %s", flow->dst,
		       flow->src);
}

static int protocol_of_name(const char *name)
{
	int number;

	if (strcmp(name, "ICMP") == 0)
		return IPPROTO_ICMP;
	if (strcmp(name, "ICMPv6") == 0)
		return IPPROTO_ICMPV6;
	number = layer4_protocol(name);
	return number >= 0 ? number : layer4_port_number(name);
}

static int read_protocol(const struct cJSON *json, uint8_t *ret_protocol, struct bl_err *err)
{
	const char *name = bl_json_text(json);
	double number = name ? protocol_of_name(name) : bl_json_value(json);
	bl_autofree char *shown = NULL;

	if (!name && !bl_json_is_number(json))
		return bl_fail(err, -EINVAL, "protocol: expected a name or a number, got %s",
			       bl_json_type(json));
	if (number >= 0 && number <= UINT8_MAX && number == (double)(int)number) {
		*ret_protocol = (uint8_t)number;
		return 0;
	}
	shown = name ? bl_format("\"%.32s\"", name) : bl_format("%.15g", number);
	return bl_fail(err, -EINVAL,
		       "protocol: expected TCP, UDP, SCTP, ICMP, ICMPv6 or a number up to 255, "
		       "got %s",
		       shown);
}

static int refuse(const char *field, uint32_t value, const char *why, struct bl_err *err)
{
	return value == ABSENT ? 0 : bl_fail(err, -EINVAL, "%s: %s", field, why);
}

/* What layer 4 of the protocol is judged by. */
static int read_layer4(const struct view *view, struct bl_flow *flow, struct bl_err *err)
{
	bool is_icmp = flow->protocol == IPPROTO_ICMP || flow->protocol == IPPROTO_ICMPV6;
	int r = 0;

	if (layer4_has_ports(flow->protocol)) {
		if (view->dport == ABSENT)
			return bl_fail(err, -EINVAL, "dport: missing; this protocol has ports");
		flow->port = (uint16_t)view->dport;
		return refuse("icmpType", view->icmp_type, "the protocol is not ICMP", err);
	}
	r = refuse("dport", view->dport, "this protocol has no ports", err);
	if (r == 0)
		r = refuse("sport", view->sport, "this protocol has no ports", err);
	if (r == 0 && !is_icmp)
		r = refuse("icmpType", view->icmp_type, "the protocol is not ICMP", err);
	if (is_icmp && view->icmp_type == ABSENT)
		flow->port =
			flow->protocol == IPPROTO_ICMP ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
	else if (is_icmp)
		flow->port = (uint16_t)view->icmp_type;
	return r;
}

static int read_flow(const struct cJSON *document, struct view *view, struct bl_flow *flow,
		     struct bl_err *err)
{
	int r = bl_fields_decode(&fields, document, "", view, NULL, err);

	if (r == 0)
		r = check_end(view->src, "src", err);
	if (r == 0)
		r = check_end(view->dst, "dst", err);
	if (r == 0)
		r = read_protocol(view->protocol, &flow->protocol, err);
	if (r == 0)
		r = read_layer4(view, flow, err);
	if (r < 0)
		return r;
	flow->src = bl_take_ptr(view->src);
	flow->dst = bl_take_ptr(view->dst);
	return check_families(flow, err);
}

int bl_flow_decode(const struct cJSON *document, struct bl_flow *ret_flow, struct bl_err *err)
{
	struct view view = {.dport = ABSENT, .sport = ABSENT, .icmp_type = ABSENT};
	struct bl_flow flow = BL_FLOW_INIT;
	int r;

	if (!bl_json_is_object(document))
		return bl_fail(err, -EINVAL, "expected an object, got %s", bl_json_type(document));
	r = read_flow(document, &view, &flow, err);
	bl_fields_clear(&fields, &view);
	if (r < 0)
		bl_flow_clear(&flow);
	else
		*ret_flow = flow;
	return r;
}

void bl_flow_clear(struct bl_flow *flow)
{
	free(flow->src);
	free(flow->dst);
	*flow = BL_FLOW_INIT;
}
