"""SIGUSR2: another binary takes the place of the running one, in the same process."""

import itertools
import os
import pathlib
import signal
import socket
import subprocess
import threading

import pytest

from harness import INETD, ME, PATIENCE, Daemon, ask, connect, free_port, read_all
from support import (children, descriptors, has_nothing, listeners, script, started_pid,
                     stat_fields, wait_until)
from upgrading import SERVER, own_binary, replace, upgrade


def chargen_text(length):
    line = itertools.cycle(range(95))
    lines = ("".join(chr(32 + (start + i) % 95) for i in range(72)) + "\r\n" for start in line)
    return "".join(itertools.islice(lines, length // 74 + 1)).encode()[:length]


def test_same_process_same_sockets_no_descriptor_more():
    port = free_port()
    conf = (f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{port} dgram udp wait {ME} internal echo\n")
    with Daemon(conf) as d:
        upgrade(d)
        before = listeners(d.pid, port)
        fds = descriptors(d.pid)
        assert len(before) == 2
        upgrade(d, 5)
        assert listeners(d.pid, port) == before
        assert descriptors(d.pid) == fds
        assert ask(port, b"still here") == b"still here"
        assert d.stop() == 0


def test_the_new_binary_runs(own_binary):
    binary, wrap = own_binary
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} internal echo\n", wrap=wrap) as d:
        replace(binary)
        wanted = os.stat(binary).st_ino
        assert os.stat(f"/proc/{d.pid}/exe").st_ino != wanted
        upgrade(d)
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == wanted
        replace(binary)
        upgrade(d)
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == os.stat(binary).st_ino
        assert ask(port, b"x") == b"x"


def test_no_client_is_lost_or_kept_waiting():
    """Clients without a pause through twenty upgrades; each gets all of its answer."""
    port, stop, failures, served = free_port(), threading.Event(), [], []

    def client():
        while not stop.is_set():
            try:
                text = os.urandom(3000)
                served.append(ask(port, text) == text)
            except OSError as error:
                failures.append(repr(error))

    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n") as d:
        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            goal = len(served) + 20
            wait_until(lambda: len(served) >= goal, "clients are served")
            upgrade(d)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures and all(served), d.log()
        wait_until(lambda: ask(port, b"x") == b"x", "it serves")


def test_sessions_of_built_ins_go_on():
    echo, chargen, mux, cat = (free_port() for _ in range(4))
    conf = (f"{echo} stream tcp4 nowait {ME} internal echo\n"
            f"{chargen} stream tcp4 nowait {ME} internal chargen\n"
            f"{mux} stream tcp4 nowait {ME} internal tcpmux\n"
            f"tcpmux/cat stream tcp nowait {ME} /bin/cat cat\n")
    with Daemon(conf, "-l") as d, connect(echo) as one, connect(chargen) as two, \
            connect(mux) as three:
        one.sendall(b"before ")
        assert one.recv(100) == b"before "
        got = two.recv(100_000)
        three.sendall(b"ca")
        upgrade(d, 3)
        one.sendall(b"after")
        assert one.recv(100) == b"after"
        while len(got) < 1_000_000:
            got += two.recv(100_000)
        assert got == chargen_text(len(got))
        three.sendall(b"t\r\nhello")
        assert three.recv(100) == b"hello"
        one.shutdown(socket.SHUT_WR)
        assert read_all(one) == b""
        assert "12 bytes in, 12 out" in d.wait_log(rf"{echo}: .*session ended")


def test_clients_that_are_not_known_yet_are_seen_to_before(workdir):
    proxied, auth = free_port(), free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text(f'services = ( {{ name = "{proxied}"; proxy_protocol = true; '
                        'proxy_from = ["127.0.0.1"]; } );\n')
    conf = (f"127.0.0.1:{proxied} stream tcp4 nowait {ME} internal echo\n"
            f"127.0.0.1:{auth} stream tcp4 nowait {ME} internal auth\n")
    with Daemon(conf, "--settings", settings) as d, connect(proxied) as one, connect(auth) as two:
        one.sendall(b"PROXY TCP4 192.0.2.7 ")
        two.sendall(b"1, ")
        d.signal(signal.SIGUSR2)
        d.wait_log("upgrade: waiting for clients")
        assert ask(proxied, b"PROXY UNKNOWN\r\nmeanwhile") == b"meanwhile"
        one.sendall(b"198.51.100.2 4711 80\r\nstill here")
        assert one.recv(100) == b"still here"
        two.sendall(b"2\r\n")
        assert read_all(two) == b"1 , 2 : ERROR : NO-USER\r\n"
        two.close()
        d.wait_log("upgraded from version")
        one.sendall(b"and now")
        assert one.recv(100) == b"and now"


def test_an_upgrade_waits_for_nobody_for_long():
    auth = free_port()
    with Daemon(f"127.0.0.1:{auth} stream tcp4 nowait {ME} internal auth\n") as d, \
            connect(auth) as silent:
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version", 2 * PATIENCE)
        assert read_all(silent) == b""


def test_an_echo_that_its_client_does_not_read_is_complete():
    port, size = free_port(), 3_000_000
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n") as d, connect(port) as s:
        text = os.urandom(size)
        sender = threading.Thread(target=lambda: (s.sendall(text), s.shutdown(socket.SHUT_WR)))
        sender.start()
        wait_until(lambda: any(f":{port:04X}" in line and line.split()[4][:8] != "00000000"
                               for line in open("/proc/net/tcp", encoding="ascii")),
                   "the echo is stuck")
        upgrade(d, 2)
        got = read_all(s)
        sender.join()
        assert got == text


def test_children_keep_their_limits_and_their_start():
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait/2 {ME} /bin/cat cat\n", "-l") as d:
        one, two = connect(port), connect(port)
        pids = [started_pid(d.wait_log("started pid")) for _ in range(2)]
        upgrade(d, 2)
        assert sorted(children(d.pid)) == sorted(pids)
        with connect(port) as three:
            three.sendall(b"x")
            d.wait_log(rf"{port}: 2 instances running")
            assert has_nothing(three)
            one.close()
            d.wait_log("ended: exit 0")
            assert three.recv(1) == b"x"
        two.close()


def test_a_greedy_source_stays_refused_and_rates_stay_used():
    greedy, slow = free_port(), free_port()
    conf = (f"{greedy} stream tcp4 nowait/0/0/1 {ME} /bin/cat cat\n"
            f"{slow} stream tcp4 nowait:1 {ME} internal echo\n")
    with Daemon(conf) as d, connect(greedy) as one:
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        assert ask(slow, b"first") == b"first"
        upgrade(d)
        with connect(greedy) as two:
            assert two.recv(1) == b""
        with connect(slow) as waiting:
            waiting.sendall(b"x")
            d.wait_log(rf"{slow}: the rate of 1/min is reached")
            assert has_nothing(waiting)


@pytest.mark.parametrize("gone", (False, True), ids=("kept", "gone"))
def test_session_timeout_goes_on(start, workdir, gone):
    port, echo, other = (free_port() for _ in range(3))
    server = script(workdir / "server", SERVER)
    keep = f"{other} stream tcp4 nowait {ME} internal echo\n"
    d = start(f"{port} stream tcp4 nowait {ME} {server}\n"
              f"{echo} stream tcp4 nowait {ME} internal echo\n" + keep,
              "defaults = { session_timeout = 3; };")
    with connect(port) as one, connect(echo) as two:
        assert one.recv(10) == b"up\n"
        two.sendall(b"x")
        assert two.recv(1) == b"x"
        if gone:
            d.rewrite(keep)
        upgrade(d, 2)
        assert one.recv(1) == b"" and two.recv(1) == b""
    d.wait_log(rf"{port}: .*pid \d+ has run for its session_timeout of 3 s: sending SIGTERM")
    d.wait_log(rf"{echo}: .*closed after its session_timeout of 3 s")


def test_a_line_that_has_gone_keeps_its_sessions():
    kept, gone, cat = free_port(), free_port(), free_port()
    keep = f"{kept} stream tcp4 nowait {ME} internal echo\n"
    conf = keep + (f"{gone} stream tcp4 nowait {ME} internal echo\n"
                   f"{cat} stream tcp4 nowait {ME} /bin/cat cat\n")
    with Daemon(conf) as d, connect(gone) as one, connect(cat) as two:
        for s in (one, two):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        d.rewrite(keep)
        upgrade(d)
        for s in (one, two):
            s.sendall(b"y")
            assert s.recv(1) == b"y"
        for port in (gone, cat):
            with pytest.raises(ConnectionRefusedError):
                connect(port)
        two.close()
        d.wait_log(rf"{cat}: pid \d+ ended: exit 0")


def test_relative_names_and_a_daemon_in_the_background(workdir):
    """The pid file stays locked, the child of init stays one, and names mean what they meant."""
    port = free_port()
    (workdir / "a.conf").write_text(f"{port} stream tcp4 nowait {ME} internal echo\n")
    pid_file = workdir / "pid"
    subprocess.run([INETD, "--control", "none", "-p", "pid", "--settings", "/dev/null", "a.conf"], cwd=workdir,
                   check=True, stdin=subprocess.DEVNULL)
    pid = int(pid_file.read_text())
    try:
        start, arguments = stat_fields(pid), pathlib.Path(f"/proc/{pid}/cmdline")
        os.kill(pid, signal.SIGUSR2)
        wait_until(lambda: b"--take-over" in arguments.read_bytes(), "it has changed")
        assert ask(port, b"x") == b"x"
        assert int(pid_file.read_text()) == pid
        assert stat_fields(pid)[1] == start[1]
        second = subprocess.run([INETD, "--control", "none", "-p", str(pid_file), str(workdir / "a.conf")],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert second.returncode == 1
        assert f"already running as pid {pid}" in second.stderr
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pid_file.exists(), "it has ended")
