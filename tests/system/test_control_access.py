"""Who may do what at the control socket, where it is, and who watches."""

import os
import socket
import stat

import pytest

from callers import NOBODY, as_user, d, is_alive, port
from harness import ME, Daemon, ask, connect
from support import has_nothing, wait_until
from varlink import Control, VarlinkError


@pytest.mark.root
def test_a_daemon_of_a_user(port, workdir):
    """It is its own master, and puts its socket where its session has such things."""
    home = workdir / "runtime"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)

    def drop():
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    conf = f"127.0.0.1:{port} stream tcp nowait nobody internal echo\n"
    with Daemon(conf, preexec=drop, control=None, env={"XDG_RUNTIME_DIR": str(home)}) as d:
        path = home / "inetd" / "control"
        assert os.stat(path).st_uid == NOBODY

        def changes():
            with Control(path) as control:
                return control.call("Pause", names=[str(port)])["services"][0]["state"] == "paused"

        assert as_user(NOBODY, changes) == 0
        d.wait_log("paused on request")


def test_another_daemon_and_one_that_was_killed(workdir, port):
    """Who comes second goes on without; what a dead one has left is replaced."""
    path = workdir / "run" / "inetd" / "control"
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=path) as first:
        assert stat.S_ISSOCK(os.stat(path).st_mode)
        with Daemon("# none\n", control=path) as second:
            second.wait_log(f"control: {path} is another daemon's")
            with Control(path) as control:
                assert control.call("GetStatus")["pid"] == first.pid
        assert path.exists(), "it was not the second one's"
        first.process.kill()
        first.process.wait()
    assert path.exists()
    with Daemon(conf, control=path) as third:
        with Control(path) as control:
            assert control.call("GetStatus")["pid"] == third.pid
    assert not path.exists()


def test_something_else_in_its_place(workdir, port):
    path = workdir / "control"
    path.write_text("mine\n")
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=path) as d:
        d.wait_log(f"control: bind {path}: File exists")
        assert ask(port, b"x") == b"x"
    assert path.read_text() == "mine\n"


def test_a_reload_moves_it(workdir, port):
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    settings, one, two = workdir / "cfg", workdir / "one", workdir / "two"
    settings.write_text(f'daemon = {{ control = "{one}"; }};\n')
    with Daemon(conf, "--settings", settings, control=None) as d, Control(one) as control:
        settings.write_text(f'daemon = {{ control = "{two}"; }};\n')
        assert control.call("Reload")["applied"]
        assert not one.exists()
        assert control.call("GetStatus")["pid"] == d.pid, "who is connected stays"
        settings.write_text('daemon = { control = "none"; };\n')
        with Control(two) as other:
            assert other.call("Reload")["applied"]
        assert not two.exists()
        settings.write_text('daemon = { control = "relative"; };\n')
        d.reload(expect="refused: 1 error")
        d.wait_log("'control' takes the absolute path of a socket, or \"none\", not \"?'?relative")


def test_monitor(workdir, port):
    conf = (f"127.0.0.1:{port} stream tcp nowait/1 {ME} /bin/cat\n"
            f"{workdir}/other stream unix nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, Control(d.control) as watcher, Control(d.control) as one, \
            Control(d.control) as control:
        events, others = watcher.stream("Monitor"), one.stream("Monitor", name=f"{workdir}/other")
        assert next(events) == {"event": None, "lost": 0} == next(others)

        def next_event(kind, stream=events, text=None):
            for reply in stream:
                event = reply["event"]
                if event["kind"] == kind and text in (None, event["text"]):
                    return event

        with connect(port) as s, connect(port):
            started = next_event("started")
            assert started["service"] == str(port)
            assert started["peer"] == "127.0.0.1:{}".format(s.getsockname()[1])
            next_event("state", text="parked")
            s.close()
            ended = next_event("ended")
            assert (ended["pid"], ended["text"]) == (started["pid"], "exit 0") and ended["lasted"] > 0
        next_event("ended")
        control.call("Pause", names=[str(port)])
        next_event("state", text="paused")
        d.reload(conf.replace("nowait/1", "nowait/9/9/1"))
        assert next_event("reload")["text"].startswith("reload: 0 added")
        with connect(port) as s, connect(port) as second:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
            assert second.recv(1) == b""
            refused = next_event("refused")
            assert refused["text"] == "per_source" and refused["pid"] is None
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{workdir}/other")
            event = next_event("started", others)
            assert (event["service"], event["pid"]) == (f"{workdir}/other", None)
        assert next_event("ended", others)["text"] == "closed"
        with pytest.raises(VarlinkError, match="ExpectedMore"):
            control.call("Monitor")
        with pytest.raises(VarlinkError, match="NoSuchService"):
            next(control.stream("Monitor", name="nobody"))


def test_a_slow_watcher_is_told_what_it_lost(port):
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d, Control(d.control) as watcher, Control(d.control) as control:
        watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        events = watcher.stream("Monitor")
        next(events)
        # More than are held for him, and less than takes half a minute, after which he is left.
        for _ in range(500):
            control.call("Pause", names=[str(port)])
            control.call("Resume")
        lost = 0
        while not lost:
            if has_nothing(watcher.socket) and b"\0" not in watcher.left:
                control.call("Pause", names=[str(port)])  # what was lost is told with the next event
                control.call("Resume")
            lost = next(events)["lost"]
        assert lost > 100
        assert is_alive(d, port)


def test_only_so_many_watch(d, port):
    watchers = [Control(d.control) for _ in range(5)]
    try:
        streams = [w.stream("Monitor") for w in watchers]
        for stream in streams[:4]:
            next(stream)
        with pytest.raises(VarlinkError, match="Busy"):
            next(streams[4])
        watchers[0].close()
        wait_until(lambda: watches(d), "there is room again")
    finally:
        for watcher in watchers:
            watcher.close()


def watches(d):
    with Control(d.control) as control:
        try:
            return next(control.stream("Monitor"))
        except VarlinkError:
            return False
