"""tcpmux (RFC 1078): one port, many names, and each target as itself."""

import socket

import pytest

from harness import ME, Daemon, connect, read_all
from support import servers, wait_until

pytestmark = pytest.mark.root

TARGETS = """tcpmux stream tcp nowait root internal
tcpmux/+who stream tcp nowait nobody /usr/bin/id id -un
tcpmux/cat stream tcp nowait root /bin/cat
tcpmux/self stream tcp nowait root /bin/sh sh -c "printf '+ready\\r\\n'; exec cat"
tcpmux/+env stream tcp nowait root /usr/bin/env env
tcpmux/+one stream tcp nowait/1 root /bin/cat
tcpmux/+source stream tcp nowait/0/0/1 root /bin/cat
"""


@pytest.fixture
def mux(namespace):
    with Daemon(TARGETS, "-l", wrap=namespace.wrap) as d:
        def client(data=b"", host="127.0.0.1"):
            s = namespace.run(connect, 1, host)
            if data:
                s.sendall(data)
            return s
        d.client = client
        yield d


def answer(mux, data, host="127.0.0.1"):
    with mux.client(data, host) as s:
        return read_all(s)


def test_help_lists_the_names(mux):
    lines = answer(mux, b"HELP\r\n").split(b"\r\n")
    assert lines.pop() == b""
    assert sorted(lines) == sorted([b"who", b"cat", b"self", b"env", b"one", b"source"])


@pytest.mark.parametrize("host", ("127.0.0.1", "::1"))
@pytest.mark.parametrize("name", (b"who\r\n", b"WHO\r\n", b"Who\n"))
def test_target_runs_as_its_own_user(mux, name, host):
    assert answer(mux, name, host) == b"+Go\r\nnobody\n"


def test_target_without_plus_greets_itself(mux):
    with mux.client(b"self\r\n") as s, s.makefile("rb") as lines:
        assert lines.readline() == b"+ready\r\n"
        s.sendall(b"hello\n")
        assert lines.readline() == b"hello\n"


@pytest.mark.parametrize("name", (b"nothing\r\n", b"\r\n", b"who \r\n", b"../who\r\n", b"+who\r\n"))
def test_unknown_name_gets_a_minus(mux, name):
    said = answer(mux, name)
    assert said.startswith(b"-") and said.endswith(b"\r\n")


def test_endless_name_is_cut_off(mux):
    with mux.client(b"x" * 5000) as s:
        said = b""
        try:
            said = read_all(s)
        except ConnectionResetError:
            pass
        assert said == b"" or said.startswith(b"-")
    assert answer(mux, b"who\r\n") == b"+Go\r\nnobody\n"


def test_not_one_byte_past_the_line_is_taken(mux):
    with mux.client(b"cat\r\nfirst words") as s:
        assert s.recv(100) == b"first words"
        s.sendall(b"more")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"more"


def test_name_may_come_byte_by_byte(mux):
    with mux.client() as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"cat\r\nhello":
            s.send(bytes([byte]))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"hello"


def test_client_that_says_nothing_blocks_nobody(mux):
    with mux.client() as silent, mux.client(b"ca") as half:
        assert answer(mux, b"who\r\n") == b"+Go\r\nnobody\n"
        half.sendall(b"t\r\nhello")
        assert half.recv(100) == b"hello"
        assert silent.fileno() >= 0


def test_client_that_hangs_up_in_the_middle(mux):
    for data in (b"", b"wh", b"who\r"):
        mux.client(data).close()
    assert answer(mux, b"who\r\n") == b"+Go\r\nnobody\n"


def test_target_knows_its_peer(mux):
    text = answer(mux, b"env\r\n", "::1").decode()
    env = dict(line.split("=", 1) for line in text.splitlines()[1:])
    assert env["REMOTE_ADDR"] == env["TCPREMOTEIP"] == "::1"
    assert env["SERVER_PORT"] == "1"


@pytest.mark.parametrize("name, refusal", (("one", b"-Service busy\r\n"),
                                           ("source", b"-Service not available\r\n")))
def test_target_has_its_own_limits(mux, name, refusal):
    call = f"{name}\r\n".encode()
    with mux.client(call) as one:
        assert one.recv(5) == b"+Go\r\n"
        one.sendall(b"hello")
        assert one.recv(100) == b"hello"
        # And no reset after it, which is the kernel's answer to what nobody has read.
        assert answer(mux, call + b"what else there is to say") == refusal
        assert answer(mux, b"who\r\n") == b"+Go\r\nnobody\n"
        one.sendall(b"still there")
        assert one.recv(100) == b"still there"
    wait_until(lambda: not servers(mux.pid), "the target has ended")
    with mux.client(call + b"again") as one:
        assert one.recv(5) == b"+Go\r\n"
        assert one.recv(100) == b"again"


def test_target_runs_with_nothing_but_its_socket(namespace):
    conf = ("tcpmux stream tcp nowait root internal\n"
            "tcpmux/fds stream tcp nowait root /bin/ls ls /proc/self/fd\n"
            "tcpmux/status stream tcp nowait nobody /bin/cat cat /proc/self/status\n")
    with Daemon(conf, wrap=namespace.wrap):
        with namespace.run(connect, 1) as s:
            s.sendall(b"fds\r\n")
            assert read_all(s).split() == [b"0", b"1", b"2", b"3"]
        with namespace.run(connect, 1) as s:
            s.sendall(b"status\r\n")
            lines = read_all(s).decode().splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        assert status["Uid"].split() == ["65534"] * 4
        assert int(status["SigBlk"], 16) == int(status["SigIgn"], 16) == 0


def test_reload_changes_the_targets(mux):
    conf = "tcpmux stream tcp nowait root internal\n"
    mux.reload(conf + f"tcpmux/+fresh stream tcp nowait {ME} /bin/echo echo fresh\n")
    assert answer(mux, b"fresh\r\n") == b"+Go\r\nfresh\n"
    assert answer(mux, b"who\r\n").startswith(b"-")


def test_target_that_cannot_be_started(namespace, workdir):
    program = workdir / "prog"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    conf = ("tcpmux stream tcp nowait root internal\n"
            f"tcpmux/prog stream tcp nowait root {program}\n")
    with Daemon(conf, wrap=namespace.wrap) as d:
        program.unlink()
        with namespace.run(connect, 1) as s:
            s.sendall(b"prog\r\n")
            assert not read_all(s).startswith(b"+")
        d.wait_log(rf"tcpmux/prog: exec {program}: No such file or directory")
