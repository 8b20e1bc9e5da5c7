"""The built-in metrics: HTTP as clients of all kinds speak it."""

import http.client
import signal
import socket
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, ME, PATIENCE, Daemon, ask, connect, free_port, read_all
from openmetrics import OPEN, fetch


def conf(port, address="127.0.0.1", protocol="tcp4"):
    return f"{address}:{port} stream {protocol} nowait {ME} internal metrics\n"


def test_what_a_client_of_http_finds():
    port = free_port()
    with Daemon(conf(port)):
        answer, text = fetch(port)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == f"{OPEN}; version=1.0.0; charset=utf-8"
        assert text.endswith("# EOF\n")
        assert (f'inetd_service_accepted_total{{service="{port}",protocol="tcp4",'
                f'address="127.0.0.1:{port}"}} 1\n') in text
        answer, text = fetch(port, accept="*/*")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "# EOF" not in text
        answer, text = fetch(port, method="HEAD")
        assert answer.status == 200 and text == "" and int(answer.headers["Content-Length"]) > 1000
        assert fetch(port, "/nothing")[0].status == 404
        assert fetch(port, method="DELETE")[0].status == 405


def test_one_connection_serves_many_requests():
    port = free_port()
    with Daemon(conf(port)) as d:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        client.connect()
        used = client.sock
        for path, status in (("/metrics", 200), ("/x", 404), ("/metrics?a=b", 200)):
            client.request("GET", path)
            answer = client.getresponse()
            answer.read()
            assert answer.status == status and client.sock is used
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version")
        # It was idle, so nobody waited for it.
        assert used.recv(1) == b""
        client.close()
        assert fetch(port)[0].status == 200


@pytest.mark.parametrize("request_text, status", (
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\n", 400),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
    (b"GET /" + 20000 * b"a", 414),
    (b"GET / HTTP/1.1\r\nX: " + 20000 * b"a", 431),
))
def test_requests_after_which_the_connection_ends(request_text, status):
    port = free_port()
    with Daemon(conf(port)):
        with connect(port) as s:
            s.sendall(request_text)
            said = read_all(s).decode()
        assert said.startswith(f"HTTP/1.1 {status} ") and "\r\nConnection: close\r\n" in said


def test_ten_megabytes_of_header_are_not_read():
    port = free_port()
    with Daemon(conf(port)), connect(port) as s:
        sent = 0
        with pytest.raises(OSError):
            s.sendall(b"GET / HTTP/1.1\r\n")
            while sent < 10_000_000:
                sent += s.send(b"X: " + 60_000 * b"a")
            s.sendall(b"\r\n")
            raise AssertionError("all of it was taken")
        assert fetch(port)[0].status == 200


def test_pipelined_requests_are_answered_in_order():
    port = free_port()
    with Daemon(conf(port)):
        many = b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(3))
        said = ask(port, many + b"GET /metrics HTTP/1.0\r\n\r\n").decode()
        assert said.count("HTTP/1.1 404 ") == 3
        assert said.count("HTTP/1.1 200 ") == 1
        assert said.rindex("HTTP/1.1 404 ") < said.index("HTTP/1.1 200 ")


def test_slow_and_silent_clients_hold_up_nobody(workdir):
    port = free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text(f'services = ( {{ name = "{port}"; instances = 60; '
                        'idle_timeout = "1s"; } );\n')
    with Daemon(conf(port), "--settings", settings) as d:
        slow = [connect(port) for _ in range(50)]
        for i, s in enumerate(slow):
            if i % 2:
                s.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        assert fetch(port)[0].status == 200
        for s in slow:
            assert read_all(s) == b""
            s.close()
        assert fetch(port)[0].status == 200
        assert not d.lines_like("error")


def test_over_a_unix_socket_and_ipv6(workdir):
    port, path = free_port(), workdir / "metrics.sock"
    lines = f"{path} stream unix nowait {ME} internal metrics\n" + conf(port, "[::1]", "tcp6")
    with Daemon(lines):
        request = b"GET /metrics HTTP/1.0\r\n\r\n"
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(request)
            assert read_all(s).startswith(b"HTTP/1.1 200 ")
        assert ask(port, request, "::1").startswith(b"HTTP/1.1 200 ")


def test_who_may_ask_is_said_as_for_any_service(workdir):
    port = free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text(f'services = ( {{ name = "{port}"; '
                        'only_from = ["192.0.2.1"]; } );\n')
    with Daemon(conf(port), "--settings", settings):
        with pytest.raises((OSError, http.client.HTTPException)):
            fetch(port)


def test_a_drain_does_not_wait_for_idle_connections():
    port = free_port()
    with Daemon(conf(port), control=True) as d, connect(port) as idle, connect(port) as busy:
        idle.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"keep-alive" in idle.recv(10000)
        busy.sendall(b"GET /x HTTP/1.1\r\n")
        draining = subprocess.Popen([BUILD / "inetctl", "-s", d.control, "drain"], env=ENVIRONMENT,
                                    stdout=subprocess.PIPE)
        assert idle.recv(1) == b""
        busy.sendall(b"Host: x\r\n\r\n")
        assert b"Connection: close" in read_all(busy)
        assert draining.wait(PATIENCE) == 0
        draining.stdout.close()
