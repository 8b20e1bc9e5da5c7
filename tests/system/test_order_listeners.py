"""Listeners that are full, paused, backing off or ready, and end in the same moment. Each order is forced:
by a daemon that is stopped, or held, until both events are there, which it then finds in one round.

Those that are lent: test_order_lent."""

import os
import resource
import signal
import socket
import time

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, inetctl
from support import (assert_refused, assert_sleeps, children, descriptors, epoll_timeout, has_nothing,
                     is_over, stopped, wait_until, wait_zombie)
from varlink import INETD, Control


@pytest.mark.parametrize("first", ("end", "close"))
@pytest.mark.parametrize("how", ("same", "changed", "gone", "disabled", "stopped"))
def test_full_service_gets_room_and_is_closed(first, how):
    """The end of an instance arms the listener; the service of before may be no more."""
    port = free_port()
    conf = f"{port} stream tcp4 nowait/1 {ME} /bin/cat cat\n"
    with Daemon(conf, "-l", control=True) as d, connect(port) as one, connect(port) as two, \
            Control(d.control) as control:
        one.sendall(b"1")
        assert one.recv(1) == b"1"
        d.wait_log(rf"{port}: 1 instances running, new clients wait")
        [pid] = children(d.pid)
        two.sendall(b"2")

        def close():
            if how == "disabled":
                control.call("Disable", names=[str(port)])
            elif how == "stopped":
                d.signal(signal.SIGTERM)
            else:
                d.rewrite({"same": conf, "changed": conf.replace("/1", "/2"), "gone": ""}[how])
                d.signal(signal.SIGHUP)

        if first == "end":
            os.kill(pid, signal.SIGKILL)
            d.wait_log(rf"pid {pid} ended")
            assert two.recv(1) == b"2"
            close()
        elif how == "disabled":
            close()
            os.kill(pid, signal.SIGKILL)
        else:  # in one round, in which these signals are read before SIGCHLD
            with stopped(d.pid):
                os.kill(pid, signal.SIGKILL)
                wait_zombie(d.pid, pid)
                close()
        if first == "close":
            d.wait_log(rf"pid {pid} ended")
            assert two.recv(1) == b"2" if how in ("same", "changed") else is_over(two)
        two.close()
        if how == "stopped":
            assert d.process.wait(PATIENCE) == 0
        elif how == "disabled":
            assert_refused(port)
            control.call("Enable", names=[str(port)])
            assert ask(port, b"x") == b"x"
        elif how == "gone":
            d.wait_log("reload: ")
            one.close()
            assert_refused(port)
            assert d.stop() == 0
        else:
            assert ask(port, b"x") == b"x"


@pytest.mark.parametrize("first", ("client", "call"))
@pytest.mark.parametrize("method, state", (("Pause", "paused"), ("Disable", "disabled")))
def test_client_and_call_in_one_round(first, method, state):
    """What has become ready first is handled first; the other event of the round may be stale then."""
    port = free_port()
    conf = f"{port} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d, Control(d.control) as control:
        with stopped(d.pid):
            if first == "call":
                control.send(f"{INETD}.{method}", {"names": [str(port)]})
            s = connect(port)
            s.sendall(b"x")
            if first == "client":
                control.send(f"{INETD}.{method}", {"names": [str(port)]})
        assert control.read()["parameters"]["services"][0]["state"] == state
        if first == "client":
            assert s.recv(1) == b"x"
        elif method == "Disable":
            assert is_over(s)
        else:
            assert has_nothing(s)
            control.call("Resume", names=[str(port)])
            assert s.recv(1) == b"x"
        s.close()
        control.call("Enable" if method == "Disable" else "Resume", names=[str(port)])
        assert ask(port, b"y") == b"y"


@pytest.mark.parametrize("how", ("gone", "changed", "stopped"))
def test_client_and_signal_in_one_round(how):
    """Signals go first: the client's event is one of a listener that is closed, or of a new form."""
    port = free_port()
    # Beside another line, for whose sake the daemon keeps the rights that the new form takes.
    other = f"{free_port()} stream tcp4 nowait {ME} /bin/cat cat\n"
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n" + other) as d:
        new = f"{port} stream tcp4 nowait {ME} /bin/echo echo new\n" if how == "changed" else ""
        d.rewrite(new + other)
        with stopped(d.pid):
            s = connect(port)
            d.signal(signal.SIGTERM if how == "stopped" else signal.SIGHUP)
        if how == "changed":
            assert s.recv(100) == b"new\n"
        else:
            assert is_over(s)
        s.close()
        assert how != "stopped" or d.process.wait(PATIENCE) == 0
        if how == "gone":
            d.wait_log("reload: ")
            assert_refused(port)
            assert d.stop() == 0


def hold_in_back_off(injector, d):
    """The daemon is about to wait for the end of a back-off, which are up to a second long."""
    for _ in range(100):
        injector.hold("daemon", "epoll_wait")
        injector.wait_held()
        if 0 <= epoll_timeout(d.pid) <= 1000:
            return
    raise AssertionError("no back-off")


@pytest.mark.parametrize("how", ("gone", "same", "paused", "stopped"))
@pytest.mark.parametrize("first", ("timer", "close"))
def test_back_off_ends_and_its_listener_is_closed(injector, first, how):
    """Timers run at the end of their round; one that was not reset would find nothing."""
    port = free_port()
    conf = f"{port} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(conf, wrap=injector.wrap, control=True) as d, Control(d.control) as control:
        limits = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (descriptors(d.pid), limits[1]))
        s = connect(port)
        s.sendall(b"x")
        d.wait_log(rf"{port}: accept: Too many open files; clients wait")
        hold_in_back_off(injector, d)
        due = time.monotonic() + 1.1
        resource.prlimit(d.pid, resource.RLIMIT_NOFILE, limits)
        if first == "timer":
            injector.release()
            assert s.recv(1) == b"x"
        else:
            wait_until(lambda: time.monotonic() > due, "the timer is due")
        if how == "paused":
            control.send(f"{INETD}.Pause", {"names": [str(port)]})
        else:
            d.rewrite(conf if how == "same" else "")
            d.signal(signal.SIGTERM if how == "stopped" else signal.SIGHUP)
        injector.release()
        if how == "paused":
            assert control.read()["parameters"]["services"][0]["state"] == "paused"
            assert first == "timer" or has_nothing(s)
            control.call("Resume", names=[str(port)])
        if first == "close":
            assert s.recv(1) == b"x" if how in ("same", "paused") else is_over(s)
        s.close()
        if how == "stopped":
            assert d.process.wait(PATIENCE) == 0
        elif how == "gone":
            d.wait_log("reload: ")
            assert_refused(port)
            assert d.stop() == 0


@pytest.mark.parametrize("first", ("timer", "reload"))
def test_a_line_that_could_not_be_bound_is_tried_again_and_reloaded(first):
    """Whichever opens the socket, the other must not try it, too."""
    port = free_port()
    conf = f"127.0.0.1:{port} stream tcp4 nowait {ME} internal echo\n"
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with Daemon(conf, control=True) as d:
            d.wait_log("retrying in 0.8 s")
            other.close()
            if first == "timer":
                d.wait_log("listening on")
            d.reload(conf)
            assert ask(port, b"x") == b"x"
            tries = len(d.lines_like("retrying"))
            assert_sleeps(d.pid)  # there is no timer any more
            assert len(d.lines_like("retrying")) == tries


def test_what_was_closed_for_good_is_not_opened_by_a_call(workdir):
    port, cat = free_port(), free_port()
    conf = (f"{port} stream tcp4 nowait {ME} internal echo\n"
            f"{cat} stream tcp4 nowait {ME} /bin/cat cat\n")
    with Daemon(conf, control=True) as d, connect(cat) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert inetctl("--socket", d.control, "disable", str(port)).returncode == 0
        d.signal(signal.SIGTERM)
        d.wait_log("stopping; waiting")
        for verb in ("enable", "resume"):
            told = inetctl("--socket", d.control, verb, str(port))
            assert told.returncode != 0 and "the daemon is stopping" in told.stderr
        assert_refused(port)
        s.close()
        assert d.process.wait(PATIENCE) == 0
