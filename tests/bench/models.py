"""The process models (services/models) as `wait` services, and beside them `nowait` and the built-in
echo: what each takes of the processors for the same clients."""

import machine
from measures import BASE
from peers import Inetd, Service

CLIENTS, BYTES = 8, 4000


class Model(Inetd):
    options = ("-l", "--stop-timeout", "0")
    model = ""

    @classmethod
    def service(cls, programs):
        return Service(BASE, (f"{programs}/model", cls.model), wait=True)


def model(name, description):
    return type("Model", (Model,), {"model": name, "name": description})


class Nowait(Model):
    name = "nowait, a program for each client"

    @classmethod
    def service(cls, programs):
        return Service(BASE, (f"{programs}/nowait",))


class Echo(Model):
    """Of the built-in services the nearest: it sends as many bytes, but has to receive them first."""
    name = "built-in (echo)"

    @classmethod
    def service(cls, _):
        return Service(BASE, builtin="echo")


ITERATIVE = "iterative"
SERVERS = (
    model("iterative", ITERATIVE), model("fork", "a process for each client"),
    model("prefork", "prefork, children accept"),
    model("prefork-lock", "prefork, a lock around accept"),
    model("prefork-pass", "prefork, the parent passes it on"),
    model("thread", "a thread for each client"), model("prethread", "pre-created threads"),
    model("epoll", "one epoll loop"), Nowait, Echo)


def processor_time(bench, cls):
    """Of inetd and of all that it started, user and system, once the server was there."""
    with cls(bench.directory) as server:
        server.start([cls.service(bench.models)])
        echo = int(cls is Echo)
        bench.load("ask", BASE, CLIENTS, CLIENTS, BYTES, echo)
        before = machine.cpu_of_tree(server.pid)
        got = bench.load("ask", BASE, CLIENTS, bench.connections, BYTES, echo)
        if got["failed"]:
            raise RuntimeError(f"failed {got['failed']} clients")
        used = machine.end_counted(server.process) - before
        return {"tree_cpu_us": used / 1000 / got["served"], "rate": got["rate"]}
