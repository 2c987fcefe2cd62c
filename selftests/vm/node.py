# SPDX-License-Identifier: Apache-2.0
"""An agent with directories of its own, what it is told, and what it must leave behind: nothing.

Waiting is for events: the agent's log line, the lines of `beeline get -w`. Every wait has a limit.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import threading

BUILD = os.path.abspath(os.environ.get("B", "build"))
BEELINE = os.path.join(BUILD, "beeline")
AGENT = os.path.join(BUILD, "beeline-agent")
PREFIX = "/tmp/beeline-vm-"
NAMESPACE = "vmtest"
LAUNCHER, LIBVIRT, QEMU = "beeline-launche", "libvirtd", "qemu-system-x86"  # cut by the kernel


class Failed(Exception):
    """A check that does not hold; the text says why."""


class Skipped(Exception):
    """A check that cannot be made here; the text names what is missing."""


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "(it said nothing)"


def run(*command, timeout=30, **more):
    """Runs a program; its standard output, or Failed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, **more)
    except subprocess.TimeoutExpired as expired:
        raise Failed(f"{' '.join(command)}: not done after {timeout} s") from expired
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {last_line(done.stderr or done.stdout)}")
    return done.stdout


class Node:
    def __init__(self, name=None, namespace=NAMESPACE):
        name = name or str(os.getpid())
        self.namespace = namespace
        self.root = PREFIX + name
        self.state = f"{self.root}/state"
        self.run_dir = f"{self.root}/run"
        self.bpffs = f"/sys/fs/bpf/beeline-vm-{name}"
        self.socket = f"{self.root}/agent.sock"
        self.agent = None
        os.makedirs(self.root, exist_ok=True)

    # ---- the agent ------------------------------------------------------------------------------

    def start(self, timeout=60, **environment):
        """Starts the agent, which ends with this process; returns when it says that it is ready."""
        self.agent = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", AGENT, "--socket", self.socket, "--state-dir",
             self.state, "--run-dir", self.run_dir, "--bpffs", self.bpffs],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        ready = threading.Event()
        threading.Thread(target=self._keep_log, args=(self.agent, ready), daemon=True).start()
        if not ready.wait(timeout):
            raise Failed(f"the agent is not ready after {timeout} s; see {self.log}")
        if self.agent.poll() is not None:
            raise Failed(f"the agent ended: {last_line(open(self.log).read())}")

    @property
    def log(self):
        return f"{self.root}/agent.log"

    def _keep_log(self, agent, ready):
        with open(self.log, "a") as log:
            for line in agent.stderr:
                log.write(line)
                log.flush()
                if re.search(r'msg="?ready', line):
                    ready.set()
        ready.set()

    def end(self, how=signal.SIGTERM):
        if self.agent:
            self.agent.send_signal(how)
            self.agent.wait(30)
            self.agent = None

    # ---- the command ----------------------------------------------------------------------------

    def environment(self, **more):
        return {**os.environ, "BEELINE_SOCKET": self.socket, "NO_COLOR": "1", **more}

    def beeline(self, *arguments, timeout=60, environment=None, **more):
        return run(BEELINE, *arguments, timeout=timeout,
                   env=self.environment(**(environment or {})), **more)

    def vm(self, verb, *arguments, **more):
        """A verb in the tests' namespace."""
        return self.beeline(verb, "-n", self.namespace, *arguments, **more)

    def apply(self, document):
        return self.vm("apply", "-f", "-", input=json.dumps(document))

    def get(self, kind, name):
        return json.loads(self.vm("get", kind, name, "-o", "json"))

    def wait_for(self, kind, name, what, holds, timeout=120):
        """Watches an object until holds(object); returns it."""
        watch = subprocess.Popen(
            [BEELINE, "get", kind, name, "-n", self.namespace, "-w", "--ignore-not-found", "-o",
             "json"],
            stdout=subprocess.PIPE, text=True, env=self.environment())
        timer = threading.Timer(timeout, watch.kill)
        timer.start()
        try:
            for document in documents(watch.stdout):
                if holds(document):
                    return document
            raise Failed(f"{kind} {name} is not {what} after {timeout} s")
        finally:
            timer.cancel()
            watch.kill()
            watch.wait()

    def wait_running(self, name, timeout=120):
        return self.wait_for("vmi", name, "Running", lambda vmi: vmi.get("status", {}).get("phase")
                             == "Running", timeout)

    def key(self):
        """A key for guests' seeds and for ssh(): its public half."""
        if not os.path.exists(f"{self.root}/key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.root}/key")
        with open(f"{self.root}/key.pub") as file:
            return file.read()

    def ssh(self, login, *command, key="key"):
        """A command in a guest, by its address; this host's list of known hosts stays as it is."""
        return self.vm("ssh", login, "-i", f"{self.root}/{key}",
                       "-t", f"-o UserKnownHostsFile={self.root}/known_hosts",
                       "-t", "-o BatchMode=yes", "--", *command, timeout=60).strip()

    def endpoint(self, name):
        """Description and counters of a VM's endpoint."""
        return json.loads(self.beeline("endpoint", "get", f"{self.namespace}_{name}_default",
                                       "-o", "json"))

    def netns(self, name):
        return os.path.basename(self.endpoint(name)["endpoint"]["netns"])

    # ---- inside the pods -----------------------------------------------------------------------

    def sandbox(self, name):
        return f"{self.run_dir}/sandboxes/{self.netns(name)}"

    def pod_pid(self, name, program):
        """The process that runs a program in a VM's pod, its first process aside."""
        with open(f"{self.sandbox(name)}/pid") as file:
            first = file.read().strip()
        pod = os.readlink(f"/proc/{first}/ns/pid")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm") as file:
                    comm = file.read().strip()
                if comm == program and pid != first and os.readlink(f"/proc/{pid}/ns/pid") == pod:
                    return int(pid)
            except OSError:
                continue  # it has just ended
        raise Failed(f"{name}'s pod has no {program}")

    # ---- afterwards -----------------------------------------------------------------------------

    def remove(self):
        """Takes everything away, however far things had come."""
        try:
            if not self.agent or self.agent.poll() is not None:
                self.start()
            self.beeline("delete", "vm,vmi", "--all", "--all-namespaces", timeout=120)
        except (Failed, OSError) as failure:
            print(f"# cleaning {self.root}: {failure}", flush=True)
        self.end()
        shutil.rmtree(self.bpffs, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


def documents(stream):
    """The JSON documents of a stream, each as soon as its last line is there."""
    decoder = json.JSONDecoder()
    text = ""
    for line in stream:
        text += line
        if not line.rstrip().endswith("}"):
            continue
        try:
            document, end = decoder.raw_decode(text.lstrip())
        except ValueError:
            continue
        yield document
        text = text.lstrip()[end:]


def remove_stale():
    """What a run that was killed has left: its agent is started once more and told to clean up."""
    for entry in sorted(os.listdir("/tmp")):
        name = entry[len("beeline-vm-"):]
        if entry.startswith("beeline-vm-") and name.isdigit() and not os.path.exists(f"/proc/{name}"):
            Node(name).remove()

