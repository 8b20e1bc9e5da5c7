"""inetctl against the real daemon: what it shows, what it changes, and how it exits."""

import concurrent.futures
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import types

import pytest

from harness import BUILD, ENVIRONMENT, INETD, ME, PATIENCE, Daemon, ask, connect, free_port, inetctl
from support import children, has_nothing, script, servers, started_pid, wait_until

WAIT = """
import socket
client, _ = socket.socket(fileno=0).accept()
client.sendall(b"hello")
client.recv(100)
"""
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.write("ready\\n"); sys.stdout.flush()
signal.pause()
"""


@pytest.fixture
def ports():
    return [free_port() for _ in range(3)]


def ctl(d, *arguments, status=0, **keywords):
    done = inetctl("-s", d.control, *arguments, **keywords)
    assert done.returncode == status, (done.args, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def asked(d, *arguments):
    return json.loads(ctl(d, *arguments, "--json"))


def service(d, name):
    return next(s for s in asked(d, "list")["services"] if s["name"] == str(name))


def rows(text):
    """A table as [{column: cell}]."""
    names, *lines = (re.split(r"  +", line.strip()) for line in text.splitlines())
    return [dict(zip(names, cells, strict=True)) for cells in lines]


def test_status_and_list(ports, workdir):
    echo, full, taken = ports
    conf = (f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{full} stream tcp nowait/1 {ME} /bin/cat\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} /bin/cat\n"
            f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{free_port()} stream tcp nowait {ME} internal tcpmux\n")
    with (socket.create_server(("127.0.0.1", taken)),
          Daemon(conf, control=True) as d, connect(full) as one, connect(full)):
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        assert ask(echo, b"x") == b"x"
        d.wait_log("new clients wait")
        status = asked(d, "status")
        assert (status["pid"], status["state"], status["generation"]) == (d.pid, "running", 0)
        assert (status["services"], status["running"], status["accepted"]) == (5, 1, 2)
        assert status["files"] == [str(d.conf)] and status["last_reload"] is None
        assert [f["service"] for f in status["failures"]] == [f"{taken}/tcp"]
        text = ctl(d, "status")
        assert re.search(rf"^inetd +[\d.]+, pid {d.pid}, running$", text, re.M)
        assert re.search(rf"^{taken}/tcp +127.0.0.1:{taken} +bind .*: Address already in use$", text,
                         re.M)
        table = {row["SERVICE"]: row for row in rows(ctl(d, "list"))}
        assert table[f"{full}/tcp"] == {
            "SERVICE": f"{full}/tcp", "ADDRESS": f"127.0.0.1:{full}", "STATE": "parked",
            "RUNNING": "1/1", "ACCEPTED": "1", "REFUSED": "0",
            "LAST USE": table[f"{full}/tcp"]["LAST USE"]}
        assert re.fullmatch(r"\d+ s ago", table[f"{full}/tcp"]["LAST USE"])
        assert (table[f"{taken}/tcp"]["STATE"], table[f"{taken}/tcp"]["LAST USE"]) == (
            "failed", "never")
        assert (table["tcpmux/cat/tcp"]["STATE"], table["tcpmux/cat/tcp"]["ADDRESS"]) == ("muxed", "-")
        assert service(d, full)["reason"] == "all 1 instances run"
        assert ctl(d, "list", "--names").splitlines()[:3] == [str(p) for p in ports]


def test_show(ports, workdir):
    cat, wait, echo = ports
    conf = (f"127.0.0.1:{cat} stream tcp nowait/1/9/9 {ME} /bin/cat cat -u\n"
            f"127.0.0.1:{wait} stream tcp wait {ME} {script(workdir / 'wait', WAIT)}\n"
            f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, connect(cat) as one, connect(wait) as guest, \
            connect(echo) as session:
        one.sendall(b"x")
        assert one.recv(1) == b"x" and guest.recv(9) == b"hello"
        session.sendall(b"x")
        assert session.recv(1) == b"x"
        pids = {what: next(pid for pid in children(d.pid)
                           if what in open(f"/proc/{pid}/cmdline").read()) for what in ("cat", "wait")}
        (details,) = asked(d, "show", cat)["services"]
        assert (details["program"], details["arguments"]) == ("/bin/cat", ["cat", "-u"])
        assert (details["file"], details["line"], details["user"]) == (str(d.conf), 1, ME)
        (instance,) = details["instances"]
        assert instance["pid"] == pids["cat"]
        assert instance["peer"] == "127.0.0.1:{}".format(one.getsockname()[1])
        assert instance["memory"] > 100_000 and instance["cpu"] >= 0
        (details,) = asked(d, "show", f"{wait}/tcp")["services"]
        (lent,) = details["sockets"]
        assert (lent["state"], lent["server"]) == ("lent", pids["wait"])
        assert details["instances"][0]["peer"] is None
        (details,) = asked(d, "show", echo)["services"]
        assert (details["builtin"], details["program"]) == ("echo", None)
        assert details["instances"][0]["peer"].endswith(":{}".format(session.getsockname()[1]))
        text = ctl(d, "show", cat)
        assert re.search(rf"^  sockets +stream 127.0.0.1:{cat}, parked: all 1 instances run$", text,
                         re.M)
        assert re.search(rf"^ +{pids['cat']}  127.0.0.1:\d+ +\d+ s +\d\.\d\d s +[\d.]+M$", text, re.M)
        assert "no such service" in ctl(d, "show", "nobody", status=3)


def test_show_tells_where_each_limit_comes_from(ports, start):
    """As --dump does, but of what runs: the files may say something else by now."""
    one, two, relay = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait/7 {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{relay} stream tcp nowait {ME} internal redirect 127.0.0.1 9\n")
    settings = (f'defaults = {{ per_source = 5; }};\n'
                f'services = (\n{{ name = "{one}"; rate = "9/s";\n  env = ["A=b"]; }} );\n')
    d = start(conf, settings, "-q", "12", control=True)
    def limits(name):
        return {s["key"]: (s["value"], s["origin"])
                for s in asked(d, "show", name)["services"][0]["settings"]}

    before = limits(one)
    assert before["instances"] == ("7", f"line, {d.conf}:1")
    assert before["per_source"] == ("5", f"defaults, {d.settings}:1")
    assert before["rate"] == ('"9/s"', f"services, {d.settings}:3")
    assert before["env"] == ('["A=b"]', f"services, {d.settings}:4")
    assert before["backlog"] == ("12", "command line")
    assert before["nice"] == (None, "built in")
    assert "idle_timeout" not in before
    assert limits(two)["instances"] == ("256", "built in")
    assert limits(relay)["redirect"] == ('"127.0.0.1 9"', f"line, {d.conf}:3")
    d.settings.write_text("")
    d.rewrite("# nothing\n")
    assert limits(one) == before
    text = ctl(d, "show", one)
    assert re.search(rf"^  rate +\"9/s\" +services, {d.settings}:3$", text, re.M)


def test_several_of_one_name(ports):
    conf = "".join(f"127.0.0.{n}:{ports[0]} {kind}\n" for n, kind in (
        (1, f"stream tcp nowait {ME} internal echo"), (2, f"stream tcp nowait {ME} internal discard"),
        (1, f"dgram udp wait {ME} internal echo")))
    with Daemon(conf, control=True) as d:
        assert len(asked(d, "show", ports[0])["services"]) == 3
        assert len(asked(d, "show", f"{ports[0]}/tcp")["services"]) == 2
        assert ctl(d, "show", f"{ports[0]}/udp").count("internal echo") == 1


def test_reload_tells_what_is_wrong(ports):
    one, two, _ = ports
    with Daemon(f"127.0.0.1:{one} stream tcp nowait {ME} internal echo\n", control=True) as d:
        assert asked(d, "reload") == {"applied": True, "added": 0, "removed": 0, "updated": 0,
                                      "unchanged": 1, "diagnostics": [], "anew": False}
        d.rewrite(f"127.0.0.1:{two} steam tcp nowait {ME} internal echo\n")
        told = ctl(d, "reload", status=1)
        assert (f"{d.conf}:1:{len(str(two)) + 12}: error: unknown socket type 'steam'\n"
                f"127.0.0.1:{two} steam tcp nowait {ME} internal echo\n"
                f"{' ' * (len(str(two)) + 11)}^\n"
                "hint: did you mean 'stream'?\n"
                "inetctl: reload refused: 1 error; everything stays as it was\n") == told
        assert ask(one, b"x") == b"x"
        last = asked(d, "status")["last_reload"]
        assert not last["applied"] and "1 error" in last["text"]
        assert "refused: 1 error" in ctl(d, "status")
        d.wait_notify("RELOADING=1")
        d.rewrite(f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
        assert ctl(d, "reload") == "1 added, 1 removed, 0 updated, 0 unchanged\n"
        assert ask(two, b"x") == b"x", "it is there when the command returns"
        with pytest.raises(ConnectionRefusedError):
            connect(one)


def test_pause_and_resume(ports):
    one, two, _ = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, connect(one) as before:
        before.sendall(b"x")
        assert before.recv(1) == b"x"
        assert ctl(d, "pause", one) == f"{one}/tcp: paused\n"
        with connect(one) as waiting:
            waiting.sendall(b"hello")
            before.sendall(b"y")
            assert before.recv(1) == b"y"  # who is served stays served
            assert ask(two, b"z") == b"z"
            assert service(d, one)["state"] == "paused" and has_nothing(waiting)
            assert service(d, one)["running"] == 1
            before.close()  # an instance that ends does not wake it up
            wait_until(lambda: service(d, one)["running"] == 0, "it has ended")
            assert service(d, one)["state"] == "paused" and has_nothing(waiting)
            assert ctl(d, "resume") == f"{one}/tcp: listening\n"
            assert waiting.recv(5) == b"hello"
        ctl(d, "pause", one, f"{two}/tcp")
        assert {s["state"] for s in asked(d, "list")["services"]} == {"paused"}
        d.rewrite("nonsense\n")
        ctl(d, "reload", status=1)
        assert service(d, one)["state"] == "paused", "a reload that is refused changes nothing"
        d.rewrite(conf)
        ctl(d, "reload")
        assert ask(one, b"x") == b"x" and ask(two, b"x") == b"x"
        assert "no such service" in ctl(d, "pause", one, "nobody", status=3)
        assert service(d, one)["state"] == "listening"
        assert ctl(d, "resume") == ""


def test_pause_of_what_has_no_connections(ports, workdir):
    """A datagram stays in its socket, a wait server keeps what it has, and tcpmux says no."""
    datagram, wait, mux = ports
    conf = (f"127.0.0.1:{datagram} dgram udp wait {ME} internal echo\n"
            f"127.0.0.1:{wait} stream tcp wait {ME} {script(workdir / 'wait', WAIT)}\n"
            f"127.0.0.1:{mux} stream tcp nowait {ME} internal tcpmux\n"
            f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n")
    with Daemon(conf, control=True) as d, connect(wait) as guest:
        assert guest.recv(9) == b"hello"
        ctl(d, "pause", datagram, wait, "tcpmux/cat")
        assert service(d, wait)["state"] == "paused"
        assert asked(d, "show", wait)["services"][0]["sockets"][0]["state"] == "lent"
        guest.close()
        wait_until(lambda: not children(d.pid), "the wait server has ended")
        assert asked(d, "show", wait)["services"][0]["sockets"][0]["state"] == "paused"
        assert ask(mux, b"cat\r\n").startswith(b"-")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s, connect(wait) as next_guest:
            s.settimeout(PATIENCE)
            s.connect(("127.0.0.1", datagram))
            s.send(b"hello")
            ctl(d, "list")
            assert has_nothing(s) and not servers(d.pid)
            ctl(d, "resume")
            assert s.recv(9) == b"hello" and next_guest.recv(9) == b"hello"
        assert ask(mux, b"cat\r\nx").endswith(b"x")


def test_kill(ports, workdir):
    cat, stubborn, _ = ports
    conf = (f"127.0.0.1:{cat} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{stubborn} stream tcp nowait {ME} {script(workdir / 'stubborn', STUBBORN)}\n")
    with Daemon(conf, "--stop-timeout", "0.2", "-l", control=True) as d:
        held = [connect(cat) for _ in range(3)]
        pids = [started_pid(d.wait_log(f"{cat}: .*started pid")) for _ in held]
        assert ctl(d, "kill", pids[0]) == f"pid {pids[0]}: sent SIGTERM\n"
        d.wait_log(f"pid {pids[0]} ended: killed by SIGTERM")
        assert sorted(asked(d, "kill", f"{cat}/tcp", "--signal", "int")["pids"]) == sorted(pids[1:])
        for pid in pids[1:]:
            d.wait_log(f"pid {pid} ended: killed by SIGINT")
        assert ctl(d, "kill", f"{cat}/tcp") == f"{cat}/tcp: no server runs\n"
        with connect(stubborn) as s:
            assert s.recv(9) == b"ready\n"
            (pid,) = children(d.pid)
            ctl(d, "kill", f"{stubborn}/tcp")
            d.wait_log(f"pid {pid} goes on: sending SIGKILL")
            d.wait_log(f"pid {pid} ended: killed by SIGKILL")
        assert "no server of this inetd" in ctl(d, "kill", pids[0], status=3)
        assert "no server of this inetd" in ctl(d, "kill", os.getpid(), status=3)
        assert "no such service" in ctl(d, "kill", "nobody", status=3)
        assert "no such signal" in ctl(d, "kill", "x", "--signal", "NOPE", status=2)
        for s in held:
            s.close()


def test_exit_codes_and_messages(workdir):
    nowhere = workdir / "nowhere"
    done = inetctl("-s", nowhere, "status")
    assert done.returncode == 4
    assert done.stderr == (f"inetctl: cannot reach inetd at {nowhere}: No such file or directory; "
                           "is it running?\n")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(nowhere))
        done = inetctl("list", "-s", nowhere)
        assert done.returncode == 4
        assert done.stderr == (f"inetctl: cannot reach inetd at {nowhere}: Connection refused; "
                               "is it running?\n")
        s.listen()

        def hang_up():
            client, _ = s.accept()
            client.recv(1)
            client.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        done = inetctl("list", "-s", nowhere)
        thread.join()
        assert done.returncode == 4, done
    for wrong in ((), ("fly",), ("list", "--no-such"), ("show",)):
        assert inetctl(*wrong).returncode == 2, wrong
    assert inetctl("--help").returncode == 0
    for verb in re.findall(r"^  (\w+)  ", inetctl("--help").stdout, re.M):
        assert inetctl(verb, "--help").returncode == 0, verb


@pytest.mark.root
def test_what_others_are_told(ports, workdir):
    settings = workdir / "cfg"
    settings.write_text('daemon = { control_mode = "0666"; };\n')
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait root internal echo\n"
    with Daemon(conf, "--settings", settings, control=True) as d:
        if any(not parent.stat().st_mode & 0o001 for parent in BUILD.resolve().parents):
            pytest.skip("the binary is out of nobody's reach")
        assert f"{ports[0]}/tcp" in ctl(d, "list", user="nobody")
        assert ctl(d, "reload", status=1, user="nobody") == (
            "inetctl: permission denied: this is for root and the user that inetd was started as\n")


def on_a_terminal(d, *arguments, columns=80, **variables):
    """Its output where it is a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, *arguments], stdout=theirs,
                               stdin=subprocess.DEVNULL,
                               env={**ENVIRONMENT, "TERM": "xterm", **variables})
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    return text.decode().replace("\r\n", "\n")


def test_terminals(ports, workdir):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal echo\n" + "".join(
        f"{workdir}/a-socket-with-a-long-name-{n} stream unix nowait {ME} /bin/cat\n" for n in (1, 2))
    with Daemon(conf, control=True) as d:
        text = on_a_terminal(d, "list", columns=90)
        assert "\033[32mlistening\033[0m" in text
        plain = re.sub(r"\033\[\d+m", "", text)
        assert max(map(len, plain.splitlines())) == 90 and "…" in plain
        assert "\033" not in on_a_terminal(d, "list", NO_COLOR="1")
        assert "\033" not in on_a_terminal(d, "list", TERM="dumb")
        piped = ctl(d, "list")
        assert "\033" not in piped and "…" not in piped
        assert f"{workdir}/a-socket-with-a-long-name-1/unix" in piped
        cut = ctl(d, "list", env={"COLUMNS": "90"})
        assert max(map(len, cut.splitlines())) == 90


def test_disable_and_enable(ports):
    one, two, _ = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, connect(one) as before:
        before.sendall(b"x")
        assert before.recv(1) == b"x"
        assert ctl(d, "disable", one) == f"{one}/tcp: disabled\n"
        with pytest.raises(ConnectionRefusedError):
            connect(one)
        before.sendall(b"y")
        assert before.recv(1) == b"y"
        status = asked(d, "status")
        assert not status["failures"] and "failed" not in d.log()
        assert asked(d, "show", one)["services"][0]["sockets"][0]["state"] == "disabled"
        ctl(d, "pause", one)
        ctl(d, "resume")
        assert service(d, one)["state"] == "disabled", "only enable and a reload end it"
        assert ctl(d, "enable", one) == f"{one}/tcp: listening\n"
        assert ask(one, b"z") == b"z"
        ctl(d, "disable", one, two)
        ctl(d, "reload")
        assert ask(one, b"x") == b"x" and ask(two, b"x") == b"x"


def test_enable_when_the_address_was_taken_meanwhile(ports):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d:
        ctl(d, "disable", ports[0])
        with socket.create_server(("127.0.0.1", ports[0])):
            assert ctl(d, "enable", ports[0]) == f"{ports[0]}/tcp: failed\n"
            assert "Address already in use" in ctl(d, "status")
        wait_until(lambda: service(d, ports[0])["state"] == "listening", "it is tried again")
        assert ask(ports[0], b"x") == b"x"


def test_what_is_disabled_for_good(ports, start):
    """Comments stay, nothing is written that would not load, and others are left as they are."""
    one, two, _ = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    settings = f'// mine\nservices = (\n  {{ name = "{two}"; rate = "9/s"; }} // the echo\n);\n'
    d = start(conf, settings, control=True)
    d.settings.chmod(0o640)
    assert f"enabled = false written to {d.settings}\n" in ctl(d, "disable", "--save", one)
    assert d.settings.read_text() == (
        f'// mine\nservices = (\n  {{ name = "{two}"; rate = "9/s"; }}, // the echo\n'
        f'  {{ name = "{one}"; enabled = false; }}\n);\n')
    assert d.settings.stat().st_mode & 0o777 == 0o640
    assert ask(one, b"x") == b"x", "from the next reload on"
    ctl(d, "disable", "--save", "--now", one, f"{two}/tcp")
    assert {s["state"] for s in asked(d, "list")["services"]} == {"disabled"}
    ctl(d, "reload")
    assert asked(d, "list")["services"] == []
    assert "no such service" in ctl(d, "enable", one, status=3)
    assert ctl(d, "enable", "--save", "--now", one).endswith(f"{one}/tcp: listening\n")
    assert ask(one, b"x") == b"x"
    assert f'{{ name = "{one}"; enabled = true; }}' in d.settings.read_text()
    # What does not load is not written.
    before = d.settings.read_text()
    d.rewrite(conf + "nonsense\n")
    assert "stays as it was" in ctl(d, "disable", "--save", one, status=1)
    assert d.settings.read_text() == before
    assert [p.name for p in d.settings.parent.glob("inetd.cfg*")] == ["inetd.cfg"]
    assert "no such service" in ctl(d, "disable", "--save", "nobody", status=3)


def test_enable_now_waits_for_a_daemon_that_is_executed_anew(ports, start):
    """It is the new one that has the service; a client of auth keeps the old one for a moment."""
    cat, auth, _ = ports
    d = start(f"127.0.0.1:{auth} stream tcp nowait {ME} internal auth\n"
              f"127.0.0.1:{cat} stream tcp nowait {ME} /bin/cat\n",
              f'services = ( {{ name = "{cat}"; enabled = false; }} );\n', control=True)
    with concurrent.futures.ThreadPoolExecutor() as pool, connect(auth):
        wait_until(lambda: asked(d, "status")["accepted"] == 1, "it is accepted")
        enabling = pool.submit(ctl, d, "enable", "--save", "--now", cat)
        d.wait_log("executing inetd anew for cap_kill")
    assert enabling.result().endswith(f"{cat}/tcp: listening\n")
    assert ask(cat, b"x") == b"x"


def test_diff(ports, workdir):
    one, two, three = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait/5 {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d:
        assert ctl(d, "diff") == ""
        d.rewrite(f"127.0.0.1:{one} stream tcp nowait/7 {ME} /bin/cat cat -u\n"
                  f"127.0.0.1:{three} stream tcp nowait {ME} internal echo\n")
        assert ctl(d, "diff") == (
            f"~ {one}/tcp  {d.conf}:1\n"
            "    program: /bin/cat cat -> /bin/cat cat -u\n"
            "    instances: 5 -> 7\n"
            f"+ {three}/tcp  {d.conf}:2\n"
            f"- {two}/tcp  {d.conf}:2\n")
        other = workdir / "other.conf"
        other.write_text(conf + f"127.0.0.1:{three} stream tcp wait {ME} /bin/cat\n")
        (change,) = asked(d, "diff", other)["changes"]
        assert (change["kind"], change["name"], change["file"]) == ("added", str(three), str(other))
        other.write_text("nonsense\n")
        told = ctl(d, "diff", other, status=78)
        assert "other.conf:1" in told and "would be refused" in told
        assert ask(two, b"x") == b"x", "nothing has changed"
        assert asked(d, "status")["last_reload"] is None


class Following:
    """A verb that goes on until it is closed; wait_line() returns its next line that matches."""

    def __init__(self, d, *arguments):
        self.process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait_line(self, pattern):
        too_long = threading.Timer(PATIENCE, self.process.kill)
        too_long.start()
        try:
            for line in self.process.stdout:
                if re.search(pattern, line):
                    return line
        finally:
            too_long.cancel()
        raise AssertionError(f"ended without a line like {pattern!r}")


def test_log(ports):
    one, two, _ = ports
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} /bin/true\n" for port in (one, two))
    with Daemon(conf, "-l", control=True) as d:
        for port in (one, two):
            ask(port)
            d.wait_log(f"{port}: pid .* ended: exit 0")
        text = ctl(d, "log")
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 2 services, 0 running\n", text)
        assert f" {one}: pid " in text and f" {two}: pid " in text
        only = ctl(d, "log", one)
        assert f" {two}: pid " not in only and f" {one}: pid " in only
        assert len(ctl(d, "log", "-n", "2", f"{one}/tcp").splitlines()) == 2
        assert asked(d, "log", "-n", "1", one)["lines"][0]["service"] == str(one)
        with Following(d, "log", "-f", "-n", "1", one) as log, Following(d, "log", "-f") as all_of_it:
            log.wait_line(f"{one}: pid .* ended")
            all_of_it.wait_line("2 services")
            ask(two)
            all_of_it.wait_line(f"{two}: pid .* ended")
            ask(one)
            assert f"{two}:" not in log.wait_line(f"{one}: 127.0.0.1.*started|{two}:")
        assert "no such service" in ctl(d, "log", "nobody", status=3)


def test_the_log_is_kept_within_bounds(ports):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d:
        for _ in range(700):
            d.signal(signal.SIGHUP)
            d.wait_log("reload: ")
        lines = asked(d, "log")["lines"]
        assert 50 < len(lines) < 700
        assert "reload" in lines[-1]["text"] and "services" not in lines[0]["text"]


def test_drain(ports):
    one, two, _ = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d:
        with connect(one) as server, connect(two) as session:
            for s in (server, session):
                s.sendall(b"x")
                assert s.recv(1) == b"x"
            with Following(d, "drain") as drain:
                drain.wait_line("^2 still running")
                with connect(one) as waiting:
                    assert asked(d, "status")["state"] == "drained"
                    session.close()
                    drain.wait_line("^1 still running")
                    server.close()
                    drain.wait_line("^drained")
                    assert drain.process.wait(PATIENCE) == 0
                    assert has_nothing(waiting) and service(d, one)["state"] == "drained"
                    ctl(d, "resume")
                    waiting.sendall(b"y")
                    assert waiting.recv(1) == b"y"
        wait_until(lambda: asked(d, "status")["running"] == 0, "all have gone")
        with connect(one) as held:
            held.sendall(b"x")
            assert held.recv(1) == b"x"
            with Following(d, "drain", "--stop") as drain:
                drain.wait_line("^1 still running")
                ctl(d, "reload")
                drain.wait_line("not now: services were resumed or reloaded")
                assert drain.process.wait(PATIENCE) == 1
            assert ask(one, b"z") == b"z"
            with Following(d, "drain", "--stop") as drain:
                drain.wait_line("^1 still running")
                held.close()
                drain.wait_line("^drained and stopped")
        assert d.process.wait(PATIENCE) == 0


def test_upgrade(ports, workdir):
    """The pid, the counts, what is on hold and the control socket itself go over."""
    one, two, three = ports
    binary = workdir / "inetd"
    shutil.copy2(INETD, binary)
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n" for port in ports)
    path, control = workdir / "conf", workdir / "control"
    path.write_text(conf)
    process = subprocess.Popen([binary, "-i", "--control", control, path],
                               env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    d = types.SimpleNamespace(control=control)
    try:
        wait_until(lambda: inetctl("-s", control, "status").returncode == 0, "it serves")
        assert ask(one, b"x") == b"x"
        ctl(d, "pause", two)
        ctl(d, "disable", three)
        before = asked(d, "status")
        said = ctl(d, "upgrade")
        assert re.fullmatch(rf"pid {process.pid} has changed from version (\S+) to \1\n", said)
        after = asked(d, "status")
        assert (after["pid"], after["generation"]) == (before["pid"], 1)
        assert abs(after["started"] - before["started"]) < 1
        assert "1 change of the binary" in ctl(d, "status")
        assert [s["state"] for s in asked(d, "list")["services"]] == ["listening", "paused", "disabled"]
        assert service(d, one)["accepted"] == 1 and service(d, one)["last_use"] is not None
        with pytest.raises(ConnectionRefusedError):
            connect(three)
        ctl(d, "enable", three)
        assert ask(three, b"x") == b"x"
        script(binary, "exit 3\n", "/bin/sh")
        assert re.search("upgrade refused: .*exit 3.*; the running daemon goes on",
                         ctl(d, "upgrade", status=1))
        assert asked(d, "status")["generation"] == 1
        # One that passes the trial and then fails: the one before comes back.
        script(binary, f'case "$*" in *--check*) exec {INETD} "$@";; esac\n'
                       f'exec {INETD} --strict --settings /nonexistent "$@"\n', "/bin/sh")
        assert "upgrade refused" in ctl(d, "upgrade", status=1)
        assert asked(d, "status")["generation"] == 1
        assert service(d, two)["state"] == "paused" and ask(one, b"x") == b"x"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert not control.exists()
