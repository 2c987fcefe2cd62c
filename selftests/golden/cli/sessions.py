# SPDX-License-Identifier: Apache-2.0
"""What a case file cannot say: terminals, signals, and downloads, against a fake agent.

Usage: sessions.py BEELINE
"""
import contextlib
import fcntl
import http.server
import os
import pathlib
import pty
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

sys.dont_write_bytecode = True
from fake_agent import Agent  # noqa: E402

MANIFEST = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: vm-01}\n" \
           "spec: {runStrategy: Always}\n"
PATIENCE_S = 30


class Session:
    """A fake agent and one run of the command, on a terminal of its own or on pipes."""

    def __init__(self, program, args, steps, terminal=False, files=()):
        self.folder = tempfile.TemporaryDirectory(prefix="beeline-session-")
        for name, text in dict(files).items():
            pathlib.Path(self.folder.name, name).write_text(text)
        path = self.folder.name + "/agent.sock"
        Agent(path, steps).start()
        self.env = {"PATH": os.environ["PATH"], "BEELINE_SOCKET": path, "TERM": "xterm",
                    "HOME": self.folder.name}
        self.args = [os.path.abspath(program)] + [a.replace("{}", self.folder.name) for a in args]
        self.master = self.slave = None
        if terminal:
            self.master, self.slave = pty.openpty()
            self.before = termios.tcgetattr(self.slave)
        end = self.slave if terminal else subprocess.PIPE
        self.process = subprocess.Popen(self.args, stdin=end, stdout=end, stderr=end, env=self.env,
                                        start_new_session=True)
        self.seen = b""

    def expect(self, text):
        """Reads until text has come; the command's end or the watchdog ends the waiting."""
        fd = self.master if self.master is not None else self.process.stderr.fileno()
        while text not in self.seen:
            data = os.read(fd, 4096)
            assert data, f"{text!r} did not come, only {self.seen!r}"
            self.seen += data

    def type(self, data):
        os.write(self.master, data)

    def wait(self):
        return self.process.wait(timeout=PATIENCE_S)

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)
        self.folder.cleanup()


CONSOLE = [{"method": "console", "stream": "login: "}]
WAITING = [{"method": "apply", "result": {"results": []}},
           {"method": "watch", "params": {"kind": "VirtualMachineInstance"}, "hold": True,
            "events": [{"type": "ADDED", "object": {"status": {"phase": "Scheduling"}}}]},
           {"method": "watch", "params": {"kind": "VirtualMachine"}, "hold": True}]


def console_escape_restores_the_terminal(program):
    with contextlib.closing(Session(program, ["console", "vm-01"], CONSOLE, True)) as session:
        session.expect(b"login: ")
        assert session.is_raw(), "the terminal is not raw"
        session.type(b"\x1d")
        assert session.wait() == 0
        assert session.is_restored(), "the terminal was left raw"


def console_signal_restores_the_terminal(program):
    with contextlib.closing(Session(program, ["console", "vm-01"], CONSOLE, True)) as session:
        session.expect(b"login: ")
        session.process.send_signal(signal.SIGTERM)
        assert session.wait() == 1
        assert session.is_restored(), "the terminal was left raw"


def console_end_restores_the_terminal(program):
    with contextlib.closing(Session(program, ["console", "vm-01"], CONSOLE, True)) as session:
        session.expect(b"login: ")
        session.type(b"root\n")
        session.expect(b"heard: root")
        session.expect(b"The console was closed")
        assert session.wait() == 1
        assert session.is_restored(), "the terminal was left raw"


def run_interrupted_says_so(program):
    session = Session(program, ["run", "{}/vm.yaml"], WAITING, files={"vm.yaml": MANIFEST})
    with contextlib.closing(session):
        session.expect(b"Scheduling")
        session.process.send_signal(signal.SIGINT)
        session.expect(b"vm-01 goes on as it is")
        assert session.wait() == 130


def colours_only_on_a_terminal(program):
    missing = [{"method": "list", "error": {"code": -5, "message": "no"}}]
    with contextlib.closing(Session(program, ["get", "vm"], missing, True)) as session:
        session.expect(b"\x1b[31merror:")
    with contextlib.closing(Session(program, ["get", "vm"], missing)) as session:
        session.expect(b"error: no")
        assert b"\x1b" not in session.seen


def counters(seconds):
    item = {"namespace": "default", "name": "vm-01", "interface": "default", "endpoint": "e",
            "counters": {"toVm": {"bytes": 5000 * seconds}}}
    return {"method": "endpoint-counters",
            "result": {"timeNs": seconds * 10**9, "items": [item]}}


def top_session(program):
    steps = [counters(1), counters(2), {"method": "endpoint-counters", "hold": True, "optional": True}]
    return contextlib.closing(Session(program, ["top", "-d", "100ms"], steps, True))


def top_follows_the_window(program):
    with top_session(program) as session:
        session.expect(b"\x1b[?1049h")
        assert session.is_raw(), "keys are echoed"
        session.expect(b"4.9 KiB")
        fcntl.ioctl(session.slave, termios.TIOCSWINSZ, struct.pack("4H", 4, 20, 0, 0))
        session.seen = b""
        session.process.send_signal(signal.SIGWINCH)
        session.expect(b"\r\nNAMESPACE   NAME    \x1b[K\r\n\x1b[J")
        session.type(b"q")
        session.expect(b"\x1b[?25h\x1b[?1049l")
        assert session.wait() == 0
        assert session.is_restored(), "the terminal was left raw"


def top_signal_restores_the_terminal(program):
    with top_session(program) as session:
        session.expect(b"4.9 KiB")
        session.process.send_signal(signal.SIGTERM)
        session.expect(b"\x1b[?25h\x1b[?1049l")
        assert session.wait() == 0
        assert session.is_restored(), "the terminal was left raw"


def logs_follow(program):
    """What is written later comes; the end of the file's name ends the following."""
    with contextlib.closing(Session(program, ["logs", "vm-01", "-f"],
                                    [{"method": "logs", "log": "one\n"}])) as session:
        log = pathlib.Path(session.folder.name, "log")
        out = session.process.stdout
        assert out.readline() == b"one\n"
        with log.open("a") as file:
            file.write("two\n")
        assert out.readline() == b"two\n"
        log.unlink()
        assert session.wait() == 0


def vnc_is_offered_on_a_local_port(program):
    with contextlib.closing(Session(program, ["vnc", "vm-01", "--proxy-only"],
                                    [{"method": "vnc", "stream": "RFB 003.008\n"}])) as session:
        place = session.process.stdout.readline().decode().split()[-1]
        host, port = place.split(":")
        assert host == "127.0.0.1", place
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as viewer:
            greeting = viewer.makefile("rb").readline()
            assert greeting == b"RFB 003.008\n", greeting
        assert session.wait() == 0


class Server(http.server.BaseHTTPRequestHandler):
    """Gives half of the body to the first request and breaks; honours Range after that."""
    body = bytes(range(256)) * 4096
    ranges = []

    def do_GET(self):
        begin = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
        self.ranges.append(begin)
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range",
                             f"bytes {begin}-{len(self.body) - 1}/{len(self.body)}")
        self.send_header("Content-Length", str(len(self.body) - begin))
        self.end_headers()
        end = len(self.body) // 2 if len(self.ranges) == 1 else len(self.body)
        self.wfile.write(self.body[begin:end])

    def log_message(self, *args):
        pass


def download_goes_on_where_it_stopped(program):
    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/disk"
    steps = [{"method": "image-import", "params": {"name": "x", "digest": "sha256:00"},
              "bytes": len(Server.body), "result": {"image": {"name": "x", "digest": "y"}}}]
    session = Session(program, ["image", "import", "x", url, "--digest", "sha256:00"], steps)
    with contextlib.closing(session):
        assert session.wait() == 1, "half a file was taken for a whole one"
        again = subprocess.run(session.args, env=session.env, capture_output=True, check=False,
                               timeout=PATIENCE_S)
        assert again.returncode == 0, again.stderr
        assert Server.ranges == [0, len(Server.body) // 2], Server.ranges
        left = list(pathlib.Path(session.folder.name, ".cache/beeline").iterdir())
        assert not left, f"{left} stayed in the cache"
    server.shutdown()


TESTS = [console_escape_restores_the_terminal, console_signal_restores_the_terminal,
         console_end_restores_the_terminal, run_interrupted_says_so, colours_only_on_a_terminal,
         top_follows_the_window, top_signal_restores_the_terminal, logs_follow,
         vnc_is_offered_on_a_local_port, download_goes_on_where_it_stopped]


def main():
    failed = 0
    for test in TESTS:
        signal.alarm(2 * PATIENCE_S)
        try:
            test(sys.argv[1])
            print(f"ok cli/{test.__name__}", flush=True)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"not ok cli/{test.__name__}: {error!r}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
