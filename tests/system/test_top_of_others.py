"""`inetctl top` of daemons that know less, are lost or change, and its one table for scripts."""

import contextlib
import json
import socket
import threading

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, inetctl
from screen import SPIN, services, terminal, titles, top
from support import script

MOST_CALLERS = 16


class OtherDaemon:
    """What answers at a control socket as an inetd of another version would. `replies` tells for each
    List, in turn, what comes: None is the end of the connection."""

    def __init__(self, directory, *replies):
        self.control = directory / "other"
        self.replies = list(replies)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.control))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.replies:
            with self.listener.accept()[0] as client, client.makefile("rwb") as stream:
                while self.replies and (call := self.read(stream)):
                    reply = {"parameters": {"version": "9", "started": 0, "pid": 1}}
                    if call["method"] == "io.inetd.Control.List":
                        reply = self.replies.pop(0)
                    if reply is None:
                        break
                    stream.write(json.dumps(reply).encode() + b"\0")
                    stream.flush()

    @staticmethod
    def read(stream):
        text = b""
        while part := stream.read(1):
            if part == b"\0":
                return json.loads(text)
            text += part
        return None

    def close(self):
        self.thread.join(PATIENCE)
        self.listener.close()
        assert not self.replies


UNKNOWN = {"error": "org.varlink.service.MethodNotFound", "parameters": {"method": "List"}}


def test_a_daemon_that_refuses_is_not_lost(workdir):
    """It is told what it said, with the status that the other verbs have."""
    with contextlib.closing(OtherDaemon(workdir, UNKNOWN)) as other:
        done = inetctl("-s", other.control, "top", "--once", "-d", "0.1")
        assert done.returncode == 1 and "does not know how to do that" in done.stderr, done
    with Daemon("", control=True) as d, contextlib.ExitStack() as stack:
        for _ in range(MOST_CALLERS):
            s = stack.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(str(d.control))
        done = inetctl("-s", d.control, "top", "--once")
        assert (done.returncode, done.stderr) == (
            4, "inetctl: all connections of inetd for this are in use; try again later\n")


@pytest.mark.needs("tmux")
def test_on_the_screen_a_refusal_is_the_end_and_a_lost_connection_is_none(terminal, workdir):
    """After which the daemon is asked at once, however long the interval is."""
    with contextlib.closing(OtherDaemon(workdir, {"parameters": {"services": []}}, UNKNOWN)) as other:
        terminal.run(top(other))
        screen = terminal.wait(r"^(. )?ended 1\.$")
        assert any("does not know how to do that" in line for line in screen), screen
    (workdir / "other").unlink()
    with contextlib.closing(OtherDaemon(workdir, None, {"parameters": {"services": []}})) as other:
        terminal.run("clear")
        terminal.run(top(other, interval=3600))
        terminal.wait("there are no services")
        other.thread.join(PATIENCE)
        assert not other.replies
        terminal.press("q")
        terminal.wait(r"^(. )?ended 0\.$")


@pytest.mark.needs("tmux")
def test_colours_only_where_they_are_allowed(terminal):
    (_,), conf = services(1)
    with Daemon(conf, control=True) as d:
        for variables, coloured in (("", True), ("NO_COLOR=1 ", False)):
            terminal.run("clear")
            terminal.wait(r"\A[#$] ?$")  # or the screen of the round before would be taken for this one's
            terminal.run(variables + top(d))
            terminal.wait("listening")
            assert ("\033[32m" in "\n".join(terminal.screen(colours=True))) == coloured
            terminal.press("q")
            terminal.wait(r"^(. )?ended 0\.$")
        for variables in ("TERM=dumb ", "TERM= "):
            terminal.run("clear")
            terminal.wait(r"\A[#$] ?$")
            terminal.run(variables + top(d))
            terminal.wait(r"--once prints one table$")
            terminal.wait(r"^(. )?ended 2\.$")


def test_one_table(workdir):
    """For what is no terminal."""
    (echo, taken), conf = services(2)
    spin = free_port()
    conf += f"127.0.0.1:{spin} stream tcp nowait {ME} {script(workdir / 'spin', SPIN)}\n"
    with Daemon(conf, control=True) as d, connect(spin) as busy:
        assert busy.recv(3) == b"on\n"
        ask(echo, b"x")

        def run(*arguments, status=0):
            done = inetctl("-s", d.control, "top", *arguments)
            assert done.returncode == status, done
            return done.stdout if status == 0 else done.stderr

        assert "no terminal; --once prints one table" in run(status=2)
        text = run("--once", "-d", "0.3", "--sort", "accepted", "--reverse")
        head, _, titles, *rows = text.splitlines()
        assert head.startswith("3 services, 0 failed, 1 running, ") and "ACCEPTED↑" in titles
        assert rows[0].startswith(f"{taken}/tcp") and len(rows) == 3
        told = json.loads(run("--json", "-d", "0.3", "--sort", "cpu"))
        assert told["seconds"] >= 0.3
        first, *others = told["services"]
        assert (first["name"], first["running"], first["accepted"]) == (f"{spin}/tcp", 1, 1)
        assert first["cpu"] > 0 and first["memory"] > 1_000_000
        assert all(other["cpu"] is None and other["accepted_rate"] == 0 for other in others)
        run("--sort", "nothing", status=2)
        run("--once", "-d", "0", status=2)
    assert inetctl("-s", "/nonexistent", "top", "--once").returncode == 4
