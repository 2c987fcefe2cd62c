# SPDX-License-Identifier: Apache-2.0
"""The datapath's programs under BPF_PROG_TEST_RUN: packet in, verdict and packet out.

Programs and maps are loaded from the built object through libbpf; the layout of map values is read
from the object's BTF and the numbers from abi.h, so that this stays the only place that says them.
"""

import ctypes
import json
import os
import re
import subprocess

NEXT, DROP, REDIRECT = 0xFFFFFFFF, 2, 7
TO_VM, FROM_VM, POD_OUT = 0, 1, 2
ARRAY, LPM_TRIE, RINGBUF = 2, 11, 27
NO_PREALLOC, INNER_MAP = 1, 1 << 12


class Btf:
    """Offsets of struct members and values of enums, by name."""

    def __init__(self, path):
        dump = subprocess.run(["bpftool", "-j", "btf", "dump", "file", path],
                              check=True, capture_output=True).stdout
        self.types = {t["id"]: t for t in json.loads(dump)["types"]}
        self.structs = {t["name"]: t for t in self.types.values()
                        if t["kind"] == "STRUCT" and t["name"] != "(anon)"}

    def resolve(self, type_id):
        while self.types[type_id]["kind"] in ("TYPEDEF", "CONST", "VOLATILE"):
            type_id = self.types[type_id]["type_id"]
        return self.types[type_id]

    def size(self, t):
        if t["kind"] == "ARRAY":
            return t["nr_elems"] * self.size(self.resolve(t["type_id"]))
        return t["size"]


def abi_constants():
    """The reasons (BL_REASONS) and endpoint flags of abi.h by name."""
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../include/beeline/abi.h"), encoding="utf-8") as file:
        text = file.read()
    rows = text[text.index("#define BL_REASONS"):text.index("enum bl_reason {")]
    constants = {name: int(number)
                 for name, number in re.findall(r'X\((\w+), (\d+), "', rows)}
    constants.update({name: 1 << int(bit)
                      for name, bit in re.findall(r"BL_(EP_\w+) = 1 << (\d+)", text)})
    return constants


class Value:
    """Bytes of a map value, addressed by member path: value.set("onlink.0.bits", 120)."""

    def __init__(self, btf, struct, raw=None):
        self.btf, self.type = btf, btf.structs[struct]
        self.raw = bytearray(raw or self.type["size"])

    def find(self, path):
        offset, t = 0, self.type
        for step in path.split("."):
            if t["kind"] == "ARRAY":
                t = self.btf.resolve(t["type_id"])
                offset += int(step) * self.btf.size(t)
                continue
            found = self.member(t, step)
            offset, t = offset + found[0], found[1]
        return offset, self.btf.size(t)

    def member(self, t, name):
        for m in t["members"]:
            inner = self.btf.resolve(m["type_id"])
            if m["name"] == name:
                return m["bits_offset"] // 8, inner
            if m["name"] == "(anon)" and inner["kind"] in ("STRUCT", "UNION"):
                try:
                    offset, found = self.member(inner, name)
                    return m["bits_offset"] // 8 + offset, found
                except KeyError:
                    pass
        raise KeyError(name)

    def set(self, path, value):
        offset, size = self.find(path)
        if isinstance(value, int):
            value = value.to_bytes(size, "little")
        assert len(value) <= size, path
        self.raw[offset:offset + len(value)] = value
        return self

    def get(self, path):
        offset, size = self.find(path)
        return int.from_bytes(self.raw[offset:offset + size], "little")


class TestRunOpts(ctypes.Structure):
    _fields_ = [("sz", ctypes.c_size_t),
                ("data_in", ctypes.c_void_p), ("data_out", ctypes.c_void_p),
                ("data_size_in", ctypes.c_uint32), ("data_size_out", ctypes.c_uint32),
                ("ctx_in", ctypes.c_void_p), ("ctx_out", ctypes.c_void_p),
                ("ctx_size_in", ctypes.c_uint32), ("ctx_size_out", ctypes.c_uint32),
                ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int),
                ("duration", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32)]


SKB_SIZE, SKB_MARK, SKB_CB, SKB_GSO_SEGS, SKB_GSO_SIZE = 192, 8, 48, 164, 176


class Ring:
    """The records of a ring buffer, as libbpf hands them out."""

    CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

    def __init__(self, lib, fd):
        self.lib, self.records = lib, []
        self.callback = self.CALLBACK(self.take)  # libbpf keeps it: it must not be collected
        lib.ring_buffer__new.restype = ctypes.c_void_p
        self.ring = ctypes.c_void_p(lib.ring_buffer__new(fd, self.callback, None, None))
        assert self.ring, "ring buffer"

    def take(self, _context, record, size):
        self.records.append(ctypes.string_at(record, size))
        return 0

    def read(self):
        """What was written since the last time."""
        self.records = []
        self.lib.ring_buffer__consume(self.ring)
        return self.records

    def close(self):
        self.lib.ring_buffer__free(self.ring)


class Datapath:
    """One loaded set of programs and maps; nothing is pinned or attached."""

    def __init__(self, path):
        self.lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
        for name in ("bpf_object__open", "bpf_object__find_program_by_name",
                     "bpf_object__find_map_by_name"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.btf = Btf(path)
        self.arrays = {}
        self.object = ctypes.c_void_p(self.lib.bpf_object__open(path.encode()))
        if self.lib.bpf_object__load(self.object):
            raise OSError(ctypes.get_errno(), "loading " + path)

    def map_fd(self, name):
        found = self.lib.bpf_object__find_map_by_name(self.object, name.encode())
        return self.lib.bpf_map__fd(ctypes.c_void_p(found))

    def update(self, name, key, value):
        key = key.to_bytes(4, "little") if isinstance(key, int) else key
        raw = value if isinstance(value, bytes) else bytes(value.raw)
        if self.lib.bpf_map_update_elem(self.map_fd(name), key, raw, ctypes.c_uint64(0)):
            raise OSError(ctypes.get_errno(), "updating " + name)

    def lookup(self, name, key, size):
        out = ctypes.create_string_buffer(size)
        key = key.to_bytes(4, "little") if isinstance(key, int) else key
        if self.lib.bpf_map_lookup_elem(self.map_fd(name), key, out):
            return None
        return out.raw

    def delete(self, name, key):
        self.lib.bpf_map_delete_elem(self.map_fd(name), key)

    def inner(self, kind, flags, key_size, value_size, entries):
        class Opts(ctypes.Structure):
            _fields_ = [("sz", ctypes.c_size_t), ("btf_fd", ctypes.c_uint32),
                        ("ids", ctypes.c_uint32 * 3), ("inner", ctypes.c_uint32),
                        ("flags", ctypes.c_uint32), ("extra", ctypes.c_uint64),
                        ("numa", ctypes.c_uint32), ("ifindex", ctypes.c_uint32)]
        opts = Opts(sz=ctypes.sizeof(Opts), flags=flags)
        fd = self.lib.bpf_map_create(kind, b"bl_inner", key_size, value_size, entries,
                                     ctypes.byref(opts))
        assert fd >= 0, "inner map"
        return fd

    def inner_array(self, name, index, value_size, entries):
        """Gives an array of maps its inner array (the agent's work)."""
        fd = self.inner(ARRAY, INNER_MAP, 4, value_size, entries)
        self.arrays[name, index] = fd
        self.update(name, index, fd.to_bytes(4, "little"))

    def inner_trie(self, name, index, rows, entries=16384):
        """The same with a trie: rows is a list of (key, value)."""
        fd = self.inner(LPM_TRIE, NO_PREALLOC, len(rows[0][0]) if rows else 12,
                        len(rows[0][1]) if rows else 12, entries)
        for key, value in rows:
            if self.lib.bpf_map_update_elem(fd, key, value, ctypes.c_uint64(0)):
                raise OSError(ctypes.get_errno(), "filling " + name)
        self.update(name, index, fd.to_bytes(4, "little"))
        os.close(fd)

    def ring(self, name):
        return Ring(self.lib, self.map_fd(name))

    def inner_ring(self, name, index, size):
        """The same with a ring of its own, which is returned."""
        fd = self.inner(RINGBUF, 0, 0, 0, size)
        self.update(name, index, fd.to_bytes(4, "little"))
        ring = Ring(self.lib, fd)
        os.close(fd)
        return ring

    def inner_lookup(self, name, index, key, size):
        out = ctypes.create_string_buffer(size)
        self.lib.bpf_map_lookup_elem(self.arrays[name, index], key.to_bytes(4, "little"), out)
        return out.raw

    def inner_write(self, name, index, key, value):
        self.lib.bpf_map_update_elem(self.arrays[name, index], key.to_bytes(4, "little"),
                                     value, ctypes.c_uint64(0))

    def program_fd(self, name):
        found = self.lib.bpf_object__find_program_by_name(self.object, name.encode())
        return self.lib.bpf_program__fd(ctypes.c_void_p(found))

    def run(self, program, frame, endpoint=0, gso_size=0, mark=0, repeat=1):
        """Returns (tc code, frame out, mark out). A repeated run finds the packet as the one before
        left it."""
        fd = self.program_fd(program)
        data, out = ctypes.create_string_buffer(frame, len(frame)), \
            ctypes.create_string_buffer(4096)
        skb = ctypes.create_string_buffer(SKB_SIZE)
        skb[SKB_CB:SKB_CB + 4] = endpoint.to_bytes(4, "little")
        skb[SKB_MARK:SKB_MARK + 4] = mark.to_bytes(4, "little")
        skb[SKB_GSO_SIZE:SKB_GSO_SIZE + 4] = gso_size.to_bytes(4, "little")
        after = ctypes.create_string_buffer(SKB_SIZE)
        opts = TestRunOpts(sz=ctypes.sizeof(TestRunOpts), repeat=repeat,
                           data_in=ctypes.addressof(data), data_size_in=len(frame),
                           data_out=ctypes.addressof(out), data_size_out=len(out),
                           ctx_in=ctypes.addressof(skb), ctx_size_in=SKB_SIZE,
                           ctx_out=ctypes.addressof(after), ctx_size_out=SKB_SIZE)
        if self.lib.bpf_prog_test_run_opts(fd, ctypes.byref(opts)):
            raise OSError(ctypes.get_errno(), "running " + program)
        mark_out = int.from_bytes(after.raw[SKB_MARK:SKB_MARK + 4], "little")
        return opts.retval, out.raw[:opts.data_size_out], mark_out
