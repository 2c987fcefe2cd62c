# SPDX-License-Identifier: Apache-2.0
"""A guest as seen through its serial console, by `beeline console` between pipes."""
import itertools
import os
import re
import subprocess
import threading

from node import BEELINE, Failed, last_line

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|\r")


class Guest:
    marks = itertools.count(1)  # over all consoles: a new one first repeats what was printed last

    def __init__(self, node, name):
        self.node = node
        self.name = name
        self.address4 = self.address6 = None
        self.connect()

    def connect(self):
        self.text = ""
        self.changed = threading.Condition()
        self.console = subprocess.Popen(
            [BEELINE, "console", self.name, "-n", self.node.namespace], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.node.environment())
        threading.Thread(target=self._read, args=(self.console,), daemon=True).start()

    def _read(self, console):
        while data := os.read(console.stdout.fileno(), 4096):
            with self.changed:
                self.text += COLOURS.sub("", data.decode(errors="replace"))
                self.changed.notify_all()
        with self.changed:
            self.text += "\n(the console has ended)\n"
            self.changed.notify_all()

    def wait_for(self, pattern, timeout=60):
        """Until the console has printed it; takes everything up to there off the text."""
        with self.changed:
            found = None

            def printed():
                nonlocal found
                found = re.search(pattern, self.text, re.S)
                return found

            if not self.changed.wait_for(printed, timeout):
                raise Failed(f"{self.name}'s console does not say '{pattern}' within {timeout} s; "
                             f"last: {last_line(self.text)}")
            self.text = self.text[found.end():]
            return found

    def wait_ready(self, timeout=240):
        """Until the guest has an address of each family."""
        ready = self.wait_for(r"is ready: eth0 (\d[0-9.]+)/\d+ ([0-9a-f:]+)/\d+\n", timeout)
        self.address4, self.address6 = ready.group(1), ready.group(2)

    def run(self, command, timeout=60):
        """Runs a command in the root shell of the console; what it prints, or Failed.

        The marks are computed by the guest's shell, so that its echo does not look like them."""
        n = next(self.marks)
        line = f"echo @$(({n}+0))+; {command}; echo @$(({n}+0))-$?\r"
        self.type(line)
        found = self.wait_for(rf"@{n}\+\n(.*?)@{n}-(\d+)\n", timeout)
        if found.group(2) != "0":
            raise Failed(f"in {self.name}: {command}: {last_line(found.group(1))}")
        return found.group(1).strip()

    def type(self, text):
        self.console.stdin.write(text.encode())
        self.console.stdin.flush()

    def log_in(self, user, password):
        """Where the seed has set a password, the console asks for it."""
        self.wait_for("login: ")
        self.type(f"{user}\r")
        self.wait_for("Password: ")
        self.type(f"{password}\r")
        self.wait_for(f"{user}@[^#]*# ")

    def boot_id(self):
        return self.run("cat /proc/sys/kernel/random/boot_id")

    def close(self):
        self.console.kill()
        self.console.wait()
