"""`inetctl try`: a client of each kind of service, and what it says when one does not work."""

import contextlib
import json
import os
import pty
import re
import resource
import socket
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, ME, PATIENCE, Daemon, connect, free_port, inetctl
from support import Namespace, script, socket_fds, wait_until


RING = bytes(range(32, 127))
PATTERN = b"".join((RING[start:] + RING)[:72] + b"\r\n" for start in range(len(RING)))  # of chargen


def attempt(d, *arguments, status=0, text=b"", env=None):
    """Output and what was said beside it."""
    done = subprocess.run([BUILD / "inetctl", "-s", d.control, "try", *map(str, arguments)],
                          input=text, env={**ENVIRONMENT, **(env or {})}, capture_output=True,
                          timeout=PATIENCE)
    said = done.stderr.decode()
    assert done.returncode == status, (done.args, done.stdout, said)
    return done.stdout, said


def asked(d, *arguments, status=0, text=b""):
    return json.loads(attempt(d, *arguments, "--json", status=status, text=text)[0])


def listed(d, port):
    services = json.loads(inetctl("-s", d.control, "list", "--json").stdout)["services"]
    return next(one for one in services if one["name"] == str(port))


@pytest.fixture
def ports():
    return [free_port() for _ in range(4)]


def test_builtins(ports):
    kinds = ("echo", "discard", "daytime", "time", "chargen", "auth", "tcpmux")
    at = dict(zip(kinds, [*ports, free_port(), free_port(), free_port()]))
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} internal {kind}\n"
                   for kind, port in at.items())
    conf += "".join(f"127.0.0.1:{at[kind]} dgram udp wait {ME} internal {kind}\n"
                    for kind in kinds[:5])
    conf += f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n"
    with Daemon(conf, control=True) as d:
        out, said = attempt(d, f"{at['echo']}/tcp")
        assert out == b"hello from inetctl\r\n"
        assert re.fullmatch(
            rf"{at['echo']}/tcp: connected to 127.0.0.1:{at['echo']} in \d+\.\d ms\n"
            rf"{at['echo']}/tcp: works: 20 bytes came, the first after .* ms; the service closed the "
            r"connection after .*\n", said), said
        assert attempt(d, f"{at['echo']}/udp", text=b"one\n")[0] == b"one\n"
        assert attempt(d, f"{at['echo']}/tcp", "--send", r"a\x00b\n", text=b"no")[0] == b"a\0b\n"
        for protocol in ("tcp", "udp"):
            out, said = attempt(d, f"{at['discard']}/{protocol}")
            assert out == b"" and "works: took 20 bytes and answered nothing" in said
            assert re.fullmatch(rb"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n",
                                attempt(d, f"{at['daytime']}/{protocol}")[0])
            out, said = attempt(d, f"{at['time']}/{protocol}")
            assert len(out) == 4 and re.search(r"4 bytes came, which mean 20\d\d-", said)
            told = asked(d, f"{at['time']}/{protocol}")
            if told["answer"] is None:
                assert len(bytes.fromhex(told["answer_hex"])) == 4
            else:  # there are seconds whose number is UTF-8
                assert len(told["answer"].encode()) == 4
        out, said = attempt(d, f"{at['chargen']}/tcp", "--bytes", 1000)
        assert out == PATTERN[:1000] and "no more was asked for" in said
        out, said = attempt(d, f"{at['chargen']}/udp")
        assert out == PATTERN[:len(out)] and len(out) <= 512  # RFC 864
        assert f": works: {len(out)} byte" in said
        assert attempt(d, at["auth"])[0] == b"1 , 1 : ERROR : NO-USER\r\n"
        assert attempt(d, f"{at['tcpmux']}/tcp")[0] == b"cat\r\n"
        several = attempt(d, at["echo"])[1]
        assert f"{at['echo']}/tcp: the one of 2 services of that name that is tried\n" in several


def test_json(ports):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal daytime\n"
    with Daemon(conf, control=True) as d:
        told = asked(d, ports[0])
        assert told["service"] == f"{ports[0]}/tcp" and told["outcome"] == "answered"
        assert told["address"] == f"127.0.0.1:{ports[0]}"
        assert 0 < told["connected"] <= told["first_byte"] <= told["lasted"]
        assert (told["received"], told["sent"]) == (len(told["answer"]), 0)
        assert told["answer"].endswith("\r\n") and told["answer_hex"] is None
        assert told["advice"] is None and told["messages"] == []


def test_servers(ports, workdir):
    """What is sent reaches a server, and what becomes of the server is told."""
    cat, true, crash, lost = ports
    program = script(workdir / "lost", "x", "/nonexistent")
    conf = (f"127.0.0.1:{cat} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{true} stream tcp nowait {ME} /bin/true\n"
            f"127.0.0.1:{crash} stream tcp nowait {ME} /bin/sh sh -c 'echo oh; exit 3'\n"
            f"127.0.0.1:{lost} stream tcp nowait {ME} {program}\n")
    with Daemon(conf, control=True) as d:
        data = os.urandom(30_000)
        assert attempt(d, cat, text=data)[0] == data
        _, said = attempt(d, cat, "--timeout", 0.3, status=5)
        assert float(re.search(r"nothing came within ([\d.]+) ms", said)[1]) >= 300, said
        assert "--send" in said
        _, said = attempt(d, true, status=5)
        assert re.search(r"nothing came: the service closed the connection after .*; its server "
                         r"\(pid \d+\) ended: exit 0\n", said), said
        told = asked(d, crash)
        assert (told["answer"], told["ended"]) == ("oh\n", "exit 3") and told["pid"] > 1
        told = asked(d, lost, status=5)
        assert (told["outcome"], told["answer"], told["ended"]) == ("ended", "", "exit 127")
        assert told["messages"] == [f"{lost}: exec {program}: No such file or directory"]


def test_addresses(ports, workdir):
    """Wildcards, both families, unix sockets of each kind, tcpmux."""
    any_port, both, mux, _ = ports
    stream, dgram, seq = (workdir / name for name in ("s t", "d", "q"))
    conf = (f"{any_port} stream tcp nowait {ME} internal echo\n"
            f"[::1],127.0.0.1:{both} stream tcp nowait {ME} internal echo\n"
            f"'{stream}' stream unix nowait {ME} internal echo\n"
            f"{dgram} dgram unix wait {ME} internal echo\n"
            f"{seq} seqpacket unix nowait {ME} /bin/cat\n"
            f"127.0.0.1:{mux} stream tcp nowait {ME} internal tcpmux\n"
            f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n"
            f"tcpmux/+plus stream tcp nowait {ME} /bin/cat\n")
    with Daemon(conf, control=True) as d:
        assert asked(d, any_port)["address"] == f"127.0.0.1:{any_port}"
        assert asked(d, any_port, "--address", "::1")["address"] == f"[::1]:{any_port}"
        assert asked(d, both, "--address", "::1")["address"] == f"[::1]:{both}"
        assert asked(d, both, "--address", "127.0.0.1")["address"] == f"127.0.0.1:{both}"
        assert "does not listen on 127.0.0.9" in attempt(d, both, "--address", "127.0.0.9",
                                                         status=1)[1]
        for path in (stream, dgram, seq):
            assert attempt(d, path, text=b"hello\n")[0] == b"hello\n", path
        assert attempt(d, "tcpmux/cat", text=b"through\n")[0] == b"through\n"
        assert attempt(d, "tcpmux/plus", text=b"through\n")[0] == b"+Go\r\nthrough\n"
        stream.unlink()
        told = asked(d, stream, status=1)
        assert told["outcome"] == "unreachable" and "removed the socket" in told["advice"]


def test_behind_a_balancer(ports, start):
    """What takes the PROXY protocol gets a header, and nothing else does."""
    cat, plain, mux, plain_mux = ports
    d = start(f"127.0.0.1:{cat} stream tcp nowait {ME} /bin/cat\n"
              f"127.0.0.1:{plain} stream tcp nowait {ME} /bin/cat\n"
              f"127.0.0.1:{plain} dgram udp wait {ME} internal echo\n"
              f"127.0.0.1:{mux} stream tcp nowait {ME} internal tcpmux\n"
              f"127.0.0.1:{plain_mux} stream tcp nowait {ME} internal tcpmux\n"
              f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n",
              f'defaults = {{ proxy_protocol = true; proxy_from = ["127.0.0.1"]; }};\n'
              f'services = ({{ name = "{plain}"; proxy_protocol = false; }},\n'
              f'            {{ name = "{plain_mux}"; proxy_protocol = false; }});\n', control=True)
    for name in (f"{cat}/tcp", f"{plain}/tcp", f"{plain}/udp"):
        assert attempt(d, name, text=b"as it was\n")[0] == b"as it was\n", name
    assert attempt(d, f"{mux}/tcp")[0] == attempt(d, f"{plain_mux}/tcp")[0] == b"cat\r\n"
    for port in (mux, plain_mux):
        told = asked(d, "tcpmux/cat", "--address", f"127.0.0.1:{port}", text=b"as it was\n")
        assert (told["answer"], told["address"]) == ("as it was\n", f"127.0.0.1:{port}")
        assert told["sent"] == len("as it was\n")


def test_an_answer_from_another_address(ports, workdir):
    """As tftp servers give it (RFC 1350)."""
    server = script(workdir / "elsewhere", """
import socket
mine = socket.socket(fileno=0)
data, peer = mine.recvfrom(100)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.sendto(b"got " + data, peer)
""")
    conf = f"127.0.0.1:{ports[0]} dgram udp wait {ME} {server}\n"
    with Daemon(conf, control=True) as d:
        out, said = attempt(d, ports[0], "--send", "it")
        assert out == b"got it" and re.search(r", from 127\.0\.0\.1:\d+", said)


# Takes nothing until somebody has written to the pipe, and then gives each datagram back.
LATE = """
import socket, sys
s = socket.socket(fileno=0)
open(sys.argv[1]).read()
while True:
    data, peer = s.recvfrom(100)
    if peer:
        s.sendto(data, peer)
"""


@pytest.mark.parametrize("what", (b"", b"words"))
def test_a_queue_of_datagrams_that_is_full(workdir, start, what):
    """Whoever sends there waits, and does not try without end."""
    path, pipe = workdir / "service", workdir / "pipe"
    os.mkfifo(pipe)
    conf = f"{path} dgram unix wait {ME} {script(workdir / 'late', LATE)} late {pipe}\n"
    d = start(conf, "daemon = { stop_timeout = 0; };\n", control=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                s.sendto(b"x", str(path))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = asked(d, path, "--timeout", "2", text=what, status=1)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert told["outcome"] == "unreachable" and "there was no room within" in told["text"]
        assert told["advice"] == "its queue is full: nobody reads it"
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
        process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, "try", "--timeout", "60", path],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
        process.stdin.write(what)
        process.stdin.close()
        wait_until(lambda: len(socket_fds(process.pid)) == 3, "it waits for room")
        pipe.write_text("go on")
        assert process.stdout.read() == (what or b"\r\n")
        assert process.wait(PATIENCE) == 0


@pytest.mark.root
def test_standard_input_goes_to_the_address_that_takes_it(namespace, start):
    """What was read for one to which it could not be sent is not lost."""
    def ip(verb):
        subprocess.run([*namespace.wrap, "ip", "address", verb, "192.0.2.1/32", "dev", "lo"], check=True)

    ip("add")
    port = free_port()
    d = start(f"192.0.2.1,127.0.0.1:{port} dgram udp4 wait {ME} internal echo\n", "", control=True,
              wrap=namespace.wrap)
    assert namespace.run(asked, d, port, text=b"one\n")["address"] == f"192.0.2.1:{port}"
    ip("del")
    out, said = namespace.run(attempt, d, port, text=b"two\n")
    assert out == b"two\n" and f"sending to 192.0.2.1:{port}: Network is unreachable" in said
    out, said = namespace.run(attempt, d, port, "--send", "three")
    assert out == b"three" and f"sending to 192.0.2.1:{port}: Network is unreachable" in said


def test_what_does_not_work_says_why(ports, start):
    closed, full, taken, refusing = ports
    conf = (f"127.0.0.1:{closed} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{full} stream tcp nowait/1 {ME} /bin/cat\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{refusing} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{refusing} dgram udp nowait {ME} /bin/cat\n")
    settings = f'services = ({{ name = "{refusing}"; no_access = ["127.0.0.1"]; }});\n'
    with socket.create_server(("127.0.0.1", taken)):
        d = start(conf, settings, control=True)
        told = asked(d, taken, status=1)
        assert told["outcome"] == "closed" and "Address already in use" in told["text"]
        assert "another program has" in told["advice"]
    for verb, back in (("pause", "resume"), ("disable", "enable")):
        assert inetctl("-s", d.control, verb, closed).returncode == 0
        said = attempt(d, closed, status=1)[1]
        assert f"127.0.0.1:{closed}: {verb}d" in said
        assert f"hint: 'inetctl {back} {closed}/tcp'" in said
        assert inetctl("-s", d.control, back, closed).returncode == 0
    for protocol in ("tcp", "udp"):
        told = asked(d, f"{refusing}/{protocol}", "--timeout", "0.5", status=1)
        assert (told["outcome"], told["refused_by"]) == ("refused", "no_access"), told
    with connect(full) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        said = attempt(d, full, "--timeout", "0.3", status=5)[1]
        assert "it is parked: all 1 instances run" in said


def test_a_discard_that_is_full(ports):
    """The kernel takes what is sent to it, and nobody reads it."""
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait/1 {ME} internal discard\n"
    with Daemon(conf, control=True) as d:
        with connect(ports[0]):
            wait_until(lambda: listed(d, ports[0])["state"] == "parked", "it is full")
            told = asked(d, ports[0], "--timeout", "0.3", status=5)
            assert (told["outcome"], told["sent"]) == ("silent", 20)
            assert re.fullmatch(r"the connection was not closed within .* ms; it is parked: "
                                r"all 1 instances run", told["text"])
        wait_until(lambda: listed(d, ports[0])["running"] == 0, "there is room")
        assert asked(d, ports[0])["outcome"] == "taken"


@pytest.mark.root
def test_a_sensor_is_not_touched_but_from_the_loopback(ports, start):
    """Which the daemon does not shut out."""
    one, other, plain, _ = ports
    with contextlib.closing(Namespace("ip link set lo up && ip address add 192.0.2.1/32 dev lo")) as ns:
        d = start(f"{one} stream tcp4 nowait {ME} internal echo\n"
                  f"192.0.2.1:{other} stream tcp nowait {ME} internal echo\n"
                  f"192.0.2.1:{plain} stream tcp nowait {ME} internal echo\n",
                  f'defaults = {{ sensor = "1h"; }};\n'
                  f'services = ({{ name = "{plain}"; sensor = 0; }});\n', control=True, wrap=ns.wrap)
        said = ns.run(attempt, d, other, status=1)[1]
        assert ns.run(asked, d, plain)["outcome"] == "answered"
        assert 'shut out for "1h"' in said and "--force" in said
        assert "this sensor closed the connection" in ns.run(attempt, d, one)[1]
        assert "this sensor closed the connection" in ns.run(attempt, d, other, "--force")[1]
        assert ns.run(asked, d, plain, status=1)["refused_by"] == "sensor"


def test_a_name_that_inetd_does_not_know(ports):
    one, two, _, _ = ports
    conf = f"127.0.0.1:{one} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d:
        assert f"did you mean '{one}'?" in attempt(d, f"{one}0", status=3)[1]
        d.rewrite(conf + f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
        assert (f"{d.conf}:2 has it, but inetd has not read that yet: 'inetctl reload'"
                in attempt(d, two, status=3)[1])
        d.rewrite("nonsense\n")
        assert "the configuration has errors" in attempt(d, two, status=3)[1]
        assert "--send: a backslash" in attempt(d, one, "--send", "\\q", status=2)[1]
        attempt(d, one, "--timeout", "never", status=2)
    assert inetctl("-s", "/nonexistent", "try", "x").returncode == 4


def on_a_terminal(d, *arguments):
    """What a terminal gets to see, and what was said beside it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, "try", *map(str, arguments)],
                               stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
                               env={**ENVIRONMENT, "TERM": "xterm"})
    said = process.communicate(timeout=PATIENCE)[1].decode()
    assert process.returncode == 0, said
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while part := terminal.read(4096):  # until EIO
            shown += part
    return shown, said


def test_on_a_terminal_the_answer_does_no_harm(ports):
    """What a server sends is shown, but it does not move the cursor."""
    conf = (f"127.0.0.1:{ports[0]} stream tcp nowait {ME} /bin/printf printf "
            "'gr\\303\\274\\033[2J\\r\\nx'\n"
            f"127.0.0.1:{ports[1]} stream tcp nowait {ME} /bin/printf printf "
            "'gr\\303\\274\\302\\2332J\\177'\n")
    with Daemon(conf, control=True) as d:
        shown, said = on_a_terminal(d, ports[0])
        assert "works: 11 bytes" in said and shown == b"gr\xc3\xbc\\x1b[2J\r\nx\r\n"
        shown, _ = on_a_terminal(d, ports[1], "--json")
        assert shown.isascii() and b"\x7f" not in shown
        told = asked(d, ports[1])["answer"]
        assert json.loads(shown)["answer"] == told == "gr\xfc\x9b2J\x7f"
        assert told.encode() in attempt(d, ports[1], "--json")[0]
