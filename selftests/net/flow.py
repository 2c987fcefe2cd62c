#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""flow.py RATE FROM,TO,ADDRESS[,KIND]...: numbered datagrams at RATE a second from each namespace FROM
to ADDRESS in TO, well below what the path carries, until SIGTERM. Then says how many were sent and which
numbers are missing, with the counters of the kernel that may own up to them; fails if any is missing.
Of a flow that is written !FROM,TO,ADDRESS none may arrive; fails if any does.

KIND: one-way, the default; opening: the same, each from a port of its own; asking: each is sent back, and the answer counts; fresh: the same, less
often, each question from a port of its own; late: questions from ports of their own at the very beginning,
which are answered at the end, with nothing in between; told: one question at the very beginning, and
every number is an answer to it.

Queues on the path are bounded, and who empties them may have to wait for a CPU: while too much is on its
way, nothing more is sent.

Connections are few, so that none has to go because its set of the table is full.
"""
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

from talk import bind, enter, family_of, socket_in

PORT = 7800
SILENCE_S = 10
ON_THE_WAY = 250
LATE = 10
FRESH_EVERY = 20
RECEIVE_BYTES = 8 << 20
SO_RCVBUFFORCE = 33
NUMBER = struct.Struct("!Q")
COUNTERS = re.compile(r"(RcvbufErrors|InErrors|NoPorts|dropped)")


def datagrams(receiver):
    """All that are there, with their senders."""
    try:
        while True:
            yield receiver.recvfrom(64)
    except BlockingIOError:
        pass


class Flow:
    def __init__(self, selector, source, to, address, port):
        self.forbidden = source.startswith("!")
        self.selector, self.source, self.to, self.address = selector, source.lstrip("!"), to, address
        self.port, self.sent, self.got = port, 0, set()
        self.receiver = socket_in(self.to, family_of(address), socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        bind(self.receiver, address, port)
        self.receiver.setblocking(False)
        selector.register(self.receiver, selectors.EVENT_READ, self.take)
        self.sender = self.open_sender()

    def open_sender(self):
        sender = socket_in(self.source, family_of(self.address), socket.SOCK_DGRAM)
        sender.connect((self.address, self.port))
        sender.setblocking(False)
        return sender

    def send(self):
        self.sender.send(NUMBER.pack(self.sent))
        self.sent += 1

    def take(self):
        self.got.update(NUMBER.unpack(data)[0] for data, _ in datagrams(self.receiver))

    def end(self):
        pass

    def wrong(self):
        return sorted(self.got if self.forbidden else set(range(self.sent)) - self.got)

    def on_its_way(self):
        return 0 if self.forbidden else self.sent - len(self.got)


class Opening(Flow):
    def send(self):
        self.sender.close()
        self.sender = self.open_sender()
        super().send()


class Asking(Flow):
    def open_sender(self):
        sender = super().open_sender()
        self.selector.register(sender, selectors.EVENT_READ, lambda: self.hear(sender))
        return sender

    def take(self):
        for data, asker in datagrams(self.receiver):
            self.receiver.sendto(data, asker)

    def hear(self, sender):
        self.got.update(NUMBER.unpack(data)[0] for data, _ in datagrams(sender))


class Fresh(Asking):
    ticks = 0

    def send(self):
        self.ticks += 1
        if self.ticks % FRESH_EVERY:
            return
        self.sender = self.open_sender()
        super().send()

    def hear(self, sender):
        super().hear(sender)
        self.selector.unregister(sender)
        sender.close()


class Late(Asking):
    def __init__(self, *args):
        super().__init__(*args)
        self.asked = []
        for _ in range(LATE):
            self.sender = self.open_sender()
            super().send()

    def send(self):
        pass

    def take(self):
        self.asked += datagrams(self.receiver)

    def end(self):
        for data, asker in self.asked:
            self.receiver.sendto(data, asker)


class Told(Asking):
    def __init__(self, *args):
        super().__init__(*args)
        self.asker = None
        self.sender.send(b"?")

    def send(self):
        if self.asker:
            self.receiver.sendto(NUMBER.pack(self.sent), self.asker)
            self.sent += 1

    def take(self):
        for _, asker in datagrams(self.receiver):
            self.asker = asker


KINDS = {"one-way": Flow, "opening": Opening, "asking": Asking, "fresh": Fresh, "late": Late, "told": Told}


def flow_of(selector, text, port):
    source, to, address, kind = (text.split(",") + ["one-way"])[:4]
    return KINDS[kind](selector, source, to, address, port)


def take_until(selector, deadline):
    """Receives till then, and at least what is there now."""
    while True:
        for key, _ in selector.select(max(0, deadline - time.monotonic())):
            key.data()
        if time.monotonic() >= deadline:
            return


def take_rest(selector, flows):
    """Until all is there, or nothing more comes."""
    while any(flow.on_its_way() for flow in flows):
        ready = selector.select(SILENCE_S)
        if not ready:
            return
        for key, _ in ready:
            key.data()


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
    selector = selectors.DefaultSelector()
    flows = [flow_of(selector, text, PORT + n) for n, text in enumerate(sys.argv[2:])]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    print("flowing", flush=True)
    due = time.monotonic()
    while not stopping:
        due = max(due + 1 / rate, time.monotonic() - 1 / rate)  # never catch up in a burst
        if all(flow.on_its_way() < ON_THE_WAY for flow in flows):
            for flow in flows:
                flow.send()
        take_until(selector, due)
    for flow in flows:
        flow.end()
    take_rest(selector, flows)
    return report(flows)


if __name__ == "__main__":
    sys.exit(main())
