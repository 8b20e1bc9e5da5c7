"""The other end of tests/faults/injector.cc."""

import collections
import errno
import pathlib
import socket
import subprocess
import tempfile

from harness import BUILD, PATIENCE
from support import wait_until

INJECTOR = BUILD / "tests/faults/fault_injector"
Point = collections.namedtuple("Point", "who call error n")


class Injector:
    """Runs a program as a Daemon's `wrap`; lets calls of it fail."""

    def __init__(self, directory, order="none"):
        path = directory / "orders"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(PATIENCE)
        self.wrap = (INJECTOR, path, order)
        self.orders = None

    def say(self, order):
        if self.orders is None:
            self.orders = self.listener.accept()[0]
            self.orders.settimeout(PATIENCE)
        self.orders.send(order.encode() + b"\0")
        return self.orders.recv(65536).decode()

    @staticmethod
    def order(point, count=1):
        code = getattr(errno, point.error)
        return f"arm {point.who} {point.call} {code} {point.n} {count}"

    def hold(self, who, call, n=1):
        """The n-th such call does not happen before the next order, as release() is one."""
        assert self.say(f"hold {who} {call} {n}") == "ok"

    def wait_held(self):
        wait_until(lambda: self.tell()[0], "the call is held")

    def release(self):
        assert self.say("none") == "ok"

    def tell(self):
        """How many calls have failed, and {(who, call): times}."""
        hits, *times = self.say("tell").split()
        called = {}
        for item in times:
            name, _, number = item.partition("=")
            called[tuple(name.split(":"))] = int(number)
        return int(hits), called

    def close(self):
        self.listener.close()
        if self.orders:
            self.orders.close()


def missing():
    """Why faults cannot be injected here, or None."""
    if not INJECTOR.exists():
        return f"{INJECTOR} is not built"
    with tempfile.TemporaryDirectory() as name:
        injector = Injector(pathlib.Path(name))
        done = subprocess.run([*map(str, injector.wrap), "/bin/true"], stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE)
        injector.close()
    return done.stderr.strip() or "no notifications" if done.returncode else None
