"""What a server does to the socket that it was lent is mended for the next one."""

import os
import re
import signal
import socket

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, udp
from neighbours import SPOILER, TICKS, neighbours
from support import (assert_sleeps, children, cpu_ticks, descriptors, is_nonblocking, listeners,
                     script, wait_for_end, wait_until)
from test_inherited import hand
from upgrading import upgrade


def rests(d, at_least=None):
    """Until the daemon sleeps, or has set a timer so many seconds away, it does next to nothing: nothing
    spins."""
    before = cpu_ticks(d.pid)
    assert_sleeps(d.pid, at_least)
    return cpu_ticks(d.pid) - before < TICKS / 4


SHUT = {socket.SHUT_RD: "0", socket.SHUT_WR: "1", socket.SHUT_RDWR: "2"}


class Spoiled:
    """A wait service of the given kind, whose first server does `what` to its socket."""

    KINDS = {"tcp4": "stream", "tcp6": "stream", "udp4": "dgram", "udp6": "dgram",
             "unix-stream": "stream", "unix-dgram": "dgram"}

    def __init__(self, workdir, kind, what):
        self.kind, self.socktype, self.workdir = kind, self.KINDS[kind], workdir
        self.port = free_port()
        self.path = workdir / "socket"
        self.host = "::1" if kind.endswith("6") else "127.0.0.1"
        self.mark = workdir / "spoil"
        self.mark.write_text(what)
        program = script(workdir / "spoiler", SPOILER)
        self.name = self.path if kind.startswith("unix") else self.port
        protocol = "unix" if kind.startswith("unix") else kind
        self.line = f"{self.name} {self.socktype} {protocol} wait {ME} {program} spoiler {self.mark}\n"

    def client(self):
        if not self.kind.startswith("unix"):
            return connect(self.port, self.host) if self.socktype == "stream" else udp(
                self.port, self.host)
        s = socket.socket(socket.AF_UNIX,
                          socket.SOCK_STREAM if self.socktype == "stream" else socket.SOCK_DGRAM)
        s.settimeout(PATIENCE)
        if self.socktype == "dgram":
            s.bind("")  # an abstract name of its own
        s.connect(str(self.path))
        return s

    def visit(self, again=PATIENCE):
        with self.client() as s:
            if self.socktype == "dgram":
                s.settimeout(again)
                s.send(b"hello")
            return s.recv(100) == b"hello"

    def is_served_again(self):
        """Whoever comes while the socket is not mended yet is turned away, and a datagram is lost."""
        try:
            return self.visit(again=1)
        except (ConnectionError, FileNotFoundError, TimeoutError):
            return False


# Of what has no connections nobody can see that its sending side was shut down: its service says
# nothing any more, but that is all.
SPOILS = [(kind, SHUT[how]) for kind, socktype in Spoiled.KINDS.items() for how in SHUT
          if socktype == "stream" or how != socket.SHUT_WR]
SPOILS += [("udp4", "connect"), ("udp6", "connect"), ("unix-dgram", "connect"),
           ("udp4", "filter"), ("udp6", "filter-locked"), ("tcp4", "filter"), ("tcp4", "listen")]


@pytest.mark.parametrize("kind, what", SPOILS)
def test_socket_that_a_server_spoiled_serves_again(workdir, neighbours, kind, what):
    spoiled = Spoiled(workdir, kind, what)
    with Daemon(neighbours.conf + spoiled.line, "-l") as d:
        before = descriptors(d.pid)
        assert spoiled.visit()
        first = re.search(r"pid (\d+)", d.wait_log("pid \\d+ ended: exit 0"))[1]
        wait_until(spoiled.is_served_again, "the service is there again")
        neighbours.are_served()
        wait_until(lambda: not children(d.pid), "all have ended")
        wait_until(lambda: descriptors(d.pid) == before, "nothing is left open")
        assert not d.lines_like("without taking what came in"), d.log()
        assert len(d.lines_like(rf"^(?!.*pid {first}).*started pid")) <= 5, d.log()


# The first client's server leaves a process behind that has the socket, and that does something to it
# when it is told to. Later ones are as they should be.
LEAVER = SPOILER[:SPOILER.index("mark = ")] + """
import signal
if os.path.exists(sys.argv[1]):
    take_one()
    sys.exit()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
if os.fork() == 0:
    with open(sys.argv[1] + ".new", "w") as f:
        f.write(str(os.getpid()))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    signal.sigwait([signal.SIGUSR1])
    DO
else:
    while not os.path.exists(sys.argv[1]):
        pass
    take_one()
"""


def leave(workdir, kind, do):
    spoiled = Spoiled(workdir, kind, "")
    spoiled.mark.unlink()
    script(workdir / "spoiler", LEAVER.replace("DO", do))
    return spoiled


def tell(spoiled):
    pid = int(spoiled.mark.read_text())
    os.kill(pid, signal.SIGUSR1)
    return pid


@pytest.mark.parametrize("kind", ("tcp4", "udp4", "unix-stream", "unix-dgram"))
def test_process_left_behind_shuts_the_socket_down(workdir, neighbours, kind):
    """While the daemon listens there. A socket that is shut down is readable for ever."""
    spoiled = leave(workdir, kind, "shut(2)")
    with Daemon(neighbours.conf + spoiled.line, "-l") as d:
        assert spoiled.visit()
        d.wait_log("ended: exit 0")
        wait_for_end(tell(spoiled))
        d.wait_log(f"{spoiled.name} was shut down by a server: (undone|opening it anew)$")
        wait_until(spoiled.is_served_again, "the service is there again")
        neighbours.are_served()
        assert len(d.lines_like("was shut down")) == 1
        assert rests(d)


def test_process_left_behind_shuts_the_socket_down_without_end(workdir, neighbours):
    """It keeps neither the daemon busy nor the log, and the service is there again when it has gone."""
    spoiled = leave(workdir, "tcp4", """
    while True:
        try:
            s.shutdown(2)
        except OSError:
            pass  # it is not mended yet
        signal.sigtimedwait([], 0.001)""")
    with Daemon(neighbours.conf + spoiled.line, "-l") as d:
        assert spoiled.visit()
        d.wait_log("ended: exit 0")
        pid = tell(spoiled)
        try:
            d.wait_log("was shut down by a server: undone")
            assert rests(d, 0.5)  # the pauses have grown
            neighbours.are_served()
            assert len(d.lines_like("was shut down")) <= 3, d.log()
        finally:
            os.kill(pid, signal.SIGKILL)
        wait_until(spoiled.is_served_again, "the service is there again")


@pytest.mark.parametrize("changed", (False, True), ids=("same", "upgraded"))
def test_process_left_behind_makes_the_socket_block(workdir, neighbours, changed):
    """accept(2) would wait for a client in the daemon, which has come to serve them itself."""
    spoiled = leave(workdir, "tcp4", "while True: s.setblocking(True); signal.sigtimedwait([], 0.002)")
    with Daemon(neighbours.conf + spoiled.line, "-l") as d:
        assert spoiled.visit()
        d.wait_log("ended: exit 0")
        if changed:
            upgrade(d)
        pid = tell(spoiled)
        try:
            d.reload(f"{neighbours.conf}{spoiled.port} stream tcp4 nowait {ME} internal echo\n")
            (_, inode), = listeners(d.pid, spoiled.port)
            for _ in range(20):
                wait_until(lambda: not is_nonblocking(d.pid, inode), "it blocks")
                assert ask(spoiled.port, b"hello") == b"hello"
                neighbours.are_served()
        finally:
            os.kill(pid, signal.SIGKILL)


def test_unit_whose_socket_was_shut_down_must_be_restarted(workdir, neighbours, hand):
    """What another one holds cannot be opened anew; that is said, and tried with patience."""
    spoiled = Spoiled(workdir, "udp4", SHUT[socket.SHUT_RDWR])
    with Daemon(neighbours.conf + spoiled.line,
                wrap=hand(f"{spoiled.port}=udp=0.0.0.0:{spoiled.port}")) as d:
        assert spoiled.visit()
        d.wait_log("shut down by a server; the unit must be restarted; retrying")
        neighbours.are_served()
        assert rests(d, at_least=1)  # it tries more and more seldom
