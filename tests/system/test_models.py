"""services/models: one service in each process model, as a `wait` service."""

import concurrent.futures
import contextlib
import os
import signal

import pytest

from harness import BUILD, ME, Daemon, ask, connect, free_port, read_all
from support import (children, has_nothing, socket_fds, started_pid, wait_for_end,
                     wait_until)

MODELS = BUILD / "services" / "models"
POOLS = ("prefork", "prefork-lock", "prefork-pass")
OPTIONS = ("-l", "--stop-timeout", "0")
NAMES = ("iterative", "fork", *POOLS, "thread", "prethread", "epoll")


def line(port, name, seconds=60):
    return f"{port} stream tcp4 wait {ME} {MODELS}/model model {name} {seconds}\n"


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_line_and_answer(name):
    port = free_port()
    with Daemon(line(port, name), *OPTIONS):
        for request, size in ((b"1\n", 1), (b"4000\n", 4000), (b"16384\n", 16384), (b"0\n", 0)):
            assert ask(port, request) == b"x" * size
        for request in (b"16385\n", b"-1\n", b"x\n", b"\n", b"1 \n", b"12", b"", b"99999999999999\n"):
            with contextlib.suppress(OSError):  # a reset, where it has left something unread
                assert ask(port, request) == b"", request
        with connect(port) as s:
            s.sendall(b"1")
            s.sendall(b"2\n")
            assert read_all(s) == b"x" * 12


def test_two_clients_at_once(name):
    port = free_port()
    with Daemon(line(port, name), *OPTIONS), connect(port) as first, connect(port) as second:
        second.sendall(b"2000\n")
        if name == "iterative":
            assert has_nothing(second)
        else:
            assert read_all(second) == b"x" * 2000
        first.sendall(b"1000\n")
        assert read_all(first) == b"x" * 1000
        if name == "iterative":
            assert read_all(second) == b"x" * 2000


def test_many_clients(name):
    port = free_port()
    with Daemon(line(port, name), *OPTIONS) as d, concurrent.futures.ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda size: ask(port, b"%d\n" % size), range(200)))
        assert [len(answer) for answer in answers] == list(range(200))
        d.wait_log("started pid")
        assert len(d.lines_like("started pid")) == 1


def test_leaves_who_is_silent_ends_and_starts_again(name):
    port = free_port()
    with Daemon(line(port, name, seconds=1), *OPTIONS) as d:
        for _ in range(2):
            with connect(port) as silent:
                assert read_all(silent) == b""
            assert len(ask(port, b"9\n")) == 9
            pid = started_pid(d.wait_log("started pid"))
            d.wait_log(f"pid {pid} ended: exit 0")


def test_sigterm_ends_all_of_it(name):
    port = free_port()
    with Daemon(line(port, name), *OPTIONS) as d:
        assert len(ask(port, b"9\n")) == 9
        pid = started_pid(d.wait_log("started pid"))
        with connect(port) as client:
            if name == "iterative":
                wait_until(lambda: len(socket_fds(pid)) == 2, "it has taken the client")
            else:
                assert len(ask(port, b"9\n")) == 9
            count = 8 if name in POOLS else 1 if name == "fork" else 0
            wait_until(lambda: len(children(pid)) == count, "all that are to be there are there")
            beside = children(pid)
            os.kill(pid, signal.SIGTERM)
            for process in (pid, *beside):
                wait_for_end(process)
            assert read_all(client) == b""
        d.wait_log(f"pid {pid} ended: " + ("exit 0" if beside else ".*TERM"))
        assert len(ask(port, b"9\n")) == 9


@pytest.mark.parametrize("name", POOLS)
def test_pool_goes_on_without_a_member_but_not_without_its_parent(name):
    port = free_port()
    with Daemon(line(port, name), *OPTIONS) as d:
        assert len(ask(port, b"9\n")) == 9
        pid = started_pid(d.wait_log("started pid"))
        workers = wait_until(lambda: (found := children(pid)) and len(found) == 8 and found,
                             "all have been started")
        for worker in list(workers)[:7]:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(children(pid)) == 1, "the parent has noticed")
        for _ in range(3):
            assert len(ask(port, b"9\n")) == 9
        os.kill(pid, signal.SIGKILL)
        for worker in workers:
            wait_for_end(worker)
        assert len(ask(port, b"9\n")) == 9
        assert started_pid(d.wait_log("started pid")) != pid


@pytest.mark.parametrize("arguments", ("", "nothing", "fork 0", "fork x"))
def test_model_that_there_is_not(arguments):
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} {MODELS}/model model {arguments}\n", "-l") as d:
        connect(port).close()
        d.wait_log("ended: exit 2")


def test_one_client_alone():
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} {MODELS}/nowait nowait\n"):
        with connect(port) as silent:
            assert ask(port, b"4000\n") == b"x" * 4000
            assert has_nothing(silent)
