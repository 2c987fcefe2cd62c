# SPDX-License-Identifier: Apache-2.0
"""Policy at the VM's edge: who may open a connection, and that its answer holds for the rest of it."""

from scapy.all import (ARP, ICMP, IP, SCTP, TCP, UDP, GRE, ICMPerror, ICMPv6DestUnreach, ICMPv6EchoReply,
                       ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6PacketTooBig, IPerror, IPerror6, IPv6,
                       Raw, TCPerror, UDPerror, fragment, fragment6, raw)

from fixture import *

FRIEND, FOE = 300, 301
FOE4, FOE6 = "192.0.2.66", "2001:db8::66"
BOTH = (POLICED, POLICED_MASQ)
IN, OUT = False, True


def known(fx):
    fx.identify("0.0.0.0/0", 9)
    fx.identify("::/0", 10)
    for friend in (WORLD4, WORLD6):
        fx.identify(friend, FRIEND)
    for foe in (FOE4, FOE6):
        fx.identify(foe, FOE)
    fx.bump_epoch()


def to_vm(l4, src4=WORLD4, src6=WORLD6, family=4):
    ip = IP(src=src4, dst=POD4) if family == 4 else IPv6(src=src6, dst=POD6)
    return inbound() / ip / l4


def from_vm(index, l4, dst4=WORLD4, dst6=WORLD6, family=4):
    own4, own6 = (POD4, POD6) if index in POD_BOUND else (GUEST4, GUEST6)
    ip = IP(src=own4, dst=dst4) if family == 4 else IPv6(src=own6, dst=dst6)
    return eth(dst=ROUTER_MAC) / ip / l4


def syn(sport=1025, dport=80):
    return TCP(sport=sport, dport=dport, flags="S")


def ack(sport=1025, dport=80, flags="A"):
    return TCP(sport=sport, dport=dport, flags=flags)


def test_without_an_entry_nothing_passes(fx):
    known(fx)
    for rows in (None, ()):
        for index in BOTH:
            fx.forget_connections(index)
            if rows is not None:
                fx.policy(index)
            for family in (4, 6):
                dropped(fx.to_vm(to_vm(syn(), family=family), index), "POLICY")
                dropped(fx.from_vm(from_vm(index, syn(), family=family), index), "POLICY")
            assert not fx.connections(index), "a denied packet left an entry"


def test_an_identity_is_let_in_and_another_is_not(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND))
        for family in (4, 6):
            forwarded(fx.to_vm(to_vm(syn(), family=family), index))
            dropped(fx.to_vm(to_vm(syn(), FOE4, FOE6, family), index), "POLICY")
            dropped(fx.from_vm(from_vm(index, syn(dport=443), family=family), index), "POLICY")


def test_egress_is_judged_by_whom_it_calls(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, OUT))
        for family in (4, 6):
            forwarded(fx.from_vm(from_vm(index, syn(), family=family), index))
            dropped(fx.from_vm(from_vm(index, syn(), FOE4, FOE6, family), index), "POLICY")
            dropped(fx.to_vm(to_vm(syn(sport=9), family=family), index), "POLICY")


def test_what_a_vm_says_to_itself_is_nobodys_policy(fx):
    """A pod-bound guest's own stack keeps it; of a masqueraded one it comes by, and opens nothing."""
    known(fx)
    fx.policy(POLICED_MASQ)
    for family in (4, 6):
        for l4 in (syn(), ack(80, 1025, "SA"), UDP(sport=999, dport=53)):
            forwarded(fx.from_vm(from_vm(POLICED_MASQ, l4, POD4, POD6, family), POLICED_MASQ))
    assert not fx.connections(POLICED_MASQ)


def test_the_longest_prefix_is_who_an_address_is(fx):
    known(fx)
    fx.policy(POLICED, fx.row(9))
    forwarded(fx.to_vm(to_vm(syn(), "198.51.100.1"), POLICED))
    fx.identify("198.51.100.0/24", FOE)
    dropped(fx.to_vm(to_vm(syn(), "198.51.100.2"), POLICED), "POLICY")
    fx.identify("198.51.100.3/32", 9)
    forwarded(fx.to_vm(to_vm(syn(), "198.51.100.3"), POLICED))
    fx.identify("198.51.100.3/32", 0)
    fx.identify("198.51.100.0/24", 0)


def test_protocols_ports_and_types(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, protocol=6, port=80), fx.row(FRIEND, protocol=17),
                  fx.row(FRIEND, protocol=132, port=0x1000, bits=4), fx.row(FRIEND, protocol=1, port=8),
                  fx.row(FRIEND, protocol=58, port=128))
        forwarded(fx.to_vm(to_vm(syn()), index))
        dropped(fx.to_vm(to_vm(syn(dport=81)), index), "POLICY")
        for port in (1, 65535):
            forwarded(fx.to_vm(to_vm(UDP(dport=port) / b"x"), index))
        for port, passes in ((0x0FFF, False), (0x1000, True), (0x1FFF, True), (0x2000, False)):
            result = fx.to_vm(to_vm(SCTP(sport=7, dport=port) / b"abcd"), index)
            forwarded(result) if passes else dropped(result, "POLICY")
        forwarded(fx.to_vm(to_vm(ICMP(type=8, id=7)), index))
        dropped(fx.to_vm(to_vm(ICMP(type=13, id=7)), index), "POLICY")
        forwarded(fx.to_vm(to_vm(ICMPv6EchoRequest(id=7), family=6), index))
        dropped(fx.to_vm(to_vm(ICMPv6EchoReply(id=8), family=6), index), "POLICY")
        dropped(fx.to_vm(to_vm(GRE()), index), "POLICY")


def test_of_two_answers_the_greater_precedence_holds(fx):
    known(fx)
    own, any_ = dict(protocol=6, port=80), {}
    for own_more, own_deny, any_deny, want in (
            (True, False, True, None), (True, True, False, "POLICY_DENY"),
            (False, False, True, "POLICY_DENY"), (False, True, False, None)):
        fx.policy(POLICED,
                  fx.row(FRIEND, deny=own_deny, precedence=20 if own_more else 10, **own),
                  fx.row(0, deny=any_deny, precedence=15, **any_))
        fx.forget_connections(POLICED)
        result = fx.to_vm(to_vm(syn()), POLICED)
        dropped(result, want) if want else forwarded(result)


def test_the_default_is_told_from_a_rule(fx):
    known(fx)
    for deny, want in ((1, "POLICY_DENY"), (2, "POLICY")):
        fx.policy(POLICED, fx.row(FRIEND), fx.row(FRIEND, protocol=6, deny=deny))
        dropped(fx.to_vm(to_vm(syn()), POLICED), want)


def test_replies_pass_where_nothing_may_come_in(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, OUT))
        for family, echo, reply in ((4, ICMP(type=8, id=3), ICMP(type=0, id=3)),
                                    (6, ICMPv6EchoRequest(id=3), ICMPv6EchoReply(id=3))):
            for there, back in ((syn(1025, 80), ack(80, 1025, "SA")), (echo, reply),
                                (UDP(sport=1025, dport=53) / b"q", UDP(sport=53, dport=1025) / b"a"),
                                (SCTP(sport=5, dport=6) / b"abcd", SCTP(sport=6, dport=5) / b"abcd")):
                dropped(fx.to_vm(to_vm(back, family=family), index), "POLICY")
                forwarded(fx.from_vm(from_vm(index, there, family=family), index))
                forwarded(fx.to_vm(to_vm(back, family=family), index))
                # not from another address, though
                dropped(fx.to_vm(to_vm(back, FOE4, FOE6, family), index), "POLICY")


def test_a_change_takes_effect_on_what_is_established(fx):
    """In both directions, with the epoch and not before it."""
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, OUT))
        forwarded(fx.from_vm(from_vm(index, syn()), index))
        forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA")), index))
        fx.policy(index, fx.row(FRIEND, OUT, deny=True))
        forwarded(fx.from_vm(from_vm(index, ack()), index))
        fx.bump_epoch()
        dropped(fx.to_vm(to_vm(ack(80, 1025)), index), "POLICY_DENY")
        dropped(fx.from_vm(from_vm(index, ack()), index), "POLICY_DENY")
        fx.policy(index, fx.row(FRIEND, OUT))
        fx.bump_epoch()
        forwarded(fx.to_vm(to_vm(ack(80, 1025)), index))
        forwarded(fx.from_vm(from_vm(index, ack()), index))


def test_a_connection_that_ended_is_opened_anew(fx):
    """By whoever opens it then, and as policy is by then."""
    known(fx)
    for ending in ([("out", "R")], [("out", "FA"), ("in", "FA")]):
        fx.forget_connections(POLICED)
        fx.policy(POLICED, fx.row(FRIEND, OUT))
        forwarded(fx.from_vm(from_vm(POLICED, syn()), POLICED))
        forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA")), POLICED))
        for side, flags in ending:
            if side == "out":
                forwarded(fx.from_vm(from_vm(POLICED, ack(flags=flags)), POLICED))
            else:
                forwarded(fx.to_vm(to_vm(ack(80, 1025, flags)), POLICED))
        forwarded(fx.to_vm(to_vm(ack(80, 1025)), POLICED))  # what is late still passes
        dropped(fx.to_vm(to_vm(syn(80, 1025)), POLICED), "POLICY")


def test_lifetimes(fx):
    known(fx)
    fx.policy(POLICED, fx.row(0, OUT), fx.row(0))

    def life():
        (entry,) = fx.connections(POLICED)
        # what a UDP packet gets now is the ruler
        fx.forget_connections(POLICED)
        forwarded(fx.from_vm(from_vm(POLICED, UDP(sport=1, dport=2)), POLICED))
        (ruler,) = fx.connections(POLICED)
        fx.forget_connections(POLICED)
        return round((entry["expires"] - ruler["expires"] + 60) / 10) * 10

    steps = ((syn(), OUT), (ack(80, 1025, "SA"), IN), (ack(), OUT), (ack(flags="FA"), OUT),
             (ack(80, 1025), IN), (ack(80, 1025, "FA"), IN), (ack(), OUT))
    for n, want in ((1, 60), (2, 60), (3, 8000), (4, 8000), (5, 8000), (6, 10), (7, 10)):
        for l4, egress in steps[:n]:
            if egress:
                forwarded(fx.from_vm(from_vm(POLICED, l4), POLICED))
            else:
                forwarded(fx.to_vm(to_vm(l4), POLICED))
        assert life() == want, "after %d segments" % n


def errors(sport, dport, local4=POD4, local6=POD6):
    """Errors about what the VM sent to the world."""
    return ((4, ICMP(type=3, code=3) / IPerror(src=local4, dst=WORLD4) /
             UDPerror(sport=sport, dport=dport)),
            (6, ICMPv6DestUnreach(code=4) / IPerror6(src=local6, dst=WORLD6) /
             UDPerror(sport=sport, dport=dport)))


def test_errors_follow_the_connection_that_they_quote(fx):
    """By its inner header: the outer address may be any router's, and is no passport."""
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, OUT))
        for family, error in errors(1025, 53):
            dropped(fx.to_vm(to_vm(error, FOE4, FOE6, family), index), "POLICY")
            forwarded(fx.from_vm(from_vm(index, UDP(sport=1025, dport=53), family=family), index))
            forwarded(fx.to_vm(to_vm(error, FOE4, FOE6, family), index))
        for family, error in errors(1026, 53):
            dropped(fx.to_vm(to_vm(error, family=family), index), "POLICY")


def test_what_a_revoked_opener_called_by_is_not_the_other_ends(fx):
    """Ports that are equal, or none, do not tell a reply from an opening. It is taken for a reply until the
    connection has ended: one reply under way would bring the opener back."""
    known(fx)
    for index in BOTH:
        for l4 in (UDP(sport=500, dport=500) / b"x", GRE() / b"x"):
            fx.forget_connections(index)
            fx.policy(index, fx.row(FRIEND), fx.row(FRIEND, OUT))
            fx.bump_epoch()
            forwarded(fx.to_vm(to_vm(l4), index))
            forwarded(fx.from_vm(from_vm(index, l4), index))
            fx.policy(index, fx.row(FRIEND, OUT))
            fx.bump_epoch()
            for _ in range(2):
                dropped(fx.from_vm(from_vm(index, l4), index), "POLICY")
                dropped(fx.to_vm(to_vm(l4), index), "POLICY")
            fx.forget_connections(index)
            forwarded(fx.from_vm(from_vm(index, l4), index))
            forwarded(fx.to_vm(to_vm(l4), index))


def test_an_error_keeps_nothing_alive(fx):
    known(fx)
    fx.policy(POLICED, fx.row(FRIEND, OUT))
    forwarded(fx.from_vm(from_vm(POLICED, syn()), POLICED))
    forwarded(fx.from_vm(from_vm(POLICED, ack()), POLICED))
    (before,) = fx.connections(POLICED)
    error = ICMP(type=11) / IPerror(src=POD4, dst=WORLD4) / TCPerror(sport=1025, dport=80)
    forwarded(fx.to_vm(to_vm(error, FOE4), POLICED))
    (after,) = fx.connections(POLICED)
    assert after == before


def test_path_mtu_discovery_always_works(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index)
        quoted4 = IPerror(src=POD4, dst=WORLD4) / UDPerror(sport=1, dport=2)
        quoted6 = IPerror6(src=POD6, dst=WORLD6) / UDPerror(sport=1, dport=2)
        forwarded(fx.to_vm(to_vm(ICMP(type=3, code=4, nexthopmtu=1400) / quoted4), index))
        forwarded(fx.to_vm(to_vm(ICMPv6PacketTooBig(mtu=1400) / quoted6, family=6), index))
        dropped(fx.to_vm(to_vm(ICMP(type=3, code=1) / quoted4), index), "POLICY")


def test_fragments_follow_their_first(fx):
    known(fx)
    body = UDP(sport=7, dport=80) / Raw(bytes(2000))
    for index in BOTH:
        for egress in (IN, OUT):
            run = (lambda f: fx.from_vm(f, index)) if egress else (lambda f: fx.to_vm(f, index))
            make = (lambda l4: from_vm(index, l4)) if egress else to_vm
            whole = make(body)
            whole[IP].id = 77
            parts = [whole.__class__(raw(part)) for part in fragment(whole, fragsize=800)]
            fx.policy(index)
            dropped(run(parts[0]), "POLICY")
            dropped(run(parts[1]), "FRAG_NOT_FOUND")
            fx.policy(index, fx.row(FRIEND, egress, protocol=17, port=80))
            for part in parts:
                expect(run(part), REDIRECT, "FORWARDED")
            fx.forget_connections(index)


def test_audit_lets_pass_and_counts(fx):
    known(fx)
    for index in BOTH:
        fx.endpoint(index, add=("EP_AUDIT",))
        fx.policy(index, fx.row(FRIEND, deny=True, counter=9))
        before = fx.rule_packets(9)
        for l4 in (syn(), ack(), ack()):
            sound(expect(fx.to_vm(to_vm(l4), index), REDIRECT, "AUDITED"))
        assert fx.rule_packets(9) == before + 3
        # and its replies, as they would
        expect(fx.from_vm(from_vm(index, ack(80, 1025)), index), REDIRECT, "AUDITED")


def test_an_entry_counts_its_openers_packets(fx):
    known(fx)
    fx.policy(POLICED, fx.row(FRIEND, OUT, counter=5, precedence=999),
              fx.row(0, OUT, deny=True, counter=6))
    allowed, denied = fx.rule_packets(5), fx.rule_packets(6)
    forwarded(fx.from_vm(from_vm(POLICED, syn()), POLICED))
    forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA")), POLICED))
    forwarded(fx.from_vm(from_vm(POLICED, ack()), POLICED))
    dropped(fx.from_vm(from_vm(POLICED, syn(), FOE4), POLICED), "POLICY_DENY")
    assert fx.rule_packets(5) == allowed + 2
    assert fx.rule_packets(6) == denied + 1


def test_neighbours_and_leases_are_nobodys_policy(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index)
        solicit = inbound() / IPv6(src=WORLD6, dst=POD6) / ICMPv6ND_NS(tgt=POD6)
        assert fx.to_vm(solicit, index)[1] != "POLICY"
        answered(fx.from_vm(eth(dst="ff:ff:ff:ff:ff:ff") / ARP(
            op=1, hwsrc=GUEST_MAC, psrc=POD4 if index in POD_BOUND else GUEST4,
            pdst=GATEWAY4 if index not in POD_BOUND else WORLD4), index))


def test_a_pods_own_connections_are_the_pods(fx):
    """Under masquerade, whatever the guest's policy says."""
    known(fx)
    fx.policy(POLICED_MASQ)
    out = eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=999, dport=53)
    fx.run("bl_masq_pod_out", out, POLICED_MASQ)
    passed(fx.to_vm(to_vm(UDP(sport=53, dport=999)), POLICED_MASQ), "POD_OWN")


def test_one_vms_flood_evicts_nobody_elses(fx):
    known(fx)
    for index in BOTH:
        fx.policy(index, fx.row(FRIEND, OUT), fx.row(0))
    fx.policy(POLICED_MASQ, fx.row(FRIEND, OUT))
    forwarded(fx.from_vm(from_vm(POLICED_MASQ, syn()), POLICED_MASQ))
    before = fx.tally(POLICED, TO_VM)[2], fx.tally(POLICED_MASQ, TO_VM)[2]
    for sport in range(2000, 2000 + 8 * CT_SETS):
        forwarded(fx.to_vm(to_vm(syn(sport)), POLICED))
    kept = len(fx.connections(POLICED))
    assert kept <= 3 * CT_SETS
    # who had to go is counted
    assert fx.tally(POLICED, TO_VM)[2] - before[0] == 8 * CT_SETS - kept
    assert fx.tally(POLICED_MASQ, TO_VM)[2] == before[1]
    forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA")), POLICED_MASQ))


def test_a_share_is_well_used_before_anybody_goes(fx):
    """Two thirds of its ways: with one set for each connection some would have gone by then."""
    known(fx)
    fx.policy(POLICED, fx.row(0))
    opened = 3 * CT_SETS * 2 // 3
    for sport in range(2000, 2000 + opened):
        forwarded(fx.to_vm(to_vm(syn(sport)), POLICED))
    assert len(fx.connections(POLICED)) == opened, len(fx.connections(POLICED))
