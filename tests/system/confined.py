"""A service that shows itself what it may do."""

import ctypes
import re
import shutil
import struct
import subprocess

import pytest

from harness import ME, ask

CLONE3, LANDLOCK_CREATE_RULESET = 435, 444  # on every machine


def line(port, program, user=ME):
    return f"127.0.0.1:{port} stream tcp4 nowait {user} {program}\n"


def reload(d, settings, expect="reload: 0 added, 0 removed, 1 updated, 0 unchanged"):
    d.settings.write_text(settings)
    d.reload(expect=expect)


def fails(d, port, text):
    """The connection closes without a byte, and the log says why."""
    assert ask(port) == b""
    d.wait_log(rf"{port}: {text}")


def put_programs(root, *programs):
    """Copies them, and the libraries that ldd(1) names, to where they are below another root."""
    for program in programs:
        wanted = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in [program, *re.findall(r"(/\S+) \(0x", wanted)]:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def landlock_works():
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1) > 0


needs_landlock = pytest.mark.skipif(not landlock_works(), reason="this kernel has no landlock")


def filter_out(call, code):
    """A kernel that has no such system call, as a filter for them lets it look (seccomp(2))."""
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
    steps = ((0x20, 0, 0, 0),  # the number of the call
             (0x15, 0, 1, call),
             (0x06, 0, 0, 0x00050000 | code),  # SECCOMP_RET_ERRNO
             (0x06, 0, 0, 0x7FFF0000))  # SECCOMP_RET_ALLOW
    program = Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:  # PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "seccomp")
