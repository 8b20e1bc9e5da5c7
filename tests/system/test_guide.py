"""The recipes of docs/GUIDE.md are loaded as they stand there."""

import contextlib
import errno
import re
import shlex
import socket
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, PATIENCE, Daemon, ROOT, ask, connect, read_all, run_inetd
from support import visit, wait_until
from test_access_names import net  # noqa: F401, a fixture
from confined import needs_landlock
from test_two_machines import CLIENT, SERVER, in_namespace, machines  # noqa: F401, a fixture

TEXT = (ROOT / "docs/GUIDE.md").read_text()
# Each with the blocks of its recipe, by the name of the file that they are for.
RECIPES = [(section.partition("\n")[0],
            dict(re.findall(r"^```(\S+)\n(.*?)^```$", section, re.S | re.M)))
           for section in TEXT.split("\n## ")[1:]]
KNOWN = {"hello", "inetd.conf", "inetd.cfg", "haproxy.cfg", "prometheus.yml", "sh"}
FILES = [(name, blocks) for name, blocks in RECIPES if "inetd.conf" in blocks]
COMMANDS = [(name, blocks["sh"]) for name, blocks in RECIPES if "sh" in blocks]


def test_there_are_recipes_and_no_block_that_nobody_looks_at():
    assert len(RECIPES) >= 5
    assert len(re.findall("^```.", TEXT, re.M)) == sum(len(blocks) for _, blocks in RECIPES)
    for name, blocks in RECIPES:
        assert blocks.keys() & {"inetd.conf", "sh"} and set(blocks) <= KNOWN, name


@pytest.mark.root
@pytest.mark.parametrize("name, blocks", FILES, ids=[name for name, _ in FILES])
def test_a_recipe_is_good(workdir, name, blocks):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    text = blocks["inetd.conf"]
    if "hello" in blocks:  # the reader's own server
        text = text.replace("/usr/local/bin/hello", "/bin/cat")
    conf.write_text(text)
    settings.write_text(blocks.get("inetd.cfg", ""))
    done = run_inetd("--check", "--settings", settings, conf)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "0 errors, 0 warnings" in said, said


def run_command(text, wrap=()):
    """A daemon as a shell starts it that is given the text."""
    return Daemon(None, wrap=(*wrap, "sh", "-c", f"exec {text}"),
                  env={"PATH": f"{BUILD}:{ENVIRONMENT['PATH']}"})


@pytest.mark.root
@pytest.mark.parametrize("name, text", COMMANDS, ids=[name for name, _ in COMMANDS])
def test_a_command_runs(namespace, name, text):
    with run_command(text, namespace.wrap) as d:
        assert not d.lines_like("error|warning|failed")
        assert d.stop() == 0


@pytest.mark.parametrize("name, command", [
    pytest.param("haproxy.cfg", ("haproxy", "-c", "-f"), marks=pytest.mark.needs("haproxy")),
    pytest.param("prometheus.yml", ("promtool", "check", "config"),
                 marks=pytest.mark.needs("promtool"))])
def test_the_file_of_another_program_is_good(workdir, name, command):
    files = [blocks[name] for _, blocks in RECIPES if name in blocks]
    assert files
    for text in files:
        path = workdir / name
        path.write_text(text)
        done = subprocess.run([*command, str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def recipe(workdir, namespace):
    """recipe(name) runs a daemon with it, in a network whose ports are all free."""
    daemons = []

    def run(name, settings=True, wrap=namespace.wrap, options=(), change=lambda text: text,
            control=False):
        blocks = dict(RECIPES)[name]
        path = workdir / "inetd.cfg"
        path.write_text(change(blocks["inetd.cfg"]) if settings else "")
        path.chmod(0o644)
        daemons.append(Daemon(change(blocks["inetd.conf"]), "--settings", path, *options, wrap=wrap,
                              control=control))
        return daemons[-1]
    yield run
    for daemon in daemons:
        daemon.close()


@pytest.mark.root
def test_from_the_first_service_to_production(workdir, recipe, namespace):
    name = "From the first service to production"
    server = workdir / "hello"
    server.write_text(dict(RECIPES)[name]["hello"])
    server.chmod(0o755)
    alone = subprocess.run([server], input="World\n", capture_output=True, text=True, check=True)
    assert alone.stdout == "Hello World from nobody\n"
    d = recipe(name, control=True,
               change=lambda text: text.replace("/usr/local/bin/hello", str(server)))

    def inetctl(*arguments):
        return subprocess.run([*namespace.wrap, BUILD / "inetctl", "-s", d.control, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE)
    for verb in re.findall(r"^ {4}inetctl (.*?) *#", TEXT, re.M)[:4]:
        files = [d.conf] if verb == "check" else []  # not those in /etc
        done = inetctl(*shlex.split(verb.replace("\\n", "\n")), *files)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "Hello World from 127.0.0.1\n" and "works" in done.stderr
    d.wait_log(r"4242: 127.0.0.1:\d+: ended: exit 0")
    for verb in ("status", "list", "show 4242", "pause 4242", "resume 4242", "kill 4242/tcp", "log 4242"):
        done = inetctl(*verb.split())
        assert done.returncode == 0, done.stdout + done.stderr
    with namespace.run(connect, 4242) as held:
        wait_until(lambda: namespace.run(ask, 4242) == b"", "his share is used up")
        d.wait_log("4242: refused 127.0.0.1: too many starts for this address")
        held.sendall(b"still here\n")
        assert read_all(held) == b"Hello still here from 127.0.0.1\n"


def ask_abstract(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0" + name)
        return read_all(s)


@pytest.mark.root
def test_serve_one_command(namespace):
    with run_command(dict(COMMANDS)["Serve one command"], namespace.wrap):
        assert namespace.run(ask, 8083, b"a\nb\n") == b"     1\ta\n     2\tb\n"
        assert b"load average" in namespace.run(ask_abstract, "date")


@pytest.mark.root
def test_rate_limit_one_service(recipe, namespace):
    d = recipe("Rate-limit one service")
    for _ in range(10):
        assert namespace.run(ask, 8079)
    assert namespace.run(ask, 8079) == b""
    d.wait_log("8079: refused 127.0.0.1: too many starts for this address")
    assert namespace.run(ask, 8079, host="::1")


@pytest.mark.root
@needs_landlock
def test_sandbox_a_script(recipe, namespace):
    outside = b"../../../etc/passwd\n"
    d = recipe("Sandbox a script", settings=False)
    assert b"root:" in namespace.run(ask, 8081, outside)
    assert d.stop() == 0
    d = recipe("Sandbox a script")
    assert b"GNU GENERAL PUBLIC LICENSE" in namespace.run(ask, 8081, b"GPL-3\n")
    assert namespace.run(ask, 8081, outside) == b""
    d.wait_log("8081: .*etc/passwd: Permission denied")


@pytest.mark.root
def test_cap_memory(recipe, namespace):
    """Sorted, or no server at all where there is no group to be had."""
    d = recipe("Cap memory")
    try:
        answer = namespace.run(ask, 8082, b"b\na\n")
    except OSError as error:  # closed with what it had not read
        assert error.errno in (errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE)
        answer = b""
    if answer:
        assert answer == b"a\nb\n"
    else:
        d.wait_log("8082: not started: cgroup: ")


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
def test_relay_a_port(recipe, machines):
    """To another machine, which has the address that the recipe names, and no other than it sees."""
    here, other = machines
    in_namespace(other, "ip addr add 192.0.2.10/24 dev cable")
    in_namespace(here, "ip addr add 192.0.2.1/24 dev cable; ip addr add 198.51.100.7/32 dev lo")
    with contextlib.closing(other.run(socket.create_server, ("192.0.2.10", 5432))) as base:
        d = recipe("Relay a port", wrap=here.wrap, options=("-l",))
        for client, target in ((other, SERVER[4]), (here, "127.0.0.1")):
            with client.run(connect, 5432, target) as s, base.accept()[0] as session:
                assert session.getpeername()[0] == "192.0.2.1"
                s.sendall(b"select 1;" + b"x" * 1_000_000)
                s.shutdown(socket.SHUT_WR)
                assert read_all(session) == b"select 1;" + b"x" * 1_000_000
                session.sendall(b"1 row")
                session.shutdown(socket.SHUT_WR)
                assert read_all(s) == b"1 row"
            d.wait_log(r"5432: .*: session ended: 1000009 bytes in, 5 out")
        assert d.lines_like(rf"5432: {re.escape(CLIENT[4])}:\d+: session ended")
        # per_source = 50
        with contextlib.ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(other.run(connect, 5432, SERVER[4]))
                stack.enter_context(base.accept()[0])
            assert visit_from(other, (SERVER[4], 5432)) == b""
            d.wait_log(rf"5432: refused {re.escape(CLIENT[4])}: too many instances for this address")
            s = stack.enter_context(here.run(connect, 5432, "127.0.0.1"))
            s.sendall(b"x")
            assert stack.enter_context(base.accept()[0]).recv(9) == b"x"


def visit_from(namespace, *arguments):
    return namespace.run(visit, *arguments)


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
def test_allow_one_network(recipe, net):
    """The office, its meeting room, a laptop that is away, one whose name is another's, a stranger."""
    office, room, laptop, liar, stranger = (
        "192.0.2.20", "192.0.2.200", "198.51.100.20", "198.51.100.21", "198.51.100.7")
    v4 = "; ".join(f"ip addr add {a}/32 dev lo" for a in (office, room, laptop, liar, stranger))
    in_namespace(net, f"{v4}; ip addr add 2001:db8::20/128 dev lo; ip addr add 2001:db8:1::20/128 dev lo")
    net.names.host(laptop, "one.laptops.example.org")
    net.names.host(stranger, "stranger.example.net")
    net.names.pointer(liar, ["one.laptops.example.org"])
    d = recipe("Allow one network", wrap=net.machine)
    assert visit_from(net, (office, 7777), office) == b"hello"
    assert visit_from(net, ("2001:db8::20", 7777), "2001:db8::20") == b"hello"
    assert visit_from(net, (office, 7777), laptop) == b"hello"
    for source, why in ((room, "it is one of its no_access"), (stranger, "not one of its only_from"),
                        (liar, "its name could not be told")):
        assert visit_from(net, (office, 7777), source) == b""
        d.wait_log(f"7777: refused {re.escape(source)}: {why}")
        d.reload()  # after which a refusal is noted anew
    assert visit_from(net, ("2001:db8:1::20", 7777), "2001:db8:1::20") == b""


@pytest.fixture
def balancer(namespace, workdir):
    """balancer(name) runs haproxy with the file of that recipe."""
    with contextlib.ExitStack() as stack:
        def run(name):
            path = workdir / "haproxy.cfg"
            path.write_text(dict(RECIPES)[name]["haproxy.cfg"])
            process = subprocess.Popen([*namespace.wrap, "haproxy", "-db", "-f", str(path)],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)
        yield run


@pytest.mark.root
@pytest.mark.needs("haproxy", "ip")
def test_sit_behind_haproxy(recipe, namespace, balancer):
    client, other, barred = "198.51.100.7", "198.51.100.8", "203.0.113.66"
    in_namespace(namespace, "; ".join(f"ip addr add {a}/32 dev lo" for a in (client, other, barred)))
    d = recipe("Sit behind HAProxy", options=("-l",))
    balancer("Sit behind HAProxy")

    def ask_by_balancer(source):
        try:
            return visit_from(namespace, ("127.0.0.1", 80), source)
        except OSError:  # it is not there yet
            return b""
    wait_until(lambda: ask_by_balancer(client) == b"hello", "haproxy serves")
    d.wait_log(rf"8080: {re.escape(client)}:\d+: session ended: 5 bytes in, 5 out")
    # The list is about the client, though all come from 127.0.0.1.
    assert ask_by_balancer(barred) == b""
    d.wait_log(rf"8080: refused {re.escape(barred)}: it is one of its no_access")
    # So is the limit.
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            s = stack.enter_context(namespace.run(socket.create_connection, ("127.0.0.1", 80), PATIENCE,
                                                  (client, 0)))
            s.sendall(b"x")
            assert s.recv(9) == b"x"
        assert ask_by_balancer(client) == b""
        assert ask_by_balancer(other) == b"hello"
    d.reload()  # after which a refusal is noted anew
    # Who is no balancer may not say that he is somebody else.
    header = b"PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\nhello"
    assert visit_from(namespace, (client, 8080), client, header) == b""
    d.wait_log(rf"8080: refused {re.escape(client)}: not one of its balancers")
    # The checks of the balancer started nothing.
    assert not d.lines_like(r"8080: 127\.0\.0\.1:\d+: session started")
