# SPDX-License-Identifier: Apache-2.0
"""Every manifest from elsewhere that boots: by `beeline run`, with an image under the name that it
asks for, and what it promises is held against its guest."""
import os

import seeds
from node import BUILD, Failed, Skipped
from test_boot import expect

# These give 64 MB. CirrOS's kernel of that time fits, Debian's does not: iPXE stands in for it.
SMALL = ("4-vm-cirros-vm.yaml", "4-vm-cirros-vm-2.yaml", "4-vm-cirros-vm-3.yaml")


def run(world, file, disk):
    text = seeds.text_of(file, world.node.key())
    path = f"{world.node.root}/{file}"
    with open(path, "w") as manifest:
        manifest.write(text)
    for image in seeds.images_of(text):
        world.node.beeline("image", "import", image, f"{BUILD}/{disk}", timeout=120)
    said = world.node.beeline("run", path, "--timeout", "3m", timeout=200)
    if "is up and answers" not in said:
        raise Failed(f"run says: {said}")
    return path


def boot(world, file):
    path = run(world, file, "demo.qcow2")
    promise = seeds.PROMISES[file]
    seeds.hold(promise, world.connect(promise.name))
    world.guests.pop(promise.name).close()
    world.node.beeline("delete", "-f", path)


def boot_small(world, file):
    if not os.path.exists(f"{BUILD}/long/ipxe.raw"):
        raise Skipped("iPXE's disk, which is made of Debian's package ipxe")
    path = run(world, file, "long/ipxe.raw")
    domain = world.node.get("vmi", "cirros-vm")["spec"]["domain"]
    expect("memory", "64M", domain["resources"]["requests"]["memory"])
    world.node.beeline("delete", "-f", path)


def test_all_that_boot_are_here(world):
    expect("manifests", sorted(seeds.files_that_boot()), sorted([*seeds.PROMISES, *SMALL]))


def add(file, function):
    globals()[f"test_{file}"] = lambda world: function(world, file)


for each in seeds.PROMISES:
    add(each, boot)
for each in SMALL:
    add(each, boot_small)
