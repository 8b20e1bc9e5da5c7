"""Unix sockets: whose a path is, how it looks, and when it goes."""

import grp
import os
import pwd
import signal
import socket
import stat

import pytest

from harness import ME, PATIENCE, Daemon, ask, free_port, read_all
from support import mode_of, unix_listeners


def ask_unix(path, data=b"", kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.settimeout(PATIENCE)
        s.connect(str(path))
        if data:
            s.sendall(data)
        if kind == socket.SOCK_SEQPACKET:
            return s.recv(65536)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def cat(path):
    return f"{path} stream unix nowait {ME} /bin/cat\n"


def test_path_is_served_and_its_mode_is_open(workdir):
    path = workdir / "sock"
    with Daemon(cat(path), preexec=lambda: os.umask(0o077)):
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert mode_of(path) == 0o666
        assert ask_unix(path, b"hello") == b"hello"


def test_path_goes_with_its_service(workdir):
    path, other = workdir / "one", workdir / "two"
    with Daemon(cat(path) + cat(other)) as d:
        sockets = unix_listeners(d.pid, other)
        assert len(sockets) == 1
        d.reload(cat(other))
        assert not path.exists()
        assert ask_unix(other, b"hello") == b"hello"
        assert unix_listeners(d.pid, other) == sockets
        d.reload(cat(path) + cat(other))
        assert ask_unix(path, b"back") == b"back"


def test_type_of_a_path_changes_without_trouble(workdir):
    path = workdir / "sock"
    with Daemon(cat(path)) as d:
        for _ in range(2):
            d.reload(f"{path} seqpacket unix nowait {ME} /bin/cat\n")
            assert ask_unix(path, b"hello", socket.SOCK_SEQPACKET) == b"hello"
            d.reload(cat(path))
            assert ask_unix(path, b"hello") == b"hello"
        assert not d.lines_like("in use|retrying")


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_path_goes_at_the_end(workdir, number):
    path = workdir / "sock"
    with Daemon(cat(path)) as d:
        d.signal(number)
        assert d.process.wait(PATIENCE) == 0
        assert not path.exists()


def test_stale_path_is_replaced(workdir):
    path = workdir / "sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen()
    assert path.exists()
    with Daemon(cat(path)):
        assert ask_unix(path, b"hello") == b"hello"


def test_killed_daemon_leaves_nothing_that_stops_the_next(workdir):
    path = workdir / "sock"
    with Daemon(cat(path)) as d:
        d.process.kill()
        d.process.wait()
        assert path.exists()
        with Daemon(cat(path)):
            assert ask_unix(path, b"hello") == b"hello"


def test_live_socket_of_somebody_else_is_left_alone(workdir):
    path, port = workdir / "sock", free_port()
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen()
        inode = path.stat().st_ino
        with Daemon(cat(path) + f"{port} stream tcp nowait {ME} /bin/cat\n") as d:
            d.wait_log(rf"{path}: .*(Address already in use|in use)")
            assert ask(port, b"hello") == b"hello"
            assert path.stat().st_ino == inode
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(str(path))
                # Only what the daemon itself tried may stand in the queue before us.
                theirs.settimeout(PATIENCE)
                theirs.accept()[0].close()
        assert path.stat().st_ino == inode  # and it is not ours to remove at the end


def test_file_that_is_no_socket_is_left_alone(workdir):
    path, port = workdir / "precious", free_port()
    path.write_text("data")
    with Daemon(cat(path) + f"{port} stream tcp nowait {ME} /bin/cat\n") as d:
        d.wait_log(rf"{path}: ")
        assert ask(port, b"hello") == b"hello"
    assert path.read_text() == "data"


def test_path_that_somebody_replaced_is_not_removed(workdir):
    path = workdir / "sock"
    with Daemon(cat(path)) as d:
        path.unlink()
        path.write_text("mine")
        assert d.stop() == 0
    assert path.read_text() == "mine"


@pytest.mark.root
@pytest.mark.parametrize("spec, uid, gid, mode", (
    (":nobody:daemon:0640:", 65534, 1, 0o640),
    (":root:root:0600:", 0, 0, 0o600),
    (":daemon:nogroup:0222:", 1, 65534, 0o222),
))
def test_owner_and_mode(workdir, spec, uid, gid, mode):
    assert pwd.getpwnam("nobody").pw_uid == grp.getgrnam("nogroup").gr_gid == 65534
    path = workdir / "sock"
    line = f"{spec}{path} stream unix nowait root /bin/cat\n"
    with Daemon(line) as d:
        found = path.stat()
        assert (found.st_uid, found.st_gid, mode_of(path)) == (uid, gid, mode)
        assert ask_unix(path, b"hello") == b"hello"
        # A changed owner or mode is applied to the socket that is there.
        inode = found.st_ino
        d.reload(f":daemon:daemon:0604:{path} stream unix nowait root /bin/cat\n")
        found = path.stat()
        assert (found.st_uid, found.st_gid, mode_of(path)) == (1, 1, 0o604)
        assert found.st_ino == inode


def test_abstract_socket():
    name = f"inetd-test-{os.getpid()}-{free_port()}"
    with Daemon(f"@{name} stream unix nowait {ME} /bin/cat\n"):
        assert ask_unix("\0" + name, b"hello") == b"hello"
    with pytest.raises(ConnectionRefusedError):
        ask_unix("\0" + name)


def test_seqpacket_keeps_messages_apart(workdir):
    path = workdir / "sock"
    with Daemon(f"{path} seqpacket unix nowait {ME} /bin/cat\n"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(PATIENCE)
            s.connect(str(path))
            for message in (b"one", b"second message", b"3"):
                s.send(message)
            assert [s.recv(100) for _ in range(3)] == [b"one", b"second message", b"3"]


def test_path_with_blanks(workdir):
    path = workdir / "a path with 'quotes'"
    with Daemon(f'"{path}" stream unix nowait {ME} /bin/cat\n'):
        assert ask_unix(path, b"hello") == b"hello"


def test_path_that_is_too_long_is_an_error(workdir):
    path = workdir / ("x" * 120)
    with Daemon(cat(path), wait_ready=False) as d:
        d.wait_log(r"inetd\.conf:1:\d+: error: .*107")
