#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flow.py RATE FROM,TO,ADDRESS...: numbered datagrams at RATE a second from each namespace FROM to
ADDRESS in TO, well below what the path carries, until SIGTERM. Then says how many were sent and which
numbers are missing, with the counters of the kernel that may own up to them; fails if any is missing.
Of a flow that is written !FROM,TO,ADDRESS none may arrive; fails if any does.
"""
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

from talk import enter, family_of, socket_in

PORT = 7800
GRACE_S = 5
RECEIVE_BYTES = 8 << 20
SO_RCVBUFFORCE = 33
NUMBER = struct.Struct("!Q")
COUNTERS = re.compile(r"(RcvbufErrors|InErrors|NoPorts|dropped)")


class Flow:
    def __init__(self, text, port):
        self.forbidden = text.startswith("!")
        self.source, self.to, self.address = text.lstrip("!").split(",")
        self.port, self.sent, self.got = port, 0, set()
        family = family_of(self.address)
        self.receiver = socket_in(self.to, family, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        self.receiver.bind(("", port))
        self.receiver.setblocking(False)
        self.sender = socket_in(self.source, family, socket.SOCK_DGRAM)
        self.sender.connect((self.address, port))

    def send(self):
        self.sender.send(NUMBER.pack(self.sent))
        self.sent += 1

    def take(self):
        try:
            while True:
                self.got.add(NUMBER.unpack(self.receiver.recv(64))[0])
        except BlockingIOError:
            pass

    def wrong(self):
        return sorted(self.got if self.forbidden else set(range(self.sent)) - self.got)

    def is_done(self):
        return self.forbidden or len(self.got) == self.sent


def take_until(selector, deadline):
    """Receives till then, and at least what is there now."""
    while True:
        for key, _ in selector.select(max(0, deadline - time.monotonic())):
            key.data.take()
        if time.monotonic() >= deadline:
            return


def counters(netns):
    enter(netns)
    shown = subprocess.run("nstat -asz; ip -s link", shell=True, capture_output=True, text=True)
    return [line for line in shown.stdout.splitlines()
            if COUNTERS.search(line) and not re.search(r"\s0\s+0\.0$", line)]


def report(flows):
    wrong = {False: 0, True: 0}
    for flow in flows:
        numbers = flow.wrong()
        wrong[flow.forbidden] += len(numbers)
        if numbers:
            print(f"{flow.source} to {flow.address}: {numbers[:20]}")
            print("\n".join(counters(flow.source) + counters(flow.to)))
    arrived = f", {wrong[True]} forbidden arrived" if any(f.forbidden for f in flows) else ""
    print(f"{sum(flow.sent for flow in flows)} sent, {wrong[False]} lost{arrived}")
    return 1 if any(wrong.values()) else 0


def main():
    rate = int(sys.argv[1])
    flows = [Flow(text, PORT + n) for n, text in enumerate(sys.argv[2:])]
    selector = selectors.DefaultSelector()
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    for flow in flows:
        selector.register(flow.receiver, selectors.EVENT_READ, flow)
    print("flowing", flush=True)
    due = time.monotonic()
    while not stopping:
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)  # never catch up in a burst
        for flow in flows:
            flow.send()
        take_until(selector, due)
    end = time.monotonic() + GRACE_S
    while time.monotonic() < end and not all(flow.is_done() for flow in flows):
        take_until(selector, time.monotonic() + 0.05)
    return report(flows)


if __name__ == "__main__":
    sys.exit(main())
