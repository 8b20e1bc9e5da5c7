"""The settings file: what each key does to a real child or connection, and how a reload changes it."""

import ctypes
import os
import re
import socket
import subprocess

import pytest

from harness import INETD, PATIENCE, Daemon, ask, connect, free_port
from one_service import CAT, is_refused, line, reload, talk
from support import listeners, mode_of, script, unix_listeners


def shell(workdir, text):
    return script(workdir / "server", text, "/bin/sh")


def option_of(port, option, d):
    """A socket option of a listener, read by way of a copy of its descriptor."""
    inode = next(iter(listeners(d.pid, port)))[1]
    for name in os.listdir(f"/proc/{d.pid}/fd"):
        if os.readlink(f"/proc/{d.pid}/fd/{name}") == f"socket:[{inode}]":
            pid = os.pidfd_open(d.pid)
            copy = _pidfd_getfd(pid, int(name))
            os.close(pid)
            with socket.socket(fileno=copy) as s:
                return s.getsockopt(socket.SOL_SOCKET, option)
    raise AssertionError("no such socket")


def _pidfd_getfd(pid, fd):
    libc = ctypes.CDLL(None, use_errno=True)
    copy = libc.syscall(438, pid, fd, 0)
    if copy < 0:
        pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
    return copy


def backlog_of(port):
    out = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True).stdout
    return int(out.split()[2])


def test_environment(start, workdir):
    port = free_port()
    d = start(line(port, "/usr/bin/env"),
              'defaults = { env = ["COLOUR=dark blue", "PATH=/odd", "HOME=/tmp"];'
              ' pass_env = ["EDITOR", "ABSENT"]; };',
              env={"EDITOR": "vi", "SECRET": "x"})
    found = ask(port).decode().splitlines()
    assert "COLOUR=dark blue" in found and "HOME=/tmp" in found and "EDITOR=vi" in found
    assert [entry for entry in found if entry.startswith("PATH=")] == ["PATH=/odd"]
    assert not any(entry.startswith(("SECRET", "ABSENT")) for entry in found)
    reload(d, 'daemon = { keep_environment = true; };', "reload: ")
    found = ask(port).decode().splitlines()
    assert "SECRET=x" in found and "COLOUR=dark blue" not in found


def test_umask_directory_nice(start, workdir):
    port = free_port()
    server = shell(workdir, "pwd; umask; nice\n")
    (workdir / "home").mkdir()
    d = start(line(port, server),
              'defaults = { umask = 027; directory = "%s/home"; nice = 7; };' % workdir)
    assert ask(port).decode().split() == [f"{workdir}/home", "0027", "7"]
    reload(d, 'defaults = { umask = "0077"; nice = 9; };')
    assert ask(port).decode().split() == ["/", "0077", "9"]
    reload(d, "")
    assert ask(port).decode().split() == ["/", "0022", str(os.nice(0))]


def test_a_directory_that_goes_away(start, workdir):
    port = free_port()
    (workdir / "home").mkdir()
    d = start(line(port, CAT), 'defaults = { directory = "%s/home"; };' % workdir)
    (workdir / "home").rmdir()
    assert is_refused(port)
    d.wait_log(f"{port}: changing the directory to {workdir}/home: No such file or directory")


@pytest.mark.root
def test_nice_below_zero_for_a_user(start, workdir):
    port = free_port()
    start(line(port, shell(workdir, "nice; id -un\n"), user="nobody"), "defaults = { nice = -3; };")
    assert ask(port).decode().split() == ["-3", "nobody"]


@pytest.mark.root
def test_socket_file(start, workdir):
    path = workdir / "x.sock"
    d = start(f"{path} stream unix nowait root internal echo\n",
              'defaults = { socket_user = "nobody"; socket_group = 12; socket_mode = 0640; };')
    assert mode_of(path) == 0o640
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 12)
    before = unix_listeners(d.pid, path)
    reload(d, 'services = ( { name = "%s"; socket_mode = "0600"; socket_user = 0; } );' % path)
    assert mode_of(path) == 0o600 and path.stat().st_uid == 0
    assert unix_listeners(d.pid, path) == before != set()


def test_enabled(start):
    one, two = free_port(), free_port()
    conf = line(one, CAT) + line(two, CAT)
    d = start(conf, 'services = ( { name = "%d"; enabled = false; } );' % two)
    assert ask(one, b"x") == b"x"
    with pytest.raises(ConnectionRefusedError):
        connect(two)
    reload(d, "", "reload: 1 added, 0 removed, 0 updated, 1 unchanged")
    assert ask(two, b"x") == b"x"
    reload(d, 'defaults = { enabled = false; }; services = ( { name = "%d"; enabled = true; } );'
           % two, "reload: 0 added, 1 removed, 0 updated, 1 unchanged")
    assert ask(two, b"x") == b"x"
    with pytest.raises(ConnectionRefusedError):
        connect(one)


@pytest.mark.needs("ss")
def test_backlog(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { backlog = 7; };")
    before = listeners(d.pid, port)
    assert backlog_of(port) == 7
    reload(d, "defaults = { backlog = 9; };")
    assert backlog_of(port) == 9
    assert listeners(d.pid, port) == before


@pytest.mark.root
def test_buffers(start, workdir):
    port = free_port()
    server = script(workdir / "server", "import socket\n"
                    "s = socket.socket(fileno=0)\n"
                    "print(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),"
                    " s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))\n")
    d = start(line(port, server), 'defaults = { send_buffer = "32k"; receive_buffer = 40000; };')
    assert ask(port).split() == [b"65536", b"80000"]  # socket(7): the kernel doubles them
    before = listeners(d.pid, port)
    reload(d, 'defaults = { send_buffer = "16k"; receive_buffer = 40000; };')
    assert option_of(port, socket.SO_SNDBUF, d) == 32768
    assert ask(port).split() == [b"32768", b"80000"]
    assert listeners(d.pid, port) == before


def test_idle_timeout(start):
    """Only the session whose service has a short one is closed."""
    short, long = free_port(), free_port()
    conf = line(short, "internal echo") + line(long, "internal echo")
    start(conf, 'daemon = { idle_timeout = "1h"; };'
                'services = ( { name = "%d"; idle_timeout = "100ms"; } );' % short)
    with connect(long) as patient, connect(short) as hasty:
        assert talk(hasty) == b"hello"
        assert hasty.recv(100) == b""
        assert talk(patient) == b"hello"


def test_idle_timeout_of_the_daemon(start):
    port = free_port()
    d = start(line(port, "internal echo"), "daemon = { idle_timeout = 0.1; };")
    with connect(port) as s:
        assert s.recv(100) == b""
    reload(d, 'daemon = { idle_timeout = "1h"; };')
    with connect(port) as s:
        assert talk(s) == b"hello"


def test_log_connections_and_stop_timeout(start, workdir):
    port = free_port()
    server = shell(workdir, "trap '' HUP; echo up; exec sleep 1000 >/dev/null\n")
    d = start(line(port, server), "daemon = { stop_timeout = \"1h\"; };")
    reload(d, 'daemon = { log_connections = true; stop_timeout = "200ms"; };',
           "reload: 0 added, 0 removed, 0 updated, 1 unchanged")
    with connect(port) as s:
        assert s.recv(100) == b"up\n"
        d.wait_log(f"{port}: 127.0.0.1:[0-9]+: started pid")
        assert d.stop() == 0
    assert "sending SIGTERM" in d.log()


def test_an_option_overrides_the_daemon_group(start):
    port = free_port()
    d = start(line(port, CAT), "daemon = { log_connections = false; };", "-l")
    assert ask(port, b"x") == b"x"
    d.wait_log("started pid")


def test_reload_changes_limits_of_a_live_listener(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { instances = 1; };")
    before = listeners(d.pid, port)
    with connect(port) as one, connect(port) as two:
        assert talk(one) == b"hello"
        two.sendall(b"second")
        d.wait_log("new clients wait")
        reload(d, "defaults = { instances = 2; };")
        assert two.recv(100) == b"second"
        reload(d, 'defaults = { instances = 2; overflow = "refuse"; };')
        assert is_refused(port)
        assert talk(one) == talk(two) == b"hello"
    assert listeners(d.pid, port) == before


def test_reload_with_an_error_changes_nothing(start):
    port = free_port()
    d = start(line(port, "/usr/bin/env"), 'defaults = { env = ["A=1"]; };')
    for wrong in ("defaults = { env = [1]; };", "defaults = {", "x = 1;",
                  'services = ( { name = "nowhere"; } );'):
        reload(d, wrong, "reload refused: 1 error; everything stays as it was")
        d.wait_notify("READY=1")  # read, or the socket is full in the end
        assert b"A=1\n" in ask(port)
    os.unlink(d.settings)
    d.reload(expect="reload refused")
    assert b"A=1\n" in ask(port)


def test_an_error_in_an_entry_at_start(start):
    good, bad = free_port(), free_port()
    d = start(line(good, CAT) + line(bad, CAT),
              'services = ( { name = "%d"; instances = -1; } );' % bad)
    assert ask(good, b"x") == b"x"
    with pytest.raises(ConnectionRefusedError):
        connect(bad)
    assert f"{d.settings}:1: error: 'instances' takes" in d.log()


def test_strict(workdir):
    """What is wrong with one service keeps all from running, if the file says so."""
    good = free_port()
    conf, settings = line(good, CAT) + "one two three\n", workdir / "inetd.cfg"
    for strict in (False, True):
        settings.write_text(f"daemon = {{ strict = {str(strict).lower()}; }};")
        with Daemon(conf, "--settings", settings, wait_ready=not strict) as d:
            d.wait_log(r"inetd\.conf:2:.*error: ")
            if strict:
                assert d.process.wait(PATIENCE) == 78
            else:
                assert ask(good, b"x") == b"x"


@pytest.mark.parametrize("settings", ("defaults = { instances = -1; };", "defaults = {", "x = 1;"))
def test_any_other_error_prevents_the_start(workdir, settings):
    (workdir / "inetd.cfg").write_text(settings)
    with Daemon(line(free_port(), CAT), "--settings", workdir / "inetd.cfg", wait_ready=False) as d:
        assert d.process.wait(PATIENCE) == 78


def command(*arguments):
    return subprocess.run([INETD, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE)


def test_check_covers_both_files(workdir):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text("7 steam tcp nowait root internal\n9 stream tcp nowait root internal\n")
    settings.write_text('services = (\n  { name = "9"; instances = "many"; } );\n')
    result = command("--check", "--settings", settings, conf)
    assert result.returncode == 78
    assert f"{conf}:1:3: error: unknown socket type 'steam'" in result.stderr
    assert (f"{settings}:2: error: 'instances' takes a whole number from 0 to 1000000000, "
            "not 'many'\n  { name = \"9\"; instances = \"many\"; } );\n") in result.stderr
    assert result.stdout == "0 services, 2 errors, 0 warnings\n"
    result = command("--check", "--settings", workdir / "absent", conf)
    assert result.returncode == 78
    assert f"{workdir}/absent: error: cannot read" in result.stderr


def test_dump(workdir):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text("\n9 stream tcp4 nowait/5 root internal\n")
    settings.write_text('defaults = { rate = "5/s"; };\nservices = ( { name = "9"; per_source = 2; } );\n')
    result = command("--dump", "-q", "8", "--settings", settings, conf)
    assert result.returncode == 0, result.stderr
    values = {m[1]: (m[2], m[3])
              for m in re.finditer(r"^    (\w+) = (.*?); +# (.*)$", result.stdout, re.M)}
    assert values["instances"] == ("5", f"line, {conf}:2")
    assert values["rate"] == ('"5/s"', f"defaults, {settings}:1")
    assert values["per_source"] == ("2", f"services, {settings}:2")
    assert values["backlog"] == ("8", "command line")
    assert values["overflow"] == ('"queue"', "built in")
    # It is a settings file itself, of the same meaning.
    again = workdir / "dumped.cfg"
    again.write_text(result.stdout)
    second = command("--dump", "--settings", again, conf)
    assert second.returncode == 0, second.stderr
    assert re.sub(" *# .*", "", second.stdout) == re.sub(" *# .*", "", result.stdout)
