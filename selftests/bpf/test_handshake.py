# SPDX-License-Identifier: Apache-2.0
"""Connections that are opened, and how long handshakes take: per VM and direction."""

import bisect
import struct
import time

from scapy.all import IP, SCTP, TCP, UDP, Ether, IPv6, Raw

from fixture import *

BOUNDS = [32 << i for i in range(19)]  # in units of 1,024 ns
SECOND = 10**9 >> 10
ALL = ENDPOINTS
BOTH_WAYS = ((TO_VM, 4), (TO_VM, 6), (FROM_VM, 4), (FROM_VM, 6))


def prepare(fx):
    """Everybody may do everything, and a pod-bound VM without policy has room for handshakes."""
    if ("bl_conntrack", POD) not in fx.dp.arrays:
        fx.dp.inner_array("bl_conntrack", POD, 128, CT_SETS)
    fx.endpoint(POD, ct_sets=CT_SETS)
    fx.forget_connections(POD)
    for index in (POLICED, POLICED_MASQ):
        fx.policy(index, fx.row(0), fx.row(0, egress=True))
    fx.bump_epoch()


def timed(fx, index, direction):
    """(sum, counts) of handshakes."""
    values = struct.unpack("<21Q", fx.dp.lookup("bl_handshakes", index * 2 + direction, 168))
    return values[0], list(values[1:])


def ticks():
    """The time in the histogram's unit."""
    return time.monotonic_ns() >> 10


def bucket_of(time_taken):
    return bisect.bisect_left(BOUNDS, time_taken)


def tally(fx, index, direction):
    """(opened, allowed)."""
    return fx.tally(index, direction)[:2]


class Counted:
    """What was counted of an endpoint in both directions since it was made."""

    def __init__(self, fx, index):
        self.fx, self.index = fx, index
        self.before = self.now()

    def now(self):
        return [(tally(self.fx, self.index, direction), timed(self.fx, self.index, direction))
                for direction in (TO_VM, FROM_VM)]

    def opened(self, direction):
        return self.now()[direction][0][0] - self.before[direction][0][0]

    def allowed(self, direction):
        return self.now()[direction][0][1] - self.before[direction][0][1]

    def sum(self, direction):
        return self.now()[direction][1][0] - self.before[direction][1][0]

    def buckets(self, direction):
        """Indices of buckets, one for each handshake."""
        rises = [now - before for now, before in zip(self.now()[direction][1][1],
                                                     self.before[direction][1][1])]
        return [i for i, n in enumerate(rises) for _ in range(n)]


class Call:
    """A connection of an endpoint, opened in a direction."""

    def __init__(self, fx, index, direction, family=4, port=80):
        self.fx, self.index, self.direction, self.family = fx, index, direction, family
        self.other = FROM_VM if direction == TO_VM else TO_VM
        self.port = port

    def __str__(self):
        return f"endpoint {self.index}, {'to' if self.direction == TO_VM else 'from'} the VM, IPv{self.family}"

    def packet(self, direction, l4):
        """The opener's port is 1025."""
        own4, own6 = (POD4, POD6) if self.index in POD_BOUND else (GUEST4, GUEST6)
        l4.sport, l4.dport = (1025, self.port) if direction == self.direction else (self.port, 1025)
        if direction == TO_VM:
            ip = IP(src=WORLD4, dst=POD4) if self.family == 4 else IPv6(src=WORLD6, dst=POD6)
            return self.fx.to_vm(inbound() / ip / l4, self.index)
        ip = IP(src=own4, dst=WORLD4) if self.family == 4 else IPv6(src=own6, dst=WORLD6)
        return self.fx.from_vm(eth(dst=ROUTER_MAC) / ip / l4, self.index)

    def opener(self, flags):
        return forwarded(self.packet(self.direction, TCP(flags=flags)))

    def answer(self, flags):
        return forwarded(self.packet(self.other, TCP(flags=flags)))

    def entry(self):
        """(set, offset) of the connection's entry in its share."""
        ours = struct.pack("!HH", self.port, 1025) if self.direction == FROM_VM else \
            struct.pack("!HH", 1025, self.port)
        remote = address(WORLD4 if self.family == 4 else WORLD6)
        for key in range(CT_SETS):
            ways = self.fx.dp.inner_lookup("bl_conntrack", self.index, key, 128)
            for at in (0, 40, 80):
                if ways[at:at + 20] == remote + ours and ways[at + 24:at + 28] != bytes(4):
                    return key, at
        raise AssertionError("no entry")

    def began(self, ago):
        """Has the SYN come by so many units before now."""
        key, at = self.entry()
        ways = bytearray(self.fx.dp.inner_lookup("bl_conntrack", self.index, key, 128))
        assert ways[at + 36:at + 40] != bytes(4), "not timed"
        ways[at + 36:at + 40] = struct.pack("<I", (ticks() - ago) % (1 << 32))
        self.fx.dp.inner_write("bl_conntrack", self.index, key, bytes(ways))


def calls(fx, indices=ALL):
    """One of each endpoint in each direction and family, and what is counted of the endpoint from then on."""
    for index in indices:
        for direction, family in BOTH_WAYS:
            yield Counted(fx, index), Call(fx, index, direction, family)


def test_a_handshake_is_counted_where_it_began(fx):
    prepare(fx)
    for counted, call in calls(fx):
        call.opener("S")
        assert not counted.buckets(call.direction), "before it was answered"
        call.answer("SA")
        call.opener("A")
        call.answer("A")
        assert len(counted.buckets(call.direction)) == 1, call
        assert counted.opened(call.direction) == 1, call
        assert not counted.buckets(call.other) and not counted.opened(call.other), call


def test_a_known_time_falls_into_its_bucket(fx):
    prepare(fx)
    for port, (index, direction) in enumerate([(i, d) for i in ALL for d in (TO_VM, FROM_VM)], 5000):
        port = 80 if (index, direction) == (PORTS, TO_VM) else port
        for bucket in (14, 16, 17, 18, 19):
            fx.forget_connections(index)
            counted, call = Counted(fx, index), Call(fx, index, direction, port=port)
            ago = BOUNDS[bucket - 1] * 5 // 4  # the rest of the bucket is the test's to spend, if it needs no more
            call.opener("S")
            before = ticks()
            call.began(ago)
            call.answer("SA")
            most = ticks() - before + ago + 1
            (found,) = counted.buckets(direction)
            assert bucket <= found <= bucket_of(most), f"{call}: {found}, not {bucket}"
            assert ago <= counted.sum(direction) <= most


def test_short_times_fall_between_what_a_clock_says(fx):
    prepare(fx)
    for ago in (0, 31, 32, 33, 1000, 4096):
        fx.forget_connections(POLICED)
        counted, call = Counted(fx, POLICED), Call(fx, POLICED, FROM_VM)
        call.opener("S")
        before = ticks()
        call.began(ago)
        call.answer("SA")
        took = ticks() - before + ago + 1
        (bucket,) = counted.buckets(FROM_VM)
        assert bucket_of(ago) <= bucket <= bucket_of(took), (ago, bucket, took)
        assert ago <= counted.sum(FROM_VM) <= took
        assert (bucket == 0 or BOUNDS[bucket - 1] < counted.sum(FROM_VM)) and \
            (bucket == len(BOUNDS) or counted.sum(FROM_VM) <= BOUNDS[bucket])


def test_a_repeated_syn_does_not_begin_anew(fx):
    prepare(fx)
    for counted, call in calls(fx):
        call.opener("S")
        call.began(3 * SECOND)
        call.opener("S")
        call.answer("SA")
        assert counted.buckets(call.direction) == [17], f"{call}: {counted.buckets(call.direction)}"
        assert counted.opened(call.direction) == 1


def test_only_the_first_answer_counts(fx):
    prepare(fx)
    for counted, call in calls(fx):
        call.opener("S")
        call.answer("SA")
        call.answer("SA")
        call.opener("A")
        call.answer("SA")
        assert len(counted.buckets(call.direction)) == 1, call
        assert counted.opened(call.direction) == 1


def test_what_is_refused_or_unanswered_is_not_timed(fx):
    prepare(fx)
    for counted, call in calls(fx):
        call.opener("S")
        call.answer("RA")
        assert counted.buckets(call.direction) == [], call
        assert counted.opened(call.direction) == 1


def test_an_opener_does_not_answer_itself(fx):
    prepare(fx)
    for counted, call in calls(fx):
        call.opener("S")
        call.opener("SA")
        assert not counted.buckets(TO_VM) and not counted.buckets(FROM_VM), call


def test_an_answer_to_nothing_is_not_timed(fx):
    prepare(fx)
    for counted, call in calls(fx, (POD, MASQ, POLICED, POLICED_MASQ)):
        call.answer("SA")
        call.opener("A")
        for way in (TO_VM, FROM_VM):
            assert not counted.buckets(way) and not counted.opened(way), call


def test_an_answer_to_nothing_leaves_no_entry_where_nothing_else_is_tracked(fx):
    prepare(fx)
    for counted, call in calls(fx, (POD,)):
        call.answer("SA")
        call.opener("S")
        call.answer("SA")
        assert len(counted.buckets(call.direction)) == 1, call


def test_what_began_before_it_was_tracked_is_neither_opened_nor_timed(fx):
    prepare(fx)
    for index in (POD, MASQ, POLICED, POLICED_MASQ):
        for direction, family in BOTH_WAYS:
            fx.forget_connections(index)
            left = struct.pack("<36xI", ticks() % (1 << 32)) * 3 + bytes(8)
            for key in range(CT_SETS):  # by those who were there before
                fx.dp.inner_write("bl_conntrack", index, key, left)
            counted, call = Counted(fx, index), Call(fx, index, direction, family)
            call.opener("A")
            call.answer("A")
            call.answer("SA")
            for way in (TO_VM, FROM_VM):
                assert not counted.buckets(way) and not counted.opened(way), (index, direction)


def test_a_port_that_is_used_again_is_timed_again(fx):
    prepare(fx)
    for counted, call in calls(fx):
        for end in ((), ("F", "FA"), ()):  # its end may go unseen
            call.opener("S")
            call.answer("SA")
            call.opener("A")
            call.answer("A")
            for flags in end:
                call.opener(flags)
                call.answer(flags)
        assert len(counted.buckets(call.direction)) == 3, call
        assert counted.opened(call.direction) == 3


def test_a_syn_that_waited_too_long_is_forgotten(fx):
    prepare(fx)
    for index in ALL:
        counted, call = Counted(fx, index), Call(fx, index, FROM_VM)
        call.opener("S")
        call.began(129 * SECOND)
        call.answer("SA")
        assert counted.buckets(FROM_VM) == [], index


def test_what_policy_denies_is_not_opened(fx):
    prepare(fx)
    for index in (POLICED, POLICED_MASQ):
        fx.policy(index)
        fx.bump_epoch()
        for counted, call in calls(fx, (index,)):
            dropped(call.packet(call.direction, TCP(flags="S")), "POLICY")
            assert counted.opened(call.direction) == counted.allowed(call.direction) == 0
        fx.policy(index, fx.row(0))
        fx.bump_epoch()
        counted, call = Counted(fx, index), Call(fx, index, TO_VM)
        call.opener("S")
        call.answer("SA")
        assert len(counted.buckets(TO_VM)) == 1 and counted.opened(TO_VM) == 1


def test_policy_allows_once_a_connection_and_epoch(fx):
    prepare(fx)
    for counted, call in calls(fx, (POLICED, POLICED_MASQ)):
        call.opener("S")
        call.answer("SA")
        call.opener("A")
        assert counted.allowed(call.direction) == 1, call
        fx.bump_epoch()
        call.opener("A")
        call.opener("A")
        assert counted.allowed(call.direction) == 2, call


def test_other_protocols_are_opened_by_their_first_packet(fx):
    prepare(fx)
    for index in (PORTS, POLICED, POLICED_MASQ):
        for direction, family in BOTH_WAYS:
            for protocol, port in ((UDP, 5000), (SCTP, 5000)):
                if (index, direction, protocol) == (PORTS, TO_VM, SCTP):
                    continue  # not declared
                counted = Counted(fx, index)
                call = Call(fx, index, direction, family, port)
                other = FROM_VM if direction == TO_VM else TO_VM
                for way in (direction, other, direction):
                    forwarded(call.packet(way, protocol() / Raw(b"\0" * 12)))
                assert counted.opened(direction) == 1, (index, direction, protocol)
                assert counted.opened(other) == 0, (index, direction, protocol)


def test_nobody_says_who_opened_what_is_tracked_one_way(fx):
    prepare(fx)
    counted, call = Counted(fx, MASQ), Call(fx, MASQ, FROM_VM, port=53)
    forwarded(call.packet(FROM_VM, UDP()))
    forwarded(call.packet(TO_VM, UDP()))
    assert counted.opened(TO_VM) == counted.opened(FROM_VM) == 0


def test_without_policy_a_pod_bound_vm_has_entries_of_handshakes_only(fx):
    prepare(fx)
    for direction, family in BOTH_WAYS:
        call = Call(fx, POD, direction, family)
        for flags in ("A", "PA", "FA", "R"):
            call.opener(flags)
            call.answer(flags)
        forwarded(call.packet(direction, UDP()))
        assert not fx.connections(POD), "tracked"
        call.opener("S")
        assert len(fx.connections(POD)) == 1
        call.answer("SA")
        assert not fx.connections(POD), "kept"


def test_the_pods_own_are_not_the_vms(fx):
    prepare(fx)
    counted = Counted(fx, MASQ)
    syn = Ether(src=UPLINK_MAC, dst=GATEWAY_MAC) / IP(src=POD4, dst=WORLD4) / \
        TCP(sport=1025, dport=80, flags="S")
    passed(fx.run("bl_masq_pod_out", syn, MASQ))
    passed(fx.to_vm(inbound() / IP(src=WORLD4, dst=POD4) / TCP(sport=80, dport=1025, flags="SA"),
                    MASQ), "POD_OWN")
    for way in (TO_VM, FROM_VM):
        assert not counted.buckets(way) and not counted.opened(way)
