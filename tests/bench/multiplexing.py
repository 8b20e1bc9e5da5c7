"""The ways to wait for many descriptors (multiplex.cc)."""

import machine

SIZES = (10, 100, 1000, 10000)
FD_SETSIZE = 1024


class Method:
    name = ""
    path = None
    option = ""
    most = SIZES[-1]


class Select(Method):
    name = option = "select"
    most = FD_SETSIZE


class Poll(Method):
    name = option = "poll"


class Signals(Method):
    name, option = "signal-driven", "signals"


class Epoll(Method):
    name = option = "epoll"


class None_(Method):
    name, option = "writing and reading alone", "none"


METHODS = (Select, Poll, Signals, Epoll, None_)


def round_time(bench, cls, part):
    """Of a round in which that part of the descriptors, at least one, has something to read."""
    return {f"us_{size}": machine.load(bench.multiplex, cls.option, size, max(1, int(size * part)),
                                       bench.ms // 4)["us"]
            for size in SIZES if size <= cls.most}
