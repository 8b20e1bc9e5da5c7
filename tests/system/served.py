"""Servers of services/, each behind the daemon."""

import contextlib
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from harness import BUILD, PATIENCE, SERVICES, Daemon, connect, free_port, read_all

OWN_NAME = pwd.getpwuid(os.getuid()).pw_name
USER = "nobody" if os.getuid() == 0 else OWN_NAME
NAMES = sorted(p.name for p in SERVICES.iterdir() if p.suffix in (".py", ".sh", ".cc"))
MEGABYTES = 10 * 1024 * 1024

needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0,
    reason="needs root and a mount namespace")


def head(name, label):
    """What the head of the server's source gives for `label:`."""
    return re.findall(rf"^(?:#|//) {label}: (.*)$", (SERVICES / name).read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def libexec():
    """A copy of the servers where any user may run them, as installed in /usr/libexec/inetd."""
    with tempfile.TemporaryDirectory(prefix="inetd-libexec-") as path:
        directory = pathlib.Path(path)
        directory.chmod(0o755)
        for name in NAMES:
            built = BUILD / "services" / name.removesuffix(".cc")
            shutil.copy(built if name.endswith(".cc") else SERVICES / name, directory)
        yield directory


@pytest.fixture
def files():
    """A directory that every user can read, unlike pytest's tmp_path."""
    with tempfile.TemporaryDirectory(prefix="inetd-files-") as path:
        directory = pathlib.Path(path)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def serve(libexec):
    """serve(name, arguments...) starts the daemon with the server's own line at a free port, or at
    another place, and returns the port and the daemon. Where a server gives up on a client in so many
    seconds, one that is patient is asked for its answers, and a hasty one is met with silence: no
    client of the test is fast for sure."""
    with contextlib.ExitStack() as stack:
        def start(name, *arguments, line=0, at=None, **options):
            port = at or free_port()
            fields = head(name, "inetd.conf")[line].split()
            fields[0], fields[4] = str(port), USER
            fields[5] = fields[5].replace("/usr/libexec/inetd", str(libexec))
            if arguments:
                fields[7:] = map(str, arguments)
            daemon = stack.enter_context(
                Daemon(" ".join(fields) + "\n", "-l", "--stop-timeout", "0", **options))
            return port, daemon
        yield start


def pour(port, data):
    """Sends while it receives; what came. The server may stop to listen when it likes."""
    def send():
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

    received = b""
    with connect(port) as s:
        sender = threading.Thread(target=send)
        sender.start()
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                received += part
        sender.join(PATIENCE)
    return received


def vanish(port, data=b""):
    """A client that is gone, by a reset, before it could have got an answer."""
    with connect(port) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(data)


def silence(port):
    """What a client gets that says nothing, until the server has had enough of it."""
    with connect(port) as s, contextlib.suppress(ConnectionResetError):
        return read_all(s)
    return b""


@pytest.fixture
def tree(files):
    """A directory `root` to serve, with every trap in it, beside a file that must not be seen."""
    root = files / "root"
    (root / "sub").mkdir(parents=True)
    (root / "with index").mkdir()
    (root / "trap").mkdir()
    (files / "secret.txt").write_text("secret\n")
    (files / "root-two").mkdir()
    (files / "root-two" / "secret.txt").write_text("secret\n")
    (root / "a.txt").write_text("first\n.second\n")
    (root / "sub" / "b.html").write_text("<p>b</p>\n")
    (root / "with index" / "index.html").write_text("<p>index</p>\n")
    (root / "large.bin").write_bytes(random.randbytes(3_000_000))
    (root / "empty.txt").touch()
    (root / "<b>&\".txt").write_text("odd\n")
    (root / "naïve.txt").write_text("naïve\n")
    (root / "inside.txt").symlink_to("a.txt")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "out").symlink_to("..")
    (root / "beside").symlink_to("../root-two")
    (root / "trap" / "index.html").symlink_to(files / "secret.txt")
    (root / "closed.txt").write_text("secret\n")
    (root / "closed.txt").chmod(0)
    os.mkfifo(root / "fifo")
    return root
