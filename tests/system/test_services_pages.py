"""The servers of services/ that hand out pages: of the web, of gopher and of finger."""

import contextlib
import os
import select
import subprocess

import pytest

from harness import PATIENCE, ask, connect
from served import (MEGABYTES, USER, files, libexec, needs_mounts, pour, serve, silence, tree,
                    vanish)


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
