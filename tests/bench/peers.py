"""The servers that are measured: how each is configured, started and ended."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time

from machine import can_connect, end, is_bound

PATIENCE = 30  # seconds for a server to come up
FAMILY = "4"   # for those who would open a socket of each family, where the others have IPv4 alone


@dataclasses.dataclass(frozen=True)
class Service:
    """One line of a configuration. No program: built in, by that name."""
    port: int
    program: tuple = ()
    builtin: str = ""
    kind: str = "stream"
    wait: bool = False

    @property
    def protocol(self):
        return "tcp" if self.kind == "stream" else "udp"

    def line(self, user="root", internal="internal", name=None, family=""):
        """As inetd.conf(5) has it."""
        what = " ".join((self.program[0], os.path.basename(self.program[0]), *self.program[1:])) \
            if self.program else internal
        return (f"{name or self.port} {self.kind} {self.protocol}{family} {'wait' if self.wait else 'nowait'} "
                f"{user} {what}\n")


class NotUp(RuntimeError):
    pass


class Server:
    """A server in the foreground. Subclasses say how it is called."""
    name = ""
    many = True          # serves many services in one process
    kinds = {"stream"}   # and "dgram" where it can
    builtins = ()
    path = None
    unlimited = True     # or with the limits that it has by itself

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process = None
        self.beside = set()  # pids of other children of ours

    @classmethod
    def can(cls, services):
        return ((cls.many or len(services) == 1) and all(
            s.kind in cls.kinds and (not s.builtin or s.builtin in cls.builtins) for s in services))

    def command(self, services):
        raise NotImplementedError

    def limits(self, *options):
        return options if self.unlimited else ()

    def file(self, name, text):
        path = self.directory / f"{self.name}.{name}".replace(" ", "-")
        path.write_text(text)
        return str(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, services):
        """Returns the seconds until the last service answered a connection."""
        command = self.command(services)
        if can_connect(services[-1].port):
            raise RuntimeError("somebody else is on its port")
        with open(self.directory / f"{self.name}.out".replace(" ", "-"), "w") as out:
            began = time.monotonic()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, start_new_session=True)
        streams = [s for s in services if s.kind == "stream"]
        if streams:
            while not can_connect(streams[-1].port):
                self.check_alive(began)
        else:
            while not is_bound(services[-1].port):
                self.check_alive(began)
        return time.monotonic() - began

    def check_alive(self, began):
        if self.process.poll() is not None:
            raise NotUp(f"ended with {self.process.returncode}")
        if time.monotonic() - began > PATIENCE:
            raise NotUp("did not come up")
        time.sleep(0.001)

    @property
    def pid(self):
        return self.process.pid

    def reload(self):
        os.kill(self.pid, signal.SIGHUP)

    def stop(self):
        if self.process:
            end(self.process, self.beside)
            self.process = None


class Inetd(Server):
    """Ours, as it is built and with all that it does: limits, accounting, a log of connections."""
    name = "inetd (ours)"
    kinds = {"stream", "dgram"}
    builtins = ("echo", "discard", "chargen", "daytime", "redirect")
    options = ("-l",)
    settings = ""

    def command(self, services):
        conf = self.file("conf", "".join(
            s.line(internal=f"internal {s.builtin}", family=FAMILY) for s in services))
        settings = self.file("cfg", self.settings)
        return [self.path, "-i", *self.options, "--settings", settings, conf]


class Openbsd(Server):
    name = "openbsd-inetd"
    kinds = {"stream", "dgram"}

    def command(self, services):
        conf = self.file("conf", "".join(s.line(family=FAMILY) for s in services))
        return [self.path, "-i", *self.limits("-R", "1000000", "-q", "4096"), conf]


class Inetutils(Server):
    name = "inetutils-inetd"
    kinds = {"stream", "dgram"}

    def command(self, services):
        conf = self.file("conf", "".join(s.line() for s in services))
        return [self.path, f"--pidfile={self.pid_file}", *self.limits("-R", "100000000"), conf]

    @property
    def pid_file(self):
        return self.directory / "inetutils.pid"

    @property
    def pid(self):
        return int(self.pid_file.read_text())

    def check_alive(self, began):
        # It has no foreground but that of debugging, in which it hangs.
        if self.process.poll() not in (None, 0) or time.monotonic() - began > PATIENCE:
            raise NotUp("did not come up")
        time.sleep(0.001)


class Xinetd(Server):
    name = "xinetd"
    kinds = {"stream", "dgram"}
    builtins = ("echo", "discard", "chargen", "daytime")

    def command(self, services):
        text = "defaults\n{\n instances = UNLIMITED\n per_source = UNLIMITED\n cps = 0 0\n}\n" \
            if self.unlimited else ""
        for s in services:
            name = s.builtin or f"s{s.port}"
            members = {"id": f"{name}-{s.kind}-{s.port}", "socket_type": s.kind, "protocol": s.protocol,
                       "port": s.port, "wait": "yes" if s.wait else "no", "user": "root",
                       "type": "INTERNAL UNLISTED" if s.builtin else "UNLISTED"}
            if s.program:
                members |= {"server": s.program[0], "server_args": " ".join(s.program[1:])}
            text += f"service {name}\n{{\n" + "".join(
                f" {key} = {value}\n" for key, value in members.items() if value != "") + "}\n"
        return [self.path, "-dontfork", "-f", self.file("conf", text),
                "-pidfile", str(self.directory / "xinetd.pid")]


class Rlinetd(Server):
    name = "rlinetd"

    def command(self, services):
        limits = " backlog 4096;\n instances 100000;\n" if self.unlimited else ""
        text = "".join(f'service "s{s.port}" {{\n port {s.port};\n exec "{" ".join(s.program)}";\n'
                       f' user "root";\n{limits}}}\n' for s in services)
        root = pathlib.Path(self.path).parents[2]
        parser = next(root.rglob("libparse.so"))
        return [self.path, "-d", "-p", str(parser), "-f", self.file("conf", text)]


class BusyboxInetd(Server):
    name = "busybox inetd"
    kinds = {"stream", "dgram"}
    builtins = ("echo", "discard", "chargen", "daytime")

    def command(self, services):
        conf = self.file("conf", "".join(
            s.line(name=s.builtin if s.builtin else None) for s in services))
        return [self.path, "inetd", "-f", *self.limits("-R", "0", "-q", "4096"), conf]


class BusyboxTcpsvd(Server):
    name = "busybox tcpsvd"
    many = False

    def command(self, services):
        service, = services
        return [self.path, "tcpsvd", *self.limits("-c", "30000", "-b", "4096"), "127.0.0.1", str(service.port),
                *service.program]


class Ipsvd(BusyboxTcpsvd):
    name = "ipsvd"

    def command(self, services):
        service, = services
        # Without a name of its own it would ask the resolver for one.
        return [self.path, *self.limits("-c", "30000", "-b", "4096"), "-l", "localhost", "127.0.0.1",
                str(service.port), *service.program]


class Tcpserver(Server):
    name = "tcpserver"
    many = False

    def command(self, services):
        service, = services
        return [self.path, *self.limits("-c", "30000", "-b", "4096"), "-H", "-R", "-l0", "127.0.0.1",
                str(service.port), *service.program]


class Socat(Server):
    name = "socat"
    many = False
    path = "/usr/bin/socat"

    def command(self, services):
        service, = services
        return [self.path, f"TCP-LISTEN:{service.port},bind=127.0.0.1,reuseaddr,fork"
                + (",backlog=4096" if self.unlimited else ""),
                "EXEC:" + " ".join(service.program) + ",nofork"]


class Bare(Server):
    """A loop of our own that does nothing else: the limit, not a peer."""
    name = "bare loop"
    many = False
    kinds = {"stream", "dgram"}
    builtins = ("echo", "discard", "chargen")

    def command(self, services):
        service, = services
        kind = "spawn" if service.program else service.builtin
        if service.kind == "dgram":
            kind = "datagrams"
        return [self.path, kind, str(service.port), *service.program]


def known(build, peers):
    """All servers by name, where `build` holds our programs and `peers` the unpacked ones."""
    Inetd.path = f"{build}/inetd"
    Bare.path = f"{build}/tests/bench/bare"
    Openbsd.path = f"{peers}/openbsd-inetd/usr/sbin/inetd"
    Inetutils.path = f"{peers}/inetutils-inetd/usr/sbin/inetutils-inetd"
    Xinetd.path = f"{peers}/xinetd/usr/sbin/xinetd"
    Rlinetd.path = f"{peers}/rlinetd/usr/sbin/rlinetd"
    BusyboxInetd.path = BusyboxTcpsvd.path = f"{peers}/busybox/busybox"
    Tcpserver.path = f"{peers}/ucspi-tcp/usr/bin/tcpserver"
    Ipsvd.path = f"{peers}/ipsvd/usr/bin/tcpsvd"
    return [Inetd, BusyboxInetd, BusyboxTcpsvd, Openbsd, Inetutils, Xinetd, Rlinetd, Tcpserver, Ipsvd,
            Socat, Bare]
