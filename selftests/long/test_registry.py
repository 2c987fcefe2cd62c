# SPDX-License-Identifier: Apache-2.0
"""An image that is missing is pulled by skopeo from a real registry. The agent is told whose
certificates to trust, as somebody with a registry of their own would tell it."""
import contextlib
import json
import os
import shutil
import socket

from machines import machine
from node import BUILD, Failed, Skipped
from registry import push, registry, write_archive
from test_boot import expect
from web import Authority

NAME = "pulled"


@contextlib.contextmanager
def agent_and_registry(world):
    """The agent, started anew so that it trusts the registry; the registry's address."""
    for program in ("skopeo", "docker-registry", "openssl"):
        if not shutil.which(program):
            raise Skipped(program)
    authority = Authority(world.node.root)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with registry(world.node.root, port, authority) as address:
        write_archive(f"{BUILD}/demo.qcow2", f"{world.node.root}/oci.tar")
        push(f"{world.node.root}/oci.tar", f"{address}/disks/demo:1", authority)
        world.node.end()
        world.node.start(SSL_CERT_FILE=authority.certificate)
        yield address


def run_from(world, image):
    vm = machine(NAME, {"bridge": {}}, f"#cloud-config\nhostname: {NAME}\n")
    vm["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] = image
    return world.node.vm("run", "-", input=json.dumps(vm), timeout=180)


def why(vmi):
    return "; ".join(each.get("message", "") for each in vmi.get("status", {}).get("conditions", []))


def test_missing_image_is_pulled(world):
    with agent_and_registry(world) as address:
        name = f"{address}/disks/demo:1"
        said = run_from(world, name)
        if f"{NAME} is up and answers" not in said:
            raise Failed(f"run says: {said}")
        if name not in world.node.beeline("image", "list", "-o", "name").split():
            raise Failed(f"{name} is not in the store")
        world.node.vm("delete", "vm", NAME)
        expect("left of the pull", [], os.listdir(f"{world.node.state}/images/incoming"))


def test_image_that_the_registry_lacks_is_said(world):
    with agent_and_registry(world) as address:
        name = f"{address}/disks/nothing:1"
        vm = machine(NAME, {"bridge": {}}, "#cloud-config\n")
        vm["spec"]["template"]["spec"]["volumes"][0]["containerDisk"]["image"] = name
        world.node.apply(vm)
        try:
            vmi = world.node.wait_for("vmi", NAME, "refused", lambda vmi: "skopeo" in why(vmi), 90)
        finally:
            world.node.vm("delete", "vm", NAME)
        for word in (name, "skopeo: initializing source", "manifest unknown"):
            if word not in why(vmi):
                raise Failed(f"'{word}' is not in: {why(vmi)}")
