"""Addresses and interfaces that come after the daemon: served by the event, not by trying again."""

import os
import pathlib
import subprocess

import pytest

from harness import ME, Daemon, ask
from support import Namespace, assert_sleeps, listeners, wait_until
from one_service import CAT, reload

pytestmark = [pytest.mark.root, pytest.mark.needs("ip", "unshare", "nsenter")]


def ip(ns, *commands):
    subprocess.run([*ns.wrap, "sh", "-ec", "\n".join(f"ip {c}" for c in commands)], check=True)


def netlinks(d):
    """How many netlink sockets the daemon has."""
    mine = {os.readlink(f"/proc/{d.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{d.pid}/fd")}
    rows = pathlib.Path(f"/proc/{d.pid}/net/netlink").read_text().splitlines()[1:]
    return sum(f"socket:[{row.split()[-1]}]" in mine for row in rows)


def stands(host, protocol="tcp4", port=79):
    return f"{host}:{port} stream {protocol} nowait {ME} {CAT}\n"


def serves(ns, host, port=79):
    return ns.run(ask, port, b"x", host) == b"x"


def test_served_when_it_comes_and_quiet_until_then(namespace):
    with Daemon(stands("10.77.0.1") + stands("10.77.0.2"), wrap=namespace.wrap) as d:
        for _ in range(2):
            d.wait_log(r"79: bind 10\.77\S*: Cannot assign requested address; waiting for it to ap")
        assert netlinks(d) == 1
        assert_sleeps(d.pid)
        ip(namespace, "addr add 10.77.0.1/32 dev lo")
        d.wait_log(r"79: listening on 10\.77\.0\.1:79")
        assert serves(namespace, "10.77.0.1")
        assert netlinks(d) == 1
        ip(namespace, "addr add 10.77.0.2/32 dev lo")
        d.wait_log(r"79: listening on 10\.77\.0\.2:79")
        wait_until(lambda: netlinks(d) == 0, "nothing is waited for")
        assert len(d.lines_like("Cannot assign")) == 2


def test_ipv6_address_that_is_still_checked(namespace):
    """The kernel lets it be bound only when no other machine has claimed it (RFC 4862)."""
    other = Namespace()
    try:
        ip(namespace, f"link add cable type veth peer name cable netns {other.holder.pid}",
           "link set cable up")
        ip(other, "link set cable up")
        with Daemon(stands("[fd77::1]", "tcp6"), wrap=namespace.wrap) as d:
            d.wait_log("waiting for it to appear")
            ip(namespace, "addr add fd77::1/64 dev cable")
            d.wait_log(r"79: listening on \[fd77::1\]:79")
            assert serves(namespace, "fd77::1")
    finally:
        other.close()


def test_more_events_than_the_kernel_keeps(namespace):
    """A daemon that was stopped meanwhile has lost the one event that it waits for."""
    with Daemon(stands("10.77.0.1"), wrap=namespace.wrap) as d:
        d.wait_log("waiting for it to appear")
        os.kill(d.pid, 19)
        batch = "".join(f"addr add 10.{78 + n // 250}.{n % 250}.1/32 dev lo\n"
                        for n in range(2000)) + "addr add 10.77.0.1/32 dev lo\n"
        subprocess.run([*namespace.wrap, "ip", "-batch", "-"], input=batch, text=True, check=True)
        rows = pathlib.Path(f"/proc/{d.pid}/net/netlink").read_text().splitlines()[1:]
        assert any(int(row.split()[8]) > 0 for row in rows), "events were lost"
        os.kill(d.pid, 18)
        d.wait_log(r"79: listening on 10\.77\.0\.1:79")
        assert serves(namespace, "10.77.0.1")


def test_reload_gives_up_the_wait(namespace):
    with Daemon(stands("10.77.0.1"), wrap=namespace.wrap) as d:
        d.wait_log("waiting for it to appear")
        d.reload(stands("10.77.0.1") + stands("127.0.0.1"))
        d.wait_log("waiting for it to appear")  # it is told again
        assert netlinks(d) == 1
        d.reload(stands("127.0.0.1"))
        assert netlinks(d) == 0


def test_interface_that_is_not_there(start, namespace):
    d = start(stands("127.0.0.1") + stands("10.77.0.1", port=80),
              'defaults = { bind_to_device = "card"; };', wrap=namespace.wrap)
    d.wait_log(r"79: bind_to_device card of 127\.0\.0\.1:79: No such device; waiting for it to app")
    d.wait_log(r"80: .*: No such device; waiting for it")
    ip(namespace, "link add card type veth peer name other")
    d.wait_log(r"79: listening on")
    d.wait_log(r"80: .*: Cannot assign requested address; waiting for it")
    ip(namespace, "link set card up", "addr add 10.77.0.1/24 dev card")
    d.wait_log(r"80: listening on")
    wait_until(lambda: netlinks(d) == 0, "nothing is waited for")


def test_reload_to_an_interface_that_is_not_there(start, namespace):
    """Nobody is served, rather than everybody; and an interface that was made anew is found."""
    d = start(stands("127.0.0.1"), "", wrap=namespace.wrap)
    assert serves(namespace, "127.0.0.1")
    reload(d, 'defaults = { bind_to_device = "card"; };')
    d.wait_log("No such device; waiting for it")
    with pytest.raises(ConnectionRefusedError):
        serves(namespace, "127.0.0.1")
    ip(namespace, "link add card type veth peer name other")
    d.wait_log("listening on")
    kept = namespace.run(listeners, d.pid, 79)
    ip(namespace, "link del card", "link add card type veth peer name other", "link set card up",
       "addr add 10.77.0.1/24 dev card")
    reload(d, 'defaults = { bind_to_device = "card"; };',
           "reload: 0 added, 0 removed, 0 updated, 1 unchanged")
    assert namespace.run(listeners, d.pid, 79) == kept
    shown = subprocess.run([*namespace.wrap, "ss", "-Hltn"], capture_output=True, text=True,
                           check=True).stdout
    assert "127.0.0.1%card:79" in shown
