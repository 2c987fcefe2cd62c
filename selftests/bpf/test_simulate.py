# SPDX-License-Identifier: Apache-2.0
"""`beeline policy simulate --engine=kernel`: the statements of selftests/golden/simulate, answered by the
programs as by entries; who may not load programs is told so; and nothing of it is seen elsewhere."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "selftests/golden/simulate"
PROGRAM = ROOT / os.environ.get("B", "build") / "beeline"
# what the programs let by before policy is asked: neighbour discovery, and what path MTU discovery needs
ASIDE = "passes whatever policies say"
AT_ONCE = 64  # ENDPOINTS of judge.c
EXAMPLE = ("policy", "simulate", "-f", "deploy/examples", "--flows", "deploy/examples/flows.jsonl", "-o", "json")


def command(*arguments, cwd=ROOT, before=(), stdin=None):
    return subprocess.run([*before, PROGRAM, *arguments], cwd=cwd, capture_output=True, text=True,
                          timeout=60, check=False, input=stdin)


def ask(case, engine="kernel"):
    return command("policy", "simulate", "-f", "../people.yaml", "-f", "objects.yaml", "--flows",
                   "flows.jsonl", "-o", "json", "--engine", engine, cwd=case)


def differs(want, got):
    """Of two answers: but for what no policy was asked about, which only the programs know."""
    ends = [end for end in ("egress", "ingress") if got[end + "Rule"] != ASIDE]
    members = [name for end in ends for name in (end, end + "Rule")]
    return any(want[name] != got[name] for name in members) or \
        any(got[end] == "denied" for end in ("egress", "ingress") if end not in ends)


def check(case):
    """How many answers there are, and how many of them are about what no policy was asked."""
    done = ask(case)
    assert done.returncode == 0, case.name + ": " + done.stderr
    want = [json.loads(line) for line in (case / "answers.jsonl").read_text().splitlines()]
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(want) == len(got), case.name
    for number, pair in enumerate(zip(want, got), 1):
        assert not differs(*pair), "%s line %d: %s, not %s" % (case.name, number, pair[1], pair[0])
    return len(got), sum(ASIDE in answer.values() for answer in got)


def test_every_statement_is_the_programs_own(fx):
    """Each loads the programs, which keeps a CPU busy; there are two."""
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(check, sorted(path.parent for path in CASES.glob("*/objects.yaml"))))
    answers, asides = map(sum, zip(*counts))
    assert answers > 300 and asides < 10, (answers, asides)


def test_too_big_passes_and_says_that_no_policy_was_asked(fx):
    flow = '{"src": "a/db", "dst": "a/web", "protocol": "ICMPv6", "icmpType": 2}\n'
    done = command("policy", "simulate", "-f", "../people.yaml", "-f", "objects.yaml", "--flows", "-",
                   "-o", "json", "--engine", "kernel", cwd=CASES / "icmps-name", stdin=flow)
    answer = json.loads(done.stdout)
    assert (answer["ingress"], answer["ingressRule"]) == ("allowed", ASIDE), answer


def test_more_endpoints_than_the_programs_have_at_once(fx):
    """Their policies take turns, and come again; nothing is left of whose place they take."""
    pods = "".join(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: a, labels: {n: '%d'}}\n"
        "spec: {}\nstatus: {podIPs: [{ip: 10.1.0.%d}]}\n"
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c%d, namespace: a}\n"
        "spec: {endpointSelector: {matchLabels: {n: '%d'}}, ingress: [{fromCIDR: [192.0.2.%d/32]}]}\n"
        % (i, i, i, i, i, i) for i in range(1, 201))
    pairs = [(i, to) for _ in range(2) for to in range(1, 201) for i in range(to, 0, -AT_ONCE)]
    flows = "".join('{"src": "192.0.2.%d", "dst": "a/p%d", "protocol": "TCP", "dport": 80}\n' % pair
                    for pair in pairs)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as objects:
        objects.write(pods)
        objects.flush()
        done = command("policy", "simulate", "-f", objects.name, "--flows", "-", "-o", "json",
                       "--engine", "kernel", stdin=flows)
    verdicts = re.findall(r'"verdict":"(\w+)"', done.stdout)
    assert verdicts == ["allowed" if i == to else "denied" for i, to in pairs], done.stderr


def test_who_may_not_load_programs_is_told(fx):
    unprivileged = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    done = command(*EXAMPLE, "--engine=kernel", before=unprivileged)
    assert done.returncode == 1 and not done.stdout, done
    assert done.stderr == "error: the kernel answers who may load BPF programs: run this as root, or with " \
        "--engine=compiled\n", done.stderr
    assert command(*EXAMPLE, before=unprivileged).returncode == 0


def test_nothing_is_pinned(fx):
    """In a file system of pins that nobody else has."""
    alone = ("unshare", "-m", "sh", "-ec", 'mount -t bpf bpf /sys/fs/bpf; "$@"; ls -AI "*.debug" /sys/fs/bpf >&2', "sh")
    done = command(*EXAMPLE, "--engine=kernel", before=alone)
    assert done.stdout == command(*EXAMPLE).stdout and not done.stderr, done
