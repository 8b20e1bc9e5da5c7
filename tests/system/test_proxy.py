"""The PROXY protocol: balancers say who their clients are."""

import contextlib
import socket
import struct
import subprocess

import pytest

import support
from harness import ME, PATIENCE, Daemon, connect, free_port, read_all, run_inetd
from support import has_nothing, script, wait_until

LINE = b"PROXY TCP4 192.0.2.7 198.51.100.2 4711 80\r\n"
WHO = """
import os, sys
sys.stdout.write(" ".join(os.environ.get(name, "-") for name in (
    "REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT", "TCPREMOTEIP")) + "\\n")
sys.stdout.flush()
sys.stdout.buffer.write(sys.stdin.buffer.read())
"""


def binary(source, destination, command=0x21, family=0x11, more=b""):
    kind = socket.AF_INET if family == 0x11 else socket.AF_INET6
    body = b"".join(socket.inet_pton(kind, host) for host, _ in (source, destination))
    body += struct.pack("!HH", source[1], destination[1]) + more
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes((command, family)) + struct.pack("!H", len(body)) + body


@pytest.fixture
def start(workdir):
    """start(program) -> (daemon, port); settings as the members of the service's entry."""
    with contextlib.ExitStack() as stack:
        def run(program=None, settings="", options=(), balancers='["127.0.0.1"]', more=""):
            port = free_port()
            program = program or script(workdir / "who", WHO)
            path = workdir / f"{port}.cfg"
            path.write_text(f'services = ( {{ name = "{port}"; proxy_protocol = true; '
                            f'proxy_from = {balancers}; {settings} }} );\n')
            conf = f"127.0.0.1:{port} stream tcp4 nowait {ME} {program}\n{more}"
            daemon = stack.enter_context(Daemon(conf, "--settings", path, "-l", *options))
            return daemon, port
        yield run


def visit(port, data):
    return support.visit(("127.0.0.1", port), text=data)


def test_a_program_sees_the_client_and_not_the_balancer(start):
    d, port = start()
    expected = b"192.0.2.7 4711 198.51.100.2 80 192.0.2.7\nhello"
    assert visit(port, LINE + b"hello") == expected
    d.wait_log(rf"{port}: 192\.0\.2\.7:4711: started pid")
    header = binary(("192.0.2.7", 4711), ("198.51.100.2", 80), more=b"\x04\0\x64" + b"x" * 100)
    assert visit(port, header + b"hello") == expected
    six = binary(("2001:db8::7", 4711), ("2001:db8::1", 80), family=0x21)
    assert visit(port, six) == b"2001:db8::7 4711 2001:db8::1 80 2001:db8::7\n"
    assert visit(port, LINE + LINE).endswith(b"\n" + LINE)


def test_a_balancer_that_speaks_for_itself(start):
    _, port = start()
    for header in (b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"):
        assert visit(port, header).startswith(b"127.0.0.1 ")


def test_built_ins_see_the_client(start):
    d, port = start("internal echo")
    assert visit(port, LINE + b"hello") == b"hello"
    d.wait_log(rf"{port}: 192\.0\.2\.7:4711: session ended: 5 bytes in, 5 out")
    with socket.create_server(("127.0.0.1", 0)) as target:
        d, port = start(f"internal redirect 127.0.0.1:{target.getsockname()[1]}")
        with connect(port) as s:
            s.sendall(LINE + b"relayed")
            with target.accept()[0] as server:
                assert server.recv(100) == b"relayed"
        d.wait_log(rf"{port}: 192\.0\.2\.7:4711: session ended: 7 bytes in")


def test_others_than_the_balancers_are_refused(start):
    d, port = start(balancers='["192.0.2.0/24", "2001:db8::1"]')
    assert visit(port, LINE + b"hello") == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: not one of its balancers")
    d, port = start(balancers='["192.0.2.0/24", "127.0.0.0/8"]')
    assert visit(port, LINE + b"hello").endswith(b"hello")


def test_limits_are_those_of_the_client(start):
    d, port = start("/bin/cat", "per_source = 1;")
    other = LINE.replace(b"192.0.2.7", b"192.0.2.8")
    with connect(port) as first, connect(port) as second:
        first.sendall(LINE + b"one")
        assert first.recv(10) == b"one"
        assert visit(port, LINE + b"two") == b""
        d.wait_log(r"refused 192\.0\.2\.7: too many instances for this address")
        second.sendall(other + b"three")
        assert second.recv(10) == b"three"


def test_a_place_is_kept_while_the_header_comes(start):
    """Or else more would be let in than there may be."""
    _, port = start("/bin/cat", "instances = 1;")
    with connect(port) as slow, connect(port) as quick:
        slow.sendall(LINE[:10])
        quick.sendall(LINE + b"quick")
        slow.sendall(LINE[10:] + b"slow")
        assert slow.recv(10) == b"slow"
        assert has_nothing(quick)
        slow.shutdown(socket.SHUT_WR)
        assert read_all(slow) == b""
        assert quick.recv(10) == b"quick"


def test_a_reload_while_the_header_comes(start, workdir):
    """The server has a socket that blocks, though a built-in was to have it when it was accepted."""
    # With a program from the first: the rights that one takes would else be fetched by an exec,
    # which waits for who is not known yet.
    d, port = start("internal echo",
                    more=f"127.0.0.1:{free_port()} stream tcp nowait {ME} /bin/cat cat\n")
    mode = script(workdir / "mode", "import os\nprint(os.get_blocking(0))\n")
    with connect(port) as program, connect(port) as builtin:
        program.sendall(LINE[:10])
        builtin.sendall(LINE[:10])
        conf = d.conf.read_text()
        d.reload(conf.replace("internal echo", str(mode)))
        program.sendall(LINE[10:])
        assert read_all(program) == b"True\n"
        d.reload(conf)
        builtin.sendall(LINE[10:] + b"x")
        assert builtin.recv(10) == b"x"


@pytest.mark.parametrize("data", (
    b"GET / HTTP/1.0\r\n\r\n", b"PROXY UNKNOWN " + b"x" * 1_000_000,
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff" + b"x" * 65535,
    b"PROXY TCP4 192.0.2.7 198.51.100.2 4711 80 81\r\n"))
def test_what_is_no_header_is_closed(start, data):
    d, port = start()
    assert visit(port, data) == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: what it sent is no PROXY header")
    assert visit(port, LINE + b"x").endswith(b"x")


def test_a_header_has_to_come_in_time(start):
    d, port = start()
    with connect(port) as s:
        s.sendall(LINE[:20])
        assert read_all(s) == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: no PROXY header in time")


def test_a_check_of_the_balancer_starts_nothing(start):
    d, port = start()
    for _ in range(5):
        connect(port).close()
    assert visit(port, LINE + b"x").endswith(b"x")
    d.wait_log("started pid")
    assert len(d.lines_like("started pid")) == 1


def test_without_balancers_it_is_refused_at_load(workdir):
    port = free_port()
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text(f"{port} stream tcp nowait {ME} internal echo\n")
    settings.write_text(f'services = ( {{ name = "{port}"; proxy_protocol = true; }} );\n')
    done = run_inetd("--check", "--settings", settings, conf)
    assert "'proxy_protocol' without 'proxy_from'" in done.stdout + done.stderr
    assert done.returncode != 0


HAPROXY = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind 127.0.0.1:{front}
  server inetd 127.0.0.1:{port} {how}{check}
"""


@pytest.mark.needs("haproxy")
@pytest.mark.parametrize("how", ("send-proxy", "send-proxy-v2"))
@pytest.mark.parametrize("check", ("", " check inter 50ms"))
def test_behind_haproxy(start, workdir, how, check):
    d, port = start()
    front = free_port()
    config = workdir / "haproxy.cfg"
    config.write_text(HAPROXY.format(front=front, port=port, how=how, check=check))
    process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        def answer():
            try:
                with socket.create_connection(("127.0.0.1", front), timeout=PATIENCE,
                                              source_address=("127.0.0.9", 0)) as s:
                    s.sendall(b"hello")
                    s.shutdown(socket.SHUT_WR)
                    return read_all(s), s.getsockname()[1]
            except OSError:
                return None
        said, own_port = wait_until(answer, "haproxy serves")
        assert said == f"127.0.0.9 {own_port} 127.0.0.1 {front} 127.0.0.9\nhello".encode()
        assert not d.lines_like("no PROXY header")
    finally:
        process.terminate()
        process.wait(PATIENCE)
