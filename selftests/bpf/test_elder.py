# SPDX-License-Identifier: Apache-2.0
"""Programs of a layout before: who asks them, when, and how connections that they knew are put back."""

import ctypes
import struct

from scapy.all import ICMP, IP, TCP, UDP, Raw, fragment, raw

from fixture import *

ASKED = 42  # what the elder answers
SCHED_CLS = 3
SLOTS = {"bl_pod_to_vm": 0, "bl_pod_from_vm": 1, "bl_masq_to_vm": 2, "bl_masq_from_vm": 3}
BY_VM = GUEST = 1
TRACKED = (MASQ, PORTS, POLICED, POLICED_MASQ)


class Elder:
    """A program that says that it was called, in one slot."""

    def __init__(self, fx, index, way):
        self.dp = fx.dp
        self.program = "bl_%s_%s" % ("pod" if index in POD_BOUND else "masq", way)
        code = struct.pack("<BBhi", 0xB7, 0, 0, ASKED) + struct.pack("<BBhi", 0x95, 0, 0, 0)
        self.fd = self.dp.lib.bpf_prog_load(SCHED_CLS, b"elder", b"GPL", code,
                                            ctypes.c_size_t(2), None)
        assert self.fd >= 0, "loading an elder"

    def __enter__(self):
        self.dp.update("bl_elders", SLOTS[self.program], struct.pack("<i", self.fd))
        return self

    def __exit__(self, *_):
        self.dp.delete("bl_elders", SLOTS[self.program].to_bytes(4, "little"))

    def is_asked(self, frame, index):
        data = raw(frame)
        code, out, _ = self.dp.run(self.program, data, index)
        assert code != ASKED or out == data, "changed before the elder sees it"
        return code == ASKED


def to_vm(l4, index):
    return inbound() / IP(src=WORLD4, dst=POD4) / l4


def from_vm(l4, index):
    own = POD4 if index in POD_BOUND else GUEST4
    return eth(dst=ROUTER_MAC) / IP(src=own, dst=WORLD4) / l4


def later_fragment(frame):
    ip = frame[IP]
    return frame.__class__(src=frame.src, dst=frame.dst) / fragment(ip, 600)[1]


def openings():
    return TCP(sport=1025, dport=80, flags="S"), UDP(sport=1025, dport=53), ICMP(id=7)


def test_to_the_vm_an_elder_judges_what_is_unknown(fx):
    for index in TRACKED:
        with Elder(fx, index, "to_vm") as elder:
            for l4 in openings():
                assert elder.is_asked(to_vm(l4, index), index), l4
            assert elder.is_asked(
                later_fragment(to_vm(UDP(dport=5000) / Raw(bytes(1200)), index)), index)
            assert not fx.connections(index), "inserted before the elder was asked"


def test_nobody_is_asked_about_what_is_known(fx):
    for index in (MASQ, PORTS):
        for l4, back in ((TCP(sport=80, dport=1025), TCP(sport=1025, dport=80, flags="A")),
                         (UDP(sport=53, dport=1025), UDP(sport=1025, dport=53))):
            forwarded(fx.to_vm(to_vm(back if index == MASQ else
                                     TCP(sport=1025, dport=80, flags="S"), index), index))
            with Elder(fx, index, "to_vm") as elder:
                known = back if index == MASQ else TCP(sport=1025, dport=80, flags="A")
                assert not elder.is_asked(to_vm(known, index), index)
            with Elder(fx, index, "from_vm") as elder:
                assert not elder.is_asked(from_vm(l4, index), index)


def test_without_tracking_nobody_is_asked(fx):
    with Elder(fx, POD, "to_vm") as elder:
        for l4 in openings():
            assert not elder.is_asked(to_vm(l4, POD), POD)


def test_from_the_vm_an_elder_judges_what_would_be_dropped(fx):
    for index in (POLICED, POLICED_MASQ):
        fx.policy(index)
        with Elder(fx, index, "from_vm") as elder:
            for l4 in openings():
                assert elder.is_asked(from_vm(l4, index), index), l4
            assert not fx.connections(index)
            fx.policy(index, fx.row(0, egress=True))
            for l4 in openings():
                assert not elder.is_asked(from_vm(l4, index), index), l4
            assert len(fx.connections(index)) == 3
    for index in (PORTS, POLICED, POLICED_MASQ):
        with Elder(fx, index, "from_vm") as elder:
            frame = from_vm(UDP(dport=5000) / Raw(bytes(1200)), index)
            assert elder.is_asked(later_fragment(frame), index)


def test_each_program_asks_its_own_elder(fx):
    for index in (POLICED, POLICED_MASQ):
        fx.policy(index)
        for way, make in (("to_vm", to_vm), ("from_vm", from_vm)):
            for other in set(SLOTS.values()):
                with Elder(fx, index, way) as elder:
                    mine = SLOTS[elder.program]
                    elder.dp.delete("bl_elders", mine.to_bytes(4, "little"))
                    elder.dp.update("bl_elders", other, struct.pack("<i", elder.fd))
                    asked = elder.is_asked(make(openings()[0], index), index)
                    elder.dp.delete("bl_elders", other.to_bytes(4, "little"))
                    assert asked == (other == mine), (elder.program, other)


# ---- connections that are put back ------------------------------------------------------------------

def restore(fx, index, entry):
    """Hands the entry to the program as the agent does."""
    value = Value(fx.btf, "bl_ct_entry")
    for name, member in entry.items():
        value.set(name, address(member) if name == "remote" else
                  struct.pack(">H", member) if name.endswith("_port") else member)
    code, _, _ = fx.dp.run("bl_ct_restore", struct.pack("<II", index, 0) + bytes(value.raw))
    assert code == 0, "not put back: %d" % code


def lasting(fx):
    """An expiry that the programs give to what passes now."""
    forwarded(fx.to_vm(to_vm(UDP(sport=9, dport=9), MASQ), MASQ))
    return max(entry["expires"] for entry in fx.connections(MASQ))


def question(fx, **members):
    return {"remote": WORLD4, "remote_port": 53, "local_port": 1025, "protocol": 17, "owner": GUEST,
            "state": BY_VM, "expires": lasting(fx), **members}


def test_a_connection_that_was_put_back_is_known(fx):
    reply = to_vm(UDP(sport=53, dport=1025), PORTS)
    passed(fx.to_vm(reply, PORTS), "PORT_CLOSED")
    restore(fx, PORTS, question(fx, epoch=3, counter=4))
    forwarded(fx.to_vm(reply, PORTS))
    (entry,) = fx.connections(PORTS)
    assert (entry["state"], entry["epoch"], entry["counter"]) == (BY_VM, 3, 4), entry


def test_a_connection_that_is_there_stays(fx):
    restore(fx, PORTS, question(fx, epoch=3))
    restore(fx, PORTS, question(fx, epoch=5))
    assert [entry["epoch"] for entry in fx.connections(PORTS)] == [3]


def test_what_has_ended_is_not_put_back(fx):
    restore(fx, PORTS, question(fx, expires=1))
    assert not fx.connections(PORTS)
