/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the pod (`beeline-launcher --monitor`): knows processes and signals, and neither libvirt
 * nor JSON nor the VM. Starts the launcher and starts it again when it dies, reaps whatever is
 * orphaned (libvirt's daemon, QEMU), forwards SIGTERM and SIGINT, and keeps the log bounded. It ends
 * when the launcher exits with 0, and the container with it.
 */
#pragma once

/* argv is the launcher's, without --monitor, NULL at its end. Returns the exit code. */
int monitor_run(char *const *argv);
