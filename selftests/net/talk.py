#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two stacks talk: both ends of a connection in one process, each socket in its own namespace.

    talk.py tcp     FROM TO ADDRESS [BYTES]   BYTES each way, compared
    talk.py udp     FROM TO ADDRESS [--no-checksum]   datagrams of many sizes, echoed, compared
    talk.py refused FROM ADDRESS              a datagram to a closed port: the ICMP error arrives
    talk.py silent  FROM ADDRESS              nothing answers a connection attempt, not even a RST

FROM and TO are network namespaces; ADDRESS is how FROM calls TO, on --port.
"""
import argparse
import ctypes
import errno
import os
import random
import socket
import sys
import threading

PATIENCE_S = 10
CLONE_NEWNET = 0x40000000
SO_NO_CHECK = 11
UDP_NO_CHECK6_RX, UDP_NO_CHECK6_TX = 102, 101
libc = ctypes.CDLL(None, use_errno=True)


def enter(netns):
    with open(f"/run/netns/{netns}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def socket_in(netns, family, kind):
    """A socket keeps the namespace that it was made in."""
    enter(netns)
    made = socket.socket(family, kind)
    made.settimeout(PATIENCE_S)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bind(server, address, port):
    """To the address that the client calls, so that answers come from it; behind masquerade to all."""
    try:
        server.bind((address, port))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        server.bind(("", port))


def receive(connection, n):
    got = bytearray()
    while len(got) < n:
        chunk = connection.recv(min(n - len(got), 1 << 20))
        if not chunk:
            raise EOFError(f"connection ended after {len(got)} of {n} bytes")
        got += chunk
    return bytes(got)


def exchange(connection, data, what):
    """Sends data while the same comes in."""
    sender = threading.Thread(target=connection.sendall, args=(data,), daemon=True)
    sender.start()
    if receive(connection, len(data)) != data:
        raise ValueError(f"{what} got other bytes than were sent")
    sender.join()


def tcp(args):
    family = family_of(args.address)
    data = random.randbytes(args.bytes)
    listener = socket_in(args.to, family, socket.SOCK_STREAM)
    listener.bind(("", args.port))
    listener.listen(1)
    client = socket_in(args.source, family, socket.SOCK_STREAM)
    client.connect((args.address, args.port))
    server, _ = listener.accept()
    server.settimeout(PATIENCE_S)
    other = threading.Thread(target=exchange, args=(server, data, "the server"))
    other.start()
    exchange(client, data, "the client")
    other.join()


def without_checksum(sender, family):
    if family == socket.AF_INET:
        sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    else:
        sender.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_TX, 1)
        sender.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)


def udp(args):
    family = family_of(args.address)
    server = socket_in(args.to, family, socket.SOCK_DGRAM)
    client = socket_in(args.source, family, socket.SOCK_DGRAM)
    bind(server, args.address, args.port)
    client.connect((args.address, args.port))
    if args.no_checksum:
        without_checksum(server, family)
        without_checksum(client, family)
    for size in (0, 1, 2, 3, 17, 512, 1200, 1301):
        data = random.randbytes(size)
        client.send(data)
        got, peer = server.recvfrom(65536)
        server.sendto(got, peer)
        if got != data or client.recv(65536) != data:
            raise ValueError(f"a datagram of {size} bytes changed on its way")


def refused(args):
    client = socket_in(args.source, family_of(args.address), socket.SOCK_DGRAM)
    client.connect((args.address, args.port))
    client.send(b"is anybody there?")
    try:
        client.recv(1)
    except ConnectionRefusedError:
        return
    raise ValueError("somebody answered")


def silent(args):
    client = socket_in(args.source, family_of(args.address), socket.SOCK_STREAM)
    client.settimeout(1)
    code = client.connect_ex((args.address, args.port))
    if code not in (errno.EAGAIN, errno.ETIMEDOUT):
        raise ValueError(f"connecting ended with: {os.strerror(code) if code else 'success'}")


def arguments():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for function in (tcp, udp, refused, silent):
        verb = verbs.add_parser(function.__name__)
        verb.set_defaults(function=function)
        verb.add_argument("source")
        if function in (tcp, udp):
            verb.add_argument("to")
        verb.add_argument("address")
        if function is tcp:
            verb.add_argument("bytes", type=int, nargs="?", default=2 << 20)
        if function is udp:
            verb.add_argument("--no-checksum", action="store_true")
        verb.add_argument("--port", type=int, default=7777)
    return parser.parse_args()


def main():
    args = arguments()
    try:
        args.function(args)
    except (OSError, EOFError, ValueError) as error:
        sys.exit(f"{args.function.__name__}: {error}")


if __name__ == "__main__":
    main()
