"""What comes while the binary changes: at any moment of the trial, in one round with its end, and
between the last that the old binary does and the first that the new one does, which is a held exec."""

import os
import shutil
import signal
import socket

import pytest

from harness import INETD, ME, PATIENCE, Daemon, ask, connect, free_port
from support import WAITER, children, is_over, script, stopped, wait_until, wait_zombie
from varlink import INETD as INTERFACE
from varlink import Control


@pytest.fixture
def own_binary(workdir):
    """A copy of the daemon, which a test may replace, and how to start it in place of the built one."""
    binary = workdir / "inetd"
    shutil.copy2(INETD, binary)
    return binary, (script(workdir / "runner", f'shift; exec {binary} "$@"', "/bin/sh"),)


@pytest.fixture
def gate(workdir):
    """A FIFO: whoever opens it to read is held until open_gate()."""
    path = workdir / "gate"
    os.mkfifo(path)
    return path


def open_gate(path):
    os.close(os.open(path, os.O_WRONLY))


def hold_trial(binary, gate, then):
    """The next trial waits at the gate."""
    script(binary, f"read x < {gate}\n{then}\n", "/bin/sh")


def upgrade(d):
    d.signal(signal.SIGUSR2)
    d.wait_log("upgraded from version")


def trial_of(d, *others):
    [trial] = wait_until(lambda: set(children(d.pid)) - set(others), "the trial runs")
    return trial


# Before the exec: what may come while there is a trial, or just after it.

@pytest.mark.parametrize("when", ("meanwhile", "with its end", "afterwards"))
def test_stop_and_the_trial(own_binary, gate, when):
    """Whatever has become of the trial, a daemon that was told to stop does not begin a new life."""
    binary, wrap = own_binary
    port, auth = free_port(), free_port()
    conf = (f"{port} stream tcp4 nowait {ME} /bin/cat cat\n"
            f"{auth} stream tcp4 nowait {ME} internal auth\n")
    with Daemon(conf, wrap=wrap, control=True) as d, connect(port) as s, \
            Control(d.control) as control:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        [cat] = children(d.pid)
        unknown = connect(auth) if when == "afterwards" else None
        hold_trial(binary, gate, f'exec {INETD} "$@"')
        control.send(f"{INTERFACE}.Upgrade", {})
        trial = trial_of(d, cat)
        if when == "meanwhile":
            d.signal(signal.SIGTERM)
        elif when == "with its end":
            with stopped(d.pid):
                open_gate(gate)
                wait_zombie(d.pid, trial)
                d.signal(signal.SIGTERM)
        else:
            open_gate(gate)
            d.wait_log("waiting for clients that are not known yet")
            d.signal(signal.SIGTERM)
        d.wait_log("upgrade refused: the daemon is stopping")
        assert control.read()["parameters"]["reason"] == "the daemon is stopping"
        d.wait_log("stopping; waiting")
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        s.sendall(b"y")  # who is being served stays so
        assert s.recv(1) == b"y"
        s.close()
        if unknown:
            unknown.close()
        assert d.process.wait(PATIENCE) == 0
        assert not d.lines_like("upgraded")


@pytest.mark.root
def test_trial_is_no_server(own_binary, gate, workdir):
    """A reload meanwhile needs no right to end it; but none may be given up that the change needs."""
    binary, wrap = own_binary
    echo, more = free_port(), free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text("")
    conf = f"127.0.0.1:{echo} stream tcp4 nowait root internal echo\n"
    with Daemon(conf, "--settings", settings, wrap=wrap) as d:
        hold_trial(binary, gate, "exit 3")
        d.signal(signal.SIGUSR2)
        trial_of(d)
        d.reload(conf + f"127.0.0.1:{more} stream tcp4 nowait root internal echo\n")
        assert not d.lines_like("executing inetd anew")
        assert ask(more, b"x") == b"x"
        settings.write_text('daemon = { user = "nobody"; };\n')
        assert "the binary is being changed" in d.reload(conf, expect="reload refused|is being changed")
        open_gate(gate)
        d.wait_log("upgrade refused: .*exit 3")
        assert ask(more, b"x") == b"x"


@pytest.mark.parametrize("order", ("trial fails", "trial succeeds"))
@pytest.mark.root
def test_reload_that_takes_an_exec_while_a_trial_runs(own_binary, gate, order):
    """It comes with the change or, if that is refused, by an exec of its own."""
    binary, wrap = own_binary
    echo, cat = free_port(), free_port()
    conf = f"127.0.0.1:{echo} stream tcp4 nowait root internal echo\n"
    with Daemon(conf, wrap=wrap) as d:
        hold_trial(binary, gate, "exit 3" if order == "trial fails" else f'exec {INETD} "$@"')
        d.signal(signal.SIGUSR2)
        trial_of(d)
        d.rewrite(conf + f"127.0.0.1:{cat} stream tcp4 nowait nobody /bin/cat cat\n")
        d.signal(signal.SIGHUP)
        d.wait_log("executing inetd anew for cap_")
        assert ask(echo, b"x") == b"x"
        with pytest.raises(ConnectionRefusedError):
            connect(cat)
        if order == "trial succeeds":
            fresh = binary.with_name("fresh")
            shutil.copy2(INETD, fresh)
            held = os.open(gate, os.O_WRONLY)
            fresh.rename(binary)
            os.close(held)
            d.wait_log("upgraded from version")
        else:
            open_gate(gate)
            d.wait_log("upgrade refused: .*exit 3")
        d.wait_log("reload: 1 added")
        d.wait_notify("READY=1")
        assert ask(cat, b"y") == b"y"


@pytest.mark.parametrize("first", ("reload", "end"))
def test_reload_while_a_trial_runs(own_binary, gate, first):
    """The trial has read another configuration than the one that is taken over."""
    binary, wrap = own_binary
    old, new = free_port(), free_port()
    line = (f"{{}} stream tcp4 nowait {ME} internal echo\n"
            f"{free_port()} stream tcp4 nowait {ME} /bin/cat cat\n")
    with Daemon(line.format(old), wrap=wrap) as d:
        hold_trial(binary, gate, f'exec {INETD} "$@"')
        d.signal(signal.SIGUSR2)
        trial = trial_of(d)
        d.rewrite(line.format(new))
        held = os.open(gate, os.O_WRONLY)
        shutil.copy2(INETD, binary.with_name("fresh"))
        binary.with_name("fresh").rename(binary)
        if first == "reload":
            d.reload()
            os.close(held)
        else:
            with stopped(d.pid):
                os.close(held)
                wait_zombie(d.pid, trial)
                d.signal(signal.SIGHUP)
        d.wait_log("upgraded from version")
        assert ask(new, b"x") == b"x"
        with pytest.raises(ConnectionRefusedError):
            connect(old)


@pytest.mark.parametrize("first", ("held", "done"))
def test_another_upgrade(injector, first):
    """The signal of one that is asked for too late stays pending, for the new binary to read."""
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", wrap=injector.wrap) as d:
        if first == "held":
            injector.hold("daemon", "execve")
            d.signal(signal.SIGUSR2)
            injector.wait_held()
            d.signal(signal.SIGUSR2)
            injector.release()
        else:
            upgrade(d)
            d.signal(signal.SIGUSR2)
        for _ in "12"[first == "done":]:
            d.wait_log("upgraded from version")
        assert ask(port, b"x") == b"x"


# Between the two: all that can come from outside.

@pytest.mark.parametrize("event", ("nothing", "end", "wait end", "client", "datagram", "reload", "stop",
                                   "call"))
def test_between_the_last_and_the_first(workdir, injector, event):
    cat, wait, echo, udp = (free_port() for _ in range(4))
    waiter = script(workdir / "waiter", WAITER)
    conf = (f"{cat} stream tcp4 nowait/1 {ME} /bin/cat cat\n"
            f"{wait} stream tcp4 wait {ME} {waiter}\n"
            f"{echo} stream tcp4 nowait {ME} internal echo\n"
            f"{udp} dgram udp4 wait {ME} internal echo\n")
    with Daemon(conf, "-l", wrap=injector.wrap, control=True) as d, connect(cat) as one, \
            connect(wait) as lent, Control(d.control) as control, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        waiting = int(lent.recv(100))
        [pid] = set(children(d.pid)) - {waiting}
        datagrams.settimeout(PATIENCE)
        datagrams.connect(("127.0.0.1", udp))
        injector.hold("daemon", "execve")
        d.signal(signal.SIGUSR2)
        injector.wait_held()
        fresh = None
        if event in ("end", "wait end"):
            gone = pid if event == "end" else waiting
            os.kill(gone, signal.SIGKILL)
            wait_zombie(d.pid, gone)
        elif event == "client":
            fresh = connect(echo)
            fresh.sendall(b"early")
        elif event == "datagram":
            datagrams.send(b"early")
        elif event == "reload":
            d.rewrite(conf.replace("internal echo", "internal discard", 1))
            d.signal(signal.SIGHUP)
        elif event == "stop":
            d.signal(signal.SIGTERM)
        elif event == "call":
            control.send(f"{INTERFACE}.GetStatus", {})
            late = socket.socket(socket.AF_UNIX)
            late.connect(str(d.control))
        injector.release()
        d.wait_log("upgraded from version")
        if event == "end":
            d.wait_log(rf"{cat}: .*pid {pid} ended: killed by SIGKILL")
            assert is_over(one)
            assert ask(cat, b"room") == b"room"
        elif event == "wait end":
            d.wait_log(rf"{wait}: pid {waiting} ended: killed by SIGKILL")
            with connect(wait) as s:
                assert int(s.recv(100)) != waiting
        elif event == "client":
            assert fresh.recv(5) == b"early"
            fresh.close()
        elif event == "datagram":
            assert datagrams.recv(100) == b"early"
        elif event == "reload":
            d.wait_log("reload: ")
            assert ask(echo, b"x") == b""
        elif event == "stop":
            d.wait_log("stopping; waiting")
            one.close()
            lent.close()
            assert d.process.wait(PATIENCE) == 0
            return
        elif event == "call":
            try:
                assert control.read() is None
            except ConnectionResetError:
                pass
            late.close()
            with Control(d.control) as again:
                assert again.call("GetStatus")["running"] == 2
        if event != "end":
            one.sendall(b"y")
            assert one.recv(1) == b"y"
        if event != "wait end":
            assert list(set(children(d.pid)) & {waiting}) == [waiting]


@pytest.mark.parametrize("ended", (False, True), ids=("reported", "ended"))
def test_a_child_that_fails_during_the_change(workdir, injector, ended):
    """Its end is seen by the binary after, to which its report goes, or as the change begins."""
    port = free_port()
    program = script(workdir / "broken", "", interpreter="/nonexistent/interpreter")
    conf = f"{port} stream tcp4 nowait {ME} {program}\n"
    with Daemon(conf, wrap=injector.wrap) as d, connect(port) as s:
        assert is_over(s)
        d.wait_log("exec .*: No such file or directory")
        injector.hold("child", "exit_group")
        with connect(port):
            injector.wait_held()
            [pid] = children(d.pid)
            if ended:
                with stopped(d.pid):
                    injector.release()
                    wait_zombie(d.pid, pid)
                    d.signal(signal.SIGUSR2)
            else:
                d.signal(signal.SIGUSR2)
            d.wait_log("upgraded from version")
            injector.release()
            d.wait_log(rf"{port}: exec.*: No such file or directory")
        assert not d.lines_like("exit 127")


# What was promised before, for later.

STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"up")
while True: signal.pause()
"""


def test_a_server_that_was_to_be_killed_is(start, workdir):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} {script(workdir / 'server', STUBBORN)}\n",
              "daemon = { stop_timeout = 3; };", control=True)
    with connect(port) as s:
        assert s.recv(2) == b"up"
        with Control(d.control) as control:
            [pid] = control.call("Kill", name=str(port))["pids"]
        upgrade(d)
        upgrade(d)
        d.wait_log(rf"pid {pid} goes on: sending SIGKILL")
        d.wait_log(rf"pid {pid} ended: killed by SIGKILL")
        assert is_over(s)


def test_a_daemon_that_was_to_stop_when_it_is_drained_does():
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", control=True) as d, \
            connect(port) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        with Control(d.control) as control:
            assert control.call("Drain", stop=True)["running"] == 1
        upgrade(d)
        s.sendall(b"y")
        assert s.recv(1) == b"y"
        s.close()
        assert d.process.wait(PATIENCE) == 0


def test_the_supervisor_hears_of_a_server_that_has_a_socket(workdir):
    """Which it is told a second after the start: too late for the binary that has lent it."""
    port = free_port()
    with Daemon(f"{port} stream tcp4 wait {ME} {script(workdir / 'waiter', WAITER)}\n") as d, \
            connect(port) as s:
        assert int(s.recv(100)) in children(d.pid)
        d.signal(signal.SIGUSR2)
        wait_until(lambda: "FDNAME=lent=" in d.wait_notify("FDSTORE=1"), "it is noted")
