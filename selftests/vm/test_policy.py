# SPDX-License-Identifier: Apache-2.0
"""Policies between real guests: the example as it stands, and one that restricts the masqueraded VM
both ways. What guests can do, what `monitor` tells and what `policy simulate` foretells are the same."""
import json
import os
import shutil
import subprocess

from machines import EXAMPLES, MASQUERADE, POD
from node import BEELINE, NAMESPACE, Failed, run
from test_boot import addresses, expect

NOBODY = "65534"
PATIENCE_S = {True: 10, False: 2}  # for what should come about; for what should not
DENIED = 133  # Cilium's number for "Policy denied"

# client, server, port (None: ping): what the example leaves possible
EXAMPLE = {
    (MASQUERADE, POD, 80): True,
    (MASQUERADE, POD, 22): False,
    (MASQUERADE, POD, None): True,
    (POD, MASQUERADE, 22): True,
}

# The other VM opens connections to the first one's web server and does nothing else.
BOTH_WAYS = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumNetworkPolicy",
    "metadata": {"name": "both-ways"},
    "spec": {
        "endpointSelector": {"matchLabels": {"app": MASQUERADE}},
        "ingress": [{"fromEndpoints": [{"matchLabels": {"app": POD}}],
                     "toPorts": [{"ports": [{"port": "http"}]}]}],
        "egress": [{"toEndpoints": [{"matchLabels": {"app": POD}}],
                    "toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}]}]}],
    },
}
RESTRICTED = {
    (MASQUERADE, POD, 80): True,
    (MASQUERADE, POD, None): False,
    (POD, MASQUERADE, 80): True,
    (POD, MASQUERADE, 22): False,
    (POD, MASQUERADE, None): False,
}

# A port of the other VM by the name that its interface's list gives it.
BY_NAME = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumNetworkPolicy",
    "metadata": {"name": "by-name"},
    "spec": {
        "endpointSelector": {"matchLabels": {"app": POD}},
        "egress": [{"toEndpoints": [{"matchLabels": {"app": MASQUERADE}}],
                    "toPorts": [{"ports": [{"port": "ssh"}]}]}],
    },
}
NAMED = {
    (POD, MASQUERADE, 22): True,
    (POD, MASQUERADE, 80): False,
}


def attempt(world, client, address, port, patience_s):
    """Whether a connection, or an echo, comes about."""
    ping = "ping6" if ":" in address else "ping"
    command = (f"nc -w {patience_s} {address} {port} </dev/null" if port else
               f"{ping} -c 1 -W {patience_s} {address}")
    said = world.guests[client].run(f"{command} >/dev/null 2>&1; echo code $?")
    return said == "code 0"


def expect_traffic(world, wanted):
    for (client, server, port), allowed in wanted.items():
        for address in addresses(world, server):
            got = attempt(world, client, address, port, PATIENCE_S[allowed])
            expect(f"{client} to {address} port {port}", allowed, got)


def flows_of(world, wanted):
    for client, server, port in wanted:
        for source, destination in zip(addresses(world, client), addresses(world, server)):
            echo = "ICMPv6" if ":" in destination else "ICMP"
            yield {"src": source, "dst": destination,
                   **({"protocol": "TCP", "dport": port} if port else {"protocol": echo})}


def simulate(world, flows):
    """As a user without any right, with nothing but what `get` has printed: the answers."""
    program, file = f"{world.node.root}/beeline", f"{world.node.root}/flows.jsonl"
    shutil.copy(BEELINE, program)
    with open(file, "w") as out:
        out.writelines(json.dumps(flow) + "\n" for flow in flows)
    os.chmod(world.node.root, 0o755)
    said = run("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", program, "policy",
               "simulate", "-f", "-", "--flows", file, "-o", "json",
               input=world.node.vm("get", "vm,vmi,cnp", "-o", "yaml"))
    return [json.loads(line) for line in said.splitlines()]


def expect_foretold(world, wanted):
    flows = list(flows_of(world, wanted))
    allowed = [allowed for allowed in wanted.values() for _ in ("IPv4", "IPv6")]
    for flow, allowed, answer in zip(flows, allowed, simulate(world, flows), strict=True):
        expect(f"simulated {flow}", "allowed" if allowed else "denied", answer["verdict"])


def watch_drop(world, client, server, address, port):
    """What the monitor tells of an attempt that fails. It may need a moment to begin."""
    monitor = subprocess.Popen(
        [BEELINE, "monitor", server, "-n", NAMESPACE, "--verdict", "dropped", "--port", str(port),
         "--count", "1", "-o", "json"], stdout=subprocess.PIPE, env=world.node.environment())
    try:
        for _ in range(10):
            expect(f"{client} to {address} port {port}", False,
                   attempt(world, client, address, port, PATIENCE_S[False]))
            if monitor.poll() is not None:
                return json.loads(monitor.stdout.read())
        raise Failed(f"the monitor of {server} tells of no drop")
    finally:
        monitor.kill()
        monitor.wait()


def relabel(world, name, app):
    """Of the machine that runs, as `kubectl label vmi` does; its VM is not asked."""
    vmi = world.node.get("vmi", name)
    vmi["metadata"]["labels"]["app"] = app
    world.node.apply(vmi)


def test_everything_is_open_without_a_policy(world):
    expect_traffic(world, dict.fromkeys(EXAMPLE | RESTRICTED, True))


def test_example_opens_one_port_to_one_label(world):
    world.node.vm("apply", "-f", f"{EXAMPLES}/policy.yaml")
    expect_traffic(world, EXAMPLE)


def test_simulation_without_privilege_foretells_the_example(world):
    expect_foretold(world, EXAMPLE)


def test_monitor_says_why_a_packet_was_dropped(world):
    for source, destination in zip(addresses(world, MASQUERADE), addresses(world, POD)):
        event = watch_drop(world, MASQUERADE, POD, destination, 22)
        for key, wanted in {"source": source, "destination": destination, "direction": "to-vm",
                            "verdict": "dropped", "code": DENIED, "protocol": "TCP",
                            "detail": "SYN", "ruleName": f"default deny of {NAMESPACE}/{POD}"}.items():
            expect(f"{key} of {event}", wanted, event.get(key))


def test_policy_get_counts_what_each_rule_decided(world):
    said = json.loads(world.node.vm("policy", "get", POD, "-o", "json"))
    packets = {entry["rule"]: entry["packets"] for entry in said["entries"]}
    for rule in ("spec.ingress[0]", "spec.ingress[1]"):
        if not packets.get(f"{NAMESPACE}/{POD} {rule}"):
            raise Failed(f"nothing was counted at {rule}: {packets}")
    if f"default deny of {NAMESPACE}/{POD}" not in world.node.vm("policy", "get", POD):
        raise Failed("the default deny is not told")


def test_label_of_a_running_machine_closes_and_opens(world):
    port = (MASQUERADE, POD, 80)
    relabel(world, MASQUERADE, "stranger")
    expect_traffic(world, {port: False})
    expect_foretold(world, {port: False})
    relabel(world, MASQUERADE, MASQUERADE)
    expect_traffic(world, {port: True})
    expect_foretold(world, {port: True})


def test_masqueraded_machine_is_restricted_both_ways(world):
    world.node.apply(BOTH_WAYS)
    expect_traffic(world, RESTRICTED)
    expect_foretold(world, RESTRICTED)


def test_port_of_another_machine_is_known_by_its_name(world):
    world.node.vm("delete", "cnp", "--all")
    world.node.apply(BY_NAME)
    expect_traffic(world, NAMED)
    expect_foretold(world, NAMED)


def test_everything_is_open_when_policies_are_gone(world):
    world.node.vm("delete", "cnp", "--all")
    expect_traffic(world, dict.fromkeys(EXAMPLE | RESTRICTED, True))
