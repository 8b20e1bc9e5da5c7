"""The rows of the table: what is measured of whom, and what has to be reached."""

import dataclasses
import typing

import measures
import models
import multiplexing
import relays
from peers import Bare, BusyboxInetd, BusyboxTcpsvd, Inetd, Xinetd


def peers(cls):
    return cls is not Bare and not issubclass(cls, Inetd)


def peers_of_many(cls):
    return peers(cls) and cls.many


def only(*classes):
    return lambda cls: cls in classes


@dataclasses.dataclass(frozen=True)
class Goal:
    """What our figure has to be, at least or at most: so many times that of the best of those servers
    in the same round; so many times our own figure of another row; or, where `to` is None, so much."""
    text: str
    to: typing.Callable | str | None
    bound: float
    least: bool = True
    figure: str = ""  # instead of the row's


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    figure: str         # the one that the goals are about
    unit: str
    measure: typing.Callable
    goals: tuple = ()
    more: tuple = ()    # further figures for the table
    higher: bool = True # is better
    servers: tuple = () # (): all
    base: str = ""      # the one of them that the others are related to in the table
    across: tuple = ()  # figures that are drawn as a line for each server, and are all of the table
    quick: bool = True
    turns: int = 1      # in each round; more where those compared are close


def _spawn(**how):
    return lambda bench, cls: measures.spawn(bench, cls, **how)


def _builtin(*what, **how):
    return lambda bench, cls: measures.builtin(bench, cls, *what, **how)


def _multiplexing(part):
    return lambda bench, cls: multiplexing.round_time(bench, cls, part)


CPU = ("p50_us", "cpu_us", "all_cpu_us")


def simple_relays(cls):
    return peers(cls) and cls is not relays.Haproxy


ROWS = [
    Row("spawn-8", "Connections a second, static server, 8 clients", "rate", "/s", _spawn(clients=8),
        (Goal("1.2 x the best peer", peers, 1.2), Goal("1.5 x the best peer with many services",
                                                     peers_of_many, 1.5),
         Goal("0.9 x the bare loop", only(Bare), 0.9)), CPU, turns=3),
    Row("spawn-64", "Connections a second, static server, 64 clients", "rate", "/s", _spawn(clients=64),
        (Goal("1.2 x the best peer", peers, 1.2), Goal("1.5 x the best peer with many services",
                                                     peers_of_many, 1.5),
         Goal("0.9 x the bare loop", only(Bare), 0.9)), CPU, turns=3),
    Row("spawn-1", "Median time of a connection, static server, 1 client", "p50_us", "us",
        _spawn(clients=1), (Goal("no worse than the best peer", peers, 1.0, False),), ("rate",),
        higher=False, turns=3),
    Row("cpu", "The daemon's processor time for a connection, 8 clients", "cpu_us", "us",
        _spawn(clients=8), (Goal("0.9 x busybox tcpsvd", only(BusyboxTcpsvd), 0.9, False),
                            Goal("0.25 x xinetd", only(Xinetd), 0.25, False)), ("all_cpu_us",),
        higher=False),
    Row("spawn-cat", "Connections a second, /bin/cat (dynamic), 8 clients", "rate", "/s",
        _spawn(clients=8, program=("/bin/cat",), half_close=1),
        (Goal("the best peer", peers, 1.0),), ("p50_us",)),
    Row("many-10", "Connections a second at random ones of 10 services, 8 clients", "rate", "/s",
        _spawn(clients=8, services=10), (), ("p50_us", "cpu_us")),
    Row("many-10000", "Connections a second at random ones of 10,000 services, 8 clients", "rate", "/s",
        _spawn(clients=8, services=10000), (Goal("8 x the best peer", peers, 8.0),
         Goal("0.85 x ours with 10 services", "many-10", 0.85)),
        ("p50_us", "cpu_us"), quick=False),
    Row("start-10000", "Start with 10,000 services", "start_ms", "ms",
        lambda bench, cls: measures.startup(bench, cls, 10000),
        (Goal("the fastest peer", peers, 1.0, False),), ("pss_kib",), higher=False, quick=False),
    Row("memory-10000", "Memory (PSS) with 10,000 services", "pss_kib", "KiB",
        lambda bench, cls: measures.startup(bench, cls, 10000),
        (Goal("busybox inetd", only(BusyboxInetd), 1.0, False),), higher=False, quick=False),
    Row("memory-10", "Memory (PSS) with 10 services", "pss_kib", "KiB",
        measures.memory, (Goal("under 1 MiB", None, 1024, False),), higher=False),
    Row("echo-1", "TCP echo, 1 KiB messages, 1 connection", "rate", "/s",
        _builtin("echo", "echo", 1, 1024), (Goal("0.95 x the bare loop", only(Bare), 0.95),), ("p50_us",),
        turns=3),
    Row("echo-100", "TCP echo, 1 KiB messages, 100 connections", "rate", "/s",
        _builtin("echo", "echo", 100, 1024), (Goal("0.95 x the bare loop", only(Bare), 0.95),),
        ("p50_us",), turns=3),
    Row("stream-1", "TCP echo, stream, 1 connection", "mib_s", "MiB/s",
        _builtin("echo", "stream", 1), (Goal("0.95 x the bare loop", only(Bare), 0.95),)),
    Row("stream-100", "TCP echo, stream, 100 connections", "mib_s", "MiB/s",
        _builtin("echo", "stream", 100), (Goal("0.95 x the bare loop", only(Bare), 0.95),)),
    *(Row(f"udp-{n}", f"UDP echo, {n} outstanding", "rate", "/s",
          _builtin("echo", "datagrams", n, 64, kind="dgram"),
          (Goal("0.95 x the bare loop", only(Bare), 0.95),), ("p50_us", "lost"), turns=3)
      for n in (1, 8, 64)),
    Row("chargen", "chargen, 1 connection", "mib_s", "MiB/s", _builtin("chargen", "drain"),
        (Goal("0.9 x the bare loop", only(Bare), 0.9), Goal("50 x the best peer", peers, 50.0))),
    Row("discard", "discard, 1 connection", "mib_s", "MiB/s", _builtin("discard", "fill"),
        (Goal("0.9 x the bare loop", only(Bare), 0.9),)),
    Row("idle", "10,000 idle connections to the echo", "served", "",
        lambda bench, cls: measures.idle(bench, cls, 10000),
        (Goal("all served", None, 10000), Goal("under 2 KiB each", None, 2, False, "all_kib_each")),
        ("all_kib_each", "kib_each"),
        quick=False),
    Row("dgram-wait", "dgram wait: a server for each datagram", "rate", "/s",
        measures.datagram_wait, (Goal("1.2 x the best peer", peers, 1.2),), ("p50_us", "lost"), turns=3),
    Row("burst", "5,000 connections at once, limits as by default", "served", "",
        lambda bench, cls: measures.burst(bench, cls, 5000),
        (Goal("all served", None, 5000), Goal("the service is alive", None, 1, True, "alive")), ("alive", "last_ms")),
    Row("reload", "SIGHUP four times a second with 1,000 services: the worst connection", "worst_us",
        "us", lambda bench, cls: measures.reload(bench, cls, 1000),
        (Goal("the best peer", peers, 1.0, False),
         Goal("none failed", None, 0, False, "failed")), ("failed", "reloads"), higher=False, quick=False,
        turns=3),
    Row("relay-stream", "redirect: one stream", "mib_s", "MiB/s",
        lambda bench, cls: relays.relay(bench, cls, "chargen", "drain", bench.ms),
        (Goal("xinetd, socat, socket-proxyd", simple_relays, 1.0),
         Goal("0.8 x haproxy", only(relays.Haproxy), 0.8)), servers=tuple(relays.SERVERS), turns=3),
    Row("relay-connections", "redirect: connections a second, 8 clients", "rate", "/s",
        lambda bench, cls: relays.relay(bench, cls, "line", "spawn", 1, 8, bench.ms),
        (Goal("xinetd, socat, socket-proxyd", simple_relays, 1.0),
         Goal("0.8 x haproxy", only(relays.Haproxy), 0.8)), ("p50_us",), servers=tuple(relays.SERVERS)),
    Row("decision", "May a client come in? 100,000 sources, 10,000 entries to one", "ratio",
        "", measures.decision, (Goal("at most twice the time", None, 2, False),),
        ("ns_one", "ns_entries", "ns_sources", "ns_many"), higher=False, servers=(Inetd,)),
    Row("models", "Process models: processor time for a connection", "tree_cpu_us", "us",
        models.processor_time, more=("rate",), higher=False, servers=models.SERVERS,
        base=models.ITERATIVE),
    *(Row(key, f"Multiplexing: processor time of a round, {active} active", "us_1000", "us",
          _multiplexing(part), higher=False, servers=multiplexing.METHODS,
          across=tuple(f"us_{size}" for size in multiplexing.SIZES))
      for key, active, part in (("multiplexing-one", "one descriptor", 0),
                                ("multiplexing-tenth", "a tenth of them", 0.1))),
]

