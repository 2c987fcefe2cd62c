# SPDX-License-Identifier: Apache-2.0
"""What goes wrong beside a guest: its emulator floods its log. The guest does not notice."""
import ctypes
import os
import select
import time

from machines import OPEN
from node import NAMESPACE, QEMU, Failed
from test_boot import expect

MIB = 1 << 20
SYS_PIDFD_GETFD = 438
IN_MODIFY, IN_CREATE, IN_MOVED_TO = 0x2, 0x100, 0x80
libc = ctypes.CDLL(None, use_errno=True)


def borrow_fd(pid, fd):
    """A descriptor of another process, with the flags that it was opened with."""
    process = os.pidfd_open(pid)
    try:
        borrowed = libc.syscall(SYS_PIDFD_GETFD, process, fd, 0)
        if borrowed < 0:
            raise Failed(f"fd {fd} of {pid}: {os.strerror(ctypes.get_errno())}")
        return borrowed
    finally:
        os.close(process)


def wait_until(folder, holds, what, timeout=30):
    """Until something that is written in a folder makes it true."""
    events = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(events, folder.encode(), IN_MODIFY | IN_CREATE | IN_MOVED_TO)
    end = time.monotonic() + timeout
    try:
        while not holds():
            if not select.select([events], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed(f"{what}: not after {timeout} s")
            os.read(events, 65536)
    finally:
        os.close(events)


def test_flooded_log_of_the_emulator_is_cut(world):
    folder = f"{world.node.sandbox(OPEN)}/private/libvirt/qemu/log"
    log = f"{folder}/{NAMESPACE}_{OPEN}.log"
    boot = world.guests[OPEN].boot_id()
    stderr = borrow_fd(world.node.pod_pid(OPEN, QEMU), 2)
    try:
        if not os.path.samestat(os.fstat(stderr), os.stat(log)):
            raise Failed("the emulator does not write its errors into its log")
        for _ in range(64):
            os.write(stderr, b"qemu-system-x86_64: a guest does what it should not\n" * (MIB // 52))
        wait_until(folder, lambda: os.stat(log).st_size <= MIB, "the log is cut")
        os.write(stderr, b"and goes on\n")
    finally:
        os.close(stderr)
    if os.stat(f"{log}.1").st_size > MIB:
        raise Failed("what was cut off is kept whole")
    if not world.node.vm("logs", OPEN, "-c", "qemu", "--tail", "1").endswith("and goes on\n"):
        raise Failed("the log does not go on")
    expect("boot id", boot, world.guests[OPEN].boot_id())
