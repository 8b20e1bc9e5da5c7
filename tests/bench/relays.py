"""Servers that relay a port, each to a server that has next to nothing to do itself."""

import pathlib
import subprocess

import machine
from peers import Inetd, Server, Service, Socat, Xinetd

PORT, TARGET = 10000, 7


class Relay(Inetd):
    def command(self, services):
        conf = self.file("conf", f"{PORT} stream tcp nowait root internal redirect 127.0.0.1 {TARGET}\n")
        return [self.path, "-i", *self.options, "--settings", self.file("cfg", ""), conf]


class XinetdRelay(Xinetd):
    def command(self, services):
        text = (f"defaults\n{{\n instances = UNLIMITED\n per_source = UNLIMITED\n cps = 0 0\n}}\n"
                f"service relay\n{{\n type = UNLISTED\n socket_type = stream\n protocol = tcp\n"
                f" port = {PORT}\n wait = no\n user = root\n redirect = 127.0.0.1 {TARGET}\n}}\n")
        return [self.path, "-dontfork", "-f", self.file("conf", text),
                "-pidfile", str(self.directory / "xinetd.pid")]


class SocatRelay(Socat):
    def command(self, services):
        return [self.path, f"TCP-LISTEN:{PORT},bind=127.0.0.1,reuseaddr,fork,backlog=4096",
                f"TCP:127.0.0.1:{TARGET}"]


class Proxyd(Server):
    name = "systemd-socket-proxyd"
    path = "/lib/systemd/systemd-socket-proxyd"

    def command(self, services):
        return ["systemd-socket-activate", "-l", f"127.0.0.1:{PORT}", self.path,
                "--connections-max=10000", f"127.0.0.1:{TARGET}"]


class Haproxy(Server):
    name = "haproxy"
    path = "/usr/sbin/haproxy"

    def command(self, services):
        text = ("global\n maxconn 4000\n nbthread 1\ndefaults\n mode tcp\n timeout connect 5s\n"
                " timeout client 1m\n timeout server 1m\n option splice-auto\n"
                f"listen relay\n bind 127.0.0.1:{PORT}\n server one 127.0.0.1:{TARGET}\n")
        return [self.path, "-db", "-f", self.file("cfg", text)]


SERVERS = [Relay, Haproxy, XinetdRelay, SocatRelay, Proxyd]


def relay(bench, cls, kind, mode, *arguments):
    """`kind`: of the bare loop behind it."""
    if not pathlib.Path(cls.path).exists():
        return None
    bare = f"{pathlib.Path(bench.load_path).parent}/bare"
    with subprocess.Popen([bare, kind, str(TARGET)]) as target, cls(bench.directory) as server:
        try:
            while not machine.can_connect(TARGET):
                pass
            server.beside.add(target.pid)
            server.start([Service(PORT)])
            got = bench.load(mode, PORT, *arguments)
        finally:
            target.kill()
        return got
