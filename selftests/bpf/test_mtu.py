# SPDX-License-Identifier: Apache-2.0
"""Stage MTU: handshakes are clamped, and who sends too much is told."""

from scapy.all import (ICMP, IP, TCP, UDP, Ether, ICMPv6PacketTooBig, IPerror, IPerror6, IPv6,
                       IPv6ExtHdrFragment, raw)

from fixture import *

MSS4, MSS6 = MTU - 40, MTU - 60


def syn(ip, mss, flags="S", options=()):
    return ip / TCP(sport=1025, dport=80, flags=flags,
                    options=[*options, ("MSS", mss), ("SAckOK", b""), ("WScale", 7)])


def mss_of(frame):
    return dict(o[:2] for o in frame[TCP].options)["MSS"]


def test_handshakes_are_clamped_both_ways(fx):
    for flags in ("S", "SA"):
        for options in ((), [("NOP", None)], [("Timestamp", (1, 2))]):
            for ip, limit in ((IP(src=POD4, dst=WORLD4), MSS4), (IPv6(src=POD6, dst=WORLD6), MSS6)):
                assert mss_of(forwarded(fx.from_vm(syn(eth() / ip, 9000, flags, options)))) == limit
            for ip, limit in ((IP(src=WORLD4, dst=POD4), MSS4), (IPv6(src=WORLD6, dst=POD6), MSS6)):
                frame = syn(inbound() / ip, 9000, flags, options)
                assert mss_of(forwarded(fx.to_vm(frame))) == limit


def test_smaller_mss_is_left_alone(fx):
    frame = syn(eth(src=GUEST_MAC) / IP(src=POD4, dst=WORLD4), 536)
    assert mss_of(forwarded(fx.from_vm(frame))) == 536


def test_data_is_not_touched(fx):
    frame = syn(eth() / IP(src=POD4, dst=WORLD4), 9000, "A")
    assert mss_of(forwarded(fx.from_vm(frame))) == 9000


def test_broken_options_end_the_search(fx):
    for options in (b"\x02\x03\x23", b"\x08\x00\x02\x04\x23\x28\0\0", b"\1\1\1\1\1\1\1\1\1\1\1\1",
                    b"\x00\x02\x04\x23\x28\0\0\0"):
        padded = options + b"\0" * (-len(options) % 4)
        header = raw(TCP(sport=1, dport=2, flags="S", dataofs=5 + len(padded) // 4)) + padded
        frame = raw(eth() / IP(src=POD4, dst=WORLD4, proto=6) / header)
        code, _, out = fx.from_vm(frame)
        assert code == REDIRECT and out[34:] == frame[34:]


def too_big(fx, frame, index=POD, **options):
    """Sends it as if no answer had gone out for long."""
    fx.dp.update("bl_answered", index, bytes(8))
    return fx.from_vm(frame, index, **options)


def test_ipv4_with_df_is_told_the_mtu(fx):
    for index, source, server in ((POD, POD4, GATEWAY4), (MASQ, GUEST4, ROUTER4)):
        sent = eth() / IP(src=source, dst=WORLD4, flags="DF", id=7) / UDP(sport=5, dport=6) / \
            (b"x" * MTU)
        frame = sound(expect(too_big(fx, sent, index), REDIRECT, "TOO_BIG"))
        assert (frame.dst, frame.src) == (GUEST_MAC, ROUTER_MAC)
        assert (frame[IP].src, frame[IP].dst) == (server, source)
        assert (frame[ICMP].type, frame[ICMP].code, frame[ICMP].nexthopmtu) == (3, 4, MTU)
        assert raw(frame[ICMP])[8:] == raw(sent)[14:14 + 28], "quotes the packet"


def test_ipv6_is_told_the_mtu(fx):
    for index, source in ((POD, POD6), (MASQ, GUEST6)):
        sent = eth() / IPv6(src=source, dst=WORLD6) / UDP(sport=5, dport=6) / (b"x" * MTU)
        frame = sound(expect(too_big(fx, sent, index), REDIRECT, "TOO_BIG"))
        assert (frame[IPv6].src, frame[IPv6].dst) == (ROUTER6, source)
        assert frame[ICMPv6PacketTooBig].mtu == MTU
        assert raw(frame[ICMPv6PacketTooBig])[8:] == raw(sent)[14:14 + 88], "quotes the packet"


def test_what_fits_goes_on(fx):
    for size in (MTU - 28 - 1, MTU - 28):
        forwarded(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4, flags="DF") / UDP() / (b"x" * size)))
    code, reason, _ = fx.from_vm(eth() / IP(src=POD4, dst=WORLD4, flags="DF") / UDP() /
                                 (b"x" * (MTU - 27)))
    assert reason in ("TOO_BIG", "TOO_BIG_SILENT")


def test_without_df_and_to_groups_nobody_is_told(fx):
    big = UDP(sport=5, dport=6) / (b"x" * MTU)
    dropped(too_big(fx, eth() / IP(src=POD4, dst=WORLD4) / big), "TOO_BIG_SILENT")
    dropped(too_big(fx, eth(dst="01:00:5e:00:00:fb") / IP(src=POD4, dst="224.0.0.251", flags="DF") / big),
            "TOO_BIG_SILENT")
    dropped(too_big(fx, eth() / IP(src=POD4, dst=WORLD4, flags="DF", frag=100) / big),
            "TOO_BIG_SILENT")


def test_answers_are_rate_limited(fx):
    sent = raw(eth() / IP(src=POD4, dst=WORLD4, flags="DF") / UDP() / (b"x" * MTU))
    # far more than one in a millisecond: some must go unanswered, however busy the machine is
    reasons = {fx.from_vm(sent)[1] for _ in range(200)}
    assert reasons == {"TOO_BIG", "TOO_BIG_SILENT"}, reasons


def test_gso_is_judged_by_its_segments(fx):
    big = eth() / IP(src=POD4, dst=WORLD4, flags="DF") / TCP(flags="A") / (b"x" * 2 * MTU)
    forwarded(fx.from_vm(big, gso_size=MSS4))
    expect(too_big(fx, big, gso_size=MSS4 + 1), REDIRECT, "TOO_BIG")
