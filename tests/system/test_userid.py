"""USERID of log_on_success and log_on_failure: who the client is, as its machine says (RFC 1413).

Port 113 is fixed, so each test has a network namespace."""

import contextlib
import re
import socket
import threading

import pytest

from harness import PATIENCE, connect, read_all
from support import wait_until
from test_client_log import entry, services, success
from one_service import CAT, line, talk

pytestmark = [pytest.mark.root, pytest.mark.needs("unshare", "nsenter", "ip")]

PORT = 7777
IDENT = "127.0.0.1:113 stream tcp4 nowait root internal auth -r\n"
CLIENT = r"127\.0\.0\.1:\d+"


@pytest.fixture
def run(start, namespace):
    """run(conf, *settings) starts the daemon in the namespace."""
    return lambda conf, *settings: start(conf, services(*settings), wrap=namespace.wrap)


@pytest.fixture
def reach(namespace):
    return lambda port=PORT, host="127.0.0.1": namespace.run(connect, port, host)


@pytest.fixture
def liar(namespace):
    """liar(answer) listens where ident should, and gives each that asks what answer(question) is;
    None says nothing. Has the questions and who asked them."""
    questions = []
    with contextlib.ExitStack() as stack:
        def begin(answer):
            listener = stack.enter_context(namespace.run(socket.create_server, ("127.0.0.1", 113)))
            held = []

            def serve():
                while True:
                    try:
                        s, peer = listener.accept()
                    except OSError:
                        return
                    question = s.makefile("rb").readline()
                    questions.append((question, peer))
                    with contextlib.suppress(OSError):
                        if (said := answer(question)) is None:
                            held.append(s)
                            continue
                        s.sendall(said)
                    s.close()
            thread = threading.Thread(target=serve)
            thread.start()

            def end():
                listener.shutdown(socket.SHUT_RDWR)
                thread.join(PATIENCE)
                for s in held:
                    s.close()
            stack.callback(end)
            return questions
        yield begin


def test_a_real_server_and_a_real_ident(run, reach):
    d = run(line(PORT, CAT) + IDENT, success(PORT, "PID", "HOST", "USERID", "EXIT"))
    with reach() as s:
        assert talk(s) == b"hello"
        said = d.wait_log(rf'{PORT}: {CLIENT}: pid \d+: user "root" by ident$')
        assert f"127.0.0.1:{s.getsockname()[1]}:" in said
        pid = re.search(r"pid (\d+)", said)[1]
        assert d.lines_like(f"started pid {pid}$")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    d.wait_log(rf'{PORT}: {CLIENT}: pid {pid} ended: exit 0, user "root"$')


def test_ipv6_and_what_is_built_in(run, reach):
    d = run("[::1]:7 stream tcp6 nowait root internal\n"
            "[::1]:113 stream tcp6 nowait root internal auth -r\n", success(7, "USERID"))
    with reach(7, "::1") as s:
        assert talk(s) == b"hello"
        d.wait_log('7: user "root" by ident$')
    assert not d.lines_like("session ended")


def test_mptcp(run, reach, namespace):
    """By clients of both kinds."""
    d = run(line(PORT, CAT, protocol="mptcp") + IDENT, success(PORT, "PID", "USERID"))
    if d.lines_like("socket: Protocol not supported|MPTCP"):
        pytest.skip("this kernel has no MPTCP")

    def connect_multipath():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_MPTCP)
        s.settimeout(PATIENCE)
        s.connect(("127.0.0.1", PORT))
        return s
    for open_connection in (connect_multipath, lambda: connect(PORT)):
        with namespace.run(open_connection) as s:
            assert talk(s) == b"hello"
            d.wait_log(rf'{PORT}: pid \d+: user "root" by ident$')


def test_the_refused(run, reach):
    words = 'per_source = 1; log_on_success = []; log_on_failure = [{}];'
    d = run(line(PORT, CAT) + line(7778, CAT) + IDENT,
            entry(PORT, words.format('"HOST", "USERID"')), entry(7778, words.format('"USERID"')))
    for port, name in ((PORT, r"127\.0\.0\.1"), (7778, "a client")):
        with reach(port) as one:
            assert talk(one) == b"hello"
            with reach(port) as two:
                assert two.recv(1) == b""
                d.wait_log(f"{port}: refused {name}: too many instances for this address$")
                d.wait_log(f'{port}: refused {name}: user "root" by ident$')


def test_nobody_is_asked_without_the_word(run, reach, liar):
    questions = liar(lambda question: b"")
    d = run(line(PORT, CAT) + line(7778, CAT), success(PORT, "PID", "HOST", "EXIT", "TRAFFIC"),
            success(7778, "USERID"))
    for port in (PORT, 7778):
        with reach(port) as s:
            assert talk(s) == b"hello"
    wait_until(lambda: len(questions) == 1, "the other one was asked about")
    question, (host, _) = questions[0]
    assert re.fullmatch(rb"\d+ , 7778\r\n", question) and host == "127.0.0.1"
    assert not d.lines_like("ident")


@pytest.mark.parametrize("answer", (
    b"", b"\r\n", b"x" * 1_000_000, b"{} : USERID : UNIX : " + b"u" * 1000 + b"\r\n",
    b"{} : USERID : UNIX : " + b"u" * 600 + b"\r\n", b"{} : USERID : UNIX : joe",
    b"1 , 2 : USERID : UNIX : joe\r\n", b"{} : ERROR : NO-USER\r\n", b"{} : USERID : UNIX : \r\n",
    b"{} : USERID : UNIX : a\0b\r\n", b"%s%n : USERID : UNIX : joe\r\n"), ids=range(11))
def test_what_is_no_answer(run, reach, liar, answer):
    """CVE-2001-0763 was a long one."""
    questions = liar(lambda question: answer.replace(b"{}", question.strip()))
    d = run(line(PORT, CAT), success(PORT, "USERID", "EXIT"))
    for n in range(3):
        with reach() as s:
            assert talk(s) == b"hello"
            wait_until(lambda: len(questions) == n + 1, "it was asked")
            s.shutdown(socket.SHUT_WR)
            assert read_all(s) == b""
        d.wait_log(f"{PORT}: ended: exit 0$")
    assert not d.lines_like("ident")


def test_an_answer_may_say_what_it_likes(run, reach, liar):
    liar(lambda question: question.strip() + b' : USERID : UNIX : \x1b[2J"; joe\xff : %s\rx\r\n')
    d = run(line(PORT, CAT), success(PORT, "USERID", "EXIT"))
    with reach() as s:
        text = r'"\x1b[2J\"; joe\xff : %s\x0dx"'
        line_of = d.wait_log("by ident$")
        assert line_of.endswith(f"{PORT}: user {text} by ident"), line_of
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
        d.wait_log("ended: exit 0, user ")


def test_nobody_waits_for_one_that_is_silent(run, reach, liar):
    questions = liar(lambda question: None)
    d = run(line(PORT, CAT), success(PORT, "PID", "USERID", "EXIT"))
    for n in range(70):
        with reach() as s:
            assert talk(s) == b"hello"
            s.shutdown(socket.SHUT_WR)
            assert read_all(s) == b""
        d.wait_log(rf"{PORT}: pid \d+ ended: exit 0$")
    wait_until(lambda: len(questions) >= 64, "all who may be are asked")
    assert not d.lines_like("ident")


def test_ident_is_not_asked_about_itself(run, reach):
    """Or two machines that log the users of their ident ask each other without end."""
    d = run(IDENT + line(PORT, "internal echo"), success(113, "USERID"), success(PORT, "USERID"))
    with reach() as s:
        assert talk(s) == b"hello"
        d.wait_log(f'{PORT}: user "root" by ident$')
    assert len(d.lines_like("113: session started")) == 1
    assert not d.lines_like("113: user")


def test_clients_behind_a_balancer_are_not_asked_about(run, reach, liar):
    questions = liar(lambda question: b"")
    d = run(line(PORT, CAT) + line(7778, CAT),
            entry(PORT, 'proxy_protocol = true; proxy_from = ["127.0.0.1"]; '
                  'log_on_success = ["HOST", "USERID"];'), success(7778, "USERID"))
    with reach() as s:
        assert talk(s, b"PROXY TCP4 127.0.0.1 127.0.0.1 4711 80\r\nhello") == b"hello"
        d.wait_log(r"127\.0\.0\.1:4711: started")
    with reach(7778) as s:
        assert talk(s) == b"hello"
    wait_until(lambda: questions, "the other one was asked about")
    assert [q for q, _ in questions if b"4711" in q] == []


def test_without_ident_nothing_is_said(run, reach):
    d = run(line(PORT, CAT), success(PORT, "USERID", "EXIT"))
    for _ in range(3):
        with reach() as s:
            assert talk(s) == b"hello"
        d.wait_log(f"{PORT}: ended: exit 0$")
    assert not d.lines_like("ident")
