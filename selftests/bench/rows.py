#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at a report of the benchmark: every promised row is there, once, and says something."""
import json
import sys

BASELINES = ["bridge", "bridge-nf0", "nft", "mirred"]
WAYS = ["to-guest", "from-guest"]
LOADS = ["64B", "1514B", "gso64k", "64B-16kflows"]
OURS = ["pod", "masquerade", "pod+policy", "masquerade+policy"]
VALUES = ["endpoint/attach-ms", "agent/rss-mb", "endpoint/kernel-kib"]


def promised():
    for ours in OURS:
        for way in WAYS:
            for load in LOADS:
                also = ["one-flow"] if load.endswith("flows") else []
                yield from ((f"{ours}/{way}/{load}", baseline) for baseline in BASELINES + also)
    yield from ((f"{ours}/connections", "nft") for ours in OURS)
    yield from ((f"{ours}/connections-per-s", None) for ours in OURS + ["nft"])
    yield from ((f"{theirs}/{way}/64B-16kflows", "one-flow") for theirs in BASELINES for way in WAYS)
    yield from ((f"policy/{value}/100", None) for value in ("compile-ms", "update-p50-ms", "update-p99-ms"))
    yield "policy/simulated-flows-per-s", None
    yield "agent/rss-mb/100-policy", None
    yield from ((f"{value}/{n}", None) for value in VALUES for n in (1, 100))


def offences(row, baseline):
    keys = ["ratio", "low", "high"] if baseline else ["value"]
    if baseline and row["name"].split("/")[0] in OURS:
        keys.append("control")
    wrong = [key for key in keys if not isinstance(row.get(key), (int, float)) or row[key] <= 0]
    if wrong:
        return f"no {', '.join(wrong)}"
    if baseline and not row["low"] <= row["ratio"] <= row["high"]:
        return f"not {row['low']} <= {row['ratio']} <= {row['high']}"
    return ""


def say(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}")
    return not why


def main(path):
    try:
        with open(path) as file:
            report = json.load(file)
        rows = report["rows"]
    except (OSError, ValueError, KeyError) as error:
        return say("report", repr(error))
    good = say("machine", "" if report.get("machine", {}).get("kernel") else "no kernel named")
    for name, baseline in promised():
        found = [row for row in rows if (row.get("name"), row.get("baseline")) == (name, baseline)]
        why = offences(found[0], baseline) if len(found) == 1 else f"{len(found)} rows"
        good &= say(f"{name} {baseline or ''}".strip(), why)
    lost = sorted({row["name"] for row in rows if "lost" in row})
    return say("nothing lost", ", ".join(lost)) and good


sys.exit(0 if main(sys.argv[1]) else 1)
