#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/dashboard.png anew: the dashboard, with what an agent counts of two real VMs.

    make all guest build/prometheus && sudo deploy/dashboards/picture.py docs/dashboard.png [--minutes N]

The example VMs boot under the example's policy, in a network namespace of their own, with the node of
the vm tier. They call each other, a web server across a link of 20 ms that loses one packet in a
hundred, and where they may not; this host calls them. Prometheus reads the agent, draw.py asks it.
"""
import argparse
import ctypes
import heapq
import itertools
import json
import math
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from fcntl import ioctl

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "selftests/vm"))
os.chdir(ROOT)

from guest import Guest  # noqa: E402
from node import BUILD, Failed, Node, run  # noqa: E402

PLACE, FAR = "beeline-picture", "beeline-picture-far"
SERVER, LINK = "198.18.0.2", "198.18.0.1"
DELAY_S, JITTER_S, LOSS = 0.010, 0.002, 0.01  # one way
VMS = {"demo": "vm-pod.yaml", "demo-masquerade": "vm-masquerade.yaml"}
CLONE_NEWNET, TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x40000000, 0x400454CA, 1, 0x1000
PROMETHEUS = "127.0.0.1:9090"

# ---- the place ----------------------------------------------------------------------------------------


def enter(netns):
    with open(f"/run/netns/{netns}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"entering {netns}")


def make_namespace(netns):
    subprocess.run(["ip", "netns", "del", netns], stderr=subprocess.DEVNULL)
    run("ip", "netns", "add", netns)
    run("ip", "-n", netns, "link", "set", "lo", "up")


def open_end(netns, address, peer):
    enter(netns)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    ioctl(fd, TUNSETIFF, struct.pack("16sH14x", b"far", IFF_TUN | IFF_NO_PI))
    run("ip", "addr", "add", address, "peer", peer, "dev", "far")
    run("ip", "link", "set", "far", "up")
    return fd


class Link(threading.Thread):
    """Carries packets from end to end, each after its delay."""

    def __init__(self, *ends):
        super().__init__(daemon=True)
        self.other = dict(zip(ends, reversed(ends)))
        self.waiting, self.order = [], itertools.count()

    def run(self):
        while True:
            now = time.monotonic()
            while self.waiting and self.waiting[0][0] <= now:
                _, _, end, packet = heapq.heappop(self.waiting)
                os.write(end, packet)
            pause = self.waiting[0][0] - now if self.waiting else None
            for end in select.select(list(self.other), [], [], pause)[0]:
                packet = os.read(end, 65536)
                if random.random() >= LOSS:
                    due = time.monotonic() + DELAY_S + random.expovariate(1 / JITTER_S)
                    heapq.heappush(self.waiting, (due, next(self.order), self.other[end], packet))


def make_place():
    for netns in (FAR, PLACE):
        make_namespace(netns)
    far = open_end(FAR, SERVER, LINK)
    server = subprocess.Popen(["python3", "-m", "http.server", "-b", SERVER, "80", "-d", HERE],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    near = open_end(PLACE, LINK, SERVER)
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    Link(near, far).start()
    return server


def start_prometheus(folder):
    with open(f"{folder}/prometheus.yml", "w") as file:
        json.dump({"global": {"scrape_interval": "2s"},
                   "scrape_configs": [{"job_name": "beeline", "static_configs": [
                       {"targets": ["127.0.0.1:10962"]}]}]}, file)  # YAML, too
    return subprocess.Popen(
        [f"{BUILD}/prometheus/usr/bin/prometheus", f"--config.file={folder}/prometheus.yml",
         f"--storage.tsdb.path={folder}/prometheus", f"--web.listen-address={PROMETHEUS}",
         "--log.level=error"])


def wait_scraped():
    """Until Prometheus has seen the agent once: what was counted before does not show as a rise."""
    query = f"http://{PROMETHEUS}/api/v1/query?query=beeline_endpoints"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(query, timeout=5) as answer:
                if json.load(answer)["data"]["result"]:
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise Failed("Prometheus does not see the agent")


# ---- traffic ------------------------------------------------------------------------------------------


def boot(node):
    """Both VMs, with their consoles."""
    node.beeline("image", "import", "beeline/demo:latest", f"{BUILD}/demo.qcow2", timeout=120)
    for file in VMS.values():
        node.vm("apply", "-f", f"deploy/examples/{file}")
    guests = {name: Guest(node, name) for name in VMS if node.wait_running(name)}
    for guest in guests.values():
        guest.wait_ready()
    node.vm("apply", "-f", "deploy/examples/policy.yaml")
    return guests


def addresses(node, name):
    return node.get("vmi", name)["status"]["interfaces"][0]["ipAddresses"]


def keep(guest, command, pause_s):
    guest.run(f"{{ while :; do {command}; sleep {pause_s}; done >/dev/null 2>&1 </dev/null & }}")


def start_guests(guests, called, masked):
    """called and masked: addresses of demo and of demo-masquerade as the world knows them."""
    one, other = guests["demo"], guests["demo-masquerade"]
    one.run("dd if=/dev/urandom of=/run/www/big bs=1M count=6 2>/dev/null")
    for address in called:
        host = f"[{address}]" if ":" in address else address
        keep(other, f"wget -q -O /dev/null http://{host}/", 0.4)
        keep(other, f"nc -w 1 {address} 22", 4)  # the policy denies it
    keep(one, f"nc -w 1 {masked[0]} 80 </dev/null", 0.7)
    for guest in (one, other):
        keep(guest, f"wget -q -O /dev/null http://{SERVER}/beeline.json", 0.9)
    one.run("ip addr add 10.9.9.9/32 dev eth0")
    keep(one, f"ping -c 3 -W 1 -I 10.9.9.9 {SERVER}", 7)  # not its own address


class Caller(threading.Thread):
    """Fetches a page again and again, at a rate that comes and goes."""

    def __init__(self, address, path, rate, swing, period_s):
        super().__init__(daemon=True)
        self.address, self.path = address, path
        self.rate, self.swing, self.period_s = rate, swing, period_s

    def run(self):
        while True:
            phase = 2 * math.pi * time.monotonic() / self.period_s
            time.sleep(random.expovariate(self.rate * (1 + self.swing * math.sin(phase))))
            try:
                with socket.create_connection((self.address, 80), timeout=3) as conn:
                    conn.sendall(f"GET {self.path} HTTP/1.0\r\n\r\n".encode())
                    while conn.recv(65536):
                        pass
            except OSError:
                pass


def call(called, masked):
    for addresses_, rate in ((called, 5), (masked, 3)):
        for index, address in enumerate(addresses_):
            Caller(address, "/", rate, 0.8, 170 + 60 * index).start()
    Caller(called[0], "/big", 0.12, 0.9, 240).start()


def happenings(node, guests, end):
    """What changes meanwhile: a busy guest, and a policy that is taken away and comes back."""
    while time.monotonic() < end:
        time.sleep(70)
        guests["demo"].run("{ for i in 1 2 3 4; do timeout 40 sha512sum /dev/zero & done; } 2>/dev/null")
        time.sleep(80)
        node.vm("delete", "cnp", "demo")
        time.sleep(25)
        node.vm("apply", "-f", "deploy/examples/policy.yaml")


# ---- all of it ----------------------------------------------------------------------------------------


def record(node, minutes):
    """Ends when there is so much to be seen, from just before the VMs call."""
    guests = boot(node)
    called, masked = addresses(node, "demo"), addresses(node, "demo-masquerade")
    end = time.monotonic() + 60 * minutes - 10
    start_guests(guests, called, masked)
    call(called, masked)
    happenings(node, guests, end - 175)
    time.sleep(max(0, end - time.monotonic()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("--minutes", type=float, default=12)
    options = parser.parse_args()
    started = [make_place()]
    node = Node("picture", "default")
    try:
        started.append(start_prometheus(node.root))
        node.start()
        wait_scraped()
        record(node, options.minutes)
        run(f"{HERE}/draw.py", f"{HERE}/beeline.json", f"http://{PROMETHEUS}", options.picture,
            "--minutes", str(options.minutes), timeout=120)
    finally:
        for process in started:
            process.kill()
            process.wait()
        node.remove()
        for netns in (PLACE, FAR):
            subprocess.run(["ip", "netns", "del", netns])


if __name__ == "__main__":
    main()
