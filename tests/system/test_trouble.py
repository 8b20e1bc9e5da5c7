"""When things go wrong around it, the daemon says so once and goes on."""

import os
import pathlib
import select
import signal
import socket
import subprocess

import pytest

from harness import INETD, ME, PATIENCE, Daemon, ask, connect, free_port, read_all
from support import (assert_sleeps, children, cpu_ticks, descriptors, epoll_timeout, script, sleeps,
                     started_pid, wait_until)

TICKS = os.sysconf("SC_CLK_TCK")


def nobody_answers(clients, seconds):
    """Watches for an answer that must not come; the daemon's work in that time is measured."""
    return not select.select(clients, [], [], seconds)[0]


def refuses(port):
    try:
        connect(port).close()
        return False
    except ConnectionRefusedError:
        return True


def serve_all(clients):
    """Closes each client when it has its answer, until there is none left."""
    waiting = set(clients)
    while waiting:
        ready = select.select(list(waiting), [], [], PATIENCE)[0]
        assert ready, f"{len(waiting)} clients wait for ever"
        for s in ready:
            assert s.recv(100) == b"hello"
            s.close()
            waiting.remove(s)


@pytest.mark.root
@pytest.mark.needs("prlimit")
def test_no_descriptors_left(namespace):
    """Each session of a built-in service costs the daemon a descriptor; there are 48 in all."""
    few = (*namespace.wrap, "prlimit", "--nofile=48:48")
    conf = f"echo stream tcp nowait/0 {ME} internal\n"
    with Daemon(conf, "-c", "0", wrap=few) as d:
        clients = [namespace.run(connect, 7) for _ in range(100)]
        for s in clients:
            s.sendall(b"hello")
        d.wait_log(r"(?i)too many open files|no descriptors|out of descriptors")
        served = [s for s in clients if select.select([s], [], [], 0)[0]]
        assert len(served) < 48
        while more := select.select([s for s in clients if s not in served], [], [], 0.5)[0]:
            served += more
        before = cpu_ticks(d.pid)
        assert nobody_answers([s for s in clients if s not in served], 1)
        assert cpu_ticks(d.pid) - before < TICKS / 4  # a loop that spins takes all of them
        assert len(d.lines_like("(?i)descriptors|open files")) == 1, d.log()
        serve_all(clients)
        assert namespace.run(ask, 7, b"all is well") == b"all is well"
        assert len(d.lines_like("(?i)descriptors|open files")) <= 5, d.log()


@pytest.mark.root
@pytest.mark.needs("prlimit")
def test_no_descriptors_for_one_service_leaves_the_others(namespace):
    """A server that is a process of its own needs none to stay."""
    few = (*namespace.wrap, "prlimit", "--nofile=48:48")
    conf = (f"echo stream tcp nowait/0 {ME} internal\n"
            f"80 stream tcp nowait/0 {ME} /bin/cat\n")
    with Daemon(conf, wrap=few) as d:
        running = namespace.run(connect, 80)
        running.sendall(b"hello")
        assert running.recv(100) == b"hello"
        clients = [namespace.run(connect, 7) for _ in range(100)]
        d.wait_log(r"(?i)too many open files|no descriptors|out of descriptors")
        running.sendall(b"still here")
        assert running.recv(100) == b"still here"
        for s in clients:
            s.close()
        running.close()
        assert namespace.run(ask, 80, b"healed") == b"healed"


@pytest.mark.root
@pytest.mark.needs("setpriv", "prlimit")
def test_no_more_processes():
    """As a user that may have one process: fork fails, says so, and works again."""
    uid = 40000 + os.getpid() % 20000
    if not os.access(INETD, os.X_OK) or any(
            not parent.stat().st_mode & 0o001 for parent in INETD.resolve().parents):
        pytest.skip("another user cannot run the built daemon where it is")
    port = free_port()
    wrap = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")

    def limit(pid, processes):
        subprocess.run([*wrap, "prlimit", f"--pid={pid}", f"--nproc={processes}:"], check=True)

    conf = f"{port} stream tcp nowait {uid}:{uid} /bin/echo echo hello\n"
    with Daemon(conf, wrap=wrap) as d:
        assert ask(port) == b"hello\n", d.log()
        wait_until(lambda: not children(d.pid), "the child is gone")
        limit(d.pid, 1)
        for _ in range(3):
            try:
                assert ask(port) == b""
            except ConnectionResetError:
                pass
            d.wait_log(rf"{port}: .*Resource temporarily unavailable")
        limit(d.pid, 1000)
        assert ask(port) == b"hello\n"


@pytest.mark.root
def test_no_more_processes_in_the_cgroup():
    group = pathlib.Path(f"/sys/fs/cgroup/pids/inetd-test-{os.getpid()}-{free_port()}")
    if not group.parent.is_dir():
        group = pathlib.Path("/sys/fs/cgroup") / group.name
    try:
        group.mkdir()
        (group / "pids.max").write_text("2")
    except OSError as reason:
        if group.is_dir():
            group.rmdir()
        pytest.skip(f"no pids cgroup: {reason}")
    port = free_port()
    wrap = ("sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh")
    try:
        with Daemon(f"{port} stream tcp nowait {ME} /bin/cat\n", wrap=wrap) as d:
            with connect(port) as one:
                one.sendall(b"hello")
                assert one.recv(100) == b"hello"
                try:
                    assert ask(port) == b""
                except ConnectionResetError:
                    pass
                d.wait_log(rf"{port}: .*Resource temporarily unavailable")
                one.sendall(b"hello")
                assert one.recv(100) == b"hello"
            wait_until(lambda: not children(d.pid), "the child is gone")
            assert ask(port, b"healed") == b"healed"
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
        group.rmdir()


def test_peer_that_stalls_costs_nobody_else():
    port = free_port()
    conf = f"{port} stream tcp nowait {ME} /bin/cat\n"
    with Daemon(conf) as d:
        stalled = [connect(port) for _ in range(20)]
        stalled[0].setblocking(False)
        try:
            while True:
                stalled[0].send(b"x" * 65536)
        except BlockingIOError:
            pass
        assert ask(port, b"hello") == b"hello"
        for s in stalled:
            s.close()
        wait_until(lambda: not children(d.pid), "all have ended")


def test_client_that_left_before_it_was_accepted():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait/1 {ME} /bin/cat\n") as d:
        with connect(port) as one:
            one.sendall(b"hello")
            assert one.recv(100) == b"hello"
            for _ in range(10):
                gone = connect(port)
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                gone.close()
        assert ask(port, b"after them") == b"after them"
        wait_until(lambda: not children(d.pid), "all have ended")


def test_idle_daemon_does_nothing():
    """It is never woken: no polling, no ticking timer."""
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/echo echo hello\n") as d:
        assert ask(port) == b"hello\n"
        wait_until(lambda: not children(d.pid), "the child is gone")

        # Another daemon's client, so that there is something to watch that stays quiet.
        with socket.create_server(("127.0.0.1", 0)) as quiet, connect(quiet.getsockname()[1]) as s:
            assert_sleeps(d.pid)
            assert nobody_answers([s], 0)


def test_what_ticks_does_not_sleep():
    """As above, and elsewhere, it has to be seen."""
    ticker = subprocess.Popen(["/usr/bin/python3", "-IS", "-c", "import select\nwhile True: select.epoll().poll(1)"])
    try:
        wait_until(lambda: epoll_timeout(ticker.pid) == 1000, "it ticks")
        assert not sleeps(ticker.pid)
        wait_until(lambda: sleeps(ticker.pid, at_least=1), "it ticks again")
        assert not sleeps(ticker.pid, at_least=1.1)
    finally:
        ticker.kill()
        ticker.wait()


def test_children_finish_when_it_stops():
    port = free_port()
    program = "trap 'exit 0' TERM; echo hello; read line; echo got $line"
    with Daemon(f"{port} stream tcp nowait {ME} /bin/sh sh -c \"{program}\"\n", "-l") as d:
        with connect(port) as s:
            assert s.recv(100) == b"hello\n"
            d.signal(signal.SIGTERM)
            d.wait_notify("STOPPING=1")
            wait_until(lambda: refuses(port), "nobody new is let in")
            s.sendall(b"words\n")
            assert read_all(s) == b"got words\n"
        assert d.process.wait(PATIENCE) == 0


def test_orphans_and_strangers_are_no_children_of_ours(workdir):
    """A service that forks and leaves: the grandchild goes on, the daemon counts one end."""
    port = free_port()
    program = script(workdir / "forker", """
import os, sys
if os.fork() == 0:
    os.write(1, b"grandchild " + os.read(0, 100))
""")
    with Daemon(f"{port} stream tcp nowait/1 {ME} {program}\n", "-l") as d:
        for _ in range(2):
            with connect(port) as s:
                pid = started_pid(d.wait_log("started pid"))
                d.wait_log(rf"pid {pid} ended: exit 0")
                s.sendall(b"hello")
                assert s.recv(100) == b"grandchild hello"


def test_supervisor_that_does_not_listen_stops_nothing(workdir):
    """The queue of a notification socket is short; who does not read it must not stall services."""
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(workdir / "deaf"))
        deaf.settimeout(PATIENCE)
        wrap = ("env", f"NOTIFY_SOCKET={workdir}/deaf")
        with Daemon(f"{port} stream tcp nowait {ME} /bin/echo echo hello\n", wrap=wrap,
                    wait_ready=False) as d:
            try:
                while not deaf.recv(65536).startswith(b"READY=1"):
                    pass  # and from now on no more
                for _ in range(30):
                    d.reload()
                assert ask(port) == b"hello\n"
            finally:
                deaf.close()  # whoever still waits to be heard gets an error


def test_second_daemon_does_not_disturb_the_first():
    port = free_port()
    conf = f"{port} stream tcp nowait {ME} /bin/echo echo first\n"
    with Daemon(conf):
        with Daemon(conf.replace("first", "second")) as other:
            other.wait_log(rf"{port}: bind .*Address already in use")
            assert ask(port) == b"first\n"
        assert ask(port) == b"first\n"


def test_closed_descriptors_do_not_pile_up():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/true\n") as d:
        def run(times):
            for _ in range(times):
                assert ask(port) == b""
            wait_until(lambda: not children(d.pid), "all have ended")

        run(5)
        before = descriptors(d.pid)
        run(50)
        for _ in range(10):
            d.reload()
        wait_until(lambda: descriptors(d.pid) <= before, "all are closed")
