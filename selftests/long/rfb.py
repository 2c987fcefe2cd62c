# SPDX-License-Identifier: Apache-2.0
"""A small VNC client by RFC 6143: looks at a screen and types. Not fast, and that is all it does."""
import socket
import struct

from node import Failed

RAW = 0
DESKTOP_SIZE = -223
RETURN = 0xff0d


class Screen:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.socket.makefile("rb")
        self._shake_hands()
        self.width, self.height, self.pixel, length = struct.unpack("!HH16sI", self._take(24))
        self.name = self._take(length).decode()
        self.image = bytearray(self.width * self.height * 4)
        self.socket.sendall(struct.pack("!BxHii", 2, 2, RAW, DESKTOP_SIZE))

    def _take(self, n):
        data = self.file.read(n)
        if len(data) != n:
            raise Failed(f"the screen has ended after {len(data)} of {n} bytes")
        return data

    def _shake_hands(self):
        version = self._take(12)
        if version != b"RFB 003.008\n":
            raise Failed(f"the server speaks {version!r}")
        self.socket.sendall(version)
        kinds = self._take(self._take(1)[0])
        if 1 not in kinds:
            raise Failed(f"no way in without a password: {list(kinds)}")
        self.socket.sendall(b"\x01")
        if self._take(4) != bytes(4):
            raise Failed("the server lets nobody in")
        self.socket.sendall(b"\x01")

    def _rectangle(self):
        x, y, width, height, kind = struct.unpack("!HHHHi", self._take(12))
        if kind == DESKTOP_SIZE:
            self.width, self.height = width, height
            self.image = bytearray(width * height * 4)
        elif kind == RAW:
            for line in range(y, y + height):
                at = (line * self.width + x) * 4
                self.image[at:at + width * 4] = self._take(width * 4)
        else:
            raise Failed(f"a rectangle of the kind {kind}, which nobody asked for")

    def update(self, incremental=False):
        """Asks for what the screen shows, or for what changes next; how many rectangles came."""
        self.socket.sendall(struct.pack("!BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        while (message := self._take(1)[0]) != 0:
            if message == 2:  # the bell
                continue
            raise Failed(f"a message of the type {message}, which nobody asked for")
        _, count = struct.unpack("!BH", self._take(3))
        for _ in range(count):
            self._rectangle()
        return count

    def colours(self):
        return {bytes(self.image[at:at + 4]) for at in range(0, len(self.image), 4)}

    def type(self, text):
        for key in [*map(ord, text), RETURN]:
            for down in (1, 0):
                self.socket.sendall(struct.pack("!BBxxI", 4, down, key))

    def close(self):
        self.file.close()
        self.socket.close()
