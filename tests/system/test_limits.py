"""Limits: the whole service queues, one source is refused, and every limit heals itself."""

import contextlib
import socket

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, read_all
from support import children, has_nothing, listeners, wait_until


def from_address(port, source, host="127.0.0.1"):
    return socket.create_connection((host, port), timeout=PATIENCE, source_address=(source, 0))


def talk(s, data=b"hello"):
    s.sendall(data)
    return s.recv(100)


def is_refused(s):
    with s:
        try:
            return s.recv(100) == b""
        except ConnectionResetError:
            return True


def cat(port, socktype="stream", wait="nowait", protocol="tcp"):
    return f"{port} {socktype} {protocol} {wait} {ME} /bin/cat\n"


@pytest.mark.parametrize("socktype, wait, options", (
    ("stream", "nowait/2", ()), ("stream,2", "nowait", ()), ("stream", "nowait", ("-c", "2"))))
def test_instances_queue(socktype, wait, options):
    port = free_port()
    with Daemon(cat(port, socktype, wait), *options) as d:
        with connect(port) as one, connect(port) as two:
            assert talk(one) == talk(two) == b"hello"
            with connect(port) as three:
                three.sendall(b"third")
                d.wait_log(rf"{port}: 2 instances running")
                assert len(children(d.pid)) == 2
                assert has_nothing(three)
                one.close()
                assert three.recv(100) == b"third"
                assert talk(two) == b"hello"


def test_instances_queue_again_and_again():
    """A count that leaked would stop the service for good."""
    port = free_port()
    with Daemon(cat(port, wait="nowait/2")) as d:
        for _ in range(5):
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(connect(port)) for _ in range(8)]
                for s in clients:
                    s.sendall(b"hello")
                for s in clients:
                    assert s.recv(100) == b"hello", d.log()
                    s.close()
        wait_until(lambda: not children(d.pid), "no child is left")


def test_limit_of_one_family_holds_for_the_service():
    """`tcp` is two sockets and one service: the count is of the service."""
    port = free_port()
    with Daemon(cat(port, wait="nowait/1")) as d:
        with connect(port, "127.0.0.1") as one:
            assert talk(one) == b"hello"
            with connect(port, "::1") as two:
                two.sendall(b"second")
                d.wait_log(rf"{port}: 1 instances? running")
                assert len(children(d.pid)) == 1
                one.close()
                assert two.recv(100) == b"second"


def test_other_services_do_not_notice():
    port, other = free_port(), free_port()
    with Daemon(cat(port, wait="nowait/1") + cat(other)) as d:
        with connect(port) as one, connect(port):
            assert talk(one) == b"hello"
            d.wait_log(rf"{port}: 1 instances? running")
            assert ask(other, b"hello") == b"hello"


def test_default_is_256_instances():
    port = free_port()
    with Daemon(cat(port)) as d, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(256)]
        for s in clients:
            assert talk(s) == b"hello"
        with connect(port) as last:
            last.sendall(b"257th")
            d.wait_log(rf"{port}: 256 instances running")
            assert has_nothing(last)
            clients[100].close()
            assert last.recv(100) == b"257th"


@pytest.mark.parametrize("wait, options", (
    ("nowait.3", ()), ("nowait:3", ()), ("nowait", ("-R", "3"))))
def test_starts_a_minute_queue_and_heal(wait, options):
    port, other = free_port(), free_port()
    others = f"{other} stream tcp nowait.1000 {ME} /bin/cat\n"
    with Daemon(cat(port, wait=wait) + others, *options) as d:
        sockets = listeners(d.pid, port)
        for _ in range(3):
            assert ask(port, b"hello") == b"hello"
        with connect(port) as fourth:
            fourth.sendall(b"fourth")
            fourth.shutdown(socket.SHUT_WR)
            d.wait_log(rf"\b{port}: the rate of 3/min is reached")
            for _ in range(5):
                assert ask(other, b"hello") == b"hello"
            assert has_nothing(fourth)
            assert listeners(d.pid, port) == sockets  # it is never closed
            d.reload(cat(port, wait="nowait.1000") + others)
            assert read_all(fourth) == b"fourth"
        assert ask(port, b"fifth") == b"fifth"
        assert listeners(d.pid, port) == sockets


def test_starts_a_minute_come_back_one_by_one():
    """120 a minute is one each half second: the 121st to 123rd come without a reload."""
    port = free_port()
    conf = f"{port} stream tcp nowait.120 {ME} /bin/echo echo hello\n"
    with Daemon(conf) as d:
        for _ in range(123):
            assert ask(port) == b"hello\n", d.log()


@pytest.mark.parametrize("wait, options", (("nowait/0/2", ()), ("nowait", ("-C", "2"))))
def test_starts_of_one_source_a_minute(wait, options):
    port = free_port()
    with Daemon(cat(port, wait=wait), *options) as d:
        for _ in range(2):
            assert ask(port, b"hello") == b"hello"
        assert is_refused(connect(port))
        d.wait_log(rf"{port}: refused 127\.0\.0\.1\b")
        with from_address(port, "127.0.0.2") as other:
            assert talk(other) == b"hello"
        with connect(port, "::1") as other:
            assert talk(other) == b"hello"
        assert is_refused(connect(port))


@pytest.mark.parametrize("wait, options", (("nowait/0/0/1", ()), ("nowait", ("-s", "1"))))
def test_instances_of_one_source(wait, options):
    port = free_port()
    with Daemon(cat(port, wait=wait), "-l", *options) as d:
        with connect(port) as one:
            assert talk(one) == b"hello"
            assert is_refused(connect(port))
            d.wait_log(rf"{port}: refused 127\.0\.0\.1\b")
            with from_address(port, "127.0.0.2") as other:
                assert talk(other) == b"hello"
            assert talk(one) == b"hello"
        d.wait_log("ended: exit 0")
        d.wait_log("ended: exit 0")
        assert ask(port, b"again") == b"again"


def test_refused_starts_do_not_count_as_instances():
    port = free_port()
    with Daemon(cat(port, wait="nowait/2/0/1"), "-l") as d:
        with connect(port) as one:
            assert talk(one) == b"hello"
            for _ in range(10):
                assert is_refused(connect(port))
            with from_address(port, "127.0.0.2") as two:
                assert talk(two) == b"hello"
                assert len(children(d.pid)) == 2


def test_column_overrides_the_option():
    port, other = free_port(), free_port()
    with Daemon(cat(port, wait="nowait/3") + cat(other), "-c", "1") as d:
        with connect(port) as one, connect(port) as two, connect(port) as three:
            assert talk(one) == talk(two) == talk(three) == b"hello"
        with connect(other) as one, connect(other) as two:
            assert talk(one) == b"hello"
            two.sendall(b"second")
            d.wait_log(rf"{other}: 1 instances? running")
            assert has_nothing(two)
            one.close()
            assert two.recv(100) == b"second"


def test_refusals_do_not_flood_the_log():
    port = free_port()
    with Daemon(cat(port, wait="nowait/0/0/1")) as d:
        with connect(port) as one:
            assert talk(one) == b"hello"
            for _ in range(200):
                assert is_refused(connect(port))
        d.wait_log(rf"{port}: .*refused")
        assert len(d.lines_like(rf"{port}: .*refused")) <= 20, d.log()


def test_full_service_does_not_flood_the_log():
    port = free_port()
    with Daemon(cat(port, wait="nowait/1")) as d:
        for _ in range(50):
            with connect(port) as one, connect(port) as two:
                two.sendall(b"second")
                assert talk(one) == b"hello"
                one.close()
                assert two.recv(100) == b"second"
        assert len(d.lines_like(rf"{port}: 1 instances? running")) <= 20


def test_builtin_sessions_count_too(namespace):
    with Daemon(f"echo stream tcp nowait/1 {ME} internal\n", wrap=namespace.wrap) as d:
        with namespace.run(connect, 7) as one:
            assert talk(one) == b"hello"
            with namespace.run(connect, 7) as two:
                two.sendall(b"second")
                d.wait_log(r"echo: 1 instances? running")
                assert has_nothing(two)
                one.close()
                assert two.recv(100) == b"second"


def test_unix_clients_have_no_source_to_be_limited_by(workdir):
    path = workdir / "sock"
    with Daemon(f"{path} stream unix nowait/2/1/1 {ME} /bin/cat\n") as d:
        clients = []
        for _ in range(2):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(str(path))
            clients.append(s)
            assert talk(s) == b"hello", d.log()
        for s in clients:
            s.close()
