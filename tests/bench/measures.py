"""What is measured. A measure is a function of a server class that starts it, loads it and returns
figures by name, or None where that server cannot do it."""

import json
import os
import socket
import subprocess
import threading
import time

import machine
from peers import Inetd, Service

BASE = 10000  # of the ports


class Bench:
    """Where the programs are, how long to measure, and what to do it with."""

    def __init__(self, build, directory, seconds):
        self.load_path = f"{build}/tests/bench/load"
        self.hello = f"{build}/tests/bench/hello"
        self.answer = f"{build}/tests/bench/answer"
        self.multiplex = f"{build}/tests/bench/multiplex"
        self.decide = f"{build}/tests/bench/decide"
        self.models = f"{build}/services/models"
        self.directory = directory
        self.seconds = seconds
        self.connections = 2000 * max(1, int(seconds))  # where so many are measured, not so long

    def load(self, mode, *arguments):
        return machine.load(self.load_path, mode, *arguments)

    @property
    def ms(self):
        return int(self.seconds * 1000)


def spawn(bench, cls, clients, services=1, program=None, half_close=0):
    """Connections a second, each with a server of its own."""
    lines = [Service(BASE + i, program or (bench.hello,)) for i in range(services)]
    if not cls.can(lines):
        return None
    with cls(bench.directory) as server:
        server.start(lines)
        bench.load("spawn", BASE, services, clients, min(bench.ms // 2, 300), half_close)
        own, all_ = machine.own_cpu(server.pid), machine.cpu_with_children(server.pid)
        got = bench.load("spawn", BASE, services, clients, bench.ms, half_close)
        own = machine.own_cpu(server.pid) - own
        all_ = machine.cpu_with_children(server.pid) - all_
        served = got["served"]
        if served == 0:
            raise RuntimeError("served nobody")
        return got | {"cpu_us": own / 1000 / served, "all_cpu_us": all_ / 1000 / served}


def startup(bench, cls, services):
    lines = [Service(BASE + i, (bench.hello,)) for i in range(services)]
    if not cls.can(lines):
        return None
    with cls(bench.directory) as server:
        seconds = server.start(lines)
        return {"start_ms": seconds * 1000, "pss_kib": machine.steady_pss_kib(server.pid)}


def memory(bench, cls):
    lines = [Service(BASE + i, (bench.hello,)) for i in range(10)]
    if not cls.can(lines):
        return None
    with cls(bench.directory) as server:
        server.start(lines)
        # A first client may load what a server loads late.
        for line in lines:
            with socket.create_connection(("127.0.0.1", line.port)) as s:
                s.settimeout(5)
                while s.recv(100):
                    pass
        return {"pss_kib": machine.steady_pss_kib(server.pid)}


def builtin(bench, cls, name, mode, *arguments, kind="stream"):
    # busybox knows its built-in services by their well-known ports alone.
    port = {"echo": 7, "discard": 9, "daytime": 13, "chargen": 19}[name]
    line = Service(port, builtin=name, kind=kind, wait=kind == "dgram" and cls is not Inetd)
    if not cls.can([line]):
        return None
    with cls(bench.directory) as server:
        server.start([line])
        # Two that take turns are measured on one processor: on two it is a matter of luck whether
        # the scheduler puts them together, which is twice as fast.
        if arguments and arguments[0] == 1 and mode in ("echo", "datagrams"):
            os.sched_setaffinity(server.pid, {0})
            os.sched_setaffinity(0, {0})
        before = machine.own_cpu(server.pid)
        try:
            got = bench.load(mode, port, *arguments, bench.ms)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))
        return got | {"cpu_s": (machine.own_cpu(server.pid) - before) / 1e9}


def idle(bench, cls, connections):
    line = Service(7, builtin="echo")
    if not cls.can([line]):
        return None
    group = machine.MemoryGroup(f"inetd-bench-{os.getpid()}")
    with group, cls(bench.directory) as server:
        server.settings = "defaults = { instances = 0; };\n"  # ours; the others have none anyway
        server.start([line])
        group.add(server.pid)
        pss, charged = machine.pss_kib(server.pid), group.charged_kib()
        with subprocess.Popen([bench.load_path, "idle", "7", str(connections)], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
            server.beside.add(clients.pid)
            said = clients.stdout.readline()
            if not said:
                raise RuntimeError("the clients did not come that far")
            got = {"served": json.loads(said)["served"],
                   "kib_each": (machine.pss_kib(server.pid) - pss) / connections}
            if charged is not None:
                got["all_kib_each"] = (group.charged_kib() - charged) / connections
            clients.stdin.close()
        return got


def datagram_wait(bench, cls):
    line = Service(BASE, (bench.answer,), kind="dgram", wait=True)
    if cls.name == "bare loop" or not cls.can([line]):
        return None
    with cls(bench.directory) as server:
        server.start([line])
        return bench.load("datagrams", BASE, 1, 64, bench.ms)


def burst(bench, cls, clients):
    """With the limits that each server has by itself."""
    line = Service(BASE, (bench.hello,))
    if not cls.can([line]):
        return None
    with cls(bench.directory) as server:
        server.unlimited = False
        server.start([line])
        got = bench.load("burst", BASE, clients, 10 * bench.ms)
        with socket.socket() as s:
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", BASE))
                alive = s.recv(100) != b""
            except OSError:
                alive = False
        return got | {"alive": int(alive)}


def decision(bench, _):
    """Whether a client may come in."""
    return machine.load(bench.decide, bench.ms)


def reload(bench, cls, services):
    """SIGHUP again and again while clients come."""
    lines = [Service(BASE + i, (bench.hello,)) for i in range(services)]
    if not cls.can(lines):
        return None
    with cls(bench.directory) as server:
        server.start(lines)
        stop = threading.Event()
        times = []

        def hang_up():
            while not stop.wait(0.25):
                server.reload()
                times.append(time.monotonic())

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            got = bench.load("spawn", BASE, services, 4, max(bench.ms, 1000))
        finally:
            stop.set()
            thread.join()
        return got | {"reloads": len(times)}

