"""Peers that mean harm, and an honest client beside them that is served all the same.

How long the honest client may wait is a ratio to how long it waits when it is alone, of medians, and
not a time: quiet and hostile rounds run in the same test, on the same machine under the same load. The
ratio is wide and stands on a floor, because beside the daemon there is the attacker, who takes his share
of the processors, as does whoever else runs tests; what a defect does to the honest client is of another
order: it waits for the attacker to get tired. That the attack went on all the time is asked of the
attacker's own counter, which must have moved between any two rounds. `-s` shows the figures.

What is elsewhere: stalled clients and one that has left (test_trouble, test_builtin), floods over limits
(test_limits, test_sources), a stalled relay (test_redirect), slow headers of the PROXY protocol
(test_proxy), and callers of the control socket (test_control)."""

import contextlib
import resource
import signal
import socket
import statistics
import subprocess
import time

import pytest

from attackers import RESET, Attack
from harness import ME, PATIENCE, Daemon, connect, free_port, udp
from support import children, descriptors, end_parsers, has_nothing, script, wait_until

ROUNDS = 15
RATIO = 20
SPARE = 1 + 2 * 32  # what the daemon keeps once it has had a use for it: /dev/null, pipes of relays
FLOOR = 0.02  # seconds: a few time slices of a scheduler with more to run than processors


class Honest:
    """A client of a server, of a session, and of datagrams; a round is all three."""

    def __init__(self, inside=lambda call, *arguments: call(*arguments)):
        self.cat, self.echo = free_port(), free_port()
        self.conf = (f"127.0.0.1:{self.cat} stream tcp4 nowait {ME} /bin/cat\n"
                     f"127.0.0.1:{self.echo} stream tcp4 nowait {ME} internal echo\n"
                     f"127.0.0.1:{self.echo} dgram udp4 wait {ME} internal echo\n")
        self.inside = inside

    def go_round(self):
        began = time.monotonic()
        for port in (self.cat, self.echo):
            with self.inside(connect, port) as s:
                s.sendall(b"hello")
                assert s.recv(100) == b"hello"
        with self.inside(udp, self.echo) as s:
            s.settimeout(0.5)
            for _ in range(int(PATIENCE * 2)):
                s.send(b"hello")  # again, as a queue that somebody else fills may lose it
                with contextlib.suppress(TimeoutError):
                    assert s.recv(100) == b"hello"
                    return time.monotonic() - began
        raise AssertionError("no datagram was answered")

    def is_served_beside(self, *attacks):
        """The attacks have begun already."""
        took = []
        for _ in range(ROUNDS):
            before = [a.events() for a in attacks]
            took.append(self.go_round())
            for attack, events in zip(attacks, before):
                wait_until(lambda: attack.events() > events, f"{attack.kind} goes on")
        return statistics.median(took)

    def alone(self):
        self.go_round()
        return statistics.median(self.go_round() for _ in range(ROUNDS))


def compare(name, alone, beside):
    print(f"\n{name}: {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside, "
          f"{beside / alone:.1f} times")
    assert beside <= RATIO * max(alone, FLOOR)


def is_as_before(d, open_before):
    """Neither a descriptor nor a child is left."""
    wait_until(lambda: end_parsers(d.pid) or not children(d.pid), "all servers have ended")
    wait_until(lambda: descriptors(d.pid) <= open_before, "all is closed again")


def under_way(attack, events=50):
    wait_until(lambda: attack.events() >= events, f"{attack.kind} is under way")


@pytest.fixture
def everything(start, workdir):
    """(daemon, honest client, {name: port}): a service of each kind."""
    honest = Honest()
    inside = ("echo", "chargen", "discard", "daytime", "time", "tcpmux", "metrics", "auth")
    ports = {name: free_port() for name in (*inside, "cat", "proxied", "relay", "target", "waiting")}
    accepter = script(workdir / "accepter", """
import socket
s = socket.socket(fileno=0)
s.settimeout(5)
for _ in range(50):
    try:
        s.accept()[0].close()
    except OSError:
        break
""")
    lines = "".join(f"127.0.0.1:{ports[name]} stream tcp4 nowait {ME} internal {name}\n"
                    for name in inside)
    lines += (f"127.0.0.1:{ports['cat']} stream tcp4 nowait/30 {ME} /bin/cat\n"
              f"127.0.0.1:{ports['proxied']} stream tcp4 nowait/30 {ME} /bin/cat\n"
              f"127.0.0.1:{ports['waiting']} stream tcp4 wait {ME} {accepter}\n"
              f"tcpmux/+cat stream tcp nowait/30 {ME} /bin/cat\n"
              f"127.0.0.1:{ports['relay']} stream tcp4 nowait {ME} internal redirect "
              f"127.0.0.1 {ports['target']}\n")
    d = start(honest.conf + lines, f'''
daemon = {{ stop_timeout = 0; }};
services = ( {{ name = "{ports["proxied"]}"; proxy_protocol = true; proxy_from = ["127.0.0.1"]; }} );
''', control=True)
    return d, honest, ports


def test_resets_at_all_moments(everything):
    """Thousands: before a word, in the middle of one, while the answer comes, on both sides of a relay."""
    d, honest, ports = everything
    alone = honest.alone()
    before = descriptors(d.pid)
    places = [port for name, port in ports.items() if name != "target"]
    with Attack("resetting_target", ports["target"]) as target, Attack("resets", *places) as peer:
        under_way(peer)
        under_way(target, 1)
        compare("resets", alone, honest.is_served_beside(peer))
        under_way(peer, 2000)
    is_as_before(d, before + SPARE)
    assert not d.lines_like("(?i)assert|terminate called|bad file"), d.log()


def test_resets_between_readiness_and_accept(everything):
    """The daemon stands still meanwhile: all that it finds is connections that are none any more."""
    d, honest, ports = everything
    alone = honest.alone()
    before = descriptors(d.pid)
    places = [port for name, port in ports.items() if name != "target"]
    for words in (b"", b"PROXY TCP4 192.0.2.7 198.51.100.2 4711 80\r\nhello"):
        d.signal(signal.SIGSTOP)
        try:
            for port in places * 20:
                with connect(port) as s:
                    s.send(words)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            behind = connect(ports["echo"])  # the last in that queue
        finally:
            d.signal(signal.SIGCONT)
        with behind as s:
            s.sendall(b"hello")
            assert s.recv(100) == b"hello"
        honest.go_round()
    compare("resets before accept", alone, honest.alone())
    is_as_before(d, before + SPARE)


def test_slow_readers(everything):
    d, honest, ports = everything
    alone = honest.alone()
    with Attack("slow_readers", ports["chargen"], 150) as attack:
        under_way(attack)
        compare("slow readers", alone, honest.is_served_beside(attack))


@pytest.mark.parametrize("text, names", (
    ("GET / HTTP/1.1\\r\\nHost: a\\r\\nX-Filler: and so on\\r\\n", ("metrics", "tcpmux", "auth")),
    ("PROXY TCP4 192.0.2.7 198.51.100.2 4711 80\\r\\nhello", ("proxied", "echo", "discard")),
    ("cat\\r\\nhello", ("tcpmux", "cat", "echo"))), ids=("http", "proxy", "tcpmux"))
def test_slow_writers(everything, text, names):
    """Byte by byte, what fits the service or not."""
    d, honest, ports = everything
    alone = honest.alone()
    with Attack("slow_writers", text, 100, *(ports[name] for name in names)) as attack:
        under_way(attack)
        compare(f"slow writers to {', '.join(names)}", alone, honest.is_served_beside(attack))


def test_peers_that_send_for_ever(everything):
    """As fast as they can, half of them without reading what comes back."""
    d, honest, ports = everything
    alone = honest.alone()
    before = descriptors(d.pid)
    places = [ports[name] for name in ("discard", "echo", "chargen", "cat")]
    with Attack("senders", 40, *places) as attack:
        under_way(attack)
        compare("senders", alone, honest.is_served_beside(attack))
    is_as_before(d, before)


def test_flood_of_connections(start):
    """From one address, which has its limit; the honest client, from another, is of the same services."""
    honest = Honest()
    d = start(honest.conf, "defaults = { rate_per_source = \"3000/min burst 500\"; per_source = 200; };",
              "-c", "0")
    alone = honest.alone()
    before = descriptors(d.pid)
    with Attack("flood", "127.0.0.9", honest.cat, honest.echo) as attack:
        under_way(attack, 1000)
        d.wait_log("refused 127.0.0.9: too many")
        compare("a flood", alone, honest.is_served_beside(attack))
    is_as_before(d, before)


@pytest.mark.root
def test_storm_of_forged_datagrams(namespace, start, workdir):
    """Sources that would set the service on another one, or on a whole network, get nothing."""
    honest = Honest(namespace.run)
    built_in, external = free_port(), free_port()
    answer = script(workdir / "answer", "import os; os.read(0, 100); os.write(1, b'hello')\n")
    d = start(f"{honest.conf}127.0.0.1:{built_in} dgram udp4 wait {ME} internal chargen\n"
              f"127.0.0.1:{external} dgram udp4 nowait/10 {ME} {answer}\n", "", wrap=namespace.wrap)

    def victim(port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("0.0.0.0", port))
        return s

    alone = honest.alone()
    before = descriptors(d.pid)
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(namespace.run(victim, port)) for port in (7, 13, 19, 37)]
        with Attack("storm", honest.echo, built_in, external, wrap=namespace.wrap) as attack:
            under_way(attack, 1000)
            compare("a storm", alone, honest.is_served_beside(attack))
        assert all(has_nothing(s) for s in victims)
    is_as_before(d, before + 2)


@pytest.mark.root
def test_ten_thousand_idle_connections(namespace):
    number = 10000
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit < number + 500:
        pytest.skip(f"needs {number + 500} descriptors, the limit is {limit}")
    honest = Honest(namespace.run)
    crowded = free_port()
    conf = f"{honest.conf}127.0.0.1:{crowded} stream tcp4 nowait/0 {ME} internal echo\n"
    with Daemon(conf, wrap=("prlimit", f"--nofile={limit}:{limit}", *namespace.wrap)) as d:
        alone = honest.alone()
        before = descriptors(d.pid)
        with Attack("idlers", crowded, number, 4, wrap=namespace.wrap) as attack:
            wait_until(lambda: attack.events() == number and descriptors(d.pid) >= before + number,
                       "all are there")
            compare("ten thousand idle", alone, honest.alone())
            with namespace.run(connect, crowded) as s:
                s.sendall(b"one more")
                assert s.recv(100) == b"one more"
        is_as_before(d, before)
        honest.go_round()


@pytest.mark.root
def test_peers_that_have_vanished(namespace, start):
    """Half-open: their machine has gone without a word. They take all of their service's places until
    its idle_timeout, and nobody else's."""
    def ip(verb):
        subprocess.run([*namespace.wrap, "ip", "addr", verb, "10.66.0.1/32", "dev", "lo"], check=True)

    honest = Honest(namespace.run)
    taken = free_port()
    d = start(f"{honest.conf}{taken} stream tcp4 nowait/20 {ME} internal echo\n",
              f'services = ( {{ name = "{taken}"; idle_timeout = 2; }} );', wrap=namespace.wrap)
    alone = honest.alone()
    before = descriptors(d.pid)
    ip("add")

    def come():
        return socket.create_connection(("127.0.0.1", taken), PATIENCE, ("10.66.0.1", 0))

    peers = [namespace.run(come) for _ in range(20)]
    for s in peers:
        s.sendall(b"hello")
        assert s.recv(100) == b"hello"
    ip("del")
    with namespace.run(connect, taken) as waiting:
        waiting.sendall(b"hello")
        beside = honest.alone()
        compare("half-open", alone, beside)
        assert waiting.recv(100) == b"hello"
    for s in peers:
        s.close()
    is_as_before(d, before)
