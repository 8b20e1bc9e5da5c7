"""Services that misbehave: none disturbs its neighbours.

What is elsewhere: what a server does to the socket that it was lent (test_spoiled_sockets), a server that
dies at once, leaves its datagram or makes its socket non-blocking (test_wait), one that fills its stderr
(test_stderr), ignores SIGTERM when its client has gone (test_tether), or leaves processes behind
(test_trouble)."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import ME, Daemon, connect, free_port
from neighbours import SPOILER, TICKS, neighbours
from support import children, cpu_ticks, descriptors, script, wait_for_end, wait_until

NOBODYS_UID = 40000 + os.getpid() % 20000


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
