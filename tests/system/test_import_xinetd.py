"""What inetctl imports from xinetd answers as it did under xinetd, which runs too."""

import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import PATIENCE, Daemon, ask, connect, read_all, run_inetd, udp
from imports import check, imported, is_refused, xinetd_services
from support import has_nothing, script, wait_until

pytestmark = pytest.mark.root


class Xinetd:
    """The real one, in the foreground."""

    def __init__(self, conf, wrap=()):
        directory = conf.parent
        self.process = subprocess.Popen(
            [*wrap, "/usr/sbin/xinetd", "-dontfork", "-f", str(conf), "-filelog",
             str(directory / "xinetd.log"), "-pidfile", str(directory / "xinetd.pid")],
            cwd="/", stdin=subprocess.DEVNULL, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XIMPORT": "passed"})
        self.log = directory / "xinetd.log"
        wait_until(self._has_started, "xinetd has started")

    def _has_started(self):
        assert self.process.poll() is None, "xinetd has ended"
        return self.log.exists() and "Started working" in self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


needs_xinetd = pytest.mark.needs("xinetd")


@needs_xinetd
def test_debians_own_files(workdir):
    """As the package ships them, where every service is switched off; and with all switched on."""
    conf, cfg, said = imported("xinetd", workdir / "off")
    check(conf, cfg)
    assert "servers: type: no counterpart" in said and "services: type: no counterpart" in said
    assert not [line for line in said.splitlines() if "error" in line], said
    dump = run_inetd("--dump", "--settings", cfg, conf).stdout
    assert dump.count("enabled = false;") == 10  # five built-in services, for TCP and UDP
    assert "enabled = true;" not in dump

    on = workdir / "xinetd.d"
    on.mkdir()
    for path in pathlib.Path("/etc/xinetd.d").iterdir():
        if not path.name.endswith("-udp"):  # these say the same again
            text = re.sub(r"disable\s*=\s*yes", "disable = no", path.read_text())
            (on / path.name).write_text(text)
    conf, cfg, _ = imported("xinetd", workdir / "on", on)
    check(conf, cfg)
    dump = run_inetd("--dump", "--settings", cfg, conf).stdout
    assert dump.count("enabled = true;") == 10


def ends_second(port):
    """Whether a client is sent away while another one has its session."""
    with connect(port) as first:
        first.sendall(b"x\n")
        assert first.recv(10) == b"x\n"
        with connect(port) as second:
            try:
                return second.recv(10) == b""
            except ConnectionResetError:
                return True


def talk(port, data, size):
    """The answer to a client that keeps both directions open: xinetd's relay ends with either."""
    with connect(port) as s:
        s.sendall(data)
        got = b""
        while len(got) < size and (part := s.recv(size - len(got))):
            got += part
        return got


def answers():
    """All that a client sees, but for the time of day."""
    datagram = udp(7)
    datagram.send(b"datagram")
    seen = {
        "echo": ask(7, b"hello\n"),
        "echo, IPv6": ask(7, b"hello\n", host="::1"),
        "echo, UDP": datagram.recv(100),
        "daytime": bool(re.search(rb"\d\d:\d\d:\d\d", ask(13))),  # RFC 867 leaves the form open
        "cat": ask(7001, b"a\nb\n"),
        "show": ask(7002),
        "relay": talk(7003, b"c\nd\n", 20),
        "per source": ends_second(7004),
        "bound": ask(7005, host="127.0.0.2"),
        "not bound": is_refused(7005),
        "off": is_refused(7006),
    }
    datagram.close()
    return seen


@needs_xinetd
def test_answers_as_under_xinetd(workdir, namespace):
    source = xinetd_services(workdir, "xinetd.conf")
    with Xinetd(source, namespace.wrap):
        before = namespace.run(answers)
    assert before["cat"] == b"     1\ta$\n     2\tb$\n" and before["per source"] is True
    assert before["relay"] == before["cat"].replace(b"a", b"c").replace(b"b", b"d")
    assert b'four", ' not in before["show"] and b"#four" in before["show"] and b"hello" in before["show"]
    conf, cfg, _ = imported("xinetd", workdir / "out", source)
    check(conf, cfg)
    with Daemon(conf.read_text(), "--settings", cfg, wrap=namespace.wrap, env={"XIMPORT": "passed"}):
        after = namespace.run(answers)
    assert after == before


def service(name, port, *attributes):
    lines = ["type = UNLISTED", "socket_type = stream", "protocol = tcp", "wait = no", f"port = {port}",
             "user = nobody", "server = /bin/cat", *attributes]
    return f"service {name}\n{{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def after_import(workdir, namespace, text, see):
    """What `see` sees under xinetd, and under inetd with what is imported."""
    source = workdir / "xinetd.conf"
    source.write_text(text)
    with Xinetd(source, namespace.wrap):
        before = namespace.run(see)
    conf, cfg, _ = imported("xinetd", workdir / "out", source)
    check(conf, cfg)
    with Daemon(conf.read_text(), "--settings", cfg, wrap=namespace.wrap):
        return before, namespace.run(see)


@pytest.fixture
def banners(workdir):
    for name in ("all", "yes", "no"):
        (workdir / name).write_text(f"banner {name}\n")
    return [f"banner = {workdir}/all", f"banner_success = {workdir}/yes", f"banner_fail = {workdir}/no"]


@needs_xinetd
def test_banners_as_under_xinetd(workdir, namespace, banners):
    text = ("defaults\n{\n    log_on_success = HOST PID EXIT DURATION\n    log_on_failure = HOST\n}\n" +
            service("all", 7010, *banners, "log_on_failure += ATTEMPT") +
            service("full", 7011, banners[2], "per_source = 1", "instances = 5"))

    def see():
        with connect(7011) as first:
            first.sendall(b"x")
            assert first.recv(1) == b"x"
            with connect(7011) as second:
                return ask(7010, b"hello\n"), read_all(second)

    before, after = after_import(workdir, namespace, text, see)
    assert before == after == (b"banner all\nbanner yes\nhello\n", b"banner no\n")


@needs_xinetd
def test_lists_as_under_xinetd(workdir, namespace, banners):
    text = ("defaults\n{\n    max_load = 10000\n    only_from = 127.0.0.0\n}\n" +
            service("open", 7010, "access_times = 0:00-23:59") +
            service("closed", 7011, banners[2], "no_access = 127.0.0.{1,3}") +
            service("other", 7012, "only_from = 192.0.2.0 2001:db8::/32", "only_from += .example.org") +
            service("nobody", 7013, "only_from =") +
            service("net", 7014, "only_from -= 127.0.0.0", "only_from += 127.0.0.2/31"))

    def see():
        seen = {}
        for port in range(7010, 7015):
            for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                with socket.socket() as s:
                    s.settimeout(PATIENCE)
                    s.bind((host, 0))
                    s.connect(("127.0.0.1", port))
                    try:
                        s.sendall(b"hello\n")
                        seen[port, host] = s.recv(100)
                    except OSError:
                        seen[port, host] = b""
        return seen

    before, after = after_import(workdir, namespace, text, see)
    assert before == after
    assert [port for (port, host), answer in before.items() if answer == b"hello\n"] == [
        7010, 7010, 7010, 7011, 7014, 7014]
    assert before[7011, "127.0.0.1"] == b"banner no\n"


@needs_xinetd
def test_lists_of_datagrams_as_under_xinetd(workdir, namespace):
    """A server that waits is started for those who may come. (xinetd throws away what they have sent
    behind one who may not, so they ask again.)"""
    answer = script(workdir / "answer", "import socket\ns = socket.socket(fileno=0)\n"
                    "text, sender = s.recvfrom(99)\ns.sendto(text, sender)\n")
    text = service("waits", 7010, "only_from = 127.0.0.2")
    for was, now in (("= stream", "= dgram"), ("= tcp", "= udp"), ("= no\n", "= yes\n"), ("/bin/cat", str(answer))):
        assert was in text
        text = text.replace(was, now)

    def see():
        with udp(7010) as refused, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as admitted:
            admitted.bind(("127.0.0.2", 0))
            admitted.connect(("127.0.0.1", 7010))
            admitted.settimeout(0.5)
            refused.send(b"refused")

            def is_answered():
                admitted.send(b"admitted")
                try:
                    return admitted.recv(99) == b"admitted"
                except TimeoutError:
                    return False
            wait_until(is_answered, "who may come is answered")
            return has_nothing(refused)

    assert after_import(workdir, namespace, text, see) == (True, True)


@needs_xinetd
def test_xinetds_sample(workdir):
    """Every kind of attribute, by people who knew them all; the programs are of another system."""
    sample = pathlib.Path("/usr/share/doc/xinetd/examples/sample.conf.gz")
    if not sample.exists():
        pytest.skip("the package's documents are not installed")
    source = workdir / "sample.conf"
    source.write_bytes(subprocess.run(["gzip", "-cd", sample], check=True, capture_output=True).stdout)
    conf, cfg, said = imported("xinetd", workdir / "out", source, expect=78)
    for wanted in (":30: login: log_type: no counterpart", ":40: shell: flags: no counterpart: IDONLY",
                   ":278: rstatd: type: no counterpart", ":126: name: error: services(5)"):
        assert wanted in said
    text = cfg.read_text()
    assert 'access_times = ["2:00-8:59", "12:00-23:59"];' in text
    assert 'only_from = ["128.138.209.0/24"];' in text
