"""`wait` services: the server gets the listening socket itself, and inetd gets it back."""

import os
import re
import signal
import socket
import threading

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, read_all, udp
from support import (children, is_nonblocking, listeners, script, socket_fds, started_pid,
                     wait_until)

# Accepts argv[1] clients, tells each its pid and whether fd 0 was blocking, then spoils fd 0.
ACCEPTER = """
import fcntl, os, socket, sys
s = socket.socket(fileno=os.dup(0))
blocking = not fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK
for _ in range(int(sys.argv[1])):
    client, _ = s.accept()
    client.setblocking(True)
    client.sendall(f"{os.getpid()} {blocking}".encode())
    client.close()
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | int(sys.argv[2]))
"""

# Answers each datagram with its pid until one says "bye".
RECEIVER = """
import os, socket
s = socket.socket(fileno=os.dup(0))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(f"{os.getpid()} {data.decode()}".encode(), peer)
    if data == b"bye":
        break
"""

O_NONBLOCK, O_RDWR = 0o4000, 2


def accepter(workdir, count, flags=O_RDWR):
    return f"{script(workdir / 'accepter', ACCEPTER)} accepter {count} {flags}"


def answer(port, host="127.0.0.1"):
    pid, blocking = ask(port, host=host).decode().split()
    return int(pid), blocking


@pytest.mark.parametrize("host, protocol", (("127.0.0.1", "tcp4"), ("::1", "tcp6")))
def test_one_server_takes_many(workdir, host, protocol):
    port = free_port()
    conf = f"{port} stream {protocol} wait {ME} {accepter(workdir, 3)}\n"
    with Daemon(conf, "-l") as d:
        answers = [answer(port, host) for _ in range(3)]
        assert len(set(answers)) == 1
        d.wait_log(rf"{port}: .*pid {answers[0][0]} ended: exit 0")
        assert len(d.lines_like("started pid")) == 1


@pytest.mark.parametrize("flags", (O_RDWR, O_RDWR | O_NONBLOCK))
def test_socket_comes_back(workdir, flags):
    port = free_port()
    conf = f"{port} stream tcp4 wait {ME} {accepter(workdir, 1, flags)}\n"
    with Daemon(conf, "-l") as d:
        before = listeners(d.pid, port)
        assert len(before) == 1
        pids = []
        for _ in range(4):
            pid, blocking = answer(port)
            assert blocking == "True"
            d.wait_log(rf"pid {pid} ended: exit 0")
            pids.append(pid)
        assert len(set(pids)) == 4
        assert listeners(d.pid, port) == before
        (_, inode), = before
        wait_until(lambda: is_nonblocking(d.pid, inode), "inetd's socket does not block")


def test_queued_clients_start_the_next_server(workdir):
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} {accepter(workdir, 2)}\n"):
        clients = [connect(port) for _ in range(6)]
        pids = [read_all(s).decode().split()[0] for s in clients]
        for s in clients:
            s.close()
    assert sorted(pids.count(pid) for pid in set(pids)) == [2, 2, 2]


def test_other_services_go_on_meanwhile(workdir):
    port, other = free_port(), free_port()
    conf = (f"{port} stream tcp4 wait {ME} {accepter(workdir, 2)}\n"
            f"{other} stream tcp nowait {ME} /bin/cat\n")
    with Daemon(conf):
        first, _ = answer(port)
        assert ask(other, b"hello") == b"hello"
        assert answer(port)[0] == first


def test_server_finds_the_listening_socket_and_nothing_else(workdir):
    port = free_port()
    program = script(workdir / "lister", """
import os, socket
def target(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # the directory itself, which has been closed again
        return None
listing = [f"{fd}={target(fd)}" for fd in sorted(os.listdir("/proc/self/fd")) if target(fd)]
s = socket.socket(fileno=os.dup(0))
client, _ = s.accept()
client.setblocking(True)
listing.append(str(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)))
client.sendall(" ".join(listing).encode())
""")
    with Daemon(f"{port} stream tcp4 wait {ME} {program}\n") as d:
        *fds, accepting = ask(port).decode().split()
        assert accepting == "1"
        assert {fd.split("=")[0] for fd in fds} == {"0", "1", "2"}
        assert len({fd.split("=")[1] for fd in fds}) == 1
        inode = int(fds[0].split("[")[1].rstrip("]"))
        assert inode in socket_fds(d.pid)


@pytest.mark.parametrize("host, protocol", (
    ("127.0.0.1", "udp4"), ("::1", "udp6"), ("127.0.0.1", "udp")))
def test_one_server_a_burst_of_datagrams(workdir, host, protocol):
    port = free_port()
    program = script(workdir / "receiver", RECEIVER)
    with Daemon(f"{port} dgram {protocol} wait {ME} {program}\n", "-l") as d, udp(port, host) as s:
        bursts = []
        for _ in range(2):
            said = [b"one", b"two", b"three", b"bye"]
            for word in said:
                s.send(word)
            answers = [s.recv(2048).split() for _ in said]
            assert [word for _, word in answers] == said
            pids = {pid for pid, _ in answers}
            assert len(pids) == 1
            bursts.append(pids.pop())
            d.wait_log(r"pid \d+ ended: exit 0")
        assert len(set(bursts)) == 2
        assert len(d.lines_like("started pid")) == 2


def test_unix_dgram_wait(workdir):
    path, mine = workdir / "server", workdir / "client"
    program = script(workdir / "receiver", RECEIVER)
    with Daemon(f"{path} dgram unix wait {ME} {program}\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE)
            s.bind(str(mine))
            mine.chmod(0o666)
            for _ in range(2):
                s.sendto(b"bye", str(path))
                assert s.recv(100).endswith(b" bye")


def wait_for_back_off(d, port):
    """Until the pause that the log tells has grown to a second."""
    pattern = rf"\b{port}: .*again in ([\d.]+) ?(m?s)\b"
    while True:
        number, unit = re.search(pattern, d.wait_log(pattern)).groups()
        if float(number) >= (1000 if unit == "ms" else 1):
            return


@pytest.mark.parametrize("kind", ("stream", "dgram"))
def test_server_that_dies_at_once_does_not_spin(workdir, kind):
    port, other = free_port(), free_port()
    program = script(workdir / "prog", "raise SystemExit(1)\n")
    protocol = "tcp4" if kind == "stream" else "udp4"
    conf = (f"{port} {kind} {protocol} wait {ME} {program} prog 1 2\n"
            f"{other} stream tcp nowait {ME} /bin/cat\n")
    with Daemon(conf, "-l") as d, (connect(port) if kind == "stream" else udp(port)) as s:
        if kind == "dgram":
            s.send(b"bye")
        wait_for_back_off(d, port)
        assert len(d.lines_like(rf"{port}: .*started pid")) <= 12
        assert ask(other, b"hello") == b"hello"
        # It heals by itself, with the client that was there all the time.
        script(program, ACCEPTER if kind == "stream" else RECEIVER)
        assert re.match(rb"\d+ (True|bye)$", s.recv(100))
        d.wait_log(rf"{port}: .*ended: exit 0")
        # And the back-off is forgotten: the next client is served by a new server.
        if kind == "stream":
            assert answer(port)[1] == "True"
        else:
            s.send(b"bye")
            assert s.recv(100).endswith(b" bye")


def test_server_that_ends_well_without_taking_its_client_does_not_spin():
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} /bin/true\n", "-l") as d, connect(port):
        wait_for_back_off(d, port)
        assert len(d.lines_like(rf"{port}: .*started pid")) <= 24


def test_busy_server_is_not_taken_for_a_dead_one(workdir):
    """One client a process, and clients that never cease: the queue is as long after a server as it
    was before, though each server took its client."""
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} {accepter(workdir, 1)}\n") as d:
        def visit():
            for _ in range(15):
                answers.append(answer(port)[0])

        answers = []
        visitors = [threading.Thread(target=visit) for _ in range(6)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        assert len(answers) == len(set(answers)) == 90
        assert not d.lines_like("trying again")


def test_server_that_cannot_be_started_does_not_spin(workdir):
    port = free_port()
    program = script(workdir / "prog", ACCEPTER)
    with Daemon(f"{port} stream tcp4 wait {ME} {program} prog 1 2\n") as d:
        program.unlink()
        with connect(port) as s:
            wait_for_back_off(d, port)
            assert 1 <= len(d.lines_like(r"exec .*: No such file or directory")) <= 12
            script(program, ACCEPTER)
            assert re.match(rb"\d+ True$", s.recv(100))


def test_reload_clears_the_back_off(workdir):
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} /bin/false\n") as d, connect(port) as s:
        wait_for_back_off(d, port)
        d.reload(f"{port} stream tcp4 wait {ME} {accepter(workdir, 1)}\n")
        assert re.match(rb"\d+ True$", s.recv(100))


def test_killed_server_is_followed_by_the_next(workdir):
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} {accepter(workdir, 2)}\n", "-l") as d:
        first, _ = answer(port)
        pid = started_pid(d.wait_log("started pid"))
        assert pid == first and list(children(d.pid)) == [pid]
        # One client is taken and one is still to come: the server goes in between.
        os.kill(pid, signal.SIGKILL)
        d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
        second, _ = answer(port)
        assert second != first
        assert answer(port)[0] == second
