/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command says to the agent, over rpc.h on the agent's socket. Objects are whole Kubernetes
 * documents in JSON (YAML is turned into JSON by the command).
 *
 *   apply     {"objects": [...], "sources"?: [...], "validate"?: "strict" | "warn" | "ignore": what an
 *             unknown field is} -> {"results": [{"kind", "namespace", "name", "outcome":
 *             "created" | "configured" | "unchanged"}], "warnings": ["..."]}. All or nothing:
 *             every object is validated before the first is stored. Errors and warnings begin with the
 *             object's source, where one is given: the file that it stands in.
 *   get       {"kind", "namespace"?, "name"}      -> {"object": {...}}          -ENOENT when missing
 *   list      {"kind", "namespace"?}              -> {"items": [...]}; no namespace: all
 *   watch     {"kind", "namespace"?, "name"?}     -> progress {"type": "ADDED" | "MODIFIED" |
 *             "DELETED", "object"}, first one ADDED per existing object, then {"type": "SYNCED"}
 *   delete    {"kind", "namespace", "name"}       -> {} when the object is gone with all it had;
 *             {"wait": false}: as soon as deletion is recorded. {"gracePeriodSeconds": N}: what a guest
 *             gets to shut down, instead of what its manifest says
 *   vm        {"verb": "start" | "stop" | "restart", "namespace", "name", "gracePeriodSeconds"?} -> {}
 *   vmi       {"verb": "pause" | "unpause" | "reset", "namespace", "name"}   -> {}
 *   console   {"namespace", "name"}               -> {} with one fd (a stream socket)
 *   vnc       likewise
 *   logs      {"namespace", "name", "source": "launcher" | "console" | "qemu"} -> {} with one fd,
 *             the open log file
 *   monitor   {"namespace"?, "name"?, "endpoint"?, "sample": N} -> progress, one event each:
 *             {"time": "2026-01-02T03:04:05.678901Z", "endpoint",
 *              "direction": "to-vm" | "from-vm" | "pod-out", "verdict": "dropped" | "traced",
 *              "reason": "...", "code": 132, "bytes", "protocol": "TCP" | "ICMPv6" | "ARP" | ...,
 *              "source"?, "destination"? (addresses; MACs where there are none),
 *              "sourceName"?, "destinationName"? (who has the address: an endpoint, else "ns/name" of
 *              a pod or VM, "service ns/name", "node name", "host", "world", as far as it is known),
 *              "sourceIdentity"?, "destinationIdentity"? (the number that policies know them by),
 *              "sourcePort"?, "destinationPort"?, "icmpType"?, "icmpCode"?,
 *              "detail"? ("echo request", "SYN,ACK", ...),
 *              "rule"?, "ruleName"? (of the policy that judged it; its number, and in words; of
 *              what no rule allowed the words alone: "default deny of default/web")}
 *             or {"lost": N, "endpoint"?}: more events than could be told
 *   capture   {"endpoint"?, "namespace"?, "name"?, "snaplen": N} -> {"endpoint": {...}} with one fd:
 *             a SOCK_SEQPACKET socket of messages, each a struct bl_capture of abi.h and its bytes, with
 *             times since 1970; who shuts down his side is sent BL_CAPTURE_END and the end. "endpoint"
 *             is tried before "name", a machine's. -EBUSY: somebody captures it already
 *   status    {}                                  -> the agent's own state (version, KVM, counts)
 *   endpoint-add     {"name", "netns" (with one fd: the namespace), "uplink", "tap", "binding",
 *                     "mac"?, "ports": ["http=80/TCP"], "spoofGuard": bool, "dns": [], "search": [],
 *                     "hostname"?, "namespace"?, "labels": {}} -> {"endpoint": {...}}
 *   endpoint-list    {}  -> {"items": [<endpoint>, ...]}
 *   endpoint-get     {"name"} -> {"endpoint", "counters"}
 *       endpoint = {"name", "index", "binding": "pod" | "masquerade", "mac", "addresses": [the pod's],
 *                   "mtu", "netns", "uplink", "tap", "attach": "tcx" | "clsact", "spoofGuard",
 *                   "carrier": false when nobody has the tap open,
 *                   "unnamed": true when "netns" leads to the namespace no more}
 *       counters = {"toVm": {"packets", "bytes"}, "fromVm": {...}, "podOut": {...}, "reasons":
 *                   [{"direction", "reason", "code", "packets", "bytes"}]}, forwarded ones aside
 *   endpoint-counters {} -> {"timeNs": when they were read, on a clock that only goes forward, "items":
 *                   [{"namespace", "name", "interface", "endpoint", "counters",
 *                     "connections"?: {"used", "capacity", "evicted"}}, ...]}, of all endpoints. "name" is the
 *                   VM's, of an endpoint made by hand its own
 *   endpoint-delete  {"name"} -> {}
 *   policy-list {} -> {"endpoints": [<judged>, ...], "policies": [{"kind", "namespace"?, "name",
 *                   "endpoints": how many it selects, "valid"?, "enforced"?: "True" | "False"}, ...]}
 *       judged = {"name", "index", "namespace", "identity", "labels": ["source:key=value", ...],
 *                 "ingress", "egress": "enabled" | "disabled" | "audit" | "unknown", "addresses",
 *                 "error"?: why its entries are not those of its policies}
 *   policy-get  {"endpoint"?, "namespace"?, "name"?} -> items, {"endpoint": <judged>}; "endpoint" is tried
 *                   before "name", a machine's. An item is an entry as the kernel has it: {"policy":
 *                   "Allow" | "Deny", "direction": "Ingress" | "Egress", "identity", "labels",
 *                   "portProtocol", "bytes"?, "packets"? (when it is counted), "prefix", "precedence",
 *                   "cookie", "rule"?}; the last ones have "default": true and no entry in the kernel:
 *                   what became of all else
 *   policy-rules {likewise} -> items, {"endpoint": <judged>}: the rules that it is judged by, in their
 *                   order: {"direction", "tier", "priority", "policy": "Deny" | "Allow" | "Pass",
 *                   "peers": [text], "ports": [text], "of"?: {"kind", "namespace"?, "name"}, "path":
 *                   within that policy; of rules that stand in none in words}
 *   policy-describe {"kind", "namespace"?, "name"} -> items (rules likewise), {"policy": {"kind",
 *                   "namespace"?, "name", "specs": [{"subject", "tier", "priority",
 *                   "ingressDefaultDeny", "egressDefaultDeny"}], "endpoints": [name], "notEnforced",
 *                   "warnings": [sentence], "conditions"?}}
 *   identity-list {} -> items {"id", "labels"}, {}
 *   ipcache-list  {} -> items {"prefix", "identity", "labels", "name"?}, {}
 *       Items come as progress {"items": [...]}; "next" in the answer says that there are more, to be had by
 *       the same call with "after": that text.
 *   image-import     {"name", "digest"?} with one fd: the file -> progress {"bytes", "total"}, then
 *                    {"image": {"name", "digest", "format", "bytes", "virtualBytes"}}
 *   image-list {} -> {"items": [<image>, ...]};  image-delete {"name"};  image-prune {} -> {"deleted": [...]}
 *
 * Kinds are named as in the manifests: "VirtualMachine", "VirtualMachineInstance".
 */
#pragma once

#define BL_AGENT_SOCKET    "/run/beeline/agent.sock"
#define BL_AGENT_RUN_DIR   "/run/beeline"
#define BL_AGENT_STATE_DIR "/var/lib/beeline"
#define BL_AGENT_BPFFS     "/sys/fs/bpf/beeline"
#define BL_AGENT_GROUP     "beeline"
