"""The limits of a process that the settings file gives a server, as a real child finds them."""

import os
import re
import resource

import pytest

from confined import fails, line, reload
from harness import ME, ask, free_port
from support import listeners, script

LIMITS = "/bin/cat cat /proc/self/limits"

ROOT_OR_ME = "nobody" if os.geteuid() == 0 else ME


def limits_of(port):
    """{name of /proc/PID/limits: (soft, hard)}"""
    return {m[1]: (m[2], m[3]) for m in
            re.finditer(r"^(Max [a-z ]+?)\s\s+(\S+)\s+(\S+)", ask(port).decode(), re.M)}


@pytest.mark.root
def test_each_limit(start):
    port = free_port()
    start(line(port, LIMITS, "nobody"), """defaults = { rlimits = {
        as = "1g"; core = "0:0"; cpu = "60:120"; data = "512m"; fsize = "4k"; locks = 7;
        memlock = 65536; msgqueue = "16k"; nice = 0; nofile = "40:50"; nproc = 1000; rss = "3m";
        rtprio = "0:0"; rttime = 1000; sigpending = 99; stack = "8m:unlimited"; }; };""")
    assert limits_of(port) == {
        "Max address space": ("1073741824", "1073741824"),
        "Max core file size": ("0", "0"),
        "Max cpu time": ("60", "120"),
        "Max data size": ("536870912", "536870912"),
        "Max file size": ("4096", "4096"),
        "Max file locks": ("7", "7"),
        "Max locked memory": ("65536", "65536"),
        "Max msgqueue size": ("16384", "16384"),
        "Max nice priority": ("0", "0"),
        "Max open files": ("40", "50"),
        "Max processes": ("1000", "1000"),
        "Max resident set": ("3145728", "3145728"),
        "Max realtime priority": ("0", "0"),
        "Max realtime timeout": ("1000", "1000"),
        "Max pending signals": ("99", "99"),
        "Max stack size": ("8388608", "unlimited"),
    }


def test_a_limit_binds_and_a_reload_changes_it(start, workdir):
    port = free_port()
    server = script(workdir / "server", "ulimit -n\n", "/bin/sh")
    d = start(line(port, server), "defaults = { rlimits = { nofile = 20; }; };")
    before = listeners(d.pid, port)
    assert ask(port) == b"20\n"
    reload(d, 'defaults = { rlimits = { nofile = "19:30"; }; };')
    assert ask(port) == b"19\n"
    reload(d, "")
    assert int(ask(port)) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert listeners(d.pid, port) == before


def test_a_limit_that_cannot_be_had(start):
    port = free_port()
    most = int(open("/proc/sys/fs/nr_open").read())
    d = start(line(port, LIMITS), "defaults = { rlimits = { core = 0; nofile = %d; }; };" % (most + 1))
    fails(d, port, "setting the limit of nofile: Operation not permitted")


@pytest.mark.parametrize("much, answer", ((1 << 20, b"had it\n"), (1 << 28, b"")))
def test_a_limit_of_memory_binds(start, workdir, much, answer):
    port = free_port()
    server = script(workdir / "server", f"bytearray({much})\nprint('had it')\n")
    d = start(line(port, server), 'defaults = { rlimits = { as = "200m"; }; stderr = "log"; };')
    assert ask(port) == answer
    if not answer:
        d.wait_log(f"{port}: .*MemoryError")


@pytest.mark.needs("ionice")
@pytest.mark.parametrize("written, found", (
    ("idle", b"idle\n"),
    ("best-effort", b"best-effort: prio 4\n"),
    ("best-effort:7", b"best-effort: prio 7\n"),
    pytest.param("realtime:0", b"realtime: prio 0\n", marks=pytest.mark.root),
))
def test_ionice(start, workdir, written, found):
    port = free_port()
    server = script(workdir / "server", "ionice\n", "/bin/sh")
    start(line(port, server, ROOT_OR_ME), 'defaults = { ionice = "%s"; };' % written)
    assert ask(port) == found
