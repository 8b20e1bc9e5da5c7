"""What ends a server before it ends by itself: session_timeout and kill_on_disconnect."""

import os
import select
import socket
import struct

import pytest

from harness import PATIENCE, ask, connect, free_port, read_all
from support import script, socket_fds, started_pid, wait_until
from one_service import CAT, line, reload, talk

LOG = "daemon = { log_connections = true; };"
# Says that it is there and takes no notice of its client.
BUSY = """
import os, signal, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"up\\n")
if "close" in sys.argv:
    null = os.open("/dev/null", os.O_RDWR)
    for fd in 0, 1, 2: os.dup2(null, fd)
signal.pause()
"""


@pytest.fixture
def busy(workdir):
    return script(workdir / "busy", BUSY)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def test_session_timeout_of_a_server(start, busy):
    port = free_port()
    d = start(line(port, busy), 'defaults = { session_timeout = "300ms"; };')
    with connect(port) as s:
        assert s.recv(10) == b"up\n"
        assert s.recv(10) == b""
    d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: pid \d+ has run for its session_timeout of 0.3 s: send")
    d.wait_log("ended: killed by SIGTERM")
    reload(d, "")
    with connect(port) as s:
        assert s.recv(10) == b"up\n"


def test_session_timeout_of_a_server_that_stays(start, busy):
    port = free_port()
    d = start(line(port, f"{busy} busy stubborn"), "defaults = { session_timeout = 0.3; };")
    with connect(port) as s:
        assert s.recv(10) == b"up\n"
        d.wait_log("session_timeout")
        d.wait_log("goes on: sending SIGKILL")
        d.wait_log("ended: killed by SIGKILL")


@pytest.mark.parametrize("builtin", ("echo", "discard", "chargen"))
def test_session_timeout_of_a_built_in(start, builtin):
    port = free_port()
    d = start(line(port, f"internal {builtin}"), 'defaults = { session_timeout = "300ms"; };')
    with connect(port) as s:
        s.sendall(b"hello")
        if builtin == "echo":
            assert s.recv(100) == b"hello"
        d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: closed after its session_timeout of 0.3 s")
        try:
            read_all(s)
        except ConnectionResetError:  # closed with what it had not read
            pass


@pytest.mark.root
@pytest.mark.parametrize("key, why", (
    ('session_timeout = "300ms"', "has run for its session_timeout of 0.3 s"),
    ("kill_on_disconnect = true", r"has lost its client \(kill_on_disconnect\)")))
def test_a_server_behind_tcpmux_is_one_like_any_other(start, namespace, busy, key, why):
    d = start(f"tcpmux stream tcp4 nowait root internal\ntcpmux/+busy stream tcp4 nowait root {busy}\n",
              f'services = ( {{ name = "tcpmux/busy"; {key}; }} );', wrap=namespace.wrap)
    with namespace.run(connect, 1) as s:
        s.sendall(b"busy\r\n")
        said = b""
        while not said.endswith(b"up\n"):
            said += s.recv(100)
        assert said == b"+Go\r\nup\n"
        if key.startswith("kill"):
            reset(s)
        d.wait_log(rf"tcpmux/busy: 127\.0\.0\.1:\d+: pid \d+ {why}: sending SIGTERM")
    d.wait_log("ended: killed by SIGTERM")


@pytest.mark.root  # as whoever looks up the owners of connections
@pytest.mark.parametrize("key", ("session_timeout", "idle_timeout"))
@pytest.mark.parametrize("builtin", ("tcpmux", "auth"))
def test_built_ins_that_wait_for_half_a_minute_wait_no_longer_than_they_may(start, builtin, key):
    port = free_port()
    start(line(port, f"internal {builtin}"), f'defaults = {{ {key} = "300ms"; }};')
    with connect(port) as s:
        s.sendall(b"12")
        assert read_all(s) == b""


@pytest.mark.root
@pytest.mark.parametrize("builtin", ("tcpmux", "auth"))
def test_bytes_that_trickle_in_do_not_put_off_the_session_timeout(start, builtin):
    port = free_port()
    start(line(port, f"internal {builtin}"), 'defaults = { session_timeout = "500ms"; };')
    with connect(port) as s:
        s.setblocking(False)

        def closed():
            try:
                s.send(b"1")
                return s.recv(1) == b""
            except BlockingIOError:
                return False
            except (ConnectionResetError, BrokenPipeError):
                return True
        wait_until(closed, "it is closed")


def test_session_timeout_of_a_relay(start):
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as target:
        d = start(line(port, f"internal redirect 127.0.0.1:{target.getsockname()[1]}"),
                  'defaults = { session_timeout = "300ms"; };')
        with connect(port) as s:
            s.sendall(b"hello")
            behind, _ = target.accept()
            behind.settimeout(PATIENCE)
            assert behind.recv(10) == b"hello"
            assert s.recv(10) == b""
            behind.close()
    d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: closed after its session_timeout of 0.3 s")


def test_a_wait_server_has_no_session(start, workdir):
    port = free_port()
    server = script(workdir / "server", "import socket\ns = socket.socket(fileno=0)\n"
                    "while True:\n c, _ = s.accept()\n c.sendall(c.recv(10))\n c.close()\n")
    d = start(line(port, server, wait="wait"), 'defaults = { session_timeout = "1ms"; };')
    for _ in range(20):
        assert ask(port, b"x") == b"x"
    assert not d.lines_like("session_timeout")


def test_client_that_resets(start, busy):
    port = free_port()
    d = start(line(port, busy), "defaults = { kill_on_disconnect = true; };")
    s = connect(port)
    assert s.recv(10) == b"up\n"
    reset(s)
    d.wait_log(r"pid \d+ has lost its client \(kill_on_disconnect\): sending SIGTERM")
    d.wait_log("ended: killed by SIGTERM")


def test_unix_client_that_closes(start, busy, workdir):
    path = workdir / "x.sock"
    d = start(f"{path} stream unix nowait root {busy}\n",
              "defaults = { kill_on_disconnect = true; };")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(str(path))
        assert s.recv(10) == b"up\n"
    d.wait_log("has lost its client")


def test_half_close_is_not_the_end(start, workdir):
    """A client that has said all that it has to say waits for the answer."""
    port = free_port()
    gate, release = os.pipe()
    path = f"/proc/{os.getpid()}/fd/{gate}"
    server = script(workdir / "server", "import os\nwhile os.read(0, 9): pass\nos.write(1, b'end')\n"
                    f"os.read(os.open('{path}', 0), 1)\nos.write(1, b'more')\n")
    d = start(line(port, server), "defaults = { kill_on_disconnect = true; };")
    with connect(port) as s:
        s.sendall(b"x" * 100)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(3) == b"end"
        os.write(release, b"x")
        assert s.recv(4) == b"more" and s.recv(4) == b""
    d.wait_log("ended: exit 0")
    assert not d.lines_like("kill_on_disconnect")
    os.close(gate)
    os.close(release)


def test_the_daemon_keeps_no_copy(start, busy):
    """The child that closes its connection closes it, and its number is another's then."""
    port = free_port()
    d = start(line(port, f"{busy} busy close"), LOG + "defaults = { kill_on_disconnect = true; };")
    before = socket_fds(d.pid)
    with connect(port) as s:
        pid = started_pid(d.wait_log("started pid"))
        assert s.recv(10) == b"up\n" and s.recv(10) == b""
        assert socket_fds(d.pid) == before
    os.kill(pid, 0)  # it goes on, as it has no client that it could lose
    with connect(port) as other:
        assert other.recv(10) == b"up\n"
    assert not d.lines_like("has lost")


def test_many_clients_come_and_go(start):
    """Descriptors are used again and again, and nobody is taken for another."""
    port = free_port()
    d = start(line(port, CAT), "defaults = { kill_on_disconnect = true; };")
    with connect(port) as patient:
        assert talk(patient) == b"hello"
        for _ in range(30):
            with connect(port) as one:
                assert talk(one) == b"hello"
                reset(one)
        assert ask(port, b"x") == b"x"
        assert talk(patient) == b"hello"
        assert not select.select([patient], [], [], 0)[0]
    d.wait_log("ended: exit 0")
