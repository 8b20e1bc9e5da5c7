"""What the benchmarks ask of the kernel."""

import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36


def can_connect(port):
    with socket.socket() as s:
        s.settimeout(2)
        try:
            s.connect(("127.0.0.1", port))
            return True
        except OSError:
            return False


def is_bound(port):
    """Whether somebody has that UDP port."""
    end_of_address = f":{port:04X}"
    return any(line.split()[1].endswith(end_of_address) for name in ("udp", "udp6")
               for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:])


def adopt_orphans():
    """Processes whose parent ends become ours, so that end() finds all that a server left behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans(known):
    """Ends those of our children that we have not started."""
    while True:
        children = pathlib.Path("/proc/self/task").glob("*/children")
        strangers = {int(pid) for path in children for pid in path.read_text().split()} - known
        if not strangers:
            return
        for pid in strangers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def end(process, known=()):
    """Ends a server and all that it started; `known` are children of ours that are to live on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    end_orphans(set(known))


def own_cpu(pid):
    """Nanoseconds on a processor, without the children's."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # a thread that has just ended
            pass
    return total


def cpu_with_children(pid):
    """Nanoseconds, of those children only that have ended and were waited for."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own_cpu(pid) + (int(fields[13]) + int(fields[14])) * 10**9 // os.sysconf("SC_CLK_TCK")


def cpu_of_tree(pid):
    """Nanoseconds, of the process and of all its descendants, living and waited for."""
    children = {int(child) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
                for child in path.read_text().split()}
    return cpu_with_children(pid) + sum(cpu_of_tree(child) for child in children)


def end_counted(process):
    """Ends it by SIGTERM; nanoseconds on a processor of all its life, with those of all that it has
    waited for. To the microsecond, where /proc has hundredths of a second for what has ended."""
    os.kill(process.pid, signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"ended with {process.returncode}")
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def pss_kib(pid):
    return int(re.search(r"^Pss: +(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(),
                         re.M)[1])


def steady_pss_kib(pid):
    """Once it stays the same: after the first service answers others may still be opened, and what a
    start alone has needed is given back last."""
    before, now = None, pss_kib(pid)
    for _ in range(20):
        if now == before:
            break
        time.sleep(0.5)
        before, now = now, pss_kib(pid)
    return now


class MemoryGroup:
    """A control group; what the kernel charges to the processes in it: their pages, and of its own
    memory what it has for them. Sockets that a packet has made, before anybody accepted them, are
    charged to nobody."""

    def __init__(self, name):
        first, second = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
        self.path = None  # where the kernel counts no memory for groups
        if (first / "memory.usage_in_bytes").exists():
            self.path, self.usage = first / name, "memory.usage_in_bytes"
        elif "memory" in words_of(second / "cgroup.subtree_control"):
            self.path, self.usage = second / name, "memory.current"

    def __enter__(self):
        if self.path:
            self.path.mkdir()
        return self

    def __exit__(self, *_):
        if self.path:
            self.path.rmdir()

    def add(self, pid):
        if self.path:
            (self.path / "cgroup.procs").write_text(str(pid))

    def charged_kib(self):
        return int((self.path / self.usage).read_text()) / 1024 if self.path else None


def words_of(path):
    return path.read_text().split() if path.exists() else []


def load(program, *arguments):
    """Runs the load generator in one of its modes, or another program that prints JSON."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{program} {arguments[0]} failed")
    return json.loads(done.stdout)


def prepare_network():
    """In a network namespace of our own: ports as we like, and enough of them."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    net = pathlib.Path("/proc/sys/net")
    for name, value in (("core/somaxconn", "65535"), ("ipv4/ip_local_port_range", "32768 60999"),
                        ("ipv4/tcp_max_syn_backlog", "65535")):
        try:
            (net / name).write_text(value)
        except OSError:
            pass


def describe():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return {"processors": os.cpu_count(), "model": model[1] if model else "",
            "kernel": os.uname().release.split("-")[0]}
