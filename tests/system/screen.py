"""`inetctl top` on a real terminal (tmux)."""

import re
import shlex
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, ME, PATIENCE, free_port
from support import wait_until

SPIN = """
import sys
sys.stdout.write("on\\n"); sys.stdout.flush()
while True: pass
"""


class Terminal:
    """A shell in a tmux of its own."""

    def __init__(self, directory, columns=120, rows=12):
        self.directory = directory
        self.environment = {**ENVIRONMENT, "TMUX_TMPDIR": str(directory), "LANG": "C.UTF-8",
                            "TERM": "xterm"}
        self.tmux("new-session", "-d", "-x", columns, "-y", rows, "exec sh")
        self.tmux("set-option", "-g", "status", "off")
        self.resize(columns, rows)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-L", "test", "-f", "/dev/null", *map(str, arguments)],
                              env=self.environment, capture_output=True, text=True,
                              timeout=PATIENCE)
        assert done.returncode == 0, done
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", columns, "-y", rows)

    def run(self, command):
        self.tmux("send-keys", "-l", command)
        self.tmux("send-keys", "Enter")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self, colours=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else [])).split("\n")

    def wait(self, pattern):
        """Until the screen looks like that; the screen."""
        last = []

        def looks_so():
            last[:] = self.screen()
            return re.search(pattern, "\n".join(last), re.M)

        try:
            wait_until(looks_so, pattern)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in\n" + "\n".join(last)) from None
        return list(last)

    def settings(self, name):
        """What stty says of the terminal, from the shell in it."""
        path = self.directory / name
        self.run(f"stty -a > {path}.new; mv {path}.new {path}")
        wait_until(path.exists, "stty has been run")
        return path.read_text()


@pytest.fixture
def terminal(workdir):
    with Terminal(workdir) as terminal:
        yield terminal


def top(d, *arguments, interval=0.1):
    words = [BUILD / "inetctl", "-s", d.control, "top", "-d", interval, *arguments]
    return f"{shlex.join(map(str, words))}; echo ended $?."


def titles(screen):
    return screen[3].split()


def services(count, kind="internal echo"):
    ports = sorted(free_port() for _ in range(count))
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} {kind}\n" for port in ports)
    return ports, conf
