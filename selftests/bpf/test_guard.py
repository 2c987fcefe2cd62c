# SPDX-License-Identifier: Apache-2.0
"""Parse and spoof guard: what a guest may say, and in whose name."""

import random

from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, TCP, UDP, DHCP6_Solicit, Dot1Q, Ether,
                       ICMPv6MLReport2, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6ND_NA,
                       ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, raw)

from fixture import *


def test_own_addresses_pass(fx):
    forwarded(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=9, dport=9) / b"x"))
    forwarded(fx.from_vm(eth() / IPv6(src=POD6, dst=WORLD6) / UDP(sport=9, dport=9) / b"x"))


def test_foreign_mac_is_dropped(fx):
    dropped(fx.from_vm(eth(src=OTHER_MAC) / IP(src=POD4, dst=WORLD4) / UDP()), "SPOOFED_MAC")
    dropped(fx.from_vm(eth(src=OTHER_MAC) / IPv6(src=POD6, dst=WORLD6) / UDP()), "SPOOFED_MAC")


def test_foreign_ipv4_is_dropped(fx):
    for source in ("10.22.0.8", GATEWAY4, "0.0.0.0", "127.0.0.1"):
        dropped(fx.from_vm(eth() / IP(src=source, dst=WORLD4) / UDP(dport=9)), "SPOOFED_IP")


def test_foreign_ipv6_is_dropped(fx):
    for source in ("fd00:10:22::8", GATEWAY6, "::", GUEST_LL):
        dropped(fx.from_vm(eth() / IPv6(src=source, dst=WORLD6) / UDP(dport=9)), "SPOOFED_IP")


def test_missing_family_is_dropped(fx):
    fx.endpoint(POD, clear=("EP_HAS_V6",))
    dropped(fx.from_vm(eth() / IPv6(src=POD6, dst=WORLD6) / UDP()), "SPOOFED_IP")
    fx.endpoint(POD, clear=("EP_HAS_V4",))
    dropped(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4) / UDP()), "SPOOFED_IP")


def test_link_local_stays_on_the_link(fx):
    forwarded(fx.from_vm(eth() / IPv6(src=GUEST_LL, dst="fe80::99") / UDP(dport=9)))
    forwarded(fx.from_vm(eth(dst="33:33:00:00:00:16") / IPv6(src=GUEST_LL, dst="ff02::16") /
                         ICMPv6MLReport2()))


def test_guard_can_be_switched_off(fx):
    fx.endpoint(POD, clear=("EP_SPOOF_GUARD", "EP_CUSTOM_MAC"))
    forwarded(fx.from_vm(eth(src=OTHER_MAC) / IP(src="10.22.0.8", dst=WORLD4) / UDP(dport=9)))


def test_arp_claims_only_its_own(fx):
    arp = dict(hwsrc=GUEST_MAC, psrc=POD4, pdst=GATEWAY4)
    forwarded(fx.from_vm(eth(dst="ff:ff:ff:ff:ff:ff") / ARP(**arp)))
    dropped(fx.from_vm(eth() / ARP(**dict(arp, psrc="10.22.0.8"))), "SPOOFED_ARP")
    dropped(fx.from_vm(eth() / ARP(**dict(arp, hwsrc=OTHER_MAC))), "SPOOFED_ARP")
    dropped(fx.from_vm(eth() / ARP(op=2, **dict(arp, psrc=GATEWAY4))), "SPOOFED_ARP")
    dropped(fx.from_vm(raw(eth() / ARP(**arp))[:30]), "SPOOFED_ARP")


def test_nd_claims_only_its_own(fx):
    ip = eth() / IPv6(src=POD6, dst=GATEWAY6)
    lladdr = ICMPv6NDOptDstLLAddr(lladdr=GUEST_MAC)
    forwarded(fx.from_vm(ip / ICMPv6ND_NA(tgt=POD6) / lladdr))
    forwarded(fx.from_vm(ip / ICMPv6ND_NA(tgt=GUEST_LL) / lladdr))
    dropped(fx.from_vm(ip / ICMPv6ND_NA(tgt=GATEWAY6) / lladdr), "SPOOFED_ND")
    dropped(fx.from_vm(ip / ICMPv6ND_NA(tgt=ROUTER6) / lladdr), "SPOOFED_ND")
    dropped(fx.from_vm(ip / ICMPv6ND_NA(tgt=POD6) / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC)),
            "SPOOFED_ND")
    dropped(fx.from_vm(ip / ICMPv6ND_NS(tgt=GATEWAY6) / ICMPv6NDOptSrcLLAddr(lladdr=OTHER_MAC)),
            "SPOOFED_ND")


def test_guest_is_no_router(fx):
    ip = eth(dst="33:33:00:00:00:01") / IPv6(src=GUEST_LL, dst="ff02::1")
    dropped(fx.from_vm(ip / ICMPv6ND_RA()), "FORBIDDEN_ICMP6")
    dropped(fx.from_vm(ip / ICMPv6ND_Redirect(tgt=GUEST_LL, dst=WORLD6)), "FORBIDDEN_ICMP6")
    # behind extension headers, and in pieces
    dropped(fx.from_vm(ip / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / ICMPv6ND_RA()),
            "FORBIDDEN_ICMP6")
    dropped(fx.from_vm(ip / IPv6ExtHdrFragment(m=1) / ICMPv6ND_NS(tgt=GATEWAY6)),
            "FORBIDDEN_ICMP6")


def test_guest_is_no_dhcp_server(fx):
    dropped(fx.from_vm(eth() / IP(src=POD4, dst="10.22.0.8") / UDP(sport=67, dport=68)),
            "DHCP_SERVER")
    dropped(fx.from_vm(eth() / IPv6(src=GUEST_LL, dst="fe80::2") / UDP(sport=547, dport=546)),
            "DHCP_SERVER")


def test_truncated_packets_are_invalid(fx):
    # a test run takes no frame without its IP header
    for frame, header in ((eth() / IP(src=POD4, dst=WORLD4) / TCP(), 34),
                          (eth() / IPv6(src=POD6, dst=WORLD6) / TCP(), 54)):
        whole = raw(frame)
        for length in range(header, len(whole)):
            code, reason, _ = fx.from_vm(whole[:length])
            assert code == DROP and reason in ("INVALID", "TRUNCATED"), (length, code, reason)


def test_contradicting_lengths_are_invalid(fx):
    for header in (dict(ihl=4), dict(ihl=15), dict(len=10), dict(len=2000), dict(version=5)):
        dropped(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4, **header) / UDP()), "INVALID")
    dropped(fx.from_vm(eth() / IPv6(src=POD6, dst=WORLD6, plen=2000) / UDP()), "INVALID")
    dropped(fx.from_vm(eth() / IPv6(src=POD6, dst=WORLD6, version=4) / UDP()), "INVALID")


def test_headers_cut_short_are_truncated(fx):
    ip = eth() / IP(src=POD4, dst=WORLD4, proto=6) / b"abcdefgh"
    dropped(fx.from_vm(raw(ip)), "TRUNCATED")
    dropped(fx.from_vm(raw(eth() / IPv6(src=POD6, dst=WORLD6, nh=17) / b"ab")), "TRUNCATED")


def test_endless_extension_headers_are_invalid(fx):
    for length in (80, 255): # two that are too long together, one that is by itself
        header = bytes((60, length)) + b"\0" * (8 * length + 6)
        frame = eth() / IPv6(src=POD6, dst=WORLD6, nh=60) / (header[:600] + header[:600])
        dropped(fx.from_vm(frame), "INVALID_EXTHDR")
    dropped(fx.from_vm(eth() / IPv6(src=POD6, dst=WORLD6, nh=60)), "INVALID_EXTHDR")


def test_vlan_is_looked_into(fx):
    forwarded(fx.from_vm(eth() / Dot1Q(vlan=5) / IP(src=POD4, dst=WORLD4) / UDP(dport=9)))
    dropped(fx.from_vm(eth() / Dot1Q(vlan=5) / IP(src="10.22.0.8", dst=WORLD4) / UDP(dport=9)),
            "SPOOFED_IP")


def test_unknown_ethertypes_fall_through(fx):
    passed(fx.from_vm(Ether(src=GUEST_MAC, dst=GATEWAY_MAC, type=0x88CC) / (b"\0" * 50)))
    passed(fx.from_vm(Ether(src=GUEST_MAC, dst=GATEWAY_MAC, type=0x8100) / (b"\0\5\x81\0" * 20)))


def test_garbage_is_survived(fx):
    dice = random.Random(4711)
    for _ in range(3000):
        body = dice.randbytes(dice.randrange(40, 200))
        kind = dice.choice((b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00", b"\x12\x34"))
        for index in (POD, MASQ, PORTS):
            for direction in (fx.from_vm, fx.to_vm):
                code, _, _ = direction(mac(GATEWAY_MAC) + mac(GUEST_MAC) + kind + body, index)
                assert code in (NEXT, DROP, REDIRECT)


def test_a_stranger_index_falls_through(fx):
    for program in ("bl_pod_to_vm", "bl_pod_from_vm", "bl_masq_to_vm", "bl_masq_from_vm",
                    "bl_masq_pod_out", "bl_masq_loop"):
        for index in (700, 100000):
            code, _, _ = fx.dp.run(program, raw(eth() / IP(src=POD4) / UDP()), index)
            assert code == NEXT
