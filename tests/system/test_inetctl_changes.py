"""What inetctl changes of a daemon that runs, and for how long."""

import concurrent.futures
import contextlib
import os
import re
import shutil
import socket
import subprocess
import types

import pytest

from asking import Following, WAIT, asked, ctl, ports, service
from harness import ENVIRONMENT, INETD, ME, PATIENCE, Daemon, ask, connect, inetctl
from support import children, has_nothing, script, servers, started_pid, wait_until

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.write("ready\\n"); sys.stdout.flush()
signal.pause()
"""


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


def cat_and_echo(one, two):
    return (f"127.0.0.1:{one} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")


@contextlib.contextmanager
def serving(one, conf):
    """A daemon, and a client of its cat who is served."""
    with Daemon(conf, control=True) as d, connect(one) as before:
        before.sendall(b"x")
        assert before.recv(1) == b"x"
        yield d, before


def test_pause_and_resume(ports):
    one, two, _ = ports
    conf = cat_and_echo(one, two)
    with serving(one, conf) as (d, before):
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


def test_disable_and_enable(ports):
    one, two, _ = ports
    conf = cat_and_echo(one, two)
    with serving(one, conf) as (d, before):
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
