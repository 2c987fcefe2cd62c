// SPDX-License-Identifier: Apache-2.0
/* The policies, and the pods that they speak of; see edge.h. */
#include "edge.h"

#include <string.h>

#include <beeline/file.h>

#include "frame.h"

#define APPS 8 /* that the far ends are of: as many identities */

/* Every flow is let in or out by a rule for its far end's labels and its port; the rest is what such
 * policies have beside it. */
static const char *const policies[] = {
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"" EDGE_NAMESPACE
	"\",\"name\":\"clients\"},\"spec\":{\"endpointSelector\":{\"matchLabels\":{"
	"\"app\":"
	"\"bench\"}},\"ingress\":[{\"fromEndpoints\":[{\"matchLabels\":{\"team\":\"clients\"}}],"
	"\"toPorts\":[{\"ports\":[{\"port\":\"7000\",\"protocol\":\"UDP\"},{\"port\":\"7000\","
	"\"protocol\":\"TCP\"},{\"port\":\"443\",\"protocol\":\"TCP\"}]}]},{\"fromEndpoints\":[{"
	"\"matchLabels\":{\"app\":\"app-1\"}}],\"toPorts\":[{\"ports\":[{\"port\":\"9000\","
	"\"endPort\":"
	"9010,\"protocol\":\"TCP\"}]}]},{\"fromEntities\":[\"host\"]}],\"egress\":[{"
	"\"toEndpoints\":[{"
	"\"matchLabels\":{\"team\":\"clients\"}}],\"toPorts\":[{\"ports\":[{\"port\":\"20000\","
	"\"endPort\":20127,\"protocol\":\"UDP\"},{\"port\":\"20001\",\"protocol\":\"TCP\"}]}]}]}}",
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"" EDGE_NAMESPACE
	"\",\"name\":\"outside\"},\"spec\":{\"endpointSelector\":{},\"egress\":[{"
	"\"toCIDRSet\":[{"
	"\"cidr\":\"172.16.0.0/12\",\"except\":[\"172.20.0.0/16\",\"172.21.4.0/24\"]},{\"cidr\":"
	"\"2001:db8::/32\"}],\"toPorts\":[{\"ports\":[{\"port\":\"443\",\"protocol\":\"TCP\"}]}]},{"
	"\"toCIDR\":[\"192.0.2.53/"
	"32\"],\"toPorts\":[{\"ports\":[{\"port\":\"53\",\"protocol\":\"ANY\"}]}"
	"]}],\"egressDeny\":[{\"toCIDR\":[\"169.254.169.254/32\"]}]}}",
	"{\"apiVersion\":\"cilium.io/"
	"v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":{\"namespace\":"
	"\"" EDGE_NAMESPACE
	"\",\"name\":\"never\"},\"spec\":{\"endpointSelector\":{},\"ingressDeny\":[{"
	"\"fromEndpoints\":[{\"matchLabels\":{\"team\":\"clients\"}}],\"toPorts\":[{\"ports\":[{"
	"\"port\":"
	"\"22\",\"protocol\":\"TCP\"}]}]},{\"fromEndpoints\":[{\"matchLabels\":{\"app\":\"app-2\"}}"
	"],"
	"\"toPorts\":[{\"ports\":[{\"port\":\"9000\",\"protocol\":\"TCP\"}]}]}]}}",
};

static int append(struct cJSON *objects, const char *text, struct bl_err *err)
{
	struct cJSON *json = NULL;
	int r = bl_json_parse(text, strlen(text), &json, err);

	if (r == 0)
		bl_json_append(objects, json);
	return r;
}

static int append_far_ends(struct cJSON *objects, struct bl_err *err)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < FRAME_FAR_IPS; i++) {
		bl_autofree char *text = NULL;
		uint8_t ip[4];

		frame_far_ip(i, ip);
		text = bl_format(
			"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
			"\"" EDGE_NAMESPACE "\",\"name\":\"far-%u\",\"labels\":{\"team\":"
			"\"clients\",\"app\":\"app-%u\"}},\"status\":{\"phase\":\"Running\","
			"\"podIPs\":[{\"ip\":\"%u.%u.%u.%u\"}]}}",
			i, i % APPS, ip[0], ip[1], ip[2], ip[3]);
		r = append(objects, text, err);
	}
	return r;
}

struct cJSON *edge_labels(void)
{
	struct cJSON *labels = bl_json_object();

	bl_json_set_string(labels, "app", "bench");
	return labels;
}

int edge_apply(struct agent *agent, struct bl_err *err)
{
	bl_auto_json struct cJSON *objects = bl_json_array();
	int r = append(objects,
		       "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		       "\"" EDGE_NAMESPACE "\"}}",
		       err);

	for (size_t i = 0; r == 0 && i < sizeof(policies) / sizeof(policies[0]); i++)
		r = append(objects, policies[i], err);
	if (r == 0)
		r = append_far_ends(objects, err);
	if (r == 0)
		r = agent_apply(agent, bl_take_ptr(objects), NULL, err);
	return r < 0 ? bl_wrap(err, "policies of the edge") : 0;
}
