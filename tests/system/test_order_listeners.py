"""Listeners that are lent, full, paused, backing off or ready, and end in the same moment. Each order is
forced: by a daemon that is stopped, or held, until both events are there, which it then finds in one
round."""

import os
import resource
import signal
import socket
import time

import pytest

from harness import ME, Daemon, ask, connect, free_port, inetctl
from support import (assert_sleeps, children, descriptors, epoll_timeout, has_nothing, is_over, script,
                     stopped, wait_until, wait_zombie)
from varlink import INETD, Control

def assert_closed(d, port):
    """Nobody is listened to; and the daemon has not died of it."""
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert d.stop() == 0


# The socket of a wait service that comes back, against a reload.

SERVER = """
import os, socket, sys
s = socket.socket(fileno=os.dup(0))
client, _ = s.accept()
client.setblocking(True)
client.sendall(f"{sys.argv[1]} {os.getpid()}".encode())
client.recv(1)
"""


@pytest.mark.parametrize("first", ("end", "reload"))
@pytest.mark.parametrize("after", ("same", "changed", "nowait", "builtin", "gone", "again"))
def test_wait_server_ends_and_its_line_is_reloaded(workdir, first, after):
    port = free_port()
    server = script(workdir / "server", SERVER)
    conf = f"{port} stream tcp4 wait {ME} {server} server before\n"
    new = {"same": conf, "changed": conf.replace("before", "after"),
           "nowait": f"{port} stream tcp4 nowait {ME} /bin/echo echo after\n",
           "builtin": f"{port} stream tcp4 nowait {ME} internal echo\n", "again": conf}.get(after, "")
    other = f"{free_port()} stream tcp4 nowait {ME} /bin/cat cat\n"  # keeps the daemon's rights
    said = {"same": b"before ", "changed": b"after ", "nowait": b"after\n", "builtin": b"x",
            "again": b"before "}.get(after)
    with Daemon(conf + other, "-l") as d:
        with connect(port) as s:
            pid = int(s.recv(100).split()[1])
            if after == "again":  # the endpoint of the server is gone, the new one fails to bind
                d.reload(other)
            if first == "end":
                os.kill(pid, signal.SIGKILL)
                d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
                d.reload(new + other)
            else:
                d.rewrite(new + other)
                with stopped(d.pid):
                    os.kill(pid, signal.SIGKILL)
                    wait_zombie(d.pid, pid)
                    d.signal(signal.SIGHUP)
                d.wait_log("reload: ")
                d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
            reloaded = d.lines_like("reload: ")[-1]
            order = [d.lines.index(d.lines_like("ended: killed")[0]),
                     len(d.lines) - 1 - d.lines[::-1].index(reloaded)]
            assert order == sorted(order, reverse=first == "reload"), d.log()
        if after == "gone":
            assert_closed(d, port)
            return
        for _ in range(2):  # the second by another server, from a socket that was given back
            with connect(port) as s:
                s.sendall(b"x")
                assert s.recv(100).startswith(said)
        assert not d.lines_like("trying again|retrying") or after == "again"


@pytest.mark.parametrize("first", ("end", "close"))
@pytest.mark.parametrize("how", ("disabled", "stopped"))
def test_wait_server_ends_and_its_socket_is_closed(workdir, first, how):
    """What comes back then is nothing that anybody listens on."""
    port = free_port()
    server = script(workdir / "server", SERVER)
    with Daemon(f"{port} stream tcp4 wait {ME} {server} server x\n", "-l", control=True) as d, \
            connect(port) as s, Control(d.control) as control:
        pid = int(s.recv(100).split()[1])
        if first == "end":
            os.kill(pid, signal.SIGKILL)
            d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
        if how == "disabled":
            control.call("Disable", names=[str(port)])
        if first == "close":
            with stopped(d.pid):
                os.kill(pid, signal.SIGKILL)
                wait_zombie(d.pid, pid)
                if how == "stopped":  # read first
                    d.signal(signal.SIGTERM)
            d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
        if how == "disabled":
            with pytest.raises(ConnectionRefusedError):
                connect(port)
            control.call("Enable", names=[str(port)])
            with connect(port) as again:
                assert int(again.recv(100).split()[1]) != pid
        assert d.stop() == 0


# A listener that is paused, parked or ready, against its closing.

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
            assert d.process.wait(20) == 0
        elif how == "disabled":
            with pytest.raises(ConnectionRefusedError):
                connect(port)
            control.call("Enable", names=[str(port)])
            assert ask(port, b"x") == b"x"
        elif how == "gone":
            d.wait_log("reload: ")
            one.close()
            assert_closed(d, port)
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
        assert how != "stopped" or d.process.wait(20) == 0
        if how == "gone":
            d.wait_log("reload: ")
            assert_closed(d, port)


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
            assert d.process.wait(20) == 0
        elif how == "gone":
            d.wait_log("reload: ")
            assert_closed(d, port)


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
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        s.close()
        assert d.process.wait(20) == 0


# Becomes what follows after "--", handed these as sd_listen_fds(3) says: a datagram socket for each
# address, and a pidfd of the process that has borrowed it from a daemon before.
HANDER = """
import os, socket, sys
_, pid, *keys = sys.argv[:sys.argv.index("--")]
names, fds = [], []
for key in keys:
    host, _, port = key.partition("=")[2].partition("%3A")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, int(port)))
    names += ["own=" + key, "lent=" + key]
    fds += [s.detach(), os.pidfd_open(int(pid))]
assert fds == list(range(3, 3 + len(fds)))
for fd in fds:
    os.set_inheritable(fd, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(names))
rest = sys.argv[sys.argv.index("--") + 1:]
os.execv(rest[0], rest)
"""


@pytest.mark.parametrize("first", ("end", "reload"))
def test_servers_of_a_daemon_before_us_end_and_their_line_goes(workdir, first):
    """Both sockets of the line were lent; each that is closed gives back a place among the instances."""
    port = free_port()
    conf = f"127.0.0.1,127.0.0.2:{port} dgram udp4 wait {ME} /bin/sleep sleep 1000\n"
    with Daemon(conf, wait_ready=False) as d:
        names = [d.wait_notify("FDSTORE=1").split("FDNAME=own=")[1].split("\n")[0] for _ in "12"]
    parent, child = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        parent.close()
        child.recv(1)
        os._exit(0)
    child.close()
    with Daemon(conf, wrap=(script(workdir / "hand", HANDER), pid, *names, "--")) as d:
        d.wait_log(f"pid {pid}, started by the daemon before, has the socket")
        d.wait_log(f"pid {pid}, started by the daemon before, has the socket")
        d.rewrite("")
        if first == "end":
            parent.close()
            for _ in "12":
                d.wait_log(f"pid {pid} ended")
            d.signal(signal.SIGHUP)
        else:
            with stopped(d.pid):
                parent.close()
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
                d.signal(signal.SIGHUP)
        d.wait_log("reload: 0 added, 1 removed")
        assert_sleeps(d.pid)
        assert d.stop() == 0
    os.waitpid(pid, 0)
