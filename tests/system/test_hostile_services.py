"""Services that misbehave: none disturbs its neighbours, and what one did to the socket that it was
lent is mended for the next one.

What is elsewhere: a server that dies at once, leaves its datagram or makes its socket non-blocking
(test_wait), one that fills its stderr (test_stderr), ignores SIGTERM when its client has gone
(test_tether), or leaves processes behind (test_trouble)."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, udp
from support import (assert_sleeps, children, cpu_ticks, descriptors, is_nonblocking, listeners,
                     script, wait_for_end, wait_until)
from test_inherited import hand  # noqa: F401
from test_upgrade import upgrade

TICKS = os.sysconf("SC_CLK_TCK")
NOBODYS_UID = 40000 + os.getpid() % 20000


class Neighbours:
    """A process, a session of the loop, and datagrams: whoever else the daemon serves."""

    def __init__(self):
        self.cat, self.echo = free_port(), free_port()
        self.conf = (f"127.0.0.1:{self.cat} stream tcp4 nowait {ME} /bin/cat\n"
                     f"127.0.0.1:{self.echo} stream tcp4 nowait {ME} internal echo\n"
                     f"127.0.0.1:{self.echo} dgram udp4 wait {ME} internal echo\n")

    def are_served(self):
        assert ask(self.cat, b"hello") == b"hello"
        assert ask(self.echo, b"hello") == b"hello"
        with udp(self.echo) as s:
            s.send(b"hello")
            assert s.recv(100) == b"hello"


@pytest.fixture
def neighbours():
    return Neighbours()


def rests(d, at_least=None):
    """Until the daemon sleeps, or has set a timer so many seconds away, it does next to nothing: nothing
    spins."""
    before = cpu_ticks(d.pid)
    assert_sleeps(d.pid, at_least)
    return cpu_ticks(d.pid) - before < TICKS / 4


# Spoils its socket when it is the first one, and is as a server should be from then on. It has been
# asked for by a client, whom the first one does not take.
SPOILER = """
import fcntl, os, socket, struct, sys
s = socket.socket(fileno=os.dup(0))
SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44

def drop_all(lock):
    import ctypes
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # BPF_RET | BPF_K, 0
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                 struct.pack("HL", 1, ctypes.addressof(code)))
    if lock:
        s.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)

def shut(how):
    try:
        s.shutdown(how)
    except OSError as refused:  # of UDP, which does it nevertheless
        if s.type != socket.SOCK_DGRAM:
            raise

def take_one():
    if s.type == socket.SOCK_STREAM:
        client, _ = s.accept()
        client.setblocking(True)
        client.sendall(b"hello")
        return
    data, peer = s.recvfrom(100)
    s.sendto(data, peer)

mark = sys.argv[1]
spoil = open(mark).read() if os.path.exists(mark) else ""
if spoil:
    os.rename(mark, mark + ".done")
    take_one()
    if spoil == "connect":
        s.connect(s.getsockname() if s.family == socket.AF_UNIX else (s.getsockname()[0], 9))
    elif spoil.startswith("filter"):
        drop_all(spoil.endswith("locked"))
    elif spoil == "listen":
        s.listen(0)
    else:
        shut(int(spoil))
else:
    take_one()
"""

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


def test_connection_given_back_in_odd_states(workdir, neighbours):
    """Half read, half shut, connected to nothing, with a filter: a nowait server's socket is its own."""
    port = free_port()
    program = script(workdir / "odd", SPOILER[:SPOILER.index("def take_one")] + """
kind = s.recv(1)
if kind == b"r": shut(socket.SHUT_RD)
if kind == b"w": shut(socket.SHUT_WR)
if kind == b"b": shut(socket.SHUT_RDWR)
if kind == b"f": drop_all(True)
if kind == b"l": s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
if kind == b"n": s.setblocking(False)
if kind == b"k": os.kill(os.getpid(), 9)
""")
    with Daemon(f"{neighbours.conf}{port} stream tcp4 nowait {ME} {program}\n") as d:
        before = descriptors(d.pid)
        for kind in b"rwbflnk" * 3:
            with connect(port) as s:
                s.sendall(bytes((kind,)) + b"which is not read" * 100)
                try:
                    while s.recv(100):
                        pass
                except ConnectionResetError:
                    pass  # what was not read resets
        neighbours.are_served()
        wait_until(lambda: not children(d.pid), "all have ended")
        wait_until(lambda: descriptors(d.pid) == before, "nothing is left open")


def test_server_that_never_reads(workdir, neighbours):
    """Its clients fill their buffers, and nobody else's."""
    port = free_port()
    program = script(workdir / "deaf", "sleep 1000 & wait\n", "/bin/sh")
    with Daemon(f"{neighbours.conf}{port} stream tcp4 nowait {ME} {program}\n") as d:
        clients = [connect(port) for _ in range(10)]
        for s in clients:
            s.setblocking(False)
            try:
                while True:
                    s.send(b"x" * 65536)
            except BlockingIOError:
                pass
        for _ in range(5):
            neighbours.are_served()
        wait_until(lambda: len(children(d.pid)) == len(clients), "the neighbours' servers are gone")
        for pid in children(d.pid):
            os.killpg(pid, signal.SIGKILL)
        for s in clients:
            s.close()


def test_server_that_ignores_sigterm(start, workdir, neighbours):
    """Its line can go, and the daemon does not wait for it longer than it was told to."""
    port = free_port()
    program = script(workdir / "stubborn", "trap '' TERM HUP INT; echo up; exec sleep 1000\n",
                     "/bin/sh")
    d = start(f"{neighbours.conf}{port} stream tcp4 nowait {ME} {program}\n",
              "daemon = { stop_timeout = 0; };")
    with connect(port) as s:
        assert s.recv(100) == b"up\n"
        (pid,) = children(d.pid)
        d.reload(neighbours.conf)
        os.kill(pid, signal.SIGTERM)
        neighbours.are_served()
        assert pid in children(d.pid)
        assert d.stop() == 0
        wait_for_end(pid)


# Hands its standard error to whoever listens at argv[1], and is gone: nobody writes there any more,
# but the pipe does not end.
HOARDER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect(sys.argv[1])
    socket.send_fds(s, [b"x"], [2])
"""


@pytest.mark.needs("prlimit")
def test_servers_that_close_nothing(start, workdir, neighbours):
    """Each leaves the pipe of its standard error open. The daemon has a hundred descriptors, and keeps
    those that it needs for its other services."""
    port = free_port()
    program = script(workdir / "hoarder", HOARDER)
    with socket.socket(socket.AF_UNIX) as collector:
        collector.bind(str(workdir / "collector"))
        collector.listen()
        d = start(f"{neighbours.conf}{port} stream tcp4 nowait {ME} {program} hoarder "
                  f"{workdir}/collector\n",
                  f'services = ( {{ name = "{port}"; stderr = "log"; }} );',
                  wrap=("prlimit", "--nofile=128:128"))
        hoard = []
        try:
            for _ in range(150):
                with connect(port) as client, collector.accept()[0] as s:
                    hoard += socket.recv_fds(s, 1, 1)[1]
                    client.recv(1)
            neighbours.are_served()
            assert descriptors(d.pid) < 100
            d.wait_log(r"stderr of 33 servers that have ended .* that of the oldest, pid \d+, is closed")
            os.write(hoard[-1], b"the last one is heard\n")
            d.wait_log("the last one is heard")
            with pytest.raises(BrokenPipeError):
                os.write(hoard[0], b"the first one is not\n")
        finally:
            for fd in hoard:
                os.close(fd)
        wait_until(lambda: not d.lines_like("descriptors"), "nothing was missing")


def test_server_that_floods_a_pipe_that_does_not_block(start, workdir, neighbours):
    port = free_port()
    program = script(workdir / "flooder", """
import fcntl, os, socket
fcntl.fcntl(2, fcntl.F_SETFL, os.O_NONBLOCK)
fcntl.fcntl(2, 1031, 4096)  # F_SETPIPE_SZ
own = os.open("/proc/self/fd/2", os.O_RDWR | os.O_NONBLOCK)  # the end that is the daemon's, too
while True:
    for act in (lambda: os.write(own, b"complaint\\n" * 100), lambda: os.read(own, 10)):
        try:
            act()
        except BlockingIOError:
            pass
""")
    d = start(f"{neighbours.conf}{port} stream tcp4 nowait {ME} {program}\n",
              f'services = ( {{ name = "{port}"; stderr = "log"; }} );')
    with connect(port):
        wait_until(lambda: len(d.lines_like("complaint")) > 500, "the burst")
        before = cpu_ticks(d.pid)
        for _ in range(20):
            neighbours.are_served()
        assert cpu_ticks(d.pid) - before < TICKS
        (pid,) = {int(n) for n in re.findall(r"pid (\d+): complaint", d.log())}
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not children(d.pid), "it has ended")


def processes_of(uid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                found.append(int(entry.name))
        except FileNotFoundError:
            pass
    return found


# Every process of it starts others as long as it may, and is gone: whoever looks for them is late.
BOMB = """
import os
while True:
    try:
        if os.fork() and os.getpid() % 2:
            os._exit(0)
    except OSError:
        os.sched_yield()
"""


@pytest.mark.root
def test_server_that_forks_without_end(start, workdir, neighbours):
    """In bounds that are its own: those of its user, whom nobody else of this machine is."""
    port = free_port()
    program = script(workdir / "bomb", BOMB)
    d = start(f"{neighbours.conf}{port} stream tcp4 nowait {NOBODYS_UID}:{NOBODYS_UID} {program}\n",
              f'services = ( {{ name = "{port}"; rlimits = {{ nproc = 20; }}; nice = 19; }} );')
    try:
        with connect(port) as s:
            wait_until(lambda: len(processes_of(NOBODYS_UID)) >= 20, "as many as may be")
            for _ in range(10):
                neighbours.are_served()
            assert len(processes_of(NOBODYS_UID)) <= 25
    finally:
        end_all_of(NOBODYS_UID)
    neighbours.are_served()
    wait_until(lambda: not children(d.pid), "nothing is left")


def end_all_of(uid):
    """One look is not enough: those that it finds have started others. As the user himself,
    kill(-1) reaches all at one time."""
    subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                    "/usr/bin/python3", "-IS", "-c", "import os; os.kill(-1, 9)"], check=False)
    wait_until(lambda: not processes_of(uid), "all have ended")
