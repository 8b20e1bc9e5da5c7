"""Callers of the control socket."""

import os
import pwd

import pytest

from harness import FORGETFUL, ME, Daemon, ask, free_port
from varlink import Control

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def d(port):
    conf = f"127.0.0.1:{port} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True, env=FORGETFUL) as daemon:
        yield daemon


def is_alive(d, port):
    assert ask(port, b"hello") == b"hello"
    with Control(d.control) as control:
        return control.call("GetStatus")["pid"] == d.pid


def as_user(uid, what, *groups):
    """The result of what() in a process of that user: True or False."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(groups[0] if groups else uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os._exit(0 if what() else 1)
        except BaseException as problem:  # the test's process must not go on twice
            os.write(2, repr(problem).encode() + b"\n")
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
