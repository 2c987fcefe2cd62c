# SPDX-License-Identifier: Apache-2.0
"""What is shipped beside the command says all that its help says: each verb has its section of the manual
page, with each option, and both shells complete it. Usage: shipped.py BEELINE"""
import re
import shutil
import subprocess
import sys

SHELLS = {
    "bash": """
source <("$1" --bash-completion)
while read -r line; do
    COMP_WORDS=(beeline $line "") COMP_CWORD=$(($(wc -w <<<"$line") + 1)) COMPREPLY=()
    _beeline
    echo "${COMPREPLY[*]}"
done
""",
    "zsh": """
compdef() { :; }
compadd() { shift; print -r -- "$@"; }
source <("$1" --zsh-completion)
while read -r line; do
    words=(beeline ${=line} "") CURRENT=$((${#${=line}} + 2))
    _beeline
done
""",
}


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=20).stdout


def section(text, title):
    listed = re.search(rf"^{title}:\n((?:  .*\n|\n)*)", text, re.M)
    return listed[1] if listed else ""


def verbs(program, *path):
    """(path, options, verbs below) of each verb, as the help says them."""
    text = output(program, *path, "--help")
    below = re.findall(r"^  ([a-z][a-z-]*) ", section(text, "Verbs"), re.M)
    options = re.findall(r"^\s+(?:-\w, )?--(?:\[no-\])?([a-z-]+)", section(text, "Options"), re.M)
    yield " ".join(path), options, below
    for verb in below:
        yield from verbs(program, *path, verb)


def check_manual(program, table):
    page = output(program, "--man-page").replace("\\-", "-")
    sections = {}
    for text in page.split("\n.SS ")[1:]:
        sections[re.match(r"[a-z]+(?: [a-z]+(?= |$))?", text.split("\n")[0])[0]] = text
    for path, options, below in table:
        if below:
            continue
        text = next((each for name, each in sections.items()
                     if each.split("\n")[0] == path or each.startswith(path + " ")), None)
        if text is None:
            yield f"the manual page lacks '{path}'"
            continue
        for option in set(options) - {"help"}:
            if not re.search(rf"^\.(?:B|BR) .*--(?:\[no-\])?{option}\b", text, re.M):
                yield f"the manual page lacks --{option} of '{path}'"


def check_shell(shell, program, table):
    done = subprocess.run([shell, "-c", SHELLS[shell], shell, program], capture_output=True, text=True,
                          input="".join(path + "\n" for path, _, _ in table), timeout=20, check=False)
    lines = done.stdout.splitlines()
    if len(lines) != len(table) or done.stderr:
        yield f"{len(lines)} answers, {len(table)} asked for: {done.stderr}"
    for (path, options, below), line in zip(table, lines):
        wanted = set(below) | {"--" + option for option in options}
        if path:
            wanted |= {"--help"}
        missing = wanted - set(line.split())
        if missing:
            yield f"'{path}' is not completed by {' '.join(sorted(missing))}"


def report(name, offences):
    print(f"not ok {name}: {'; '.join(offences[:5])}" if offences else f"ok {name}", flush=True)
    return not offences


def main():
    program = sys.argv[1]
    table = list(verbs(program))
    good = report("cli/verbs", [] if len(table) > 30 else [f"the help tells of {len(table)} verbs"])
    good &= report("cli/manual", list(check_manual(program, table)))
    for shell in SHELLS:
        if shutil.which(shell):
            good &= report(f"cli/completion-{shell}", list(check_shell(shell, program, table)))
        else:
            print(f"skip cli/completion-{shell}: {shell}")
    return 0 if good else 1


sys.exit(main())
