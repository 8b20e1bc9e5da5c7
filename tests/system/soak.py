"""Everything at once for a long time: clients of all kinds of services, reloads, changes of the
binary, callers of the control socket, servers that are killed. At the end each connection was
answered, or is counted as refused, or had its server killed; and the daemon has nothing more than at
its beginning."""

import argparse
import collections
import contextlib
import errno
import json
import multiprocessing
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from fault_world import open_by_kind
from harness import BUILD, ENVIRONMENT, FORGETFUL, ME, PATIENCE, Daemon, free_port
from openmetrics import families
from support import build_option, children, end_parsers, own_memory, wait_until
from varlink import Control

LINES = """127.0.0.1:%(echo)d stream tcp4 nowait %(me)s internal echo
127.0.0.1:%(echo)d dgram udp4 wait %(me)s internal echo
127.0.0.1:%(closed)d stream tcp4 nowait %(me)s internal echo
127.0.0.1:%(relay)d stream tcp4 nowait %(me)s internal redirect 127.0.0.1 %(echo)d
127.0.0.1:%(mux)d stream tcp4 nowait %(me)s internal tcpmux
tcpmux/+cat stream tcp4 nowait %(me)s /bin/cat
127.0.0.1:%(cat)d stream tcp4 nowait %(me)s /bin/cat
127.0.0.1:%(few)d stream tcp4 nowait %(me)s /bin/cat
127.0.0.1:%(wait)d stream tcp4 wait %(me)s %(model)s model epoll 1
127.0.0.1:%(rude)d stream tcp4 nowait %(me)s internal echo
127.0.0.1:%(rough)d stream tcp4 nowait %(me)s /bin/cat
"""
EXTRA = "127.0.0.1:%(extra)d stream tcp4 nowait/%(turn)d %(me)s internal echo\n"
SETTINGS = """
daemon = { log_connections = true; log_target = "%(dir)s/log"; };
services = ( { name = "%(closed)d"; no_access = ["127.0.0.2"]; },
             { name = "%(few)d"; instances = 1; overflow = "refuse"; } );
"""
STREAMS = ("echo", "closed", "relay", "mux", "cat", "few", "wait", "rude", "rough")
NAMES = (*STREAMS, "extra")
# How often a client goes where, of a hundred. Processes cost some ten times what built-ins do.
MIX = {"echo": 56, "closed": 18, "relay": 6, "wait": 4, "mux": 2, "cat": 5, "few": 2, "rude": 4,
       "rough": 1, "datagram": 2}
IP_BIND_ADDRESS_NO_PORT = 24
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close(2) sends RST


class Client:
    """One of them at a time, in a process of its own; counts (service, what became of it)."""

    def __init__(self, ports, seed):
        self.ports, self.random = ports, random.Random(seed)
        self.ends = collections.Counter()

    def come(self, name):
        if name == "datagram":
            self.datagram()
        elif name in ("rude", "rough"):
            self.rude(name)
        else:
            source = "127.0.0.2" if name == "closed" and self.random.random() < 0.5 else None
            self.ends[f"{name}2" if source else name, self.ask(name, source)] += 1

    def ask(self, name, source):
        request = {"mux": b"cat\r\nhello", "wait": b"5\n"}.get(name, b"hello")
        wanted = {"mux": b"+Go\r\nhello", "wait": b"xxxxx"}.get(name, b"hello")
        with socket.socket() as s:
            s.settimeout(PATIENCE)
            try:
                if source:
                    s.setsockopt(socket.SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                    s.bind((source, 0))
                s.connect(("127.0.0.1", self.ports[name]))
                s.sendall(request)
                answer = b""
                while len(answer) < len(wanted):
                    part = s.recv(100)
                    if not part:
                        return "closed"
                    answer += part
                return "served" if answer == wanted else f"wrong: {answer!r}"
            except (ConnectionResetError, BrokenPipeError):
                return "closed"
            except OSError as problem:
                return repr(problem)

    def rude(self, name):
        """Goes away at some moment, without a word."""
        s = socket.socket()
        with s, contextlib.suppress(ConnectionError):
            s.settimeout(PATIENCE)
            s.connect(("127.0.0.1", self.ports[name]))
            when = self.random.randrange(4)
            if when:
                s.sendall(b"hello" * self.random.choice((1, 10000)))
            if when == 2:
                try:
                    s.shutdown(socket.SHUT_WR)
                except OSError as problem:
                    if problem.errno != errno.ENOTCONN:  # a reset has come meanwhile
                        raise
            if when == 3:
                s.recv(3)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.ends[name, "gone"] += 1

    def datagram(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.ports["echo"]))
            s.send(b"hello")
            answered = select.select([s], [], [], PATIENCE)[0] and s.recv(100) == b"hello"
            self.ends["datagram", "served" if answered else "lost"] += 1

    def run(self, over, results):
        names = random.Random(self.random.random()).choices(
            list(MIX), list(MIX.values()), k=1000)
        while not over.is_set():
            for name in names:
                self.come(name)
            self.random.shuffle(names)
        results.put(self.ends)


class Soak:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.dir = tempfile.TemporaryDirectory(prefix="inetd-soak-")
        self.names = {"me": ME, "dir": self.dir.name, "turn": 1,
                      "model": BUILD / "services" / "models" / "model",
                      **{name: free_port() for name in NAMES}}
        settings = pathlib.Path(self.dir.name) / "inetd.cfg"
        settings.write_text(SETTINGS % self.names)
        self.daemon = Daemon(LINES % self.names, "-c", "0", "--settings", settings, control=True,
                             env=FORGETFUL)
        self.sockets = self.holdings()[0]["socket:[]"]
        self.did = collections.Counter()
        self.killed = 0

    def close(self):
        self.daemon.close()
        self.dir.cleanup()

    # What happens to the daemon meanwhile.

    def reload(self):
        self.names["turn"] += 1
        lines = LINES + (EXTRA if self.random.random() < 0.7 else "")
        self.daemon.rewrite(lines % self.names)
        pathlib.Path(self.dir.name, "log").unlink(missing_ok=True)  # it is opened anew
        with Control(self.daemon.control) as control:
            reply = control.call("Reload")
            assert reply["applied"], reply

    def refused_reload(self):
        self.daemon.rewrite((LINES + "nonsense\n") % self.names)
        with Control(self.daemon.control) as control:
            assert not control.call("Reload")["applied"]
        self.daemon.rewrite(LINES % self.names)  # a change of the binary reads it, too

    def upgrade(self):
        before = self.status()["generation"]
        self.daemon.signal(signal.SIGUSR2)
        wait_until(lambda: self.status()["generation"] == before + 1, "the binary is another one")

    def status(self):
        while True:
            with contextlib.suppress(OSError), Control(self.daemon.control) as control:
                return control.call("GetStatus")

    def look(self):
        with Control(self.daemon.control) as control:
            for method in ("List", "Metrics", "GetStatus", "Diff"):
                control.call(method)

    def pause(self):
        name = str(self.names[self.random.choice(("echo", "cat", "closed"))])
        with Control(self.daemon.control) as control:
            control.call("Pause", names=[name])
            control.call("Resume", names=[name])

    def vanish(self):
        """A caller that does not wait for its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.daemon.control))
            s.send(json.dumps({"method": "io.inetd.Control.List"}).encode() + b"\0")

    def kill(self):
        for pid in self.random.sample(sorted(children(self.daemon.pid)), k=1):
            comm = pathlib.Path(f"/proc/{pid}/comm")
            with contextlib.suppress(OSError):
                if comm.read_text().strip() in ("cat", "model"):
                    os.kill(pid, signal.SIGKILL)
                    self.killed += 1

    def disturb(self, deadline, upgrades):
        acts = {self.reload: 10, self.refused_reload: 2, self.look: 10, self.pause: 10,
                self.vanish: 10, self.kill: 10, self.upgrade: 3 if upgrades else 0}
        while time.monotonic() < deadline:
            act = self.random.choices(list(acts), list(acts.values()))[0]
            with contextlib.suppress(ValueError):  # nobody there to be killed
                act()
                self.did[act.__name__] += 1
            assert self.daemon.process.poll() is None, self.daemon.log()

    # What is there.

    def settle(self):
        """Everybody gone, and the lines of the beginning."""
        self.daemon.rewrite(LINES % self.names)
        with Control(self.daemon.control) as control:
            assert control.call("Reload")["applied"]

        def is_idle():
            end_parsers(self.daemon.pid)
            return (not children(self.daemon.pid) and self.status()["running"] == 0
                    and self.holdings()[0]["socket:[]"] == self.sockets)
        wait_until(is_idle, "all have gone")

    def holdings(self):
        return open_by_kind(self.daemon.pid), own_memory(self.daemon.pid)

    def counts(self):
        """{(service, what): number} of what the daemon has counted."""
        metrics = subprocess.run(
            [str(BUILD / "inetctl"), "--socket", str(self.daemon.control), "metrics"],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        names = {str(self.names[name]): name for name in NAMES}
        found = collections.Counter()
        for name, what in (("inetd_service_accepted", "accepted"),
                           ("inetd_service_refused", "refused")):
            for sample in families(metrics)[name].samples:
                service = names.get(sample.labels["service"], sample.labels["service"])
                if sample.labels["protocol"] == "tcp4" and sample.name.endswith("_total"):
                    found[service, what] += int(sample.value)
        return found

    def run(self, seconds, clients, upgrades):
        """Clients for so long; what became of them."""
        over, results = multiprocessing.Event(), multiprocessing.Queue()
        workers = [multiprocessing.Process(
            target=Client(self.names, self.random.random()).run, args=(over, results))
            for _ in range(clients)]
        for worker in workers:
            worker.start()
        try:
            self.disturb(time.monotonic() + seconds, upgrades)
        finally:
            over.set()
            ends = sum((results.get(timeout=10 * PATIENCE) for _ in workers), collections.Counter())
            for worker in workers:
                worker.join()
        return ends


def check(ends, counts, killed, anew):
    """What clients saw is what the daemon says. `anew`: relays that may have connected twice."""
    def came(name):
        return sum(n for (service, _), n in ends.items() if service == name)

    wrong = {key: n for key, n in ends.items()
             if key[1] not in ("served", "closed", "gone") and key[0] != "datagram"}
    assert not wrong, wrong
    assert ends["datagram", "lost"] <= came("datagram") / 100, ends
    for name in ("echo", "closed", "relay"):
        assert ends[name, "closed"] == 0, (name, ends)
    assert ends["closed2", "served"] == 0
    assert ends["closed2", "closed"] == counts["closed", "refused"]
    assert counts["closed", "accepted"] == came("closed")
    # A relay that is not connected yet when the binary changes connects anew.
    assert 0 <= counts["echo", "accepted"] - came("echo") - came("relay") <= anew, (ends, counts)
    assert counts["relay", "accepted"] == came("relay")
    assert counts["few", "accepted"] + counts["few", "refused"] == came("few"), (ends, counts)
    assert counts["cat", "accepted"] == came("cat") and not counts["cat", "refused"]
    lost = sum(ends[name, "closed"] for name in ("cat", "mux", "wait", "few"))
    assert lost - counts["few", "refused"] <= killed, (ends, counts, killed)
    for name in ("rude", "rough"):
        assert counts[name, "accepted"] <= came(name)
        assert not counts[name, "refused"]


def soak(seconds, clients, seed, say=print):
    """The number of connections. Changes of the binary are in the first half alone: what a process
    has lost is gone when it becomes another program."""
    it = Soak(seed)
    try:
        ends = it.run(seconds / 2, clients, upgrades=True)
        it.settle()
        before = it.holdings()
        ends += it.run(seconds / 2, clients, upgrades=False)
        it.settle()
        wait_until(lambda: it.holdings()[0] == before[0],
                   f"nothing is left open: {before[0]}, then {it.holdings()[0]}")
        grown = it.holdings()[1] - before[1]
        counts = it.counts()
        say(f"{sum(ends.values())} clients in {seconds:.0f} s (seed {seed}); {dict(it.did)}, "
            f"{it.killed} servers killed; {grown} KiB more than at half-time")
        for (service, end), n in sorted(ends.items()):
            say(f"  {service} {end}: {n}")
        say(f"  counted: {dict(counts)}")
        check(ends, counts, it.killed, clients * it.did["upgrade"])
        # A sanitizer's own memory grows with what is touched for the first time.
        assert grown < 512 or build_option("b_sanitize") != "none", f"{grown} KiB"
        assert it.daemon.stop() == 0
        return sum(ends.values())
    except BaseException:
        log = pathlib.Path(it.dir.name, "log")
        say(log.read_text()[-1500:] if log.exists() else it.daemon.log())
        raise
    finally:
        it.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--clients", type=int, default=3, help="processes of clients")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    soak(options.minutes * 60, options.clients, options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
