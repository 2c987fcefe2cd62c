# SPDX-License-Identifier: Apache-2.0
"""What people are told: events with their budget, and whole packets of an endpoint that is captured."""

import struct
import time

from scapy.all import ARP, BOOTP, DHCP, IP, TCP, UDP, Ether, Raw, raw

from fixture import *

PER_WINDOW = 256  # BL_EVENTS_PER_WINDOW
SENT, VERDICT, GOT = range(3)  # enum bl_capture_kind
CAPTURE = struct.Struct("<QQIIIIBBB5x")  # struct bl_capture


# ---- events ---------------------------------------------------------------------------------------

class Watched:
    """Events are read while this lives."""

    def __init__(self, fx, sample=0):
        self.fx, self.ring = fx, fx.dp.ring("bl_events")
        self.ring.read()
        for index in ENDPOINTS:
            fx.dp.update("bl_budgets", index, bytes(8))
        self.tell(1, sample)

    def tell(self, events, sample):
        config = Value(self.fx.btf, "bl_config", self.fx.dp.lookup("bl_config", 0, 16))
        self.fx.dp.update("bl_config", 0, config.set("events", events).set("sample", sample))

    def read(self):
        """(endpoint, cookie) of each struct bl_event; whom policy was asked about is in asked."""
        found = [struct.unpack_from("<QIHBBHBxI", record) for record in self.ring.read()]
        self.asked = [event[6] for event in found]
        return [(event[2], event[7]) for event in found]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tell(0, 0)
        self.ring.close()


def lost(fx, index, name="bl_lost"):
    return sum(struct.unpack("<%dQ" % fx.cpus(), fx.dp.lookup(name, index, 8 * fx.cpus())))


def spoofed():
    return eth() / IP(src="10.22.0.8", dst=WORLD4) / UDP(sport=9, dport=9) / b"x"


def test_a_flood_of_drops_stays_within_its_budget(fx):
    flood = 8 * PER_WINDOW
    with Watched(fx) as watched:
        before = lost(fx, POD), lost(fx, MASQ)
        dropped(fx.from_vm(spoofed(), repeat=flood), "SPOOFED_IP")
        dropped(fx.from_vm(spoofed(), index=MASQ), "SPOOFED_IP")
        told = [endpoint for endpoint, _ in watched.read()]
        # the flood may have seen the begin of another window
        assert PER_WINDOW <= told.count(POD) <= 2 * PER_WINDOW, told.count(POD)
        assert told.count(POD) + lost(fx, POD) - before[0] == flood
        assert told.count(MASQ) == 1 and lost(fx, MASQ) == before[1]


def test_the_budget_comes_anew(fx):
    with Watched(fx) as watched:
        dropped(fx.from_vm(spoofed(), repeat=3 * PER_WINDOW), "SPOOFED_IP")
        watched.read()
        end = time.monotonic() + 5
        found = []
        while not found and time.monotonic() < end:
            dropped(fx.from_vm(spoofed()), "SPOOFED_IP")
            found = watched.read()
        assert found, "no events for five seconds"


def test_nobody_reads_nothing_is_written(fx):
    with Watched(fx) as watched:
        watched.tell(0, 0)
        before = lost(fx, POD)
        dropped(fx.from_vm(spoofed()), "SPOOFED_IP")
        assert watched.read() == [] and lost(fx, POD) == before


def test_an_event_names_the_rule(fx):
    fx.policy(POLICED, fx.row(0, egress=True, protocol=17, port=53, deny=True, cookie=4711))
    with Watched(fx) as watched:
        dropped(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=7, dport=53), POLICED),
                "POLICY_DENY")
        assert watched.read() == [(POLICED, 4711)]


# ---- captures -------------------------------------------------------------------------------------

class Captured:
    """An endpoint is captured while this lives."""

    def __init__(self, fx, index, snaplen=65536, size=1 << 20):
        self.fx, self.index = fx, index
        self.ring = fx.dp.inner_ring("bl_captures", index, size)
        fx.dp.update("bl_snaplens", index, snaplen.to_bytes(4, "little"))
        fx.endpoint(index, add=("EP_CAPTURE",))

    def read(self):
        """(kind, reason's name, length on the wire, the bytes) of each record; their rules in cookies,
        whom policy was asked about in asked."""
        found, self.cookies, self.asked = [], [], []
        for record in self.ring.read():
            _, _, length, captured, _, cookie, kind, reason, asked = CAPTURE.unpack_from(record)
            found.append((kind, self.fx.reason_names[reason], length,
                          record[CAPTURE.size:CAPTURE.size + captured]))
            self.cookies.append(cookie)
            self.asked.append(asked)
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.fx.endpoint(self.index)
        self.fx.dp.delete("bl_captures", self.index.to_bytes(4, "little"))
        self.ring.close()


def test_what_the_vm_sends_is_captured_as_it_sent_it(fx):
    for index, source in ((POD, POD4), (MASQ, GUEST4)):
        # the guest's MAC becomes the pod's, under masquerade its address too, and the MSS is clamped
        frame = raw(eth(dst=ROUTER_MAC) / IP(src=source, dst=WORLD4) /
                    TCP(sport=7, dport=8, flags="S", options=[("MSS", 9000)]))
        with Captured(fx, index) as captured:
            out = forwarded(fx.from_vm(frame, index))
            assert raw(out) != frame
            assert captured.read() == [(SENT, "FORWARDED", len(frame), frame),
                                       (VERDICT, "FORWARDED", len(frame), b"")]


def test_what_the_vm_gets_is_captured_as_it_got_it(fx):
    fx.endpoint(PORTS)
    for index in (POD, PORTS):
        frame = raw(inbound() / IP(src=WORLD4, dst=POD4) / TCP(sport=7, dport=80) / b"hello")
        with Captured(fx, index) as captured:
            out = raw(forwarded(fx.to_vm(frame, index)))
            assert out != frame
            assert captured.read() == [(GOT, "FORWARDED", len(frame), out)]


def test_a_drop_is_captured_with_its_reason(fx):
    frame = raw(spoofed())
    with Captured(fx, POD) as captured:
        dropped(fx.from_vm(frame), "SPOOFED_IP")
        assert captured.read() == [(SENT, "FORWARDED", len(frame), frame),
                                   (VERDICT, "SPOOFED_IP", len(frame), b"")]
    fx.policy(POLICED)
    frame = raw(inbound() / IP(src=WORLD4, dst=POD4) / TCP(sport=7, dport=80, flags="S"))
    with Captured(fx, POLICED) as captured:
        dropped(fx.to_vm(frame, POLICED), "POLICY")
        assert captured.read() == [(GOT, "POLICY", len(frame), frame)]


def test_a_packet_is_captured_with_its_rule(fx):
    fx.policy(POLICED, fx.row(0, egress=True, protocol=17, port=53, deny=True, cookie=4711),
              fx.row(0, egress=False, protocol=6, port=80, cookie=4712))
    with Captured(fx, POLICED) as captured:
        dropped(fx.from_vm(eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=7, dport=53), POLICED),
                "POLICY_DENY")
        assert [kind for kind, *_ in captured.read()] == [SENT, VERDICT]
        assert captured.cookies == [0, 4711]
        first = inbound() / IP(src=WORLD4, dst=POD4) / TCP(sport=7, dport=80, flags="S")
        for _ in range(2):
            forwarded(fx.to_vm(first, POLICED))
        assert [kind for kind, *_ in captured.read()] == [GOT, GOT]
        assert captured.cookies == [4712, 0]  # policy is asked once


def test_an_answer_is_captured_with_its_question(fx):
    question = raw(eth(dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=GUEST_MAC, psrc=GUEST4, pdst=ROUTER4))
    with Captured(fx, MASQ) as captured:
        answer = raw(answered(fx.from_vm(question, MASQ)))
        (_, _, _, sent), (kind, reason, _, _), (_, _, _, got) = captured.read()
        assert (sent, got) == (question, answer)
        assert (kind, reason) == (VERDICT, "ANSWERED")


def test_a_lease_is_captured_with_its_request(fx):
    # the walk goes on in a program of its own
    request = raw(eth(dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") /
                  UDP(sport=68, dport=67) / BOOTP(chaddr=mac(GUEST_MAC), xid=7) /
                  DHCP(options=[("message-type", "discover"), "end"]) / Raw(bytes(60)))
    with Captured(fx, MASQ) as captured:
        code, reason, out = fx.from_vm(request, MASQ)
        assert reason == "ANSWERED"
        records = captured.read()
        assert [(kind, why) for kind, why, _, _ in records] == \
            [(SENT, "FORWARDED"), (VERDICT, "ANSWERED"), (GOT, "FORWARDED")]
        assert (records[0][3], records[2][3]) == (request, out)


def test_what_is_the_pods_is_not_captured(fx):
    with Captured(fx, PORTS) as captured:
        passed(fx.to_vm(inbound() / IP(src=WORLD4, dst=POD4) / TCP(sport=7, dport=22), PORTS),
               "PORT_CLOSED")
        assert captured.read() == []


def test_others_are_not_captured(fx):
    with Captured(fx, POD) as captured:
        dropped(fx.from_vm(spoofed(), index=MASQ), "SPOOFED_IP")
        assert captured.read() == []


def test_snaplen_cuts_and_the_length_stays(fx):
    frame = raw(eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=9, dport=9) / Raw(b"x" * 1000))
    for snaplen in (1, 14, 96, 256, 257, len(frame), 65536):
        with Captured(fx, POD, snaplen) as captured:
            forwarded(fx.from_vm(frame))
            assert captured.read()[0] == (SENT, "FORWARDED", len(frame), frame[:snaplen]), snaplen


def test_every_size_is_captured_whole(fx):
    for size in (60, 255, 256, 257, 1464, 2047, 2048, 2049, 3500):
        frame = raw(eth() / IP(src=POD4, dst=WORLD4) / UDP(sport=9, dport=9))
        frame = raw(Ether(frame) / Raw(b"y" * (size - len(frame))))
        with Captured(fx, POD) as captured:
            fx.from_vm(frame)
            assert captured.read()[0][3] == frame, size


def test_a_full_ring_is_counted(fx):
    with Captured(fx, POD, size=4096) as captured:
        before = lost(fx, POD, "bl_capture_lost")
        dropped(fx.from_vm(spoofed(), repeat=100), "SPOOFED_IP")
        packets = sum(kind == SENT for kind, _, _, _ in captured.read())
        assert 0 < packets < 100
        assert packets + lost(fx, POD, "bl_capture_lost") - before == 100


# ---- both -----------------------------------------------------------------------------------------

def test_a_record_names_whom_policy_was_asked_about(fx):
    """Which is the opener, also where a reply is judged anew, after a change."""
    for opener in (TO_VM, FROM_VM):
        first, answer = TCP(sport=7, dport=80, flags="S"), TCP(sport=80, dport=7, flags="SA")
        coming, going = (first, answer) if opener == TO_VM else (answer, first)
        to_vm = inbound() / IP(src=WORLD4, dst=POD4) / coming
        from_vm = eth() / IP(src=POD4, dst=WORLD4) / going
        fx.forget_connections(POLICED)
        fx.policy(POLICED, fx.row(0, egress=opener == FROM_VM))
        forwarded(fx.to_vm(to_vm, POLICED) if opener == TO_VM else fx.from_vm(from_vm, POLICED))
        for policy in ((), (fx.row(0, egress=opener == FROM_VM, deny=2, cookie=3),)):
            fx.policy(POLICED, *policy)
            fx.bump_epoch()
            with Watched(fx) as watched, Captured(fx, POLICED) as captured:
                dropped(fx.to_vm(to_vm, POLICED), "POLICY")
                dropped(fx.from_vm(from_vm, POLICED), "POLICY")
                assert watched.read() == 2 * [(POLICED, 3 if policy else 0)]
                assert watched.asked == [opener, opener], watched.asked
                assert [kind for kind, *_ in captured.read()] == [GOT, SENT, VERDICT]
                assert captured.asked == [opener, 0, opener], captured.asked
