# SPDX-License-Identifier: Apache-2.0
"""What the policy engine compiles, in the kernel's maps: the programs answer a first packet as the
reference evaluator judges it. Random policies, the same in each run, and every policy of two rules over
a small universe (policy_cases.c)."""

import ctypes
import ipaddress
import os
import struct
import subprocess

from datapath import LPM_TRIE, NO_PREALLOC, SKB_CB, SKB_SIZE, TestRunOpts
from fixture import *

SPORT = 60000
ICMP_TYPES = (1, 58)


def cases(*arguments):
    build = os.environ.get("B", os.path.join(os.path.dirname(__file__), "../../build"))
    program = os.path.join(build, "selftests/bpf/policy_cases")
    with subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield line.split()
    assert process.returncode == 0, "policy_cases failed"


def layer4(protocol, number, sport):
    """What opens a connection. Nobody here looks at checksums."""
    if protocol in ICMP_TYPES:
        return struct.pack(">BBHHH", number, 0, 1, sport, 1)
    ports = struct.pack(">HH", sport, number)
    if protocol == 6:
        return ports + struct.pack(">IIBBHHH", 1, 0, 0x50, 2, 1000, 1, 0)
    if protocol == 17:
        return ports + struct.pack(">HH", 8, 1)
    return ports + struct.pack(">II", 0, 1) + struct.pack(">BBHIIHHI", 1, 0, 20, 1, 1000, 1, 1, 1)


def packet(egress, peer, protocol, number, sport):
    v4 = ipaddress.ip_address(peer).version == 4
    own, other = POD4 if v4 else POD6, peer
    src, dst = (own, other) if egress else (other, own)
    src, dst = (ipaddress.ip_address(text).packed for text in (src, dst))
    body = layer4(protocol, number, sport)
    if v4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    else:
        head = struct.pack(">IHBB", 0x60000000, len(body), protocol, 64)
    macs = (ROUTER_MAC, GUEST_MAC) if egress else (UPLINK_MAC, GATEWAY_MAC)
    return mac(macs[0]) + mac(macs[1]) + (b"\x08\x00" if v4 else b"\x86\xdd") + head + src + dst + body


class Runner:
    """The two programs with buffers that stay, as a hundred thousand packets go through them."""

    def __init__(self, dp):
        self.dp = dp
        self.fds = [dp.program_fd("bl_pod_to_vm"), dp.program_fd("bl_pod_from_vm")]
        self.out = ctypes.create_string_buffer(4096)
        self.skb = ctypes.create_string_buffer(SKB_SIZE)
        self.skb[SKB_CB:SKB_CB + 4] = POLICED.to_bytes(4, "little")

    def passes(self, egress, frame):
        data = ctypes.create_string_buffer(frame, len(frame))
        opts = TestRunOpts(sz=ctypes.sizeof(TestRunOpts), repeat=1,
                           data_in=ctypes.addressof(data), data_size_in=len(frame),
                           data_out=ctypes.addressof(self.out), data_size_out=len(self.out),
                           ctx_in=ctypes.addressof(self.skb), ctx_size_in=SKB_SIZE)
        assert self.dp.lib.bpf_prog_test_run_opts(self.fds[egress], ctypes.byref(opts)) == 0
        assert opts.retval in (DROP, REDIRECT), "code %d" % opts.retval
        return opts.retval == REDIRECT


class Kernel:
    """What one world has put into the maps. The trie stays and is written anew: to swap thousands of them
    would wait for the kernel each time, and how they are swapped is not asked here."""

    def __init__(self, fx):
        self.fx, self.lib = fx, fx.dp.lib
        self.trie = fx.dp.inner(LPM_TRIE, NO_PREALLOC, 12, 12, 16384)
        fx.dp.update("bl_policies", POLICED, self.trie.to_bytes(4, "little"))
        self.held = []

    def hold(self, fd, key, value):
        assert self.lib.bpf_map_update_elem(fd, key, value, ctypes.c_uint64(0)) == 0
        self.held.append((fd, key))

    def take(self, what, key, value):
        self.hold(self.trie if what == "row" else self.fx.dp.map_fd("bl_ipcache"), key, value)

    def clear(self):
        for fd, key in self.held:
            assert self.lib.bpf_map_delete_elem(fd, key) == 0
        self.held = []
        self.fx.forget_connections(POLICED)
        self.fx.bump_epoch()

    def close(self):
        self.clear()
        os.close(self.trie)


def judge(fx, wanted, *arguments):
    runner, kernel = Runner(fx.dp), Kernel(fx)
    counts, n = [0, 0], 0
    for what, *words in cases(*arguments):
        if what == "world":
            kernel.clear()
            n = 0
        elif what in ("prefix", "row"):
            kernel.take(what, *map(bytes.fromhex, words))
        else:
            egress, protocol, number, allowed = map(int, words[:1] + words[2:])
            frame = packet(egress, words[1], protocol, number, SPORT + n)
            assert runner.passes(egress, frame) == bool(allowed), " ".join(words)
            counts[allowed] += 1
            n += 1
    kernel.close()
    assert sum(counts) == wanted and min(counts) > wanted // 10, counts


def test_the_kernel_judges_random_policies_as_the_reference(fx):
    judge(fx, 100000, "random", "1000", "100")


def test_the_kernel_judges_every_policy_of_two_rules_as_the_reference(fx):
    judge(fx, 7260 * 25, "universe")
