"""What the tests of this directory share beside the daemon itself: programs to serve, a look at
/proc, and network namespaces of their own."""

import contextlib
import ctypes
import functools
import json
import os
import pathlib
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time

from harness import BUILD, PATIENCE, connect, read_all

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def script(path, body, interpreter="/usr/bin/python3 -IS"):
    """An executable file; put in place by rename, so that it can replace one that runs."""
    path = pathlib.Path(path)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(f"#!{interpreter}\n{body}")
    fresh.chmod(0o755)
    fresh.rename(path)
    return path


# A server that waits: one client, who is told its arguments and its pid, and is kept until he goes.
WAITER = """
import os, socket, sys
s = socket.socket(fileno=os.dup(0))
client, _ = s.accept()
client.setblocking(True)
client.sendall(" ".join([*sys.argv[1:], str(os.getpid())]).encode())
client.recv(1)
"""


def wait_until(condition, what, timeout=PATIENCE, pause=0.02):
    """For what the kernel or the daemon does without telling anybody; all else has an event."""
    deadline = time.monotonic() + timeout
    pauses = threading.Event()
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so: {what}")
        pauses.wait(pause)
    return result


def growth(count, seconds):
    """By how much a count grows in that time: a rate is all that no event can tell."""
    before = count()
    threading.Event().wait(seconds)
    return count() - before


def has_nothing(s):
    """That no byte and no end has come to the socket until now."""
    return not select.select([s], [], [], 0)[0]


def is_over(s):
    """That the connection comes to its end without a byte: nobody has taken it."""
    try:
        return s.recv(100) == b""
    except ConnectionResetError:
        return True


def assert_refused(port, host="127.0.0.1"):
    """Nobody listens there."""
    try:
        connect(port, host).close()
    except ConnectionRefusedError:
        return
    raise AssertionError(f"{host}, port {port}: somebody listens")


def stat_fields(pid):
    """/proc/PID/stat from the state on: [0] state, [1] ppid, [2] pgrp, [3] session, [11] utime."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def children(pid):
    """{pid: state} of the children of pid, a process of one thread; zombies are among them."""
    try:
        entries = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        entries = filter(str.isdigit, os.listdir("/proc"))
    found = {}
    for entry in entries:
        try:
            fields = stat_fields(entry)
        except OSError:
            continue
        if int(fields[1]) == pid:
            found[int(entry)] = fields[0]
    return found


def is_parser(pid):
    """Of the daemon's children the one that stays for a while when it is needed no more."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text() == "inetd-parser\n"
    except OSError:
        return False


def end_parsers(pid):
    """Which the daemon does by itself a minute after the last question."""
    for child in filter(is_parser, children(pid)):
        os.kill(child, signal.SIGKILL)


def servers(pid):
    """children() but for a parser that lives."""
    return {child: state for child, state in children(pid).items()
            if state == "Z" or not is_parser(child)}


def visit(address, source=None, text=b"hello"):
    """What comes back to a client of that source; nothing if it is refused."""
    family = socket.AF_UNIX if isinstance(address, str) else (
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    with socket.socket(family) as s:
        s.settimeout(PATIENCE)
        if source:
            s.bind((source, 0))
        s.connect(address)
        try:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            return read_all(s)
        except OSError:
            return b""


# epoll_wait(2) and epoll_pwait(2).
_EPOLL_WAITS = {"x86_64": ("232", "281"), "aarch64": ("22",)}.get(os.uname().machine, ())


def epoll_timeout(pid):
    """How long the process waits for events at most, in milliseconds, counted from when it began to;
    -1 is for ever. None: it does something else. That it waits is certain: of a process on a processor
    the kernel does not show the call, proc(5)."""
    fields = pathlib.Path(f"/proc/{pid}/syscall").read_text().split()
    if fields[0] not in _EPOLL_WAITS:
        return None
    return ctypes.c_int(int(fields[4], 16) & 0xFFFFFFFF).value


def armed_timers(pid):
    """Those that would wake the process without a word in its epoll_wait(2): timerfd_create(2),
    timer_create(2)."""
    found = pathlib.Path(f"/proc/{pid}/timers").read_text().splitlines()
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            found += [line for line in entry.read_text().splitlines()
                      if line.startswith("it_value:") and not line.endswith("(0, 0)")]
    return found


def sleeps(pid, at_least=None):
    """Whether nothing but an event wakes it, or else a timer that was set to so many seconds."""
    timeout = epoll_timeout(pid)
    if timeout is None or armed_timers(pid):
        return False
    return timeout == -1 if at_least is None else timeout >= 1000 * at_least


def assert_sleeps(pid, at_least=None):
    """No polling, no ticking timer, once it has done what there was to do."""
    wait_until(lambda: sleeps(pid, at_least), f"{pid} sleeps")


@contextlib.contextmanager
def stopped(pid):
    """Whatever happens meanwhile is found by the daemon in one round: signals first, the lowest number
    before others, then descriptors as they became ready. (Timers that are due come before that round:
    the stop ends epoll_wait(2) by EINTR.) It is stopped while it waits, because until then what was
    ready in the last round is still in the queue."""
    wait_at_rest(pid)
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: stat_fields(pid)[0] == "T", f"{pid} is stopped")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wait_zombie(daemon, pid):
    """Until the daemon's child has ended and only waits to be reaped."""
    wait_until(lambda: children(daemon).get(pid) == "Z", f"{pid} has ended")


def wait_for_end(pid):
    """Until the process, which need not be a child of ours, has ended."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        assert select.select([fd], [], [], PATIENCE)[0], f"{pid} goes on"
        os.close(fd)


def cpu_ticks(pid):
    fields = stat_fields(pid)
    return int(fields[11]) + int(fields[12])


def wait_at_rest(pid):
    """Until the daemon has done what there was to do: the client of a server that it has just started
    may be answered by that before the daemon has closed its own copy of the connection."""
    wait_until(lambda: epoll_timeout(pid) is not None, f"{pid} waits for events")


def descriptors(pid):
    """How many the daemon has open while it waits."""
    wait_at_rest(pid)
    return len(os.listdir(f"/proc/{pid}/fd"))


def own_memory(pid):
    """KiB in memory that are nobody else's and in no file."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


@functools.cache
def build_option(name):
    """How the build under test was configured."""
    found = subprocess.run(["meson", "introspect", "--buildoptions", str(BUILD)], text=True,
                           capture_output=True, check=True)
    return next(o["value"] for o in json.loads(found.stdout) if o["name"] == name)


def socket_fds(pid):
    """{inode: fd} of the sockets that a process has open."""
    found = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            found[int(target[8:-1])] = int(entry.name)
    return found


def listeners(pid, port):
    """{(table, inode)} of what pid has bound to the port: the identity of a listener."""
    mine = socket_fds(pid)
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = pathlib.Path(f"/proc/{pid}/net/{table}")
        if not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            fields = line.split()
            bound = int(fields[1].rpartition(":")[2], 16) == port
            listening = fields[3] == ("0A" if table.startswith("tcp") else "07")
            if bound and listening and int(fields[9]) in mine:
                found.add((table, int(fields[9])))
    return found


def unix_listeners(pid, path):
    mine = socket_fds(pid)
    lines = pathlib.Path(f"/proc/{pid}/net/unix").read_text().splitlines()
    return {int(row[6]) for row in map(str.split, lines)
            if len(row) > 7 and row[7] == str(path) and int(row[6]) in mine}


def is_nonblocking(pid, inode):
    fd = socket_fds(pid)[inode]
    flags = re.search(r"flags:\s*(\d+)", pathlib.Path(f"/proc/{pid}/fdinfo/{fd}").read_text())[1]
    return bool(int(flags, 8) & os.O_NONBLOCK)


def started_pid(line):
    """The N of a log line `NAME: ADDR:PORT: started pid N`."""
    return int(re.search(r"pid (\d+)", line)[1])


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Namespace:
    """A network namespace with nothing but a loopback: every port in it is free and is ours."""

    def __init__(self, setup="ip link set lo up"):
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", f"{setup} && echo up && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"up\n":
            raise OSError(self.holder.communicate()[1].decode().strip())
        self.path = f"/proc/{self.holder.pid}/ns/net"
        self.wrap = ("nsenter", f"--net={self.path}")

    def close(self):
        self.holder.communicate()

    def run(self, function, *arguments, **keywords):
        """Calls it in the namespace: the sockets that it makes and returns belong there."""
        result = []

        def enter():
            try:
                with open(self.path) as ns:
                    if _libc.setns(ns.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append((function(*arguments, **keywords), None))
            except BaseException as problem:
                result.append((None, problem))

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        value, problem = result[0]
        if problem:
            raise problem
        return value
