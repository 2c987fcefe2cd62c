# SPDX-License-Identifier: Apache-2.0
"""Connections that are taken out on demand: what lives on is judged anew, and nobody else is touched."""

import struct
import threading

from scapy.all import TCP, UDP

from fixture import *
from test_policy import BOTH, FRIEND, OUT, ack, from_vm, known, syn, to_vm

DONE, BUSY, ABSENT = range(3)  # enum bl_ct_outcome
CLAIMED = 0xFFFFFFFF
ROUNDS = 2000


def order(index, entry):
    """An entry as connections() has it, as bl_ct_forget and bl_ct_restore take it."""
    return struct.pack("<II", index, 0) + CT_ENTRY.pack(*entry.values())


def forget(fx, index, entry):
    return fx.dp.run("bl_ct_forget", order(index, entry))[0]


def forget_all(fx, index):
    for entry in fx.connections(index):
        assert forget(fx, index, entry) == DONE, entry
    assert not fx.connections(index)


def test_what_was_forgotten_is_judged_anew(fx):
    known(fx)
    for index in BOTH:
        for family in (4, 6):
            fx.policy(index, fx.row(FRIEND, OUT))
            forwarded(fx.from_vm(from_vm(index, syn(), family=family), index))
            forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA"), family=family), index))
            forget_all(fx, index)
            # whoever speaks first is whom policy is asked about
            dropped(fx.to_vm(to_vm(ack(80, 1025), family=family), index), "POLICY")
            forwarded(fx.from_vm(from_vm(index, ack(), family=family), index))
            forwarded(fx.to_vm(to_vm(ack(80, 1025), family=family), index))
            fx.policy(index, fx.row(FRIEND, OUT, deny=True))
            forget_all(fx, index)
            dropped(fx.from_vm(from_vm(index, ack(), family=family), index), "POLICY_DENY")


def test_replies_of_what_was_forgotten_wait_for_the_guest(fx):
    """Behind masquerade with ports: the pod, which knows of nothing, must not end it."""
    forwarded(fx.from_vm(from_vm(PORTS, syn()), PORTS))
    forwarded(fx.to_vm(to_vm(ack(80, 1025, "SA")), PORTS))
    forget_all(fx, PORTS)
    dropped(fx.to_vm(to_vm(ack(80, 1025)), PORTS), "UNKNOWN_CT")
    forwarded(fx.from_vm(from_vm(PORTS, ack()), PORTS))
    forwarded(fx.to_vm(to_vm(ack(80, 1025)), PORTS))


def test_nobody_else_is_forgotten(fx):
    for sport in range(2000, 2030):
        forwarded(fx.from_vm(from_vm(PORTS, UDP(sport=sport, dport=53)), PORTS))
    before = fx.connections(PORTS)
    assert forget(fx, PORTS, before[7]) == DONE
    assert fx.connections(PORTS) == before[:7] + before[8:]
    assert forget(fx, PORTS, before[7]) == ABSENT
    assert forget(fx, MASQ, before[8]) == ABSENT
    assert fx.connections(PORTS) == before[:7] + before[8:]


def test_what_somebody_writes_is_left_alone(fx):
    """A claimed entry is nobody's yet; one that is freed has no epoch, should it be brought back."""
    known(fx)
    fx.policy(POLICED, fx.row(FRIEND, OUT))
    forwarded(fx.from_vm(from_vm(POLICED, syn()), POLICED))
    (entry,) = fx.connections(POLICED)
    at = place(fx, POLICED, entry)
    write(fx, POLICED, at, dict(entry, expires=CLAIMED))
    assert forget(fx, POLICED, entry) == ABSENT
    assert read(fx, POLICED, at) == dict(entry, expires=CLAIMED)
    write(fx, POLICED, at, entry)
    assert entry["epoch"] and forget(fx, POLICED, entry) == DONE
    assert read(fx, POLICED, at) == dict(entry, expires=0, epoch=0)


# ---- entries by their place -------------------------------------------------------------------------

def ways(fx, index, key):
    return fx.dp.inner_lookup("bl_conntrack", index, key, 128)


def place(fx, index, entry):
    """(set, offset) of an entry."""
    raw_entry = CT_ENTRY.pack(*entry.values())
    return next((key, at) for key in range(CT_SETS) for at in (0, 40, 80)
                if ways(fx, index, key)[at:at + 40] == raw_entry)


def read(fx, index, at):
    return dict(zip(CT_MEMBERS, CT_ENTRY.unpack_from(ways(fx, index, at[0]), at[1])))


def write(fx, index, at, entry):
    value = bytearray(ways(fx, index, at[0]))
    value[at[1]:at[1] + 40] = CT_ENTRY.pack(*entry.values())
    fx.dp.inner_write("bl_conntrack", index, at[0], bytes(value))


# ---- beside a datapath at work ----------------------------------------------------------------------

def open_one(fx, sport):
    forwarded(fx.from_vm(from_vm(PORTS, UDP(sport=sport, dport=53)), PORTS))
    (entry,) = fx.connections(PORTS)
    key, _ = place(fx, PORTS, entry)
    assert forget(fx, PORTS, entry) == DONE
    return key, entry


def neighbours(fx, n):
    """Connections that stand in one set."""
    sets = {}
    for sport in range(3000, 3400):
        key, entry = open_one(fx, sport)
        sets.setdefault(key, []).append((sport, entry))
        if len(sets[key]) == n:
            return sets[key]
    raise AssertionError("no set has %d" % n)


class Forgetter(threading.Thread):
    """Puts a connection back and takes it out, for ever."""

    def __init__(self, fx, entry):
        super().__init__()
        self.fx, self.order, self.done, self.times = fx, order(PORTS, entry), False, 0

    def run(self):
        while not self.done:
            self.fx.dp.run("bl_ct_restore", self.order)
            self.fx.dp.run("bl_ct_forget", self.order)
            self.times += 1


def test_a_neighbour_that_comes_meanwhile_stays(fx):
    """A set is no unit: whose way lies beside the freed one is known at once and stays known."""
    (_, other), (sport, entry) = neighbours(fx, 2)
    there = raw(from_vm(PORTS, UDP(sport=sport, dport=53) / b"q"))
    back = raw(to_vm(UDP(sport=53, dport=sport) / b"a"))
    forgetter = Forgetter(fx, other)
    forgetter.start()
    try:
        for _ in range(ROUNDS):
            # a way that both want goes to one of them; the next packet tries again
            while fx.dp.run("bl_masq_from_vm", there, PORTS) and not known_to(fx, entry):
                pass
            code, _, _ = fx.dp.run("bl_masq_to_vm", back, PORTS)
            assert code == REDIRECT, "a connection was lost"
            while forget(fx, PORTS, entry) == BUSY:
                pass
    finally:
        forgetter.done = True
        forgetter.join()
    assert forgetter.times > ROUNDS // 10, forgetter.times


def known_to(fx, entry):
    return any(found["local_port"] == entry["local_port"] for found in fx.connections(PORTS))
