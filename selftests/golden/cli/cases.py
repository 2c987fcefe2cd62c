# SPDX-License-Identifier: Apache-2.0
"""Runs the command against a fake agent and compares what it prints with what is expected.

A case is a file cases/<name>.json: {"args": [...], "stdin": text, "files": {name: text},
"agent": [steps, see fake_agent.py] (absent: nobody listens), "stdout": [lines], "stderr": [lines],
"exit": code}. "{}" in an argument is the case's folder, which stands first in PATH. --update writes down what was printed.
Usage: cases.py BEELINE [--update] [NAME...]
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from fake_agent import Agent  # noqa: E402

HERE = pathlib.Path(__file__).parent


def steady(text):
    """Times that differ from run to run."""
    return re.sub(r"after \d+s\b", "after Ns", text)


def run(program, case):
    with tempfile.TemporaryDirectory(prefix="beeline-golden-") as folder:
        for name, text in case.get("files", {}).items():
            pathlib.Path(folder, name).write_text(text)
            pathlib.Path(folder, name).chmod(0o755 if text.startswith("#!") else 0o644)
        path = folder + "/agent.sock"
        if "agent" in case:
            agent = Agent(path, case["agent"])
            agent.start()
        env = {"PATH": folder + ":" + os.environ["PATH"], "BEELINE_SOCKET": path, "LANG": "C", "HOME": folder,
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        done = subprocess.run([program] + [a.replace("{}", folder) for a in case["args"]],
                              input=case.get("stdin", ""), capture_output=True, text=True, env=env,
                              timeout=20, check=False)
        steps = [s for s in agent.steps if not s.get("optional")] if "agent" in case else []
        found = {"stdout": done.stdout, "stderr": done.stderr}
        found = {k: steady(v.replace(folder, "{}")).splitlines() for k, v in found.items()}
        found["exit"] = done.returncode
        return found, [f"never called: {json.dumps(s)}" for s in steps]


def differences(case, found):
    for key, value in found.items():
        if case.get(key) != value:
            yield (f"{key} differs\n  expected {json.dumps(case.get(key))}\n"
                   f"  got      {json.dumps(value)}")


def main():
    program, *rest = sys.argv[1:]
    update = "--update" in rest
    names = [r for r in rest if r != "--update"]
    failed = 0
    for path in sorted((HERE / "cases").glob("*.json")):
        if names and path.stem not in names:
            continue
        case = json.loads(path.read_text())
        try:
            found, wrong = run(os.path.abspath(program), case)
        except subprocess.TimeoutExpired:
            found, wrong = {}, ["it does not end"]
        if update:
            path.write_text(json.dumps(case | found, indent=1) + "\n")
        else:
            wrong += differences(case, found)
        name = f"cli/{path.stem}"
        print(f"not ok {name}: {wrong[0].splitlines()[0]}" if wrong else f"ok {name}")
        for text in wrong:
            print("  " + text.replace("\n", "\n  "))
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
