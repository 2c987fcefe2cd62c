# SPDX-License-Identifier: Apache-2.0
"""Traffic: host and guest, guest and guest, both ways, both bindings, both families."""
import contextlib
import hashlib
import http.server
import os
import socket
import threading
import urllib.error
import urllib.request

from machines import ALL, EFI, MASQUERADE, OPEN, POD
from node import Failed, run
from test_boot import addresses, expect

PATIENCE_S = {True: 20, False: 3}  # for what should come about; for what should not
BULK = os.urandom(1024) * 4096


def url(address, path="", port=80):
    return f"http://[{address}]:{port}/{path}" if ":" in address else \
           f"http://{address}:{port}/{path}"


def gateway(world, name, family):
    """The guest's next hop as an address of this host: what is on the other side of the veth."""
    pod = ("ip", "-n", world.node.netns(name), family, "route", "show", "default")
    return run(*pod).split()[2]


class Bulk(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BULK)))
        self.end_headers()
        self.wfile.write(BULK)

    def log_message(self, *_):
        pass


class DualStackServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def host_server():
    server = DualStackServer(("::", 0), Bulk)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def test_ping_to_guests(world):
    for name in ALL:
        for address in addresses(world, name):
            run("ping", "-c", "3", "-i", "0.2", "-W", "5", address)


def test_tcp_to_guests(world):
    for name in ALL:
        hostname = world.guests[name].run("hostname")
        for address in addresses(world, name):
            with urllib.request.urlopen(url(address), timeout=20) as answer:
                expect(address, hostname, answer.read().decode().strip())


def test_tcp_from_guests_carries_megabytes(world):
    wanted = hashlib.sha256(BULK).hexdigest()
    with host_server() as port:
        for name in (POD, OPEN):
            for family in ("-4", "-6"):
                where = url(gateway(world, name, family), "bulk", port)
                got = world.guests[name].run(f"wget -qO- '{where}' | sha256sum", timeout=60)
                expect(f"{name}, {where}", wanted, got.split()[0])


def test_guests_reach_each_other(world):
    pairs = ((POD, EFI), (EFI, POD), (POD, MASQUERADE), (MASQUERADE, OPEN), (OPEN, POD))
    for one, other in pairs:
        hostname = world.guests[other].run("hostname")
        for address in addresses(world, other):
            ping = "ping6" if ":" in address else "ping"
            world.guests[one].run(f"{ping} -c 2 -i 0.2 -W 5 {address}")
            expect(f"{one} to {other}", hostname,
                   world.guests[one].run(f"wget -T 10 -qO- '{url(address)}'"))


def test_guest_reaches_its_own_address(world):
    for name in (POD, OPEN):
        for address in addresses(world, name):
            expect(f"{name} at {address}", world.guests[name].run("hostname"),
                   world.guests[name].run(f"wget -T 10 -qO- '{url(address)}'"))


def test_undeclared_port_is_closed(world):
    for name in (MASQUERADE, OPEN):
        world.guests[name].run("httpd -p 8080 -h /run/www")
        for address in addresses(world, name):
            try:
                urllib.request.urlopen(url(address, port=8080), timeout=PATIENCE_S[name == OPEN]).close()
                reached = True
            except (urllib.error.URLError, OSError):
                reached = False
            expect(f"{name}, port 8080 of {address}", name == OPEN, reached)


def test_ssh_by_key(world):
    said = world.node.ssh(f"root@{EFI}", "hostname")
    expect("hostname by ssh", EFI, said)


def test_pod_has_no_bridge_and_no_nat(world):
    for name in ALL:
        netns = world.node.netns(name)
        expect(f"bridges of {name}", "", run("ip", "-n", netns, "link", "show", "type", "bridge"))
        expect(f"rules of {name}", "", run("ip", "netns", "exec", netns, "nft", "list", "ruleset"))


def forwarded(world, name):
    """Packets that the line has carried to the VM and from it. Those of whose next hop it did not
    know the MAC yet have left by the kernel's neighbour table, and are counted as that."""
    counters = world.node.endpoint(name)["counters"]
    resolving = sum(entry["packets"] for entry in counters["reasons"] if entry["code"] == 4)
    return counters["toVm"]["packets"], counters["fromVm"]["packets"] + resolving


def test_counters_show_the_line(world):
    for name in ALL:
        before = forwarded(world, name)
        run("ping", "-c", "5", "-i", "0.2", "-W", "5", addresses(world, name)[0])
        to_vm, from_vm = (after - was for after, was in zip(forwarded(world, name), before))
        if to_vm < 5 or from_vm < 5:
            raise Failed(f"{name}: 5 pings, but {to_vm} packets to it and {from_vm} from it")


def test_dhcp_was_answered_by_the_line(world):
    for name in ALL:
        reasons = {entry["code"]: entry["packets"]
                   for entry in world.node.endpoint(name)["counters"]["reasons"]}
        if reasons.get(1, 0) < 4:  # answered: DHCPv4 twice, the router, DHCPv6
            raise Failed(f"{name}: answered {reasons.get(1, 0)} times")
