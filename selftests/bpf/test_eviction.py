# SPDX-License-Identifier: Apache-2.0
"""Who has to go where an endpoint's share is full: what headers/conntrack.h promises. Policy lets in what
opens connections, and nothing else: an answer whose connection is gone is denied."""

import socket
import time

from scapy.all import IP, TCP, UDP, IPv6, raw

from fixture import *

WAYS = 3
SHARES = ((POLICED, TO_VM, 4), (POLICED, FROM_VM, 6), (POLICED_MASQ, TO_VM, 6), (POLICED_MASQ, FROM_VM, 4))
ROUNDS = 20
CLOCK_MONOTONIC_COARSE = 6  # it goes on with the kernel's ticks

# Conntrack's unit of time: ticks that are a second or a little more, as a power of two.
UNIT_NS = round(time.clock_getres(CLOCK_MONOTONIC_COARSE) * 1e9)
while UNIT_NS < 1_000_000_000:
    UNIT_NS *= 2


def next_tick(after_ns=0):
    """Returns when the kernel's clock has gone on, by more than so much."""
    before = time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE)
    while time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) <= before + after_ns:
        pass


class Share:
    """An endpoint under a policy by which one end opens connections, and their packets."""

    def __init__(self, fx, index, opener, family):
        self.fx, self.index, self.opener, self.family = fx, index, opener, family
        self.port = 1024
        fx.forget_connections(index)
        fx.policy(index, fx.row(0, egress=opener == FROM_VM))
        fx.bump_epoch()

    def packet(self, direction, l4, port):
        """The opener calls from that port."""
        own4, own6 = (POD4, POD6) if self.index in POD_BOUND else (GUEST4, GUEST6)
        l4.sport, l4.dport = (port, 80) if direction == self.opener else (80, port)
        if direction == TO_VM:
            ip = IP(src=WORLD4, dst=POD4) if self.family == 4 else IPv6(src=WORLD6, dst=POD6)
            frame = inbound() / ip / l4
        else:
            ip = IP(src=own4, dst=WORLD4) if self.family == 4 else IPv6(src=own6, dst=WORLD6)
            frame = eth(dst=ROUTER_MAC) / ip / l4
        program = "bl_%s_%s" % ("pod" if self.index in POD_BOUND else "masq",
                                "to_vm" if direction == TO_VM else "from_vm")
        code, _, _ = self.fx.dp.run(program, raw(frame), self.index)
        assert code == REDIRECT, "denied: %r" % frame

    def open(self, l4=None):
        """A new one; returns its port."""
        self.port += 1
        self.packet(self.opener, l4 or TCP(flags="S"), self.port)
        return self.port

    def answer(self, l4, port):
        self.packet(FROM_VM if self.opener == TO_VM else TO_VM, l4, port)

    def go_on(self, l4, port):
        self.packet(self.opener, l4, port)

    def fill(self):
        """With openings, until no way is free."""
        while len(self.fx.connections(self.index)) < WAYS * CT_SETS:
            for _ in range(WAYS * CT_SETS):
                self.open()

    def ports(self):
        """Of all openers, set by set."""
        return [socket.ntohs(entry["remote_port" if self.opener == TO_VM else "local_port"])
                for entry in self.fx.connections(self.index)]


def shares(fx):
    for index, opener, family in SHARES:
        yield Share(fx, index, opener, family)


def test_a_fresh_opening_waits_for_its_answer(fx):
    """All expire in the same unit of time. A newcomer takes the oldest one's place, and a set holds three:
    the next two do not push out the one that came before them."""
    for share in shares(fx):
        share.fill()
        for _ in range(ROUNDS):
            next_tick()
            fresh = share.open()
            share.open()
            share.open()
            share.answer(TCP(flags="SA"), fresh)


def test_who_talks_stays(fx):
    """Be it only one end of the two, and over UDP, which is never established."""
    for share in shares(fx):
        share.fill()
        talking = share.open(UDP())
        for _ in range(12):
            next_tick(UNIT_NS // 16)
            share.answer(UDP(), talking)
            for _ in range(CT_SETS // 2):
                share.open()


def test_what_is_established_outlives_what_opens(fx):
    for share in shares(fx):
        old = [share.open() for _ in range(CT_SETS // 2)]
        for port in old:
            share.answer(TCP(flags="SA"), port)
            share.go_on(TCP(flags="A"), port)
        share.fill()
        for _ in range(4 * WAYS * CT_SETS):
            share.open()
        for port in old:
            share.answer(TCP(flags="PA"), port)


def test_what_is_closed_goes_first(fx):
    """In each set one waits, who came first, and two are closed: as many as come at once."""
    for share in shares(fx):
        share.fill()
        ports = share.ports()
        waiting, closed = ports[::WAYS], ports[1::WAYS] + ports[2::WAYS]
        for _ in range(ROUNDS):
            for port in closed:
                share.go_on(TCP(flags="R"), port)
            closed = [share.open(), share.open()]
        for port in waiting:
            share.answer(TCP(flags="SA"), port)
