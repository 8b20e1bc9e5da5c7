"""Socket units that become lines of inetd.conf, and lines that become units: clients see no difference."""

import pathlib
import re

import pytest
from box import CONF, ask, run

UNITS = pathlib.Path("/run/systemd/system")
CFG = pathlib.Path("/etc/inetd.cfg")
SHOW = """#!/usr/bin/python3 -IS
import os, sys
print(sys.argv, sys.stdin.readline(), os.environ.get("A"), os.environ.get("REMOTE_ADDR"), os.getuid(), os.getgid(),
      oct(os.umask(0)), os.nice(0), os.getcwd())
"""


@pytest.fixture
def show():
    path = pathlib.Path("/usr/local/bin/show")
    path.write_text(SHOW)
    path.chmod(0o755)
    return path


@pytest.fixture
def units():
    """start(names) loads and starts units; they and their files are gone afterwards."""
    started = []

    def start(*names):
        run("systemctl", "daemon-reload")
        for name in names:
            started.append(name)
            run("systemctl", "start", name)

    yield start
    for name in started:
        run("systemctl", "stop", name, check=False)
    for path in UNITS.glob("*greet*"):
        path.unlink()
    for path in UNITS.glob("inetd-*"):
        path.unlink()
    CFG.write_text("")
    run("systemctl", "daemon-reload")


def test_units_become_lines(inetd, show, units):
    (UNITS / "greet.socket").write_text("[Socket]\nListenStream=2201\nAccept=yes\nMaxConnections=9\n")
    (UNITS / "greet@.service").write_text(
        f"[Service]\nExecStart=-{show} 'a b' \"$A\" ${{A}}\\x21 100%%\nStandardInput=socket\n"
        "Environment=A=x\nUser=daemon\nGroup=adm\nUMask=0027\nNice=4\nWorkingDirectory=/usr\n")
    units("greet.socket")
    before = [ask(2201, b"hello\n", family=family) for family in (2, 10)]
    assert b"hello" in before[0] and b"'a b'" in before[0] and b"100%" in before[0], before
    run("systemctl", "stop", "greet.socket")
    said = run("inetctl", "import", "systemd", "--force", "--output", "/etc", "greet")
    assert "error" not in said
    inetd.start(CONF.read_text())
    assert [ask(2201, b"hello\n", family=family) for family in (2, 10)] == before


def test_lines_become_units(inetd, show, units):
    CFG.write_text('services = ( { name = "2202"; umask = "0077"; nice = 3; env = ["A=b c", "P=100%"]; '
                   'directory = "/usr"; groups = []; rlimits = { nofile = "64:128"; }; instances = 7; } );\n')
    inetd.start(f"2202 stream tcp nowait daemon:adm {show} show 'a b' '$A' 100%% '\"' 'x;y' ';' \\\\\n"
                "2203 stream tcp nowait root internal redirect 127.0.0.1 2202\n"
                "daytime stream tcp nowait root internal\n")
    before = [ask(2202, b"hello\n", family=family) for family in (2, 10)]
    assert b"100%%" in before[0] and b"A" in before[0]
    inetd.stop()
    said = run("inetctl", "export", "systemd", "--force", "--output", UNITS)
    assert re.search("daytime/tcp: no counterpart: the built-in service daytime", said)
    made = sorted(path.name for path in UNITS.glob("inetd-*"))
    assert made == ["inetd-2202.socket", "inetd-2202@.service", "inetd-2203.service", "inetd-2203.socket"]
    verified = run("systemd-analyze", "verify", *(UNITS / name for name in made), check=False).stdout
    assert [line for line in verified.splitlines() if "inetd-22" in line and "PollLimit" not in line] == []
    units("inetd-2202.socket")
    after = [ask(2202, b"hello\n", family=family) for family in (2, 10)]
    # The user has no groups but his own, which systemd cannot take away.
    assert after == before
