# SPDX-License-Identifier: Apache-2.0
"""The command as people use it, on one guest: run from standard input, ssh, vnc, monitor."""
import contextlib
import json
import os
import pty
import shutil
import subprocess

from machines import IMAGE, machine
from node import BEELINE, BUILD, Failed, Skipped, run
from rfb import Screen
from test_boot import addresses, expect

NAME = "people"


def manifest(world):
    return machine(NAME, {"bridge": {}}, f"#cloud-config\nhostname: {NAME}\nusers:\n- name: ada\n"
                                         f"  ssh_authorized_keys:\n  - {world.node.key()}")


def test_run_from_standard_input(world):
    world.node.beeline("image", "import", IMAGE, f"{BUILD}/demo.qcow2", timeout=120)
    said = world.node.beeline("run", "-", input=json.dumps(manifest(world)), timeout=200)
    if f"{NAME} is up and answers" not in said or addresses(world, NAME)[0] not in said:
        raise Failed(f"run says: {said}")
    if world.node.beeline("apply", "-f", "-", input=json.dumps(manifest(world))).split()[-1] != \
            "unchanged":
        raise Failed("the same from standard input is not unchanged")


def test_ssh_with_a_key(world):
    expect("who and where", f"ada {NAME}",
           world.node.ssh(f"ada@{NAME}", "echo $USER $(hostname)"))
    expect("as virtctl names it", NAME, world.node.ssh(f"ada@vmi/{NAME}", "hostname"))


def test_ssh_with_another_key_stays_outside(world):
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{world.node.root}/other")
    try:
        world.node.ssh(f"ada@{NAME}", "hostname", key="other")
    except Failed as failure:
        if "Permission denied" not in str(failure):
            raise
        return
    raise Failed("another key opens the guest")


@contextlib.contextmanager
def screen_port(world, *options):
    """`beeline vnc` without a viewer, which serves one; the port where it listens."""
    vnc = subprocess.Popen([BEELINE, "vnc", NAME, "--proxy-only", *options], text=True,
                           stdout=subprocess.PIPE, env=world.node.environment())
    try:
        yield int(vnc.stdout.readline().rsplit(":", 1)[-1])
    finally:
        vnc.kill()
        vnc.wait()


def test_screen_is_seen_and_typed_at(world):
    with screen_port(world) as port, contextlib.closing(Screen(port)) as screen:
        if NAME not in screen.name:
            raise Failed(f"the screen is called '{screen.name}'")
        screen.update()
        if len(screen.colours()) < 2:
            raise Failed(f"the screen, {screen.width} by {screen.height}, is empty")
        with contextlib.closing(world.connect(NAME)) as guest:
            guest.run("mkfifo /tmp/typed")
            screen.type("dd if=/etc/shells of=/tmp/typed")  # no key that needs Shift
            expect("what came", "/bin/sh", guest.run("cat /tmp/typed"))
        world.guests.pop(NAME)
        if not screen.update(incremental=True):
            raise Failed("nothing has changed on the screen")


def test_other_peoples_viewer_takes_a_picture(world):
    if not shutil.which("vncsnapshot"):
        raise Skipped("vncsnapshot")
    with screen_port(world) as port:  # it counts displays from port 5900
        run("vncsnapshot", "-allowblank", f"127.0.0.1:{port - 5900}", f"{world.node.root}/shot.jpg")
    with open(f"{world.node.root}/shot.jpg", "rb") as file:
        expect("beginning of the picture", b"\xff\xd8\xff", file.read(3))


def monitored(world, environment):
    """What `beeline monitor` writes to a terminal of one packet."""
    terminal, other = pty.openpty()
    env = {**world.node.environment(), "TERM": "xterm", **environment}
    monitor = subprocess.Popen([BEELINE, "monitor", NAME, "--sample", "1", "--count", "1"],
                               stdout=other, env=env)
    os.close(other)
    ping = subprocess.Popen(["ping", "-i", "0.2", addresses(world, NAME)[0]],
                            stdout=subprocess.DEVNULL)
    try:
        text = b""
        with contextlib.suppress(OSError):  # a terminal whose other end is closed
            while data := os.read(terminal, 4096):
                text += data
        expect("exit status of monitor", 0, monitor.wait(30))
    finally:
        ping.kill()
        ping.wait()
        os.close(terminal)
    return text.decode()


def test_monitor_has_colours_unless_told_not_to(world):
    coloured, plain = monitored(world, {"NO_COLOR": ""}), monitored(world, {"NO_COLOR": "1"})
    if "\x1b[2m" not in coloured:
        raise Failed(f"no colour: {coloured!r}")
    if "\x1b" in plain or "traced" not in plain:
        raise Failed(f"with NO_COLOR: {plain!r}")


def test_folder_is_applied(world):
    folder = f"{world.node.root}/folder"
    os.makedirs(f"{folder}/deeper")
    halted = {**manifest(world), "metadata": {"name": "halted"}}
    halted["spec"]["runStrategy"] = "Halted"
    with open(f"{folder}/1.yaml", "w") as file:
        file.write(json.dumps(manifest(world)))
    with open(f"{folder}/2.json", "w") as file:
        file.write(json.dumps(halted))
    for name in ("README.txt", "deeper/3.yaml"):
        with open(f"{folder}/{name}", "w") as file:
            file.write("neither is read: it is no manifest, it is in another folder")
    said = world.node.beeline("apply", "-f", folder)
    expect("apply -f", [f"virtualmachine.kubevirt.io/{NAME} unchanged",
                        "virtualmachine.kubevirt.io/halted created"], said.splitlines())
    world.node.beeline("delete", "-f", folder)
    expect("left", "", world.node.beeline("get", "vm", "-o", "name"))
