#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two stacks talk: both ends of a connection in one process, each socket in its own namespace.

    talk.py tcp     FROM TO ADDRESS [BYTES]   BYTES each way, compared
    talk.py udp     FROM TO ADDRESS [--no-checksum]   datagrams of many sizes, echoed, compared
    talk.py refused FROM ADDRESS              a datagram to a closed port: the ICMP error arrives
    talk.py resumed FROM TO ADDRESS COMMAND...    a connection that idles while the command runs goes
                                              on after it, TO speaking first
    talk.py revoked FROM TO ADDRESS COMMAND...    after the command neither end of a connection hears the
                                              other any more
    talk.py silent  FROM ADDRESS              nothing answers a connection attempt, not even a RST

FROM and TO are network namespaces; ADDRESS is how FROM calls TO, on --port.
"""
import argparse
import ctypes
import errno
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

PATIENCE_S = 60  # with what is sure to come
SILENCE_S = 0.4  # far more than an answer takes where nothing else goes on
CLONE_NEWNET = 0x40000000
SO_NO_CHECK = 11
UDP_NO_CHECK6_RX, UDP_NO_CHECK6_TX = 102, 101
# struct tcp_info: its length up to and with tcpi_total_retrans; tcpi_unacked, tcpi_total_retrans
TCP_INFO_BYTES, TCP_INFO_WANTED = 104, (24, 100)
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


def connect(args):
    """Both ends of a connection: the client's and the server's."""
    family = family_of(args.address)
    listener = socket_in(args.to, family, socket.SOCK_STREAM)
    listener.bind(("", args.port))
    listener.listen(1)
    client = socket_in(args.source, family, socket.SOCK_STREAM)
    client.connect((args.address, args.port))
    server, _ = listener.accept()
    server.settimeout(PATIENCE_S)
    return client, server


def tcp(args):
    data = random.randbytes(args.bytes)
    client, server = connect(args)
    other = threading.Thread(target=exchange, args=(server, data, "the server"))
    other.start()
    exchange(client, data, "the client")
    other.join()


def segments(sender):
    """How many are on their way, and how many had to be sent once more until now."""
    info = sender.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    return (struct.unpack_from("I", info, at)[0] for at in TCP_INFO_WANTED)


def send_to_its_fate(sender, data):
    """Until it is acknowledged, which is True, or had to be sent once more."""
    _, before = segments(sender)
    sender.sendall(data)
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        unacked, total_retrans = segments(sender)
        if total_retrans > before or not unacked:
            return not unacked
        time.sleep(0.01)
    raise TimeoutError("a segment is neither acknowledged nor sent again")


def resumed(args):
    client, server = connect(args)
    ask, answer = b"are you still there?", b"yes"
    subprocess.run(args.command, check=True, stdout=subprocess.DEVNULL)
    send_to_its_fate(server, ask)
    client.sendall(answer)
    if receive(server, len(answer)) != answer or receive(client, len(ask)) != ask:
        raise ValueError("other bytes arrived than were sent")


def revoked(args):
    client, server = connect(args)
    for end, other in ((client, server), (server, client)):
        end.sendall(b"?")
        receive(other, 1)
    subprocess.run(args.command, check=True, stdout=subprocess.DEVNULL)
    for sender, name in ((client, "client"), (server, "server")):
        if send_to_its_fate(sender, b"!"):
            raise ValueError(f"the {name} is still heard")


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
    client.settimeout(SILENCE_S)
    code = client.connect_ex((args.address, args.port))
    if code not in (errno.EAGAIN, errno.ETIMEDOUT):
        raise ValueError(f"connecting ended with: {os.strerror(code) if code else 'success'}")


def arguments():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    for function in (tcp, udp, resumed, revoked, refused, silent):
        verb = verbs.add_parser(function.__name__)
        verb.set_defaults(function=function)
        verb.add_argument("source")
        if function in (tcp, udp, resumed, revoked):
            verb.add_argument("to")
        verb.add_argument("address")
        if function is tcp:
            verb.add_argument("bytes", type=int, nargs="?", default=2 << 20)
        if function is udp:
            verb.add_argument("--no-checksum", action="store_true")
        if function in (resumed, revoked):
            verb.add_argument("command", nargs="+")
        verb.add_argument("--port", type=int, default=7777)
    return parser.parse_args()


def main():
    args = arguments()
    try:
        args.function(args)
    except (OSError, EOFError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"{args.function.__name__}: {error}")


if __name__ == "__main__":
    main()
