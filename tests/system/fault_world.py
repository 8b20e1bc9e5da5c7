"""A daemon in which system calls can be made to fail, and its clients: what faults.py tries it with."""

import collections
import contextlib
import errno
import os
import pathlib
import re
import select
import signal
import socket
import tempfile
import time

from fault_injector import Injector
from harness import BUILD, FORGETFUL, PATIENCE, Daemon, ask, connect, free_port, read_all, udp
from support import epoll_timeout, servers, wait_until
from varlink import Control, VarlinkError

SERVER = BUILD / "tests/faults/fault_server"

SETTINGS = """daemon = { stop_timeout = 0; dump_file = "%(dir)s/dump"; };
services = (
  { name = "%(cat)d"; nice = 5; umask = "0077"; directory = "/tmp"; stderr = "log";
    ionice = "best-effort:7"; rlimits = { core = 0; }; groups = (5);
    no_new_privileges = true; capabilities = []; kill_on_disconnect = true;
    landlock = { read_only = ["/usr", "/lib", "/lib64", "/bin", "/etc"]; };
    log_on_success = ["PID", "HOST", "EXIT", "DURATION", "TRAFFIC"]; },
  { name = "%(echo)d"; idle_timeout = 60; });
"""
LINES = """%(echo)d stream tcp4 nowait root internal echo
%(daytime)d stream tcp4 nowait root internal daytime
%(relay)d stream tcp4 nowait root internal redirect 127.0.0.1 %(cat)d
%(auth)d stream tcp4 nowait root internal auth
%(http)d stream tcp4 nowait root internal metrics
%(mux)d stream tcp4 nowait root internal tcpmux
tcpmux/+hello stream tcp4 nowait root /bin/echo echo hello
%(cat)d stream tcp4 nowait nobody /bin/cat
%(one)d stream tcp4 wait root %(server)s
%(answer)d dgram udp4 wait root %(server)s
%(peer)d dgram udp4 nowait root %(server)s
%(pong)d dgram udp4 nowait root internal echo
"""
MORE = """%(extra)d stream tcp4 nowait root internal echo
%(extra)d dgram udp4 wait root %(server)s
%(dir)s/extra stream unix nowait root /bin/cat
"""
STREAMS = "echo daytime relay auth http mux cat one".split()
SPARE_PIPES = 4  # ends of what relays have left, for others to use
SEQPACKET = "0005"  # in /proc/net/unix
PORTS = [*STREAMS, "answer", "peer", "pong", "extra"]


def kind_of(link):
    return re.sub(r"[0-9]+|\(deleted\)", "", link)


def open_by_kind(pid):
    """A count of what a process has open, by kind."""
    kinds = collections.Counter()
    rows = pathlib.Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]
    packets = {f"socket:[{row.split()[6]}]" for row in rows if row.split()[4] == SEQPACKET}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            what = os.readlink(f"/proc/{pid}/fd/{fd}")
            kinds["passage" if what in packets else kind_of(what)] += 1
    return kinds


def served(function, *arguments, **keywords):
    """What a client gets that may be turned away, but not be forgotten."""
    try:
        return function(*arguments, **keywords)
    except TimeoutError:
        raise AssertionError(f"a client waits for ever: {arguments}") from None
    except (OSError, VarlinkError, AssertionError, TypeError):  # the last: closed before a reply
        return None


class World:
    """A daemon with one service of each kind, in which faults can be armed, and its clients."""

    def __init__(self, order="none", wait_ready=True):
        self.stack = contextlib.ExitStack()
        self.dir = pathlib.Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="inetd-faults-", ignore_cleanup_errors=True)))
        self.dir.chmod(0o755)
        self.names = {"dir": self.dir, "server": SERVER, **{name: free_port() for name in PORTS}}
        self.lines, self.more = LINES % self.names, (LINES + MORE) % self.names
        settings = self.dir / "inetd.cfg"
        settings.write_text(SETTINGS % self.names)
        self.injector = Injector(self.dir, order)
        self.stack.callback(self.injector.close)
        self.kept = 0  # children that are to stay
        self.daemon = Daemon(self.lines, "--settings", settings, wrap=self.injector.wrap,
                             control=True, wait_ready=wait_ready, env=FORGETFUL)

    def close(self):
        try:
            self.daemon.close()
        finally:
            self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        if name in PORTS:
            return self.names[name]
        raise AttributeError(name)

    def lives(self):
        return self.daemon.process.poll() is None

    def waits(self):
        """For events: it has dealt with those that there were."""
        with contextlib.suppress(OSError):
            return epoll_timeout(self.daemon.pid) is not None
        return False

    def is_idle(self):
        with contextlib.suppress(OSError):
            return self.waits() and len(servers(self.daemon.pid)) == self.kept
        return False

    def quiet(self):
        """Until there is nothing left to do."""
        looks = [None]

        def rests():
            looks.append(self.injector.tell() if self.is_idle() else None)
            return not self.lives() or (looks[-1] and looks[-1] == looks[-2])
        wait_until(rests, "the daemon rests", pause=0.003)

    def datagram(self, port):
        """One that is sent again while nobody answers."""
        with udp(port) as s:
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                with contextlib.suppress(ConnectionRefusedError):
                    s.send(b"hello")
                    if select.select([s], [], [], 0.5)[0]:
                        return s.recv(100)
        raise AssertionError(f"no answer to datagrams: {port}")

    def lost_datagram(self, port):
        """One that may be lost where there was a fault."""
        with udp(port) as s:
            s.send(b"hello")
            deadline = time.monotonic() + PATIENCE
            while not select.select([s], [], [], 0.02)[0]:
                assert time.monotonic() < deadline, "no answer to a datagram without any fault"
                if self.injector.tell()[0] and self.is_idle():
                    return

    def wait_until_open(self):
        """What could not be opened at the first try is tried again."""
        for name in STREAMS:
            wait_until(lambda: self.try_connect(self.names[name]), f"{name} is listened on")
        wait_until(lambda: served(self.call, "GetStatus"), "it can be asked")

    @staticmethod
    def try_connect(port):
        with contextlib.suppress(OSError), connect(port):
            return True
        return False

    def check(self):
        """That every kind of client is served, and then that nothing is left of them."""
        assert ask(self.echo, b"hello") == b"hello"
        assert ask(self.cat, b"hello") == b"hello"
        assert ask(self.relay, b"hello") == b"hello"
        assert ask(self.mux, b"hello\r\n").endswith(b"hello\n")
        assert ask(self.one, b"hello") == b"hello"
        for port in (self.answer, self.peer, self.pong):
            assert self.datagram(port) == b"hello", port
        with Control(self.daemon.control) as control:
            def is_clean():
                return control.call("GetStatus")["running"] == 0 and all(
                    service["state"] in ("listening", "muxed")
                    for service in control.call("List")["services"])
            wait_until(is_clean, "all listen, none runs")
        self.quiet()

    def baseline(self):
        self.fds = open_by_kind(self.daemon.pid)

    def check_left(self, reserve=frozenset()):
        """Nothing more is open, nor less but for reserves, which are taken again at need."""
        def difference():
            now = open_by_kind(self.daemon.pid)
            more, less = now - self.fds, self.fds - now
            if more["pipe:[]"] <= SPARE_PIPES:
                del more["pipe:[]"]
            return more or set(less) - {"/dev/null"} - reserve and less

        with contextlib.suppress(AssertionError):
            wait_until(lambda: not difference(), "as many as before", 5)
        assert not difference(), f"descriptors differ by {difference()}"

    def clients(self):
        """One of each kind, who do not wait for an answer."""
        for name in STREAMS:
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.names[name]))
            yield s
        for port in (self.answer, self.peer, self.pong):
            s = udp(port)
            with contextlib.suppress(ConnectionRefusedError):
                s.send(b"hello")
            yield s

    # The phases.

    def accept(self):
        for port in (self.echo, self.daytime, self.relay, self.auth, self.mux):
            served(ask, port, b"help\r\n")
        served(ask, self.http, b"GET /metrics HTTP/1.0\r\n\r\n")

    def spawn(self):
        served(ask, self.cat, b"hello")
        served(ask, self.mux, b"hello\r\n")
        served(ask, self.one, b"hello")

    def datagrams(self):
        for port in (self.answer, self.peer, self.pong):
            self.lost_datagram(port)

    def reload(self):
        self.daemon.rewrite(self.more)
        self.daemon.signal(signal.SIGHUP)

    def after_reload(self):
        with Control(self.daemon.control) as control:
            names = [service["name"] for service in control.call("List")["services"]]
            if str(self.extra) in names:
                wait_until(lambda: self.try_connect(self.extra), "the new line is listened on")
                assert ask(self.extra, b"hello") == b"hello"
                assert self.datagram(self.extra) == b"hello"
                with socket.socket(socket.AF_UNIX) as s:
                    wait_until(lambda: s.connect_ex(str(self.dir / "extra")) == 0, "extra is open")
            else:
                with socket.socket() as s:
                    assert s.connect_ex(("127.0.0.1", self.extra)) == errno.ECONNREFUSED
            self.daemon.rewrite(self.lines)
            applied = control.call("Reload")
            assert applied["applied"], applied

    def control(self):
        self.daemon.signal(signal.SIGUSR1)
        echo = [str(self.echo)]
        for name, parameters in (("GetStatus", {}), ("List", {}), ("Show", {"name": echo[0]}),
                                 ("Metrics", {}), ("Log", {"lines": 5}), ("Diff", {}),
                                 ("Pause", {"names": echo}), ("Resume", {"names": echo}),
                                 ("Disable", {"names": echo}), ("Enable", {"names": echo})):
            served(self.call, name, **parameters)

    def call(self, method, /, **parameters):
        with Control(self.daemon.control) as control:
            return control.call(method, **parameters)

    def after_control(self):
        self.call("Enable", names=[str(self.echo)])
        self.call("Resume", names=[str(self.echo)])
        wait_until(lambda: self.try_connect(self.echo), "what was enabled is listened on")

    def upgrade(self):
        self.session, self.client = connect(self.echo), connect(self.cat)
        for s in (self.session, self.client):
            s.sendall(b"1")
            served(s.recv, 1)
        self.kept = len(servers(self.daemon.pid))
        self.daemon.signal(signal.SIGUSR2)

    def after_upgrade(self):
        """Those who were there are served on, or have seen the end."""
        for s in (self.session, self.client):
            with s:
                served(s.sendall, b"2")
                if served(s.recv, 1):
                    served(s.shutdown, socket.SHUT_WR)
                    served(read_all, s)
        self.kept = 0
        self.wait_until_open()  # what the new binary has not known again is opened anew
