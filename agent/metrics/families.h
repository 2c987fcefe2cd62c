/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every family that /metrics shows, one row each; docs/metrics.md is made from the rows. Names of
 * KubeVirt (kubevirt_vmi_*) mean what they mean there, seen from the VM; all others are beeline_* or
 * those that every Prometheus client has for its process.
 */
#pragma once

#define FAMILIES(X)                                                                               \
	X(RECEIVE_BYTES, "kubevirt_vmi_network_receive_bytes_total", "counter", "bytes",          \
	  "Bytes forwarded to the VM.")                                                           \
	X(TRANSMIT_BYTES, "kubevirt_vmi_network_transmit_bytes_total", "counter", "bytes",        \
	  "Bytes forwarded from the VM.")                                                         \
	X(RECEIVE_PACKETS, "kubevirt_vmi_network_receive_packets_total", "counter", "packets",    \
	  "Packets forwarded to the VM.")                                                         \
	X(TRANSMIT_PACKETS, "kubevirt_vmi_network_transmit_packets_total", "counter", "packets",  \
	  "Packets forwarded from the VM.")                                                       \
	X(RECEIVE_DROPS, "kubevirt_vmi_network_receive_packets_dropped_total", "counter",         \
	  "packets", "Packets to the VM that the datapath dropped, for whatever reason.")         \
	X(TRANSMIT_DROPS, "kubevirt_vmi_network_transmit_packets_dropped_total", "counter",       \
	  "packets", "Packets from the VM that the datapath dropped, for whatever reason.")       \
	X(POD_OUT_BYTES, "beeline_pod_transmit_bytes_total", "counter", "bytes",                  \
	  "Bytes that a masqueraded VM's pod sent on its own account.")                           \
	X(POD_OUT_PACKETS, "beeline_pod_transmit_packets_total", "counter", "packets",            \
	  "Packets that a masqueraded VM's pod sent on its own account.")                         \
	X(DROP_PACKETS, "beeline_drop_packets_total", "counter", "packets",                       \
	  "Dropped packets by direction and reason.")                                             \
	X(DROP_BYTES, "beeline_drop_bytes_total", "counter", "bytes",                             \
	  "Dropped bytes by direction and reason.")                                               \
	X(DIVERTED_PACKETS, "beeline_diverted_packets_total", "counter", "packets",               \
	  "Packets that were neither dropped nor simply forwarded, by what became of them.")      \
	X(POLICY_VERDICTS, "beeline_policy_verdict_packets_total", "counter", "packets",          \
	  "Packets that policy was asked about, by its answer: allowed (a connection's first, "   \
	  "and one after each change of policy), denied (no rule allows), denied_by_rule, or "    \
	  "audited (let through all the same).")                                                  \
	X(POLICY_ENTRIES, "beeline_policy_entries", "gauge", "entries",                           \
	  "Entries of the VM's policy in the kernel.")                                            \
	X(OPENED, "beeline_connections_opened_total", "counter", "connections",                   \
	  "Connections that were opened to and from the VM, and let through.")                    \
	X(HANDSHAKES, "beeline_vmi_tcp_handshake_seconds", "histogram", "seconds",                \
	  "Time from a TCP connection's first SYN to the SYN-ACK, both at the VM's edge.")        \
	X(EVENTS_LOST, "beeline_events_lost_total", "counter", "events",                          \
	  "Events for monitors that found the ring full, or the VM's budget of it spent.")        \
	X(CAPTURE_LOST, "beeline_capture_packets_lost_total", "counter", "packets",               \
	  "Packets that are missing in captures, as their ring was full.")                        \
	X(CONNECTIONS, "beeline_conntrack_entries", "gauge", "entries",                           \
	  "Connections in the VM's table; with more than eight endpoints estimated from a part.") \
	X(CONNECTIONS_CAPACITY, "beeline_conntrack_entries_limit", "gauge", "entries",            \
	  "Connections that the VM's table can hold.")                                            \
	X(CONNECTIONS_EVICTED, "beeline_conntrack_evictions_total", "counter", "connections",     \
	  "Connections that were forgotten before their time, as the table had no room for "      \
	  "another, by the direction of the packet that opened that one.")                        \
	X(POLICY_ENTRIES_LIMIT, "beeline_policy_entries_limit", "gauge", "entries",               \
	  "Entries that each VM's policy can have.")                                              \
	X(ENDPOINTS, "beeline_endpoints", "gauge", "endpoints", "VM interfaces on this node.")    \
	X(ENDPOINTS_LIMIT, "beeline_endpoints_limit", "gauge", "endpoints",                       \
	  "VM interfaces that this node can have.")                                               \
	X(MAP_ENTRIES, "beeline_map_entries", "gauge", "entries",                                 \
	  "Entries in use of maps that all endpoints share.")                                     \
	X(MAP_LIMIT, "beeline_map_entries_limit", "gauge", "entries",                             \
	  "Entries that these maps can hold.")                                                    \
	X(ATTACH, "beeline_endpoint_attach_duration_seconds", "histogram", "seconds",             \
	  "Time to attach an endpoint, since the agent started.")                                 \
	X(POLICY_UPDATE, "beeline_policy_update_duration_seconds", "histogram", "seconds",        \
	  "Time from a changed object to the policy in the kernel, since the agent started.")     \
	X(POLICY_FAILURES, "beeline_policy_update_failures_total", "counter", "updates",          \
	  "Tries to bring a policy into the kernel that failed; what was before stays.")          \
	X(POLICY_AMISS, "beeline_policy_endpoints_amiss", "gauge", "endpoints",                   \
	  "VM interfaces whose policy in the kernel is not the one that they should have.")       \
	X(BUILD, "beeline_build_info", "gauge", "",                                               \
	  "1, with the agent's version and the version of its datapath's maps.")                  \
	X(PROCESS_CPU, "process_cpu_seconds_total", "counter", "seconds",                         \
	  "Processor time that the agent used.")                                                  \
	X(PROCESS_MEMORY, "process_resident_memory_bytes", "gauge", "bytes",                      \
	  "Memory that the agent has.")

enum family {
#define X(name, ...) FAMILY_##name,
	FAMILIES(X)
#undef X
		FAMILIES_MAX
};

struct family_row {
	const char *name, *type, *unit, *help;
};

extern const struct family_row family_rows[FAMILIES_MAX];
