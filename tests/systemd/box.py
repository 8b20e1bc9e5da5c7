"""What the tests say to the systemd of their box, and the clients that they send to the daemon."""

import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import threading
import time

PATIENCE = float(os.environ.get("INETD_TEST_PATIENCE", "30"))  # seconds until a wait has failed
SERVICES = pathlib.Path(__file__).resolve().parents[2] / "services"
CONF = pathlib.Path("/etc/inetd.conf")
INSTALLED = CONF.read_text() if CONF.exists() else ""


def run(*words, check=True, **options):
    """The command's output, errors included."""
    done = subprocess.run([*map(str, words)], text=True, stdin=subprocess.DEVNULL, timeout=2 * PATIENCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}"
    return done.stdout if check else done


def journal_text():
    run("journalctl", "--sync", check=False)
    return run("journalctl", "--no-pager", "-n", "80", "-o", "short-monotonic", check=False).stdout


class Cursor:
    """The place where the journal ends now; what comes after it can be waited for."""

    def __init__(self):
        run("journalctl", "--sync")
        self.last = json.loads(run("journalctl", "-n", "1", "-o", "json"))["__CURSOR"]

    def entries(self, *matches):
        """(--after-cursor leaves out the first one that matches unless the last one did as well.)"""
        run("journalctl", "--sync")
        lines = run("journalctl", "-o", "json", "--all", "--cursor", self.last, *matches).splitlines()
        found = [json.loads(line) for line in lines]
        return [entry for entry in found if entry["__CURSOR"] != self.last]

    def wait(self, pattern, *matches):
        """The first entry whose message matches."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for entry in self.entries(*matches):
                if re.search(pattern, str(entry.get("MESSAGE", ""))):
                    return entry
        raise AssertionError(f"no message like {pattern!r}")


class Unit:
    """inetd.service, or another unit, from the outside."""

    def __init__(self, name="inetd.service"):
        self.name = name
        self.drop_ins = pathlib.Path(f"/run/systemd/system/{name}.d")

    def show(self, name):
        return run("systemctl", "show", "-P", name, self.name).strip()

    @property
    def pid(self):
        return int(self.show("MainPID"))

    def start(self, conf, drop_in=""):
        CONF.write_text(conf)
        if drop_in:
            self.drop_in(drop_in)
        run("systemctl", "start", self.name)
        return self.pid

    def drop_in(self, text):
        self.drop_ins.mkdir(parents=True, exist_ok=True)
        (self.drop_ins / "test.conf").write_text(text)
        run("systemctl", "daemon-reload")

    def reload(self, conf=None):
        """The exit status of `systemctl reload`."""
        if conf is not None:
            CONF.write_text(conf)
        return run("systemctl", "reload", self.name, check=False).returncode

    def restart(self):
        run("systemctl", "restart", self.name)

    def stop(self):
        run("systemctl", "stop", self.name)

    def kill(self, number):
        os.kill(self.pid, number)

    def members(self):
        """The processes in the control group of the unit."""
        group = self.show("ControlGroup") or f"/system.slice/{self.name}"
        found = []
        for top in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            for path in pathlib.Path(top + group).rglob("cgroup.procs"):
                found += map(int, path.read_text().split())
        return found

    def clear(self):
        run("systemctl", "kill", "--kill-who=all", "-s", "KILL", self.name, check=False)
        run("systemctl", "stop", self.name, check=False)
        for pid in self.members():
            os.kill(pid, signal.SIGKILL)
        for path in self.drop_ins.glob("*"):
            path.unlink()
        CONF.write_text(INSTALLED)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", self.name, check=False)


def wait_end(pid):
    """Until a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = select.select([descriptor], [], [], PATIENCE)[0]
    os.close(descriptor)
    assert ended, f"{pid} is still there"


def connect(port, family=socket.AF_INET):
    s = socket.socket(family)
    s.settimeout(PATIENCE)
    s.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    return s


def ask(port, data=b"", **options):
    """Sends, closes the sending half, returns all that comes until the end."""
    with connect(port, **options) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


class Session:
    """A connection to something that echoes, kept open."""

    def __init__(self, port):
        self.socket = connect(port)
        self.say()

    def say(self, word=b"hello\n"):
        self.socket.sendall(word)
        got = b""
        while len(got) < len(word):
            part = self.socket.recv(len(word) - len(got))
            assert part, "the session has ended"
            got += part
        assert got == word

    def ended(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


class Load:
    """Clients that come one after the other, each of which wants its word back."""

    def __init__(self, port, clients=4):
        self.port, self.done, self.failures = port, 0, []
        self._stop = threading.Event()
        self._more = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def _run(self):
        while not self._stop.is_set():
            try:
                answer = ask(self.port, b"load\n")
                failure = None if answer == b"load\n" else f"answered {answer!r}"
            except OSError as error:
                failure = repr(error)
            with self._more:
                if failure:
                    self.failures.append(failure)
                self.done += 1
                self._more.notify_all()

    def wait(self, more=100):
        """Until so many more clients have come and gone."""
        with self._more:
            goal = self.done + more
            assert self._more.wait_for(lambda: self.done >= goal, PATIENCE), "clients are stuck"

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.wait(20)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def eventually(condition, what):
    """For a property of a unit that changes by itself; to ask systemd takes its time, so no sleep."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
