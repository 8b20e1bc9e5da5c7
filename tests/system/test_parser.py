"""What strangers send is parsed by a process that has nothing of the daemon."""

import contextlib
import os
import pathlib
import signal
import socket

import pytest

import support
from harness import ME, Daemon, ask, connect, free_port, read_all
from support import children, is_parser, wait_for_end, wait_until
from varlink import Control

LINE = b"PROXY TCP4 192.0.2.7 198.51.100.2 4711 80\r\n"


def parsers(daemon):
    """The processes that parse."""
    return [pid for pid, state in children(daemon.pid).items() if state != "Z" and is_parser(pid)]


class Proxied(Daemon):
    """An echo behind a balancer, and one that anybody may ask."""

    def __init__(self, workdir, more="", **keywords):
        self.port, self.plain = free_port(), free_port()
        cfg = workdir / "inetd.cfg"
        cfg.write_text(f'services = ( {{ name = "{self.port}"; proxy_protocol = true; '
                       'proxy_from = ["127.0.0.1"]; } );\n')
        super().__init__("".join(f"127.0.0.1:{port} stream tcp4 nowait {ME} internal echo\n"
                                 for port in (self.port, self.plain)) + more,
                         "--settings", cfg, "-l", **keywords)

    def visit(self, text=b"hello"):
        return support.visit(("127.0.0.1", self.port), text=LINE + text)


def halt(pid):
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: support.stat_fields(pid)[0] == "T", "it has stopped")


def reply(s):
    """All that comes; nothing if the connection is closed with what was sent still in it."""
    try:
        return read_all(s)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("others", (False, True))
def test_it_has_nothing_of_the_daemon(workdir, others):
    """It becomes nobody where the daemon has kept what that takes, for servers of another user."""
    if others and os.geteuid() != 0:
        pytest.skip("takes root")
    line = f"127.0.0.1:{free_port()} stream tcp4 nowait nobody /bin/cat cat\n" if others else ""
    with Proxied(workdir, line) as d:
        assert ask(d.plain, b"x") == b"x"
        assert parsers(d) == []
        assert d.visit() == b"hello"
        parser, = parsers(d)
        said = pathlib.Path(f"/proc/{parser}/status").read_text()
        assert "NoNewPrivs:\t1" in said and "CapEff:\t0000000000000000" in said
        assert "CapPrm:\t0000000000000000" in said and "CapInh:\t0000000000000000" in said
        assert "Seccomp:\t2" in said
        assert ("Uid:\t65534\t65534\t65534\t65534" in said and "Groups:\t \n" in said) == others
        fds = {int(fd): os.readlink(f"/proc/{parser}/fd/{fd}") for fd in os.listdir(f"/proc/{parser}/fd")}
        assert {fd: fds[fd] for fd in (0, 1, 2)} == dict.fromkeys((0, 1, 2), "/dev/null")
        assert sorted(fds) == [0, 1, 2, 3] and fds[3].startswith("socket:")
        for _ in range(5):
            assert d.visit() == b"hello"
        assert parsers(d) == [parser]


def test_one_that_dies_costs_one_client(workdir):
    with Proxied(workdir) as d:
        assert d.visit() == b"hello"
        parser, = parsers(d)
        halt(parser)
        with connect(d.port) as first, connect(d.port) as second:
            for s in (first, second):
                s.sendall(LINE + b"hello")
                s.shutdown(socket.SHUT_WR)
            assert ask(d.plain, b"x") == b"x"
            os.kill(parser, signal.SIGKILL)
            assert b"hello" in {reply(first), reply(second)}
        assert d.visit() == b"hello"
        assert parser not in parsers(d)
        wait_until(lambda: list(children(d.pid)) == parsers(d), "it has been reaped")


def test_one_that_hangs_is_replaced(workdir):
    with Proxied(workdir, control=True) as d:
        assert d.visit() == b"hello"
        parser, = parsers(d)
        halt(parser)
        with connect(d.port) as s:
            s.sendall(LINE + b"hello")
            assert ask(d.plain, b"x") == b"x"
            assert support.is_over(s)
        d.wait_log("parser: did not answer in time; a PROXY header is given up")
        with Control(d.control) as control:
            services = control.call("List")["services"]
        refused = {service["name"]: service["refused"] for service in services}
        assert refused == {str(d.port): 1, str(d.plain): 0}
        wait_for_end(parser)
        assert d.visit() == b"hello"


def test_none_is_left_after_a_stop_or_a_change_of_binary(workdir):
    with Proxied(workdir) as d:
        assert d.visit() == b"hello"
        first, = parsers(d)
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version")
        wait_for_end(first)
        wait_until(lambda: children(d.pid) == {}, "it has been reaped")
        assert d.visit() == b"hello"
        last, = parsers(d)
        assert last != first
        assert d.stop() == 0
        wait_for_end(last)


def test_every_kind_goes_to_it(workdir):
    auth, metrics, mux, plain = (free_port() for _ in range(4))
    conf = "".join(f"127.0.0.1:{port} stream tcp4 nowait {ME} internal {name}\n" for port, name in (
        (auth, "auth"), (metrics, "metrics"), (mux, "tcpmux"), (plain, "echo")))
    with Daemon(conf) as d:
        assert ask(plain, b"x") == b"x"
        assert parsers(d) == []
        assert ask(auth, b"0, 23\r\n") == b"0 , 23 : ERROR : INVALID-PORT\r\n"
        parser, = parsers(d)
        assert ask(metrics, b"GET /metrics HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        assert ask(metrics, b"what?\r\n").startswith(b"HTTP/1.1 400 ")
        assert ask(mux, b"what?\r\n") == b"-Service not available\r\n"
        assert parsers(d) == [parser]
        halt(parser)
        with connect(metrics) as s:
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            # Who comes after the first of these comes after the request was read.
            assert ask(plain, b"x") == ask(plain, b"x") == b"x"
            os.kill(parser, signal.SIGKILL)
            assert reply(s) == b""
        d.wait_log("parser: ended; an HTTP request is given up")
        assert ask(auth, b"0, 23\r\n") == b"0 , 23 : ERROR : INVALID-PORT\r\n"
        halt(parsers(d)[0])
        assert ask(auth, b"0, 23\r\n") == b""
        assert ask(auth, b"0, 23\r\n") == b"0 , 23 : ERROR : INVALID-PORT\r\n"


class Muxed(Daemon):
    """tcpmux with a cat behind it, and an echo."""

    def __init__(self, **keywords):
        self.mux, self.plain = free_port(), free_port()
        super().__init__(f"127.0.0.1:{self.mux} stream tcp4 nowait {ME} internal tcpmux\n"
                         f"tcpmux/cat stream tcp nowait {ME} /bin/cat cat\n"
                         f"127.0.0.1:{self.plain} stream tcp4 nowait {ME} internal echo\n",
                         "-l", **keywords)

    def say(self, text=b"cat\r\nhello"):
        """A client that has said so, which the daemon has seen."""
        s = connect(self.mux)
        s.sendall(text)
        assert ask(self.plain, b"x") == ask(self.plain, b"x") == b"x"
        return s


def test_a_line_of_tcpmux_of_which_it_dies(workdir):
    """The daemon does not read the line instead, nor does anybody take what stands behind it."""
    with Muxed(control=True) as d:
        with d.say(b"cat\r") as s:
            assert parsers(d) == []
            s.sendall(b"\nhello")
            assert s.recv(100) == b"hello"
        wait_until(lambda: not support.servers(d.pid), "it has gone")
        parser, = parsers(d)
        halt(parser)
        with d.say() as first, d.say() as second:
            assert support.servers(d.pid) == {}
            # Or two seconds have passed.
            with contextlib.suppress(ProcessLookupError):
                os.kill(parser, signal.SIGKILL)
            assert read_all(first) == b"-Service not available\r\n"
            assert second.recv(100) == b"hello"
        d.wait_log("parser: (ended|did not answer in time); a line of tcpmux is given up")
        d.wait_log(rf"{d.mux}: refused 127\.0\.0\.1: what it sent could not be parsed")
        with Control(d.control) as control:
            services = control.call("List")["services"]
        refused = {service["name"]: service["refused"] for service in services}
        assert refused == {str(d.mux): 1, "tcpmux/cat": 0, str(d.plain): 0}
        with d.say() as s:
            assert s.recv(100) == b"hello"


def test_clients_of_tcpmux_that_go_while_it_is_asked():
    with Muxed() as d:
        with d.say() as s:
            assert s.recv(100) == b"hello"
        wait_until(lambda: not support.servers(d.pid), "it has gone")
        parser, = parsers(d)
        halt(parser)
        before = support.descriptors(d.pid)
        clients = []
        for linger in (b"", b"\1\0\0\0\0\0\0\0"):
            for _ in range(3):
                s = connect(d.mux)
                s.sendall(b"cat\r\nhello")
                if linger:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                clients.append(s)
        assert ask(d.plain, b"x") == ask(d.plain, b"x") == b"x"
        for s in clients:
            s.close()
        # A slow machine may have given the first question up, and the process with it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(parser, signal.SIGCONT)
        wait_until(lambda: not support.servers(d.pid), "all have gone")
        with d.say() as s:
            assert s.recv(100) == b"hello"
        wait_until(lambda: not support.servers(d.pid), "it has gone, too")
        wait_until(lambda: support.descriptors(d.pid) <= before, "all is closed again")


def test_a_line_of_tcpmux_is_parsed_anew_after_a_change_of_binary():
    with Muxed() as d:
        with d.say() as s:
            assert s.recv(100) == b"hello"
        parser, = parsers(d)
        half = d.say(b"ca")
        halt(parser)
        # The first is what it has; it may be given up before there is another binary.
        with half, d.say() as first, d.say() as second:
            d.signal(signal.SIGUSR2)
            d.wait_log("upgraded from version")
            assert second.recv(100) == b"hello"
            assert first.recv(100) in (b"hello", b"-Service not available\r\n")
            half.sendall(b"t\r\nhello")
            assert half.recv(100) == b"hello"
        wait_for_end(parser)
