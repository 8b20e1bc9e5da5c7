"""Sockets that are lent to a server, whose line is reloaded, closed or dropped as it ends. Each order is
forced: the one event is waited for, or both are found by a stopped daemon in one round."""

import os
import signal
import socket

import pytest

from harness import ME, Daemon, connect, free_port
from support import WAITER, assert_refused, assert_sleeps, script, stopped, wait_zombie
from varlink import Control


@pytest.mark.parametrize("first", ("end", "reload"))
@pytest.mark.parametrize("after", ("same", "changed", "nowait", "builtin", "gone", "again"))
def test_wait_server_ends_and_its_line_is_reloaded(workdir, first, after):
    port = free_port()
    server = script(workdir / "server", WAITER)
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
            assert_refused(port)
            assert d.stop() == 0
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
    server = script(workdir / "server", WAITER)
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
            assert_refused(port)
            control.call("Enable", names=[str(port)])
            with connect(port) as again:
                assert int(again.recv(100).split()[1]) != pid
        assert d.stop() == 0


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
