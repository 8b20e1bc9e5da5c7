"""Every server of services/, driven by the daemon with the line from the head of its source."""

import concurrent.futures
import contextlib
import os
import pathlib
import pwd
import random
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from harness import (BUILD, INETD, PATIENCE, ROOT, SERVICES, Daemon, ask, connect, free_port,
                     read_all, udp)
from support import children, started_pid, wait_for_end, wait_until

OWN_NAME = pwd.getpwuid(os.getuid()).pw_name
USER = "nobody" if os.getuid() == 0 else OWN_NAME
NAMES = sorted(p.name for p in SERVICES.iterdir() if p.suffix in (".py", ".sh", ".cc"))
MEGABYTES = 10 * 1024 * 1024

needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0,
    reason="needs root and a mount namespace")


def head(name, label):
    """What the head of the server's source gives for `label:`."""
    return re.findall(rf"^(?:#|//) {label}: (.*)$", (SERVICES / name).read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def libexec():
    """A copy of the servers where any user may run them, as installed in /usr/libexec/inetd."""
    with tempfile.TemporaryDirectory(prefix="inetd-libexec-") as path:
        directory = pathlib.Path(path)
        directory.chmod(0o755)
        for name in NAMES:
            built = BUILD / "services" / name.removesuffix(".cc")
            shutil.copy(built if name.endswith(".cc") else SERVICES / name, directory)
        yield directory


@pytest.fixture
def files():
    """A directory that every user can read, unlike pytest's tmp_path."""
    with tempfile.TemporaryDirectory(prefix="inetd-files-") as path:
        directory = pathlib.Path(path)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def serve(libexec):
    """serve(name, arguments...) starts the daemon with the server's own line at a free port, or at
    another place, and returns the port and the daemon. Where a server gives up on a client in so many
    seconds, one that is patient is asked for its answers, and a hasty one is met with silence: no
    client of the test is fast for sure."""
    with contextlib.ExitStack() as stack:
        def start(name, *arguments, line=0, at=None, **options):
            port = at or free_port()
            fields = head(name, "inetd.conf")[line].split()
            fields[0], fields[4] = str(port), USER
            fields[5] = fields[5].replace("/usr/libexec/inetd", str(libexec))
            if arguments:
                fields[7:] = map(str, arguments)
            daemon = stack.enter_context(
                Daemon(" ".join(fields) + "\n", "-l", "--stop-timeout", "0", **options))
            return port, daemon
        yield start


def pour(port, data):
    """Sends while it receives; what came. The server may stop to listen when it likes."""
    def send():
        with contextlib.suppress(OSError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)

    received = b""
    with connect(port) as s:
        sender = threading.Thread(target=send)
        sender.start()
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                received += part
        sender.join(PATIENCE)
    return received


def vanish(port, data=b""):
    """A client that is gone, by a reset, before it could have got an answer."""
    with connect(port) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(data)


def silence(port):
    """What a client gets that says nothing, until the server has had enough of it."""
    with connect(port) as s, contextlib.suppress(ConnectionResetError):
        return read_all(s)
    return b""


def question(port, data):
    with udp(port) as s:
        s.send(data)
        return s.recv(65536)


# The heads and the lists.

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


# One connection after the other: echo, calc, qotd, address, hello.

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


# What goes to the system's log.

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


# Files: web, gopher, finger, paste.

@pytest.fixture
def tree(files):
    """A directory `root` to serve, with every trap in it, beside a file that must not be seen."""
    root = files / "root"
    (root / "sub").mkdir(parents=True)
    (root / "with index").mkdir()
    (root / "trap").mkdir()
    (files / "secret.txt").write_text("secret\n")
    (files / "root-two").mkdir()
    (files / "root-two" / "secret.txt").write_text("secret\n")
    (root / "a.txt").write_text("first\n.second\n")
    (root / "sub" / "b.html").write_text("<p>b</p>\n")
    (root / "with index" / "index.html").write_text("<p>index</p>\n")
    (root / "large.bin").write_bytes(random.randbytes(3_000_000))
    (root / "empty.txt").touch()
    (root / "<b>&\".txt").write_text("odd\n")
    (root / "naïve.txt").write_text("naïve\n")
    (root / "inside.txt").symlink_to("a.txt")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "out").symlink_to("..")
    (root / "beside").symlink_to("../root-two")
    (root / "trap" / "index.html").symlink_to(files / "secret.txt")
    (root / "closed.txt").write_text("secret\n")
    (root / "closed.txt").chmod(0)
    os.mkfifo(root / "fifo")
    return root


def curl(port, path, *options):
    """The status and fields, and the body."""
    result = subprocess.run(
        ["curl", "-s", "-S", "-i", "-m", str(PATIENCE), "--path-as-is", *options,
         f"http://127.0.0.1:{port}{path}"], capture_output=True, check=True)
    fields, _, body = result.stdout.partition(b"\r\n\r\n")
    return fields.decode(), body


def status(port, path, *options):
    return int(curl(port, path, *options)[0].split()[1])


def test_web_content(serve, tree):
    port, _ = serve("web.py", tree)
    fields, body = curl(port, "/a.txt")
    assert fields.startswith("HTTP/1.0 200 OK\r\n") and body == b"first\n.second\n"
    assert "\nContent-type: text/plain; charset=utf-8\r" in fields
    assert "\nContent-Length: 14\r" in fields
    assert "\nContent-type: text/html; charset=utf-8\r" in curl(port, "/sub/b.html")[0]
    fields, body = curl(port, "/large.bin?query=1")
    assert "\nContent-type: application/octet-stream\r" in fields
    assert body == (tree / "large.bin").read_bytes()
    assert curl(port, "/empty.txt")[1] == b""
    assert curl(port, "/inside.txt", "--http1.0")[1] == b"first\n.second\n"
    assert curl(port, "/na%C3%AFve.txt")[1].decode() == "naïve\n"
    assert curl(port, "/with%20index/")[1] == b"<p>index</p>\n"
    fields, body = curl(port, "/a.txt", "--head")
    assert "\nContent-Length: 14\r" in fields and body == b""
    fields, _ = curl(port, "/with%20index")
    assert fields.startswith("HTTP/1.0 301 ") and "\nLocation: /with%20index/" in fields


def test_web_listing(serve, tree):
    port, _ = serve("web.py", tree)
    fields, body = curl(port, "/")
    assert fields.startswith("HTTP/1.0 200 OK\r\n") and "text/html" in fields
    text = body.decode()
    assert '<a href="%3Cb%3E%26%22.txt">&lt;b&gt;&amp;".txt</a>' in text and "<b>" not in text
    assert '<a href="na%C3%AFve.txt">naïve.txt</a>' in text
    assert '<a href="sub/">sub/</a>' in text


@pytest.mark.parametrize("path, code", [
    ("/nothing", 404), ("/a.txt/", 404), ("/a.txt/b", 404), ("/" + "x" * 5000, 404),
    ("/../secret.txt", 403), ("/sub/../../secret.txt", 403), ("/%2e%2e/secret.txt", 403),
    ("/..%2fsecret.txt", 403), ("/sub/%2E./a.txt", 403), ("/%2e%2e", 403),
    ("/out.txt", 403), ("/out/secret.txt", 403), ("/out/", 403), ("/beside/secret.txt", 403),
    ("/trap/", 403), ("/fifo", 403), ("/%00", 400), ("/a.txt%00", 400), ("//etc/passwd", 404)])
def test_web_refuses(serve, tree, path, code):
    port, _ = serve("web.py", tree)
    fields, body = curl(port, path)
    assert int(fields.split()[1]) == code
    assert b"secret" not in body and b"Traceback" not in body


def test_web_bad_clients(serve, tree):
    port, _ = serve("web.py", tree)
    hasty, _ = serve("web.py", tree, "1")
    if USER != "root":
        assert status(port, "/closed.txt") == 403
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        fields, _ = curl(port, "/a.txt", "-X", method, "-d", "x")
        assert fields.startswith("HTTP/1.0 405 ") and "\nAllow: GET, HEAD" in fields
    upload = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % MEGABYTES + bytes(MEGABYTES)
    assert ask(port, upload).startswith(b"HTTP/1.0 405 ")
    for garbage, code in {
            b"\0\1\2\3\r\n\r\n": 400, b"GET / HTTP/x\r\n\r\n": 400,
            b"GET a.txt HTTP/1.0\r\n\r\n": 400, b"GET http://x/ HTTP/1.1\r\n\r\n": 400,
            b"GET / HTTP/2.0\r\n\r\n": 505, b"GET /" + b"x" * MEGABYTES: 414,
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000: 431,
            b"GET / HTTP/1.1\r\nX: " + b"y" * MEGABYTES: 431}.items():
        answer = ask(port, garbage)
        assert b" %d " % code in answer.splitlines()[0], garbage[:40]
        assert b"Traceback" not in answer
    vanish(port, b"GET /large.bin HTTP/1.0\r\n\r\n")
    assert silence(hasty) == b""
    with connect(hasty) as s, contextlib.suppress(ConnectionError):
        s.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(int(PATIENCE / 0.1)):
            if select.select([s], [], [], 0.1)[0]:
                assert s.recv(1000) == b""
                break
            s.sendall(b"drop by drop ")
        else:
            pytest.fail("it listens to who never ends")
    assert status(port, "/a.txt") == 200


def test_gopher(serve, tree):
    port, _ = serve("gopher.sh", tree)
    hasty, _ = serve("gopher.sh", tree, "1")
    menu = ask(port, b"\r\n").decode()
    assert menu == ask(port, b"/\n").decode() and menu.endswith("\r\n.\r\n")
    lines = menu.split("\r\n")
    assert f"0a.txt\t/a.txt\t127.0.0.1\t{port}" in lines
    assert f"1sub\t/sub\t127.0.0.1\t{port}" in lines
    assert f"9large.bin\t/large.bin\t127.0.0.1\t{port}" in lines
    assert f"hb.html\t/sub/b.html\t127.0.0.1\t{port}" in ask(port, b"/sub\r\n").decode()
    assert ask(port, b"/a.txt\tsearch\r\n") == b"first\r\n..second\r\n.\r\n"
    assert ask(port, b"/inside.txt\r\n") == b"first\r\n..second\r\n.\r\n"
    assert ask(port, b"/large.bin\r\n") == (tree / "large.bin").read_bytes()
    nothing = f"3Nothing is there.\t\t127.0.0.1\t{port}\r\n.\r\n".encode()
    for selector in (b"/nothing", b"../secret.txt", b"/../secret.txt", b"/out.txt", b"/out",
                     b"/out/secret.txt", b"/beside/secret.txt", b"../root-two/secret.txt", b"/fifo",
                     b"/a.txt/", b"$(id)", b"`id`", b"-e", b"\xff\xfe", b"*", b"x" * 5000):
        assert ask(port, selector + b"\r\n") == nothing, selector
    assert pour(port, b"x" * MEGABYTES) in (nothing, b"")
    vanish(port, b"/large.bin\r\n")
    assert b"secret" not in silence(hasty)


@needs_mounts
def test_finger(serve, files):
    def user(name, uid, gecos):
        home = files / name
        home.mkdir()
        return f"{name}:x:{uid}:{uid}:{gecos}:{home}:/bin/sh\n", home / ".plan"

    entries = ["root:x:0:0:root:/root:/bin/sh\n", "nobody:x:65534:65534::/nonexistent:/bin/sh\n"]
    users = [user("ada", 1001, "Ada Lovelace,,,"), user("bob", 1002, "Bob"), user("cy", 1003, ""),
             user("dan", 1004, "Dan"), user("eve", 1005, "Eve")]
    (files / "passwd").write_text("".join(entries + [entry for entry, _ in users]))
    (files / "passwd").chmod(0o644)
    for i, (_, plan) in enumerate(users):
        plan.write_text("To write\x1b[2J notes.\n\tOn engines, naïve.\n")
        os.chown(plan, 1001 + i, 1001 + i)
    users[1][1].unlink()
    users[1][1].symlink_to(users[0][1])
    users[2][1].unlink()
    os.mkfifo(users[2][1])
    os.chown(users[3][1], 0, 0)
    users[4][1].rename(files / "plan")
    users[4][1].symlink_to(files / "plan")

    script = 'mount --bind "$0" /etc/passwd; exec "$@"'
    bind = ["unshare", "-m", "sh", "-euc", script, files / "passwd"]
    port, _ = serve("finger.py", wrap=bind)
    hasty, _ = serve("finger.py", "1", wrap=bind)
    everybody = ask(port, b"\r\n").decode()
    names = [line.split()[0] for line in everybody.splitlines()]
    assert names == ["ada", "bob", "cy", "dan", "eve"]
    assert ask(port, b"/W\r\n").decode() == everybody
    ada = ask(port, b"ada\r\n").decode()
    assert ada == ("Login: ada              Name: Ada Lovelace\r\nPlan:\r\n"
                   "To write[2J notes.\r\n        On engines, naïve.\r\n\r\n")
    assert ask(port, b"/W LOVELACE\r\n").decode() == ada
    assert b"To write" in ask(port, b"eve\r\n")
    for name in ("bob", "cy", "dan"):
        assert ask(port, name.encode() + b"\r\n").endswith(b"\r\nNo plan.\r\n"), name
    for query in (b"root", b"nobody", b"../ada", b"ada/../bob", b"$(id)", b"\xff", b"x" * 5000):
        assert ask(port, query + b"\r\n") == b"No such user.\r\n", query
    for query in (b"ada@localhost", b"@localhost", b"ada@a@b"):
        assert ask(port, query + b"\r\n") == b"Finger forwarding service denied.\r\n"
    assert pour(port, b"x" * MEGABYTES) in (b"No such user.\r\n", b"")
    vanish(port, b"ada\r\n")
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


# Wait servers: they take the service's own socket and give it back.

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


# Datagrams, each client with a server of its own.

def test_mirror(serve):
    port, _ = serve("mirror.py")
    with udp(port) as a, udp(port) as b:
        for s in (a, b) * 20:
            s.send(b"x" * 100)
        for s in (a, b) * 20:
            assert s.recv(1000).decode() == "%s %d\n" % s.getsockname()


def fetch(port, name, mode, directory):
    return subprocess.run(
        ["tftp", "-m", mode, "127.0.0.1", str(port), "-c", "get", name], cwd=directory,
        capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.skipif(not shutil.which("tftp"), reason="needs the tftp client")
def test_tftp_with_a_real_client(serve, tree, tmp_path):
    port, _ = serve("tftp.py", tree, "1")
    names = ["0", "1", "511", "512", "513", "1024", "200000"]
    for name in names:
        (tree / name).write_bytes(random.randbytes(int(name)))
    with concurrent.futures.ThreadPoolExecutor(len(names)) as clients:
        for result in clients.map(lambda name: fetch(port, name, "octet", tmp_path), names):
            assert result.stdout + result.stderr == ""
    for name in names:
        assert (tmp_path / name).read_bytes() == (tree / name).read_bytes()
    fetch(port, "a.txt", "netascii", tmp_path)
    assert (tmp_path / "a.txt").read_text() == "first\n.second\n"
    assert "there is no such file" in fetch(port, "nothing", "octet", tmp_path).stdout
    assert "that is not for you" in fetch(port, "../secret.txt", "octet", tmp_path).stdout


class Transfer:
    """A TFTP client, block by block."""

    def __init__(self, port, request):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.sendto(request, ("127.0.0.1", port))
        self.server = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self):
        """The opcode, the number and the rest."""
        packet, self.server = self.socket.recvfrom(65536)
        return (*struct.unpack("!HH", packet[:4]), packet[4:])

    def acknowledge(self, number):
        self.socket.sendto(struct.pack("!HH", 4, number), self.server)


def read_request(name, mode=b"octet", *options):
    return b"\0\1" + b"".join(field + b"\0" for field in (name, mode, *options))


def test_tftp_conversation(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    content = (tree / "large.bin").read_bytes()
    with Transfer(port, read_request(b"/large.bin", b"OcTeT")) as t:
        assert t.receive() == (3, 1, content[:512])
        assert t.server[1] != port
        t.acknowledge(1)
        t.acknowledge(1)
        assert t.receive() == (3, 2, content[512:1024])
        t.socket.sendto(b"garbage", t.server)
        t.socket.sendto(b"", t.server)
        t.acknowledge(1)
        t.acknowledge(2)
        assert t.receive() == (3, 3, content[1024:1536]), "an old acknowledgement repeats a block"


def test_tftp_repeats_a_block_into_silence(serve, tree):
    """And to nobody when the client has gone, whoever else acknowledges."""
    port, daemon = serve("tftp.py", tree, "1")
    content = (tree / "large.bin").read_bytes()
    with Transfer(port, read_request(b"/large.bin")) as t:
        for _ in range(2):
            assert t.receive() == (3, 1, content[:512])
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        stranger.sendto(struct.pack("!HH", 4, 1), t.server)
    wait_for_end(started_pid(daemon.wait_log("started pid")))


def test_tftp_text(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    (tree / "lines").write_bytes(b"x" * 511 + b"\ny\rz")
    with Transfer(port, read_request(b"lines", b"NetASCII")) as t:
        assert t.receive() == (3, 1, b"x" * 511 + b"\r")
        t.acknowledge(1)
        assert t.receive() == (3, 2, b"\ny\r\0z")
    (tree / "lines").write_bytes(b"\n" * 512)
    with Transfer(port, read_request(b"lines", b"netascii")) as t:
        for number, data in enumerate((b"\r\n" * 256, b"\r\n" * 256, b""), 1):
            assert t.receive() == (3, number, data)
            t.acknowledge(number)


def test_tftp_ignores_options_as_a_server_without_them_must(serve, tree):
    port, _ = serve("tftp.py", tree, "60")
    with Transfer(port, read_request(b"a.txt", b"octet", b"blksize", b"8", b"tsize")) as t:
        assert t.receive() == (3, 1, b"first\n.second\n")


@pytest.mark.parametrize("last", (0, 1))
def test_tftp_wraps_the_block_number(serve, tree, last):
    port, _ = serve("tftp.py", tree, "60")
    with (tree / "blocks").open("wb") as file:
        file.truncate(512 * (65535 + last) + 1)
    with Transfer(port, read_request(b"blocks")) as t:
        for number in range(1, 65537 + last):
            opcode, got, data = t.receive()
            assert (opcode, got) == (3, number % 65536)
            t.acknowledge(number % 65536)
        assert data == b"\0"


@pytest.mark.parametrize("request_, code", [
    (read_request(b"nothing"), 1), (read_request(b"a.txt/b"), 1), (read_request(b""), 2),
    (read_request(b"../secret.txt"), 2), (read_request(b"/../secret.txt"), 2),
    (read_request(b"sub/../../secret.txt"), 2), (read_request(b"out.txt"), 2),
    (read_request(b"out/secret.txt"), 2), (read_request(b"beside/secret.txt"), 2),
    (read_request(b"trap/index.html"), 2), (read_request(b"sub"), 2), (read_request(b"fifo"), 2),
    (read_request(b"x" * 600), 1), (b"\0\2a.txt\0octet\0", 2), (read_request(b"a.txt", b"mail"), 4),
    (b"\0\1", 4), (b"\0\1a.txt", 4), (b"\0\1a.txt\0", 4), (b"\0\1a.txt\0octet", 4),
    (b"\0\3\0\1data", 4), (b"\0\4\0\1", 4), (b"garbage", 4), (bytes(1000), 4), (b"\xff" * 5000, 4)])
def test_tftp_refuses(serve, tree, request_, code):
    port, _ = serve("tftp.py", tree, "60")
    with Transfer(port, request_) as t:
        opcode, got, text = t.receive()
        assert (opcode, got) == (5, code) and text.endswith(b"\0")
