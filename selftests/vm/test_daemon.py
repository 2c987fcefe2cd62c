# SPDX-License-Identifier: Apache-2.0
"""What goes wrong beside a guest: its emulator floods its log, its libvirt daemon hangs or dies.
The guest does not notice, other machines neither, and who looks is told."""
import contextlib
import ctypes
import os
import select
import signal
import time

from machines import EFI, OPEN
from node import LAUNCHER, LIBVIRT, NAMESPACE, QEMU, Failed, run
from test_boot import addresses, expect

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


def test_flooded_messages_of_the_daemon_are_cut(world):
    """They go to a pipe, which the pod's first process empties into the launcher's log."""
    log = f"{world.node.sandbox(OPEN)}/private/launcher.log"
    stderr = borrow_fd(world.node.pod_pid(OPEN, LIBVIRT), 2)
    try:
        for _ in range(64):
            os.write(stderr, b"error : a daemon complains\n" * (MIB // 16 // 27))
    finally:
        os.close(stderr)
    for name in (log, f"{log}.1"):
        if os.stat(name).st_size > MIB + 8192:
            raise Failed(f"{name} has {os.stat(name).st_size} bytes")


def refusal(function, *arguments):
    try:
        function(*arguments)
    except Failed as failure:
        return str(failure)
    return "nothing, it works"


def condition(vmi, kind):
    for entry in vmi.get("status", {}).get("conditions", []):
        if entry["type"] == kind:
            return entry["status"], entry.get("reason")
    return None


def wait_unreachable(world):
    vmi = world.node.wait_for("vmi", OPEN, "said to be out of libvirt's reach", lambda vmi:
                              condition(vmi, "Synchronized") == ("False", "LibvirtUnreachable"), 60)
    expect("its phase", "Running", vmi["status"]["phase"])
    expect("ready", "True", condition(vmi, "Ready")[0])
    run("ping", "-c", "3", "-i", "0.2", "-W", "5", addresses(world, OPEN)[0])


def wait_reachable(world):
    world.node.wait_for("vmi", OPEN, "in libvirt's reach", lambda vmi:
                        (condition(vmi, "Synchronized") or " ")[0] == "True", 60)


@contextlib.contextmanager
def stopped(pid):
    """A hung process. It goes on at the end, whatever has failed, unless it is no more."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_hung_daemon_is_told_and_harms_nobody(world):
    boot = world.guests[OPEN].boot_id()
    with stopped(world.node.pod_pid(OPEN, LIBVIRT)):
        wait_unreachable(world)
        said = refusal(world.node.vm, "pause", OPEN)
        if "does not answer" not in said:
            raise Failed(f"who wants to pause the machine is told: {said}")
        expect("another machine", "True", condition(world.node.get("vmi", EFI), "Synchronized")[0])
        world.node.vm("pause", EFI)
        world.node.vm("unpause", EFI)
    wait_reachable(world)
    expect("boot id", boot, world.guests[OPEN].boot_id())


def test_daemon_that_cannot_start_is_told_until_it_can(world):
    boot = world.guests[OPEN].boot_id()
    configuration = f"{world.node.sandbox(OPEN)}/private/libvirt/daemon.conf"
    with open(configuration) as file:
        sound = file.read()
    with open(configuration, "w") as file:
        file.write("nonsense\n")
    os.kill(world.node.pod_pid(OPEN, LIBVIRT), signal.SIGKILL)
    wait_unreachable(world)
    with open(configuration, "w") as file:
        file.write(sound)
    wait_reachable(world)
    expect("boot id", boot, world.guests[OPEN].boot_id())


def test_daemon_that_dies_is_replaced(world):
    """The launcher is killed too, so that its successor meets a daemon that hangs."""
    guest = world.guests[OPEN]
    boot = guest.boot_id()
    daemon = world.node.pod_pid(OPEN, LIBVIRT)
    with stopped(daemon):
        os.kill(world.node.pod_pid(OPEN, LAUNCHER), signal.SIGKILL)
        wait_unreachable(world)
        os.kill(daemon, signal.SIGKILL)
    wait_reachable(world)
    if world.node.pod_pid(OPEN, LIBVIRT) == daemon:
        raise Failed("the daemon is the one that was killed")
    guest.wait_for("the console has ended", 30)
    guest.close()
    guest.connect()
    expect("boot id", boot, guest.boot_id())
    world.node.vm("pause", OPEN)
    world.node.vm("unpause", OPEN)
