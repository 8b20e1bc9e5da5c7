"""The built-in auth (RFC 1413): who owns a connection of this machine."""

import os
import pwd
import socket

import pytest

from harness import ME, Daemon, connect, free_port, read_all
from support import has_nothing


def conf(port, options="", address="127.0.0.1", protocol="tcp4"):
    return f"{address}:{port} stream {protocol} nowait {ME} internal auth {options}\n"


def question(port, text, host="127.0.0.1"):
    with connect(port, host) as s:
        s.sendall(text.encode())
        return read_all(s).decode()


def owned(family=socket.AF_INET, host="127.0.0.1"):
    """Both ends of a connection that this process has."""
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        client = connect(listener.getsockname()[1], host)
        return client, listener.accept()[0]


def ports(s):
    return s.getsockname()[1], s.getpeername()[1]


@pytest.mark.parametrize("options, answer", (
    ("", "ERROR : HIDDEN-USER"),
    ("-i", f"USERID : UNIX : {os.geteuid()}"),
    ("-r", f"USERID : UNIX : {ME}"),
    ("-r -i", f"USERID : UNIX : {os.geteuid()}"),
    ("-r -o OTHER", f"USERID : OTHER : {ME}"),
))
def test_owner_of_a_connection(options, answer):
    port = free_port()
    with Daemon(conf(port, options)):
        for s in (ends := owned()):
            local, remote = ports(s)
            said = question(port, f"{local}, {remote}\r\n")
            assert said == f"{local} , {remote} : {answer}\r\n"
        for s in ends:
            s.close()


def test_ipv6_and_a_dual_stack_listener():
    six, both = free_port(), free_port()
    lines = conf(six, "-i", "[::1]", "tcp6") + conf(both, "-i", "[::]", "tcp46")
    with Daemon(lines):
        for port, family, host in ((six, socket.AF_INET6, "::1"), (both, socket.AF_INET6, "::1"),
                                   (both, socket.AF_INET, "127.0.0.1")):
            client, server = owned(family, host)
            with client, server:
                local, remote = ports(server)
                said = question(port, f"{local},{remote}\n", host)
                assert said == f"{local} , {remote} : USERID : UNIX : {os.geteuid()}\r\n"


@pytest.mark.root
def test_it_is_the_owner_and_not_the_daemon():
    port, listening = free_port(), free_port()
    nobody = pwd.getpwnam("nobody")
    lines = conf(port, "-r") + f"127.0.0.1:{listening} stream tcp4 nowait nobody /bin/cat\n"
    with Daemon(lines), connect(listening) as s:
        local, remote = ports(s)
        assert question(port, f"{local},{remote}\n").endswith(": root\r\n")
        # The connection was accepted by the daemon, and the kernel goes by who made the socket.
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        pid = os.fork()
        if pid == 0:
            try:
                os.setuid(nobody.pw_uid)
                with connect(listening) as own:
                    local, remote = ports(own)
                    said = question(port, f"{local},{remote}\n")
                os._exit(0 if said.endswith(": nobody\r\n") else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_no_such_connection():
    port, other = free_port(), free_port()
    with Daemon(conf(port, "-i") + conf(other, "-i -d somebody")):
        local = free_port()
        assert question(port, f"{local},1\n") == f"{local} , 1 : ERROR : NO-USER\r\n"
        assert question(other, f"{local},1\n") == f"{local} , 1 : USERID : UNIX : somebody\r\n"
        # A port that somebody listens on is not a connection.
        assert question(port, f"{other},1\n") == f"{other} , 1 : ERROR : NO-USER\r\n"


def test_wrong_ports_and_no_questions():
    port = free_port()
    with Daemon(conf(port, "-i")):
        assert question(port, "0, 23\r\n") == "0 , 23 : ERROR : INVALID-PORT\r\n"
        assert question(port, "70000, 23\r\n") == "70000 , 23 : ERROR : INVALID-PORT\r\n"
        for text in ("hello\r\n", "\r\n", "1\r\n", "1,2,3\r\n"):
            assert question(port, text) == ""


def test_a_line_without_end_is_cut_off():
    port = free_port()
    with Daemon(conf(port, "-i")) as d:
        with connect(port) as s:
            try:
                s.sendall(b"1" * 1_000_000)
                assert s.recv(100) == b""
            except (ConnectionResetError, BrokenPipeError):
                pass
        with connect(port) as silent:
            assert question(port, "0,1\n") == "0 , 1 : ERROR : INVALID-PORT\r\n"
            assert has_nothing(silent)
        assert not d.lines_like("error")


def test_other_letters_are_refused():
    port = free_port()
    with pytest.raises(AssertionError, match="auth has no option '-n'"):
        with Daemon(conf(port, "-r -n")):
            pass
