#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""members.py PASS LAB DIR [CASE...] <PEOPLE: the cases of golden/simulate, asked by packets.

The people are endpoints on two nodes, the rest of the addresses is the world's; see test_members.sh. The
objects of a case are applied to the agents of both nodes. Then each of its flows is sent as one packet, in
each family in which both of its ends have an address, and has to meet the fate that answers.jsonl tells of
it: it arrives, or it is dropped at the end that denies it, by a rule or for want of one.

PEOPLE has a line for each: number, node, binding, namespace/name, and its two addresses.

Left out, and counted, are flows that no packet can be: of nodes and pods without an address, to masquerade
by protocols of which no port can be declared, and those that an end denies which is not here; and guests
that call themselves, which nobody can keep them from.
"""
import dataclasses
import ipaddress
import json
import os
import pathlib
import subprocess
import sys

import yaml

from courier import ECHO_REQUEST, PATIENCE_S, Courier, protocol_number, source_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("B", "build") / "beeline"
CASES = ROOT / "selftests" / "golden" / "simulate"
GUEST = {4: "10.0.2.2", 6: "fd10:0:2::2"}  # behind masquerade
NODES = ("n0", "n1")
PLAIN = "10.0.9."  # pods of a case that say no address
WITH_PORTS = (1, 6, 17, 58, 132)  # or ICMP
FAMILY_OF = {"ICMP": 4, "ICMPv6": 6, 51: 4}  # AH is a header of IPv6, and no protocol over it
FORWARDED, DENIED, DENIED_BY_RULE, NO_RULE = 0, 133, 181, "default deny"
DIRECTIONS = {"egress": "from-vm", "ingress": "to-vm"}


@dataclasses.dataclass
class Party:
    """One end of a flow: where its packets are sent and seen, and its addresses by family."""
    netns: str
    addresses: dict
    inside: dict = None  # what the guest calls itself
    node: int = None
    endpoint: str = None


def by_family(addresses):
    return {ipaddress.ip_address(each).version: each for each in addresses}


def addresses_of(document):
    status = document.get("status", {})
    return [each.get("ip") or each.get("address")
            for each in status.get("podIPs", status.get("addresses", []))]


def name_of(document):
    return f"{document['metadata'].get('namespace', '')}/{document['metadata']['name']}"


class World:
    """Who is there, by name and by address."""

    def __init__(self, lab, lines):
        self.lab, self.people, self.strangers = lab, {}, {}
        for n, node, binding, name, *addresses in map(str.split, lines):
            addresses = by_family(addresses)
            self.people[name] = Party(f"{lab}-vm{n}", addresses, GUEST if binding == "masquerade" else addresses,
                                      int(node), f"{lab}-{n}")
        self.documents = list(yaml.safe_load_all((CASES / "people.yaml").read_text()))
        nodes = {each["metadata"]["name"]: by_family(addresses_of(each)) for each in self.documents
                 if each["kind"] == "Node"}
        self.nodes = [Party(f"{lab}-node{n}", nodes[name], nodes[name], n) for n, name in enumerate(NODES)]

    def namespaces(self):
        return [each.netns for each in [*self.people.values(), *self.nodes]] + [f"{self.lab}-host"]

    def as_pod(self, document):
        """A machine as the other node's agent knows it."""
        template = document["spec"].get("template", document)
        ports = template["spec"]["domain"]["devices"]["interfaces"][0]["ports"]
        ports = [{"name": each["name"], "containerPort": each["port"]} for each in ports]
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": document["metadata"] | {"labels": template["metadata"]["labels"]},
                "spec": {"nodeName": NODES[self.people[name_of(document)].node],
                         "containers": [{"name": "compute", "ports": ports}]}}

    def objects_for(self, node):
        """The people as the agent of a node is told of them: of its own endpoints by these."""
        for document in self.documents:
            person = self.people.get(name_of(document))
            if not person:
                yield document
            elif person.node != node and "template" not in document["spec"] or \
                    name_of(document) == "b/halted" and person.node != node:
                pod = document if document["kind"] == "Pod" else self.as_pod(document)
                yield pod | {"status": {"podIPs": [{"ip": each} for each in person.addresses.values()]}}

    def take(self, documents):
        """The pods of a case; those that say no address get one, and are returned. On the network of a node
        that nobody describes there is none to get."""
        self.strangers, made = {}, []
        for n, pod in enumerate(each for each in documents if each["kind"] == "Pod"):
            if not addresses_of(pod) and not pod.get("spec", {}).get("hostNetwork"):
                made.append(pod | {"status": {"podIPs": [{"ip": f"{PLAIN}{n}"}]}})
                pod = made[-1]
            self.strangers[name_of(pod)] = addresses_of(pod)
        self.strangers["a/agent"] = self.nodes[0].addresses.values()
        return made

    def find(self, who, other=None):
        """The party of that name, or of that one address."""
        if who == "host":
            return self.nodes[other.node or 0 if other else 0]
        if who in self.people:
            return self.people[who]
        addresses = by_family(self.strangers.get(who, [who]))
        for party in [*self.people.values(), *self.nodes]:
            found = {family: each for family, each in addresses.items() if party.addresses.get(family) == each}
            if found:
                return dataclasses.replace(party, addresses=found)
        for each in addresses.values():
            subprocess.run(["ip", "-n", f"{self.lab}-host", "addr", "replace", each, "dev", "lo"], check=True)
        return Party(f"{self.lab}-host", addresses, addresses)

    def ends(self, flow):
        source = None if flow["src"] == "host" else self.find(flow["src"])
        destination = self.find(flow["dst"], source)
        return {"egress": source or self.find("host", destination), "ingress": destination}


def fate_of(ends, answer):
    """What is to be told of a packet: of each end that is an endpoint here, until one denies it, whether it
    denies and by which rule; and whether it arrives."""
    told = []
    for end, party in ends.items():
        denied = answer[end] == "denied"
        if party.endpoint:
            told.append((end, denied, answer[f"{end}Rule"]))
        if denied:
            return told, False
    return told, True


def verdict_of(event):
    """Whether it denies, and by which rule, or for which other reason. "default deny of a/p" names who
    asks for it."""
    rule = event.get("ruleName", "").split(" of ")[0]
    denied = event["code"] == (DENIED if rule == NO_RULE else DENIED_BY_RULE)
    return denied, rule if denied or event["code"] == FORWARDED else event["reason"]


class Asked:
    """One flow, sent and followed."""

    def __init__(self, courier, ends, family, flow):
        self.courier, self.flow, self.ends = courier, flow, ends
        self.icmp_type = flow.get("icmpType", ECHO_REQUEST[family])
        source, self.destination = ends.values()
        self.n = courier.send(source.netns, family, source.inside[family],
                              self.destination.addresses[family], flow)

    def is_of(self, event):
        """Is the event about this packet?"""
        if "sourcePort" in event:
            return event["sourcePort"] == source_port(self.n)
        if event.get("icmpType", self.icmp_type) != self.icmp_type:
            return False  # as a report of groups is
        return protocol_number(event.get("protocol")) == protocol_number(self.flow["protocol"])

    def fate(self):
        """As fate_of(), of what was told and seen until now."""
        told = []
        for end, party in self.ends.items():
            for event in self.courier.told:
                if (event["endpoint"], event.get("direction")) == (party.endpoint, DIRECTIONS[end]) and \
                        self.is_of(event):
                    told.append((end, *verdict_of(event)))
                    break
        return told, (self.destination.netns, self.n) in self.courier.arrived

    def meets(self, want, patience_s=PATIENCE_S):
        return self.courier.wait(lambda: self.fate() == want, patience_s)


def families_of(flow, source, destination):
    """In which there is such a packet, and it can come in."""
    if source.endpoint and source.endpoint == destination.endpoint:
        return []
    if destination.inside == GUEST and protocol_number(flow["protocol"]) not in WITH_PORTS:
        return []
    families = {FAMILY_OF[flow["protocol"]]} if flow["protocol"] in FAMILY_OF else {4, 6}
    return sorted(families & source.addresses.keys() & destination.addresses.keys())


class Agents:
    def __init__(self, sockets):
        self.sockets = sockets

    def run(self, *arguments, given=None):
        """The command for each of them, at once; given: what each has on its standard input."""
        running = []
        for n, path in enumerate(self.sockets):
            process = subprocess.Popen([PROGRAM, *arguments], env=os.environ | {"BEELINE_SOCKET": path},
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            running.append((process, yaml.safe_dump_all(given[n]).encode() if given else b""))
        for process, text in running:
            _, said = process.communicate(text)
            if process.returncode:
                raise ValueError(f"beeline {' '.join(map(str, arguments))}: {said.decode()}")


class Suite:
    def __init__(self, lab, folder, lines):
        sockets = [f"{folder}/node{n}/agent.sock" for n in range(len(NODES))]
        self.world, self.agents = World(lab, lines), Agents(sockets)
        self.courier = Courier(PROGRAM, sockets, self.world.namespaces())
        self.agents.run("apply", "-f", "-", given=[list(self.world.objects_for(n)) for n in range(len(NODES))])
        self.sent, self.left_out = 0, 0

    def wait_for_watches(self):
        """Until each agent tells of packets."""
        flow = {"protocol": "UDP", "dport": 9}
        for person in ("a/web", "a/db"):
            party = self.world.people[person]
            for attempt in range(10):  # each waits longer for its answer
                ends = {"egress": party, "ingress": self.world.find("192.168.0.12")}
                asked = Asked(self.courier, ends, 4, flow)
                if asked.meets(([("egress", False, "no policy enforces")], True), 0.1 * 2**attempt):
                    break
            else:
                raise ValueError(f"nothing is told of {person}")

    def ask(self, flow, answer):
        ends = self.world.ends(flow)
        want = told, arrives = fate_of(ends, answer)
        is_here = arrives or (told and told[-1][1])  # who denies it
        families = families_of(flow, *ends.values()) if is_here else []
        self.left_out += not families
        for family in families:
            self.sent += 1
            asked = Asked(self.courier, ends, family, flow)
            if not asked.meets(want):
                return f"{json.dumps(flow)} over IPv{family}: {want} expected, got {asked.fate()}"
        return None

    def check(self, case):
        objects = case / "objects.yaml"
        flows, answers = ([json.loads(line) for line in (case / name).read_text().splitlines()]
                          for name in ("flows.jsonl", "answers.jsonl"))
        made = self.world.take(list(yaml.safe_load_all(objects.read_text())))
        self.agents.run("apply", "-f", objects)
        if made:
            self.agents.run("apply", "-f", "-", given=[made] * len(NODES))
        try:
            return next(filter(None, map(self.ask, flows, answers)), None)
        finally:
            self.agents.run("delete", "-f", objects)


def main():
    which, lab, folder, *chosen = sys.argv[1:]
    suite = Suite(lab, folder, sys.stdin)
    failed = False
    suite.wait_for_watches()
    for case in sorted(path.parent for path in CASES.glob("*/objects.yaml")):
        if chosen and case.name not in chosen:
            continue
        why = suite.check(case)
        name = f"members/{which}-{case.name}"
        print(f"not ok {name}: {why}" if why else f"ok {name}", flush=True)
        failed |= bool(why)
    print(f"{which}: {suite.sent} packets sent, {suite.left_out} flows left out")
    suite.courier.end()
    return failed


if __name__ == "__main__":
    sys.exit(main())
