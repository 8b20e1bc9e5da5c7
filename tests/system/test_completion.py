"""Completion of inetctl in the real shells, against a daemon whose services are offered."""

import fcntl
import os
import pty
import select
import shlex
import struct
import subprocess
import termios
import time

import pytest

from harness import BUILD, ENVIRONMENT, ME, PATIENCE, ROOT, Daemon, free_port

FILES = ROOT / "etc" / "completion"
VERBS = {"status", "list", "show", "log", "metrics", "monitor", "check", "diff", "reload", "pause", "resume",
         "disable", "enable", "kill", "drain", "upgrade", "top", "try"}


def run(*command, **variables):
    done = subprocess.run(command, env={**ENVIRONMENT, "PATH": f"{BUILD}:{ENVIRONMENT['PATH']}",
                                        **variables},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and not done.stderr, done
    return set(done.stdout.split("\n")) - {""}


def bash(*words):
    script = (f"source {shlex.quote(str(FILES / 'inetctl.bash'))}\n"
              f"COMP_WORDS=({' '.join(map(shlex.quote, words))})\n"
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_inetctl\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
    return run("/bin/bash", "--norc", "-c", script)


@pytest.fixture
def d():
    ports = [free_port(), free_port()]
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n" for port in ports)
    with Daemon(conf, control=True) as daemon:
        daemon.names = {str(port) for port in ports}
        yield daemon


def offered_by_help():
    text = subprocess.run([BUILD / "inetctl", "--help"], capture_output=True, text=True).stdout
    return {line.split()[0] for line in text.partition("Subcommands:")[2].splitlines() if line[:2] == "  "
            and line[2] != " "}


def test_bash(d, workdir):
    assert VERBS <= offered_by_help()
    assert VERBS <= bash("inetctl", "")
    assert bash("inetctl", "mo") == {"monitor"}
    assert bash("inetctl", "--v") == {"--version"}
    at = ("inetctl", "-s", str(d.control))
    for verb in ("show", "pause", "resume", "disable", "enable", "kill", "log", "monitor", "try"):
        assert bash(*at, verb, "") == d.names, verb
    (first, _) = sorted(d.names)
    assert first in bash(*at, "show", first[:-1])
    assert bash(*at, "list", "--n") == {"--names"}
    assert "--save" in bash(*at, "disable", "-")
    assert "--save" not in bash(*at, "pause", "-")
    assert "--send" in bash(*at, "try", "--")
    assert "last-use" in bash(*at, "top", "--sort", "")
    assert "TERM" in bash(*at, "kill", "--signal", "")
    (workdir / "some.conf").touch()
    assert bash("inetctl", "diff", f"{workdir}/so") == {f"{workdir}/some.conf"}
    assert bash("inetctl", "-s", f"{workdir}/nobody", "show", "") == set()


@pytest.mark.needs("fish")
def test_fish(d, workdir):
    def fish(line):
        out = run("/usr/bin/fish", "--no-config", "-c",
                  f"source {FILES / 'inetctl.fish'}; complete -C {shlex.quote(line)}",
                  HOME=str(workdir))
        return {item.split("\t")[0] for item in out}

    assert fish("inetctl ") == VERBS
    assert fish(f"inetctl -s {d.control} show ") >= d.names
    assert "--save" in fish("inetctl disable --s")
    assert "last-use" in fish("inetctl top --sort ")
    assert "--send" in fish("inetctl try --")
    assert "--names" in fish("inetctl list --")


class Zsh:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, directory):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self.process = subprocess.Popen(
            ["/usr/bin/zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, cwd=directory,
            env={**ENVIRONMENT, "PATH": f"{BUILD}:{ENVIRONMENT['PATH']}", "TERM": "xterm",
                 "HOME": str(directory)})
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def ask(self, keys, *wanted):
        """Types the keys and reads until all that is wanted has been shown."""
        os.write(self.ours, keys.encode())
        said, deadline = "", time.monotonic() + PATIENCE
        while not all(word in said for word in wanted):
            assert select.select([self.ours], [], [], max(0, deadline - time.monotonic()))[0], said
            said += os.read(self.ours, 65536).decode(errors="replace")


@pytest.mark.needs("zsh")
def test_zsh(d, workdir):
    """The choices that it lists for a line that has been begun."""
    (workdir / "_inetctl").write_text((FILES / "_inetctl").read_text())
    with Zsh(workdir) as zsh:
        zsh.ask(f"fpath=({workdir} $fpath); autoload -Uz compinit && compinit -u -D; LISTMAX=9999\r"
                "bindkey '^X' list-choices; print READY$((1 + 1))\r", "READY2")
        zsh.ask("inetctl \x18", "monitor", "upgrade", "show the services")
        zsh.ask(f"\x15inetctl -s {d.control} show \x18", *d.names)
        zsh.ask("\x15inetctl disable --\x18", "--save")
        zsh.ask("\x15inetctl try --\x18", "--timeout")
        zsh.ask("\x15inetctl top --sort \x18", "last-use")
