// SPDX-License-Identifier: Apache-2.0
/* beeline policy: the table of its sub-verbs. */
#include "policy_simulate.h"
#include "verbs.h"

static const struct bl_verb policy_verbs[] = {
	{.name = "simulate",
	 .arguments = "-f FILE [-f FILE]... --flows FILE",
	 .summary = "Say what policies in manifests would do to flows",
	 .help = "Reads Kubernetes objects and flows, and answers each flow with the verdict at "
		 "both\n"
		 "ends and the rule that decided. Needs no agent, no cluster and no privilege: "
		 "for\n"
		 "those who write policies, and for their CI.\n"
		 "\n"
		 "Objects: VirtualMachine, VirtualMachineInstance, Pod, Namespace, Node, Service,\n"
		 "EndpointSlice, CiliumCIDRGroup; CiliumNetworkPolicy, "
		 "CiliumClusterwideNetworkPolicy,\n"
		 "NetworkPolicy, ClusterNetworkPolicy. Every pod and VM is an endpoint.\n"
		 "\n"
		 "Flows, one JSON object a line, each the first packet of a connection:\n"
		 "  {\"src\": \"default/web\", \"dst\": \"10.0.1.7\", \"protocol\": \"TCP\", "
		 "\"dport\": 80}\n"
		 "  src, dst  namespace/name of a pod or VM, an address, or \"host\": the other "
		 "end's node\n"
		 "  protocol  TCP, UDP, SCTP, ICMP, ICMPv6 or a number\n"
		 "  dport     of TCP, UDP and SCTP; sport is allowed and decides nothing\n"
		 "  icmpType  of ICMP and ICMPv6 (default: echo request)\n"
		 "\n"
		 "Answers, in the same order (-o json: one object a line):\n"
		 "  allowed, denied   what the end's rules say to the flow\n"
		 "  unenforced        the end is no pod or VM, or nothing denies in its direction\n"
		 "  The flow is denied when either end denies it.\n"
		 "\n"
		 "The answers are those of the entries that the kernel would get; "
		 "--engine=reference reads\n"
		 "the rules one by one instead, which is slow and should never differ. To ask the "
		 "kernel\n"
		 "itself (--engine=kernel) is not there yet.\n"
		 "\n"
		 "The exit code is 0 when all flows were answered, whatever the answers.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline policy simulate -f manifests/ --flows flows.jsonl\n"
		 "  kubectl get -A pods,namespaces,networkpolicies -o yaml | \\\n"
		 "      beeline policy simulate -f - --flows flows.jsonl -o json",
	 .options = policy_simulate_rows,
	 .options_size = sizeof(struct policy_simulate_options),
	 .run = policy_simulate_run},
	{0},
};

const struct bl_verb verb_policy = {
	.name = "policy",
	.arguments = "simulate",
	.summary = "Ask network policies",
	.children = policy_verbs,
};
