# SPDX-License-Identifier: Apache-2.0
"""Two endpoints as the agent would describe them, and checks on what the programs make of a packet.

Frames are built and taken apart by scapy, which knows nothing of our code: every answer is decoded
there and its checksums are computed anew.
"""

import ipaddress
import struct

from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, TCP, UDP, DHCP6OptClientId, DHCP6OptServerId,
                       DUID_LL, Ether, ICMPv6NDOptMTU, ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr,
                       ICMPv6ND_RA, IPv6, Padding, Raw, raw)

from datapath import DROP, FROM_VM, NEXT, REDIRECT, TO_VM, Value, abi_constants

GUEST_MAC = "02:00:00:00:aa:01"
UPLINK_MAC = "02:00:00:00:bb:01"
ROUTER_MAC = "02:00:00:00:00:00"
GATEWAY_MAC = "02:00:00:00:cc:01"
OTHER_MAC = "02:00:00:00:dd:01"
POD4, POD6 = "10.22.0.7", "fd00:10:22::7"
GATEWAY4, GATEWAY6 = "10.22.0.1", "fd00:10:22::1"
NEIGHBOUR4 = "10.22.0.50"  # on the link, beside the gateway
GUEST4, GUEST6 = "10.0.2.2", "fd10:0:2::2"
ROUTER4, ROUTER6 = "10.0.2.1", "fe80::1"
GUEST_LL = "fe80::aff:fe00:aa01"
WORLD4, WORLD6 = "192.0.2.10", "2001:db8::10"
DNS4, DNS6 = "10.22.0.53", "fd00:10:22::53"
MTU = 1450
LEASE_S = 86313600
# indices of the endpoints below: bound to the pod, masqueraded, with ports, and both under policy
POD, MASQ, PORTS, POLICED, POLICED_MASQ = range(5)
ENDPOINTS = (POD, MASQ, PORTS, POLICED, POLICED_MASQ)
POD_BOUND = (POD, POLICED)
CT_SETS = 16
DHCP_SLOT = 6  # enum bl_slot
CT_ENTRY = struct.Struct("<16sHHBBBBIIHHI")  # struct bl_ct_entry
CT_MEMBERS = ("remote", "remote_port", "local_port", "protocol", "owner", "fragment", "state",
              "expires", "epoch", "counter", "ticks", "syn_time")


def address(text):
    ip = ipaddress.ip_address(text)
    return ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ones_sum(data):
    """The folded sum of bytes in network order, as the abi's blobs carry it."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("<%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def delta(guest, pod):
    """guest - pod, one's complement."""
    total = ones_sum(address(guest)) + (0xFFFF - ones_sum(address(pod)))
    return (total & 0xFFFF) + (total >> 16)


class Fixture:
    """The programs with a pod-bound endpoint, a masqueraded one, and one with declared ports."""

    def __init__(self, dp):
        self.dp, self.btf = dp, dp.btf
        self.abi = abi_constants()
        self.reason_names = {number: name for name, number in self.abi.items()
                             if not name.startswith("EP_")}
        self.produced = set()
        dp.update("bl_progs", DHCP_SLOT, dp.program_fd("bl_dhcp").to_bytes(4, "little"))
        self.lease = self.make_lease()
        for index in ENDPOINTS:
            self.endpoint(index)
            dp.update("bl_leases", index, self.lease)
            if index != POD:
                dp.inner_array("bl_conntrack", index, 128, CT_SETS)
            for family in (0, 1):
                dp.update("bl_nexthops", index * 2 + family, mac(GATEWAY_MAC) + b"\1\0")

    def endpoint(self, index, clear=(), add=(), **members):
        """Writes the endpoint's entry; flags are added and cleared by name."""
        guest4, guest6 = (POD4, POD6) if index in POD_BOUND else (GUEST4, GUEST6)
        names = {"EP_LIVE", "EP_SPOOF_GUARD", "EP_HAS_V4", "EP_HAS_V6", "EP_PEER"}
        if index in POD_BOUND:
            names.add("EP_CUSTOM_MAC")
        if index in (POLICED, POLICED_MASQ):
            names.add("EP_POLICY")
        if index == PORTS:
            names.add("EP_PORTS")
        ep = Value(self.btf, "bl_endpoint")
        ep.set("flags", sum(self.abi[name] for name in (names | set(add)) - set(clear)))
        ep.set("uplink_ifindex", 2).set("tap_ifindex", 3).set("mtu", MTU)
        ep.set("guest_mac", mac(GUEST_MAC)).set("uplink_mac", mac(UPLINK_MAC))
        ep.set("router_mac", mac(ROUTER_MAC))
        ep.set("guest4", address(guest4)).set("guest6", address(guest6))
        ep.set("pod4", address(POD4)).set("pod6", address(POD6))
        ep.set("gateway4", address(GATEWAY4)).set("gateway6", address(GATEWAY6))
        ep.set("router6", address(ROUTER6))
        ep.set("dhcp_server4", address(GATEWAY4 if index in POD_BOUND else ROUTER4))
        ep.set("delta4", delta(guest4, POD4)).set("delta6", delta(guest6, POD6))
        ep.set("n_onlink", 3)
        ep.set("onlink.0.addr", address(GATEWAY4)).set("onlink.0.bits", 128)
        ep.set("onlink.1.addr", address(GATEWAY6)).set("onlink.1.bits", 128)
        ep.set("onlink.2.addr", address(NEIGHBOUR4)).set("onlink.2.bits", 128)
        ep.set("ct_sets", 0 if index == POD else CT_SETS)
        if index == PORTS:
            ep.set("n_ports", 2)
            ep.set("ports.0.protocol", 6).set("ports.0.first", 80).set("ports.0.last", 80)
            ep.set("ports.1.protocol", 17).set("ports.1.first", 5000).set("ports.1.last", 5010)
        for member, value in members.items():
            ep.set(member, value)
        self.dp.update("bl_endpoints", index, ep)

    def make_lease(self):
        lease = Value(self.btf, "bl_lease")
        dhcp4 = raw(DHCP(options=[("subnet_mask", "255.255.255.0"), ("router", GATEWAY4),
                                  ("name_server", DNS4), ("interface-mtu", MTU), "end"]))
        dhcp4 += b"\0" * (len(dhcp4) % 2)
        # DNS servers and a search list of odd length
        dhcp6 = struct.pack("!HH", 23, 16) + address(DNS6) + \
            struct.pack("!HH", 24, 9) + b"\7cluster\0"
        ra = ICMPv6ND_RA(M=1, O=1, routerlifetime=65535, cksum=0) / \
            ICMPv6NDOptSrcLLAddr(lladdr=ROUTER_MAC) / ICMPv6NDOptMTU(mtu=MTU) / \
            ICMPv6NDOptRDNSS(dns=[DNS6], lifetime=65535)
        lease.set("lease_s", LEASE_S)
        lease.set("server_duid", raw(DUID_LL(lladdr=ROUTER_MAC)))
        for name, body in (("dhcp4", dhcp4), ("dhcp6", dhcp6), ("ra", raw(ra))):
            lease.set(name + ".len", len(body)).set(name + ".sum", ones_sum(body))
            lease.set(name + ".bytes", body)
        return lease

    def tally(self, index, direction):
        """(opened, allowed, evicted) of packets of that direction."""
        values = self.dp.lookup("bl_tallies", index * 2 + direction, 24 * self.cpus())
        return tuple(map(sum, zip(*struct.iter_unpack("<QQQ", values))))

    # ---- policy ---------------------------------------------------------------------------------

    def policy(self, index, *rows):
        """Swaps the endpoint's policy for these rows; see row()."""
        self.dp.inner_trie("bl_policies", index, list(rows))

    def row(self, identity, egress=False, protocol=None, port=None, bits=16, deny=False,
            precedence=None, counter=0, cookie=0):
        """A key and its entry; without a port all of the protocol, without that everything."""
        length = 40 if protocol is None else 48 if port is None else 48 + bits
        key = struct.pack("<IIBBH", length, identity, egress, protocol or 0,
                          struct.unpack("<H", struct.pack(">H", port or 0))[0])
        return key, struct.pack("<BxHII", deny, counter, precedence or (255 if deny else 1),
                                cookie)

    def identify(self, prefix, identity):
        """Gives a prefix an identity; 0 takes it away."""
        net = ipaddress.ip_network(prefix)
        key = struct.pack("<I", net.prefixlen + (96 if net.version == 4 else 0)) + \
            address(str(net.network_address))
        if identity:
            self.dp.update("bl_ipcache", key, struct.pack("<I", identity))
        else:
            self.dp.delete("bl_ipcache", key)

    def bump_epoch(self):
        config = Value(self.btf, "bl_config", self.dp.lookup("bl_config", 0, 16))
        self.dp.update("bl_config", 0, config.set("epoch", config.get("epoch") + 1))

    def rule_packets(self, counter):
        values = self.dp.lookup("bl_rules", counter, 16 * self.cpus())
        return sum(struct.unpack_from("<Q", values, 16 * cpu)[0] for cpu in range(self.cpus()))

    def connections(self, index):
        """The entries of an endpoint's share that are in use: struct bl_ct_entry."""
        found = []
        for key in range(CT_SETS):
            ways = self.dp.inner_lookup("bl_conntrack", index, key, 128)
            for at in (0, 40, 80):
                entry = dict(zip(CT_MEMBERS, CT_ENTRY.unpack_from(ways, at)))
                if entry["expires"]:
                    found.append(entry)
        return found

    # ---- running --------------------------------------------------------------------------------

    def verdicts(self, index, direction):
        counts = {}
        for reason in self.reason_names:
            key = struct.pack("<HBB", index, direction, reason)
            values = self.dp.lookup("bl_verdicts", key, 16 * self.cpus())
            if values:
                counts[reason] = sum(struct.unpack_from("<Q", values, 16 * cpu)[0]
                                     for cpu in range(self.cpus()))
        return counts

    def cpus(self):
        with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:
            return int(file.read().strip().split("-")[-1]) + 1

    def forwarded(self, index, direction):
        values = self.dp.lookup("bl_traffic", index * 3 + direction, 16 * self.cpus())
        return sum(struct.unpack_from("<Q", values, 16 * cpu)[0] for cpu in range(self.cpus()))

    def run(self, program, frame, index=POD, **options):
        """(tc code, reason's name, frame out). The reason is what the counters say of this packet."""
        direction = FROM_VM if program.endswith("from_vm") else TO_VM
        direction = 2 if program.endswith("pod_out") else direction
        before = self.verdicts(index, direction)
        traffic = self.forwarded(index, direction)
        data = frame if isinstance(frame, bytes) else raw(frame)
        code, out, mark = self.dp.run(program, data, index, **options)
        if program != "bl_masq_pod_out":
            assert mark in (0, 0x626C), "mark %#x left on the packet" % mark
        reasons = [reason for reason, count in self.verdicts(index, direction).items()
                   if count > before.get(reason, 0)]
        reasons += [0] * (self.forwarded(index, direction) - traffic)
        assert len(reasons) == 1, "counted as %s" % reasons
        self.produced.add(self.reason_names[reasons[0]])
        return code, self.reason_names[reasons[0]], out

    def from_vm(self, frame, index=POD, **options):
        return self.run("bl_pod_from_vm" if index in POD_BOUND else "bl_masq_from_vm", frame, index,
                        **options)

    def to_vm(self, frame, index=POD, **options):
        return self.run("bl_pod_to_vm" if index in POD_BOUND else "bl_masq_to_vm", frame, index,
                        **options)

    def loopback(self, frame, index, **options):
        """At the pod's loopback: what is the pod's own goes by untouched and uncounted."""
        code, out, mark = self.dp.run("bl_masq_loop", raw(frame), index, **options)
        if code == NEXT:
            assert out == raw(frame) and mark == options.get("mark", 0), "touched on its way"
            return NEXT, "UNCOUNTED", out
        return self.run("bl_masq_loop", frame, index, **options)

    def forget_connections(self, index):
        for key in range(CT_SETS):
            self.dp.inner_write("bl_conntrack", index, key, bytes(128))


# ---- checks ---------------------------------------------------------------------------------------

def expect(result, code, reason):
    assert result[:2] == (code, reason), "%s %s, wanted %s %s" % (result[0], result[1], code, reason)
    return Ether(result[2])


def dropped(result, reason):
    expect(result, DROP, reason)


def passed(result, reason="PASSED"):
    return expect(result, NEXT, reason)


def forwarded(result):
    return sound(expect(result, REDIRECT, "FORWARDED"))


def answered(result):
    return sound(expect(result, REDIRECT, "ANSWERED"))


def sound(frame):
    """Every length and checksum in the frame is what scapy computes."""
    again = frame.copy()
    for layer in (IP, IPv6, TCP, UDP, ICMP):
        found = again.getlayer(layer)
        if not found:
            continue
        if layer is IP and found.frag:
            break
        for field in ("len", "chksum", "plen"):
            if field in found.fields and not (layer is UDP and field == "chksum" and
                                              found.chksum == 0):
                delattr(found, field)
    inner = again.lastlayer()
    while inner is not None and inner.name != "Ethernet":
        if "cksum" in inner.fields:
            del inner.cksum
        inner = inner.underlayer
    assert raw(again) == raw(frame), "lengths or checksums are wrong:\n%s\n%s" % (
        frame.show2(dump=True), Ether(raw(again)).show2(dump=True))
    return frame


def eth(src=GUEST_MAC, dst=GATEWAY_MAC):
    return Ether(src=src, dst=dst)


def inbound():
    return Ether(src=GATEWAY_MAC, dst=UPLINK_MAC)
