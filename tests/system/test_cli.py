"""The command line: what a person types, and what the exit status says."""

import os
import re
import select
import signal
import subprocess

import pytest

from harness import INETD, ME, PATIENCE, Daemon, ask, free_port, run_inetd


def say(port, word="hello"):
    return f"{port} stream tcp nowait {ME} /bin/echo echo {word}\n"


@pytest.fixture
def conf(workdir):
    def write(text, name="inetd.conf"):
        path = workdir / name
        path.write_text(text)
        return path
    return write


def test_version():
    done = run_inetd("--version")
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+", done.stdout)
    assert done.stderr == ""


def test_help_names_the_options():
    done = run_inetd("--help")
    assert done.returncode == 0
    for option in ("-i", "-d", "-a", "-c", "-C", "-s", "-R", "-q", "-E", "-p", "-l",
                   "--check", "--strict", "--version"):
        assert re.search(rf"{option}\b", done.stdout), option


@pytest.mark.parametrize("arguments", (
    ("--no-such-option",), ("-Z",), ("-c", "many"), ("-c", "-1"), ("-q", "0x"), ("-R",),
    ("-C", "99999999999999999999")))
def test_usage_errors_exit_2(arguments):
    done = run_inetd("-i", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip()


def test_check_of_a_good_file(conf):
    done = run_inetd("--check", conf(say(free_port())))
    assert done.returncode == 0, done.stderr
    assert "error:" not in done.stdout + done.stderr


def test_check_names_every_error(conf):
    path = conf(say(free_port()) + "8080 steam tcp nowait root /bin/cat\n"
                + "8081 stream tcp nowiat root /bin/cat\n"
                + "8082 stream tcp nowait no-such-user-here /bin/cat\n")
    done = run_inetd("--check", path)
    text = done.stdout + done.stderr
    assert done.returncode == 78
    for line in (2, 3, 4):
        assert re.search(rf"{re.escape(str(path))}:{line}:\d+: error: ", text), text
    assert "did you mean" in text and "8081 stream tcp nowiat root" in text
    assert re.search(r"(?m)^\s*\^", text), "no caret:\n" + text


def test_check_of_a_warning_is_no_failure(conf):
    done = run_inetd("--check", conf(f"{free_port()} stream tcp nowait {ME} /bin/cat -n\n"))
    assert done.returncode == 0
    assert ":1:" in done.stdout + done.stderr and "warning" in done.stdout + done.stderr


def test_check_of_a_missing_file(workdir):
    done = run_inetd("--check", workdir / "missing.conf")
    assert done.returncode == 78
    assert "missing.conf" in done.stdout + done.stderr
    assert "No such file" in done.stdout + done.stderr


def test_check_opens_nothing(conf):
    """It may be run beside the daemon that has the ports."""
    port = free_port()
    with Daemon(say(port)) as d:
        assert run_inetd("--check", d.conf).returncode == 0
        assert ask(port) == b"hello\n"


def test_strict_refuses_a_bad_file():
    with Daemon(say(free_port()) + "one two three\n", "--strict", wait_ready=False) as d:
        assert d.process.wait(PATIENCE) == 78
        d.wait_log(r"inetd\.conf:2:.*error: ")


def test_start_is_told_before_anything_else_happens():
    with Daemon(say(free_port())) as d:
        d.wait_log(r"\b1 service\b")


def test_bad_lines_are_skipped_without_strict():
    one, two = free_port(), free_port()
    with Daemon(say(one) + "one two three\n" + say(two)) as d:
        d.wait_log(r"inetd\.conf:2:.*error: ")
        assert ask(one) == ask(two) == b"hello\n"


def test_strict_runs_a_good_file():
    port = free_port()
    with Daemon(say(port), "--strict"):
        assert ask(port) == b"hello\n"


def test_missing_file_is_a_configuration_error(workdir):
    done = run_inetd("-i", workdir / "missing.conf")
    assert done.returncode == 78
    assert "missing.conf" in done.stderr


def test_directory_of_files(workdir, conf):
    one, two, three = free_port(), free_port(), free_port()
    conf(say(one), "10-one.conf")
    conf(say(two), "20-two.conf")
    conf(say(three), "30-three.conf~")
    with Daemon(f'.include "{workdir}/*.conf"\n'):
        assert ask(one) == ask(two) == b"hello\n"
        with pytest.raises(ConnectionRefusedError):
            ask(three)
    done = run_inetd("--check", workdir)
    assert done.returncode == 0, done.stderr


def test_pid_file(workdir):
    path = workdir / "inetd.pid"
    with Daemon(say(free_port()), "-p", path) as d:
        assert path.read_text() == f"{d.pid}\n"
        assert d.stop() == 0
    assert not path.exists()


def test_of_two_pid_files_the_last_one_counts(workdir):
    """So that what a unit names can be replaced by $INETD_OPTIONS."""
    first, last = workdir / "first", workdir / "last"
    with Daemon(say(free_port()), "-p", first, "-p", last) as d:
        assert last.read_text() == f"{d.pid}\n"
        assert not first.exists()


def test_pid_file_of_a_running_daemon_is_not_taken(workdir):
    path = workdir / "inetd.pid"
    with Daemon(say(free_port()), "-p", path) as d:
        with Daemon(say(free_port()), "-p", path, wait_ready=False) as second:
            assert second.process.wait(PATIENCE) == 1
            second.wait_log(r"inetd\.pid")
        assert path.read_text() == f"{d.pid}\n"


def test_pid_file_of_a_dead_daemon_is_taken(workdir):
    path = workdir / "inetd.pid"
    path.write_text("999999999\n")
    with Daemon(say(free_port()), "-p", path) as d:
        assert path.read_text() == f"{d.pid}\n"


def test_pid_file_that_cannot_be_written_is_said(workdir):
    port = free_port()
    with Daemon(say(port), "-p", workdir / "missing" / "inetd.pid", wait_ready=False) as d:
        d.wait_log(r"missing/inetd\.pid: .*No such file or directory|No such file or directory")


def test_connections_are_logged_with_l_only():
    port = free_port()
    with Daemon(say(port), "-l") as d:
        assert ask(port) == b"hello\n"
        d.wait_log(rf"{port}: 127\.0\.0\.1:\d+: started pid \d+")
        d.wait_log(rf"{port}: .*pid \d+ ended: exit 0")
    with Daemon(say(port)) as d:
        assert ask(port) == b"hello\n"
        assert d.stop() == 0
        assert not d.lines_like("started pid")


def test_debug_says_more():
    port, logs = free_port(), []
    for options in ((), ("-d",)):
        with Daemon(say(port), *options) as d:
            assert ask(port) == b"hello\n"
            d.wait_log("ended: exit 0")
            assert d.stop() == 0
        assert all(line.startswith("inetd: ") for line in d.lines), d.log()
        logs.append(d.lines)
    assert len(logs[1]) > len(logs[0])


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_signals_stop_it_in_order(number):
    port = free_port()
    with Daemon(say(port)) as d:
        assert ask(port) == b"hello\n"
        d.signal(number)
        d.wait_notify("STOPPING=1")
        assert d.process.wait(PATIENCE) == 0
        with pytest.raises(ConnectionRefusedError):
            ask(port)
        with Daemon(say(port)):  # nothing of it is left on the port
            assert ask(port) == b"hello\n"


def test_daemon_goes_to_the_background(workdir, conf):
    """Without -i: the caller gets its prompt back once the services are there."""
    port, other, pid_file = free_port(), free_port(), workdir / "inetd.pid"
    lines = say(port) + f"{other} stream tcp nowait {ME} /bin/cat cat /proc/self/stat\n"
    done = subprocess.run([str(INETD), "--control", "none", "-p", str(pid_file), str(conf(lines))],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, cwd="/")
    assert done.returncode == 0, done.stderr
    pid = int(pid_file.read_text())
    try:
        assert ask(port) == b"hello\n"
        assert os.getsid(pid) != os.getsid(0)
        # The leader of its session has gone, and nobody can give that a terminal any more.
        fields = ask(other).decode().split()
        assert int(fields[0]) == int(fields[4]) and int(fields[5]) == os.getsid(pid) != pid
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert all(os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null" for fd in (0, 1))
    finally:
        handle = os.pidfd_open(pid)
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        assert select.select([handle], [], [], PATIENCE)[0]
        os.close(handle)
