"""What a change of the binary leaves to the servers that run: their sockets, their clients, their end."""

import socket
import struct

import pytest

import fault_injector
from harness import ME, Daemon, connect, free_port, udp
from support import children, script, socket_fds, started_pid, wait_at_rest
from upgrading import SERVER, upgrade


@pytest.mark.parametrize("fault", (None, "EMFILE"))
def test_wait_servers_keep_their_socket(workdir, fault):
    """Also those of which pidfd_open(2) gives nothing to hold on to."""
    injector = None
    if fault:
        if why := fault_injector.missing():
            pytest.skip(why)
        injector = fault_injector.Injector(workdir)
    port = free_port()
    server = script(workdir / "server", """
import os, socket
s = socket.socket(fileno=os.dup(0))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"%d" % os.getpid(), peer)
    if data == b"bye":
        break
""")
    with Daemon(f"{port} dgram udp4 wait {ME} {server}\n", "--stop-timeout", "0",
                wrap=injector.wrap if injector else ()) as d, udp(port) as s:
        s.send(b"hello")
        pid = s.recv(100)
        if injector:
            injector.say(injector.order(fault_injector.Point("daemon", "pidfd_open", fault, 1), 1000))
        upgrade(d, 2)
        if injector:
            assert injector.tell()[0] > 0
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        s.send(b"hello")
        assert s.recv(100) != pid
    if injector:
        injector.close()


def test_wait_servers_keep_a_socket_that_they_have_connected(workdir):
    """As tftpd and talkd of old do. It is everybody's again when they end."""
    port = free_port()
    server = script(workdir / "server", """
import os, socket
s = socket.socket(fileno=os.dup(0))
data, peer = s.recvfrom(100)
s.connect(peer)
while True:
    s.send(b"%d" % os.getpid())
    if data == b"bye":
        break
    data = s.recv(100)
""")
    with Daemon(f"{port} dgram udp4 wait {ME} {server}\n") as d, udp(port) as s, udp(port) as t:
        s.send(b"hello")
        pid = s.recv(100)
        upgrade(d, 2)
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        d.wait_log("was connected by a server: undone")
        t.send(b"bye")
        assert t.recv(100) != pid
        assert not d.lines_like("handed over|bind|no line listens"), d.log()


def test_peers_of_datagram_servers_keep_theirs(workdir):
    port = free_port()
    server = script(workdir / "server", """
import os
while True:
    data = os.read(0, 100)
    os.write(1, b"%d" % os.getpid())
    if data == b"bye":
        break
""")
    with Daemon(f"{port} dgram udp4 nowait {ME} {server}\n") as d, udp(port) as s, udp(port) as t:
        s.send(b"hello")
        pid = s.recv(100)
        upgrade(d, 2)
        t.send(b"bye")
        assert t.recv(100) != pid
        for word in (b"hello", b"bye"):
            s.send(word)
            assert s.recv(100) == pid
        d.wait_log(rf"pid {int(pid)} ended: exit 0")
        s.send(b"bye")
        assert s.recv(100) != pid


def test_what_servers_say_still_goes_to_the_log(workdir):
    port = free_port()
    server = script(workdir / "server", """
import os, sys
while line := os.read(0, 100):
    os.write(2, line)
    os.write(1, b".")
""")
    settings = workdir / "cfg"
    settings.write_text('defaults = { stderr = "log"; };\n')
    with Daemon(f"{port} stream tcp4 nowait {ME} {server}\n", "--settings", settings) as d, \
            connect(port) as s:
        s.sendall(b"one\nhalf ")
        assert s.recv(1) == b"."
        d.wait_log(rf"{port}: pid \d+: one$")
        upgrade(d, 2)
        s.sendall(b"line\n")
        assert s.recv(1) == b"."
        d.wait_log(rf"{port}: pid \d+: half line$")
        s.close()
        d.wait_log("ended: exit 0")


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


@pytest.mark.parametrize("gone", (False, True), ids=("kept", "gone"))
def test_servers_still_end_with_their_client(start, workdir, gone):
    """Also those whose line has gone; and the daemon has no copy of their connection."""
    port, other = free_port(), free_port()
    server = script(workdir / "server", SERVER)
    keep = f"{other} stream tcp4 nowait {ME} {server}\n"
    d = start(f"{port} stream tcp4 nowait {ME} {server}\n" + keep,
              "daemon = { log_connections = true; }; defaults = { kill_on_disconnect = true; };")
    one, two = connect(port), connect(port)
    pids = {}
    for s in (one, two):
        assert s.recv(10) == b"up\n"
        pids[s] = started_pid(d.wait_log(rf":{s.getsockname()[1]}: started pid"))
    wait_at_rest(d.pid)
    sockets = len(socket_fds(d.pid))
    if gone:
        d.rewrite(keep)
    upgrade(d, 2)
    wait_at_rest(d.pid)
    assert len(socket_fds(d.pid)) == sockets - gone
    reset(one)
    d.wait_log(rf"pid {pids[one]} has lost its client \(kill_on_disconnect\): sending SIGTERM")
    d.wait_log(rf"pid {pids[one]} ended: killed by SIGTERM")
    assert list(children(d.pid)) == [pids[two]]
    with connect(other) as fresh:
        assert fresh.recv(10) == b"up\n"
        pid = started_pid(d.wait_log(rf"{other}: .*started pid"))
        reset(fresh)
        d.wait_log(rf"pid {pid} has lost its client")
    reset(two)
    d.wait_log(rf"pid {pids[two]} ended: killed by SIGTERM")


def test_a_server_that_was_told_to_end_is_killed_after_an_upgrade(start, workdir):
    port = free_port()
    server = script(workdir / "server", SERVER)
    d = start(f"{port} stream tcp4 nowait {ME} {server} server stubborn\n",
              "defaults = { kill_on_disconnect = true; };")
    s = connect(port)
    assert s.recv(10) == b"up\n"
    reset(s)
    d.wait_log("has lost its client")
    upgrade(d)
    d.wait_log("goes on: sending SIGKILL")
    d.wait_log("ended: killed by SIGKILL")
