"""The key `stderr`: where a real child's descriptor 2 leads."""

import contextlib
import os
import re
import socket

import pytest

from harness import ME, Daemon, ask, connect, free_port
from support import cpu_ticks, script, wait_until

SOCKETS = 100  # listeners beside it: the child gets its descriptors by a message


@pytest.fixture(params=[0, SOCKETS], ids=["copied-table", "shared-table"])
def start(workdir, request):
    """start(body of a shell script, value of stderr) -> the daemon, with d.port and d.settings."""
    with contextlib.ExitStack() as stack:
        def run(body, target, more=""):
            program = script(workdir / "server", body, "/bin/sh")
            port = free_port()
            path = workdir / "inetd.cfg"
            path.write_text(f'defaults = {{ stderr = "{target}"; }}; {more}')
            conf = f"127.0.0.1:{port} stream tcp4 nowait {ME} {program}\n"
            conf += "".join(f"@{workdir}{i} stream unix nowait {ME} internal echo\n"
                            for i in range(request.param))
            daemon = stack.enter_context(Daemon(conf, "--settings", path))
            daemon.settings, daemon.port = path, port
            return daemon
        yield run


WHERE = "echo answer; readlink /proc/self/fd/2 >&1; echo complaint >&2\n"


def test_socket_is_the_default(start):
    d = start(WHERE, "socket")
    assert re.fullmatch(rb"answer\nsocket:\[\d+\]\ncomplaint\n", ask(d.port))
    d.settings.write_text("")
    d.reload()
    assert ask(d.port).endswith(b"complaint\n")


def test_null(start):
    d = start(WHERE, "null")
    assert ask(d.port) == b"answer\n/dev/null\n"


def test_file(start, workdir):
    log = workdir / "errors"
    log.write_text("before\n")
    d = start(WHERE, log)
    for _ in range(2):
        assert ask(d.port) == f"answer\n{log}\n".encode()
    assert log.read_text() == "before\ncomplaint\ncomplaint\n"
    log.rename(workdir / "errors.1")
    d.reload()
    ask(d.port)
    assert log.read_text() == "complaint\n"
    assert os.stat(log).st_mode & 0o777 == 0o640
    assert (workdir / "errors.1").read_text().count("complaint") == 2


def test_file_that_cannot_be_opened(start, workdir):
    log = workdir / "errors"
    log.symlink_to(workdir / "gone" / "errors")
    d = start(WHERE, log)
    d.wait_log(rf"{d.port}: stderr: open {log}: No such file or directory; what it says there is lost")
    assert ask(d.port) == b"answer\n/dev/null\n"


def test_no_other_descriptor_is_open(start, workdir):
    for target in ("null", "log", workdir / "errors"):
        d = start("exec ls -l /proc/self/fd\n", target)
        names = re.findall(rb" (\d+) -> (\S+)", ask(d.port))
        assert [number for number, _ in names[:3]] == [b"0", b"1", b"2"]
        assert len(names) == 4 and names[3][1].startswith(b"/proc/")  # the directory that ls reads


def test_log(start):
    d = start('echo "one $$" >&2; printf "a\\033b\\n\\nc\\r\\nlast" >&2; echo answer\n', "log")
    assert ask(d.port) == b"answer\n"
    line = d.wait_log(rf"{d.port}: pid \d+: one \d+")
    pid = re.search(r"pid (\d+): one \1$", line)[1]
    d.wait_log(rf"{d.port}: pid {pid}: last$")
    d.wait_log(rf"{d.port}: pid {pid} ended: exit 0")
    said = [line for line in d.lines if f"pid {pid}" in line]
    texts = [line.partition(f"pid {pid}")[2] for line in said]
    assert texts[:4] == [rf": one {pid}", r": a\x1bb", ": c", ": last"]
    assert texts[4].startswith(" ended")


def test_log_of_long_lines(start):
    d = start("head -c 2500 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2\n", "log")
    ask(d.port)
    d.wait_log("end$")
    assert [len(line.rpartition(" ")[2]) for line in d.lines_like("xxx")] == [1024, 1024, 452]


def test_log_of_a_server_that_goes_on_after_its_end(start):
    """A process that it left behind still has the pipe."""
    d = start("exec 3<&0; (read word; echo late $word >&2) <&3 & exit 0\n", "log")
    with connect(d.port) as s:
        d.wait_log("ended: exit 0")
        s.sendall(b"word\n")
        d.wait_log("pid \\d+: late word")


def test_server_that_fills_its_log_waits_alone(start):
    """It is read no faster than its budget; others are served and the daemon does not spin."""
    d = start('read word; [ "$word" = echo ] && echo answer || exec yes complaint >&2\n', "log")
    with connect(d.port) as s:
        s.sendall(b"fill\n")
        wait_until(lambda: len(d.lines_like("complaint")) > 500, "the burst")
        before, ticks = len(d.lines_like("complaint")), cpu_ticks(d.pid)
        for _ in range(20):
            assert ask(d.port, b"echo\n") == b"answer\n"
        wait_until(lambda: len(d.lines_like("complaint")) > before + 100, "what the budget allows")
        assert cpu_ticks(d.pid) - ticks < 50
        (pid,) = {int(n) for n in re.findall(r"pid (\d+): complaint", d.log())}
        os.kill(pid, 9)
    d.wait_log(f"pid {pid} ended: killed by SIGKILL")


def test_last_words_when_the_daemon_stops(start):
    d = start("trap 'echo bye >&2; exit 0' TERM; echo ready; sleep 60 & wait\n", "log",
              "daemon = { stop_timeout = 0; };")
    with connect(d.port) as s:
        assert s.recv(100) == b"ready\n"
        assert d.stop() == 0
    assert d.lines_like(rf"{d.port}: pid \d+: bye$")


def test_journal_that_is_not_there(start):
    """(Where there is one, tests/systemd looks at what it gets.)"""
    if os.path.exists("/run/systemd/journal/stdout"):
        pytest.skip("there is a journal")
    d = start(WHERE, "journal")
    assert ask(d.port) == b"answer\n/dev/null\n"
    d.wait_log(rf"{d.port}: stderr: connect /run/systemd/journal/stdout: No such file")


def test_wait_server_with_log(start, workdir):
    port = free_port()
    program = script(workdir / "datagram", "import socket, sys\n"
                     "s = socket.socket(fileno=0)\nprint(s.recv(100).decode(), file=sys.stderr)\n")
    d = start(WHERE, "log")
    d.reload(f"127.0.0.1:{port} dgram udp wait {ME} {program}\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"hello", ("127.0.0.1", port))
        d.wait_log(rf"{port}: pid \d+: hello$")
