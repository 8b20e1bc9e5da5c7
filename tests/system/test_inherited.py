"""Sockets that the daemon is started with, and those that its servers are, by sd_listen_fds(3)."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness import ENVIRONMENT, INETD, ME, PATIENCE, Daemon, ask, connect, free_port, udp
from support import listeners, script, unix_listeners, wait_until

# Opens sockets from 3 on, as its arguments say, and becomes what follows "--". The variables are
# right unless the environment brings others.
HANDER = """
import os, socket, sys
words = sys.argv[1:sys.argv.index("--")]
names = []
for number, word in enumerate(words, 3):
    name, kind, place = word.split("=", 2)
    names.append(name)
    if kind == "file":
        fd = os.open(place, os.O_RDONLY)
    else:
        host, _, port = place.rpartition(":")
        family = socket.AF_UNIX if kind == "unix" else socket.AF_INET6 if ":" in host else socket.AF_INET
        s = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(place if kind == "unix" else (host, int(port)))
        if kind in ("tcp", "unix"):
            s.listen()
        fd = s.detach()
    os.dup2(fd, number)
    os.set_inheritable(number, True)
    if fd != number:
        os.close(fd)
for name, value in (("LISTEN_PID", str(os.getpid())), ("LISTEN_FDS", str(len(words))),
                    ("LISTEN_FDNAMES", ":".join(names))):
    os.environ.setdefault(name, value)
rest = sys.argv[sys.argv.index("--") + 1:]
os.execv(rest[0], rest)
"""
SHOW = "import os, sys; print(sorted(n for n in os.environ if n.startswith('LISTEN')))"


@pytest.fixture
def hand(workdir):
    program = script(workdir / "hand", HANDER)
    return lambda *sockets: (program, *sockets, "--")


@pytest.mark.parametrize("kind", ("tcp", "bound"))
def test_adopted_by_address(hand, kind):
    """A stream socket that nobody listens on yet is put to listen."""
    port = free_port()
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} /bin/echo echo hello\n"
    with Daemon(conf, wrap=hand(f"x={kind}=127.0.0.1:{port}")) as d:
        assert ask(port) == b"hello\n"
        assert not d.lines_like("bind|error")


def test_adopted_by_name(hand):
    port, own = free_port(), free_port()
    conf = (f"{own} stream tcp nowait {ME} internal echo\n"
            f"{own} dgram udp wait {ME} internal echo\n")
    with Daemon(conf, wrap=hand(f"{own}=tcp=127.0.0.1:{port}", f"{own}=udp=127.0.0.1:{port}")):
        assert ask(port, b"stream") == b"stream"
        with udp(port) as client:
            client.send(b"datagram")
            assert client.recv(100) == b"datagram"
        with pytest.raises(ConnectionRefusedError):
            connect(own)


def test_one_socket_for_both_families(hand):
    """What ListenStream=PORT makes, for a line that would open two."""
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} internal echo\n", wrap=hand(f"x=tcp=:::{port}")) as d:
        assert ask(port, b"four") == b"four"
        assert ask(port, b"six", host="::1") == b"six"
        assert len(listeners(d.pid, port)) == 1
        assert not d.lines_like("bind")


def test_unix_file_is_not_ours(hand, workdir):
    path = workdir / "s"
    with Daemon(f"{path} stream unix nowait {ME} internal echo\n", wrap=hand(f"x=unix={path}")) as d:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
        assert d.stop() == 0
        assert path.is_socket()


def test_what_no_line_wants_is_said_and_waits_for_a_reload(hand):
    port, other = free_port(), free_port()
    line = "127.0.0.1:{} stream tcp nowait " + ME + " internal echo\n"
    with Daemon(line.format(other), wrap=hand(f"left=tcp=127.0.0.1:{port}")) as d:
        assert "left" in d.wait_log(rf"127\.0\.0\.1:{port} .*no line")
        d.reload(line.format(other) + line.format(port))
        assert ask(port, b"hello") == b"hello"
        d.reload(line.format(other))
        d.reload(line.format(port))
        assert ask(port, b"again") == b"again"
        assert not d.lines_like("bind")


def test_reload_keeps_what_was_adopted_by_name(hand):
    port, own = free_port(), free_port()
    line = f"{own} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(line, wrap=hand(f"{own}=tcp=127.0.0.1:{port}")) as d:
        before = listeners(d.pid, port)
        assert re.search("0 added, 0 removed, 0 updated, 1 unchanged", d.reload(line))
        assert before == listeners(d.pid, port) and len(before) == 1
        assert ask(port, b"hello") == b"hello"


@pytest.mark.parametrize("variables, message", (
    ({"LISTEN_FDS": "many"}, r"LISTEN_FDS=.many. is not a number"),
    ({"LISTEN_FDS": "-1"}, "is not a number"),
    ({"LISTEN_FDS": "7"}, r"descriptor \d is not open"),
    ({"LISTEN_PID": "me"}, "LISTEN_PID=.me. is not a process"),
    ({"LISTEN_PID": "1"}, None)))
def test_variables_without_sense(hand, variables, message):
    port = free_port()
    server = f"{port} stream tcp4 nowait {ME} /usr/bin/python3 python3 -ISc \"{SHOW}\"\n"
    with Daemon(server, "-E", wrap=hand(f"x=tcp=127.0.0.1:{free_port()}"), env=variables) as d:
        if message:
            d.wait_log(message)
        assert ask(port) == b"[]\n"


def test_what_is_no_listening_socket_is_said(hand):
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n",
                wrap=hand("pipe=file=/dev/null", f"x=tcp=127.0.0.1:{free_port()}")) as d:
        d.wait_log(r'descriptor 3 \("pipe"\): Socket operation on non-socket')
        assert ask(port, b"hello") == b"hello"


def test_adopted_in_the_background(hand, workdir):
    """The variables name the process that was started, not the one that goes on."""
    port, conf, pid_file = free_port(), workdir / "conf", workdir / "pid"
    conf.write_text(f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n")
    done = subprocess.run([*map(str, hand(f"x=tcp=127.0.0.1:{port}")), str(INETD), "--control", "none", "-p", str(pid_file),
                           str(conf)], env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, check=False)
    pid = int(pid_file.read_text())
    try:
        assert (done.returncode, b"bind" in done.stderr) == (0, False), done.stderr
        assert ask(port, b"hello") == b"hello"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not pid_file.exists(), "the daemon has ended")


PROXY = "/lib/systemd/systemd-socket-proxyd"


@pytest.mark.skipif(not os.path.exists(PROXY), reason="needs systemd-socket-proxyd")
@pytest.mark.parametrize("handed", (False, True), ids=("opened", "handed in"))
def test_a_server_made_for_systemd_runs_unchanged(hand, workdir, handed):
    """systemd-socket-proxyd(8). Handed in, its socket is 3 in the daemon as well."""
    port, behind = free_port(), free_port()
    settings = workdir / "cfg"
    settings.write_text(f'services = ( {{ name = "{port}"; listen_fds = true; }} );\n')
    conf = (f"127.0.0.1:{port} stream tcp wait {ME} {PROXY} systemd-socket-proxyd "
            f"--exit-idle-time=1s 127.0.0.1:{behind}\n"
            f"127.0.0.1:{behind} stream tcp nowait {ME} internal echo\n")
    wrap = hand(f"x=tcp=127.0.0.1:{port}") if handed else ()
    with Daemon(conf, "--settings", settings, "-l", wrap=wrap) as d:
        for _ in range(2):
            with connect(port) as client:
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"
            d.wait_log(rf"{port}: started pid")
            d.wait_log(rf"{port}: pid \d+ ended: exit 0")


def test_listen_fds_of_a_service_that_has_none_is_said(workdir):
    port = free_port()
    settings = workdir / "cfg"
    settings.write_text(f'services = ( {{ name = "{port}"; listen_fds = true; }} );\n')
    with Daemon(f"{port} stream tcp nowait {ME} /bin/true\n", "--settings", settings) as d:
        d.wait_log("'listen_fds' has no effect on .*, which is 'nowait'")


def test_a_line_that_goes_frees_its_socket_whoever_keeps_a_copy(workdir):
    """A supervisor that never reads has the sockets in its queue, and none of them may listen."""
    port, path = free_port(), workdir / "s"
    conf = (f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
            f"{path} stream unix nowait {ME} internal echo\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(workdir / "deaf"))
        with Daemon(conf, wrap=("env", f"NOTIFY_SOCKET={workdir}/deaf"), wait_ready=False) as d:
            try:
                d.wait_log("2 services")
                assert unix_listeners(d.pid, path)
                d.reload("# nothing\n")
                with pytest.raises(ConnectionRefusedError):
                    connect(port)
                assert not path.exists()
            finally:
                deaf.close()
