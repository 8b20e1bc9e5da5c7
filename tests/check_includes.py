#!/usr/bin/python3
"""Keeps the folders of src/ pointing one way: reads the #include lines, prints what breaks a rule.

check_includes.py SRC | --self-test
"""

import pathlib
import re
import sys
import tempfile

MIDDLE = {"net", "policy", "process", "builtin", "systemd", "control"}
VALUES = {"config/model.h", "config/diagnostic.h"}  # what the middle folders may know of config/
ALLOWED = {  # folders; main.cc stands in ""
    "pch": set(),
    "base": set(),
    "log": {"base"},
    "event": {"base", "log"},
    "config": {"base"},
    **{folder: {"base", "log", "event"} for folder in MIDDLE},
    "server": {"base", "log", "event", "config"} | MIDDLE,
    "ctl": {"base", "control"},
    "": {"base", "log", "event", "config", "process", "server"},
}
SYSTEM = [  # system headers that belong to one place: what they look like, where they may stand
    (re.compile(r"systemd/"), re.compile(r"systemd/")),
    (re.compile(r"libconfig"), re.compile(r"config/settings\.cc$")),
    (re.compile(r"CLI/"), re.compile(r"server/command_line\.cc$|ctl/")),
]
MOST_LINES = 320
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def problems_of_include(name, folder, bracket, target):
    if bracket == "<":
        for header, place in SYSTEM:
            if header.match(target) and not place.match(name):
                yield f"{target} does not belong here"
    elif "/" not in target:
        yield f'"{target}" must be named with its folder'
    else:
        other = target.split("/")[0]
        fine = other == folder or other in ALLOWED.get(folder, ())
        if not fine and not (folder in MIDDLE and target in VALUES):
            yield f"{folder or name} must not know {target}"


def problems(src):
    for path in sorted(p for p in src.rglob("*") if p.suffix in (".h", ".cc")):
        name = path.relative_to(src).as_posix()
        folder = name.split("/")[0] if "/" in name else ""
        lines = path.read_text().splitlines()
        if folder not in ALLOWED:
            yield f"{name}: a folder without a rule"
        if len(lines) > MOST_LINES:
            yield f"{name}: {len(lines)} lines, at most {MOST_LINES}"
        for number, line in enumerate(lines, 1):
            if path.suffix == ".h" and re.match(r"\s*using\s+namespace\b", line):
                yield f"{name}:{number}: using namespace in a header"
            found = INCLUDE.match(line)
            for text in problems_of_include(name, folder, *found.groups()) if found else ():
                yield f"{name}:{number}: {text}"


def self_test():
    good = {"net/a.h": '#include "base/fd.h"\n#include "config/model.h"\n', "main.cc": '#include "server/x.h"\n',
            "config/settings.cc": "#include <libconfig.h>\n", "systemd/n.cc": "#include <systemd/sd-daemon.h>\n"}
    bad = {"base/a.h": '#include "log/log.h"\n', "net/b.cc": '#include "policy/gate.h"\n',
           "net/c.cc": '#include "config/load.h"\n', "ctl/d.cc": '#include "server/server.h"\n',
           "server/e.cc": "#include <systemd/sd-daemon.h>\n", "config/f.cc": "#include <libconfig.h>\n",
           "log/g.h": "using namespace std;\n", "log/h.cc": "\n" * (MOST_LINES + 1),
           "event/i.cc": '#include "loop.h"\n', "main.cc": '#include "net/a.h"\n', "odd/j.h": "\n"}
    for planted, wanted in [(good, 0)] + [({name: text}, 1) for name, text in bad.items()]:
        with tempfile.TemporaryDirectory() as top:
            for name, text in planted.items():
                path = pathlib.Path(top, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            found = list(problems(pathlib.Path(top)))
            if len(found) != wanted:
                yield f"{sorted(planted)}: expected {wanted} problems, found {found}"


found = list(self_test() if sys.argv[1] == "--self-test" else problems(pathlib.Path(sys.argv[1])))
print(*found, sep="\n")
sys.exit(bool(found))
