"""The server of TFTP in services/, with a real client and with packets by hand."""

import concurrent.futures
import contextlib
import random
import shutil
import socket
import struct
import subprocess

import pytest

from harness import PATIENCE
from served import files, libexec, serve, tree
from support import started_pid, wait_for_end


def fetch(port, name, mode, directory):
    return subprocess.run(
        ["tftp", "-m", mode, "127.0.0.1", str(port), "-c", "get", name], cwd=directory,
        capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.skipif(not shutil.which("tftp"), reason="needs the tftp client")
def test_tftp_with_a_real_client(serve, tree, tmp_path):
    port, _ = serve("tftp.py", tree, "1")
    names = ["0", "1", "511", "512", "513", "1024", "200000"]
    for name in names:
        (tree / name).write_bytes(random.randbytes(int(name)))
    with concurrent.futures.ThreadPoolExecutor(len(names)) as clients:
        for result in clients.map(lambda name: fetch(port, name, "octet", tmp_path), names):
            assert result.stdout + result.stderr == ""
    for name in names:
        assert (tmp_path / name).read_bytes() == (tree / name).read_bytes()
    fetch(port, "a.txt", "netascii", tmp_path)
    assert (tmp_path / "a.txt").read_text() == "first\n.second\n"
    assert "there is no such file" in fetch(port, "nothing", "octet", tmp_path).stdout
    assert "that is not for you" in fetch(port, "../secret.txt", "octet", tmp_path).stdout


class Transfer:
    """A TFTP client, block by block."""

    def __init__(self, port, request):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.sendto(request, ("127.0.0.1", port))
        self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self):
        """The opcode, the number and the rest."""
        packet, self.server = self.socket.recvfrom(65536)
        return (*struct.unpack("!HH", packet[:4]), packet[4:])

    def acknowledge(self, number):
        self.socket.sendto(struct.pack("!HH", 4, number), self.server)


def read_request(name, mode=b"octet", *options):
    return b"\0\1" + b"".join(field + b"\0" for field in (name, mode, *options))


def test_tftp_conversation(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    content = (tree / "large.bin").read_bytes()
    with Transfer(port, read_request(b"/large.bin", b"OcTeT")) as t:
        assert t.receive() == (3, 1, content[:512])
        assert t.server[1] != port
        t.acknowledge(1)
        t.acknowledge(1)
        assert t.receive() == (3, 2, content[512:1024])
        t.socket.sendto(b"garbage", t.server)
        t.socket.sendto(b"", t.server)
        t.acknowledge(1)
        t.acknowledge(2)
        assert t.receive() == (3, 3, content[1024:1536]), "an old acknowledgement repeats a block"


def test_tftp_repeats_a_block_into_silence(serve, tree):
    """And to nobody when the client has gone, whoever else acknowledges."""
    port, daemon = serve("tftp.py", tree, "1")
    content = (tree / "large.bin").read_bytes()
    with Transfer(port, read_request(b"/large.bin")) as t:
        for _ in range(2):
            assert t.receive() == (3, 1, content[:512])
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        stranger.sendto(struct.pack("!HH", 4, 1), t.server)
    wait_for_end(started_pid(daemon.wait_log("started pid")))


def test_tftp_text(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    (tree / "lines").write_bytes(b"x" * 511 + b"\ny\rz")
    with Transfer(port, read_request(b"lines", b"NetASCII")) as t:
        assert t.receive() == (3, 1, b"x" * 511 + b"\r")
        t.acknowledge(1)
        assert t.receive() == (3, 2, b"\ny\r\0z")
    (tree / "lines").write_bytes(b"\n" * 512)
    with Transfer(port, read_request(b"lines", b"netascii")) as t:
        for number, data in enumerate((b"\r\n" * 256, b"\r\n" * 256, b""), 1):
            assert t.receive() == (3, number, data)
            t.acknowledge(number)


def test_tftp_ignores_options_as_a_server_without_them_must(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    with Transfer(port, read_request(b"a.txt", b"octet", b"blksize", b"8", b"tsize")) as t:
        assert t.receive() == (3, 1, b"first\n.second\n")


@pytest.mark.parametrize("last", (0, 1))
def test_tftp_wraps_the_block_number(serve, tree, last):
    port, _ = serve("tftp.py", tree, "60")
    with (tree / "blocks").open("wb") as file:
        file.truncate(512 * (65535 + last) + 1)
    with Transfer(port, read_request(b"blocks")) as t:
        for number in range(1, 65537 + last):
            opcode, got, data = t.receive()
            assert (opcode, got) == (3, number % 65536)
            t.acknowledge(number % 65536)
        assert data == b"\0"


@pytest.mark.parametrize("request_, code", [
    (read_request(b"nothing"), 1), (read_request(b"a.txt/b"), 1), (read_request(b""), 2),
    (read_request(b"../secret.txt"), 2), (read_request(b"/../secret.txt"), 2),
    (read_request(b"sub/../../secret.txt"), 2), (read_request(b"out.txt"), 2),
    (read_request(b"out/secret.txt"), 2), (read_request(b"beside/secret.txt"), 2),
    (read_request(b"trap/index.html"), 2), (read_request(b"sub"), 2), (read_request(b"fifo"), 2),
    (read_request(b"x" * 600), 1), (b"\0\2a.txt\0octet\0", 2), (read_request(b"a.txt", b"mail"), 4),
    (b"\0\1", 4), (b"\0\1a.txt", 4), (b"\0\1a.txt\0", 4), (b"\0\1a.txt\0octet", 4),
    (b"\0\3\0\1data", 4), (b"\0\4\0\1", 4), (b"garbage", 4), (bytes(1000), 4), (b"\xff" * 5000, 4)])
def test_tftp_refuses(serve, tree, request_, code):
    port, _ = serve("tftp.py", tree, "60")
    with Transfer(port, request_) as t:
        opcode, got, text = t.receive()
        assert (opcode, got) == (5, code) and text.endswith(b"\0")
