"""Starts the built daemon for a test and waits for events, never for time.

A Daemon owns the NOTIFY_SOCKET that it gives to its child, so `with Daemon(conf)` returns when the
daemon has said READY=1; its messages come over a pipe, so wait_log() returns with the line.
"""

import contextlib
import os
import pathlib
import pwd
import queue
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INETD_BUILD", ROOT / "build"))
INETD = BUILD / "inetd"
SERVICES = ROOT / "services"
PATIENCE = float(os.environ.get("INETD_TEST_PATIENCE", "60"))  # seconds until a wait has failed
ME = pwd.getpwuid(os.geteuid()).pw_name  # the user column where identity is not the point
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"}
# The sanitizers and the coverage of the build under test are steered by these.
ENVIRONMENT.update((name, value) for name, value in os.environ.items()
                   if name.endswith("SAN_OPTIONS") or name.startswith("INETD_TEST"))


def _sanitizer(*options):
    return {"ASAN_OPTIONS": ":".join((ENVIRONMENT.get("ASAN_OPTIONS", ""), *options))}


# For a Daemon whose memory is looked at: a sanitizer keeps neither what was freed nor old frames.
FORGETFUL = _sanitizer("quarantine_size_mb=0", "thread_local_quarantine_size_kb=0",
                       "detect_stack_use_after_return=0")
# For one that filters its system calls: a sanitizer looks for leaks with ptrace(2).
UNTRACED = _sanitizer("detect_leaks=0")
# Workers of pytest-xdist share the ports among them, or two could choose one at a time.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_given = set()


def _bindable(family, kind, address, port):
    with socket.socket(family, kind) as s:
        try:
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
            return True
        except OSError:
            return False


def _has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6):
        return True
    return False


HAS_IPV6 = _has_ipv6()


def _ports():
    """Those that the kernel gives to no outgoing connection: below ip_local_port_range, which begins
    at 32768 unless somebody has changed it, or above."""
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    first, last = map(int, text.split())
    below, above = range(12000, min(first, 32000)), range(last + 1, 65536)
    ports = max(below, above, key=len)
    assert len(ports) > 2000 * WORKERS, f"net.ipv4.ip_local_port_range leaves none: {text.strip()}"
    return ports


PORTS = _ports()


def free_port():
    """A port that is free for TCP and UDP over both families, and given to no other test of this run."""
    while True:
        port = random.choice(PORTS[WORKER % WORKERS::WORKERS])
        if port in _given:
            continue
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        if all(_bindable(socket.AF_INET, k, "0.0.0.0", port) for k in kinds) and (
            not HAS_IPV6 or all(_bindable(socket.AF_INET6, k, "::", port) for k in kinds)
        ):
            _given.add(port)
            return port


class Daemon:
    """`with Daemon("echo stream tcp nowait root internal") as d:` runs the built inetd -i; without
    a conf, as in `Daemon(None, "--exec", ...)`, what its options say."""

    def __init__(self, conf, *options, env=None, wrap=(), preexec=None, wait_ready=True,
                 control=False):
        """With `control`, or at that path, it can be asked at d.control; None: as its settings say."""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="inetd-test-"))
        self.dir.chmod(0o755)  # servers that run as nobody look at files in here
        self.conf = self.dir / "inetd.conf"
        if conf is not None:
            self.conf.write_text(conf)
        self.control = control if isinstance(control, pathlib.Path) else self.dir / "control"
        asked = [] if control is None else ["--control", str(self.control) if control else "none"]
        self._lines = []
        self._returned = set()  # the places in _lines that wait_log has given out
        self._ended = False
        self._arrived = threading.Condition(threading.RLock())
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self.dir / "notify"))
        (self.dir / "notify").chmod(0o666)  # a daemon that does not run as root reports as well
        environment = {**ENVIRONMENT, **(env or {}), "NOTIFY_SOCKET": str(self.dir / "notify")}
        self.process = subprocess.Popen(
            [*map(str, wrap), str(INETD), *([] if conf is None else ["-i"]), *asked,
             *map(str, options), *([] if conf is None else [str(self.conf)])],
            env=environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd="/",
            start_new_session=True, preexec_fn=preexec)
        self._rest = b""  # of the log, until the line is whole
        os.set_blocking(self.process.stderr.fileno(), False)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._told = queue.Queue()
        self._listener = threading.Thread(target=self._read_notifications, daemon=True)
        self._listener.start()
        if wait_ready:
            try:
                self.wait_notify("READY=1")
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        return self.process.pid

    def _read_log(self):
        pipe = select.poll()  # select(2) knows the lowest 1024 alone
        pipe.register(self.process.stderr, select.POLLIN)
        while not self._ended:
            pipe.poll()
            self._take_log()

    def _take_log(self):
        """All that the daemon has written until now, whichever thread asks first."""
        with self._arrived:
            while not self._ended:
                try:
                    part = os.read(self.process.stderr.fileno(), 65536)
                except BlockingIOError:
                    break
                self._ended = not part
                *whole, self._rest = (self._rest + part).split(b"\n")
                whole += [self._rest] if self._ended and self._rest else []
                self._lines += [raw.decode(errors="replace") for raw in whole]
            self._arrived.notify_all()

    @property
    def lines(self):
        """Of the log: what the daemon has written by the time of the call is there, no less."""
        self._take_log()
        return self._lines

    def _read_notifications(self):
        """Read as they come, as a supervisor does: the socket holds only a few."""
        while message := self._notify.recv(65536):
            self._told.put(message.decode())

    def log(self):
        return "\n".join(self.lines)

    def lines_like(self, pattern):
        return [line for line in list(self.lines) if re.search(pattern, line)]

    def wait_log(self, pattern, timeout=PATIENCE):
        """The first line, old or new and not yet returned by wait_log, that matches."""
        seen = 0
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                for at in range(seen, len(self._lines)):
                    if at not in self._returned and re.search(pattern, self._lines[at]):
                        self._returned.add(at)
                        return self._lines[at]
                seen = len(self._lines)
                if self._ended:
                    raise AssertionError(
                        f"the daemon ended without a line like {pattern!r}:\n{self.log()}")
                if not self._arrived.wait(max(0, deadline - time.monotonic())) and (
                        time.monotonic() >= deadline):
                    raise AssertionError(f"no line like {pattern!r} in:\n{self.log()}")

    def wait_notify(self, wanted, timeout=PATIENCE):
        """The first notification that holds the line `wanted`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                message = self._told.get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is None:
                    continue
                self._reader.join(PATIENCE)
                raise AssertionError(
                    f"the daemon ended with {self.process.returncode}:\n{self.log()}") from None
            if wanted in message.split("\n"):
                return message
        raise AssertionError(f"no {wanted} within {timeout} s:\n{self.log()}")

    def signal(self, number):
        self.process.send_signal(number)

    def rewrite(self, conf):
        """As an editor does it: the daemon may be reading the file at this moment."""
        new = self.conf.with_name("inetd.conf.new")
        new.write_text(conf)
        os.replace(new, self.conf)

    def reload(self, conf=None, expect=r"reload: "):
        """Writes the new configuration, sends SIGHUP, returns the log line that reports it. A daemon
        that executes itself for it serves again by then."""
        if conf is not None:
            self.rewrite(conf)
        begun = len(self.lines)
        old = [line for at, line in enumerate(self.lines)
               if at not in self._returned and re.search(expect, line)]
        assert not old, f"this would be taken for the report: {old}"
        self.signal(signal.SIGHUP)
        report = self.wait_log(expect)
        if any("executing inetd anew for" in line for line in self.lines[begun:]):
            self.wait_notify(f"MAINPID={self.pid}")
        return report

    def stop(self, timeout=PATIENCE):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def close(self):
        try:
            if self.process.poll() is None:
                self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the daemon did not stop on SIGTERM:\n{self.log()}") from None
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.sendto(b"", str(self.dir / "notify"))  # ends the thread that reads it
            self._listener.join(PATIENCE)
            self._notify.close()
            shutil.rmtree(self.dir, ignore_errors=True)
        sanitizer = [l for l in self.lines if "Sanitizer" in l or "runtime error:" in l]
        assert not sanitizer, self.log()


def run_inetd(*arguments):
    """Runs the built inetd to its end: what --check, --help and usage errors do."""
    return subprocess.run([str(INETD), *map(str, arguments)], env=ENVIRONMENT, text=True, cwd="/",
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)


def inetctl(*arguments, env=None, user=None):
    """Runs the built inetctl to its end; its output is no terminal."""
    return subprocess.run([str(BUILD / "inetctl"), *map(str, arguments)], text=True, cwd="/",
                          env={**ENVIRONMENT, **(env or {})}, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=PATIENCE, user=user)


def connect(port, host="127.0.0.1", timeout=PATIENCE):
    return socket.create_connection((host, port), timeout=timeout)


def ask(port, data=b"", host="127.0.0.1", timeout=PATIENCE):
    """Connects, sends, closes the sending half, returns all that comes until the end."""
    with connect(port, host, timeout) as s:
        if data:
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def read_all(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def udp(port, host="127.0.0.1", timeout=PATIENCE):
    """A UDP socket connected to the port."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    s.connect((host, port))
    return s
