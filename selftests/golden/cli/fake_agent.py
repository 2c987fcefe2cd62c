# SPDX-License-Identifier: Apache-2.0
"""An agent for tests of the command: speaks rpc.h's framing and answers from a script.

A script is a list of steps, one per expected call, in any order:
  {"method", "params": what the call must hold, "events": [...], "result" | "error", "fd": text,
   "close": true, "hold": true, "optional": true}
"fd" hands out a file with that text ("log": one that is called so beside the socket), "received" and
"bytes" are the text and the size of a file that must come along, "stream" hands out a socket that
greets with that text, "hold" never answers, "close" drops the connection,
an "optional" call need not come.
An unexpected call fails with a message that shows it.
"""
import array
import contextlib
import json
import os
import socket
import struct
import tempfile
import threading


def send(conn, message, fds=()):
    body = json.dumps(message).encode()
    data = struct.pack("!I", len(body)) + body
    if fds:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        sent = conn.sendmsg([data], rights)
        data = data[sent:]
    conn.sendall(data)


class Reader:
    def __init__(self, conn):
        self.conn, self.data, self.fds = conn, b"", []

    def fill(self, count):
        while len(self.data) < count:
            data, ancillary, _, _ = self.conn.recvmsg(65536, socket.CMSG_SPACE(8 * 4))
            if not data:
                raise EOFError
            self.data += data
            for level, kind, raw in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds = array.array("i")
                    fds.frombytes(raw[: len(raw) - len(raw) % fds.itemsize])
                    self.fds += fds
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def message(self):
        (length,) = struct.unpack("!I", self.fill(4))
        return json.loads(self.fill(length))


def holds(params, wanted):
    """Every member of wanted is in params."""
    if isinstance(wanted, dict):
        return isinstance(params, dict) and all(
            k in params and holds(params[k], v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return isinstance(params, list) and len(params) == len(wanted) and all(
            holds(p, w) for p, w in zip(params, wanted))
    return params == wanted


class Agent(threading.Thread):
    def __init__(self, path, steps):
        super().__init__(daemon=True)
        self.steps = list(steps)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen()

    def run(self):
        while True:
            conn, _ = self.listener.accept()
            try:
                self.serve(conn)
            except (EOFError, ConnectionError):
                pass
            conn.close()

    def find(self, message):
        for step in self.steps:
            if step["method"] == message["method"] and holds(message.get("params", {}),
                                                             step.get("params", {})):
                self.steps.remove(step)
                return step
        return None

    def serve(self, conn):
        reader = Reader(conn)
        hello = {"program": "beeline-agent", "protocol": 1, "version": "0.1.0"}
        send(conn, {"hello": hello})
        while True:
            message = reader.message()
            if "method" not in message:
                continue
            step = self.find(message)
            if step is None:
                text = "unexpected call: " + json.dumps(message, sort_keys=True)
                send(conn, {"id": message["id"], "error": {"code": -5, "message": text}})
                continue
            if step.get("close"):
                return
            self.answer(conn, message["id"], step, reader.fds)
            reader.fds = []

    def answer(self, conn, call, step, received):
        for event in step.get("events", []):
            send(conn, {"id": call, "event": event})
        if step.get("hold"):
            return
        if "error" in step:
            send(conn, {"id": call, "error": step["error"]})
            return
        result = step.get("result", {})
        if "received" in step:  # the text of the descriptor that came along
            with os.fdopen(received[0]) as file:
                text = file.read()
            if text != step["received"]:
                send(conn, {"id": call, "error": {"code": -5, "message": f"received {text!r}"}})
                return
        if "bytes" in step and os.fstat(received[0]).st_size != step["bytes"]:
            send(conn, {"id": call, "error": {"code": -5, "message": "another size was received"}})
            return
        if "log" in step:
            path = os.path.join(os.path.dirname(self.listener.getsockname()), "log")
            with open(path, "w+") as file:
                file.write(step["log"])
                file.flush()
                file.seek(0)
                send(conn, {"id": call, "result": result}, [file.fileno()])
        elif "fd" in step:
            with tempfile.TemporaryFile() as file:
                file.write(step["fd"].encode())
                file.seek(0)
                send(conn, {"id": call, "result": result}, [file.fileno()])
        elif "stream" in step:  # a socket that greets, echoes a line, and closes
            ours, theirs = socket.socketpair()
            send(conn, {"id": call, "result": result}, [theirs.fileno()])
            theirs.close()
            ours.sendall(step["stream"].encode())
            threading.Thread(target=self.echo, args=(ours,), daemon=True).start()
        else:
            send(conn, {"id": call, "result": result})

    @staticmethod
    def echo(sock):
        line = b""
        with sock, contextlib.suppress(ConnectionError):
            while not line.endswith(b"\n"):
                data = sock.recv(4096)
                if not data:
                    return
                line += data
            sock.sendall(b"heard: " + line)
