"""--exec: services that stand in no file."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness import INETD, ME, Daemon, ask, connect, free_port, run_inetd, udp
from support import listeners, script

DROP = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def test_one_command_and_no_file():
    """In the foreground, messages on standard error, although -i is not given."""
    port = free_port()
    with Daemon(None, "--exec", f"tcp {port} nowait", "--", "cat", "-n") as d:
        assert ask(port, b"a\nb\n") == b"     1\ta\n     2\tb\n"
        assert ask(port, b"c\n", host="::1") == b"     1\tc\n"
        assert os.getsid(d.pid) == d.pid
        assert d.lines_like("1 service")
        assert d.stop() == 0


def test_several(workdir):
    """Each with a socket of its own kind; one of them is lent to a server that waits."""
    one, two, path = free_port(), free_port(), workdir / "a socket"
    server = script(workdir / "server", """
import socket
s = socket.socket(fileno=0)
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"<" + data + b">", peer)
""")
    with Daemon(None, "-l", f"--exec=127.0.0.1:{one}", "--", "echo", "one", "--exec",
                f"udp4 wait 127.0.0.1:{two}", "--", server, "--exec", f"'{path}' {ME}", "--",
                "sh", "-c", 'read x\necho "$x" "$1"', "sh", "it's") as d:
        assert ask(one) == b"one\n"
        with udp(two) as s:
            for word in (b"a", b"b"):
                s.send(word)
                assert s.recv(100) == b"<" + word + b">"
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(b"this\n")
            assert s.makefile().read() == "this it's\n"
        d.wait_log(rf"{path}: .*started pid")
        assert len(d.lines_like(rf"{two}: started pid")) == 1
    assert not path.exists()


def test_a_builtin():
    port = free_port()
    with Daemon(None, "--exec", f"tcp {port}", "--", "internal", "echo"):
        assert ask(port, b"x") == b"x"


@pytest.mark.root
def test_without_root():
    """As whoever runs it: one who is in no passwd(5), and in a group of his own."""
    port = free_port()
    drop = ("setpriv", "--reuid", "54321", "--regid", "54322", "--clear-groups")
    with Daemon(None, "--exec", f"{port}", "--", "id", wrap=drop):
        assert ask(port) == b"uid=54321 gid=54322 groups=54322\n"


@pytest.mark.root
def test_another_user():
    port = free_port()
    with Daemon(None, "--exec", f"{port} nobody", "--", "id", "-un"):
        assert ask(port) == b"nobody\n"
    done = subprocess.run([*DROP, INETD, "--exec", f"{port} root", "--", "id"],
                          capture_output=True, text=True)
    assert done.returncode == 78
    assert "only root can run a service as 'root'" in done.stderr


def test_command_is_looked_up_in_path(workdir):
    """Of the daemon, and where that was started: a directory that it then leaves."""
    for directory, word in (("a", "first"), ("b", "second"), ("c", "third")):
        (workdir / directory).mkdir()
        script(workdir / directory / "hello", f"echo $0 {word}\n", "/bin/sh")
    (workdir / "a/hello").chmod(0o644)
    ports = [free_port() for _ in range(3)]
    with Daemon(None, "--exec", ports[0], "--", "hello", "--exec", ports[1], "--", "./c/hello",
                "--exec", ports[2], "--", "sh", "-c", "echo $0", wrap=("env", "-C", workdir),
                env={"PATH": f"{workdir}/a:b:{workdir}/c:/usr/bin:/bin"}):
        assert ask(ports[0]) == f"{workdir}/b/hello second\n".encode()
        assert ask(ports[1]).endswith(b"/c/hello third\n")
        assert ask(ports[2]) == b"sh\n"


def test_settings_apply_by_name(workdir):
    port, settings = free_port(), workdir / "settings"
    settings.write_text(f'services = ({{ name = "{port}"; env = ["WORD=yes"]; }});')
    with Daemon(None, "--settings", settings, "-s", 1, "--exec", f"{port}", "--", "sh", "-c",
                "read x; echo $WORD") as d:
        with connect(port) as held:
            d.wait_notify("STATUS=1 service, 1 running")
            assert ask(port) == b""
            held.sendall(b"\n")
            assert held.makefile().read() == "yes\n"


def test_beside_a_file(workdir):
    """Which stands before --exec, or between SPEC and the command."""
    ports = [free_port() for _ in range(3)]
    for i in (1, 2):
        (workdir / f"{i}.conf").write_text(f"{ports[i]} stream tcp nowait {ME} /bin/echo echo {i}\n")
    with Daemon(None, workdir / "1.conf", "--exec", ports[0], workdir / "2.conf", "--", "echo",
                "0"):
        assert [ask(port) for port in ports] == [b"0\n", b"1\n", b"2\n"]


def test_reload_and_upgrade_keep_it(workdir):
    """Although its arguments stand where those of inetd were looked for; files are read anew."""
    port, other = free_port(), free_port()
    conf = workdir / "inetd.conf"
    conf.write_text("")
    with Daemon(None, conf, "--exec", f"127.0.0.1:{port}", "--", "sh", "-c", 'read x; echo "$@"',
                "sh", "--take-over=5", "last") as d:
        with connect(port) as held:
            d.wait_notify("STATUS=1 service, 1 running")
            before = listeners(d.pid, port)
            conf.write_text(f"{other} stream tcp nowait {ME} /bin/echo echo file\n")
            d.signal(signal.SIGHUP)
            d.wait_log("reload: 1 added, 0 removed, 0 updated, 1 unchanged")
            assert ask(other) == b"file\n"
            for _ in range(2):
                d.signal(signal.SIGUSR2)
                d.wait_log("upgraded from version")
            assert listeners(d.pid, port) == before
            assert ask(port, b"\n") == b"--take-over=5 last\n"
            held.sendall(b"\n")
            assert held.makefile().read() == "--take-over=5 last\n"
        assert d.stop() == 0


def test_reload_with_a_command_that_has_gone(workdir):
    port, hello = free_port(), script(workdir / "hello", "echo hello\n", "/bin/sh")
    with Daemon(None, "--exec", f"{port}", "--", hello) as d:
        assert ask(port) == b"hello\n"
        hello.rename(workdir / "gone")
        d.reload(expect="reload refused: 1 error; everything stays as it was")
        assert d.lines_like(rf"--exec:1:\d+: error: program '{hello}': No such file")
        (workdir / "gone").rename(hello)
        d.reload(expect="reload: .* 1 unchanged")


def test_nothing_of_the_daemon_of_the_machine_is_touched():
    """Neither /etc/inetd.conf nor /etc/inetd.cfg, nor the control socket."""
    port = free_port()
    done = run_inetd("--check", "--exec", f"{port}", "--", "cat")
    assert (done.returncode, done.stdout) == (0, "1 service, 0 errors, 0 warnings\n"), done.stderr
    dump = run_inetd("--dump", "--exec", f"{port} nowait/7", "--", "cat").stdout
    assert re.search(r"\n +instances = 7; +# line, --exec:1\n", dump)
    assert re.search(r'\n +control = "none"; ', dump)


@pytest.mark.parametrize("spec, said", (
    ("tcp 8080 nowiat", "--exec:1:10: error: unknown user 'nowiat'\ntcp 8080 nowiat -- cat\n"
                        "         ^\nhint: did you mean 'nowait'?\n"),
    ("tcp", "--exec:1:4: error: neither a port nor a path is named\n"),
    ("", "--exec:1:1: error: neither a port nor a path is named\n"),
    ("8080 tcp udp", "--exec:1:10: error: 'udp' is a second protocol\n"),
    ("99999", "--exec:1:1: error: '99999' is not a port number\n"),
    ("8080 a b", "--exec:1:8: error: 'b' is one word too many\n")))
def test_bad_specs(spec, said):
    for options in ((), ("--check",)):
        done = run_inetd(*options, "--exec", spec, "--", "cat")
        assert done.returncode == 78
        said = said if options else said.partition("\n")[0]  # to the log: the first line of each
        assert said in done.stderr


def test_unknown_command():
    done = run_inetd("--check", "--exec", "8080", "--", "cat", "--exec", "8081", "--",
                     "no-such-command", "a b")
    assert done.returncode == 78
    assert done.stderr == ("--exec:2:9: error: program 'no-such-command' is in no directory of PATH"
                           "\n8081 -- no-such-command 'a b'\n        ^\n")


@pytest.mark.parametrize("arguments", (
    ("--exec",), ("--exec", "8080"), ("--exec", "8080", "--"), ("--exec", "8080", "cat", "-n"),
    ("--exec", "--", "cat"), ("--exec", "8080", "--exec", "8081", "--", "cat"),
    ("--exec", "8080", "--", "cat", "--exec", "8081", "cat"),
    ("--exec", "8080", "--no-such-option", "--", "cat")))
def test_usage_errors(arguments):
    done = run_inetd(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()
