"""SIGUSR2: another binary takes the place of the running one, in the same process."""

import itertools
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading

import fault_injector
import pytest

from harness import BUILD, INETD, ME, PATIENCE, Daemon, ask, connect, free_port, read_all, udp
from support import (children, descriptors, has_nothing, listeners, script, socket_fds, started_pid,
                     stat_fields, wait_at_rest, wait_until)


def upgrade(daemon, times=1):
    for _ in range(times):
        daemon.signal(signal.SIGUSR2)
        assert f"MAINPID={daemon.pid}" in daemon.wait_notify("READY=1").split("\n")
        daemon.wait_log("upgraded from version")


def chargen_text(length):
    line = itertools.cycle(range(95))
    lines = ("".join(chr(32 + (start + i) % 95) for i in range(72)) + "\r\n" for start in line)
    return "".join(itertools.islice(lines, length // 74 + 1)).encode()[:length]


@pytest.fixture
def own_binary(workdir):
    """A copy of the daemon that a test may replace, and how to start it in place of the built one."""
    binary = workdir / "inetd"
    shutil.copy2(INETD, binary)
    runner = script(workdir / "runner", f'shift; exec {binary} "$@"', "/bin/sh")
    return binary, (runner,)


def replace(binary, content=None):
    fresh = binary.with_name("inetd.new")
    if content is None:
        shutil.copy2(INETD, fresh)
    else:
        fresh.write_text(content)
        fresh.chmod(0o755)
    fresh.rename(binary)


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


@pytest.mark.parametrize("fault", (None, "EMFILE"))
def test_wait_servers_keep_their_socket(workdir, fault):
    """Also those of which pidfd_open(2) gives nothing to hold on to."""
    injector = None
    if fault:
        if why := fault_injector.missing():
            pytest.skip(why)
        injector = fault_injector.Injector(workdir)
    port = free_port()
    server = script(workdir / "server", """
import os, socket
s = socket.socket(fileno=os.dup(0))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"%d" % os.getpid(), peer)
    if data == b"bye":
        break
""")
    with Daemon(f"{port} dgram udp4 wait {ME} {server}\n", "--stop-timeout", "0",
                wrap=injector.wrap if injector else ()) as d, udp(port) as s:
        s.send(b"hello")
        pid = s.recv(100)
        if injector:
            injector.say(injector.order(fault_injector.Point("daemon", "pidfd_open", fault, 1), 1000))
        upgrade(d, 2)
        if injector:
            assert injector.tell()[0] > 0
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        s.send(b"hello")
        assert s.recv(100) != pid
    if injector:
        injector.close()


def test_wait_servers_keep_a_socket_that_they_have_connected(workdir):
    """As tftpd and talkd of old do. It is everybody's again when they end."""
    port = free_port()
    server = script(workdir / "server", """
import os, socket
s = socket.socket(fileno=os.dup(0))
data, peer = s.recvfrom(100)
s.connect(peer)
while True:
    s.send(b"%d" % os.getpid())
    if data == b"bye":
        break
    data = s.recv(100)
""")
    with Daemon(f"{port} dgram udp4 wait {ME} {server}\n") as d, udp(port) as s, udp(port) as t:
        s.send(b"hello")
        pid = s.recv(100)
        upgrade(d, 2)
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        d.wait_log("was connected by a server: undone")
        t.send(b"bye")
        assert t.recv(100) != pid
        assert not d.lines_like("handed over|bind|no line listens"), d.log()


def test_peers_of_datagram_servers_keep_theirs(workdir):
    port = free_port()
    server = script(workdir / "server", """
import os
while True:
    data = os.read(0, 100)
    os.write(1, b"%d" % os.getpid())
    if data == b"bye":
        break
""")
    with Daemon(f"{port} dgram udp4 nowait {ME} {server}\n") as d, udp(port) as s, udp(port) as t:
        s.send(b"hello")
        pid = s.recv(100)
        upgrade(d, 2)
        t.send(b"bye")
        assert t.recv(100) != pid
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        s.send(b"bye")
        assert s.recv(100) != pid


def test_what_servers_say_still_goes_to_the_log(workdir):
    port = free_port()
    server = script(workdir / "server", """
import os, sys
while line := os.read(0, 100):
    os.write(2, line)
    os.write(1, b".")
""")
    settings = workdir / "cfg"
    settings.write_text('defaults = { stderr = "log"; };\n')
    with Daemon(f"{port} stream tcp4 nowait {ME} {server}\n", "--settings", settings) as d, \
            connect(port) as s:
        s.sendall(b"one\nhalf ")
        assert s.recv(1) == b"."
        d.wait_log(rf"{port}: pid \d+: one$")
        upgrade(d, 2)
        s.sendall(b"line\n")
        assert s.recv(1) == b"."
        d.wait_log(rf"{port}: pid \d+: half line$")
        s.close()
        d.wait_log("ended: exit 0")


SERVER = """
import os, signal, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"up\\n")
signal.pause()
"""


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@pytest.mark.parametrize("gone", (False, True), ids=("kept", "gone"))
def test_servers_still_end_with_their_client(start, workdir, gone):
    """Also those whose line has gone; and the daemon has no copy of their connection."""
    port, other = free_port(), free_port()
    server = script(workdir / "server", SERVER)
    keep = f"{other} stream tcp4 nowait {ME} {server}\n"
    d = start(f"{port} stream tcp4 nowait {ME} {server}\n" + keep,
              "daemon = { log_connections = true; }; defaults = { kill_on_disconnect = true; };")
    one, two = connect(port), connect(port)
    pids = {}
    for s in (one, two):
        assert s.recv(10) == b"up\n"
        pids[s] = started_pid(d.wait_log(rf":{s.getsockname()[1]}: started pid"))
    wait_at_rest(d.pid)
    sockets = len(socket_fds(d.pid))
    if gone:
        d.rewrite(keep)
    upgrade(d, 2)
    wait_at_rest(d.pid)
    assert len(socket_fds(d.pid)) == sockets - gone
    reset(one)
    d.wait_log(rf"pid {pids[one]} has lost its client \(kill_on_disconnect\): sending SIGTERM")
    d.wait_log(rf"pid {pids[one]} ended: killed by SIGTERM")
    assert list(children(d.pid)) == [pids[two]]
    with connect(other) as fresh:
        assert fresh.recv(10) == b"up\n"
        pid = started_pid(d.wait_log(rf"{other}: .*started pid"))
        reset(fresh)
        d.wait_log(rf"pid {pid} has lost its client")
    reset(two)
    d.wait_log(rf"pid {pids[two]} ended: killed by SIGTERM")


def test_a_server_that_was_told_to_end_is_killed_after_an_upgrade(start, workdir):
    port = free_port()
    server = script(workdir / "server", SERVER)
    d = start(f"{port} stream tcp4 nowait {ME} {server} server stubborn\n",
              "defaults = { kill_on_disconnect = true; };")
    s = connect(port)
    assert s.recv(10) == b"up\n"
    reset(s)
    d.wait_log("has lost its client")
    upgrade(d)
    d.wait_log("goes on: sending SIGKILL")
    d.wait_log("ended: killed by SIGKILL")


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


BROKEN = {"text": "not a program", "false": "#!/bin/false\n", "silent": "#!/bin/sh\nexit 0\n",
          "crash": "#!/bin/sh\nkill -SEGV $$\n",
          "liar": "#!/bin/sh\necho would take over: everything\nexit 3\n"}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_bad_binary_changes_nothing(own_binary, content):
    binary, wrap = own_binary
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", wrap=wrap) as d, \
            connect(port) as s:
        replace(binary, content)
        exe = os.stat(f"/proc/{d.pid}/exe").st_ino
        d.signal(signal.SIGUSR2)
        assert f"{binary}: " in d.wait_log("upgrade refused: .*; the running daemon goes on")
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == exe
        replace(binary)
        upgrade(d)
        s.sendall(b"y")
        assert s.recv(1) == b"y"


def test_a_binary_that_hangs_is_given_up_meanwhile_clients_are_served(own_binary):
    binary, wrap = own_binary
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", wrap=wrap) as d:
        replace(binary, "#!/bin/sh\nexec sleep 1000\n")
        d.signal(signal.SIGUSR2)
        wait_until(lambda: children(d.pid), "the trial runs")
        d.signal(signal.SIGUSR2)
        d.wait_log("upgrade: one is under way already")
        assert ask(port, b"x") == b"x"
        d.wait_log("upgrade refused: .* did not answer in time")
        wait_until(lambda: not children(d.pid), "the trial is gone")


def test_a_binary_that_fails_only_when_it_matters_gives_way_to_the_old_one(own_binary):
    """It says that it would take over, and then cannot: the old one comes back, with everything."""
    binary, wrap = own_binary
    port, cat = free_port(), free_port()
    conf = (f"{port} stream tcp4 nowait {ME} internal echo\n"
            f"{cat} stream tcp4 nowait {ME} /bin/cat cat\n")
    with Daemon(conf, wrap=wrap) as d, connect(port) as one, connect(cat) as two:
        for s in (one, two):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        replace(binary, f"""#!/bin/sh
case "$*" in
*--check*) exec {INETD} "$@";;
*) exec {INETD} --strict --settings /nonexistent "$@";;
esac
""")
        exe = os.stat(f"/proc/{d.pid}/exe").st_ino
        d.signal(signal.SIGUSR2)
        d.wait_log("not started: 1 error in the configuration")
        d.wait_log("going back to the binary before")
        d.wait_notify("READY=1")
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == exe
        for s in (one, two):
            s.sendall(b"y")
            assert s.recv(1) == b"y"
        assert ask(port, b"x") == b"x"
        replace(binary)
        upgrade(d)


def test_a_binary_that_has_no_memory_gives_way_to_the_old_one(own_binary):
    """Wherever in its start it is refused some, and whoever threw: all that was handed over goes back."""
    short = BUILD / "tests/faults/no_memory.so"
    if not short.exists():
        pytest.skip("a sanitizer has an operator new of its own")
    binary, wrap = own_binary
    port, cat, lent = free_port(), free_port(), free_port()
    conf = (f"127.0.0.1:{port} stream tcp4 nowait {ME} internal echo\n"
            f"127.0.0.1:{cat} stream tcp4 nowait {ME} /bin/cat cat\n"
            f"127.0.0.1:{lent} dgram udp4 wait {ME} /bin/sleep sleep 1000\n")
    with Daemon(conf, "--stop-timeout", "0", wrap=wrap) as d, connect(port) as one, \
            connect(cat) as two, udp(lent) as three:
        for s in (one, two):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        three.send(b"x")
        wait_until(lambda: len(children(d.pid)) == 2, "both servers run")
        sockets = {p: listeners(d.pid, p) for p in (port, cat, lent)}
        assert all(sockets.values())
        point, points = 1, 0
        old = os.stat(f"/proc/{d.pid}/exe").st_ino
        while os.stat(f"/proc/{d.pid}/exe").st_ino == old:
            replace(binary, f"""#!/bin/sh
case "$*" in
*--check*) exec {INETD} "$@";;
*) exec env LD_PRELOAD={short} NO_MEMORY_AT={point} {INETD} "$@";;
esac
""")
            d.signal(signal.SIGUSR2)
            d.wait_notify("READY=1")
            for s in (one, two):
                s.sendall(b"y")
                assert s.recv(1) == b"y", d.log()
            assert sockets == {p: listeners(d.pid, p) for p in sockets}, d.log()
            point, points = point + 1 + point // 8, points + 1
        assert points > 5


def test_a_bad_configuration_refuses_the_change():
    port = free_port()
    conf = f"{port} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(conf) as d:
        d.rewrite(conf + "nonsense\n")
        d.signal(signal.SIGUSR2)
        assert "exit 78" in d.wait_log("upgrade refused")
        assert ask(port, b"x") == b"x"
        d.rewrite(conf)
        upgrade(d)
        assert ask(port, b"x") == b"x"


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
