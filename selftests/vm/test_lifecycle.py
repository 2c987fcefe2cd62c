# SPDX-License-Identifier: Apache-2.0
"""Stop, start, restart, delete; and that nothing is left."""
import os
import time

from machines import ALL, MASQUERADE, POD
from node import NAMESPACE, Failed, run
from test_boot import addresses, expect


MANIFESTS_GRACE_S = 20  # deploy/examples/vm-pod.yaml


def status_is(wanted):
    return lambda vm: vm.get("status", {}).get("printableStatus") == wanted


def processes(pattern):
    """Processes whose command line or control group has it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            texts = [open(f"/proc/{pid}/{name}").read() for name in ("cmdline", "cgroup", "comm")]
        except OSError:
            continue  # it has just ended
        if texts[0] and (pattern in texts[0] or pattern in texts[1]):  # no zombie
            found.append(f"process {pid} {texts[2].strip()}")
    return found


def veths(addresses):
    """This host's ends of the cables to some pods: its routes name them."""
    return {run("ip", "-o", "route", "get", address).split(" dev ")[1].split()[0]
            for address in addresses}


def files(*tops):
    return [f"{path}/{name}" for top in tops for path, _, names in os.walk(top) for name in names]


def left_over(node, pods, cables):
    """What there still is of machines whose pods and cables were called so."""
    found = [f"namespace {pod}" for pod in pods if os.path.exists(f"/run/netns/{pod}")]
    found += [f"link {cable}" for cable in cables if os.path.exists(f"/sys/class/net/{cable}")]
    rules = run("iptables-save") + run("ip6tables-save")
    found += [f"rule {rule}" for rule in rules.splitlines() if any(pod in rule for pod in pods)]
    found += files(f"{node.state}/sandboxes", f"{node.run_dir}/sandboxes", f"{node.run_dir}/runc")
    found += [path for path in files(f"{node.state}/cni") if "_ip." not in path and
              not path.endswith("/lock")]  # those two are the allocator's own
    found += [path for path in files(node.bpffs) if NAMESPACE in path]
    found += [process for pod in pods for process in processes(pod)]
    with open("/proc/self/mounts") as mounts:
        found += [f"mount {line.split()[1]}" for line in mounts if node.root in line]
    return found


def test_stop_takes_the_instance_away(world):
    world.guests[POD].close()
    world.node.vm("stop", POD)
    world.node.wait_for("vm", POD, "Stopped", lambda vm: status_is("Stopped")(vm) and
                        not vm["status"].get("created"), timeout=60)
    expect("instances named so", "", world.node.vm("get", "vmi", POD, "--ignore-not-found",
                                                   "--no-headers"))


def test_start_brings_it_back(world):
    world.node.vm("start", POD)
    world.node.wait_for("vm", POD, "Running", status_is("Running"))
    world.connect(POD).wait_ready()


def test_restart_boots_anew(world):
    boot = world.guests[MASQUERADE].boot_id()
    uid = world.node.get("vmi", MASQUERADE)["metadata"]["uid"]
    world.guests[MASQUERADE].close()
    world.node.vm("restart", MASQUERADE)
    world.node.wait_for("vmi", MASQUERADE, "Running anew", lambda vmi: vmi["metadata"]["uid"] != uid
                        and vmi.get("status", {}).get("phase") == "Running")
    guest = world.connect(MASQUERADE)
    guest.wait_ready()
    if guest.boot_id() == boot:
        raise Failed("the guest has not booted")


def test_delete_takes_all_of_one_machine(world):
    netns = world.node.netns(POD)
    # deaf to its power button, so that it does not end by itself, within the manifest's time or ever
    world.guests[POD].run(": >/etc/acpi/PWRF/00000080")
    begin = time.monotonic()
    world.node.vm("delete", "vm", POD, "--grace-period", "2")
    if not 2 <= time.monotonic() - begin < MANIFESTS_GRACE_S:
        raise Failed(f"a grace of 2 s took {time.monotonic() - begin:.1f} s")
    for place in (f"/run/netns/{netns}", f"{world.node.run_dir}/sandboxes/{netns}",
                  f"{world.node.state}/sandboxes/{netns}",
                  f"{world.node.bpffs}/{NAMESPACE}_{POD}_default"):
        if os.path.exists(place):
            raise Failed(f"{place} is left")


def test_delete_of_all_leaves_nothing(world):
    rest = [name for name in ALL if name != POD]
    pods = [world.node.netns(name) for name in rest]
    cables = veths(addresses(world, name)[0] for name in rest)
    world.node.vm("delete", "vm", "--all", timeout=120)
    left = left_over(world.node, pods, cables)
    if left:
        raise Failed(f"{len(left)} left: {'; '.join(left[:8])}")


def test_image_can_go_when_nobody_uses_it(world):
    names = world.node.beeline("image", "list", "-o", "name").split()
    world.node.beeline("image", "delete", *names)
    world.node.beeline("image", "prune")
    blobs = f"{world.node.state}/images/blobs"
    if os.path.isdir(blobs) and os.listdir(blobs):
        raise Failed(f"blobs are left: {os.listdir(blobs)}")
