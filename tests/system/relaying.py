"""Connections through a daemon to a socket of the test's own."""

import contextlib
import hashlib
import os
import pathlib
import socket
import struct
import threading

from harness import ME, PATIENCE, Daemon, connect, free_port

MEGABYTE = os.urandom(1 << 20)


@contextlib.contextmanager
def target(address=("127.0.0.1", 0), family=socket.AF_INET, backlog=4096):
    """A listening socket that is to be relayed to."""
    with socket.socket(family) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(address)
        s.listen(backlog)
        s.settimeout(PATIENCE)
        yield s


def port_of(listener):
    return listener.getsockname()[1]


def accept(listener):
    s = listener.accept()[0]
    s.settimeout(PATIENCE)
    return s


def line(port, where, protocol="tcp4"):
    return f"127.0.0.1:{port} stream {protocol} nowait {ME} internal redirect {where}\n"


@contextlib.contextmanager
def relayed(where=None, *options):
    """(daemon, port, listener): the port leads to the listener."""
    port = free_port()
    with target() as listener:
        conf = line(port, where or f"127.0.0.1 {port_of(listener)}")
        with Daemon(conf, *options) as d:
            yield d, port, listener


@contextlib.contextmanager
def pair(port, listener):
    """Both ends of one relayed connection."""
    with connect(port) as client, accept(listener) as server:
        yield client, server


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def pipes(pid):
    """The ends of pipes that the daemon has open, beside those that it always has."""
    found = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.readlink(entry).startswith("pipe:")
    return found


def send_much(s, megabytes, salt):
    digest = hashlib.sha256()
    for n in range(megabytes):
        block = struct.pack("!II", salt, n) + MEGABYTE
        digest.update(block)
        s.sendall(block)
    s.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def digest_of(s):
    digest = hashlib.sha256()
    while block := s.recv(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def together(*calls):
    """The results of calls that run at once."""
    results = [None] * len(calls)

    def run(n):
        results[n] = calls[n]()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def fill(s):
    s.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            s.send(MEGABYTE)
