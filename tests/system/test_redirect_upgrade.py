"""Relays while the daemon changes: its configuration or its binary."""

import contextlib
import socket

from harness import PATIENCE, Daemon, connect, free_port, read_all
from relaying import accept, fill, line, pair, pipes, port_of, relayed, send_much, target, together
from support import wait_until
from upgrading import upgrade


def test_a_new_target_is_for_new_connections():
    with relayed() as (d, port, listener), target() as other:
        with pair(port, listener) as (client, server):
            d.reload(line(port, f"127.0.0.1 {port_of(other)}"), expect="1 updated")
            with pair(port, other) as (second, answerer):
                answerer.sendall(b"new")
                assert second.recv(10) == b"new"
            server.sendall(b"old")
            assert client.recv(10) == b"old"


def test_an_upgrade_keeps_relays_and_what_is_in_their_pipes():
    with relayed(None, "-l") as (d, port, listener):
        with pair(port, listener) as (client, server), pair(port, listener) as (early, rest):
            early.sendall(b"asked")
            early.shutdown(socket.SHUT_WR)
            assert read_all(rest) == b"asked"
            fill(client)  # the target does not read: all buffers on the way are full
            wait_until(lambda: pipes(d.pid) > 0, "a pipe in use")
            upgrade(d)
            client.setblocking(True)
            client.settimeout(PATIENCE)
            sent, got = together(lambda: send_much(client, 20, 3), lambda: len(read_all(server)))
            assert sent
            server.sendall(b"down")
            server.close()
            assert read_all(client) == b"down"
            line = d.wait_log(r"session ended: \d+ bytes in, 4 out")
            assert f"ended: {got} bytes in" in line
            rest.sendall(b"answered")
            rest.close()
            assert read_all(early) == b"answered"
        with pair(port, listener) as (client, server):
            server.sendall(b"a new one")
            assert client.recv(20) == b"a new one"


def test_an_upgrade_takes_attempts_along():
    port = free_port()
    with target(backlog=0) as listener, contextlib.ExitStack() as stack:
        with Daemon(line(port, f"127.0.0.1 {port_of(listener)}")) as d:
            # The queue takes one, and the kernel drops what else asks to be connected.
            clients = [stack.enter_context(connect(port)) for _ in range(3)]
            for n, client in enumerate(clients):
                client.sendall(b"%d" % n)
            upgrade(d)
            heard = set()
            for _ in clients:
                with accept(listener) as server:
                    heard.add(server.recv(10))
            assert heard == {b"0", b"1", b"2"}
