#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flood.py NETNS KIND FLOWS SOURCE DESTINATION PORT: FLOWS packets, each of a TCP connection of its own, which
nobody has opened before: of KIND syn those that open one, of KIND ack those that go on with one. SOURCE may
be a prefix, which is gone through.
"""
import ipaddress
import socket
import struct
import sys

from scapy.all import IP, TCP, IPv6, raw

from courier import IPV6_HDRINCL
from talk import enter

PORT_FIRST, PORTS = 1024, 60000
FLAGS = {"syn": "S", "ack": "A"}


def patched(packet, offset, before, after):
    """With another 16-bit word in TCP's header, and the checksum that follows (RFC 1624)."""
    checksum_at = offset + 16
    checksum, = struct.unpack_from("!H", packet, checksum_at)
    total = (~checksum & 0xFFFF) + (~before & 0xFFFF) + after
    total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", packet, checksum_at, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
    struct.pack_into("!H", packet, offset, after)


def main():
    netns, kind, flows, sources, destination, port = sys.argv[1:]
    enter(netns)
    is_v6 = ":" in destination
    line = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    if is_v6:
        line.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
    sources = list(ipaddress.ip_network(sources))
    left = int(flows)
    for source in sources:
        header = (IPv6 if is_v6 else IP)(src=str(source), dst=destination)
        packet = bytearray(raw(header / TCP(sport=PORT_FIRST, dport=int(port), flags=FLAGS[kind])))
        offset = len(packet) - 20
        for sport in range(PORT_FIRST, PORT_FIRST + min(PORTS, -(-int(flows) // len(sources)), left)):
            patched(packet, offset, struct.unpack_from("!H", packet, offset)[0], sport)
            line.sendto(packet, (destination, 0))
            left -= 1


if __name__ == "__main__":
    sys.exit(main())
