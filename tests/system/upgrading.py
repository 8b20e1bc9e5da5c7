"""How tests change the binary of a daemon."""

import shutil
import signal

import pytest

from harness import INETD
from support import script


def upgrade(daemon, times=1):
    for _ in range(times):
        daemon.signal(signal.SIGUSR2)
        assert f"MAINPID={daemon.pid}" in daemon.wait_notify("READY=1").split("\n")
        daemon.wait_log("upgraded from version")


@pytest.fixture
def own_binary(workdir):
    """A copy of the daemon that a test may replace, and how to start it in place of the built one."""
    binary = workdir / "inetd"
    shutil.copy2(INETD, binary)
    runner = script(workdir / "runner", f'shift; exec {binary} "$@"', "/bin/sh")
    return binary, (runner,)


def replace(binary, content=None):
    fresh = binary.with_name("inetd.new")
    if content is None:
        shutil.copy2(INETD, fresh)
    else:
        fresh.write_text(content)
        fresh.chmod(0o755)
    fresh.rename(binary)


SERVER = """
import os, signal, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"up\\n")
signal.pause()
"""
