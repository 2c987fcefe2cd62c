// SPDX-License-Identifier: Apache-2.0
/* beeline policy: the table of its sub-verbs. */
#include "policy_ask.h"
#include "policy_simulate.h"
#include "verbs.h"

static const struct bl_verb policy_verbs[] = {
	{.name = "list",
	 .summary = "List endpoints with what is enforced for them, and the policies",
	 .help = "Endpoints as `cilium-dbg endpoint list` shows them: whether policies enforce, in "
		 "each\n"
		 "direction, and by which identity and labels others know them. Below them the "
		 "policies\n"
		 "of all kinds, how many endpoints each selects, and whether all of it is in "
		 "force.",
	 .options = policy_list_rows,
	 .options_size = sizeof(struct policy_options),
	 .run = policy_list_run},
	{.name = "get",
	 .arguments = "ENDPOINT",
	 .summary = "Show what the kernel enforces for an endpoint, and how often it did",
	 .help = "ENDPOINT is an endpoint's name (see `beeline endpoint list`) or a machine's.\n"
		 "\n"
		 "The columns are those of `cilium-dbg bpf policy get`, and the rule that each "
		 "entry comes\n"
		 "from. What opens a connection, and what goes on with one in the same direction, "
		 "is\n"
		 "counted at the entry that decided; replies are not. The last rows are no "
		 "entries: "
		 "they\n"
		 "tell what was denied because none allowed it.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline policy get vm-01\n"
		 "  beeline policy get default_vm-01_default -o json",
	 .options = policy_get_rows,
	 .options_size = sizeof(struct policy_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = policy_get_run},
	{.name = "describe",
	 .arguments = "KIND/NAME | ENDPOINT",
	 .summary = "Show whom a policy selects and its rules, or the rules of an endpoint",
	 .help = "Of a policy: whom it selects, its rules, what of it cannot be enforced, its "
		 "conditions.\n"
		 "Of an endpoint: all rules that it is judged by, in the order in which they are "
		 "asked; the\n"
		 "first that matches decides, and one that passes leaves the rest of its tier "
		 "out.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline policy describe cnp/web\n"
		 "  beeline policy describe vm-01",
	 .options = policy_describe_rows,
	 .options_size = sizeof(struct policy_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = policy_describe_run},
	{.name = "delete",
	 .arguments = "KIND/NAME...",
	 .summary = "Delete policies; what they enforced ends before this returns",
	 .help = "Examples:\n"
		 "  beeline policy delete cnp/web netpol/db",
	 .options = policy_delete_rows,
	 .options_size = sizeof(struct policy_options),
	 .min_args = 1,
	 .max_args = -1,
	 .run = policy_delete_run},
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
		 "the rules one by one instead, which is slow and should never differ. "
		 "--engine=kernel asks\n"
		 "the BPF programs: they are loaded with maps of their own and run on a first "
		 "packet of each\n"
		 "flow, which takes root and disturbs no agent. They know of more than policies: "
		 "neighbour\n"
		 "discovery and \"fragmentation needed\" always pass.\n"
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
	.arguments = "list|get|describe|delete|simulate",
	.summary = "Ask what network policies do, or would do",
	.children = policy_verbs,
};
