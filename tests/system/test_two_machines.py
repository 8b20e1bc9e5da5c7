"""A client on another machine: two namespaces and a cable between them."""

import json
import socket
import subprocess

import pytest

from harness import ME, PATIENCE, Daemon, ask, udp
from support import Namespace, has_nothing, script, wait_until
from test_dgram_nowait import TALKER

pytestmark = [pytest.mark.root, pytest.mark.needs("ip", "unshare", "nsenter")]

SERVER = {4: "10.77.0.1", 6: "fd77::1"}
CLIENT = {4: "10.77.0.2", 6: "fd77::2"}


def in_namespace(ns, commands):
    subprocess.run([*ns.wrap, "sh", "-ec", commands], check=True)


@pytest.fixture
def machines():
    try:
        server, client = Namespace(), Namespace()
    except OSError as reason:
        pytest.skip(f"no network namespace: {reason}")
    in_namespace(server, f"""
        # The strictest setting: what claims to come from the client may only come by the cable.
        for card in all default lo; do echo 1 >/proc/sys/net/ipv4/conf/$card/rp_filter; done
        ip link add cable type veth peer name cable netns {client.holder.pid}
        ip link set cable up
        ip addr add {SERVER[4]}/24 brd 10.77.0.255 dev cable
        ip addr add {SERVER[6]}/64 dev cable nodad""")
    in_namespace(client, f"""
        ip link set cable up
        ip addr add {CLIENT[4]}/24 brd 10.77.0.255 dev cable
        ip addr add {CLIENT[6]}/64 dev cable nodad
        ip route add 224.0.0.0/4 dev cable""")
    yield server, client
    client.close()
    server.close()


@pytest.mark.parametrize("family", (4, 6))
def test_datagram_child_sees_the_true_peer(machines, workdir, family):
    server, client = machines
    talker = script(workdir / "talker", TALKER)
    with Daemon(f"tftp dgram udp nowait {ME} {talker}\n", wrap=server.wrap):
        with client.run(udp, 69, SERVER[family]) as s:
            s.send(b"hello")
            said = json.loads(s.recv(65536))
            assert said["peer"] == said["source"] == list(s.getsockname())
            assert said["source"][0] == CLIENT[family]
            s.send(b"bye")
            assert json.loads(s.recv(65536))["pid"] == said["pid"]


@pytest.mark.parametrize("family", (4, 6))
def test_stream_child_knows_both_ends(machines, family):
    server, client = machines
    conf = f"ftp stream tcp nowait {ME} /usr/bin/env env\n"
    with Daemon(conf, "-l", wrap=server.wrap) as d:
        text = client.run(ask, 21, host=SERVER[family]).decode()
        env = dict(line.split("=", 1) for line in text.splitlines())
        assert (env["REMOTE_ADDR"], env["SERVER_ADDR"]) == (CLIENT[family], SERVER[family])
        shown = f"[{CLIENT[6]}]" if family == 6 else CLIENT[4]
        assert f"{shown}:" in d.wait_log("ftp: .*started pid")


@pytest.mark.parametrize("target", ("10.77.0.255", "255.255.255.255", "224.0.0.1"))
def test_builtin_does_not_answer_what_was_sent_to_many(machines, target):
    """A forged source would get an answer of every machine of the network."""
    server, client = machines

    def to_many():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(PATIENCE)
        s.bind(("0.0.0.0", 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"cable")
        return s

    with Daemon(f"echo dgram udp wait {ME} internal\n", wrap=server.wrap) as d:
        with client.run(to_many) as many, client.run(udp, 7, SERVER[4]) as honest:
            many.sendto(b"to all", (target, 7))
            honest.send(b"to one")
            assert honest.recv(100) == b"to one"
            d.wait_log(r"echo: refused 10\.77\.0\.2\b")
            assert has_nothing(many)


def test_cable_that_is_pulled_out_and_put_in(machines):
    """The address goes and comes back; a service on it heals by itself."""
    server, client = machines
    conf = f"{SERVER[4]}:ftp stream tcp4 nowait {ME} /bin/echo echo hello\n"
    with Daemon(conf, wrap=server.wrap):
        assert client.run(ask, 21, host=SERVER[4]) == b"hello\n"
        in_namespace(server, f"ip addr del {SERVER[4]}/24 dev cable")
        in_namespace(server, f"ip addr add {SERVER[4]}/24 dev cable")

        def answers():
            try:
                return client.run(ask, 21, host=SERVER[4], timeout=2) == b"hello\n"
            except OSError:
                return False

        wait_until(answers, "the service answers again")
