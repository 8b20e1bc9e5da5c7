"""Servers in control groups of their own, below what the unit delegates."""

import pathlib

import pytest
from box import Cursor, Session, ask, run

SETTINGS = pathlib.Path("/etc/inetd.cfg")
TOP = pathlib.Path("/sys/fs/cgroup")
CAT = "127.0.0.1:1007 stream tcp4 nowait root /bin/cat cat\n"
WHERE = "127.0.0.1:1008 stream tcp4 nowait nobody /bin/cat cat /proc/self/cgroup\n"
OWN = "/system.slice/inetd.service"


@pytest.fixture
def settings():
    before = SETTINGS.read_text() if SETTINGS.exists() else ""
    yield SETTINGS.write_text
    SETTINGS.write_text(before)


def controllers(group):
    return (TOP / group.strip("/") / "cgroup.subtree_control").read_text().split()


@pytest.fixture
def controller():
    """A controller that systemd does not know, so that it leaves it alone, down to the unit's group.
    (It is the only one here where the others belong to version 1.)"""
    if "hugetlb" not in (TOP / "cgroup.controllers").read_text().split():
        pytest.skip("no hugetlb controller in cgroup2")
    for group in ("", "system.slice"):
        (TOP / group / "cgroup.subtree_control").write_text("+hugetlb")
    return 'cgroup = { set = ["hugetlb.2MB.max=0"]; };'


def test_servers_are_in_their_group_and_the_daemon_in_its_own(inetd, settings):
    settings('services = ( { name = "1008"; cgroup = { set = ["cgroup.max.depth=1"]; }; } );')
    pid = inetd.start(CAT + WHERE)
    assert ask(1008).decode().strip().endswith(f"0::{OWN}/127.0.0.1-1008-tcp4")
    assert pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip().endswith(f"{OWN}/inetd.main")
    session = Session(1007)
    assert inetd.reload() == 0
    session.say()
    assert inetd.pid == pid


def test_a_stop_ends_who_was_left_in_a_group(inetd, settings):
    """The daemon that stops is another one than has started it, and is in a group of its own."""
    settings('services = ( { name = "1007"; cgroup = { set = ["cgroup.max.depth=1"]; }; } );')
    inetd.start(CAT)
    session = Session(1007)
    inetd.restart()
    session.say()
    Session(1007).say()
    settings('daemon = { stop_timeout = 0; };')
    assert inetd.reload() == 0
    session.say()
    inetd.stop()
    assert session.ended()
    assert inetd.members() == []


@pytest.mark.parametrize("how", ("restart", "crash"))
def test_the_daemon_comes_back_while_a_server_is_in_its_group(inetd, settings, controller, how):
    """The kernel lets nobody into the group of the unit while that has controllers."""
    settings(f'services = ( {{ name = "1007"; {controller} }} );')
    pid = inetd.start(CAT + WHERE)
    assert controllers(OWN) == ["hugetlb"]
    session, here = Session(1007), Cursor()
    if how == "restart":
        inetd.restart()
    else:
        inetd.kill(9)
        here.wait("services?, 0 running", "_SYSTEMD_UNIT=inetd.service")
    assert inetd.pid not in (0, pid)
    assert inetd.show("ActiveState") == "active"
    session.say()
    assert controllers(OWN) == ["hugetlb"]
    file = TOP / OWN[1:] / "127.0.0.1-1007-tcp4/hugetlb.2MB.max"
    assert file.read_text() == "0\n"
    Session(1007).say()


def test_without_delegation_such_a_service_does_not_run(inetd, settings):
    settings('services = ( { name = "1008"; cgroup = { set = ["cgroup.max.depth=1"]; }; } );')
    here = Cursor()
    inetd.start(CAT + WHERE, "[Service]\nDelegate=no\n")
    here.wait(r"1008: cgroup: .*inetd.service is not delegated to inetd \(Delegate=yes\)")
    assert ask(1008) == b""
    Session(1007).say()
    assert run("systemctl", "show", "-P", "Delegate", "inetd.service").strip() == "no"
