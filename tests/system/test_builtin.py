"""The built-in services through the daemon, on their own ports in a namespace of their own."""

import datetime
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, read_all, udp
from support import has_nothing

pytestmark = pytest.mark.root

PORTS = {"echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "time": 37}
HOSTS = ("127.0.0.1", "::1")
CONF = "".join(f"{name} stream tcp nowait {ME} internal\n{name} dgram udp wait {ME} internal\n"
               for name in PORTS)
SINCE_1900 = 2208988800  # of the Unix epoch, in seconds (RFC 868)


@pytest.fixture
def daemon(namespace):
    with Daemon(CONF, wrap=namespace.wrap) as d:
        d.ns = namespace
        yield d


def tcp(daemon, name, host="127.0.0.1"):
    return daemon.ns.run(connect, PORTS[name], host)


def dgram(daemon, name, host="127.0.0.1"):
    return daemon.ns.run(udp, PORTS[name], host)


def bound_dgram(daemon, address, family=socket.AF_INET):
    def make():
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(PATIENCE)
        s.bind(address)
        return s
    return daemon.ns.run(make)


@pytest.mark.parametrize("host", HOSTS)
def test_echo_answers_after_a_half_close(daemon, host):
    with tcp(daemon, "echo", host) as s:
        s.sendall(b"one")
        assert s.recv(100) == b"one"
        s.sendall(b"two")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"two"


@pytest.mark.parametrize("host", HOSTS)
def test_echo_of_five_megabytes(daemon, host):
    data = bytes(range(256)) * (5 * 4096)
    with tcp(daemon, "echo", host) as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = read_all(s)
        sender.join(PATIENCE)
    assert got == data


@pytest.mark.parametrize("host", HOSTS)
def test_discard_takes_all_and_says_nothing(daemon, host):
    with tcp(daemon, "discard", host) as s:
        s.sendall(b"x" * 3_000_000)
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""


@pytest.mark.parametrize("host", HOSTS)
def test_chargen_turns_the_printable_characters(daemon, host):
    with tcp(daemon, "chargen", host) as s, s.makefile("rb") as lines:
        ring = bytes(range(32, 127))
        for number in range(200):
            start = number % len(ring)
            assert lines.readline() == (ring[start:] + ring)[:72] + b"\r\n"


@pytest.mark.parametrize("host", HOSTS)
def test_daytime_is_one_line(daemon, host):
    before = datetime.datetime.utcnow().replace(microsecond=0)
    with tcp(daemon, "daytime", host) as s:
        text = read_all(s).decode()
    after = datetime.datetime.utcnow()
    assert text.endswith("\r\n") and text.count("\n") == 1
    said = datetime.datetime.strptime(text.strip(), "%a %b %d %H:%M:%S %Y")
    assert before <= said <= after


@pytest.mark.parametrize("host", HOSTS)
def test_time_is_four_bytes(daemon, host):
    before = int(time.time())
    with tcp(daemon, "time", host) as s:
        data = read_all(s)
    assert len(data) == 4  # 8 where somebody sent a time_t
    assert before <= struct.unpack("!I", data)[0] - SINCE_1900 <= int(time.time())


@pytest.mark.parametrize("host", HOSTS)
def test_datagram_services(daemon, host):
    with dgram(daemon, "echo", host) as s:
        for data in (b"hello", b"", b"x" * 8000):
            s.send(data)
            assert s.recv(65536) == data
    with dgram(daemon, "time", host) as s:
        before = int(time.time())
        s.send(b"")
        data = s.recv(100)
        assert len(data) == 4
        assert before <= struct.unpack("!I", data)[0] - SINCE_1900 <= int(time.time())
    with dgram(daemon, "daytime", host) as s:
        s.send(b"?")
        assert re.fullmatch(rb"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n", s.recv(100))
    with dgram(daemon, "chargen", host) as s:
        s.send(b"?")
        data = s.recv(65536)
        assert len(data) <= 512  # RFC 864
        assert re.fullmatch(rb"[\x20-\x7e\r\n]*", data)


def test_discard_does_not_answer_datagrams(daemon):
    with dgram(daemon, "discard") as quiet:
        for _ in range(10):
            quiet.send(b"x")
        assert quiet.fileno() >= 0
        with dgram(daemon, "echo") as s:
            s.send(b"after them")
            assert s.recv(100) == b"after them"
        assert has_nothing(quiet)


def test_stalled_clients_do_not_disturb_others(daemon):
    with tcp(daemon, "echo") as deaf, tcp(daemon, "chargen") as idle:
        deaf.setblocking(False)
        try:
            while True:
                deaf.send(b"x" * 65536)
        except BlockingIOError:
            pass
        idle.recv(1)
        for _ in range(20):
            with tcp(daemon, "echo") as s:
                s.sendall(b"hello")
                assert s.recv(100) == b"hello"
        with dgram(daemon, "echo") as s:
            s.send(b"hello")
            assert s.recv(100) == b"hello"


def test_reset_by_the_peer_is_no_trouble(daemon):
    for name in ("echo", "chargen", "discard"):
        for _ in range(20):
            with tcp(daemon, name) as s:
                s.sendall(b"hello")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with tcp(daemon, "echo") as s:
        s.sendall(b"hello")
        assert s.recv(100) == b"hello"


@pytest.mark.parametrize("host", ("127.0.0.1", "127.0.0.2", "10.9.8.7", "::1"))
def test_datagram_answer_comes_from_the_address_that_was_asked(daemon, host):
    subprocess.run([*daemon.ns.wrap, "ip", "addr", "add", "10.9.8.7/32", "dev", "lo"], check=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = bound_dgram(daemon, ("::" if ":" in host else "0.0.0.0", 0), family)
    with s:
        s.sendto(b"hello", (host, 7))
        data, source = s.recvfrom(100)
        assert (data, source[:2]) == (b"hello", (host, 7))


@pytest.mark.parametrize("name, port, family", (
    ("echo", 19, socket.AF_INET), ("echo", 13, socket.AF_INET), ("chargen", 7, socket.AF_INET),
    ("echo", 37, socket.AF_INET6), ("daytime", 7, socket.AF_INET6)))
def test_services_are_not_set_on_each_other(namespace, name, port, family):
    """A datagram with a forged source port of an answering service must not start a ping-pong."""
    with Daemon(f"{name} dgram udp wait {ME} internal\n", wrap=namespace.wrap) as d:
        d.ns = namespace
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        with bound_dgram(d, (host, port), family) as forged, dgram(d, name, host) as honest:
            for _ in range(5):
                forged.sendto(b"ping", (host, PORTS[name]))
            honest.send(b"hello")
            honest.recv(1000)  # that it comes; the one of chargen may be empty (RFC 864)
            assert has_nothing(forged)


def test_own_port_is_not_answered(namespace):
    """Two hosts with the same service could be set on each other as well."""
    with Daemon(f"127.0.0.1:echo dgram udp4 wait {ME} internal\n", wrap=namespace.wrap) as d:
        d.ns = namespace
        with bound_dgram(d, ("127.0.0.2", 7)) as forged, dgram(d, "echo") as honest:
            forged.sendto(b"ping", ("127.0.0.1", 7))
            honest.send(b"hello")
            assert honest.recv(100) == b"hello"
            assert has_nothing(forged)


def test_nowait_datagram_builtins_are_the_same(namespace):
    conf = f"echo dgram udp nowait {ME} internal\ntime dgram udp6 nowait {ME} internal\n"
    with Daemon(conf, wrap=namespace.wrap) as d:
        d.ns = namespace
        with dgram(d, "echo") as s:
            s.send(b"hello")
            assert s.recv(100) == b"hello"
        with dgram(d, "time", "::1") as s:
            s.send(b"hello")
            assert len(s.recv(100)) == 4


def test_two_hundred_sessions_at_once(daemon):
    sessions = [tcp(daemon, "echo", HOSTS[n % 2]) for n in range(200)]
    for number, s in enumerate(sessions):
        s.sendall(str(number).encode())
    for number, s in enumerate(sessions):
        assert s.recv(100) == str(number).encode()
        s.close()
    assert daemon.ns.run(ask, 7, b"and one more") == b"and one more"
