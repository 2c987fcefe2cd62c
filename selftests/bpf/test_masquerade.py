# SPDX-License-Identifier: Apache-2.0
"""Masquerade: one address for another in every protocol, and whose a connection is."""

import socket

from scapy.all import (ARP, GRE, ICMP, IP, SCTP, TCP, UDP, Ether, ICMPerror, ICMPv6DestUnreach,
                       ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig, ICMPv6ND_NS, IPerror,
                       IPerror6, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, Raw, SCTPChunkData, SCTPChunkInit,
                       SCTPChunkInitAck, TCPerror, UDPerror, fragment,
                       fragment6, raw)

from fixture import *

PROTOCOLS = [lambda: TCP(sport=1025, dport=80, flags="S", options=[("MSS", 1400)]) / b"abc",
             lambda: UDP(sport=1025, dport=80) / b"abcd",
             lambda: SCTP(sport=1025, dport=80) / b"abcd",
             lambda: GRE() / b"abcd",
             lambda: Raw(b"opaque!")]


def out4(**fields):
    return eth(dst=ROUTER_MAC) / IP(src=GUEST4, dst=WORLD4, **fields)


def out6(**fields):
    return eth(dst=ROUTER_MAC) / IPv6(src=GUEST6, dst=WORLD6, **fields)


def in4(**fields):
    return inbound() / IP(src=WORLD4, dst=POD4, **fields)


def in6(**fields):
    return inbound() / IPv6(src=WORLD6, dst=POD6, **fields)


def addresses(frame):
    ip = frame.getlayer(IP) or frame[IPv6]
    return ip.src, ip.dst


def test_the_guest_leaves_as_the_pod(fx):
    for make in PROTOCOLS:
        for index in (MASQ, PORTS):
            for frame, want in ((out4() / make(), (POD4, WORLD4)), (out6() / make(), (POD6, WORLD6))):
                out = forwarded(fx.from_vm(frame, index))
                assert addresses(out) == want
                assert (out.src, out.dst) == (UPLINK_MAC, GATEWAY_MAC)


def test_the_world_reaches_the_guest(fx):
    for make in PROTOCOLS:
        for frame, want in ((in4() / make(), (WORLD4, GUEST4)), (in6() / make(), (WORLD6, GUEST6))):
            out = forwarded(fx.to_vm(frame, MASQ))
            assert addresses(out) == want
            assert (out.src, out.dst) == (ROUTER_MAC, GUEST_MAC)


def test_ping_works_both_ways(fx):
    for index in (MASQ, PORTS):
        forwarded(fx.to_vm(in4() / ICMP(id=9) / b"ping", index))
        forwarded(fx.to_vm(in6() / ICMPv6EchoRequest(id=9, data=b"ping"), index))
        forwarded(fx.from_vm(out4() / ICMP(type=0, id=9) / b"ping", index))
        forwarded(fx.from_vm(out6() / ICMPv6EchoReply(id=9, data=b"ping"), index))


def test_udp_without_a_checksum_stays_without(fx):
    frame = Ether(raw(out4() / UDP(sport=5, dport=6, chksum=0) / b"abc"))
    assert forwarded(fx.from_vm(frame, MASQ))[UDP].chksum == 0


def test_options_and_extension_headers_are_kept(fx):
    options = [IPOption_NOP()] * 3
    out = forwarded(fx.from_vm(out4(options=options) / TCP(dport=80) / b"x", MASQ))
    assert len(out[IP].options) >= 3 and addresses(out) == (POD4, WORLD4)
    forwarded(fx.to_vm(in4(options=options) / UDP(dport=80) / b"x", MASQ))
    for chain in (IPv6ExtHdrHopByHop(), IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()):
        out = forwarded(fx.from_vm(out6() / chain / UDP(sport=1, dport=80) / b"x", MASQ))
        assert out.haslayer(IPv6ExtHdrHopByHop) and addresses(out) == (POD6, WORLD6)
        forwarded(fx.to_vm(in6() / chain / TCP(dport=80) / b"x", MASQ))


def reassemble(frames):
    """Payload and IP header of fragments in order, as one packet scapy can check."""
    first = frames[0].copy()
    if first.haslayer(IPv6):
        body = b"".join(raw(f[IPv6ExtHdrFragment].payload) for f in frames)
        return Ether(raw(Ether(src=first.src, dst=first.dst) /
                         IPv6(src=first[IPv6].src, dst=first[IPv6].dst,
                              nh=first[IPv6ExtHdrFragment].nh) / body))
    body = b"".join(raw(f[IP].payload) for f in frames)
    return Ether(raw(Ether(src=first.src, dst=first.dst) /
                     IP(src=first[IP].src, dst=first[IP].dst, proto=first[IP].proto) / body))


def test_fragments_are_translated(fx):
    body = UDP(sport=7, dport=5000) / (bytes(range(250)) * 8)
    for frames, index in ((fragment(out4(id=77) / body, 800), MASQ),
                          (fragment6(eth(dst=ROUTER_MAC) / IPv6(src=GUEST6, dst=WORLD6) /
                                     IPv6ExtHdrFragment(id=77) / body, 800), MASQ)):
        assert len(frames) > 1
        out = [Ether(raw(expect(fx.from_vm(f, index), REDIRECT, "FORWARDED"))) for f in frames]
        sound(reassemble(out))
    for frames in (fragment(in4(id=78) / body, 800),
                   fragment6(inbound() / IPv6(src=WORLD6, dst=POD6) / IPv6ExtHdrFragment(id=78) /
                             body, 800)):
        for index in (MASQ, PORTS):
            out = [expect(fx.to_vm(f, index), REDIRECT, "FORWARDED") for f in frames]
            sound(reassemble(out))


def test_later_fragments_follow_the_first(fx):
    body = UDP(sport=7, dport=5000) / (bytes(range(250)) * 8)
    first, second = fragment(in4(id=79) / body, 1000)[:2]
    dropped(fx.to_vm(second, PORTS), "FRAG_NOT_FOUND")
    expect(fx.to_vm(first, PORTS), REDIRECT, "FORWARDED")
    expect(fx.to_vm(second, PORTS), REDIRECT, "FORWARDED")


def test_hairpin_reaches_the_guest_itself(fx):
    for frame, want in ((eth(dst=ROUTER_MAC) / IP(src=GUEST4, dst=POD4), (POD4, GUEST4)),
                        (eth(dst=ROUTER_MAC) / IPv6(src=GUEST6, dst=POD6), (POD6, GUEST6))):
        out = forwarded(fx.from_vm(frame / TCP(sport=1025, dport=80, flags="S"), MASQ))
        assert addresses(out) == want and (out.src, out.dst) == (ROUTER_MAC, GUEST_MAC)


# ---- errors ----------------------------------------------------------------------------------------

def test_errors_about_the_guests_packets_reach_it(fx):
    quoted = IPerror(raw(IP(src=POD4, dst=WORLD4, ttl=60) / UDP(sport=7, dport=9) / b"abcdefgh"))
    out = forwarded(fx.to_vm(inbound() / IP(src="192.0.2.1", dst=POD4) /
                             ICMP(type=3, code=4, nexthopmtu=1300) / quoted, MASQ))
    inner = out[IPerror]
    assert (out[IP].dst, inner.src, inner.dst) == (GUEST4, GUEST4, WORLD4)
    assert raw(IP(raw(inner)[:20]))[:20] == raw(inner)[:20]
    check = IP(raw(inner))
    del check.chksum
    assert IP(raw(check)).chksum == inner.chksum, "the inner header is sound"

    quoted = raw(IPv6(src=POD6, dst=WORLD6) / UDP(sport=7, dport=9) / b"abcdefgh")
    out = forwarded(fx.to_vm(inbound() / IPv6(src="2001:db8::1", dst=POD6) /
                             ICMPv6PacketTooBig(mtu=1300) / IPerror6(quoted), MASQ))
    assert (out[IPv6].dst, out[IPerror6].src) == (GUEST6, GUEST6)


def test_the_guests_errors_leave_about_the_pod(fx):
    quoted = IPerror(raw(IP(src=WORLD4, dst=GUEST4) / UDP(sport=7, dport=9) / b"abcdefgh"))
    out = forwarded(fx.from_vm(out4() / ICMP(type=3, code=3) / quoted, MASQ))
    assert (out[IP].src, out[IPerror].dst) == (POD4, POD4)
    quoted = raw(IPv6(src=WORLD6, dst=GUEST6) / UDP(sport=7, dport=9) / b"abcdefgh")
    out = forwarded(fx.from_vm(out6() / ICMPv6DestUnreach(code=4) / IPerror6(quoted), MASQ))
    assert (out[IPv6].src, out[IPerror6].dst) == (POD6, POD6)


def test_errors_follow_the_connection_they_are_about(fx):
    undeclared = raw(IP(src=POD4, dst=WORLD4) / TCP(sport=4000, dport=443))[:28]
    error = inbound() / IP(src="192.0.2.1", dst=POD4) / ICMP(type=3, code=1) / IPerror(undeclared)
    passed(fx.to_vm(error, PORTS), "PORT_CLOSED")
    forwarded(fx.from_vm(out4() / TCP(sport=4000, dport=443, flags="S"), PORTS))
    forwarded(fx.to_vm(error, PORTS))


def test_an_error_that_quotes_nothing_is_dropped(fx):
    dropped(fx.to_vm(inbound() / IP(src="192.0.2.1", dst=POD4) / ICMP(type=3, code=1), MASQ),
            "INVALID")


# ---- whose it is -----------------------------------------------------------------------------------

def test_declared_ports_are_an_allow_list(fx):
    for ip in (in4, in6):
        forwarded(fx.to_vm(ip() / TCP(sport=9, dport=80, flags="S"), PORTS))
        passed(fx.to_vm(ip() / TCP(sport=9, dport=81, flags="S"), PORTS), "PORT_CLOSED")
        passed(fx.to_vm(ip() / UDP(sport=9, dport=80), PORTS), "PORT_CLOSED")
        for port in (5000, 5010):
            forwarded(fx.to_vm(ip() / UDP(sport=9, dport=port), PORTS))
        for port in (4999, 5011):
            passed(fx.to_vm(ip() / UDP(sport=9, dport=port), PORTS), "PORT_CLOSED")
        passed(fx.to_vm(ip() / GRE() / b"x", PORTS), "PORT_CLOSED")


def not_the_guests(result):
    """UDP shows nothing of a connection: it is left to the pod."""
    if Ether(result[2]).haslayer(TCP):
        return dropped(result, "UNKNOWN_CT")
    return passed(result, "PORT_CLOSED")


def test_replies_to_the_guest_pass_undeclared_ports(fx):
    for outgoing, incoming in ((out4, in4), (out6, in6)):
        for request, reply in ((TCP(sport=4001, dport=443, flags="S"),
                                TCP(sport=443, dport=4001, flags="SA")),
                               (UDP(sport=4001, dport=53), UDP(sport=53, dport=4001))):
            not_the_guests(fx.to_vm(incoming() / reply.copy(), PORTS))
            forwarded(fx.from_vm(outgoing() / request, PORTS))
            forwarded(fx.to_vm(incoming() / reply, PORTS))
            other = reply.copy()
            other.sport += 1
            not_the_guests(fx.to_vm(incoming() / other, PORTS))


def test_what_opens_nothing_never_draws_an_answer_from_the_pod(fx):
    unknown = [TCP(sport=443, dport=4010, flags=flags) for flags in ("SA", "A", "PA", "FA", "R", "")]
    unknown += [SCTP(sport=443, dport=4010) / chunk for chunk in (SCTPChunkData(), SCTPChunkInitAck())]
    for incoming in (in4, in6):
        for segment in unknown:
            dropped(fx.to_vm(incoming() / segment, PORTS), "UNKNOWN_CT")
        for opening in (TCP(dport=4010, flags="S"), SCTP(dport=4010) / SCTPChunkInit()):
            passed(fx.to_vm(incoming() / opening, PORTS), "PORT_CLOSED")
        # without a list there is nobody else whose it might be
        forwarded(fx.to_vm(incoming() / TCP(sport=443, dport=4010, flags="A"), MASQ))


def test_a_forgotten_connection_comes_back_with_the_guests_next_packet(fx):
    for outgoing, incoming in ((out4, in4), (out6, in6)):
        segment = TCP(sport=443, dport=4011, flags="PA") / b"abc"
        forwarded(fx.from_vm(outgoing() / TCP(sport=4011, dport=443, flags="S"), PORTS))
        forwarded(fx.to_vm(incoming() / segment, PORTS))
        fx.forget_connections(PORTS)
        dropped(fx.to_vm(incoming() / segment, PORTS), "UNKNOWN_CT")
        forwarded(fx.from_vm(outgoing() / TCP(sport=4011, dport=443, flags="A"), PORTS))
        forwarded(fx.to_vm(incoming() / segment, PORTS))


def pod_out(fx, frame, index, **options):
    return passed(fx.run("bl_masq_pod_out", frame, index, **options))


def test_the_pods_own_connections_stay_the_pods(fx):
    for index in (MASQ, PORTS):
        for source, dest, incoming in ((POD4, WORLD4, in4), (POD6, WORLD6, in6)):
            ip = IPv6(src=source, dst=dest) if ":" in source else IP(src=source, dst=dest)
            reply = TCP(sport=443, dport=4002, flags="SA")
            pod_out(fx, Ether(src=UPLINK_MAC, dst=GATEWAY_MAC) / ip /
                    TCP(sport=4002, dport=443, flags="S"), index)
            passed(fx.to_vm(incoming() / reply, index), "POD_OWN")


def test_what_the_pod_listens_on_stays_the_pods(fx):
    # a test run looks sockets up in the namespace of its caller
    with socket.create_server(("", 0)) as four, \
            socket.create_server(("::", 0), family=socket.AF_INET6) as six:
        for server, incoming in ((four, in4), (six, in6)):
            port = server.getsockname()[1]
            for flags in ("S", "A"):
                passed(fx.to_vm(incoming() / TCP(sport=9, dport=port, flags=flags), MASQ), "POD_OWN")
                passed(fx.to_vm(incoming() / TCP(sport=9, dport=port, flags=flags), PORTS), "POD_OWN")


def test_the_pods_ping_stays_the_pods(fx):
    pod_out(fx, Ether(src=UPLINK_MAC, dst=GATEWAY_MAC) / IP(src=POD4, dst=WORLD4) / ICMP(id=5), MASQ)
    passed(fx.to_vm(in4() / ICMP(type=0, id=5), MASQ), "POD_OWN")
    forwarded(fx.to_vm(in4() / ICMP(type=0, id=6), MASQ))


def test_the_guests_resolved_packets_are_not_the_pods(fx):
    frame = Ether(src=UPLINK_MAC, dst=GATEWAY_MAC) / IP(src=POD4, dst=WORLD4) / \
        TCP(sport=4003, dport=443, flags="S")
    pod_out(fx, frame, MASQ, mark=0x626C)
    forwarded(fx.to_vm(in4() / TCP(sport=443, dport=4003, flags="SA"), MASQ))


def test_on_link_and_unknown_neighbours_are_resolved_by_the_kernel(fx):
    expect(fx.from_vm(eth(dst=ROUTER_MAC) / IP(src=GUEST4, dst=NEIGHBOUR4) / UDP() / b"x", MASQ),
           REDIRECT, "RESOLVING")
    for ip in (IP(src=GUEST4, dst=GATEWAY4), IPv6(src=GUEST6, dst=GATEWAY6)):
        assert forwarded(fx.from_vm(eth(dst=ROUTER_MAC) / ip / UDP() / b"x", MASQ)).dst == GATEWAY_MAC
    for family, frame in ((0, out4()), (1, out6())):
        fx.dp.update("bl_nexthops", MASQ * 2 + family, bytes(8))
        expect(fx.from_vm(frame / UDP() / b"x", MASQ), REDIRECT, "RESOLVING")
        fx.dp.update("bl_nexthops", MASQ * 2 + family, mac(GATEWAY_MAC) + b"\1\0")


def test_the_pods_kernel_keeps_arp_nd_and_groups(fx):
    passed(fx.to_vm(inbound() / ARP(op=2, psrc=GATEWAY4, pdst=POD4), MASQ))
    passed(fx.to_vm(inbound() / IPv6(src=GATEWAY6, dst=POD6, hlim=255) / ICMPv6ND_NS(tgt=POD6), MASQ))
    passed(fx.to_vm(Ether(src=GATEWAY_MAC, dst="ff:ff:ff:ff:ff:ff") /
                    IP(src=WORLD4, dst="255.255.255.255") / UDP(), MASQ))
    passed(fx.to_vm(inbound() / IP(src=WORLD4, dst="10.22.0.8") / UDP(), MASQ))
    passed(fx.from_vm(eth(dst="01:00:5e:00:00:fb") / IP(src=GUEST4, dst="224.0.0.251") / UDP(), MASQ))


def test_one_vm_cannot_push_out_anothers_connections(fx):
    forwarded(fx.from_vm(out4() / TCP(sport=4004, dport=443, flags="S"), PORTS))
    for port in range(1024, 1024 + 500):
        fx.to_vm(in4() / TCP(sport=port, dport=80, flags="S"), MASQ)
    forwarded(fx.to_vm(in4() / TCP(sport=443, dport=4004, flags="SA"), PORTS))


def test_a_full_share_still_carries_new_connections(fx):
    for port in range(1024, 1024 + 300):
        forwarded(fx.from_vm(out4() / UDP(sport=port, dport=53), PORTS))
        forwarded(fx.to_vm(in4() / UDP(sport=53, dport=port), PORTS))
