"""What inetctl imports answers as it did under the program that it came from, which runs too."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import (BUILD, PATIENCE, Daemon, ask, connect, free_port, read_all, run_inetd,
                     udp)
from support import has_nothing, script, wait_until

pytestmark = pytest.mark.root
INETCTL = BUILD / "inetctl"
UNITS = pathlib.Path("/lib/systemd/system")


def inetctl(*arguments, expect=0):
    done = subprocess.run([str(INETCTL), *map(str, arguments)], text=True, cwd="/", timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def imported(kind, directory, *sources, expect=0):
    """The files that an import writes; and what it lists."""
    directory.mkdir()
    done = inetctl("import", kind, "--output", directory, *sources, expect=expect)
    assert done.stdout == ""
    return directory / "inetd.conf", directory / "inetd.cfg", done.stderr


def check(conf, cfg):
    done = run_inetd("--check", "--settings", cfg, conf)
    assert done.returncode == 0 and " 0 errors" in done.stdout, done.stdout + done.stderr
    return done


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


def xinetd_services(directory, name, user="root"):
    """A configuration with a bit of everything that answers at once."""
    shown = script(directory / "show", """import os, sys
print(sys.argv[1:], os.environ.get("GREETING"), os.environ.get("XIMPORT"), os.getuid(), os.getgid(),
      set(os.getgroups()) - {os.getgid()}, oct(os.umask(0)), os.nice(0))
""")
    (directory / "banner").write_text("hello, this is a banner\n")
    conf = directory / name
    conf.write_text(f"""
defaults
{{
    passenv = XIMPORT
}}

service echo
{{
    type = INTERNAL
    id = echo-stream
    socket_type = stream
    wait = no
    port = 7
}}
service echo
{{
    type = INTERNAL
    id = echo-dgram
    socket_type = dgram
    wait = yes
}}
service daytime
{{
    type = INTERNAL
    socket_type = stream
    wait = no
}}
service cat
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7001
    user = nobody
    server = /bin/cat
    server_args = -E -n
    flags = NODELAY KEEPALIVE
}}
service show
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7002
    user = {user}
    group = daemon
    server = {shown}
    server_args = one 'two three' #four \\five "$six" %i
    env = GREETING=hello
    umask = 077
    nice = 3
}}
service relay
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7003
    user = nobody
    redirect = 127.0.0.1 7001
}}
service one
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7004
    user = nobody
    server = /bin/cat
    per_source = 1
    instances = 10
}}
service bound
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7005
    bind = 127.0.0.2
    user = nobody
    server = /bin/hostname
}}
service off
{{
    disable = yes
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7006
    user = nobody
    server = /bin/cat
}}
""")
    return conf


def is_refused(port, host="127.0.0.1"):
    """Whether nobody listens."""
    try:
        connect(port, host).close()
    except ConnectionRefusedError:
        return True
    return False


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


def test_nothing_is_overwritten(workdir):
    conf, _, _ = imported("xinetd", workdir / "out", xinetd_services(workdir, "x"))
    before = conf.read_text()
    conf.write_text("mine\n")
    done = inetctl("import", "xinetd", "--output", workdir / "out", workdir / "x", expect=1)
    assert "File exists" in done.stderr and conf.read_text() == "mine\n"
    inetctl("import", "xinetd", "--force", "--output", workdir / "out", workdir / "x")
    assert conf.read_text() == before
    both = inetctl("import", "xinetd", workdir / "x").stdout
    assert both.startswith("##### inetd.conf #####\n") and "\n##### inetd.cfg #####\n" in both
    only = inetctl("import", "xinetd", "--conf", workdir / "c", workdir / "x").stdout
    assert only.startswith("##### inetd.cfg") and (workdir / "c").read_text() == before
    assert "No such file" in inetctl("import", "xinetd", workdir / "gone", expect=1).stderr
    inetctl("import", "xinetd", "--output", "/x", "--conf", "/y", expect=2)


def write_units(directory, socket_text, service_text, name="greet"):
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.socket").write_text(socket_text)
    at = "@" if "Accept=yes" in socket_text else ""
    (directory / f"{name}{at}.service").write_text(service_text)
    return directory / f"{name}.socket"


@pytest.mark.parametrize("unit", [
    pytest.param(p, marks=pytest.mark.skipif(not (UNITS / p).exists(), reason=f"no {p} here"))
    for p in ("ssh.socket", "dbus.socket", "systemd-fsckd.socket", "systemd-journald-dev-log.socket")])
def test_units_of_debian_packages(workdir, unit):
    conf, cfg, said = imported("systemd", workdir / "out", unit)
    assert said and not [line for line in said.splitlines() if ": error:" in line], said
    check(conf, cfg)


def test_units_without_a_socket_for_inetd(workdir):
    for unit in ("systemd-initctl.socket", "systemd-networkd.socket", "systemd-rfkill.socket"):
        if not (UNITS / unit).exists():
            pytest.skip(f"no {unit} here")
        conf, _, said = imported("systemd", workdir / unit, unit)
        assert "has no socket that inetd could listen on" in conf.read_text()
        assert re.search("Listen(FIFO|Netlink|Special): no counterpart", said)
    assert "No such file" in inetctl("import", "systemd", "no-such-unit", expect=1).stderr


def test_a_unit_serves(workdir):
    """Accept=yes, with a drop-in, variables and a limit."""
    show = script(workdir / "show", """import os, sys
print(sys.argv, os.environ.get("A"), os.environ.get("C"), os.getuid(), os.umask(0), os.nice(0))
""")
    (workdir / "vars").write_text("# comment\nC='d e'\nARGS=\"x y\"\n")
    unit = write_units(
        workdir / "units", "[Socket]\nListenStream=127.0.0.1:7100\nAccept=yes\n",
        f"[Service]\nExecStart=-{show} %% $ARGS ${{ARGS}} 'q u' a\\x41 $NONE\nStandardInput=socket\n"
        f"Environment=A=b\nEnvironmentFile={workdir}/vars\nUMask=0077\nUser=nobody\n")
    (workdir / "units/greet@.service.d").mkdir()
    (workdir / "units/greet@.service.d/more.conf").write_text("[Service]\nNice=2\n")
    (workdir / "units/greet.socket.d").mkdir()
    (workdir / "units/greet.socket.d/other.conf").write_text(
        "[Socket]\nListenStream=\nListenStream=7101\nMaxConnections=3\n")
    conf, cfg, said = imported("systemd", workdir / "out", unit)
    assert "$NONE is not set" in said
    check(conf, cfg)
    port = free_port()
    cfg.write_text(cfg.read_text().replace('name = "7101"', f'name = "{port}"'))
    line = conf.read_text().replace("\n7101 ", f"\n{port} ")
    with Daemon(line, "--settings", cfg):
        said = ask(port).decode().split("] ")
        assert said[0] == str([str(show), "%", "x", "y", "x y", "q u", "aA"])[:-1]
        assert said[1].split() == ["b", "d", "e", "65534", "63", "2"]


def test_a_wait_unit_gets_listen_fds(workdir):
    server = script(workdir / "server", """import os, socket
s = socket.socket(fileno=3)
assert os.environ["LISTEN_FDS"] == "1" and os.environ["LISTEN_PID"] == str(os.getpid())
c, _ = s.accept()
c.sendall(b"by hand\\n")
""")
    path = workdir / "run.sock"
    unit = write_units(workdir / "units", f"[Socket]\nListenStream={path}\nSocketMode=0600\n",
                       f"[Service]\nExecStart={server}\nStandardError=null\n")
    conf, cfg, _ = imported("systemd", workdir / "out", unit)
    check(conf, cfg)
    with Daemon(conf.read_text(), "--settings", cfg):
        assert os.stat(path).st_mode & 0o777 == 0o600
        for _ in range(2):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(PATIENCE)
                s.connect(str(path))
                assert read_all(s) == b"by hand\n"


@pytest.mark.needs("update-inetd")
def test_update_inetd(workdir):
    """Debian's tool switches lines of the file by its marks, and the daemon follows."""
    ports = [free_port(), free_port()]
    conf = "#:OTHER: Other services\n" + "".join(
        f"{port}\t\tstream\ttcp\tnowait\troot\tinternal echo\n" for port in ports)

    def update(*arguments):
        subprocess.run(["/usr/sbin/update-inetd", "--file", str(d.conf), *map(str, arguments)], check=True,
                       capture_output=True, stdin=subprocess.DEVNULL,
                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})

    with Daemon(conf) as d:
        assert ask(ports[0], b"a") == ask(ports[1], b"a") == b"a"
        update("--disable", ports[0])
        assert "#<off># " in d.conf.read_text()
        d.reload()
        assert is_refused(ports[0]) and ask(ports[1], b"b") == b"b"
        update("--enable", ports[0])
        assert "#<off># " not in d.conf.read_text()
        d.reload()
        assert ask(ports[0], b"c") == b"c"
        added = free_port()
        update("--group", "OTHER", "--add", f"{added}\\tstream\\ttcp\\tnowait\\troot\\t/bin/cat\\tcat")
        d.reload()
        assert ask(added, b"d") == b"d"
        update("--remove", f"{added}\\s.*")
        d.reload()
        assert is_refused(added)
        check(d.conf, "/dev/null")


def test_export(workdir):
    conf, cfg = workdir / "c", workdir / "g"
    conf.write_text("7000 stream tcp nowait/9 nobody /bin/cat cat -n\n"
                    "127.0.0.1:7001 dgram udp wait root internal echo\n")
    cfg.write_text('services = ( { name = "7000"; umask = "0077"; } );\n')
    out = workdir / "units"
    out.mkdir()
    done = inetctl("export", "systemd", "--settings", cfg, "--output", out, conf)
    assert f"{conf}:2: 7001/udp: no counterpart: the built-in service echo" in done.stderr
    assert sorted(p.name for p in out.iterdir()) == ["inetd-7000.socket", "inetd-7000@.service"]
    assert "MaxConnections=9\n" in (out / "inetd-7000.socket").read_text()
    assert "UMask=0077\n" in (out / "inetd-7000@.service").read_text()
    assert "File exists" in inetctl("export", "systemd", "--settings", cfg, "--output", out, conf,
                                    expect=1).stderr
    shown = inetctl("export", "systemd", "--settings", cfg, conf).stdout
    assert shown.startswith("##### inetd-7000.socket #####\n")
    # And there and back again.
    conf, cfg, _ = imported("systemd", workdir / "back", out / "inetd-7000.socket")
    for family in "46":
        assert f"\n7000 stream tcp{family} nowait nobody:nogroup /bin/cat cat -n\n" in conf.read_text()
    check(conf, cfg)
    broken = workdir / "broken"
    broken.write_text("7000 steam tcp nowait nobody /bin/cat\n")
    assert "steam" in inetctl("export", "systemd", "--settings", cfg, broken, expect=78).stderr
