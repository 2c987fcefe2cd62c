# SPDX-License-Identifier: Apache-2.0
"""Forward in pod binding: transparent on layer 2, but for MACs that guest and pod disagree about."""

from scapy.all import (ARP, IP, TCP, UDP, Ether, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                       ICMPv6ND_NA, ICMPv6ND_NS, IPv6, raw)

from fixture import *


def test_what_is_the_vms_reaches_it_under_its_mac(fx):
    for ip in (IP(src=WORLD4, dst=POD4), IPv6(src=WORLD6, dst=POD6)):
        frame = forwarded(fx.to_vm(inbound() / ip / UDP(sport=1, dport=2) / b"x"))
        assert (frame.dst, frame.src) == (GUEST_MAC, GATEWAY_MAC)
        # as some CNIs deliver it: the host side's MAC still in the frame
        frame = forwarded(fx.to_vm(Ether(src=GATEWAY_MAC, dst=GATEWAY_MAC) / ip / UDP() / b"x"))
        assert frame.dst == GUEST_MAC


def test_without_custom_mac_nothing_changes(fx):
    fx.endpoint(POD, clear=("EP_CUSTOM_MAC",), uplink_mac=mac(GUEST_MAC))
    sent = raw(Ether(src=GATEWAY_MAC, dst=GUEST_MAC) / IP(src=WORLD4, dst=POD4) / TCP(dport=80))
    assert raw(forwarded(fx.to_vm(sent))) == sent
    sent = raw(eth() / IP(src=POD4, dst=WORLD4) / TCP(dport=80, flags="A"))
    assert raw(forwarded(fx.from_vm(sent))) == sent


def test_broadcast_and_multicast_reach_the_vm(fx):
    for dst in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:01"):
        frame = forwarded(fx.to_vm(Ether(src=GATEWAY_MAC, dst=dst) / IP(src=WORLD4, dst="224.0.0.251") / UDP()))
        assert frame.dst == dst


def test_others_frames_fall_through(fx):
    passed(fx.to_vm(Ether(src=GATEWAY_MAC, dst=OTHER_MAC) / IP(src=WORLD4, dst="10.22.0.8") / UDP()))


def test_unknown_frames_to_the_vm_never_reach_the_pods_kernel(fx):
    unknown = Ether(src=GATEWAY_MAC, dst=UPLINK_MAC, type=0x1234) / (b"\0" * 50)
    dropped(fx.to_vm(unknown), "UNKNOWN_L3")
    passed(fx.to_vm(Ether(src=GATEWAY_MAC, dst="ff:ff:ff:ff:ff:ff", type=0x1234) / (b"\0" * 50)))
    fx.endpoint(POD, add=("EP_ADOPTED",))
    passed(fx.to_vm(unknown))


def test_arp_of_the_wire_reaches_the_vm_under_its_mac(fx):
    request = Ether(src=GATEWAY_MAC, dst="ff:ff:ff:ff:ff:ff") / \
        ARP(hwsrc=GATEWAY_MAC, psrc=GATEWAY4, pdst=POD4)
    assert forwarded(fx.to_vm(request))[ARP].pdst == POD4
    reply = Ether(src=GATEWAY_MAC, dst=UPLINK_MAC) / \
        ARP(op=2, hwsrc=GATEWAY_MAC, psrc=GATEWAY4, hwdst=UPLINK_MAC, pdst=POD4)
    frame = forwarded(fx.to_vm(reply))
    assert (frame.dst, frame[ARP].hwdst) == (GUEST_MAC, GUEST_MAC)


def test_a_custom_mac_never_shows_on_the_wire(fx):
    for sent in (eth() / IP(src=POD4, dst=WORLD4) / UDP() / b"x",
                 eth() / ARP(op=2, hwsrc=GUEST_MAC, psrc=POD4, hwdst=GATEWAY_MAC, pdst=GATEWAY4),
                 eth() / IPv6(src=POD6, dst=GATEWAY6, hlim=255) / ICMPv6ND_NA(tgt=POD6) /
                 ICMPv6NDOptDstLLAddr(lladdr=GUEST_MAC),
                 eth() / IPv6(src=POD6, dst=GATEWAY6, hlim=255) / ICMPv6ND_NS(tgt=GATEWAY6) /
                 ICMPv6NDOptSrcLLAddr(lladdr=GUEST_MAC)):
        out = forwarded(fx.from_vm(sent))
        assert out.src == UPLINK_MAC
        assert mac(GUEST_MAC) not in raw(out), "inside ARP and ND too"


def test_frames_to_the_router_get_the_gateways_mac(fx):
    for ip in (IP(src=POD4, dst=WORLD4), IPv6(src=POD6, dst=WORLD6)):
        frame = forwarded(fx.from_vm(eth(dst=ROUTER_MAC) / ip / UDP() / b"x"))
        assert (frame.dst, frame.src) == (GATEWAY_MAC, UPLINK_MAC)


def test_an_unknown_gateway_is_resolved_by_the_kernel(fx):
    for family, ip in ((0, IP(src=POD4, dst=WORLD4)), (1, IPv6(src=POD6, dst=WORLD6))):
        fx.dp.update("bl_nexthops", POD * 2 + family, bytes(8))
        expect(fx.from_vm(eth(dst=ROUTER_MAC) / ip / UDP() / b"x"), REDIRECT, "RESOLVING")
        fx.dp.update("bl_nexthops", POD * 2 + family, mac(GATEWAY_MAC) + b"\1\0")


def known(fx, family):
    return fx.dp.lookup("bl_nexthops", POD * 2 + family, 8)


def test_the_gateways_mac_is_learned_from_arp(fx):
    fx.dp.update("bl_nexthops", POD * 2, bytes(8))
    stranger = Ether(src=OTHER_MAC, dst=UPLINK_MAC) / \
        ARP(op=2, hwsrc=OTHER_MAC, psrc="10.22.0.9", hwdst=UPLINK_MAC, pdst=POD4)
    forwarded(fx.to_vm(stranger))
    assert known(fx, 0) == bytes(8)
    for op in (1, 2):
        for source in (OTHER_MAC, GATEWAY_MAC):
            forwarded(fx.to_vm(Ether(src=source, dst=UPLINK_MAC) /
                               ARP(op=op, hwsrc=source, psrc=GATEWAY4, pdst=POD4)))
            assert known(fx, 0) == mac(source) + b"\1\0"


def test_the_gateways_mac_is_learned_from_nd(fx):
    fx.dp.update("bl_nexthops", POD * 2 + 1, bytes(8))
    ip = Ether(src=GATEWAY_MAC, dst=UPLINK_MAC) / IPv6(src=GATEWAY6, dst=POD6, hlim=255)
    forwarded(fx.to_vm(ip / ICMPv6ND_NA(tgt="fd00:10:22::9") / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC)))
    assert known(fx, 1) == bytes(8)
    forwarded(fx.to_vm(ip / ICMPv6ND_NA(tgt=GATEWAY6) / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC)))
    assert known(fx, 1) == mac(OTHER_MAC) + b"\1\0"
    forwarded(fx.to_vm(ip / ICMPv6ND_NS(tgt=POD6) / ICMPv6NDOptSrcLLAddr(lladdr=GATEWAY_MAC)))
    assert known(fx, 1) == mac(GATEWAY_MAC) + b"\1\0"


def test_a_stale_mark_is_cleared(fx):
    for sent in (inbound() / IP(src=WORLD4, dst="10.22.0.8") / UDP(),):
        sent.dst = OTHER_MAC
        passed(fx.to_vm(sent, mark=0x12340F00))
    forwarded(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4) / UDP(), mark=0x0200))
