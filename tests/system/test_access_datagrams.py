"""Who may send datagrams to a service, and when."""

import signal
import socket

import pytest

from admitting import clock, entry
from harness import ME, PATIENCE, free_port, udp
from support import script


def test_datagrams_of_others_are_thrown_away(start):
    one, other = free_port(), free_port()
    conf = (f"{one} dgram udp4 wait {ME} internal echo\n"
            f"{other} dgram udp4 nowait {ME} /bin/dd dd bs=99 count=1 status=none\n")
    d = start(conf, 'defaults = { only_from = ["127.0.0.7"]; };\n')
    for port in (one, other):
        with udp(port) as refused:
            refused.send(b"hello\n")
            d.wait_log(rf"{port}: refused 127\.0\.0\.1: not one of its only_from")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(PATIENCE)
                s.bind(("127.0.0.7", 0))
                s.connect(("127.0.0.1", port))
                s.send(b"hello\n")
                assert s.recv(99) == b"hello\n"
            refused.setblocking(False)
            with pytest.raises(BlockingIOError):
                refused.recv(99)


# Tells each sender what number its datagram has, and ends after so many.
COUNTER = """
import socket, sys
s = socket.socket(fileno=0)
for n in range(int(sys.argv[1])):
    text, sender = s.recvfrom(99)
    s.sendto(b"%d %s" % (n + 1, text), sender)
"""


def sender(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE)
    s.bind((address, 0))
    s.connect(("127.0.0.1", port))
    return s


def test_a_wait_server_is_started_for_none_but_those_who_are_admitted(start, workdir):
    port, state = free_port(), workdir / "state"
    counter = script(workdir / "counter", COUNTER)
    d = start(f"{port} dgram udp4 wait {ME} {counter} counter 1\n",
              f'daemon = {{ dump_file = "{state}"; }};\n' +
              entry(port, 'only_from = ["127.0.0.0/29"]; no_access = ["127.0.0.1"];'), "-l")
    with udp(port) as refused, sender("127.0.0.9", port) as other, sender("127.0.0.2", port) as admitted:
        for _ in range(40):  # more than are looked at in one round
            refused.send(b"x")
            other.send(b"y")
        for n in range(3):
            admitted.send(b"hello")
            assert admitted.recv(99) == b"1 hello"
            d.wait_log(f"{port}: .*ended: exit 0")
        for s in (refused, other):
            s.setblocking(False)
            with pytest.raises(BlockingIOError):
                s.recv(99)
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: it is one of its no_access")
    assert len(d.lines_like("started pid")) == 3
    d.signal(signal.SIGUSR1)
    d.wait_log("state: written")
    assert "80 refused: 40 by only_from, 40 by no_access" in state.read_text()


def test_of_a_wait_server_the_first_datagram_alone_is_judged(start, workdir):
    """As with tcpd(8): from then on the server has the socket."""
    port = free_port()
    counter = script(workdir / "counter", COUNTER)
    start(f"{port} dgram udp4 wait {ME} {counter} counter 2\n", entry(port, 'only_from = ["127.0.0.2"];'))
    with udp(port) as other, sender("127.0.0.2", port) as admitted:
        admitted.send(b"hello")
        assert admitted.recv(99) == b"1 hello"
        other.send(b"hello")
        assert other.recv(99) == b"2 hello"


def test_datagrams_of_a_wait_service_have_their_times(start, workdir):
    port = free_port()
    counter = script(workdir / "counter", COUNTER)
    conf = f"{port} dgram udp4 wait {ME} {counter} counter 1\n"
    d = start(conf, entry(port, f'access_times = ["{clock(3)}-{clock(20)}"];'))
    with udp(port) as s:
        s.send(b"early")
        d.wait_log(rf"{port}: refused 127\.0\.0\.1: not at this time")
        d.settings.write_text(entry(port, f'access_times = ["{clock(-2)}-{clock(2)}"];'))
        d.reload()
        s.send(b"in time")
        assert s.recv(99) == b"1 in time"
