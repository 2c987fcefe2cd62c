#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the agent's metrics as Prometheus would, and as nobody should.

  metrics.py parse ADDRESS               every family is well-formed, says another parser
  metrics.py equal ADDRESS ENDPOINT...   the counters of `endpoint get`, which answers from other calls
  metrics.py connections ADDRESS ENDPOINT...         those that live are counted
  metrics.py pressure ADDRESS BPFFS ENDPOINT...      maps are as full as bpftool finds them
  metrics.py verdicts ADDRESS ENDPOINT               policy was updated, has allowed and has denied
  metrics.py malformed|slow|many|unread ADDRESS     bad clients; afterwards the agent answers as before
"""
import http.client
import json
import os
import socket
import subprocess
import sys
import time

from prometheus_client.parser import text_string_to_metric_families

PATIENCE_S = 60  # with what is sure to come
BEELINE = os.path.join(os.environ.get("B", "build"), "beeline")


def split(address):
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


def get(address, path="/metrics"):
    connection = http.client.HTTPConnection(*split(address), timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def samples(address):
    """{(name, frozenset of labels): value}"""
    status, kind, text = get(address)
    assert status == 200 and kind == "text/plain; version=0.0.4; charset=utf-8", (status, kind)
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def parse(address):
    text = get(address)[2]
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 10, names
    families = {f.name: f for f in text_string_to_metric_families(text)}
    for family in families.values():
        assert family.documentation and family.type != "unknown", family.name
    assert samples(address)["beeline_endpoints", frozenset()] == 2


def wanted(endpoint, node):
    """What /metrics should say, by what `endpoint get` says."""
    answer = json.loads(subprocess.run([BEELINE, "endpoint", "get", endpoint, "-o", "json"],
                                       check=True, capture_output=True).stdout)
    labels = {"node": node, "namespace": "default", "name": endpoint,
              "interface": answer["endpoint"]["tap"]}
    counters, found = answer["counters"], {}

    def put(name, value, **more):
        key = name, frozenset({**labels, **more}.items())
        found[key] = found.get(key, 0) + value

    for way, member in (("receive", "toVm"), ("transmit", "fromVm")):
        for what in ("bytes", "packets"):
            put(f"kubevirt_vmi_network_{way}_{what}_total", counters[member][what])
        put(f"kubevirt_vmi_network_{way}_packets_dropped_total", 0)
    for what in ("bytes", "packets"):
        put(f"beeline_pod_transmit_{what}_total", counters["podOut"][what])
    for item in counters["reasons"]:
        more = {"direction": item["direction"], "reason": item["reason"]}
        if item["code"] < 130:
            put("beeline_diverted_packets_total", item["packets"], **more)
            continue
        put("beeline_drop_packets_total", item["packets"], **more)
        put("beeline_drop_bytes_total", item["bytes"], **more)
        way = {"to-vm": "receive", "from-vm": "transmit"}.get(item["direction"])
        if way:
            put(f"kubevirt_vmi_network_{way}_packets_dropped_total", item["packets"])
    return found


def equal(address, *endpoints):
    """Between two equal looks at the endpoints nothing happened: the page is to say the same."""
    node = socket.gethostname()
    end = time.monotonic() + PATIENCE_S
    while True:
        before = [wanted(endpoint, node) for endpoint in endpoints]
        page = samples(address)
        after = [wanted(endpoint, node) for endpoint in endpoints]
        differ = [(key, value, page.get(key)) for found in before for key, value in found.items()
                  if page.get(key) != value]
        if before == after and not differ:
            break
        assert time.monotonic() < end, f"name, wanted, found: {differ[:3]}"
    shown = {key for key in page if dict(key[1]).get("name") in endpoints and
             key[0].startswith(("kubevirt_", "beeline_drop", "beeline_pod", "beeline_diverted"))}
    assert shown == {key for found in before for key in found}, "a sample too many"
    for endpoint, found in zip(endpoints, before):
        total = sum(value for (name, _), value in found.items() if "receive_packets_total" in name)
        drops = sum(value for (name, _), value in found.items()
                    if name == "kubevirt_vmi_network_transmit_packets_dropped_total")
        assert total >= 5 and drops >= 3, f"{endpoint}: {total} packets, {drops} drops"


def connections(address, *endpoints):
    """A table each, with the few connections in it that the pings and the neighbours made."""
    page = {(name, dict(labels).get("name")): value for (name, labels), value in samples(address).items()
            if name.startswith("beeline_conntrack")}
    for endpoint in endpoints:
        assert page["beeline_conntrack_entries_limit", endpoint] == 24576, page
        assert 1 <= page["beeline_conntrack_entries", endpoint] <= 20, page


def dump(*which):
    return json.loads(subprocess.run(["bpftool", "-j", "map", "dump", *which], check=True,
                                     capture_output=True).stdout)


def number(parts):
    return int.from_bytes(bytes(int(part, 16) for part in parts), "little")


def rows_of_policies(bpffs):
    """In the order of the endpoints' indices."""
    return [len(dump("id", str(number(entry["value"]))))
            for entry in dump("pinned", f"{bpffs}/maps/bl_policies")]


def pressure(address, bpffs, *endpoints):
    page = {(name, dict(labels).get("map") or dict(labels).get("name")): value
            for (name, labels), value in samples(address).items()}
    prefixes = len(dump("pinned", f"{bpffs}/maps/bl_ipcache"))
    assert page["beeline_map_entries", "bl_ipcache"] == prefixes >= 2 * len(endpoints), prefixes
    assert page["beeline_map_entries", "bl_endpoints"] == len(endpoints)
    rows = rows_of_policies(bpffs)
    told = [page["beeline_policy_entries", endpoint] for endpoint in endpoints]
    assert told == rows and min(rows) >= 2, (told, rows)


def verdicts(address, endpoint):
    end = time.monotonic() + PATIENCE_S
    while True:
        page = {(name, *sorted(dict(labels).items())): value
                for (name, labels), value in samples(address).items()}
        found = {dict(key[1:])["verdict"]: value for key, value in page.items()
                 if key[0] == "beeline_policy_verdict_packets_total" and
                 ("name", endpoint) in key and ("direction", "from-vm") in key}
        if found.get("denied"):
            break
        assert time.monotonic() < end, found
    assert found["allowed"] >= 1, found
    updates = [page[f"beeline_policy_update_duration_seconds_{part}",] for part in ("count", "sum")]
    assert updates[0] >= 2 and 0 < updates[1] < 60, updates


# ---- bad clients ----

MALFORMED = [
    b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 5000, b"\xff" * 70000,
    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n" + b"x: y\r\n" * 20000 + b"\r\n",
    b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nxx",
    b"POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    b"DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
]


def connect(address):
    return socket.create_connection(split(address), timeout=PATIENCE_S)


def say(conn, request):
    """All of it, and that there is no more; some are refused before."""
    try:
        conn.sendall(request)
        conn.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def reply(conn):
    data = b""
    try:
        while chunk := conn.recv(65536):
            data += chunk
    except ConnectionError:
        pass
    return data


def malformed(address):
    """All at once, as some are waited for until the server's patience ends."""
    held = []
    for request in MALFORMED:
        held.append(connect(address))
        say(held[-1], request)
        assert get(address, "/healthz")[0] == 200, request[:60]
    for request, conn in zip(MALFORMED, held):
        with conn:
            data = reply(conn)
        lines = data.split(b"\r\n")
        bad = not data or lines[0].split()[1] in (b"400", b"404", b"405", b"413", b"414", b"431", b"505")
        fine = b"GET /metrics HTTP/1.1\r\nHost: a\r\n" in request[:40] or b"HTTP/9.9" in request
        assert bad or fine, (request[:60], data[:100])
    assert get(address, "/nowhere")[0] == 404


def agent_answers():
    """By its own socket, whoever waits at the other."""
    subprocess.run([BEELINE, "status"], check=True, capture_output=True, timeout=PATIENCE_S)


def slow(address):
    """All connections that there are begin a request and say no more: they are cut off."""
    held = [connect(address) for _ in range(64)]
    for conn in held:
        conn.sendall(b"GET /metrics HT")
    agent_answers()
    assert get(address)[0] == 200
    for conn in held:
        conn.close()


def many(address):
    """Far more connections than the server takes, all asking."""
    held = [connect(address) for _ in range(60)]
    late = []
    for _ in range(400):
        conn = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        conn.setblocking(False)
        conn.connect_ex(split(address))
        late.append(conn)
    for conn in held:
        conn.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
    agent_answers()
    for conn in held + late:
        conn.close()
    assert get(address)[0] == 200


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def unread(address, pid):
    """Clients that ask and ask and never read: what waits for them is bounded, and they are cut off."""
    before = resident(pid)
    held = []
    for _ in range(60):
        conn = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        conn.connect(split(address))
        conn.setblocking(False)
        held.append(conn)
    for conn in held:
        for _ in range(1000):
            try:
                conn.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            except BlockingIOError:
                break
    agent_answers()
    grown = resident(pid) - before
    assert grown < 32 << 20, f"the agent grew by {grown >> 20} MiB"
    for conn in held:
        conn.close()
    assert get(address)[0] == 200


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
