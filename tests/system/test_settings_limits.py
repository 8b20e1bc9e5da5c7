"""The limits of the settings file, on real clients: instances, rates, and each source."""

import socket

from harness import PATIENCE, ask, connect, free_port, udp
from one_service import CAT, is_refused, line, talk
from support import has_nothing, script


def test_instances(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { instances = 1; };")
    with connect(port) as one:
        assert talk(one) == b"hello"
        with connect(port) as two:
            two.sendall(b"second")
            d.wait_log(f"{port}: 1 instances running, new clients wait")
            assert has_nothing(two)
            one.close()
            assert two.recv(100) == b"second"


def test_overflow_refuse(start):
    port = free_port()
    d = start(line(port, CAT), 'defaults = { instances = 1; overflow = "refuse"; };')
    with connect(port) as one:
        assert talk(one) == b"hello"
        assert is_refused(port)
        d.wait_log(f"{port}: refused 127.0.0.1: too many instances")
        assert talk(one) == b"hello"
    d.wait_log(f"{port}: pid .* ended")
    assert ask(port, b"again") == b"again"


def test_overflow_refuse_of_a_rate(start):
    port = free_port()
    d = start(line(port, CAT), 'defaults = { rate = "2/h"; overflow = "refuse"; };')
    assert ask(port, b"1") == b"1"
    assert ask(port, b"2") == b"2"
    assert is_refused(port)
    d.wait_log(f"{port}: refused 127.0.0.1: too many starts")


def test_overflow_refuse_of_datagrams(start, workdir):
    port = free_port()
    server = script(workdir / "server", "import socket, os\n"
                    "s = socket.socket(fileno=0)\n"
                    "while (data := s.recv(100)) != b'end': s.send(data)\n")
    d = start(line(port, server, "dgram", "udp4"),
              'defaults = { instances = 1; overflow = "refuse"; };')
    with udp(port) as one, udp(port) as two:
        one.send(b"one")
        assert one.recv(100) == b"one"
        two.send(b"two")
        d.wait_log(f"{port}: refused 127.0.0.1: too many instances")
        one.send(b"end")
        d.wait_log(f"{port}: pid .* ended")
        two.send(b"later")
        assert two.recv(100) == b"later"
        two.send(b"end")


def test_overflow_leaves_wait_services_alone(start, workdir):
    port = free_port()
    server = script(workdir / "server", "import socket\n"
                    "s = socket.socket(fileno=0)\nc, _ = s.accept()\nc.sendall(b'served')\n")
    start(line(port, server, wait="wait"), 'defaults = { instances = 1; overflow = "refuse"; };')
    for _ in range(3):
        assert ask(port) == b"served"


def test_rate(start):
    """With one at once and one a second, the second waits for the rest of that second."""
    port = free_port()
    d = start(line(port, CAT), 'services = ( { name = "%d"; rate = "1/s"; } );' % port)
    assert ask(port, b"1") == b"1"
    with connect(port) as two:
        two.sendall(b"2")
        d.wait_log(f"{port}: the rate of 1/s is reached, new clients wait")
        assert two.recv(100) == b"2"


def test_rate_burst(start):
    port = free_port()
    d = start(line(port, CAT), 'defaults = { rate = "1/h burst 3"; };')
    for _ in range(3):
        assert ask(port, b"x") == b"x"
    with connect(port):
        d.wait_log(f"{port}: the rate of 1/h burst 3 is reached")


def test_per_source(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { per_source = 1; };")
    with connect(port) as one:
        assert talk(one) == b"hello"
        assert is_refused(port)
        d.wait_log("too many instances for this address")
        with socket.create_connection(("127.0.0.1", port), PATIENCE, ("127.0.0.9", 0)) as other:
            assert talk(other) == b"hello"


def test_rate_per_source(start):
    port = free_port()
    d = start(line(port, CAT), 'defaults = { rate_per_source = "1/h"; };')
    assert ask(port, b"x") == b"x"
    assert is_refused(port)
    d.wait_log("too many starts for this address")
