"""The status page of the built-in metrics: as HTML, and as a browser without a network shows it."""

import base64
import contextlib
import hashlib
import html.parser
import json
import re
import signal
import socket
import struct
import subprocess
import threading
import zlib

import pytest

from harness import ENVIRONMENT, ME, PATIENCE, Daemon, ask, connect, free_port, inetctl
from openmetrics import fetch
from support import Namespace, assert_sleeps

VOID = {"meta", "link", "br"}


class Page(html.parser.HTMLParser):
    """Strict about nesting; knows the rows of the table by their first cell."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.links, self.title = [], [], {}, [], ""
        self.cells = None
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells = []
        if tag in ("td", "th") and self.cells is not None:
            self.cells.append("")

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "tr":
            self.rows[self.cells[0]] = self.cells[1:]
            self.cells = None

    def handle_data(self, data):
        if "title" in self.open and "svg" not in self.open:
            self.title += data
        elif "svg" not in self.open and self.cells:
            self.cells[-1] += data


def look(port, path="/"):
    """The headers and the text of a page."""
    answer, text = fetch(port, path)
    assert answer.status == 200
    return answer.headers, text


def metrics(port):
    return f"127.0.0.1:{port} stream tcp nowait {ME} internal metrics\n"


def test_the_page_and_its_headers(workdir, start):
    """Nothing is left to the names of services, and nothing belongs to it that is not in it."""
    port, echo, taken, full = (free_port() for _ in range(4))
    odd = workdir / "<img src=x>&'"
    conf = (metrics(port) + f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{full} stream tcp nowait/1 {ME} /bin/cat\n"
            f'"{odd}" stream unix nowait {ME} internal echo\n')
    settings = f'services = ({{ name = "{full}"; overflow = "refuse"; }});\n'
    with socket.create_server(("127.0.0.1", taken)), contextlib.ExitStack() as held:
        d = start(conf, settings, control=True)
        s = held.enter_context(connect(full))
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert ask(full) == b"" and ask(echo, b"hello") == b"hello"
        assert inetctl("-s", d.control, "pause", echo).returncode == 0
        headers, text = look(port)
    page = Page(text)
    assert headers["Content-Type"] == "text/html; charset=utf-8" and headers["Refresh"] is None
    assert headers["Cache-Control"] == "no-store" and headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    style = re.search("<style>(.*?)</style>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy and f"style-src 'sha256-{digest}'" in policy
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "form", "input"}, tags
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        for name in ("href", "src"):
            assert attributes.get(name, "?").startswith(("?", "data:,")), (tag, attributes)
    assert "url(" not in style and "@import" not in style
    assert page.title.endswith(": 5 services, 1 failed")
    rows = page.rows
    assert rows[f"{echo}/tcp"][:5] == [f"127.0.0.1:{echo}", "paused", "0 / 256", "1", "0"]
    assert re.fullmatch(r"\d+\xa0s ago", rows[f"{echo}/tcp"][5])
    assert rows[f"{full}/tcp"][2:5] == ["1 / 1", "1", "11 by instances"]
    assert rows[f"{taken}/tcp"][1].startswith("failed") and "in use" in rows[f"{taken}/tcp"][1]
    assert rows[f"{taken}/tcp"][5:] == ["never", "none"]
    assert f"{odd}/unix" in rows
    assert "<title>1 accepted, 1 refused in 10 minutes, at most 0.2 a second</title>" in text
    headers, text = fetch_after_start(metrics(port), port, "/?refresh=20")
    assert headers["Refresh"] == "20" and "Loaded again every 20 s" in text


def fetch_after_start(conf, port, path):
    with Daemon(conf):
        return look(port, path)


def load(port, name):
    """What the page says of a service in the last ten minutes."""
    _, text = look(port)
    row = text.partition(f'<th scope="row">{name}</th>')[2].partition("</tr>")[0]
    found = re.search(r"<title>(\d+) accepted, (\d+) refused", row)
    return (int(found[1]), int(found[2])) if found else None


def test_the_history_begins_with_the_service_and_goes_over_reloads_and_upgrades():
    port, echo = free_port(), free_port()
    conf = f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf) as d:
        assert ask(echo, b"x") == b"x"
        d.reload(conf + metrics(port))
        assert load(port, f"{echo}/tcp") is None
        assert ask(echo, b"x") == b"x" and ask(echo, b"x") == b"x"
        assert load(port, f"{echo}/tcp") == (2, 0)
        d.reload(conf.replace("nowait", "nowait/7") + metrics(port))
        assert ask(echo, b"x") == b"x"
        assert load(port, f"{echo}/tcp") == (3, 0)
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version")
        assert ask(echo, b"x") == b"x"
        assert load(port, f"{echo}/tcp") == (4, 0)
        d.reload(conf)
        d.reload(conf + metrics(port))
        assert load(port, f"{echo}/tcp") is None


def test_nothing_ticks():
    """Also where there is a history that grows older."""
    port = free_port()
    with Daemon(metrics(port)) as d:
        for _ in range(3):
            look(port)
        assert_sleeps(d.pid, 30)  # until the parser is ended, which nobody needs any more


def test_ten_thousand_services():
    port, mux = free_port(), free_port()
    conf = metrics(port) + f"127.0.0.1:{mux} stream tcp nowait {ME} internal tcpmux\n"
    conf += "".join(f"tcpmux/service-{i} stream tcp nowait {ME} /bin/cat\n" for i in range(10_000))
    with Daemon(conf):
        assert ask(mux, b"service-77\r\nx") == b"x"
        _, text = look(port)
        assert text.count("<tr>") == 10_003 and text.endswith("</html>\n")
        page = Page(text)
        assert page.rows["tcpmux/service-9999/tcp"][:2] == ["behind tcpmux", "muxed"]
        assert page.rows["tcpmux/service-77/tcp"][3] == "1"


class Browser:
    """A Chromium that has never run before, in a network of nobody but the daemon."""

    def __init__(self, namespace, directory):
        self.namespace, self.directory = namespace, directory
        self.runs = 0

    def run(self, url, *options, size=(1000, 800)):
        """Output, and what the page has asked for beside itself."""
        self.runs += 1
        profile = self.directory / f"profile-{self.runs}"
        log = self.directory / f"net-{self.runs}.json"
        done = subprocess.run(
            [*self.namespace.wrap, "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
             f"--user-data-dir={profile}", f"--log-net-log={log}",
             f"--window-size={size[0]},{size[1]}", *options, url],
            env={**ENVIRONMENT, "HOME": str(self.directory)}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=3 * PATIENCE)
        assert done.returncode == 0, done.stderr
        origin = url.partition("?")[0].rstrip("/")
        events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
        asked = {e["url"] for e in events if e.get("initiator") == origin and "url" in e}
        asked |= {e["url"] for e in events if e.get("url", "").startswith(origin)}
        return done.stdout, asked - {url}


def pixels(path, every=97):
    """Some of the pixels of an 8-bit PNG (ISO 15948), as (red, green, blue)."""
    data = path.read_bytes()
    width, height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    assert (depth, interlaced) == (8, 0) and kind in (2, 6)
    size = {2: 3, 6: 4}[kind]
    packed, at = b"", 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    raw, before, found = zlib.decompress(packed), bytearray(width * size), []
    for y in range(height):
        start = y * (width * size + 1)
        how, line = raw[start], bytearray(raw[start + 1:start + 1 + width * size])
        for x in range(len(line)) if how else ():
            left = line[x - size] if x >= size else 0
            up, corner = before[x], before[x - size] if x >= size else 0
            near = left + up - corner
            paeth = min((left, up, corner), key=lambda c: abs(near - c))
            line[x] = (line[x] + (0, left, up, (left + up) // 2, paeth)[how]) & 255
        found += [tuple(line[x:x + 3]) for x in range(y % every * size, len(line), every * size)]
        before = line
    return found


def brightness(found):
    return sum(map(sum, found)) / len(found) / 3


@contextlib.contextmanager
def http_server(namespace, body):
    """Answers every request with that page."""
    def answer():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    client.settimeout(PATIENCE)
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                                   b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(body), body))

    listener = namespace.run(socket.create_server, ("127.0.0.1", 0))
    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


@pytest.mark.root
@pytest.mark.needs("chromium")
def test_in_a_browser(workdir):
    """It has all services, asks for nothing else, and follows the reader's taste."""
    port, echo, taken = 8080, 8081, 8082
    conf = (metrics(port) + f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} internal echo\n")
    url = f"http://127.0.0.1:{port}/"
    with contextlib.closing(Namespace()) as namespace:
        blocker = namespace.run(socket.create_server, ("127.0.0.1", taken))
        browser = Browser(namespace, workdir)
        with blocker, Daemon(conf, wrap=namespace.wrap):
            for _ in range(20):
                assert namespace.run(ask, echo, b"x") == b"x"
            dom, asked = browser.run(url, "--dump-dom")
            assert asked == set()
            rows = Page(dom).rows
            assert rows[f"{echo}/tcp"][1] == "listening" and rows[f"{echo}/tcp"][3] == "20"
            assert rows[f"{taken}/tcp"][1].startswith("failed")
            assert "<script" not in dom and dom.count("<svg") == 3
            shots = {}
            for name, scheme in (("dark", 0), ("light", 1)):
                path = workdir / f"{name}.png"
                _, asked = browser.run(url, f"--blink-settings=preferredColorScheme={scheme}",
                                       f"--screenshot={path}", size=(500, 900))
                assert asked == set()
                shots[name] = pixels(path)
                assert len(set(shots[name])) > 20, "it is not blank"
        assert brightness(shots["dark"]) < 80 and brightness(shots["light"]) > 200
        # That one sees it if a page asks for more.
        with http_server(namespace, b"<!DOCTYPE html><img src=/more>") as other:
            _, asked = browser.run(f"http://127.0.0.1:{other}/", "--dump-dom")
            assert f"http://127.0.0.1:{other}/more" in asked
