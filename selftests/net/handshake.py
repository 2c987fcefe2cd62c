#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP connection whose peer takes a known time to answer, and what /metrics makes of it.

    handshake.py METRICS ENDPOINT to-vm|from-vm FROM TO ADDRESS [--ignore N]

FROM calls ADDRESS, at which TO answers: both are network namespaces. The peer is no kernel but a raw
socket, so that the time it takes is its own; it ignores the first N SYNs. The time in the histogram has
to lie between the peer's delay and how long connect() took, and in the bucket that it belongs to.
"""
import argparse
import ctypes
import os
import socket
import struct
import subprocess
import threading
import time

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from metrics import PATIENCE_S, samples
from talk import CLONE_NEWNET, enter, family_of, libc, socket_in

PORT = 7777
DELAY_S = 0.15
NAME = "beeline_vmi_tcp_handshake_seconds"


def go_home(home=os.open("/proc/self/ns/net", os.O_RDONLY)):
    """To the namespace in which the program began, where the agent is."""
    if libc.setns(home, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Peer:
    """Sees each SYN before the kernel, which is told to drop it."""

    def __init__(self, netns, family, ignore):
        enter(netns)
        ether = 0x86DD if family == socket.AF_INET6 else 0x0800
        self.layer = IPv6 if family == socket.AF_INET6 else IP
        self.ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ether))
        self.ear.settimeout(PATIENCE_S)
        self.mouth = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.ignore, self.netns = ignore, netns

    def __enter__(self):
        rules = "add table inet handshake; " \
            "add chain inet handshake in { type filter hook input priority 0; }; " \
            f"add rule inet handshake in tcp dport {PORT} drop"
        subprocess.run(["ip", "netns", "exec", self.netns, "nft", rules], check=True)
        threading.Thread(target=self.answer, daemon=True).start()
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "exec", self.netns, "nft", "delete table inet handshake"],
                       check=True)

    def answer(self):
        while True:
            packet = self.layer(self.ear.recv(2048))
            if TCP not in packet or packet[TCP].dport != PORT or packet[TCP].flags != "S":
                continue
            if self.ignore:
                self.ignore -= 1
                continue
            time.sleep(DELAY_S)  # what is measured
            syn = packet[TCP]
            answer = self.layer(src=packet.dst, dst=packet.src) / TCP(
                sport=PORT, dport=syn.sport, flags="SA", seq=1, ack=syn.seq + 1)
            self.mouth.sendto(bytes(answer), (packet.src, 0))
            return


class Histogram:
    """One endpoint's, in one direction."""

    def __init__(self, address, endpoint, direction):
        self.buckets, self.sum, self.count = {}, 0, 0
        for (name, labels), value in samples(address).items():
            labels = dict(labels)
            if not name.startswith(NAME) or (labels["name"], labels["direction"]) != (endpoint, direction):
                continue
            if name.endswith("_bucket"):
                self.buckets[float(labels["le"])] = value
            elif name.endswith("_sum"):
                self.sum = value
            else:
                self.count = value


def grown(args, before):
    """The histogram, as soon as it has one more; the page is made anew a few times a second."""
    end = time.monotonic() + PATIENCE_S
    while True:
        now = Histogram(args.metrics, args.endpoint, args.direction)
        if now.count != before.count:
            return now
        assert time.monotonic() < end, f"no handshake {args.direction} of {args.endpoint} was counted"


def main():
    parser = argparse.ArgumentParser()
    for name in ("metrics", "endpoint", "direction", "source", "peer", "address"):
        parser.add_argument(name)
    parser.add_argument("--ignore", type=int, default=0)
    args = parser.parse_args()
    family = family_of(args.address)
    before = Histogram(args.metrics, args.endpoint, args.direction)
    with Peer(args.peer, family, args.ignore):
        client = socket_in(args.source, family, socket.SOCK_STREAM)
        client.settimeout(PATIENCE_S)
        go_home()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        began = time.monotonic()
        client.connect((args.address, PORT))
        took = time.monotonic() - began
        client.close()
    check(before, grown(args, before), DELAY_S + sum(2**i for i in range(args.ignore)), took)


def check(before, now, least, most):
    """One more handshake, that took from least to most seconds."""
    assert now.count == before.count + 1, f"{now.count - before.count} handshakes"
    time_s = now.sum - before.sum
    assert least * 0.98 <= time_s <= most, f"{time_s} s, not {least} to {most}"
    wanted = {le: before.buckets.get(le, 0) + (time_s <= le) for le in now.buckets}
    assert now.buckets == wanted, f"{time_s} s is not in its bucket: {now.buckets}"
    print(f"{time_s:.3f} s, within {least} and {most:.3f}")


if __name__ == "__main__":
    main()
