# SPDX-License-Identifier: Apache-2.0
"""Four machines at once, and two from elsewhere: what a guest finds when it comes up."""
import json

import seeds
from machines import ALL, EFI, MAC, MASQUERADE, OPEN, POD
from node import BUILD, Failed

SEEDS = ("0-vm-vm-01.yaml", "2-vm-kubevirt-smoke-fedora-whole.yaml")  # all: in tier long


def expect(what, wanted, got):
    if wanted != got:
        raise Failed(f"{what}: expected {wanted}, got {got}")


def addresses(world, name):
    return world.node.get("vmi", name)["status"]["interfaces"][0]["ipAddresses"]


def test_four_machines_boot_at_once(world):
    for name in ALL:
        world.node.wait_running(name)
        world.connect(name)
    for name in ALL:
        world.guests[name].wait_ready()


def test_manifests_from_elsewhere_are_taken(world):
    manifests = [seeds.text_of(file, world.node.key()) for file in SEEDS]
    for image in {image for text in manifests for image in seeds.images_of(text)}:
        world.node.beeline("image", "import", image, f"{BUILD}/demo.qcow2", timeout=120)
    said = world.node.vm("apply", "-f", "-", input="\n---\n".join(manifests))
    expect("apply", len(SEEDS), said.count(" created"))


def test_pod_binding_gives_the_pods_addresses(world):
    for name in (POD, EFI):
        guest = world.guests[name]
        expect(name, addresses(world, name), [guest.address4, guest.address6])


def test_masquerade_gives_the_guests_own_addresses(world):
    for name in (MASQUERADE, OPEN):
        guest = world.guests[name]
        expect(name, ["10.0.2.2", "fd10:0:2::2"], [guest.address4, guest.address6])


def test_routes_lead_to_a_gateway_in_both_families(world):
    for name in ALL:
        guest = world.guests[name]
        expect(f"{name}'s default routes", "1", guest.run("ip route | grep -c '^default via'"))
        expect(f"{name}'s IPv6 default routes", "1",
               guest.run("ip -6 route | grep -c '^default via fe80:'"))


def test_guest_knows_mtu_and_name_servers(world):
    for name in ALL:
        guest = world.guests[name]
        endpoint = world.node.endpoint(name)["endpoint"]
        expect(f"{name}'s MTU", str(endpoint["mtu"]), guest.run("cat /sys/class/net/eth0/mtu"))
        guest.run("grep nameserver /etc/resolv.conf")


def test_mac_addresses_are_the_manifests(world):
    expect(EFI, MAC, world.guests[EFI].run("cat /sys/class/net/eth0/address"))
    for name in ALL:
        expect(name, world.node.endpoint(name)["endpoint"]["mac"],
               world.guests[name].run("cat /sys/class/net/eth0/address"))


def test_seeds_on_virtio_and_sata_are_read(world):
    for name in (POD, MASQUERADE, EFI):
        expect(f"{name}'s host name", name, world.guests[name].run("hostname"))


def test_seed_runs_commands(world):
    expect("runcmd", "the seed ran", world.guests[OPEN].run("cat /tmp/seed"))


def test_host_name_comes_by_dhcp_without_a_seed_that_says_so(world):
    expect(OPEN, OPEN, world.guests[OPEN].run("hostname"))


def test_efi_guest_was_started_by_efi(world):
    world.guests[EFI].run("test -d /sys/firmware/efi")
    world.guests[POD].run("test ! -d /sys/firmware/efi")


def test_two_cpus_have_two_queues(world):
    guest = world.guests[EFI]
    expect("CPUs", "2", guest.run("nproc"))
    expect("queues", "2", guest.run("ls -d /sys/class/net/eth0/queues/rx-* | wc -l"))


def test_empty_disk_is_there(world):
    expect("sectors", str(64 * 2048), world.guests[OPEN].run("cat /sys/block/vdc/size"))


def test_second_console_begins_with_what_was_printed_last(world):
    first, second = world.guests[POD], world.connect(POD)
    second.wait_for("demo is ready: eth0")
    second.run("echo said to $(hostname)")
    first.wait_for("said to demo\n")
    first.close()


def test_console_between_pipes_ends_with_its_input(world):
    said = world.node.vm("console", OPEN, "--linger", "5s", input="echo $((6 * 7))\r")
    if "42" not in said:
        raise Failed(f"the console says: {said!r}")


def test_vm_says_that_it_runs(world):
    for name in ALL:
        vm = world.node.get("vm", name)["status"]
        expect(name, "Running", vm["printableStatus"])
    table = world.node.vm("get", "vmi", "-o", "wide")
    for name in ALL:
        if addresses(world, name)[0] not in table:
            raise Failed(f"no address of {name} in: {json.dumps(table)}")


def test_manifests_from_elsewhere_keep_their_promises(world):
    for promise in map(seeds.PROMISES.get, SEEDS):  # their guests have booted meanwhile
        world.node.wait_running(promise.name)
        seeds.hold(promise, world.connect(promise.name))
        world.guests.pop(promise.name).close()
        world.node.vm("delete", "vm", promise.name)
