# SPDX-License-Identifier: Apache-2.0
"""What somebody takes away under a running guest: the name of its namespace, which is given back and
costs no packet; its tap, after which no packet reaches it any more, and the VM says so."""
import os
import select
import signal
import time

from machines import POD
from node import Failed, run
from test_boot import addresses, expect
from test_restart import links

PATIENCE_S = 60


def condition(document, kind):
    return next((entry for entry in document.get("status", {}).get("conditions", [])
                 if entry["type"] == kind), {})


def is_cut(document):
    return condition(document, "Ready").get("reason") == "NoCarrier"


def name(world):
    """Where the namespace is mounted, and its number."""
    path = world.node.endpoint(POD)["endpoint"]["netns"]
    return path, os.stat(path).st_ino


def leads_to(path, namespace):
    """Not while the name is made anew: it is missing for a moment."""
    try:
        return os.stat(path).st_ino == namespace
    except FileNotFoundError:
        return False


def expect_named_again(path, namespace):
    """Each mount tells who polls this file of itself."""
    with open("/proc/self/mountinfo") as mounts:
        changes = select.poll()
        changes.register(mounts, select.POLLPRI)
        end = time.monotonic() + PATIENCE_S
        while not leads_to(path, namespace):
            if not changes.poll(max(0, end - time.monotonic()) * 1000):
                raise Failed(f"{path} does not lead to the namespace again")


def ping(world):
    for address in addresses(world, POD):
        run("ping", "-c", "3", "-i", "0.2", "-W", "5", address)


def test_name_of_the_namespace_is_given_back(world):
    path, namespace = name(world)
    run("umount", "-l", path)
    expect_named_again(path, namespace)
    ping(world)


def test_name_taken_while_no_agent_runs(world):
    before = links(world, POD)
    path, namespace = name(world)
    world.node.end(signal.SIGKILL)
    run("umount", "-l", path)
    world.node.start()
    expect_named_again(path, namespace)
    expect("attachments", before, links(world, POD))
    ping(world)


def test_deleted_tap_is_a_condition(world):
    run("ip", "-n", world.node.netns(POD), "link", "del", "tap0")
    vmi = world.node.wait_for("vmi", POD, "cut off", is_cut, timeout=PATIENCE_S)
    expect("Synchronized", "False", condition(vmi, "Synchronized")["status"])
    vm = world.node.wait_for("vm", POD, "cut off", is_cut, timeout=PATIENCE_S)
    expect("ready", False, vm["status"]["ready"])
    if "restart the VM" not in condition(vm, "Ready")["message"]:
        raise Failed(f"what to do is not said: {condition(vm, 'Ready')['message']}")
    expect("carrier", False, world.node.endpoint(POD)["endpoint"]["carrier"])


def test_another_agent_sees_it_too(world):
    """Pausing has it look again: only what it sees by itself makes the guest unready afterwards."""
    world.node.end(signal.SIGKILL)
    world.node.start()
    world.node.vm("pause", POD)
    world.node.wait_for("vmi", POD, "paused", lambda vmi: condition(vmi, "Paused"), timeout=PATIENCE_S)
    world.node.vm("unpause", POD)
    vmi = world.node.wait_for("vmi", POD, "unpaused", lambda vmi: not condition(vmi, "Paused"),
                              timeout=PATIENCE_S)
    expect("reason", "NoCarrier", condition(vmi, "Ready").get("reason"))


def test_restart_connects_it_again(world):
    uid = world.node.get("vmi", POD)["metadata"]["uid"]
    world.guests[POD].close()
    world.node.vm("restart", POD)
    world.node.wait_for("vmi", POD, "ready anew", lambda vmi: vmi["metadata"]["uid"] != uid
                        and condition(vmi, "Ready").get("status") == "True")
    world.connect(POD).wait_ready()
    ping(world)
    expect("carrier", True, world.node.endpoint(POD)["endpoint"]["carrier"])
