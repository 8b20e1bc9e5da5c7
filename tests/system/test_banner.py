"""What clients are told: banner, banner_success and banner_fail."""

import os
import socket

import pytest

from harness import ME, PATIENCE, ask, connect, free_port, read_all, run_inetd
from support import descriptors, wait_until
from test_proxy import LINE
from one_service import CAT, line, reload, talk

LONGEST = 16384


@pytest.fixture
def text(workdir):
    """text(name, content) -> the path of a file."""
    def write(name, content):
        path = workdir / name
        path.write_bytes(content)
        return path
    return write


@pytest.fixture
def all_three(text):
    return "".join(f'{key} = "{text(key, words)}"; ' for key, words in (
        ("banner", b"hello\r\n"), ("banner_success", b"welcome\r\n"), ("banner_fail", b"busy\r\n")))


def entry(port, settings):
    return f'services = ( {{ name = "{port}"; {settings} }} );'


@pytest.mark.parametrize("program", (CAT, "internal echo"))
def test_the_admitted_and_the_refused(start, all_three, program):
    port = free_port()
    d = start(line(port, program),
              entry(port, f'instances = 1; overflow = "refuse"; {all_three}'))
    with connect(port) as one:
        one.sendall(b"x")
        assert one.makefile("rb").read(17) == b"hello\r\nwelcome\r\nx"
        with connect(port) as two:
            two.sendall(b"something")
            assert read_all(two) == b"hello\r\nbusy\r\n"
        d.wait_log(f"{port}: refused 127.0.0.1: too many instances")


@pytest.mark.parametrize("limit", ("per_source = 1;", 'rate_per_source = "1/h";',
                                   'rate = "1/h"; overflow = "refuse";'))
def test_whatever_refuses(start, all_three, limit):
    port = free_port()
    start(line(port, CAT), entry(port, limit + all_three))
    with connect(port) as one:
        assert one.makefile("rb").read(16) == b"hello\r\nwelcome\r\n"
        with connect(port) as two:
            assert read_all(two) == b"hello\r\nbusy\r\n"


@pytest.mark.parametrize("rule", (
    'only_from = ["192.0.2.0/24"];', 'no_access = ["127.0.0.1"];', "max_load = 0.0000001;",
    # Looked up by another process: the client is told when the answer is there.
    'no_access = ["*"]; only_from = ["nobody.invalid"];'))
def test_whom_a_rule_keeps_out(start, all_three, rule):
    port = free_port()
    start(line(port, CAT), entry(port, rule + all_three))
    with connect(port) as one:
        one.sendall(b"something")
        assert read_all(one) == b"hello\r\nbusy\r\n"


def test_who_is_looked_up_and_admitted(start, all_three):
    port = free_port()
    name = socket.gethostbyaddr("127.0.0.1")[0]
    start(line(port, CAT), entry(port, f'only_from = ["{name}"];' + all_three))
    with connect(port) as one:
        one.sendall(b"x")
        assert one.makefile("rb").read(17) == b"hello\r\nwelcome\r\nx"


def test_each_alone(start, text):
    port = free_port()
    d = start(line(port, CAT), entry(port, f'per_source = 1; banner = "{text("a", b"A")}";'))
    for key, admitted, refused in (("banner", b"A", b"A"), ("banner_success", b"A", b""),
                                   ("banner_fail", b"", b"A")):
        reload(d, entry(port, f'per_source = 1; {key} = "{text("a", b"A")}";'), "reload: ")
        with connect(port) as one:
            one.sendall(b"x")
            one.settimeout(PATIENCE)
            assert one.makefile("rb").read(len(admitted) + 1) == admitted + b"x"
            with connect(port) as two:
                assert read_all(two) == refused
        d.wait_log("ended: exit 0")


def test_a_refused_client_that_talks_gets_all_of_it(start, text):
    """A reset in answer to what it sends would make its kernel drop the text."""
    port = free_port()
    words = os.urandom(LONGEST)
    d = start(line(port, CAT), entry(port, f'per_source = 1; banner_fail = "{text("f", words)}";'))
    with connect(port) as one:
        assert talk(one) == b"hello"
        with connect(port) as two:
            two.sendall(b"x" * 10000)
            d.wait_log("refused 127.0.0.1")
            two.sendall(b"y" * 10000)
            assert read_all(two) == words


def test_a_sensor_says_it_too(start, all_three):
    port = free_port()
    start(line(port, "internal discard"), entry(port, f"sensor = 10; {all_three}"))
    assert ask(port, b"let me in") == b"hello\r\nbusy\r\n"


def test_unix_and_seqpacket(start, all_three, workdir):
    path = workdir / "x.sock"
    start(f"{path} seqpacket unix nowait root {CAT}\n",
          entry(path, f'instances = 1; overflow = "refuse"; {all_three}'))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one, \
         socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as two:
        one.connect(str(path))
        assert [one.recv(100), one.recv(100)] == [b"hello\r\n", b"welcome\r\n"]
        two.connect(str(path))
        assert [two.recv(100), two.recv(100), two.recv(100)] == [b"hello\r\n", b"busy\r\n", b""]


def test_after_the_header_of_the_balancer(start, all_three):
    port = free_port()
    proxied = 'proxy_protocol = true; proxy_from = ["127.0.0.1"]; per_source = 1;'
    d = start(line(port, CAT), entry(port, f"{proxied} {all_three}"))
    with connect(port) as one:
        one.sendall(LINE + b"x")
        assert one.makefile("rb").read(17) == b"hello\r\nwelcome\r\nx"
        with connect(port) as two:
            two.sendall(LINE + b"x")
            assert read_all(two) == b"hello\r\nbusy\r\n"
    reload(d, entry(port, f'proxy_protocol = true; proxy_from = ["192.0.2.1"]; {all_three}'))
    with connect(port) as stranger:
        assert read_all(stranger) == b"busy\r\n"


def test_the_file_is_read_when_the_configuration_is(start, text):
    port = free_port()
    path = text("a", b"one")
    settings = entry(port, f'banner = "{path}";')
    d = start(line(port, CAT), settings)
    text("a", b"two")
    assert ask(port) == b"one"
    reload(d, settings)
    assert ask(port) == b"two"
    path.unlink()
    assert ask(port) == b"two"
    d.reload(expect="reload refused: 1 error")
    d.wait_log(rf"inetd.cfg:1: error: 'banner': cannot read {path}: No such file or directory")
    assert ask(port) == b"two"
    reload(d, entry(port, 'banner = "";'))
    assert ask(port, b"x") == b"x"


def test_what_cannot_be_said(workdir, text):
    settings = workdir / "cfg"
    conf = workdir / "conf"
    conf.write_text(line(free_port(), CAT))
    fits, large = text("fits", b"x" * LONGEST), text("large", b"x" * (LONGEST + 1))
    for value, expected in ((fits, ""), (large, f"cannot read {large}: File too large"),
                            ("relative", "'banner' takes the absolute path of a file"),
                            ("/dev/zero", "not a regular file"), (workdir, "Is a directory")):
        settings.write_text(f'\ndefaults = {{ banner = "{value}"; }};')
        done = run_inetd("--check", "--settings", settings, conf)
        assert (done.returncode == 0) == (expected == "")
        assert expected in done.stderr
        if expected:
            assert f"{settings}:2: error: 'banner'" in done.stderr
    assert "at most 16384 bytes" not in done.stderr


@pytest.mark.parametrize("conf, why", (
    ("stream tcp4 wait", "is 'wait'"), ("dgram udp4 nowait", "has no connections")))
def test_who_has_no_banner(workdir, text, conf, why):
    settings, path = workdir / "cfg", workdir / "conf"
    port = free_port()
    path.write_text(f"127.0.0.1:{port} {conf} {ME} {CAT}\n")
    settings.write_text(entry(port, f'banner_fail = "{text("a", b"x")}";'))
    done = run_inetd("--check", "--settings", settings, path)
    assert f"'banner_fail' has no effect on {port}" in done.stderr and why in done.stderr


def test_thousands_of_refusals_hold_little(start, text):
    port = free_port()
    d = start(line(port, CAT), entry(port, f'per_source = 1; banner_fail = "{text("f", b"no")}";'))
    with connect(port) as one:
        assert talk(one) == b"hello"
        before = descriptors(d.pid)
        held = [connect(port) for _ in range(400)]
        # Those who do not close: each is told, and 256 are listened to for a while.
        for s in held:
            assert s.recv(10) == b"no"
            assert descriptors(d.pid) <= before + 256 + 2
        for s in held:
            s.close()
        for _ in range(3000):
            with connect(port) as s:
                assert s.recv(10) == b"no"
        wait_until(lambda: descriptors(d.pid) == before, "all of them are closed")
        assert talk(one) == b"hello"
