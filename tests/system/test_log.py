"""Where the daemon's messages go, and that a log that hangs holds nobody up."""

import contextlib
import os
import re
import socket
import subprocess

import pytest

from harness import INETD, ME, PATIENCE, Daemon, ask, free_port
from support import wait_until

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d inetd\[\d+\]: "
PRIVATE_DEV = """
mount -t tmpfs -o mode=755 none "$1"
for name in null zero random urandom log; do touch "$1/$name"; done
for name in null zero random urandom; do mount --bind "/dev/$name" "$1/$name"; done
mount --bind "$2" "$1/log"
mount --rbind "$1" /dev
shift 2
exec "$@"
"""
needs_mounts = pytest.mark.skipif(
    subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0,
    reason="needs root and a mount namespace")


def line(port, program="/bin/cat cat"):
    return f"127.0.0.1:{port} stream tcp4 nowait {ME} {program}\n"


@pytest.fixture
def start(workdir):
    """start(settings of the daemon, option...) -> the daemon, with d.port and d.settings."""
    with contextlib.ExitStack() as stack:
        def run(settings, *options, program="/bin/cat cat", **keywords):
            path = workdir / "inetd.cfg"
            path.write_text(f"daemon = {{ {settings} }};\n")
            port = free_port()
            daemon = stack.enter_context(
                Daemon(line(port, program), "--settings", path, *options, **keywords))
            daemon.settings, daemon.port = path, port
            return daemon
        yield run


@pytest.fixture
def dev_log(workdir):
    """The socket that the wrapped daemon takes for /dev/log, and the wrapping."""
    (workdir / "dev").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.bind(str(workdir / "socket"))
        yield s, ["unshare", "-m", "sh", "-euc", PRIVATE_DEV, "sh", workdir / "dev", workdir / "socket"]


def wait_text(path, pattern):
    return wait_until(lambda: path.exists() and re.search(pattern, path.read_text(), re.M), pattern)


def test_file_that_is_reopened(start, workdir):
    log, old = workdir / "inetd.log", workdir / "inetd.log.1"
    d = start(f'log_target = "{log}"; log_connections = true;')
    ask(d.port)
    wait_text(log, rf"^{STAMP}1 service, 0 running$")
    wait_text(log, rf"^{STAMP}{d.port}: 127\.0\.0\.1:\d+: started pid \d+$")
    wait_text(log, rf"^{STAMP}{d.port}: pid \d+ ended: exit 0, \d+\.\d+ s$")
    log.rename(old)
    d.signal(1)
    wait_text(log, "reload: 0 added, 0 removed, 0 updated, 1 unchanged$")
    assert "reload" not in old.read_text()
    assert d.lines == []


def test_errors_of_the_start_are_in_both_places(start, workdir):
    log = workdir / "inetd.log"
    port = free_port()
    settings = workdir / "other.cfg"
    settings.write_text(f'daemon = {{ log_target = "{log}"; }};')
    with Daemon(line(port) + "nonsense\n", "--settings", settings) as d:
        d.wait_log("inetd.conf:2:9: error:")
        wait_text(log, "inetd.conf:2:9: error:")


def test_reload_moves_the_log(start, workdir):
    log = workdir / "inetd.log"
    d = start("")
    d.wait_log("1 service, 0 running")
    d.settings.write_text(f'daemon = {{ log_target = "{log}"; }};')
    d.signal(1)
    wait_text(log, "reload: ")
    d.settings.write_text("")
    d.reload()
    assert log.read_text().count("reload: ") == 1


def test_file_that_cannot_be_opened_changes_nothing(start, workdir):
    log = workdir / "inetd.log"
    d = start(f'log_target = "{log}";')
    other = workdir / "other.log"
    other.symlink_to(workdir / "gone" / "other.log")  # its directory is there, that of its target not
    d.settings.write_text(f'daemon = {{ log_target = "{other}"; }};')
    d.signal(1)
    wait_text(log, rf"log_target: open {other}: No such file or directory; messages go where they went")
    wait_text(log, "reload: ")
    d.settings.write_text(f'daemon = {{ log_target = "{workdir}/gone/log"; }};')
    d.signal(1)
    wait_text(log, "'log_target': '.*/gone': No such file or directory")
    wait_text(log, "reload refused")


def test_level(start):
    d = start('log_level = "notice"; log_connections = true;')
    ask(d.port)
    d.settings.write_text('daemon = { log_level = "info"; };')
    d.reload()
    ask(d.port)
    d.wait_log("ended: exit 0")
    assert not d.lines_like("1 service, 0 running|started")


def test_options_come_before_the_file(start, workdir):
    log = workdir / "inetd.log"
    d = start('log_target = "syslog"; log_level = "error";',
              "--log-target", log, "--log-level", "debug")
    wait_text(log, f"{d.port}: listening on 127.0.0.1:{d.port}")


def test_debug_writes_to_standard_error(start, workdir):
    d = start(f'log_target = "{workdir}/log"; log_level = "error";', "-d")
    d.wait_log("listening on")


@pytest.mark.parametrize("option", ["--log-target=stdout", "--log-level=loud", "--log-facility=x"])
def test_wrong_words_are_usage_errors(option):
    done = subprocess.run([INETD, option], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert option.partition("=")[0] in done.stderr


@needs_mounts
def test_syslog_with_its_facility(start, dev_log):
    log, wrap = dev_log
    d = start('log_target = "syslog"; log_facility = "local2";', wrap=wrap)
    pattern = rf"<150>\w{{3}} [ \d]\d [\d:]{{8}} inetd\[{d.pid}\]: 1 service, 0 running"
    assert re.fullmatch(pattern, log.recv(1000).decode())


def serve(d, clients):
    """So many clients in turn, each of whom is answered."""
    for _ in range(clients):
        assert ask(d.port, b"hello") == b"hello"


@needs_mounts
def test_syslog_that_hangs(start, dev_log):
    """Nobody reads /dev/log. Each client is served, and what was lost is counted in the end."""
    log, wrap = dev_log
    clients = 3000  # with two messages each, more than is kept
    d = start('log_target = "syslog"; log_connections = true;', wrap=wrap, program="internal echo")
    serve(d, clients)
    found = [log.recv(65536).decode()]
    while "messages lost" not in found[-1]:
        found.append(log.recv(65536).decode())
    lost = int(re.search(r"(\d+) messages lost: syslog did not take them$", found[-1])[1])
    assert lost > 1000
    assert len(found) - 1 + lost == 1 + 2 * clients


def test_standard_error_that_nobody_reads(start):
    reader, writer = os.pipe()
    d = start("log_connections = true;", preexec=lambda: os.dup2(writer, 2), program="internal echo")
    os.close(writer)
    clients = 3000
    serve(d, clients)
    os.set_blocking(reader, False)
    text = ""

    def drain():
        nonlocal text
        with contextlib.suppress(BlockingIOError):
            text += os.read(reader, 65536).decode()
        return re.search(r"^inetd: (\d+) messages lost: the log did not take them$", text, re.M)

    lost = int(wait_until(drain, "the count")[1])
    assert text.count("session ") + lost == 2 * clients
    os.close(reader)
