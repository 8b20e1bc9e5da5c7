"""Reloads under a steady load of clients: not one of them may notice."""

import contextlib
import os
import signal
import threading

from harness import ME, PATIENCE, Daemon, ask, free_port
from support import children, wait_until


def say(port, word):
    return f"{port} stream tcp nowait {ME} /bin/echo echo {word}\n"


def cat(port, wait="nowait"):
    return f"{port} stream tcp {wait} {ME} /bin/cat\n"


class Load(contextlib.AbstractContextManager):
    """Threads that connect to the ports all the time and count whoever got no answer."""

    def __init__(self, jobs):
        self.answers, self.losses = 0, []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=job) for job in jobs]

    def _run(self, port, host, data):
        while not self._over.is_set():
            try:
                answer = ask(port, data, host)
                problem = None if answer == data else repr(answer)
            except OSError as error:
                problem = repr(error)
            with self._lock:
                self.answers += 1
                if problem:
                    self.losses.append((port, host, problem))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_fifty_reloads_under_load_lose_nobody():
    ports = [free_port() for _ in range(2)]
    others = [free_port() for _ in range(6)]
    steady = "".join(cat(port) for port in ports)
    with Daemon(steady + say(others[0], "start"), "-c", "0") as d:
        jobs = [(port, host, b"hello") for port in ports for host in ("127.0.0.1", "::1")]
        with Load(jobs) as load:
            for turn in range(50):
                changing = "".join(say(port, f"turn{turn}") for at, port in enumerate(others)
                                   if (turn + at) % 3)
                # The busy services are kept or changed, in turns, and never leave.
                busy = "".join(cat(port, wait=f"nowait/{1000 + turn // 10}") for port in ports)
                d.reload(changing + busy)
        assert load.losses == []
        assert load.answers > 50
        wait_until(lambda: not children(d.pid), "no child is left")


def test_address_changes_under_load():
    """A child on its way to exec must not keep the port of a socket that the daemon has closed."""
    port, busy = free_port(), free_port()

    def conf(spec):
        return cat(busy) + f"{spec} stream tcp4 nowait {ME} /bin/echo echo {spec}\n"

    with Daemon(conf(port), "-c", "0") as d:
        with Load([(busy, "127.0.0.1", b"hello")] * 4) as load:
            for turn in range(20):
                spec = port if turn % 2 else f"127.0.0.2:{port}"
                d.reload(conf(spec))
                assert not d.lines_like("Address already in use")
                assert ask(port, host="127.0.0.2") == f"{spec}\n".encode()
        assert load.losses == []


def test_storm_of_signals():
    """SIGHUP and SIGCHLD in any number, and signals that mean nothing to it, are no harm."""
    port = free_port()
    with Daemon(cat(port), "-c", "0") as d:
        with Load([(port, "127.0.0.1", b"hello")] * 2) as load:
            for _ in range(200):
                d.signal(signal.SIGHUP)
                d.signal(signal.SIGCHLD)
                d.signal(signal.SIGPIPE)
            d.rewrite(cat(port, wait="nowait/7"))
            d.signal(signal.SIGHUP)
            d.wait_log(r"reload: .*1 updated")
        assert load.losses == []
        assert d.process.poll() is None
        # One that stands for all that were lost in the queue is still reported.
        d.rewrite(say(port, "changed"))
        os.kill(d.pid, signal.SIGHUP)
        d.wait_log(r"reload: .*1 updated")
        assert ask(port) == b"changed\n"
        wait_until(lambda: not children(d.pid), "no child is left")
