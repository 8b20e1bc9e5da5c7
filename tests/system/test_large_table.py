"""A daemon with many descriptors, whose children get their sockets in another way (spawn.cc)."""

import os
import pathlib
import re

import pytest

from fault_injector import Injector, Point, missing
from harness import ME, Daemon, ask, connect, free_port, read_all
from support import script, wait_at_rest
from test_inherited import HANDER
from upgrading import upgrade


def passages(pid):
    """The descriptors by which these children get theirs."""
    pairs = {line.split()[6] for line in pathlib.Path(f"/proc/{pid}/net/unix").read_text().splitlines()
             if line.split()[4] == "0005"}
    return sorted(int(path.name) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()
                  if os.readlink(path).removeprefix("socket:[").rstrip("]") in pairs)


def services(count, program="/bin/true true"):
    return "".join(f"{free_port()} stream tcp4 nowait {ME} {program}\n" for _ in range(count))


def assert_cheap(d):
    """A child copies the table up to the number of what its socket comes by: one end of a pair."""
    numbers = passages(d.pid)
    assert len(numbers) == 32
    assert len([number for number in numbers if number < 64]) >= 16


def test_nothing_else_with_many_listeners():
    """The children of a daemon with many descriptors are started in another way."""
    ports = [free_port() for _ in range(120)]
    conf = "".join(f"{port} stream tcp nowait {ME} /bin/ls ls -l /proc/self/fd\n" for port in ports)
    with Daemon(conf):
        for port in ports[::12]:
            with connect(port) as s:
                fds = dict(re.findall(r" (\d+) -> (\S+)", read_all(s).decode()))
            assert set(fds) == {"0", "1", "2", "3"}
            assert fds["0"] == fds["1"] == fds["2"]


def test_a_start_copies_few_descriptors():
    few, many = services(2), services(200)
    with Daemon(few) as d:
        assert passages(d.pid) == []
        d.reload(many)
        assert_cheap(d)
    with Daemon(many) as d:
        assert_cheap(d)
        for _ in range(2):
            upgrade(d)
            wait_at_rest(d.pid)
            assert_cheap(d)


def test_where_the_sockets_are_handed_in(workdir):
    ports = [free_port() for _ in range(120)]
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} /bin/echo echo {port}\n" for port in ports)
    hand = (script(workdir / "hand", HANDER), *(f"x=tcp=127.0.0.1:{port}" for port in ports), "--")
    with Daemon(conf, wrap=hand) as d:
        assert_cheap(d)
        for port in ports[::7]:
            assert ask(port) == f"{port}\n".encode()


def test_connections_may_become_as_many():
    echo = f"{free_port()} stream tcp nowait root internal echo\n"
    with Daemon(echo + services(1)) as d:
        assert_cheap(d)
    with Daemon(echo) as d:
        assert passages(d.pid) == []  # it starts nobody
    with Daemon(echo + services(1), wrap=("prlimit", "--nofile=200")) as d:
        assert passages(d.pid) == []  # they cannot


@pytest.mark.root
@pytest.mark.parametrize("who, call, error", (("child", "close_range", "ENOMEM"),
                                              ("child", "recvmsg", "ENOMEM"),
                                              ("daemon", "clone3", "EAGAIN")))
def test_nobody_gets_the_client_of_a_child_that_died(workdir, who, call, error):
    """What its successor in the slot would find is another service's connection."""
    if reason := missing():
        pytest.skip(f"no faults: {reason}")
    one, other = free_port(), free_port()
    conf = (f"{one} stream tcp4 nowait nobody /bin/echo echo one\n"
            f"{other} stream tcp4 nowait {ME} /bin/echo echo other\n" + services(100))
    injector = Injector(workdir)
    with Daemon(conf, wrap=injector.wrap) as d:
        assert injector.say(injector.order(Point(who, call, error, 1))) == "ok"
        with connect(one) as lost:
            assert read_all(lost) == b""  # at once, and not when the slot is used again
        assert injector.tell()[0] == 1
        for _ in range(40):  # there are 16 slots
            assert ask(other) == b"other\n"
        assert_cheap(d)
    injector.close()
