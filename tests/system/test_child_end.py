"""What is told of a child's end, and what is left of it: nothing."""

import os
import socket

import pytest

from harness import ME, Daemon, ask, connect, free_port, read_all
from support import children, started_pid


@pytest.mark.parametrize("command, told", (
    ("exit 0", r"ended: exit 0, \d+(\.\d+)? m?s"),
    ("exit 3", r"ended: exit 3, \d+(\.\d+)? m?s"),
    ("kill -TERM $$", r"ended: killed by SIGTERM"),
    ("kill -KILL $$", r"ended: killed by SIGKILL"),
))
def test_end_is_logged(command, told):
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/sh sh -c '{command}'\n", "-l") as d:
        assert ask(port) == b""
        pid = started_pid(d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: started pid \d+"))
        d.wait_log(rf"{port}: .*pid {pid} {told}")


def test_no_zombies():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/true true\n", "-l", "-c", "0") as d:
        clients = [connect(port) for _ in range(100)]
        for s in clients:
            assert read_all(s) == b""
            s.close()
        for _ in clients:
            d.wait_log(r"ended: exit 0")
        assert children(d.pid) == {}


def test_peer_text_is_escaped_in_the_log():
    """argv comes from the administrator, but a name from a socket may hold anything."""
    name = "\0inetd-test-%d-\n\x1b[31m" % os.getpid()
    path = "@inetd-test-%d" % os.getpid()
    with Daemon(f"{path} stream unix nowait {ME} /bin/echo echo hello\n", "-l") as d:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(name)
            s.connect("\0" + path[1:])
            assert read_all(s) == b"hello\n"
        d.wait_log(r"ended: exit 0")
        assert not d.lines_like("\x1b")
        assert not d.lines_like(r"^\[31m")
