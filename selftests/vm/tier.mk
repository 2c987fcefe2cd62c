# SPDX-License-Identifier: Apache-2.0
# vm: real guests in QEMU by libvirt, from the demo image. Needs root.

CHECK_vm := $(B)/demo.qcow2
