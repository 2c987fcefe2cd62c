# SPDX-License-Identifier: Apache-2.0
"""How suites of tests share one agent and its guests: each file of a tier is a suite, each of its
functions test_<name>(world) a test, in the order in which they stand there."""
import os
import signal
import sys
import time
import traceback

import node as nodes
from guest import Guest


class World:
    """What tests share: the agent, the guests by name, what was before."""

    def __init__(self, node):
        self.node = node
        self.guests = {}
        self.before = {}

    def connect(self, name):
        self.guests[name] = Guest(self.node, name)
        return self.guests[name]


def tests(suite):
    return [(name[5:].replace("_", " "), function) for name, function in vars(suite).items()
            if name.startswith("test_") and callable(function)]


def check(name, function, *arguments):
    start = time.monotonic()
    try:
        function(*arguments)
    except nodes.Skipped as missing:
        print(f"skip {name}: {missing}", flush=True)
        return True
    except nodes.Failed as failure:
        print(f"not ok {name}: {failure}", flush=True)
        return False
    except Exception as failure:  # a test that cannot go on has failed; the others go on
        print(f"not ok {name}: {type(failure).__name__}: {failure}", flush=True)
        traceback.print_exc()
        return False
    print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)
    return True


def run_tier(tier, node, prepare, suites):
    """Runs prepare(world), named by its first line, then the suites {name: module} in their order.
    Returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # that is, with all cleaning up
    world = World(node)
    failed = 0
    try:
        if not check(prepare.__doc__, prepare, world):
            failed = 1
            return 1
        for name, suite in suites.items():
            for test, function in tests(suite):
                failed += not check(f"{name}: {test}", function, world)
    finally:
        for guest in world.guests.values():
            guest.close()
        if failed:
            os.makedirs(f"{nodes.BUILD}/check", exist_ok=True)
            os.replace(node.log, f"{nodes.BUILD}/check/{tier}-agent.log")
        node.remove()
    return 1 if failed else 0
