"""Which sockets a line opens, and what they are like."""

import pathlib
import re
import socket
import subprocess

import pytest

from harness import ME, Daemon, ask, connect, free_port, read_all, udp
from support import Namespace, listeners, script, wait_until


def say(spec, protocol="tcp", word="hello"):
    return f"{spec} stream {protocol} nowait {ME} /bin/echo echo {word}\n"


def refuses(port, host):
    try:
        connect(port, host).close()
        return False
    except ConnectionRefusedError:
        return True


def serves(port, host, word=b"hello\n"):
    return ask(port, host=host) == word


def tables(d, port):
    return sorted(table for table, _ in listeners(d.pid, port))


@pytest.mark.parametrize("protocol, hosts, opened", (
    ("tcp", {"127.0.0.1", "::1"}, ["tcp", "tcp6"]),
    ("tcp4", {"127.0.0.1"}, ["tcp"]),
    ("tcp6", {"::1"}, ["tcp6"]),
    ("tcp46", {"127.0.0.1", "::1"}, ["tcp6"]),
))
def test_families(protocol, hosts, opened):
    port = free_port()
    with Daemon(say(port, protocol)) as d:
        assert tables(d, port) == opened
        for host in ("127.0.0.1", "::1"):
            if host in hosts:
                assert serves(port, host)
            else:
                assert refuses(port, host)


def test_tcp4_and_tcp6_are_two_services():
    port = free_port()
    with Daemon(say(port, "tcp4", "four") + say(port, "tcp6", "six")):
        assert serves(port, "127.0.0.1", b"four\n")
        assert serves(port, "::1", b"six\n")


def test_tcp46_logs_ipv4_clients_unmapped():
    port = free_port()
    with Daemon(say(port, "tcp46"), "-l") as d:
        assert serves(port, "127.0.0.1")
        d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: started")
        assert not d.lines_like("ffff:")


def test_ipv6_peer_stands_in_brackets_in_the_log():
    port = free_port()
    with Daemon(say(port), "-l") as d:
        assert serves(port, "::1")
        d.wait_log(rf"{port}: \[::1\]:\d+: started")


@pytest.mark.parametrize("prefix, yes, no", (
    ("127.0.0.2:", ["127.0.0.2"], ["127.0.0.1", "::1"]),
    ("127.0.0.2,127.0.0.3:", ["127.0.0.2", "127.0.0.3"], ["127.0.0.1", "::1"]),
    ("[::1]:", ["::1"], ["127.0.0.1"]),
    ("127.0.0.2,[::1]:", ["127.0.0.2", "::1"], ["127.0.0.1"]),
    ("localhost:", ["127.0.0.1"], ["127.0.0.2"]),
    ("*:", ["127.0.0.1", "127.0.0.2", "::1"], []),
))
def test_addresses(prefix, yes, no):
    port = free_port()
    with Daemon(say(f"{prefix}{port}")):
        assert all(serves(port, host) for host in yes)
        assert all(refuses(port, host) for host in no)


def test_default_address_line():
    one, two, three, four = (free_port() for _ in range(4))
    conf = ("127.0.0.2:\n" + say(one) + say(f"127.0.0.3:{two}")
            + "[::1]:\n" + say(three) + "*:\n" + say(four))
    with Daemon(conf):
        assert serves(one, "127.0.0.2") and refuses(one, "127.0.0.1")
        assert serves(two, "127.0.0.3") and refuses(two, "127.0.0.2")
        assert serves(three, "::1") and refuses(three, "127.0.0.1")
        assert serves(four, "127.0.0.1") and serves(four, "::1")


def test_dash_a():
    one, two = free_port(), free_port()
    with Daemon(say(one) + say(f"*:{two}"), "-a", "127.0.0.2"):
        assert serves(one, "127.0.0.2")
        assert refuses(one, "127.0.0.1") and refuses(one, "::1")
        assert serves(two, "127.0.0.1")


def test_one_port_with_two_services_on_two_addresses():
    port = free_port()
    with Daemon(say(f"127.0.0.2:{port}", word="two") + say(f"127.0.0.3:{port}", word="three")):
        assert serves(port, "127.0.0.2", b"two\n")
        assert serves(port, "127.0.0.3", b"three\n")


@pytest.mark.parametrize("protocol, hosts", (
    ("udp", {"127.0.0.1", "::1"}), ("udp4", {"127.0.0.1"}), ("udp6", {"::1"}),
    ("udp46", {"127.0.0.1", "::1"})))
def test_udp_families(protocol, hosts):
    port = free_port()
    line = f"{port} dgram {protocol} nowait {ME} /usr/bin/head head -c 5\n"
    with Daemon(line):
        for host in ("127.0.0.1", "::1"):
            with udp(port, host) as s:
                s.send(b"hello")
                if host in hosts:
                    assert s.recv(100) == b"hello"
                else:
                    with pytest.raises(ConnectionRefusedError):
                        s.recv(100)


def test_tcp_and_udp_of_one_port():
    port = free_port()
    conf = say(port) + f"{port} dgram udp nowait {ME} /usr/bin/head head -c 5\n"
    with Daemon(conf), udp(port) as s:
        assert serves(port, "127.0.0.1")
        s.send(b"12345")
        assert s.recv(100) == b"12345"


SIZES = """
import socket
s = socket.socket(fileno=0)
sizes = [s.getsockopt(socket.SOL_SOCKET, o) for o in (socket.SO_SNDBUF, socket.SO_RCVBUF)]
if s.type == socket.SOCK_DGRAM:
    _, peer = s.recvfrom(100)
    s.sendto(repr(sizes).encode(), peer)
else:
    if s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        s, _ = s.accept()
    s.sendall(repr(sizes).encode())
"""


@pytest.mark.parametrize("line", (
    "stream tcp4,sndbuf=64k,rcvbuf=32k wait", "stream tcp4,sndbuf=64k,rcvbuf=32k nowait",
    "dgram udp4,sndbuf=65536,rcvbuf=32768 wait", "dgram udp4,sndbuf=64k,rcvbuf=32k nowait"))
def test_buffer_sizes_are_applied(workdir, line):
    port = free_port()
    program = script(workdir / "sizes", SIZES)
    with Daemon(f"{port} {line} {ME} {program}\n"):
        if "dgram" in line:
            with udp(port) as s:
                s.send(b"?")
                answer = s.recv(100)
        else:
            answer = ask(port)
    assert answer == repr([2 * 65536, 2 * 32768]).encode()  # the kernel doubles what it is told


def backlogs(d, port, wrap=()):
    out = subprocess.run([*wrap, "ss", "-Hltn", f"sport = :{port}"], check=True, text=True,
                         capture_output=True).stdout
    return [int(line.split()[2]) for line in out.splitlines()]


@pytest.mark.needs("ss")
def test_backlog_is_what_the_kernel_allows():
    port = free_port()
    somaxconn = int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text())
    with Daemon(say(port)) as d:
        assert backlogs(d, port) == [somaxconn] * 2


@pytest.mark.needs("ss")
def test_dash_q_sets_the_backlog():
    port = free_port()
    with Daemon(say(port), "-q", "17") as d:
        assert backlogs(d, port) == [17] * 2


RETRY = r"Address already in use.*retrying in [\d.]+ ?m?s"


def test_port_of_somebody_else_is_taken_when_it_is_free():
    port, other = free_port(), free_port()
    with socket.create_server(("127.0.0.1", port)) as theirs:
        with Daemon(say(f"127.0.0.1:{port}") + say(other)) as d:
            d.wait_log(rf"{port}: bind 127\.0\.0\.1\S*: {RETRY}")
            assert serves(other, "127.0.0.1")
            theirs.close()
            wait_until(lambda: not refuses(port, "127.0.0.1"), "the port is ours")
            assert serves(port, "127.0.0.1")
            assert len(d.lines_like(RETRY)) <= 8


def test_port_that_is_taken_in_one_family_is_served_in_the_other():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as theirs:
        with Daemon(say(port)) as d:
            d.wait_log(rf"{port}: bind .*{RETRY}")
            assert serves(port, "::1")
            theirs.close()
            wait_until(lambda: not refuses(port, "127.0.0.1"), "the port is ours")
            assert serves(port, "127.0.0.1")


def test_reload_binds_a_port_that_became_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as theirs:
        with Daemon(say(f"127.0.0.1:{port}")) as d:
            d.wait_log(RETRY)
            theirs.close()
            d.reload()
            wait_until(lambda: not refuses(port, "127.0.0.1"), "the port is ours")


@pytest.mark.root
def test_address_that_is_not_there_yet(namespace):
    """A machine whose address comes after the daemon: nobody has to restart anything."""
    conf = say("10.77.0.1:79", "tcp4") + say("127.0.0.1:80", "tcp4")
    with Daemon(conf, wrap=namespace.wrap) as d:
        d.wait_log(r"79: bind 10\.77\.0\.1\S*: Cannot assign requested address; waiting for it")
        assert namespace.run(serves, 80, "127.0.0.1")
        subprocess.run([*namespace.wrap, "ip", "addr", "add", "10.77.0.1/32", "dev", "lo"],
                       check=True)
        wait_until(lambda: not namespace.run(refuses, 79, "10.77.0.1"), "the new address serves")
        assert namespace.run(serves, 79, "10.77.0.1")


@pytest.mark.root
def test_machine_without_ipv6():
    ns = Namespace("ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
    try:
        conf = (f"79 stream tcp nowait {ME} /bin/echo echo hello\n"
                f"69 dgram udp nowait {ME} /usr/bin/head head -c 5\n")
        with Daemon(conf, wrap=ns.wrap) as d:
            assert ns.run(serves, 79, "127.0.0.1")
            with ns.run(udp, 69) as s:
                s.send(b"hello")
                assert s.recv(100) == b"hello"
            d.reload(conf + f"80 stream tcp nowait {ME} /bin/echo echo more\n")
            assert ns.run(serves, 80, "127.0.0.1", b"more\n")
            assert not d.lines_like(r"(?i)error|warn|fail|cannot|unable|retry")
    finally:
        ns.close()


def test_many_services():
    ports = [free_port() for _ in range(300)]
    with Daemon("".join(say(port, "tcp4", str(port)) for port in ports)) as d:
        for port in ports[::10]:
            assert serves(port, "127.0.0.1", f"{port}\n".encode())
        d.reload("".join(say(port, "tcp4", str(port)) for port in ports[:150]))
        assert refuses(ports[-1], "127.0.0.1")


def test_nothing_but_the_lines_is_listened_on():
    port = free_port()
    with Daemon(say(f"127.0.0.1:{port}")) as d:
        rows = subprocess.run(["ss", "-Hltnup"], text=True, capture_output=True).stdout
        mine = [row for row in rows.splitlines() if re.search(rf"pid={d.pid}\b", row)]
        assert len(mine) == 1, mine
        with connect(port) as s:
            assert read_all(s) == b"hello\n"
