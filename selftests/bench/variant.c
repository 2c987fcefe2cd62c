// SPDX-License-Identifier: Apache-2.0
/*
 * The variants. Each begins with a pod as a CNI plugin leaves it (lane.c) and a tap that a virtual
 * machine monitor holds.
 *
 *   bridge   what KubeVirt's bridge binding builds: the pod's interface renamed and, without learning,
 *            put into a bridge with the tap (the dummy that keeps its name and addresses is down and
 *            no packet's way, so it is left out). br_netfilter is as the kernel has it by default;
 *            bridge-nf0 switches it off.
 *   nft      KubeVirt's masquerade binding: a bridge with the guest's gateway address, routing, and its
 *            rules in table `ip nat`
 *   mirred   Kata's tcfilter: everything redirected between the two devices by u32 and mirred
 *   pod, masquerade   Beeline, attached by the agent; the tap as the agent makes it for a machine: noqueue
 *   +policy  the same with connections tracked and judged (edge.c); the flows measured are let in
 */
#include "variant.h"

static const char bridge_ip[] = "link set eth0 down\n"
				"link set eth0 name eth0-nic\n"
				"addr flush dev eth0-nic\n"
				"link add k6t-eth0 type bridge\n"
				"link set eth0-nic address 02:be:00:00:00:03\n"
				"link set eth0-nic master k6t-eth0\n"
				"link set eth0-nic type bridge_slave learning off\n"
				"link set tap0 master k6t-eth0\n"
				"addr add 169.254.75.10/32 dev k6t-eth0\n"
				"link set eth0-nic up\n"
				"link set k6t-eth0 up\n";

static const char *const bridge_sysctls[] = {
	"net/ipv4/conf/all/arp_ignore", "1", "net/bridge/bridge-nf-call-iptables", "1", NULL,
};

static const char *const bridge_nf0_sysctls[] = {
	"net/ipv4/conf/all/arp_ignore", "1", "net/bridge/bridge-nf-call-iptables", "0", NULL,
};

static const char nft_ip[] = "link add k6t-eth0 address 02:00:00:00:00:00 type bridge\n"
			     "addr add 10.0.2.1/24 dev k6t-eth0\n"
			     "link set tap0 master k6t-eth0\n"
			     "link set k6t-eth0 up\n"
			     "neigh add 10.0.2.2 lladdr 02:be:00:00:00:04 dev k6t-eth0 "
			     "nud permanent\n";

/* Checksums of what comes in are taken as verified, which is what a NIC does for the kernel. */
static const char *const nft_sysctls[] = {
	"net/ipv4/ip_forward",
	"1",
	"net/ipv4/conf/all/rp_filter",
	"0",
	"net/ipv4/conf/eth0/rp_filter",
	"0",
	"net/ipv4/conf/k6t-eth0/rp_filter",
	"0",
	"net/ipv4/conf/k6t-eth0/route_localnet",
	"1",
	"net/bridge/bridge-nf-call-iptables",
	"1",
	"net/netfilter/nf_conntrack_checksum",
	"0",
	NULL,
};

static const char nft_rules[] =
	"table ip nat {\n"
	"	chain prerouting { type nat hook prerouting priority -100;\n"
	"		iifname \"eth0\" counter jump KUBEVIRT_PREINBOUND\n"
	"	}\n"
	"	chain input { type nat hook input priority 100; }\n"
	"	chain output { type nat hook output priority -100;\n"
	"		ip daddr 127.0.0.1 counter dnat to 10.0.2.2\n"
	"	}\n"
	"	chain postrouting { type nat hook postrouting priority 100;\n"
	"		ip saddr 10.0.2.2 counter masquerade\n"
	"		oifname \"k6t-eth0\" counter jump KUBEVIRT_POSTINBOUND\n"
	"	}\n"
	"	chain KUBEVIRT_PREINBOUND { counter dnat to 10.0.2.2; }\n"
	"	chain KUBEVIRT_POSTINBOUND { ip saddr 127.0.0.1 counter snat to 10.0.2.1; }\n"
	"}\n";

#define EVERYTHING_TO(to) " u32 match u32 0 0 action mirred egress redirect dev " to "\n"
static const char mirred_tc[] =
	"qdisc add dev eth0 ingress\n"
	"qdisc add dev tap0 ingress\n"
	"filter add dev eth0 parent ffff: protocol all" EVERYTHING_TO(
		"tap0") "filter add dev tap0 parent ffff: protocol all" EVERYTHING_TO("eth0");

static const char noqueue_tc[] = "qdisc replace dev tap0 root noqueue\n";

const struct variant variants[LANES] = {
	[LANE_BRIDGE] = {.name = "bridge",
			 .instance = "bridge",
			 .sysctls = bridge_sysctls,
			 .ip = bridge_ip},
	[LANE_BRIDGE_NF0] = {.name = "bridge-nf0",
			     .instance = "bridge-nf0",
			     .sysctls = bridge_nf0_sysctls,
			     .ip = bridge_ip},
	[LANE_NFT] = {.name = "nft",
		      .instance = "nft",
		      .masquerade = true,
		      .sysctls = nft_sysctls,
		      .ip = nft_ip,
		      .nft = nft_rules},
	[LANE_MIRRED] = {.name = "mirred", .instance = "mirred", .tc = mirred_tc},
	[LANE_POD] = {.name = "pod", .instance = "pod", .binding = "pod", .tc = noqueue_tc},
	[LANE_POD_AGAIN] = {.name = "pod",
			    .instance = "pod-again",
			    .binding = "pod",
			    .tc = noqueue_tc},
	[LANE_MASQUERADE] = {.name = "masquerade",
			     .instance = "masquerade",
			     .masquerade = true,
			     .binding = "masquerade",
			     .tc = noqueue_tc},
	[LANE_MASQUERADE_AGAIN] = {.name = "masquerade",
				   .instance = "masquerade-again",
				   .masquerade = true,
				   .binding = "masquerade",
				   .tc = noqueue_tc},
	[LANE_POD_POLICY] = {.name = "pod+policy",
			     .instance = "pod-policy",
			     .binding = "pod",
			     .policy = true,
			     .tc = noqueue_tc},
	[LANE_POD_POLICY_AGAIN] = {.name = "pod+policy",
				   .instance = "pod-policy-again",
				   .binding = "pod",
				   .policy = true,
				   .tc = noqueue_tc},
	[LANE_MASQUERADE_POLICY] = {.name = "masquerade+policy",
				    .instance = "masquerade-policy",
				    .masquerade = true,
				    .binding = "masquerade",
				    .policy = true,
				    .tc = noqueue_tc},
	[LANE_MASQUERADE_POLICY_AGAIN] = {.name = "masquerade+policy",
					  .instance = "masquerade-policy-again",
					  .masquerade = true,
					  .binding = "masquerade",
					  .policy = true,
					  .tc = noqueue_tc},
};
