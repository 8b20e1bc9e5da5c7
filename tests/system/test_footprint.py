"""What a start and a reload have needed of memory is given back."""

import pathlib
import re

import pytest

from harness import ME, Daemon, ask, free_port
from support import wait_until


def memory(d):
    """The most so far, and now."""
    status = pathlib.Path(f"/proc/{d.pid}/status").read_text()
    return [int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) for name in ("VmHWM", "VmRSS")]


def has_less_than(part, d):
    most, now = memory(d)
    return now < part * most


def test_start_and_reload():
    port = free_port()
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} /bin/echo echo\n"
    with Daemon(conf) as d:
        if "libasan" in pathlib.Path(f"/proc/{d.pid}/maps").read_text():
            pytest.skip("a sanitizer has memory of its own")
        wait_until(lambda: has_less_than(0.8, d), "what the start needed is given back")
        # 5: the most begins anew, proc_pid_clear_refs(5).
        pathlib.Path(f"/proc/{d.pid}/clear_refs").write_text("5")
        d.reload(conf)
        wait_until(lambda: has_less_than(1, d), "what the reload needed is given back")
        assert ask(port) == b"\n"
