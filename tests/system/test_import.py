"""What inetctl imports and exports, and what it does not overwrite."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from harness import PATIENCE, Daemon, ask, free_port, read_all
from imports import check, imported, inetctl, is_refused, xinetd_services
from support import script

pytestmark = pytest.mark.root

UNITS = pathlib.Path("/lib/systemd/system")


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
