# SPDX-License-Identifier: Apache-2.0
"""The pod's loopback under masquerade: a caller of 127.0.0.1 or ::1 reaches the guest, and nobody else
anything that he did not before. Sockets are looked up in the namespace of the test's caller."""

import contextlib
import socket

from scapy.all import ICMP, IP, TCP, UDP, Ether, IPv6

from fixture import *

NOBODY = "00:00:00:00:00:00"
FREE = 9  # nobody listens there
FAMILIES = ((IP, "127.0.0.1", GUEST4, ROUTER4, socket.AF_INET),
            (IPv6, "::1", GUEST6, ROUTER6, socket.AF_INET6))


def call(ip, loopback):
    return Ether(src=NOBODY, dst=NOBODY) / ip(src=loopback, dst=loopback)


def answer(ip, guest, router):
    return eth(dst=ROUTER_MAC) / ip(src=guest, dst=router)


@contextlib.contextmanager
def call_in_pod(family, loopback):
    """(port of the one called, of the caller) of a connection, the listener beside it."""
    with socket.create_server((loopback, 0), family=family) as server, \
            socket.create_connection(server.getsockname()[:2]) as caller:
        yield server.getsockname()[1], caller.getsockname()[1]


def test_a_call_reaches_the_guest_from_its_gateway(fx):
    for ip, loopback, guest, router, _ in FAMILIES:
        for index, port in ((MASQ, FREE), (PORTS, 80)):
            for segment in (TCP(sport=4000, dport=port, flags="S"),
                            TCP(sport=4000, dport=port, flags="PA") / b"abc"):
                out = forwarded(fx.loopback(call(ip, loopback) / segment, index))
                assert (out[ip].src, out[ip].dst) == (router, guest)
                assert (out.src, out.dst) == (ROUTER_MAC, GUEST_MAC)


def test_what_is_the_pods_goes_by_untouched(fx):
    for ip, loopback, _, _, family in FAMILIES:
        own = [(PORTS, TCP(dport=FREE, flags="S")), (MASQ, UDP(dport=FREE) / b"abc")]
        with call_in_pod(family, loopback) as (server, caller):
            own += [(MASQ, TCP(sport=1, dport=server, flags="S")),
                    (MASQ, TCP(sport=caller, dport=server, flags="A")),
                    (MASQ, TCP(sport=server, dport=caller, flags="A"))]
            for index, segment in own:
                expect(fx.loopback(call(ip, loopback) / segment, index, mark=77), NEXT, "UNCOUNTED")
    expect(fx.loopback(call(IP, "127.0.0.1") / ICMP(), MASQ), NEXT, "UNCOUNTED")
    expect(fx.loopback(Ether(src=NOBODY, dst=NOBODY) / IP(src=POD4, dst=POD4) /
                       TCP(dport=FREE, flags="S"), MASQ), NEXT, "UNCOUNTED")


def test_a_guest_without_the_family_is_not_called(fx):
    for (ip, loopback, *_), flag in zip(FAMILIES, ("EP_HAS_V4", "EP_HAS_V6")):
        fx.endpoint(MASQ, clear=[flag])
        expect(fx.loopback(call(ip, loopback) / TCP(dport=FREE, flags="S"), MASQ), NEXT, "UNCOUNTED")


def test_the_guests_answer_reaches_the_caller(fx):
    for ip, loopback, guest, router, family in FAMILIES:
        with call_in_pod(family, loopback) as (server, caller):
            for index in (MASQ, PORTS):
                out = forwarded(fx.from_vm(answer(ip, guest, router) /
                                           TCP(sport=server, dport=caller, flags="PA") / b"abc", index))
                assert (out[ip].src, out[ip].dst) == (loopback, loopback)
                assert (out.src, out.dst) == (NOBODY, NOBODY)


def test_the_guest_cannot_call_into_the_loopback(fx):
    for ip, loopback, guest, router, family in FAMILIES:
        with call_in_pod(family, loopback) as (server, caller):
            for segment in (TCP(sport=4000, dport=server, flags="S"),
                            TCP(sport=4000, dport=caller, flags="A")):
                out = forwarded(fx.from_vm(answer(ip, guest, router) / segment, MASQ))
                assert out[ip].dst == router, "let in"
