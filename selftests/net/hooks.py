#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hooks.py NETNS DEVICE...: the ids of all programs at each device's tcx hooks, asked of the kernel
itself, as Debian 12's bpftool knows no tcx; a line per hook: DEVICE ingress|egress ID..."""
import ctypes
import os
import platform
import socket
import struct
import sys

from talk import enter, libc

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
BPF_PROG_QUERY = 16
HOOKS = {"ingress": 46, "egress": 47}
MAX = 16


def programs(device, hook):
    ids = (ctypes.c_uint32 * MAX)()
    head = struct.pack("IIIIQI", socket.if_nametoindex(device), hook, 0, 0, ctypes.addressof(ids), MAX)
    attr = ctypes.create_string_buffer(head, 64)
    if libc.syscall(SYS_BPF, BPF_PROG_QUERY, attr, len(attr)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), device)
    return list(ids)[:struct.unpack_from("I", attr, 24)[0]]


enter(sys.argv[1])
for name in sys.argv[2:]:
    for hook_name, number in HOOKS.items():
        print(name, hook_name, *programs(name, number))
