"""`inetctl top` on a real terminal (tmux): what it shows and how it ends."""

import os
import re
import signal

import pytest

from harness import ME, Daemon, ask, connect, free_port, inetctl
from screen import SPIN, services, terminal, titles, top
from support import children, script, stat_fields, wait_for_end, wait_until


def names(screen):
    """The first cell of each row of the table."""
    return [line.split()[0] for line in screen[4:-1] if "/" in line.split("  ")[0]]


def running_top(d):
    """The pid of the top that watches this daemon."""
    def find():
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{entry}/cmdline").read().split("\0")
            except OSError:
                continue
            if str(d.control) in words and "top" in words:
                return int(entry)
        return None
    return wait_until(find, "top runs")


@pytest.mark.needs("tmux")
def test_the_screen(terminal):
    """What is on it, by which column it is sorted, and that q leaves the terminal as it was."""
    (one, two, three), conf = services(3)
    with Daemon(conf, control=True) as d:
        before = terminal.settings("before")
        terminal.run("echo stays here")
        terminal.wait("^stays here$")
        terminal.run(top(d))
        screen = terminal.wait(rf"^{three}/tcp")
        assert re.match(rf"inetd [\d.]+, pid {d.pid}, up \d+ s, itself [\d.]+M memory", screen[0])
        assert re.match(r"3 services, 0 failed, 0 running, ", screen[1])
        assert titles(screen) == ["SERVICE", "ADDRESS", "STATE", "RUNNING", "ACC/S↓", "REF/S", "CPU%",
                                  "MEMORY", "ACCEPTED", "REFUSED", "LAST", "USE"]
        assert names(screen) == [f"{port}/tcp" for port in (one, two, three)]
        assert screen[11].startswith("q quit")
        ask(two, b"x")
        terminal.wait(rf"^{two}/tcp .* listening +0/256 +\S+ +\S+ +- +- +1 ")
        terminal.press("A")
        screen = terminal.wait("ACCEPTED↓")
        assert names(screen) == [f"{port}/tcp" for port in (two, one, three)]
        terminal.press("r")
        assert names(terminal.wait("ACCEPTED↑"))[-1] == f"{two}/tcp"
        terminal.press(">")
        terminal.wait("REFUSED↓")
        terminal.press("Left", "Left")
        terminal.wait("MEMORY↓")
        terminal.press("n", "r")
        assert names(terminal.wait("SERVICE↓")) == [f"{port}/tcp" for port in (three, two, one)]
        with connect(two) as held:
            held.sendall(b"x")
            terminal.wait(rf"^{two}/tcp .* 1/256 ")
        terminal.press("q")
        screen = terminal.wait(r"^(. )?ended 0\.$")
        assert "stays here" in screen and "SERVICE↓" not in screen
        assert terminal.settings("after") == before


@pytest.mark.needs("tmux")
def test_rates_and_servers(terminal, workdir):
    """Accepted a second while somebody connects, and what a busy server takes."""
    (echo,), conf = services(1)
    spin = free_port()
    conf += f"127.0.0.1:{spin} stream tcp nowait {ME} {script(workdir / 'spin', SPIN)}\n"
    with Daemon(conf, control=True) as d, connect(spin) as busy:
        assert busy.recv(3) == b"on\n"
        terminal.run(top(d, "--sort", "cpu"))
        screen = terminal.wait(rf"^{spin}/tcp .* 1/256 +\S+ +\S+ +[1-9][\d.]* +[\d.]+M ")
        assert names(screen)[0] == f"{spin}/tcp"

        def rate():
            ask(echo, b"x")
            return re.search(rf"^{echo}/tcp .* 0/256 +([\d.]+) ", "\n".join(terminal.screen()), re.M)

        wait_until(lambda: (found := rate()) and float(found[1]) > 0, "there is a rate")
        for pid in children(d.pid):
            os.kill(pid, signal.SIGKILL)
        terminal.wait(rf"^{spin}/tcp .* 0/256 +\S+ +\S+ +- +- ")
        terminal.press("q")
        terminal.wait(r"^(. )?ended 0\.$")


@pytest.mark.needs("tmux")
def test_resizing(terminal):
    """Fewer columns where it is narrow, fewer rows where it is low, and all of it back."""
    ports, conf = services(20)
    with Daemon(conf, control=True) as d:
        terminal.run(top(d, "--sort", "service"))
        screen = terminal.wait("SERVICE↑")
        assert names(screen) == [f"{port}/tcp" for port in ports[:7]]
        assert screen[11].startswith("1-7 of 20  q quit")
        for columns, last in ((100, "LAST USE"), (60, "MEMORY"), (40, "CPU%"), (25, "ACC/S")):
            terminal.resize(columns, 12)
            screen = terminal.wait(rf"^SERVICE↑ .*{last}$")
            assert all(len(line) <= columns for line in screen)
            assert names(screen) == [f"{port}/tcp" for port in ports[:7]], screen
        assert screen[1].endswith("…")
        terminal.resize(120, 30)
        screen = terminal.wait(f"^{ports[-1]}/tcp")
        assert names(screen) == [f"{port}/tcp" for port in ports] and "ADDRESS" in titles(screen)
        terminal.resize(120, 8)
        terminal.wait("^1-3 of 20")
        terminal.press("Down")
        assert names(terminal.wait("^2-4 of 20"))[0] == f"{ports[1]}/tcp"
        terminal.press("NPage")
        terminal.wait("^5-7 of 20")
        terminal.press("End")
        terminal.wait("^18-20 of 20")
        terminal.press("Home", "j", "k", "j")
        terminal.wait("^2-4 of 20")
        terminal.resize(120, 2)
        terminal.resize(10, 1)
        terminal.resize(120, 12)
        terminal.wait("^2-8 of 20")
        terminal.press("q")
        terminal.wait(r"^(. )?ended 0\.$")


@pytest.mark.needs("tmux")
def test_however_it_ends_the_terminal_is_as_it_was(terminal, workdir):
    _, conf = services(1)
    before = terminal.settings("before")
    with Daemon(conf, control=True) as d:
        terminal.run(top(d))
        terminal.wait("SERVICE")
        terminal.press("C-c")
        terminal.wait(r"^(. )?ended 0\.$")
        assert terminal.settings("interrupted") == before
        for number in (signal.SIGTERM, signal.SIGHUP):
            terminal.run("clear")
            terminal.run(top(d))
            terminal.wait("SERVICE")
            os.kill(running_top(d), number)
            terminal.wait(rf"^(. )?ended {128 + number}\.$")
            assert terminal.settings(f"after-{number}") == before
        # Stopped and gone on with, as by Ctrl-Z.
        terminal.run("clear; set -m")
        terminal.run(top(d))
        terminal.wait("SERVICE")
        terminal.press("C-z")
        terminal.wait("Stopped")
        assert terminal.settings("stopped") == before
        terminal.run("fg")
        terminal.wait("SERVICE")
        terminal.press("q")
        terminal.wait(r"^[#$] ?$")
        assert terminal.settings("continued") == before
        terminal.run("clear")
        terminal.run(top(d))
        terminal.wait("SERVICE")
        pid = running_top(d)
        # A daemon that hangs is said to, and q works all the same.
        d.signal(signal.SIGSTOP)
        try:
            terminal.wait("inetd does not answer")
            terminal.press("q")
            terminal.wait(r"^(. )?ended 0\.$")
        finally:
            d.signal(signal.SIGCONT)
        assert not os.path.exists(f"/proc/{pid}") or stat_fields(pid)[0] == "Z"
        terminal.run("clear")
        terminal.run(top(d))
        terminal.wait("SERVICE")
    # It has ended.
    screen = terminal.wait(r"^(. )?ended 4\.$")
    assert any("cannot reach inetd" in line for line in screen)
    assert terminal.settings("lost") == before


@pytest.mark.needs("tmux")
def test_a_job_that_has_stopped_can_be_ended(terminal):
    """Which is in the background then, where the terminal is not its own."""
    _, conf = services(1)
    with Daemon(conf, control=True) as d:
        terminal.run("PS1='ready>' exec bash --norc --noprofile")
        terminal.wait("^ready>$")
        before = terminal.settings("before")
        watch = top(d).partition(";")[0]

        def ends(pid):
            wait_until(lambda: stat_fields(pid)[0] == "T", "it has stopped")
            terminal.run("")
            terminal.wait("Stopped")
            assert terminal.settings(f"stopped-{pid}") == before
            terminal.run("kill %1")
            wait_for_end(pid)
            terminal.run("wait; clear; jobs; echo ended $?.")
            screen = terminal.wait(r"^ended \S+\.$")
            assert "SERVICE" not in "".join(screen)
            assert terminal.settings(f"ended-{pid}") == before
            terminal.run("clear")
            terminal.wait(r"\Aready>$")

        terminal.run(watch)
        terminal.wait("SERVICE")
        pid = running_top(d)
        terminal.press("C-z")
        ends(pid)
        terminal.run(watch)  # whom somebody else stops
        terminal.wait("SERVICE")
        pid = running_top(d)
        os.kill(pid, signal.SIGSTOP)
        ends(pid)
        terminal.run(f"{watch} &")  # that never was in front
        ends(running_top(d))
        terminal.run(watch)
        terminal.wait("SERVICE")
        pid = running_top(d)

        def jobs():
            terminal.run("clear; jobs")
            return "\n".join(terminal.screen())

        for _ in range(2):  # bg is no help, but does no harm
            terminal.press("C-z")
            terminal.wait("Stopped")
            terminal.run("clear; bg")
            terminal.wait(r"\A\[1\].* &$")
            wait_until(lambda: "Stopped" in jobs(), "it has stopped")
            terminal.run("clear; fg")
            terminal.wait("SERVICE")
        terminal.press("q")
        wait_for_end(pid)
        terminal.wait("^ready>$")
        assert terminal.settings("last") == before


@pytest.mark.needs("tmux")
def test_it_survives_a_change_of_the_binary(terminal):
    (one,), conf = services(1)
    with Daemon(conf, control=True) as d:
        terminal.run(top(d))
        terminal.wait("SERVICE")
        assert inetctl("-s", d.control, "upgrade").returncode == 0
        ask(one, b"x")
        terminal.wait(rf"^{one}/tcp .* 1 ")
        terminal.press("q")
        terminal.wait(r"^(. )?ended 0\.$")
