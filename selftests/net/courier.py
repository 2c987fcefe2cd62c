# SPDX-License-Identifier: Apache-2.0
"""Single packets between network namespaces, and what becomes of each: it arrives, or an agent tells that
it dropped it. Every packet carries a number of its own, by which it is known again however it was
translated on its way.
"""
import json
import os
import selectors
import socket
import struct
import subprocess
import time

from scapy.all import (GRE, ICMP, IP, SCTP, TCP, UDP, ICMPv6Unknown, IPv6, Raw, SCTPChunkInit, raw)

from talk import enter

PATIENCE_S = 20  # with what is sure to come; hundreds of packets may have to be waited for in vain
ETH_P_ALL = 3
PACKET_OUTGOING = 4
IPV6_HDRINCL = 36
PORT_FIRST, PORTS = 20000, 40000
MARK = struct.Struct("!8sI")
MAGIC = b"\x00beeline"
NUMBERS = {"ICMP": 1, "IGMP": 2, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "ICMPv6": 58, "SCTP": 132}
ICMPV6_INFORMS = 128  # from here on; what is below is an error
ECHO_REQUEST = {4: 8, 6: 128}


def protocol_number(protocol):
    """Of a number, or a name; monitor has one for each number."""
    text = str(protocol).removeprefix("IP ")
    return int(text) if text.isdigit() else NUMBERS.get(text)


def source_port(n):
    return PORT_FIRST + n % PORTS


def quoted(family, source, destination):
    """What an ICMP error is about: a datagram that came from where it goes, and of which nobody knows."""
    header = IP(src=destination, dst=source) if family == 4 else IPv6(src=destination, dst=source)
    return raw(header / UDP(sport=9, dport=9))


def build(family, source, destination, flow, n):
    """The first packet of a connection of its own, whole."""
    mark = MARK.pack(MAGIC, n)
    ports = {"sport": source_port(n), "dport": flow.get("dport")}
    kind = flow.get("icmpType", ECHO_REQUEST[family])
    protocol = protocol_number(flow["protocol"])
    header = IP(src=source, dst=destination, proto=protocol) if family == 4 else \
        IPv6(src=source, dst=destination, nh=protocol)
    upper = {
        1: lambda: ICMP(type=kind, id=n & 0xFFFF) / Raw(mark),
        6: lambda: TCP(flags="S", **ports) / Raw(mark),
        17: lambda: UDP(**ports) / Raw(mark),
        47: lambda: GRE(proto=0x88B5) / Raw(mark),
        58: lambda: ICMPv6Unknown(type=kind, msgbody=(struct.pack("!HH", n & 0xFFFF, 1) if kind >= ICMPV6_INFORMS
                                                      else bytes(4) + quoted(6, source, destination)) + mark),
        132: lambda: SCTP(**ports) / SCTPChunkInit(init_tag=1, a_rwnd=65535) / Raw(mark),
    }.get(protocol, lambda: Raw(struct.pack("!II", n, 1) + mark))
    return raw(header / upper())


def number_in(data):
    at = data.find(MAGIC)
    return MARK.unpack_from(data, at)[1] if 0 <= at <= len(data) - MARK.size else None


class Watch:
    """What an agent tells of packets, line by line."""

    def __init__(self, program, agent_socket):
        self.process = subprocess.Popen([program, "monitor", "-o", "json", "--sample", "1"],
                                        env=os.environ | {"BEELINE_SOCKET": agent_socket},
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.rest = b""
        os.set_blocking(self.process.stdout.fileno(), False)

    def take(self):
        *lines, self.rest = (self.rest + self.process.stdout.read()).split(b"\n")
        return [json.loads(line) for line in lines]

    def end(self):
        self.process.kill()
        self.process.wait()


class Courier:
    def __init__(self, program, agent_sockets, namespaces):
        self.senders, self.arrived, self.told, self.n = {}, set(), [], 0
        self.selector = selectors.DefaultSelector()
        for netns in namespaces:
            self.listen(netns)
        self.watches = [Watch(program, path) for path in agent_sockets]
        for watch in self.watches:
            self.selector.register(watch.process.stdout, selectors.EVENT_READ,
                                   lambda _, watch=watch: self.told.extend(watch.take()))

    def listen(self, netns):
        enter(netns)
        line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        line.setblocking(False)
        self.selector.register(line, selectors.EVENT_READ, lambda line: self.receive(line, netns))

    def receive(self, line, netns):
        data, sender = line.recvfrom(2048)
        if sender[2] != PACKET_OUTGOING:
            self.arrived.add((netns, number_in(data)))

    def sender(self, netns, family):
        if (netns, family) not in self.senders:
            enter(netns)
            line = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_RAW,
                                 socket.IPPROTO_RAW)
            if family == 6:
                line.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
            self.senders[netns, family] = line
        return self.senders[netns, family]

    def send(self, netns, family, source, destination, flow):
        """The packet's number."""
        self.n += 1
        self.told.clear()
        packet = build(family, source, destination, flow, self.n)
        self.sender(netns, family).sendto(packet, (destination, 0))
        return self.n

    def wait(self, is_over, patience_s):
        """Until it says so, by what comes in; or in vain."""
        end = time.monotonic() + patience_s
        while not is_over() and time.monotonic() < end:
            for key, _ in self.selector.select(max(0, end - time.monotonic())):
                key.data(key.fileobj)
        return is_over()

    def end(self):
        for watch in self.watches:
            watch.end()
