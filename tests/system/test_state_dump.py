"""SIGUSR1: the state in a file, written by a child that the daemon never waits for."""

import contextlib
import ctypes
import os
import pathlib
import re
import select
import signal
import socket
import struct

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, read_all, udp
from support import children, script, socket_fds, wait_for_end, wait_until

DGRAM = """
import socket
s = socket.socket(fileno=0)
s.send(s.recv(100))
s.recv(100)
"""
WAIT = """
import socket
client, _ = socket.socket(fileno=0).accept()
client.sendall(b"hello")
client.recv(100)
"""


def start(workdir, conf, where=None, **options):
    (workdir / "inetd.cfg").write_text(f'daemon = {{ dump_file = "{where or workdir / "dump"}"; }};\n')
    return Daemon(conf, "--stop-timeout", "0", "--settings", workdir / "inetd.cfg", **options)


def dump(d, workdir):
    os.kill(d.pid, signal.SIGUSR1)
    d.wait_log(rf"^inetd: state: written to {workdir}/dump$")
    return (workdir / "dump").read_text()


def test_every_kind_of_server_and_socket(workdir):
    full, wait, datagram, builtin, taken = (free_port() for _ in range(5))
    conf = (f"127.0.0.1:{full} stream tcp nowait/1 {ME} /bin/cat\n"
            f"127.0.0.1:{wait} stream tcp wait {ME} {script(workdir / 'wait', WAIT)}\n"
            f"127.0.0.1:{datagram} dgram udp nowait {ME} {script(workdir / 'dgram', DGRAM)}\n"
            f"127.0.0.1:{builtin} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} internal discard\n"
            f"{workdir}/socket stream unix nowait {ME} /bin/cat\n")
    with (socket.create_server(("127.0.0.1", taken)), start(workdir, conf) as d,
          connect(full) as one, connect(full) as queued, connect(wait) as guest,
          udp(datagram) as correspondent, connect(builtin) as session,
          socket.socket(socket.AF_UNIX) as local):
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        assert guest.recv(100) == b"hello"
        correspondent.send(b"x")
        assert correspondent.recv(1) == b"x"
        session.sendall(b"x")
        assert session.recv(1) == b"x"
        local.connect(f"{workdir}/socket")
        local.sendall(b"x")
        assert local.recv(1) == b"x"
        text = dump(d, workdir)
        running = children(d.pid)
        server = {line.split()[1].rstrip(":"): line for line in text.split("\nservers\n")[1].splitlines()}

        def name(s):
            return "{}:{}".format(*s.getsockname())

        assert re.match(r"inetd [\d.]+, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000: 6 services, 5 running, "
                        rf"1 failed: {taken}\n", text)
        assert f"\n{full}/tcp ({d.conf}:1)\n  1 running of at most 1, 1 started, 0 refused\n" in text
        assert f"  127.0.0.1:{full}: parked: all 1 instances run\n" in text
        assert f"  127.0.0.1:{builtin}: listening\n" in text
        assert f"  {workdir}/socket: listening\n" in text
        assert re.search(rf"\n  127\.0\.0\.1:{taken}: failed, .*: bind .*Address already in use\n", text)
        pid = int(server[f"{wait}/tcp"].split()[0])
        assert f"  127.0.0.1:{wait}: lent to server {pid}\n" in text
        assert f"{full}/tcp: {name(one)}, since 20" in server[f"{full}/tcp"]
        assert f"{datagram}/udp: {name(correspondent)}, since 20" in server[f"{datagram}/udp"]
        assert f"{wait}/tcp: wait, since 20" in server[f"{wait}/tcp"]
        assert {int(line.split()[0]) for line in server.values()} == set(running)
        assert len(server) == 4
        assert name(queued) not in text
        assert (workdir / "dump").stat().st_mode & 0o777 == 0o600
        assert not list(workdir.glob("dump.*"))


def test_rate_that_is_reached(workdir):
    port = free_port()
    with start(workdir, f"127.0.0.1:{port} stream tcp nowait.1 {ME} /bin/true\n") as d:
        assert ask(port) == b""
        with connect(port):
            d.wait_log("the rate of .* is reached")
            assert f"127.0.0.1:{port}: parked: the rate of 1/min is reached\n" in dump(d, workdir)


def test_refusals_by_reason(workdir):
    port = free_port()
    with start(workdir, f"127.0.0.1:{port} stream tcp nowait/10/0/1 {ME} /bin/cat cat\n") as d:
        with connect(port) as first:
            first.sendall(b"x")
            assert first.recv(1) == b"x"
            for _ in range(2):
                assert ask(port) == b""
            assert "1 started, 2 refused: 2 by per_source\n" in dump(d, workdir)


def test_what_is_no_proxy_header_is_counted(workdir):
    port = free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text(f'daemon = {{ dump_file = "{workdir}/dump"; }};\n'
                        f'services = ( {{ name = "{port}"; proxy_protocol = true; '
                        'proxy_from = ["127.0.0.1"]; } );\n')
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, "--settings", settings) as d:
        for _ in range(2):
            with connect(port) as s, contextlib.suppress(ConnectionResetError):
                s.sendall(b"GET / HTTP/1.0")
                assert read_all(s) == b""
        assert "0 started, 2 refused: 2 by proxy_header\n" in dump(d, workdir)


def test_a_dump_replaces_the_one_before(workdir):
    port = free_port()
    with start(workdir, f"127.0.0.1:{port} stream tcp nowait {ME} /bin/true\n") as d:
        (workdir / "dump").write_text("old\n" * 10000)
        (workdir / "dump").chmod(0o644)
        assert "0 started" in dump(d, workdir)
        assert ask(port) == b""
        text = dump(d, workdir)
        assert "1 started" in text and "old" not in text
        assert (workdir / "dump").stat().st_mode & 0o777 == 0o600
        d.reload(f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n")
        assert "internal" not in dump(d, workdir)
        wait_until(lambda: not children(d.pid), "all have ended")


def in_the_way(place):
    place.mkdir()


def directory_gone(place):
    place.parent.rmdir()


@pytest.mark.parametrize("trouble, why", (
    (in_the_way, "Is a directory"), (directory_gone, "No such file or directory")))
def test_what_cannot_be_written_is_logged(workdir, trouble, why):
    port, inside = free_port(), workdir / "inside"
    inside.mkdir()
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with start(workdir, conf, inside / "dump") as d:
        trouble(inside / "dump")
        for _ in range(2):
            os.kill(d.pid, signal.SIGUSR1)
            d.wait_log(rf"state: write {inside}/dump: {why}")
            assert ask(port, b"hello") == b"hello"
        assert not list(workdir.glob("inside/dump.*"))


@pytest.mark.root
def test_full_disk(workdir):
    small = workdir / "small"
    small.mkdir()
    mount = ["unshare", "-m", "sh", "-euc",
             'mount -t tmpfs -o size=4k none "$0"; echo >"$0/other"; exec "$@"', small]
    conf = f"127.0.0.1:{free_port()} stream tcp nowait {ME} internal echo\n"
    with start(workdir, conf, small / "dump", wrap=mount) as d:
        os.kill(d.pid, signal.SIGUSR1)
        d.wait_log(rf"state: write {small}/dump: No space left on device")
        seen = pathlib.Path(f"/proc/{d.pid}/root{small}")
        assert [path.name for path in seen.iterdir()] == ["other"]


class Stall:
    """Holds up whoever opens a file in the directory (fanotify(7)), like a disk that hangs."""

    OPEN_PERM, ON_CHILD, CLASS_CONTENT, ADD, ALLOW = 0x10000, 0x08000000, 4, 1, 1

    def __init__(self, directory):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.fanotify_init(self.CLASS_CONTENT | 1, os.O_RDONLY)
        if self.fd < 0 or libc.fanotify_mark(
                self.fd, self.ADD, ctypes.c_uint64(self.OPEN_PERM | self.ON_CHILD), -100,
                os.fsencode(directory)) != 0:
            pytest.skip(f"no fanotify: {os.strerror(ctypes.get_errno())}")

    def caught(self):
        """Who waits now for which file."""
        assert select.select([self.fd], [], [], PATIENCE)[0]
        *_, self.file, pid = struct.unpack("=IBBHQii", os.read(self.fd, 24))
        return pid

    def release(self):
        os.write(self.fd, struct.pack("=iI", self.file, self.ALLOW))
        os.close(self.file)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


@pytest.fixture
def stall(workdir):
    (workdir / "slow").mkdir()
    stall = Stall(workdir / "slow")
    yield stall
    stall.close()


def begin_slowly(d, stall):
    os.kill(d.pid, signal.SIGUSR1)
    writer = stall.caught()
    assert list(children(d.pid)) == [writer]
    return writer


@pytest.mark.root
def test_a_disk_that_hangs_stops_nobody(workdir, stall):
    port = free_port()
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} /bin/cat\n"
    with start(workdir, conf, workdir / "slow" / "dump") as d:
        writer = begin_slowly(d, stall)
        assert not socket_fds(writer), "it would keep a port in use"
        for _ in range(5):
            assert ask(port, b"hello") == b"hello"
        os.kill(d.pid, signal.SIGUSR1)
        d.wait_log(rf"state: pid {writer} is still writing")
        d.reload("")
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        stall.release()
        d.wait_log("state: written to")
        stall.close()  # or we would be the next to be held up
        assert f"{port}/tcp" in (workdir / "slow" / "dump").read_text()


@pytest.mark.root
def test_a_disk_that_hangs_does_not_hold_up_the_end(workdir, stall):
    conf = f"127.0.0.1:{free_port()} stream tcp nowait {ME} /bin/cat\n"
    with start(workdir, conf, workdir / "slow" / "dump") as d:
        writer = begin_slowly(d, stall)
        assert d.stop() == 0
        wait_for_end(writer)


@pytest.mark.root
def test_a_writer_that_is_killed_is_told_of(workdir, stall):
    conf = f"127.0.0.1:{free_port()} stream tcp nowait {ME} /bin/cat\n"
    with start(workdir, conf, workdir / "slow" / "dump") as d:
        os.kill(begin_slowly(d, stall), signal.SIGTERM)
        d.wait_log("state: write .*: killed by SIGTERM")
        begin_slowly(d, stall)
        stall.release()
        d.wait_log("state: written to")
