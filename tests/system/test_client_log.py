"""log_on_success and log_on_failure: what the log says of clients, each word of it."""

import os
import re
import signal
import socket

import pytest

from harness import ME, ask, connect, free_port, read_all, run_inetd
from support import children, descriptors, script, started_pid, wait_until
from one_service import CAT, line, reload, talk
from test_tether import reset
from upgrading import upgrade

HOST = r"127\.0\.0\.1:\d+"


def entry(port, settings):
    return f'{{ name = "{port}"; {settings} }}'


def services(*entries):
    return f"services = ( {', '.join(entries)} );"


def success(port, *words):
    listed = ", ".join(f'"{word}"' for word in words)
    return entry(port, f"log_on_success = [{listed}];")


def said_of(d, port):
    return [l[l.index(f"{port}: "):] for l in d.lines_like(rf"\b{port}: ")]


def like(lines, *patterns):
    assert len(lines) == len(patterns), lines
    for text, pattern in zip(lines, patterns):
        assert re.fullmatch(pattern, text), (text, pattern)


def serve_both(d, quiet, loud):
    """A client of each; when the second one's end is told, so is all that was to be of the first."""
    assert ask(quiet, b"hello") == b"hello"
    wait_until(lambda: not children(d.pid), "the server has ended")
    assert ask(loud, b"hello") == b"hello"
    d.wait_log(rf"{loud}: .*ended")


@pytest.mark.parametrize("words, lines", (
    ((), ()),
    (("PID",), (r"started pid \d+",)),
    (("HOST",), (HOST + ": started",)),
    (("pid", "Host"), (HOST + r": started pid \d+",)),
    (("EXIT",), ("ended: exit 0",)),
    (("DURATION",), (r"ended: \d+\.\d{3} s",)),
    (("TRAFFIC",), ("ended: 5 bytes in, 5 out",)),
    (("PID", "HOST", "EXIT", "DURATION", "TRAFFIC"),
     (HOST + r": started pid \d+",
      HOST + r": pid \d+ ended: exit 0, 5 bytes in, 5 out, \d+\.\d{3} s")),
))
def test_words_of_a_server(start, words, lines):
    port, loud = free_port(), free_port()
    d = start(line(port, CAT) + line(loud, CAT), services(success(port, *words)), "-l")
    serve_both(d, port, loud)
    like(said_of(d, port), *(f"{port}: {text}" for text in lines))


@pytest.mark.parametrize("words, lines", (
    ((), ()),
    (("HOST",), (HOST + ": session started",)),
    (("PID",), ("session started",)),
    (("EXIT",), ("session ended",)),
    (("DURATION",), (r"session ended: \d+\.\d{3} s",)),
    (("TRAFFIC",), ("session ended: 5 bytes in, 5 out",)),
))
def test_words_of_a_built_in(start, words, lines):
    port, loud = free_port(), free_port()
    conf = line(port, "internal echo") + line(loud, "internal echo")
    d = start(conf, services(success(port, *words)), "-l")
    serve_both(d, port, loud)
    like(said_of(d, port), *(f"{port}: {text}" for text in lines))


def test_without_any_key(start):
    """log_connections decides, for servers and for what is built in."""
    server, built_in = free_port(), free_port()
    d = start(line(server, CAT) + line(built_in, "internal echo"), "")
    ask(built_in, b"x")
    ask(server, b"x")
    d.wait_log(rf"{server}: pid \d+ ended: exit 0, \d+\.\d{{3}} s$")
    assert said_of(d, built_in) == []
    reload(d, "daemon = { log_connections = true; };", "reload: ")
    ask(built_in, b"x")
    d.wait_log(rf"{built_in}: {HOST}: session started$")
    d.wait_log(rf"{built_in}: {HOST}: session ended: 1 bytes in, 1 out, \d+\.\d{{3}} s$")
    ask(server, b"x")
    d.wait_log(rf"{server}: {HOST}: started pid \d+$")


def test_a_signal_is_an_exit(start, workdir):
    port = free_port()
    server = script(workdir / "server", "kill -SEGV $$\n", "/bin/sh")
    d = start(line(port, server), services(success(port, "EXIT")))
    ask(port)
    d.wait_log(rf"{port}: ended: killed by SIGSEGV")


def test_a_wait_server_has_no_host(start, workdir):
    port = free_port()
    server = script(workdir / "server", "import socket\ns = socket.socket(fileno=0)\n"
                    "c, _ = s.accept()\nc.sendall(b'x')\n")
    d = start(line(port, server, wait="wait"),
              services(success(port, "PID", "HOST", "USERID", "EXIT", "TRAFFIC")))
    assert ask(port) == b"x"
    d.wait_log(rf"\b{port}: started pid \d+$")
    d.wait_log(rf"\b{port}: pid \d+ ended: exit 0$")


@pytest.mark.parametrize("program, sent, end, traffic", (
    ("/usr/bin/head -c 3", b"x" * 10, "stay", "10 bytes in, 3 out"),
    ("/bin/true", b"", "close", "0 bytes in, 0 out"),
    ("/bin/echo hello", b"", "stay", "0 bytes in, 6 out"),
    (CAT, b"x" * 300000, "close", "300000 bytes in, 300000 out"),
    (CAT, b"x" * 10, "reset", "10 bytes in, 10 out"),
))
def test_traffic(start, program, sent, end, traffic):
    """Bytes and not sequence numbers: the end of a direction is none."""
    port = free_port()
    name = program.split()[0].rpartition("/")[2]
    d = start(line(port, program.replace(" ", f" {name} ", 1)),
              services(success(port, "TRAFFIC")))
    if end == "close":
        assert len(ask(port, sent)) == (len(sent) if program == CAT else 0)
    else:
        with connect(port) as s:
            s.sendall(sent)
            if end == "reset":
                assert s.makefile("rb").read(10) == sent
                reset(s)
            else:
                try:
                    while s.recv(100): pass
                except ConnectionResetError:
                    pass  # by what it did not read
    d.wait_log(f"{port}: ended: {traffic}$")


def test_traffic_of_a_connection_that_is_over(start, workdir):
    """The server ends its half first, and sees the client's end before its own."""
    port = free_port()
    server = script(workdir / "server", "import socket\ns = socket.socket(fileno=0)\n"
                    "s.sendall(b'abc')\ns.shutdown(socket.SHUT_WR)\nwhile s.recv(99): pass\n")
    d = start(line(port, server), services(success(port, "TRAFFIC")))
    assert ask(port, b"hello") == b"abc"
    d.wait_log(f"{port}: ended: 5 bytes in, 3 out$")


def test_traffic_of_ipv6_and_a_relay(start):
    six, relay, target = free_port(), free_port(), free_port()
    conf = (f"[::1]:{six} stream tcp6 nowait {ME} {CAT}\n" + line(target, "internal echo") +
            line(relay, f"internal redirect 127.0.0.1:{target}"))
    d = start(conf, 'defaults = { log_on_success = ["HOST", "TRAFFIC"]; };')
    assert ask(six, b"hello", host="::1") == b"hello"
    d.wait_log(rf"{six}: \[::1\]:\d+: ended: 5 bytes in, 5 out$")
    assert ask(relay, b"hello") == b"hello"
    d.wait_log(rf"{relay}: {HOST}: session ended: 5 bytes in, 5 out$")


def test_unix_has_no_traffic(start, workdir):
    path = workdir / "x.sock"
    d = start(f"{path} stream unix nowait {ME} {CAT}\n",
              services(success(path, "EXIT", "TRAFFIC", "USERID")))
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
    d.wait_log(f"{path}: ended: exit 0$")


def test_the_copy_goes_with_the_server(start):
    port = free_port()
    d = start(line(port, CAT), services(success(port, "TRAFFIC")))
    fds = descriptors(d.pid)
    with connect(port) as s:
        assert talk(s) == b"hello"
        assert descriptors(d.pid) == fds + 1
        os.kill(next(iter(children(d.pid))), signal.SIGKILL)
        assert s.recv(1) == b""
    d.wait_log(f"{port}: ended: 5 bytes in, 5 out$")
    assert descriptors(d.pid) == fds


def test_traffic_outlives_a_change_of_binary(start):
    port = free_port()
    d = start(line(port, CAT), services(success(port, "PID", "TRAFFIC")))
    with connect(port) as s:
        assert talk(s) == b"hello"
        pid = started_pid(d.wait_log("started pid"))
        upgrade(d)
        assert talk(s) == b"hello"
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""
    d.wait_log(f"{port}: pid {pid} ended: 10 bytes in, 10 out$")


@pytest.mark.parametrize("words, text", (
    ('"HOST"', "refused 127.0.0.1: too many instances for this address"),
    ('"attempt"', "refused a client: too many instances for this address"),
    ('"ATTEMPT", "HOST"', "refused 127.0.0.1: too many instances for this address"),
    ("", None),
))
def test_words_of_failure(start, words, text):
    port, other = free_port(), free_port()
    settings = f"per_source = 1; log_on_failure = [{words}];"
    d = start(line(port, CAT) + line(other, CAT),
              services(entry(port, settings), entry(other, "per_source = 1;")))
    for each in (port, other):
        with connect(each) as one:
            assert talk(one) == b"hello"
            with connect(each) as two:
                assert two.recv(1) == b""
    d.wait_log(f"{other}: refused 127.0.0.1")
    assert [l for l in said_of(d, port) if "ended" not in l] == ([f"{port}: {text}"] if text else [])


@pytest.mark.parametrize("settings, expected, hint", (
    ('log_on_success = ["HOSTS"]', "'log_on_success' has no word 'HOSTS'", "did you mean 'HOST'?"),
    ('log_on_success = ["ATTEMPT"]', "'log_on_success' has no word 'ATTEMPT'", "it takes PID"),
    ('log_on_failure = ["PID"]', "'log_on_failure' has no word 'PID'", "it takes HOST"),
    ('log_on_failure = ["HOST", "USERIDS"]', "no word 'USERIDS'", "did you mean 'USERID'?"),
    ("log_on_success = [1]", "'log_on_success' has no word 1", "it takes PID"),
    ('log_on_success = "PID"', "'log_on_success' takes a list of words", '["PID", "HOST"'),
))
def test_other_words(workdir, settings, expected, hint):
    conf, cfg = workdir / "conf", workdir / "cfg"
    conf.write_text(line(free_port(), CAT))
    cfg.write_text(f"\ndefaults = {{ {settings}; }};")
    done = run_inetd("--check", "--settings", cfg, conf)
    assert done.returncode != 0 and expected in done.stderr and hint in done.stderr
    assert f"{cfg}:2: error: " in done.stderr


def test_the_dump_says_them(workdir):
    conf, cfg = workdir / "conf", workdir / "cfg"
    conf.write_text(line(free_port(), CAT))
    cfg.write_text('defaults = { log_on_success = ["exit", "pid"]; log_on_failure = []; };')
    done = run_inetd("--dump", "--settings", cfg, conf)
    assert 'log_on_success = ["PID", "EXIT"];' in done.stdout
    assert "log_on_failure = [];" in done.stdout
