"""Relaying connections to another address: `internal redirect` and its key."""

import contextlib
import os
import resource
import socket

import pytest

from harness import ME, PATIENCE, Daemon, connect, free_port, read_all
from relaying import (MEGABYTE, accept, digest_of, fill, line, pair, pipes, port_of, relayed, reset, send_much,
                      target, together)
from support import Namespace, has_nothing, wait_until


def test_a_hundred_megabytes_each_way_at_once():
    with relayed(None, "-l") as (d, port, listener):
        with pair(port, listener) as (client, server):
            sent_up, got_up, sent_down, got_down = together(
                lambda: send_much(client, 100, 1), lambda: digest_of(server),
                lambda: send_much(server, 100, 2), lambda: digest_of(client))
        assert (got_up, got_down) == (sent_up, sent_down)
        size = 100 * (8 + len(MEGABYTE))
        d.wait_log(rf"session ended: {size} bytes in, {size} out")


def test_each_half_can_be_closed_first():
    with relayed() as (_, port, listener):
        with pair(port, listener) as (client, server):
            client.sendall(b"question")
            client.shutdown(socket.SHUT_WR)
            assert read_all(server) == b"question"
            server.sendall(b"answer")
            server.close()
            assert read_all(client) == b"answer"
        with pair(port, listener) as (client, server):
            server.sendall(b"banner")
            server.shutdown(socket.SHUT_WR)
            assert read_all(client) == b"banner"
            client.sendall(b"still there")
            client.shutdown(socket.SHUT_WR)
            assert read_all(server) == b"still there"


def test_what_a_client_said_before_it_closed_arrives():
    with relayed() as (_, port, listener):
        with connect(port) as client:
            client.sendall(MEGABYTE * 3)
        with accept(listener) as server:
            assert read_all(server) == MEGABYTE * 3


def test_a_reset_is_passed_on():
    with relayed() as (_, port, listener):
        for victim in (0, 1):
            with pair(port, listener) as ends:
                ends[0].sendall(b"x")
                assert ends[1].recv(10) == b"x"
                reset(ends[victim])
                with pytest.raises(ConnectionResetError):
                    ends[1 - victim].recv(10)


def test_target_down_resets_the_client_and_says_so():
    port, nobody = free_port(), free_port()
    with Daemon(line(port, f"127.0.0.1:{nobody}")) as d:
        for _ in range(5):
            # The reset may come before connect(2) has returned.
            with pytest.raises(ConnectionResetError), connect(port) as client:
                client.recv(10)
        d.wait_log(rf"{port}: connect 127\.0\.0\.1:{nobody}: Connection refused")
        assert len(d.lines_like("Connection refused")) == 1


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
def test_nobody_is_relayed_to_himself():
    """The kernel gives outgoing connections the port of the target, where nobody listens: TCP then
    connects the socket with itself, and keeps the port from who should listen there."""
    try:
        ns = Namespace("ip link set lo up && echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range")
    except OSError as reason:
        pytest.skip(f"no network namespace: {reason}")
    with contextlib.closing(ns), Daemon(line(8080, "127.0.0.1:40000"), wrap=ns.wrap) as d:
        def ask_and_bind():
            with socket.socket() as client:
                client.bind(("127.0.0.1", 9000))
                client.settimeout(PATIENCE)
                # It may come before connect() has returned.
                with pytest.raises(ConnectionResetError):
                    client.connect(("127.0.0.1", 8080))
                    client.recv(10)
            with socket.socket() as s:
                s.bind(("127.0.0.1", 40000))

        ns.run(ask_and_bind)
        d.wait_log(r"8080: connect 127\.0\.0\.1:40000: Connection refused")


@pytest.mark.root
def test_the_next_address_of_a_name_is_tried(workdir):
    """The name has an address where nobody listens before the one where somebody does."""
    hosts = workdir / "hosts"
    hosts.write_text("127.0.0.1 both\n::1 both\n")
    bind = f'mount --bind {hosts} /etc/hosts && exec "$@"'
    port = free_port()
    with target(("::1", 0), socket.AF_INET6) as listener:
        where = f"both {port_of(listener)}"
        with Daemon(line(port, where), wrap=("unshare", "-m", "sh", "-c", bind, "sh")) as d:
            for _ in range(3):
                with pair(port, listener) as (client, server):
                    server.sendall(b"here")
                    assert client.recv(10) == b"here"
            d.wait_log(r"connect 127\.0\.0\.1:\d+: Connection refused")


def test_ipv6_target():
    port = free_port()
    with target(("::1", 0), socket.AF_INET6) as listener:
        with Daemon(line(port, f"[::1]:{port_of(listener)}")):
            with pair(port, listener) as (client, server):
                client.sendall(b"over six")
                assert server.recv(100) == b"over six"


@pytest.mark.parametrize("abstract", (False, True))
def test_unix_target(workdir, abstract):
    port = free_port()
    name = f"inetd-test-{os.getpid()}-{port}"
    path = "\0" + name if abstract else str(workdir / "target")
    with target(path, socket.AF_UNIX) as listener:
        with Daemon(line(port, "@" + name if abstract else path)):
            with pair(port, listener) as (client, server):
                client.sendall(MEGABYTE)
                client.shutdown(socket.SHUT_WR)
                assert read_all(server) == MEGABYTE
                server.sendall(b"done")
                server.close()
                assert read_all(client) == b"done"


def test_unix_listener(workdir):
    path = workdir / "front"
    with target() as listener:
        conf = f"{path} stream unix nowait {ME} internal redirect 127.0.0.1:{port_of(listener)}\n"
        with Daemon(conf), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            client.sendall(MEGABYTE)
            client.close()  # a unix socket hangs up at once, and what it sent is still there
            with accept(listener) as server:
                assert read_all(server) == MEGABYTE


def test_two_thousand_at_once_cost_no_pipes():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = 2000 if hard >= 6000 else (hard - 500) // 3
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with relayed(None, "-c", "0") as (d, port, listener), contextlib.ExitStack() as stack:
            before = pipes(d.pid)
            ends = [[stack.enter_context(s) for s in (connect(port), accept(listener))]
                    for _ in range(count)]
            for n, (client, _) in enumerate(ends):
                client.sendall(str(n).encode())
            for n, (_, server) in enumerate(ends):
                assert server.recv(10) == str(n).encode()
                server.sendall(b"to %d" % n)
            for n, (client, _) in enumerate(ends):
                assert client.recv(10) == b"to %d" % n
            assert pipes(d.pid) - before <= 2 * 32  # those that are kept in reserve
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_stalled_side_does_not_hold_up_others():
    with relayed() as (d, port, listener):
        with pair(port, listener) as (deaf, server):
            fill(server)
            for _ in range(20):
                with pair(port, listener) as (client, other):
                    client.sendall(b"hello")
                    assert other.recv(10) == b"hello"
            deaf.sendall(b"and it can still speak")
            server.settimeout(PATIENCE)
            assert server.recv(100) == b"and it can still speak"
            assert pipes(d.pid) <= 2 * 32 + 8


def test_idle_timeout(workdir):
    port = free_port()
    settings = workdir / "inetd.cfg"
    with target() as listener:
        settings.write_text(f'services = ( {{ name = "{port}"; idle_timeout = 0.2; '
                            f'redirect = "127.0.0.1 {port_of(listener)}"; }} );\n')
        conf = f"127.0.0.1:{port} stream tcp4 nowait {ME} internal redirect\n"
        with Daemon(conf, "--settings", settings):
            with pair(port, listener) as (client, server):
                client.sendall(b"x")
                assert server.recv(10) == b"x"
                assert (read_all(client), read_all(server)) == (b"", b"")


def test_limits_count_relays():
    with relayed(None, "-s", "1") as (d, port, listener):
        with pair(port, listener) as (client, server):
            with connect(port) as refused:
                assert read_all(refused) == b""
            client.sendall(b"x")
            assert server.recv(10) == b"x"
            assert has_nothing(client)
        d.wait_log("refused 127.0.0.1: too many instances for this address")

        def again():
            with connect(port) as client, contextlib.suppress(OSError):
                client.sendall(b"y")
                listener.settimeout(0.2)
                with listener.accept()[0] as server:
                    return server.recv(10) == b"y"
            return False

        wait_until(again, "the slot was given back")
