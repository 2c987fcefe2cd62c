# SPDX-License-Identifier: Apache-2.0
"""What `-o yaml` prints is what another reader of YAML reads: PyYAML, which follows YAML 1.1 and so takes
52:54:00:12:34:56 for a number and 2001-01-01 for a date. The strings are made of the pieces of which
scalars with a meaning consist; the same ones in every run.

Usage: yaml_readers.py BEELINE
"""
import os
import random
import subprocess
import sys
import tempfile

import yaml

sys.dont_write_bytecode = True
from fake_agent import Agent  # noqa: E402

KNOWN = """52:54:00:12:34:56 52:54:00:12:34:56:78 1:30 -1:30.5 0:0 190:20:30.15 0x_ 0x1F -0x_f 0b 0b1_0 0o7
0o 07 08 0_8 1_000 1__0 _1 1_ ._1 .5_ 1._5 1e3 1.5e+999 1e999 +.5 . .. .inf -.Inf +.INF .nan .NaN ~ null NULL
nUll y Y n N yes Yes YES no on On off OFF true TRUE tRue false 2001-01-01 2001-1-2 2001-12-14t21:59:43.10-05:00
2001-12-14T21:59:43Z 20011-1-1 2001-01-01x = == << <<< - -- --- ... ? : , # @ ` % & * ! | > [ ] { } ' " \\
10.0.2.1 10.0.2.1/24 fd10:0:2::2 64Mi 1.5Gi 100m 1Ki 0-3 12345678-1234-1234-1234-123456789012 0e1 0E0 +1 -1
""".split() + ["", " ", " x", "x ", "\n", "\nx", "x\n", "x\n\n", " \n", "a\n b\n", "  a\nb", "\t", "a\tb",
               "a: b", "a #b", "- a", "2001-12-14 21:59:43.10 -5", "2001-01-01 x", "9" * 500, "\u00e9",
               "\u0085", "\u2028", "\ufeff", "\U0001f600", "a\r\nb", "\x7f", "x\n "]
PIECES = list("0123456789") * 2 + list("_:.+-eExXoObBtTzZ~=<>yYnN \t\n#'\"&*!|>%@`{}[],?\\") + \
    ["00", "12", "59", "60", "2001", "-01", ":30", "0x", "0o", ".inf", ".nan", "on", "no", "yes", ": "]
N_MADE = 8000


def strings():
    made = random.Random(1)
    return KNOWN + ["".join(made.choices(PIECES, k=made.randint(1, 6))) for _ in range(N_MADE)]


def printed(program, document):
    with tempfile.TemporaryDirectory(prefix="beeline-golden-") as folder:
        path = folder + "/agent.sock"
        Agent(path, [{"method": "get", "result": {"object": document}}]).start()
        return subprocess.run([program, "get", "vm", "vm-01", "-o", "yaml"], check=True, timeout=60,
                              stdout=subprocess.PIPE, env={**os.environ, "BEELINE_SOCKET": path}).stdout


def misread(text, document):
    """Where the reader finds something else."""
    try:
        found = yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as failure:
        yield f"the document is refused: {' '.join(str(failure).split())}"
        return
    values = zip(document["values"], found["values"])
    yield from (f"{wrote!r} is read as {read!r}" for wrote, read in values if wrote != read)
    yield from (f"key {key!r} is read as another" for key in set(document["keys"]) ^ set(found["keys"]))
    if found != document:
        yield "the document is read as another"


def main():
    values = strings()
    document = {"kind": "VirtualMachine", "metadata": {"name": "vm-01"}, "values": values,
                "keys": {text: "value" for text in values if text}}
    wrong = list(misread(printed(sys.argv[1], document), document))
    name = "cli/yaml reads back"
    print(f"not ok {name}: {len(wrong)}, such as {wrong[0]}" if wrong else f"ok {name}")
    return 1 if wrong else 0


sys.exit(main())
