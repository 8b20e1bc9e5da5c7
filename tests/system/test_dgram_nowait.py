"""Datagram services that are `nowait`: a process and a connected socket for each peer."""

import collections
import json
import os
import select
import socket

import pytest

from harness import INETD, ME, PATIENCE, Daemon, free_port, inetctl, udp
from support import children, has_nothing, listeners, script, wait_until

# Tells what its socket is like, then answers each datagram until one ends with "bye".
TALKER = """
import json, os, socket
s = socket.socket(fileno=os.dup(0))
peer = s.getpeername()
first = True
while True:
    data, source = s.recvfrom(65536)
    said = {"pid": os.getpid(), "peer": peer, "source": source, "data": data.decode()}
    if first:
        os.write(1, json.dumps(said).encode())
    else:
        s.send(json.dumps(said).encode())
    first = False
    if data.endswith(b"bye"):
        break
"""


@pytest.fixture
def talker(workdir):
    return script(workdir / "talker", TALKER)


def talk(s, text):
    s.send(text.encode())
    return json.loads(s.recv(65536))


@pytest.mark.parametrize("host", ("127.0.0.1", "::1"))
def test_child_has_its_one_peer_and_the_datagram(talker, host):
    port = free_port()
    with Daemon(f"{port} dgram udp nowait {ME} {talker}\n"), udp(port, host) as s:
        said = talk(s, "hello bye")
        own = list(s.getsockname())
    assert said["peer"] == own
    assert said["source"] == own
    assert said["data"] == "hello bye"


def test_peer_may_have_the_service_s_own_port(talker):
    """As servers of NTP and syslog do among themselves; built-ins could be set on each other."""
    port, echo = free_port(), free_port()
    with Daemon(f"127.0.0.1:{port} dgram udp4 nowait {ME} {talker}\n"
                f"127.0.0.1:{echo} dgram udp4 wait {ME} internal echo\n", control=True) as d:
        for service in port, echo:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(PATIENCE)
                s.bind(("127.0.0.2", service))
                s.connect(("127.0.0.1", service))
                if service == port:
                    assert talk(s, "hello bye")["peer"] == ["127.0.0.2", port]
                else:
                    s.send(b"x")
        with udp(echo) as s:
            s.send(b"y")
            assert s.recv(10) == b"y"
        said = json.loads(inetctl("--socket", d.control, "list", "--json").stdout)
        assert {one["name"]: one["refused"] for one in said["services"]} == {
            str(port): 0, str(echo): 1}


def test_empty_and_large_datagrams_arrive_whole(workdir):
    port = free_port()
    program = script(workdir / "length", """
import os, socket
s = socket.socket(fileno=os.dup(0))
s.send(str(len(s.recv(65536))).encode())
""")
    with Daemon(f"{port} dgram udp nowait {ME} {program}\n"):
        for length in (0, 1, 1500, 60000):
            with udp(port) as s:
                s.send(b"x" * length)
                assert s.recv(100) == str(length).encode()


def test_follow_ups_go_to_the_living_child(talker):
    port = free_port()
    with Daemon(f"{port} dgram udp nowait {ME} {talker}\n", "-l") as d, udp(port) as s:
        answers = [talk(s, text) for text in ("one", "two", "three", "bye")]
        assert [a["data"] for a in answers] == ["one", "two", "three", "bye"]
        assert len({a["pid"] for a in answers}) == 1
        d.wait_log("ended: exit 0")
        assert len(d.lines_like("started pid")) == 1
        # With the child gone the same peer gets a new one.
        assert talk(s, "bye")["pid"] != answers[0]["pid"]


def test_listener_goes_on_meanwhile(talker):
    port = free_port()
    with Daemon(f"{port} dgram udp4 nowait {ME} {talker}\n") as d:
        before = listeners(d.pid, port)
        with udp(port) as one, udp(port) as two, udp(port) as three:
            pids = [talk(s, "hello")["pid"] for s in (one, two, three)]
            assert len(set(pids)) == 3
            assert set(children(d.pid)) == set(pids)
            assert talk(two, "still there")["pid"] == pids[1]
            for s, pid in zip((three, one, two), (pids[2], pids[0], pids[1])):
                assert talk(s, "bye")["pid"] == pid
        wait_until(lambda: not children(d.pid), "all children have ended")
        assert len(before) == 1
        assert listeners(d.pid, port) == before


@pytest.mark.parametrize("host", ("127.0.0.1", "127.0.0.2", "::1"))
def test_answer_comes_from_the_address_that_was_asked(talker, host):
    port = free_port()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Daemon(f"{port} dgram udp nowait {ME} {talker}\n"):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE)
            s.sendto(b"bye", (host, port))
            _, source = s.recvfrom(65536)
            assert source[:2] == (host, port)


@pytest.mark.parametrize("host", ("127.0.0.1", "::1"))
def test_many_datagrams_of_many_peers_at_once(talker, host):
    """Each is answered once, by a child of its own peer; none is lost, doubled or mixed up."""
    port = free_port()
    peers, each = 50, 4
    conf = f"{port} dgram udp,rcvbuf=1m nowait {ME} {talker}\n"
    with Daemon(conf, "-c", "0") as d:
        sockets = [udp(port, host) for _ in range(peers)]
        got, pids = collections.Counter(), collections.defaultdict(set)

        def collect(count):
            waiting = {s: count for s in sockets}
            while waiting:
                ready = select.select(list(waiting), [], [], PATIENCE)[0]
                assert ready, f"{sum(waiting.values())} answers are missing:\n{d.log()}"
                for s in ready:
                    said = json.loads(s.recv(65536))
                    assert said["peer"] == said["source"] == list(s.getsockname())
                    got[said["data"].split()[0]] += 1
                    pids[s].add(said["pid"])
                    waiting[s] -= 1
                    if not waiting[s]:
                        del waiting[s]

        for turn in range(each - 1):
            for number, s in enumerate(sockets):
                s.send(f"{number}/{turn}".encode())
        collect(each - 1)
        # Only now: datagrams may overtake each other, and the child leaves at this one.
        for number, s in enumerate(sockets):
            s.send(f"{number}/{each - 1} bye".encode())
        collect(1)
        assert got == {f"{n}/{t}": 1 for n in range(peers) for t in range(each)}
        # A second child for a peer would wait for ever for what the first one gets.
        assert collections.Counter(map(len, pids.values())) == {1: peers}
        wait_until(lambda: not children(d.pid), "all children have ended")
        for s in sockets:
            assert has_nothing(s)
            s.close()


def test_one_answer_a_peer_when_children_leave_at_once():
    """A server that answers one datagram and goes, which is what most of them are."""
    port = free_port()
    conf = f"{port} dgram udp nowait {ME} /usr/bin/head head -c 8\n"
    with Daemon(conf, "-c", "0"):
        sockets = [udp(port) for _ in range(200)]
        for number, s in enumerate(sockets):
            s.send(f"{number:08}".encode())
        for number, s in enumerate(sockets):
            assert s.recv(100) == f"{number:08}".encode()
        for s in sockets:
            assert has_nothing(s)
            s.close()


def test_few_descriptors_are_enough_for_many_peers():
    port = free_port()
    conf = f"{port} dgram udp nowait {ME} /usr/bin/head head -c 8\n"
    with Daemon(conf, "-c", "0", wrap=("prlimit", "--nofile=40:40")):
        sockets = [udp(port) for _ in range(150)]
        for number, s in enumerate(sockets):
            s.send(f"{number:08}".encode())
        for number, s in enumerate(sockets):
            assert s.recv(100) == f"{number:08}".encode()
            s.close()


@pytest.mark.root
@pytest.mark.needs("setpriv")
def test_without_privileges(workdir):
    """A daemon of a plain user has no raw socket to put the datagram back with its true sender."""
    port, uid = free_port(), 40000 + os.getpid() % 20000
    if any(not parent.stat().st_mode & 0o001 for parent in INETD.resolve().parents):
        pytest.skip("another user cannot run the built daemon where it is")
    program = script(workdir / "teller", """
import os, socket
s = socket.socket(fileno=os.dup(0))
while True:
    data = s.recv(100)
    s.send(b"%d %s" % (s.getpeername()[1], data))
    if data == b"bye":
        break
""")
    wrap = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    with Daemon(f"{port} dgram udp nowait {uid}:{uid} {program}\n", wrap=wrap):
        for host in ("127.0.0.1", "::1"):
            with udp(port, host) as s:
                for word in (b"hello", b"bye"):
                    s.send(word)
                    assert s.recv(100) == b"%d %s" % (s.getsockname()[1], word)


def test_port_of_another_daemon_is_not_shared(talker):
    """Peers have sockets on one port; that must not let a second daemon in, half of the clients
    of which would be answered by the first."""
    port = free_port()
    conf = f"{port} dgram udp nowait {ME} {talker}\n"
    with Daemon(conf), Daemon(conf) as second:
        second.wait_log(rf"{port}: bind .*Address already in use")


@pytest.mark.parametrize("wait, options", (("nowait.2", ()), ("nowait", ("-R", "2"))))
def test_starts_a_minute_queue_and_heal(talker, wait, options):
    port = free_port()

    def line(limit):
        return f"{port} dgram udp4 {limit} {ME} {talker}\n"

    with Daemon(line(wait), *options) as d:
        with udp(port) as one, udp(port) as two, udp(port) as three:
            for s in (one, two):
                assert talk(s, "bye")["data"] == "bye"
            three.send(b"bye")
            d.wait_log(rf"{port}: the rate of 2/min")
            assert has_nothing(three)
            d.reload(line("nowait.1000"))
            assert json.loads(three.recv(65536))["data"] == "bye"


def test_full_service_queues(talker):
    port = free_port()
    with Daemon(f"{port} dgram udp nowait/1 {ME} {talker}\n", "-l") as d:
        with udp(port) as one, udp(port) as two:
            first = talk(one, "hello")
            two.send(b"bye")
            d.wait_log(rf"{port}: 1 instances? running")
            assert len(d.lines_like("started pid")) == 1
            assert talk(one, "bye")["pid"] == first["pid"]
            second = json.loads(two.recv(65536))
            assert second["data"] == "bye"
            assert second["pid"] != first["pid"]


def test_one_source_over_its_limit_is_refused(talker):
    port = free_port()
    with Daemon(f"{port} dgram udp4 nowait/0/0/1 {ME} {talker}\n") as d:
        with udp(port) as one, udp(port) as two:
            first = talk(one, "hello")
            two.send(b"bye")
            d.wait_log(rf"{port}: refused 127\.0\.0\.1\b")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third:
                third.settimeout(PATIENCE)
                third.bind(("127.0.0.3", 0))
                third.connect(("127.0.0.1", port))
                assert talk(third, "bye")["pid"] != first["pid"]
            assert has_nothing(two)
            assert talk(one, "bye")["pid"] == first["pid"]
