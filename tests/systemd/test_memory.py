"""A service that reaches the memory limit of the unit dies alone."""

import pathlib

import pytest
from box import Cursor, Session, ask

CGROUP = "hybrid"
LIMIT = "[Service]\nMemoryMax=64M\nMemorySwapMax=0\n"
GREEDY = "127.0.0.1:1008 stream tcp nowait root /usr/bin/python3 python3 -c 'x = bytearray(1 << 28)'\n"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/sys/fs/cgroup/memory").is_dir()
    and "memory" not in pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text(),
    reason="no memory controller in this layout")


def test_oom_policy(inetd):
    assert inetd.show("OOMPolicy") == "continue"


def test_only_the_greedy_server_dies(inetd):
    pid = inetd.start(GREEDY + CAT, LIMIT)
    session, here = Session(1007), Cursor()
    assert ask(1008) == b""
    here.wait("1008: .*SIGKILL", "_SYSTEMD_UNIT=inetd.service")
    session.say()
    Session(1007).say()
    assert (inetd.pid, inetd.show("ActiveState")) == (pid, "active")
    assert inetd.reload() == 0
