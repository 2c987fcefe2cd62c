# SPDX-License-Identifier: Apache-2.0
"""Manifests that other people wrote (selftests/golden/seeds), what each promises of its guest, and
how a reader would try it: with a key of one's own where the author left a place for one.

The demo image is imported under the names that they give. What it cannot do for a manifest (it has
no systemd and installs no packages) is no part of the promise."""
import os
import re

from node import Failed

FOLDER = os.path.join(os.path.dirname(__file__), "../golden/seeds")
# Where the authors put a key: "<your-ssh-public-key>", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ... user@host"
KEY = re.compile(r"<your-ssh-public-key>|ssh-rsa AAAA\S*\.\.\.( \S+)?")
MIB = 1024 * 1024


def files_that_boot():
    with open(f"{FOLDER}/expected") as file:
        return [line.split(":")[0] for line in file if line.rstrip().endswith(": boots")]


def text_of(file, public_key=""):
    with open(f"{FOLDER}/{file}") as manifest:
        return KEY.sub(public_key.strip(), manifest.read())


def images_of(text):
    return re.findall(r"image: (\S+)", text)


class Promise:
    """What a manifest says of its guest: bytes of memory, CPUs, and what commands in it print."""

    def __init__(self, name, memory, cpus, says, password=None, user=None):
        self.name = name
        self.memory = memory
        self.cpus = cpus
        self.says = says          # {command: output}
        self.password = password  # of root on the console
        self.user = user          # who has the key


PROMISES = {
    "0-vm-vm-01.yaml": Promise(
        "vm-01", 4096 * MIB, 2,
        {"cat /sys/class/misc/hw_random/rng_current": "virtio_rng.0"},
        password="fedora", user="root"),
    "1-vm-fedora-vm.yaml": Promise(
        "fedora-vm", 2048 * MIB, 2,
        {"head -c 4 /run/guest/runcmd; echo": "syst", "ls /dev/sr0": "/dev/sr0"}, user="fedora"),
    "1-vm-my-vm.yaml": Promise(
        "my-vm", 1024 * 1000 * 1000, 1,
        {"cat /run/seed/user-data": "Hello World!", "ls /dev/sr0": "/dev/sr0"}),
    "1-vmi-my-vmi.yaml": Promise("my-vmi", 512 * 1000 * 1000, 1, {}),
    "2-vm-kubevirt-smoke-fedora-whole.yaml": Promise(
        "kubevirt-smoke-fedora", 4 * 1000 ** 3, 1,
        {"cat /sys/class/dmi/id/product_uuid": "c3ecdb42-282e-44c3-8266-91b99ac91261",
         "cat /sys/block/vdb/size": str(2048 * MIB // 512),
         "head -n 1 /run/seed/user-data":
             "password: changeme               # password of this VM"}),
}


def hold_memory(promise, guest):
    """The kernel keeps some of it for itself before it counts."""
    kib = int(guest.run("awk '/^MemTotal/ { print $2 }' /proc/meminfo"))
    if not 0.85 * promise.memory < kib * 1024 + 64 * MIB <= promise.memory + 64 * MIB:
        raise Failed(f"{promise.name}: {kib} KiB in the guest, {promise.memory // 1024} promised")


def hold(promise, guest):
    """Whether a guest, whose console is given, is what the manifest promises."""
    says = {"hostname": promise.name, "nproc": str(promise.cpus), **promise.says}

    guest.wait_ready()
    if promise.password:
        guest.log_in("root", promise.password)
    for command, wanted in says.items():
        said = guest.run(command)
        if said != wanted:
            raise Failed(f"{promise.name}: {command}: expected {wanted}, got {said}")
    hold_memory(promise, guest)
    if promise.user:
        said = guest.node.ssh(f"{promise.user}@{promise.name}", "hostname")
        if said != promise.name:
            raise Failed(f"{promise.name}: by ssh the host name is {said}")
