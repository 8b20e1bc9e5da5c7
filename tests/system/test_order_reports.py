"""A child that fails before its exec reports why, and ends. Both orders in which the daemon can come to
know of that are forced: by an exit that is held."""

import contextlib
import os
import signal

from harness import ME, Daemon, ask, connect, free_port
from support import children, is_over, script, stopped, wait_until, wait_zombie

FAILURE = "No such file or directory"


def failing(workdir, *ports):
    program = script(workdir / "broken", "", interpreter="/nonexistent/interpreter")
    return "".join(f"{port} stream tcp4 nowait {ME} {program}\n" for port in ports)


def test_a_report_that_is_read_before_its_child_has_ended(workdir, injector):
    """Another child's end makes the daemon read all reports that there are."""
    first, second = free_port(), free_port()
    with Daemon(failing(workdir, first, second), wrap=injector.wrap) as d:
        injector.hold("child", "exit_group")
        one = connect(first)
        injector.wait_held()
        assert ask(second) == b""
        d.wait_log(rf"{second}: exec .*: {FAILURE}")
        assert not d.lines_like(f"{first}: ")
        injector.release()
        d.wait_log(rf"{first}: exec .*: {FAILURE}")
        assert is_over(one)
        assert not d.lines_like("exit 127")
        wait_until(lambda: not children(d.pid), "no child is left")


@contextlib.contextmanager
def reported(d, injector, port):
    """A child that has made its report and does not get to its end; its pid."""
    injector.hold("child", "exit_group")
    with connect(port):
        injector.wait_held()
        [pid] = children(d.pid)
        yield pid


def test_a_report_and_the_end_of_its_child_in_one_round(workdir, injector):
    port = free_port()
    with Daemon(failing(workdir, port), wrap=injector.wrap) as d:
        with reported(d, injector, port) as pid:
            with stopped(d.pid):
                injector.release()
                wait_zombie(d.pid, pid)
            d.wait_log(rf"{port}: exec .*: {FAILURE}")
        assert not d.lines_like("exit 127")


def test_a_child_that_is_killed_after_its_report(workdir, injector):
    """And a report that nobody waits for is not taken for that of another child."""
    port = free_port()
    with Daemon(failing(workdir, port), wrap=injector.wrap) as d:
        with reported(d, injector, port) as pid:
            os.kill(pid, signal.SIGKILL)
            d.wait_log(rf"{port}: exec .*: {FAILURE}")
        assert not d.lines_like("SIGKILL")
