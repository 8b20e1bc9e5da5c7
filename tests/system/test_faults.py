"""System calls that fail one at a time: a sample of what `make faults` tries, and the points at which
something was wrong once."""

import contextlib
import itertools

import pytest

from fault_injector import Injector, Point, missing
from faults import RUNNING, Finding, make, points_of
from harness import PATIENCE, Daemon, connect, free_port

pytestmark = pytest.mark.root

# What each was: the child stayed a zombie; a server waited for a datagram that was lost; the new
# binary died rather than give the process back, forgot lines of which a file could not be looked
# at, or its supervisor; a descriptor stayed open; a start without a word; nobody could be asked; a
# daemon without capabilities could not look behind its own socket file.
# With a star: at each of the calls that there are.
ONCE = {
    "start": "daemon chdir ENOENT 1, daemon socket EMFILE 1, daemon bind ENOMEM 12, "
             "daemon chmod EPERM 1",
    "spawn": "daemon waitid EINTR 1",
    "datagrams": "daemon sendmsg EAGAIN 1, daemon sendmsg ENOBUFS 1",
    "accept": "daemon epoll_ctl ENOMEM *",
    "reload": "daemon chmod EPERM 1",
    "control": "daemon bind EADDRNOTAVAIL 1",
    "upgrade": "daemon epoll_create1 EMFILE 1, daemon signalfd4 ENOMEM 1, daemon pread64 EIO 1, "
               "daemon chdir ENOENT 2, daemon clone EAGAIN 1, daemon readlink EACCES 1, "
               "daemon readlink EACCES 3, daemon socket EMFILE 1, daemon connect ECONNREFUSED 1, "
               "daemon waitid EINTR 1, daemon chmod EPERM 1, daemon getsockname ENOBUFS 2, "
               "daemon socketpair EMFILE 3",
}
SAMPLE = 12  # of a running daemon's kinds of points in each phase
FEW = 4  # where each point takes a daemon of its own


def try_point(runner, phase, point):
    """Whether there was such a call."""
    try:
        return bool(runner.try_point(point))
    except Exception as problem:
        raise Finding(f"{phase}: {point}: {problem}") from problem


@pytest.mark.parametrize("phase", ("start", *RUNNING, "stop"))
def test_one_call_fails(phase):
    if reason := missing():
        pytest.skip(f"no faults: {reason}")
    runner = make(phase)
    try:
        kinds = list(points_of(runner.census()))
        assert kinds
        wanted = SAMPLE if phase in RUNNING and phase != "upgrade" else FEW
        sample = [Point(*kind, 1) for kind in kinds[::max(1, len(kinds) // wanted)]]
        reached = sum(try_point(runner, phase, point) for point in sample)
        assert reached > len(sample) // 2
        for text in filter(None, ONCE.get(phase, "").split(", ")):
            who, call, error, n = text.split()
            numbers = itertools.count(1) if n == "*" else [int(n)]
            tried = list(itertools.takewhile(
                lambda number: try_point(runner, phase, Point(who, call, error, number)), numbers))
            assert tried, f"{text}: nothing is there any more to fail"
        runner.finish()
    finally:
        runner.close()


def test_a_loop_that_fails_ends_a_daemon_with_clients(workdir):
    """What an instance holds is given back when its service is not there any more."""
    if reason := missing():
        pytest.skip(f"no faults: {reason}")
    echo, relay, http, mux, cat = (free_port() for _ in range(5))
    ports = echo, relay, http, mux, cat
    injector = Injector(workdir)
    conf = "".join(f"{port} stream tcp4 nowait root {rest}\n" for port, rest in zip(ports, (
        "internal echo", f"internal redirect 127.0.0.1 {echo}", "internal metrics",
        "internal tcpmux", "/bin/cat cat")))
    with Daemon(conf, "-l", wrap=injector.wrap) as d, contextlib.ExitStack() as clients:
        for port in ports:
            client = clients.enter_context(connect(port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" if port == http else b"x")
            if port != mux:
                assert client.recv(1)
        assert injector.say(Injector.order(Point("daemon", "epoll_wait", "EBADF", 1))) == "ok"
        connect(echo).close()
        assert d.process.wait(PATIENCE) == 1
        assert "epoll_wait: Bad file descriptor" in d.log()
    injector.close()
