"""The socket options of the settings file, asked of the sockets that servers really have."""

import contextlib
import json
import socket
import subprocess

import pytest

from harness import INETD, ME, PATIENCE, ask, connect, free_port, udp
from support import Namespace, listeners, script, wait_until
from one_service import CAT, line, reload


# What a server finds on its descriptor 0.
SHOW = """
import json, socket
s = socket.socket(fileno=0)
S, T, I, V = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6
found = {"mark": s.getsockopt(S, 36), "tos": s.getsockopt(I, socket.IP_TOS),
         "reuse_port": s.getsockopt(S, socket.SO_REUSEPORT),
         "device": s.getsockopt(S, 25, 16).split(bytes(1))[0].decode()}
if s.type == socket.SOCK_STREAM:
    found["keepalive"] = s.getsockopt(S, socket.SO_KEEPALIVE)
    found["nodelay"] = s.getsockopt(T, socket.TCP_NODELAY)
else:
    s.recv(100)
if s.family == socket.AF_INET6:
    found["tclass"] = s.getsockopt(V, socket.IPV6_TCLASS)
s.send(json.dumps(found).encode())
"""
USUAL = {"mark": 0, "tos": 0, "reuse_port": 0, "device": "", "keepalive": 0, "nodelay": 0}


@pytest.fixture
def show(workdir):
    return script(workdir / "show", SHOW)


def ask_udp(port, host="127.0.0.1"):
    with udp(port, host) as s:
        s.send(b"x")
        return json.loads(s.recv(65536))


@pytest.mark.root
def test_connections_inherit_and_reload_changes_the_open_socket(start, show):
    port = free_port()
    d = start(line(port, show), "")
    before = listeners(d.pid, port)
    assert json.loads(ask(port)) == USUAL
    reload(d, "defaults = { keepalive = true; nodelay = true; tos = \"af21\"; mark = 7;"
              " bind_to_device = \"lo\"; };")
    changed = {"mark": 7, "tos": 0x48, "reuse_port": 0, "device": "lo", "keepalive": 1,
               "nodelay": 1}
    assert json.loads(ask(port)) == changed
    reload(d, "defaults = { tos = 184; };")
    assert json.loads(ask(port)) == {**USUAL, "tos": 0xb8}
    reload(d, "")
    assert json.loads(ask(port)) == USUAL
    assert listeners(d.pid, port) == before != set()


@pytest.mark.parametrize("protocol, host, found", (
    ("tcp6", "::1", {"tclass": 0x28}),
    ("tcp46", "::1", {"tclass": 0x28, "tos": 0x28}),
    ("tcp46", "127.0.0.1", {"tos": 0x28}),
))
def test_tos_of_both_families(start, show, protocol, host, found):
    port = free_port()
    start(f"{port} stream {protocol} nowait {ME} {show}\n", 'defaults = { tos = "af11"; };')
    assert found.items() <= json.loads(ask(port, host=host)).items()


@pytest.mark.root
def test_each_peer_of_a_datagram_service_gets_them(start, show):
    port = free_port()
    d = start(line(port, show, "dgram", "udp4"),
              'defaults = { tos = "ef"; mark = 3; bind_to_device = "lo"; };')
    assert {"tos": 0xb8, "mark": 3, "device": "lo"}.items() <= ask_udp(port).items()
    reload(d, "")
    # Whatever reuse_port says, the sockets of peers share the port.
    assert {"tos": 0, "mark": 0, "device": "", "reuse_port": 1}.items() <= ask_udp(port).items()


@pytest.mark.needs("ss")
def test_defer_accept(start, workdir):
    """Who only connects costs no server."""
    port = free_port()
    d = start(line(port, CAT), "daemon = { log_connections = true; };"
                               " defaults = { defer_accept = 100; };")
    with connect(port) as silent:
        with connect(port) as talker:
            talker.sendall(b"hello")
            assert talker.recv(100) == b"hello"
        d.wait_log("started pid")
        d.wait_log("ended")
        assert not d.lines_like(f":{silent.getsockname()[1]}: started pid")
        silent.sendall(b"late")
        assert silent.recv(100) == b"late"
    reload(d, "daemon = { log_connections = true; };")
    with connect(port) as silent:
        d.wait_log(f":{silent.getsockname()[1]}: started pid")


def test_reuse_port(start, show):
    """Another program of our user may have the port as well, as long as the setting says so."""
    port = free_port()
    d = start(line(port, show), "")

    def other():
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        return s

    with pytest.raises(OSError):
        other()
    reload(d, "defaults = { reuse_port = true; };")
    other().close()


@pytest.mark.root
def test_freebind(start, namespace):
    d = start(f"10.77.0.1:79 stream tcp4 nowait {ME} {CAT}\n"
              f"[fd77::1]:79 stream tcp6 nowait {ME} {CAT}\n",
              "defaults = { freebind = true; };", wrap=namespace.wrap)
    assert not d.lines_like("bind")
    subprocess.run([*namespace.wrap, "sh", "-ec",
                    "ip addr add 10.77.0.1/32 dev lo; ip addr add fd77::1/128 dev lo nodad"],
                   check=True)
    # The kernel makes the route to an IPv6 address of its own when it comes to it.
    routes = [*namespace.wrap, "ip", "-6", "route", "show", "table", "local", "fd77::1"]
    wait_until(lambda: subprocess.check_output(routes), "there is a route")
    assert namespace.run(ask, 79, b"x", "10.77.0.1") == b"x"
    assert namespace.run(ask, 79, b"x", "fd77::1") == b"x"


@pytest.fixture
def two_cables():
    """A machine with two network cards, and one at the other end of each."""
    with contextlib.ExitStack() as stack:
        try:
            all = [Namespace() for _ in range(3)]
        except OSError as reason:
            pytest.skip(f"no network namespace: {reason}")
        for ns in all:
            stack.callback(ns.close)
        server, *clients = all
        for i, client in enumerate(clients):
            subprocess.run([*server.wrap, "sh", "-ec", f"""
                ip link add card{i} type veth peer name cable netns {client.holder.pid}
                ip link set card{i} up
                ip addr add 10.77.{i}.1/24 dev card{i}"""], check=True)
            subprocess.run([*client.wrap, "sh", "-ec", f"""
                ip link set cable up
                ip addr add 10.77.{i}.2/24 dev cable
                ip route add default via 10.77.{i}.1"""], check=True)
        yield all


def serves(ns, host):
    try:
        return ns.run(ask, 79, b"x", host) == b"x"
    except ConnectionRefusedError:
        return False


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
def test_bind_to_device(start, two_cables):
    """Who comes by another card is refused, and so it is from the moment of a reload on."""
    server, left, right = two_cables
    d = start(f"79 stream tcp4 nowait {ME} {CAT}\n", 'defaults = { bind_to_device = "card0"; };',
              wrap=server.wrap)
    before = server.run(listeners, d.pid, 79)
    assert serves(left, "10.77.0.1") and not serves(right, "10.77.1.1")
    assert not serves(right, "10.77.0.1")
    reload(d, 'defaults = { bind_to_device = "card1"; };')
    assert not serves(left, "10.77.0.1") and serves(right, "10.77.1.1")
    reload(d, "")
    assert serves(left, "10.77.0.1") and serves(right, "10.77.1.1")
    assert server.run(listeners, d.pid, 79) == before != set()


@pytest.mark.parametrize("conf, key", (
    ("{port} dgram udp4 nowait {me} /bin/cat", "nodelay = true"),
    ("{port} dgram udp4 nowait {me} /bin/cat", "keepalive = true"),
    ("@x stream unix nowait {me} /bin/cat", "defer_accept = 3"),
    ("@x stream unix nowait {me} /bin/cat", 'tos = "ef"'),
))
def test_key_without_effect_is_told(workdir, conf, key):
    path, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    path.write_text(conf.format(port=7, me=ME) + "\n")
    settings.write_text('services = ( { name = "%s"; %s; } );' % (conf.split()[0].format(port=7),
                                                                  key))
    settings.chmod(0o644)
    told = subprocess.run([INETD, "--check", "--settings", settings, path], capture_output=True,
                          text=True, timeout=PATIENCE, check=False)
    assert told.returncode == 0
    assert f"'{key.split()[0]}' has no effect on" in told.stdout + told.stderr
