/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent and a launcher say to each other, over rpc.h on the launcher's socket
 * BL_LAUNCHER_SOCKET inside the pod. The agent dials; the launcher checks that the peer is root, the
 * agent that the peer has the VM's uid. Either may be killed and come back: after every connect the
 * agent sends its sync again and asks for the state.
 *
 * Calls, agent to launcher:
 *   sync      {"vmi": <VMI as the user wrote it>, "prepared": {...}}  -> {}   idempotent: starts the
 *             domain unless it runs or has run to its end
 *   shutdown  {"graceSeconds": 30}  -> {}   ACPI until the grace period ends, then kill; the state
 *             arrives as a notice. graceSeconds 0 kills at once
 *   pause {}, unpause {}, reset {}  -> {}
 *   state     {}  -> a state as below
 *   console   {}  -> {} with one fd: a stream socket to the serial console (what has been printed
 *             last comes first)
 *   vnc       {}  -> {} with one fd: a stream socket that speaks RFB
 * Notices, launcher to agent:
 *   {"state": <state>}      whenever it changes; numbered by seq
 *
 * state = {"phase": "Preparing" | "Running" | "Paused" | "Succeeded" | "Failed" | "Unknown",
 *                                               Unknown: it has been started, and libvirt has not
 *                                                 been asked since the launcher began
 *          "reason": "...", "message": "...",   words for the condition: when it failed, does
 *                                                 not start, or is "Paused" by an "IOError"
 *          "outage": "...",                     the libvirt daemon is not reached, and why: what
 *                                                 else is said here is what was last known
 *          "emulated": true, "emulationReason": "...",
 *          "interfaces": [{"name", "mac", "queues"}]}
 *
 * prepared = {"kvm": bool, "kvmReason": "...", "vhostNet": bool,
 *             "interfaces": [{"name": "default", "tap": "tap0", "mac": "..", "mtu": 1450, "queues": 1}],
 *             "volumes": {"<volume>": {"path": "/...", "format": "qcow2" | "raw", "readonly": bool}}}
 *             (container disks and host disks as the sandbox shows them to the VM)
 *
 * When the domain has ended the launcher stays, so that the agent can still ask for the state, until
 * it gets SIGTERM. SIGTERM while the domain runs is a shutdown with the VMI's grace period. Then it
 * exits 0, its monitor too, and with them the container.
 *
 * The container's environment should hold HOME=BL_LAUNCHER_PRIVATE_DIR and XDG_RUNTIME_DIR=/var/run:
 * then a bare `virsh list` in the pod finds the private daemon.
 */
#pragma once

/* Inside the pod; KubeVirt's paths. */
#define BL_LAUNCHER_RUN_DIR         "/var/run/kubevirt"
#define BL_LAUNCHER_SOCKET_DIR      "/var/run/kubevirt/sockets"
#define BL_LAUNCHER_SOCKET          "/var/run/kubevirt/sockets/launcher-sock"
#define BL_LAUNCHER_PRIVATE_DIR     "/var/run/kubevirt-private"
#define BL_LAUNCHER_EPHEMERAL_DIR   "/var/run/kubevirt-ephemeral-disks"
#define BL_LAUNCHER_CONTAINER_DISKS "/var/run/kubevirt/container-disks"
#define BL_LAUNCHER_LIBVIRT_DIR     "/var/run/libvirt"
#define BL_LAUNCHER_LOG             "/var/run/kubevirt-private/launcher.log"
/* BL_LAUNCHER_PRIVATE_DIR/<uid>/...: the serial console's socket and log, the VNC socket. */
#define BL_LAUNCHER_SERIAL_NAME     "virt-serial0"
#define BL_LAUNCHER_SERIAL_LOG_NAME "virt-serial0-log"
#define BL_LAUNCHER_VNC_NAME        "virt-vnc"
/* QEMU's own log: BL_LAUNCHER_QEMU_LOG_DIR/<namespace>_<name>.log */
#define BL_LAUNCHER_QEMU_LOG_DIR "/var/run/kubevirt-private/libvirt/qemu/log"
