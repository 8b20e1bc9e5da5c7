"""Every server of services/ that is not a family of its own, driven by the daemon with the line from the
head of its source."""

import contextlib
import os
import random
import re
import socket
import subprocess

import pytest

from harness import INETD, PATIENCE, ROOT, SERVICES, Daemon, ask, connect, free_port, read_all, udp
from served import (MEGABYTES, NAMES, OWN_NAME, USER, files, head, libexec, needs_mounts, pour, serve,
                    silence, vanish)
from support import children, wait_until


def question(port, data):
    with udp(port) as s:
        s.send(data)
        return s.recv(65536)


@pytest.mark.parametrize("name", NAMES)
def test_head_and_lists(name):
    text = (SERVICES / name).read_text()
    assert head(name, "try"), "its head does not say how to try it"
    for line in head(name, "inetd.conf"):
        target = "/usr/libexec/inetd/" + name.removesuffix(".cc")
        assert target in line or line.endswith(" internal")
    assert len(text.splitlines()) <= 68, "too long to be read at a glance"
    assert f"| `{name}` |" in (SERVICES / "README.md").read_text()
    assert f"'{name.removesuffix('.cc')}'" in (SERVICES / "meson.build").read_text()
    if not name.endswith(".cc"):
        assert text.startswith(("#!/bin/sh\n", "#!/usr/bin/python3\n"))
        assert os.access(SERVICES / name, os.X_OK)


def check(path):
    return subprocess.run([INETD, "--check", path], capture_output=True, text=True)


def test_check_accepts_the_line_of_each_head(libexec, tmp_path):
    conf = tmp_path / "inetd.conf"
    lines = [line for name in NAMES for line in head(name, "inetd.conf")]
    conf.write_text("\n".join(lines).replace("/usr/libexec/inetd", str(libexec)) + "\n")
    result = check(conf)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 errors, 0 warnings" in result.stdout + result.stderr


def test_demo_conf_serves(libexec, files):
    text = (ROOT / "etc" / "demo.conf.in").read_text()
    ports = {port: str(free_port()) for port in sorted(set(re.findall(r"\b10\d\d\d\b", text)))}
    text = re.sub(r"\b10\d\d\d\b", lambda match: ports[match[0]], text)
    for mark, value in {"@USER@": OWN_NAME, "@BUILD@/services": libexec,
                        "@SERVICES@": libexec, "@RUNDIR@": files}.items():
        text = text.replace(mark, str(value))
    assert "@" not in text
    for line, after in zip(text.splitlines(), text.splitlines()[1:]):
        assert not line.startswith("# try: ") or re.match(r"[\d/]", after)
    with Daemon(text, "--stop-timeout", "0") as daemon:
        result = check(daemon.conf)
        assert result.returncode == 0, result.stdout + result.stderr
        for port in ("10007", "10008"):
            assert ask(int(ports[port]), b"hello\n") == b"hello\n"
        assert question(int(ports["10007"]), b"hello") == b"hello"
        assert question(int(ports["10011"]), b"udp").startswith(b"17")
        assert ask(int(ports["10020"]), b"6 * 7\n") == b"42\n"
        assert ask(int(ports["10001"]), b"hello\r\n") == b"+Go\r\nHello, 127.0.0.1!\r\n"
        assert b"echo.py" in ask(int(ports["10070"]), b"/\r\n")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(str(files / "echo.sock"))
            assert s.recv(1000).startswith(b"You are ")


def test_echo(serve):
    port, _ = serve("echo.py")
    hasty, _ = serve("echo.py", "0.3")
    assert ask(port, b"hello\n") == b"hello\n"
    assert ask(port) == b""
    vanish(port, b"x" * 100000)
    data = random.randbytes(MEGABYTES)
    assert pour(port, data) == data
    assert silence(hasty) == b""


def test_calc(serve):
    port, _ = serve("calc.cc")
    hasty, _ = serve("calc.cc", "1")
    for expression, value in {
            "1 + 2 * 3": "7", "2 * (3 + 4)^2": "98", "-2^2": "-4", "2^3^2": "512",
            "10 - 3 - 2": "5", "2 - -2": "4", "7 % 4": "3", "1 / 4": "0.25",
            ".5 + 1e3": "1000.5", "1 / 0": "inf",
            "": "error: expected a number at ''",
            "inf": "error: expected a number at 'inf'",
            "(1": "error: expected a closing parenthesis at ''",
            "1 2": "error: expected an operator at '2'",
            "1e999": "error: expected a number of ordinary size at '1e999'",
            "__import__('os')": "error: expected a number at '__import__('os')'"}.items():
        assert ask(port, expression.encode() + b"\n").decode() == value + "\n", expression
    assert ask(port, b"1 + 1\r\n2 + 2") == b"2\n4\n"
    assert ask(port, b"(" * 998 + b"\n").count(b"\n") == 1
    assert ask(port, b"9" * 999 + b"\n1 + 1\n").splitlines()[1] == b"2"
    assert pour(port, b"-" * MEGABYTES + b"\n6 * 7\n").splitlines()[1:] == [b"42"]
    assert b"error" in ask(port, bytes(range(256)))
    vanish(port, b"1 + 1\n" * 1000)
    assert silence(hasty) == b""


@pytest.mark.parametrize("line, get", [(0, ask), (1, lambda port: question(port, b"?"))])
def test_qotd(serve, line, get):
    port, _ = serve("qotd.sh", line=line)
    quotes = (SERVICES / "qotd.sh").read_text().split("END'\n")[1].splitlines(keepends=True)[:-1]
    assert get(port).decode() in quotes
    assert all(len(quote) <= 512 for quote in quotes)


def test_address(serve):
    port, _ = serve("address.sh")
    with connect(port) as s:
        first, _, rest = read_all(s).decode().partition("\n\n")
        assert first == "127.0.0.1"
        assert f"TCPREMOTEPORT={s.getsockname()[1]}\n" in rest
        assert f"SERVER_PORT={port}\n" in rest
    vanish(port)
    assert ask(port).startswith(b"127.0.0.1\n")


def test_hello(libexec):
    port = free_port()
    line = head("hello.sh", "inetd.conf")[1].replace("/usr/libexec/inetd", str(libexec))
    line = line.replace("nobody", USER)
    with Daemon(f"{port} stream tcp nowait {USER} internal tcpmux\n{line}\n"):
        assert ask(port, b"HELLO\r\n") == b"+Go\r\nHello, 127.0.0.1!\r\n"
        assert ask(port, b"help\r\n") == b"hello\r\n"
        assert ask(port, b"goodbye\r\n").startswith(b"-")


def test_unix_echo(serve, files):
    files.chmod(0o777)
    path, _ = serve("unix-echo.cc", at=files / "echo.sock")
    hasty, _ = serve("unix-echo.cc", "1", at=files / "hasty.sock")
    greeting = f"You are {OWN_NAME} (uid {os.getuid()}, pid {os.getpid()}).\n".encode()
    with socket.socket(socket.AF_UNIX) as s, socket.socket(socket.AF_UNIX) as silent:
        for one, at in ((s, path), (silent, hasty)):
            one.settimeout(PATIENCE)
            one.connect(str(at))
            assert one.recv(1000) == greeting
        s.sendall(b"hello\n")
        assert s.recv(1000) == b"hello\n"
        assert silent.recv(1000) == b"", "it goes on to wait"


PRIVATE_DEV = """
mount -t tmpfs -o mode=755 none "$1"
for name in null zero random urandom log; do touch "$1/$name"; done
for name in null zero random urandom; do mount --bind "/dev/$name" "$1/$name"; done
mount --bind "$2" "$1/log"
mount --rbind "$1" /dev
shift 2
exec "$@"
"""


@pytest.fixture
def syslog(files):
    """The socket that the wrapped daemon's children take for /dev/log, and the wrapping."""
    (files / "dev").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.bind(str(files / "socket"))
        (files / "socket").chmod(0o666)
        yield s, ["unshare", "-m", "sh", "-euc", PRIVATE_DEV, "sh", files / "dev", files / "socket"]


@needs_mounts
def test_daytime(serve, syslog):
    log, wrap = syslog
    port, _ = serve("daytime.cc", wrap=wrap)
    with connect(port) as s:
        own = s.getsockname()[1]
        assert re.fullmatch(rb"\w+, [ \d]\d \w+ \d{4} \d\d:\d\d:\d\d \w+\r\n", read_all(s))
    assert re.search(rf"daytime\[\d+\]: asked by 127\.0\.0\.1 port {own}$", log.recv(1000).decode())


def test_daytime_without_a_log(serve):
    port, _ = serve("daytime.cc")
    assert ask(port).count(b"\n") == 1
    vanish(port)
    assert ask(port).count(b"\n") == 1


@needs_mounts
def test_netlog(serve, syslog):
    log, wrap = syslog
    port, _ = serve("netlog.sh", wrap=wrap)
    hasty, _ = serve("netlog.sh", "1")
    assert ask(port, b"one\ntwo\n") == b""
    for text in ("one", "two"):
        assert re.search(rf"netlog\[127\.0\.0\.1\]: {text}$", log.recv(4096).decode())
    vanish(port, b"half")
    with connect(port) as s:
        with contextlib.suppress(OSError):
            s.sendall(b"x" * 5000 + b"\n")
        while len(entry := log.recv(65536)) < 1000:
            pass
        assert len(entry) < 1200
    assert silence(hasty) == b""


def test_paste(serve, files):
    files.chmod(0o777)
    port, _ = serve("paste.sh", files, "http://localhost/")
    hasty, _ = serve("paste.sh", files, "http://localhost/", "1")
    data = random.randbytes(100_000)
    answer = ask(port, data).decode()
    name = re.fullmatch(r"http://localhost/(\w{10})\n", answer)[1]
    assert (files / name).read_bytes() == data
    assert (files / name).stat().st_mode & 0o777 == 0o644
    assert ask(port, b"x" * 1048576).startswith(b"http://")
    assert pour(port, b"x" * MEGABYTES) == b"The limit is 1048576 bytes.\n"
    assert ask(port) == b"" and silence(hasty) == b""
    assert len(list(files.iterdir())) == 2
    (files / name).unlink()


def test_chat(serve):
    port, daemon = serve("chat.py", "0.2")
    with connect(port) as ada, connect(port) as bob, ada.makefile() as a, bob.makefile() as b:
        names = ["127.0.0.1:%d" % s.getsockname()[1] for s in (ada, bob)]
        assert a.readline() == f"* {names[0]} comes in\n"
        assert a.readline() == f"* {names[1]} comes in\n" == b.readline()
        first, = children(daemon.pid)
        ada.sendall(b"good \x1b[2Jmorning\nand")
        assert b.readline() == f"{names[0]}: good [2Jmorning\n"
        ada.sendall(b" goodbye\r\n")
        assert b.readline() == f"{names[0]}: and goodbye\n"
        vanish(port)
        assert re.match(r"\* .* comes in", b.readline()) and re.match(r"\* .* leaves", b.readline())
        bob.sendall(b"x" * 100_000)
        while not (line := a.readline()).startswith(f"* {names[1]} leaves"):
            assert line
    daemon.wait_log(rf"pid {first} ended")
    with connect(port) as s:
        assert s.makefile().readline().startswith("* ")
        second, = children(daemon.pid)
        assert second != first


def test_chat_sees_off_who_says_nothing(serve):
    port, _ = serve("chat.py", "0.2", "0.5")
    with connect(port) as s:
        assert read_all(s) == b"* 127.0.0.1:%d comes in\n" % s.getsockname()[1]


def test_chat_drops_who_does_not_listen(serve):
    port, _ = serve("chat.py", "0.2")
    with connect(port) as deaf, connect(port) as loud, connect(port) as witness:
        lines = witness.makefile()
        while not lines.readline().startswith("* 127.0.0.1:%d " % witness.getsockname()[1]):
            pass
        gone = "* 127.0.0.1:%d leaves\n" % deaf.getsockname()[1]
        line = ""
        while line != gone:
            loud.sendall((b"x" * 900 + b"\n") * 100)
            for _ in range(100):
                if (line := lines.readline()) == gone:
                    break


def test_lookup(serve, files):
    table = files / "table"
    table.write_text("# comment\nred rouge\nblue\tbleu ciel\nlong " + "x" * 5000 + "\nalone\n\n")
    port, _ = serve("lookup.py", table)
    hasty, daemon = serve("lookup.py", table, "0.3")
    assert question(port, b"red") == b"rouge\n"
    assert question(port, b" blue\r\n") == b"bleu ciel\n"
    assert question(port, b"green") == b"?\n"
    assert question(port, b"") == b"?\n"
    assert question(port, b"#") == b"?\n"
    assert question(port, b"red" + b"x" * 60000) == b"?\n"
    assert question(port, bytes(range(256))) == b"?\n"
    assert len(question(port, b"long")) == 513
    assert question(hasty, b"red") == b"rouge\n"
    wait_until(lambda: not children(daemon.pid), "nobody has asked for a while")
    table.write_text("red rot\n")
    assert question(hasty, b"red") == b"rot\n"
    assert question(port, b"red") == b"rouge\n", "it has read its table once"


def test_mirror(serve):
    port, _ = serve("mirror.py")
    with udp(port) as a, udp(port) as b:
        for s in (a, b) * 20:
            s.send(b"x" * 100)
        for s in (a, b) * 20:
            assert s.recv(1000).decode() == "%s %d\n" % s.getsockname()
