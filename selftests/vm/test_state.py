# SPDX-License-Identifier: Apache-2.0
"""What agents live through: a guest that cannot hear, a disk that is full, a state directory that is
lost. The state directory is a small disk of its own here, which the last test pulls away."""
import errno
import os
import signal
import subprocess
import threading

from machines import IMAGE, machine
from node import BUILD, NAMESPACE, Failed, run
from test_boot import addresses, expect
from test_lifecycle import left_over, processes, status_is, veths

DISK_SIZE = "256m"
KEPT = "kept"  # has a second to end, and then is killed
FROZEN = "frozen"  # has ten minutes, which nobody here waits for
SOON = 60


def quick_machine(name, grace_s):
    vm = machine(name, {"bridge": {}}, f"#cloud-config\nhostname: {name}")
    vm["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = grace_s
    return vm


def begin(world):
    """Image and machines, until both run; their guests need not have booted."""
    world.node.beeline("image", "import", IMAGE, f"{BUILD}/demo.qcow2", timeout=120)
    world.node.apply(quick_machine(KEPT, 1))
    world.node.apply(quick_machine(FROZEN, 600))
    for name in (KEPT, FROZEN):
        world.node.wait_running(name)


def uid(world, name):
    return world.node.get("vmi", name)["metadata"]["uid"]


def wait_stopped(world, name):
    world.node.wait_for("vm", name, "Stopped", lambda vm: status_is("Stopped")(vm) and
                        not vm["status"].get("created"), timeout=SOON)


def fill(node):
    """Until not one more byte fits."""
    with open(f"{node.state}/fill", "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def n_lines(node):
    with open(node.log) as log:
        return len(log.readlines())


def wait_log(node, after, text, timeout=SOON):
    """Until the agent has logged it, not counting its first lines."""
    tail = subprocess.Popen(["tail", "-n", f"+{after + 1}", "-f", node.log], stdout=subprocess.PIPE,
                            text=True)
    timer = threading.Timer(timeout, tail.kill)
    timer.start()
    try:
        if not any(text in line for line in tail.stdout):
            raise Failed(f"the agent has not logged '{text}' after {timeout} s")
    finally:
        timer.cancel()
        tail.kill()
        tail.wait()


def test_machines_on_a_small_disk(world):
    world.node.end()
    run("mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "none", world.node.state)
    world.node.start()
    begin(world)


def test_paused_guest_is_stopped_at_once(world):
    world.node.vm("pause", "vm", FROZEN)
    world.node.vm("stop", FROZEN)
    wait_stopped(world, FROZEN)
    world.node.vm("start", FROZEN)
    world.node.wait_running(FROZEN)


def test_full_disk_lets_go(world):
    pod, other = world.node.netns(FROZEN), world.node.netns(KEPT)
    before = processes(other)
    world.node.vm("pause", "vm", FROZEN)
    fill(world.node)
    world.node.vm("delete", "vm", FROZEN, timeout=SOON)
    left = left_over(world.node, [pod], [])
    left = [what for what in left if FROZEN in what or pod in what]
    if left:
        raise Failed(f"{len(left)} left: {'; '.join(left[:8])}")
    expect("processes of the other machine", before, processes(other))


def test_agent_starts_on_a_full_disk(world):
    """And adopts what runs, and stops it when it is told to."""
    before, lines = uid(world, KEPT), n_lines(world.node)
    fill(world.node)
    world.node.end(signal.SIGKILL)
    world.node.start()
    expect("the instance", before, uid(world, KEPT))
    fill(world.node)
    world.node.vm("stop", KEPT)
    wait_stopped(world, KEPT)
    with open(world.node.log) as log:
        failed = [line for line in log.readlines()[lines:] if "a step failed" in line]
    expect("failed steps", [], failed)


def test_stopped_on_a_full_disk_starts_again(world):
    os.unlink(f"{world.node.state}/fill")
    world.node.vm("start", KEPT)
    world.node.wait_running(KEPT)


def rules_of(pod):
    return [rule for rule in (run("iptables-save") + run("ip6tables-save")).splitlines()
            if f'id: \\"{pod}\\"' in rule]


def test_lost_state_is_swept(world):
    """One machine is made again under its name, the other is not."""
    node = world.node
    node.apply(quick_machine(FROZEN, 600))
    node.wait_running(FROZEN)
    kept, frozen = node.netns(KEPT), node.netns(FROZEN)
    old, old_uid = processes(kept), uid(world, KEPT)
    n_rules = len(rules_of(kept))
    cables = veths(addresses(world, name)[0] for name in (KEPT, FROZEN))
    node.end(signal.SIGKILL)
    run("umount", "--lazy", node.state)
    lines = n_lines(node)
    node.start()
    node.beeline("image", "import", IMAGE, f"{BUILD}/demo.qcow2", timeout=120)
    node.apply(quick_machine(KEPT, 1))
    wait_log(node, lines, f'nothing is left of a VMI that is no more" vmi={NAMESPACE}/{FROZEN}')
    vmi = node.wait_running(KEPT)
    if vmi["metadata"]["uid"] == old_uid:
        raise Failed("the machine is the one whose state was lost")
    expect("processes of the lost ones", [], [what for what in old if what in processes(kept)])
    expect("rules", n_rules, len(rules_of(kept)))
    node.vm("delete", "vm", "--all", timeout=SOON)
    left = left_over(node, [kept, frozen], cables)
    if left:
        raise Failed(f"{len(left)} left: {'; '.join(left[:8])}")
    node.beeline("image", "delete", IMAGE)
