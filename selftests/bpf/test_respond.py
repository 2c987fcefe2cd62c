# SPDX-License-Identifier: Apache-2.0
"""Responders: ARP, neighbour discovery, DHCPv4 and DHCPv6 of the guest, decoded by scapy."""

from scapy.all import (ARP, BOOTP, DHCP, IP, UDP, DHCP6_Advertise, DHCP6_Confirm, DHCP6_Decline,
                       DHCP6_InfoRequest, DHCP6_Rebind, DHCP6_Release, DHCP6_Renew, DHCP6_Reply,
                       DHCP6_Request, DHCP6_Solicit, DHCP6OptClientId, DHCP6OptDNSServers,
                       DHCP6OptElapsedTime, DHCP6OptIA_NA, DHCP6OptIAAddress, DHCP6OptOptReq,
                       DHCP6OptRapidCommit, DHCP6OptServerId, DHCP6OptStatusCode, DUID_LL, DUID_LLT,
                       DUID_EN, Ether, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptRDNSS,
                       ICMPv6NDOptSrcLLAddr, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS,
                       IPv6, raw)

from fixture import *

BROADCAST = "ff:ff:ff:ff:ff:ff"


# ---- ARP ------------------------------------------------------------------------------------------

def ask_arp(fx, target, index=POD, source=POD4, **fields):
    return fx.from_vm(eth(dst=BROADCAST) / ARP(hwsrc=GUEST_MAC, psrc=source, pdst=target, **fields),
                      index)


def test_arp_answers_what_lies_behind_the_gateway(fx):
    frame = answered(ask_arp(fx, "10.22.0.99"))
    assert (frame.dst, frame.src) == (GUEST_MAC, ROUTER_MAC)
    reply = frame[ARP]
    assert (reply.op, reply.hwsrc, reply.psrc) == (2, ROUTER_MAC, "10.22.0.99")
    assert (reply.hwdst, reply.pdst) == (GUEST_MAC, POD4)


def test_arp_for_the_link_goes_to_the_wire(fx):
    frame = forwarded(ask_arp(fx, GATEWAY4))
    assert frame.src == UPLINK_MAC and frame[ARP].hwsrc == UPLINK_MAC, "a custom MAC stays inside"


def test_arp_never_denies_the_guest_its_address(fx):
    forwarded(ask_arp(fx, POD4))                     # announcement
    forwarded(ask_arp(fx, POD4, source="0.0.0.0"))   # probe (RFC 5227)
    passed(ask_arp(fx, GUEST4, MASQ, source="0.0.0.0"))


def test_arp_of_a_masqueraded_guest_is_answered(fx):
    for target in (ROUTER4, "10.0.2.77"):
        reply = answered(ask_arp(fx, target, MASQ, source=GUEST4))[ARP]
        assert (reply.hwsrc, reply.psrc) == (ROUTER_MAC, target)


# ---- neighbour discovery ---------------------------------------------------------------------------

def ask_nd(fx, target, index=POD, source=GUEST_LL):
    group = "ff02::1:ff" + target[-2:].replace(":", "0") + ":1"
    frame = eth(dst="33:33:ff:00:00:01") / IPv6(src=source, dst=group, hlim=255) / \
        ICMPv6ND_NS(tgt=target)
    if source != "::":
        frame = frame / ICMPv6NDOptSrcLLAddr(lladdr=GUEST_MAC)
    return fx.from_vm(frame, index)


def test_nd_answers_for_the_router(fx):
    for index in (POD, MASQ):
        frame = answered(ask_nd(fx, ROUTER6, index))
        assert (frame.dst, frame.src, frame[IPv6].hlim) == (GUEST_MAC, ROUTER_MAC, 255)
        advert = frame[ICMPv6ND_NA]
        assert (advert.tgt, advert.R, advert.S, advert.O) == (ROUTER6, 1, 1, 1)
        assert advert[ICMPv6NDOptDstLLAddr].lladdr == ROUTER_MAC
        assert frame[IPv6].src == ROUTER6 and frame[IPv6].dst == GUEST_LL


def test_nd_answers_what_lies_behind_the_router(fx):
    advert = answered(ask_nd(fx, "fd00:10:22::99", source=POD6))[ICMPv6ND_NA]
    assert (advert.tgt, advert.R) == ("fd00:10:22::99", 0)


def test_nd_for_the_link_goes_to_the_wire(fx):
    frame = forwarded(ask_nd(fx, GATEWAY6))
    assert frame.src == UPLINK_MAC and frame[ICMPv6NDOptSrcLLAddr].lladdr == UPLINK_MAC
    forwarded(ask_nd(fx, "fe80::99"))


def test_duplicate_detection_stays_silent(fx):
    for target in (POD6, GUEST_LL, "fd00:10:22::abcd"):
        forwarded(ask_nd(fx, target, source="::"))
    for target in (GUEST6, GUEST_LL):
        passed(ask_nd(fx, target, MASQ, source="::"))


def test_router_solicitation_is_answered(fx):
    for index in (POD, MASQ):
        for source, dest in ((GUEST_LL, GUEST_LL), ("::", "ff02::1")):
            frame = answered(fx.from_vm(eth(dst="33:33:00:00:00:02") /
                                        IPv6(src=source, dst="ff02::2", hlim=255) /
                                        ICMPv6ND_RS(), index))
            advert = frame[ICMPv6ND_RA]
            assert (frame[IPv6].src, frame[IPv6].dst, frame[IPv6].hlim) == (ROUTER6, dest, 255)
            assert (advert.M, advert.O, advert.routerlifetime) == (1, 1, 65535)
            assert advert[ICMPv6NDOptMTU].mtu == MTU
            assert advert[ICMPv6NDOptSrcLLAddr].lladdr == ROUTER_MAC
            assert advert[ICMPv6NDOptRDNSS].dns == [DNS6]


def test_without_ipv6_no_router_answers(fx):
    fx.endpoint(POD, clear=("EP_HAS_V6",))
    forwarded(fx.from_vm(eth(dst="33:33:00:00:00:02") /
                         IPv6(src=GUEST_LL, dst="ff02::2", hlim=255) / ICMPv6ND_RS()))


# ---- DHCPv4 ----------------------------------------------------------------------------------------

def dhcp4(fx, kind, index=POD, flags=0, ciaddr="0.0.0.0", source="0.0.0.0", options=(), **udp):
    frame = eth(dst=BROADCAST) / IP(src=source, dst="255.255.255.255") / \
        UDP(sport=68, dport=67, **udp) / \
        BOOTP(chaddr=mac(GUEST_MAC), xid=0x12345678, flags=flags, ciaddr=ciaddr) / \
        DHCP(options=[("message-type", kind), ("hostname", "vm-01"), *options, "end"])
    return fx.from_vm(frame, index)


def lease4(result, kind, index=POD):
    frame = answered(result)
    bootp, options = frame[BOOTP], {}
    for option in frame[DHCP].options:
        if isinstance(option, tuple):
            options[option[0]] = option[1]
    server = GATEWAY4 if index == POD else ROUTER4
    assert (frame.dst, frame.src, frame[IP].src) == (GUEST_MAC, ROUTER_MAC, server)
    assert (frame[UDP].sport, frame[UDP].dport, frame[UDP].chksum != 0) == (67, 68, True)
    assert (bootp.op, bootp.xid, bootp.chaddr[:6]) == (2, 0x12345678, mac(GUEST_MAC))
    assert (options["message-type"], options["server_id"]) == (kind, server)
    return frame, options


def check_lease4(options):
    assert options["lease_time"] == LEASE_S and options["subnet_mask"] == "255.255.255.0"
    assert options["router"] == GATEWAY4 and options["name_server"] == DNS4
    assert options["interface-mtu"] == MTU


def test_dhcp4_discover_gets_an_offer(fx):
    for index, address4 in ((POD, POD4), (MASQ, GUEST4)):
        frame, options = lease4(dhcp4(fx, "discover", index), 2, index)
        assert frame[BOOTP].yiaddr == address4 and frame[IP].dst == address4
        check_lease4(options)


def test_dhcp4_broadcast_flag_is_heeded(fx):
    frame, _ = lease4(dhcp4(fx, "discover", flags=0x8000), 2)
    assert frame[IP].dst == "255.255.255.255" and frame[BOOTP].yiaddr == POD4


def test_dhcp4_request_gets_an_ack(fx):
    frame, options = lease4(dhcp4(fx, "request", options=[("requested_addr", POD4),
                                                          ("server_id", GATEWAY4)]), 5)
    assert frame[BOOTP].yiaddr == POD4
    check_lease4(options)


def test_dhcp4_renewal_goes_to_the_client(fx):
    frame, options = lease4(dhcp4(fx, "request", ciaddr=POD4, source=POD4), 5)
    assert frame[IP].dst == POD4 and frame[BOOTP].ciaddr == POD4
    check_lease4(options)


def test_dhcp4_wrong_address_gets_a_nak(fx):
    for fields in (dict(options=[("requested_addr", "10.22.0.8")]),
                   dict(ciaddr="10.22.0.8"), dict()):
        frame, options = lease4(dhcp4(fx, "request", **fields), 6)
        assert frame[BOOTP].yiaddr == "0.0.0.0" and frame[IP].dst == "255.255.255.255"
        assert set(options) == {"message-type", "server_id"}


def test_dhcp4_inform_gets_no_lease(fx):
    frame, options = lease4(dhcp4(fx, "inform", ciaddr=POD4, source=POD4), 5)
    assert frame[BOOTP].yiaddr == "0.0.0.0" and "lease_time" not in options
    assert options["router"] == GATEWAY4


def test_dhcp4_others_are_consumed(fx):
    for kind in ("release", "decline", "offer", "ack"):
        expect(dhcp4(fx, kind, source=POD4), DROP, "CONSUMED")
    expect(dhcp4(fx, "request", options=[("server_id", "10.22.0.200"),
                                         ("requested_addr", POD4)]), DROP, "CONSUMED")


def test_dhcp4_cut_anywhere_never_escapes(fx):
    whole = raw(eth(dst=BROADCAST) / IP(src="0.0.0.0", dst="255.255.255.255") /
                UDP(sport=68, dport=67) / BOOTP(chaddr=mac(GUEST_MAC)) /
                DHCP(options=[("message-type", "discover"), ("requested_addr", POD4), "end"]))
    for length in range(42, len(whole)):
        cut = Ether(whole[:length])
        del cut[IP].len, cut[UDP].len, cut[IP].chksum, cut[UDP].chksum
        code, reason, _ = fx.from_vm(raw(cut))
        assert (code, reason) in ((DROP, "CONSUMED"), (REDIRECT, "ANSWERED")), (length, code, reason)


def test_dhcp4_with_ip_options_is_refused(fx):
    dropped(fx.from_vm(eth(dst=BROADCAST) / IP(src="0.0.0.0", dst="255.255.255.255", options=b"\1\1\1\0") /
                       UDP(sport=68, dport=67) / BOOTP(chaddr=mac(GUEST_MAC)) / DHCP()), "INVALID")


# ---- DHCPv6 ----------------------------------------------------------------------------------------

CLIENT = DUID_LL(lladdr=GUEST_MAC)
SERVER = DHCP6OptServerId(duid=DUID_LL(lladdr=ROUTER_MAC))
CLIENTS = (CLIENT, DUID_LLT(lladdr=GUEST_MAC, timeval=7), DUID_EN(id=b"odd"))


def dhcp6(fx, message, *options, client=CLIENT, index=POD):
    body = message
    body.trid = 0xABCDEF
    frame = eth(dst="33:33:00:01:00:02") / IPv6(src=GUEST_LL, dst="ff02::1:2") / \
        UDP(sport=546, dport=547) / body / DHCP6OptClientId(duid=client)
    for option in options:
        frame = frame / option
    return fx.from_vm(frame, index)


def reply6(result, kind=DHCP6_Reply, client=CLIENT):
    frame = answered(result)
    assert (frame.dst, frame.src) == (GUEST_MAC, ROUTER_MAC)
    assert (frame[IPv6].src, frame[IPv6].dst) == (ROUTER6, GUEST_LL)
    assert (frame[UDP].sport, frame[UDP].dport) == (547, 546)
    assert frame[kind].trid == 0xABCDEF
    assert raw(frame[DHCP6OptClientId].duid) == raw(client)
    assert raw(frame[DHCP6OptServerId].duid) == raw(DUID_LL(lladdr=ROUTER_MAC))
    return frame


def check_lease6(frame, address6=POD6, iaid=77):
    ia = frame[DHCP6OptIA_NA]
    assert (ia.iaid, ia.T1, ia.T2) == (iaid, LEASE_S // 2, LEASE_S // 5 * 4)
    lease = ia.ianaopts[0]
    assert (lease.addr, lease.preflft, lease.validlft) == (address6, LEASE_S, LEASE_S)
    assert frame[DHCP6OptDNSServers].dnsservers == [DNS6]


def test_dhcp6_solicit_gets_an_advertisement(fx):
    for client in CLIENTS:
        for index, address6 in ((POD, POD6), (MASQ, GUEST6)):
            result = dhcp6(fx, DHCP6_Solicit(), DHCP6OptIA_NA(iaid=77), DHCP6OptElapsedTime(),
                           client=client, index=index)
            frame = reply6(result, DHCP6_Advertise, client)
            check_lease6(frame, address6)


def test_dhcp6_rapid_commit_gets_a_reply(fx):
    frame = reply6(dhcp6(fx, DHCP6_Solicit(), DHCP6OptRapidCommit(), DHCP6OptIA_NA(iaid=77)))
    assert frame.haslayer(DHCP6OptRapidCommit)
    check_lease6(frame)


def test_dhcp6_request_and_renew_name_us(fx):
    for message in (DHCP6_Request, DHCP6_Renew):
        check_lease6(reply6(dhcp6(fx, message(), SERVER, DHCP6OptIA_NA(iaid=77))))
        other = DHCP6OptServerId(duid=DUID_LL(lladdr=OTHER_MAC))
        expect(dhcp6(fx, message(), other, DHCP6OptIA_NA(iaid=77)), DROP, "CONSUMED")
        expect(dhcp6(fx, message(), DHCP6OptIA_NA(iaid=77)), DROP, "CONSUMED")


def test_dhcp6_rebind_names_nobody(fx):
    check_lease6(reply6(dhcp6(fx, DHCP6_Rebind(), DHCP6OptIA_NA(iaid=77))))


def test_dhcp6_confirm_judges_the_address(fx):
    for address6, status in ((POD6, 0), ("fd00:10:22::8", 4)):
        ia = DHCP6OptIA_NA(iaid=77, ianaopts=[DHCP6OptIAAddress(addr=address6)])
        frame = reply6(dhcp6(fx, DHCP6_Confirm(), ia))
        assert frame[DHCP6OptStatusCode].statuscode == status


def test_dhcp6_release_is_confirmed(fx):
    for message in (DHCP6_Release, DHCP6_Decline):
        frame = reply6(dhcp6(fx, message(), SERVER, DHCP6OptIA_NA(iaid=77)))
        assert frame[DHCP6OptStatusCode].statuscode == 0


def test_dhcp6_information_request_gets_dns(fx):
    frame = reply6(dhcp6(fx, DHCP6_InfoRequest(), DHCP6OptOptReq(reqopts=[23])))
    assert frame[DHCP6OptDNSServers].dnsservers == [DNS6]
    assert not frame.haslayer(DHCP6OptIA_NA)


def test_dhcp6_cut_anywhere_never_escapes(fx):
    whole = raw(eth(dst="33:33:00:01:00:02") / IPv6(src=GUEST_LL, dst="ff02::1:2") /
                UDP(sport=546, dport=547) / DHCP6_Solicit() / DHCP6OptClientId(duid=CLIENT) /
                DHCP6OptIA_NA(iaid=77))
    for length in range(62, len(whole)):
        cut = Ether(whole[:length])
        del cut[IPv6].plen, cut[UDP].len, cut[UDP].chksum
        code, reason, _ = fx.from_vm(raw(cut))
        assert (code, reason) in ((DROP, "CONSUMED"), (REDIRECT, "ANSWERED")), (length, code, reason)
