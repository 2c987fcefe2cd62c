# SPDX-License-Identifier: Apache-2.0
"""Agent and launcher are killed and come back; the guest does not notice."""
import json
import os
import signal
import urllib.request

from machines import ALL, OPEN, POD
from node import LAUNCHER, NAMESPACE, Failed, run
from test_boot import addresses, expect
from test_network import url


def links(world, name):
    """The kernel's numbers of a VM's attachments: another number would be another attachment."""
    pins = f"{world.node.bpffs}/{NAMESPACE}_{name}_default"
    return {pin: json.loads(run("bpftool", "-j", "link", "show", "pinned", f"{pins}/{pin}"))["id"]
            for pin in sorted(os.listdir(pins))}


def test_line_works_while_the_agent_is_dead(world):
    guest = world.guests[POD]
    address = addresses(world, POD)[0]
    world.before = {name: (world.guests[name].boot_id(), links(world, name)) for name in ALL}
    world.node.end(signal.SIGKILL)
    run("ping", "-c", "3", "-i", "0.2", "-W", "5", address)
    urllib.request.urlopen(url(address), timeout=20).close()
    guest.run("rm /run/guest/announced; ip link set eth0 down; ip link set eth0 up")
    guest.wait_ready()
    expect("address of the new lease", address, guest.address4)


def test_agent_takes_over_what_runs(world):
    world.node.start()
    for name in ALL:
        world.node.wait_running(name, timeout=30)
        expect(f"{name} as before", world.before[name],
               (world.guests[name].boot_id(), links(world, name)))


def test_launcher_is_killed_and_adopts_its_guest(world):
    guest = world.guests[OPEN]
    boot = guest.boot_id()
    pid = world.node.pod_pid(OPEN, LAUNCHER)
    gone = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    os.close(gone)
    run("ping", "-c", "3", "-i", "0.2", "-W", "5", addresses(world, OPEN)[0])
    guest.wait_for("the console has ended", 30)
    guest.close()
    guest.connect()
    expect("boot id", boot, guest.boot_id())
    if world.node.pod_pid(OPEN, LAUNCHER) == pid:
        raise Failed("the launcher is the one that was killed")


def expect_refusal(world, words, *verb):
    """Every verb names the machine, and nothing is done."""
    try:
        world.node.vm(*verb)
    except Failed as failure:
        if words in str(failure):
            return
        raise
    raise Failed(f"{verb} works")


def test_pause_and_unpause_are_done_once(world):
    expect_refusal(world, f'VirtualMachineInstance "{OPEN}": VMI is not paused', "unpause", OPEN)
    world.node.vm("pause", OPEN)
    expect_refusal(world, f'VirtualMachineInstance "{OPEN}": VMI is already paused', "pause", OPEN)
    world.node.vm("unpause", OPEN)
    expect_refusal(world, f'VirtualMachineInstance "{OPEN}": VMI is not paused', "unpause", OPEN)


def test_monitor_of_nobody_does_not_wait(world):
    expect_refusal(world, '"nobody" not found', "monitor", "nobody")
    expect_refusal(world, 'endpoint "nobody" not found', "monitor", "--endpoint", "nobody")


def test_pause_holds_the_guest_still(world):
    address = addresses(world, OPEN)[0]
    world.node.vm("pause", OPEN)
    try:
        run("ping", "-c", "1", "-W", "1", address)
    except Failed:
        world.node.vm("unpause", OPEN)
        run("ping", "-c", "3", "-i", "0.2", "-W", "5", address)
        return
    raise Failed("a paused guest answers")
