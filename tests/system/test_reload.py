"""SIGHUP: what changed is changed, what did not is never touched, and a mistake changes nothing."""

import os
import signal

import pytest

from harness import ME, Daemon, ask, connect, free_port, udp
from support import WAITER, assert_refused, children, listeners, script, wait_until


def say(port, word, protocol="tcp", wait="nowait"):
    return f"{port} stream {protocol} {wait} {ME} /bin/echo echo {word}\n"


def cat(port, protocol="tcp", wait="nowait"):
    return f"{port} stream {protocol} {wait} {ME} /bin/cat\n"


def test_services_come_and_go():
    one, two, three = free_port(), free_port(), free_port()
    with Daemon(say(one, "one") + say(two, "two")) as d:
        line = d.reload(say(two, "two") + say(three, "three"))
        assert "1 added, 1 removed, 0 updated, 1 unchanged" in line
        assert_refused(one)
        assert_refused(one, "::1")
        assert listeners(d.pid, one) == set()
        assert ask(two) == b"two\n"
        assert ask(three) == ask(three, host="::1") == b"three\n"
        line = d.reload(say(two, "other") + say(three, "three"))
        assert "0 added, 0 removed, 1 updated, 1 unchanged" in line
        assert ask(two) == b"other\n"
        line = d.reload("# nothing is left\n")
        assert "0 added, 2 removed" in line
        assert_refused(two)
        line = d.reload(say(one, "back"))
        assert ask(one) == b"back\n"


@pytest.mark.parametrize("change", ("nothing", "program", "limits", "user"))
def test_listener_is_kept(change):
    if change == "user" and os.geteuid() != 0:
        pytest.skip("needs root")
    port, other = free_port(), free_port()
    after = {"nothing": say(port, "before"), "program": say(port, "after"),
             "limits": say(port, "before", wait="nowait/9/60/5"),
             "user": say(port, "before").replace(f" {ME} ", " nobody ")}[change]
    with Daemon(say(port, "before")) as d:
        before = listeners(d.pid, port)
        assert len(before) == 2
        line = d.reload(after + say(other, "more"))
        assert ("1 unchanged" if change == "nothing" else "1 updated") in line
        assert listeners(d.pid, port) == before
        assert ask(port) == (b"after\n" if change == "program" else b"before\n")


def test_queued_client_is_served_after_a_reload():
    port, other = free_port(), free_port()
    with Daemon(cat(port, wait="nowait/1")) as d:
        with connect(port) as one, connect(port) as two, connect(port) as three:
            two.sendall(b"two")
            three.sendall(b"three")
            d.wait_log(r"1 instances? running")
            d.reload(cat(port, wait="nowait/1") + say(other, "more"))
            assert len(children(d.pid)) == 1  # the count has not been forgotten
            one.close()
            assert two.recv(100) == b"two"
            d.reload(cat(port, wait="nowait/2"))
            assert three.recv(100) == b"three"


def test_lower_limit_holds_for_those_who_run_already():
    port = free_port()
    with Daemon(cat(port), "-l") as d:
        with connect(port) as one, connect(port) as two:
            for s in (one, two):
                s.sendall(b"x")
                assert s.recv(1) == b"x"
            d.reload(cat(port, wait="nowait/1"))
            with connect(port) as three:
                three.sendall(b"three")
                one.close()
                d.wait_log("ended: exit 0")
                assert len(children(d.pid)) == 1
                two.close()
                assert three.recv(100) == b"three"


def test_running_children_live_on():
    port, gone = free_port(), free_port()
    with Daemon(cat(port) + cat(gone)) as d:
        with connect(port) as s, connect(gone) as t:
            for client in (s, t):
                client.sendall(b"before")
                assert client.recv(100) == b"before"
            pids = set(children(d.pid))
            d.reload(say(port, "changed"))
            for client in (s, t):
                client.sendall(b"after")
                assert client.recv(100) == b"after"
            assert set(children(d.pid)) == pids
            assert ask(port) == b"changed\n"
        wait_until(lambda: not children(d.pid), "the children of the old lines are reaped")


def test_wait_child_keeps_running_and_the_socket_comes_back(workdir):
    port = free_port()
    program = script(workdir / "waiter", WAITER)

    def line(word):
        return f"{port} stream tcp4 wait {ME} {program} waiter {word}\n"

    with Daemon(line("old"), "-l") as d:
        before = listeners(d.pid, port)
        with connect(port) as s:
            word, pid = s.recv(100).decode().split()
            d.reload(line("new"))
            assert list(children(d.pid)) == [int(pid)]
            d.reload(line("newer") + say(free_port(), "more"))
            assert listeners(d.pid, port) == before
            assert list(children(d.pid)) == [int(pid)]
        d.wait_log(rf"pid {pid} ended: exit 0")
        with connect(port) as s:
            word, _ = s.recv(100).decode().split()
            assert word == "newer"
        assert listeners(d.pid, port) == before


def test_wait_service_that_goes_and_comes_while_its_child_runs(workdir):
    """The child holds the socket that the daemon has closed; nothing is bound before it ends."""
    port = free_port()
    program = script(workdir / "waiter", WAITER)
    line = f"{port} stream tcp4 wait {ME} {program} waiter again\n"
    with Daemon(line, "-l") as d:
        with connect(port) as s:
            pid = int(s.recv(100).split()[1])
            d.reload("# nothing\n")
            d.reload(line)
            assert list(children(d.pid)) == [pid]
        d.wait_log(rf"pid {pid} ended: exit 0")
        wait_until(lambda: listeners(d.pid, port), "the port is bound")
        assert ask(port).startswith(b"again ")


def test_nowait_to_wait_and_back(workdir):
    port = free_port()
    program = script(workdir / "waiter", WAITER)
    wait = f"{port} stream tcp4 wait {ME} {program} waiter waited\n"
    with Daemon(say(port, "direct", "tcp4"), "-l") as d:
        assert ask(port) == b"direct\n"
        d.reload(wait)
        assert ask(port).startswith(b"waited ")
        d.reload(say(port, "direct", "tcp4"))
        assert ask(port) == b"direct\n"


@pytest.mark.root
def test_change_of_user_takes_effect():
    port = free_port()

    def line(user):
        return f"{port} stream tcp nowait {user} /usr/bin/id id -un\n"

    with Daemon(line("root")) as d:
        assert ask(port) == b"root\n"
        d.reload(line("nobody"))
        assert ask(port) == b"nobody\n"


def test_internal_to_external_and_back(namespace):
    internal = f"echo stream tcp nowait {ME} internal\n"
    external = f"echo stream tcp nowait {ME} /bin/echo echo external\n"
    with Daemon(internal, wrap=namespace.wrap) as d:
        before = listeners(d.pid, 7)
        assert namespace.run(ask, 7, b"built in") == b"built in"
        with namespace.run(connect, 7) as session:
            session.sendall(b"x")
            assert session.recv(1) == b"x"
            d.reload(external)
            assert namespace.run(ask, 7) == b"external\n"
            session.sendall(b"the session lives on")
            assert session.recv(100) == b"the session lives on"
        d.reload(internal)
        assert namespace.run(ask, 7, b"built in") == b"built in"
        assert listeners(d.pid, 7) == before


def test_wildcard_and_specific_address_change_places():
    port = free_port()
    wildcard = say(port, "any", "tcp4")
    specific = say(f"127.0.0.2:{port}", "one", "tcp4")
    with Daemon(wildcard) as d:
        for _ in range(2):
            assert ask(port) == b"any\n"
            d.reload(specific)
            assert ask(port, host="127.0.0.2") == b"one\n"
            assert_refused(port)
            d.reload(wildcard)
        assert ask(port) == ask(port, host="127.0.0.2") == b"any\n"
        assert not d.lines_like("Address already in use")


def test_tcp_and_tcp46_change_places():
    port = free_port()
    with Daemon(say(port, "two", "tcp")) as d:
        d.reload(say(port, "one", "tcp46"))
        assert ask(port) == ask(port, host="::1") == b"one\n"
        assert len(listeners(d.pid, port)) == 1
        d.reload(say(port, "two", "tcp"))
        assert ask(port) == ask(port, host="::1") == b"two\n"
        assert len(listeners(d.pid, port)) == 2


@pytest.mark.parametrize("fault, where", (
    ("99999999 stream tcp nowait root /bin/cat\n", ":2:"),
    ("{port} steam tcp nowait root /bin/cat\n", ":2:"),
    ("{port} stream tcp nowait no-such-user-here /bin/cat\n", ":2:"),
    ("{port} stream tcp\n", ":2:"),
))
def test_error_changes_nothing(fault, where):
    port, other = free_port(), free_port()
    with Daemon(say(port, "before")) as d:
        sockets = listeners(d.pid, port)
        d.reload(say(port, "after") + fault.format(port=other) + say(other, "other"),
                 expect=r"reload refused: 1 error")
        d.wait_log(rf"{d.conf.name}{where}\d*:? ?error: ")
        assert ask(port) == b"before\n"
        assert_refused(other)
        assert listeners(d.pid, port) == sockets
        d.reload(say(port, "after") + say(other, "other"))
        assert ask(port) == b"after\n"
        assert ask(other) == b"other\n"


@pytest.mark.parametrize("trouble", ("missing", "directory", "unreadable"))
def test_file_that_cannot_be_read_changes_nothing(trouble):
    port = free_port()
    with Daemon(say(port, "before")) as d:
        d.conf.unlink()
        if trouble == "directory":
            d.conf.mkdir()
            (d.conf / "broken.conf").write_text("one two\n")
        elif trouble == "unreadable":
            d.conf.symlink_to(d.conf)  # a loop, which stops root as well
        d.reload(expect=r"reload refused")
        assert ask(port) == b"before\n"
        if trouble == "directory":
            (d.conf / "broken.conf").unlink()
            d.conf.rmdir()
        d.conf.unlink(missing_ok=True)
        d.reload(say(port, "after"))
        assert ask(port) == b"after\n"


def test_udp_service_keeps_its_socket(workdir):
    port = free_port()
    program = script(workdir / "reply", "import os\nos.write(1, os.read(0, 100))\n")
    line = f"{port} dgram udp nowait {ME} {program}\n"
    with Daemon(line) as d, udp(port) as s:
        s.send(b"before")
        assert s.recv(100) == b"before"
        before = listeners(d.pid, port)
        d.reload(line + say(free_port(), "more"))
        assert before <= listeners(d.pid, port) or listeners(d.pid, port) == before
        s.send(b"after")
        assert s.recv(100) == b"after"


def test_reload_while_the_file_is_being_asked_for_again():
    """Signals that arrive during a reload are one reload more, not a crash."""
    port = free_port()
    with Daemon(say(port, "before")) as d:
        for turn in range(30):
            d.signal(signal.SIGHUP)
        d.rewrite(say(port, "after"))
        d.signal(signal.SIGHUP)
        wait_until(lambda: ask(port) == b"after\n", "the last file counts")
