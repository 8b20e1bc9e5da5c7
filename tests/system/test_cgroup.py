"""Control groups of services: where servers are, and what the settings file allows them together."""

import contextlib
import errno
import os
import pathlib
import re
import signal

import pytest

from confined import CLONE3, fails, filter_out, line, reload
from harness import PATIENCE, Daemon, ask, connect, free_port
from support import children, listeners, script, wait_until

CAT = "/bin/cat"


class Group:
    """A control group of ours, with a daemon in it that may do in there what it likes."""

    def __init__(self):
        for entry in open("/proc/self/mountinfo"):
            front, back = entry.split(" - ")
            if back.startswith("cgroup2 "):
                self.mount = pathlib.Path(front.split()[4])
                break
        else:
            pytest.skip("no cgroup2 is mounted")
        if os.path.exists("/run/systemd/system"):
            pytest.skip("the control groups of this machine are systemd's")
        self.path = self.mount / f"inetd-test-{os.getpid()}-{free_port()}"
        try:
            self.path.mkdir()
        except OSError as reason:
            pytest.skip(f"no control group: {reason}")

    def enter(self):
        (self.path / "cgroup.procs").write_text("0")

    def controllers(self):
        return (self.path / "cgroup.controllers").read_text().strip()

    def close(self):
        for directory, _, _ in os.walk(self.path, topdown=False):
            pids = pathlib.Path(directory, "cgroup.procs")
            for pid in pids.read_text().split():
                with contextlib.suppress(ProcessLookupError):  # it was about to end
                    os.kill(int(pid), signal.SIGKILL)
            wait_until(lambda: not pids.read_text(), "the control group is empty")
            os.rmdir(directory)


@pytest.fixture
def group():
    made = Group()
    yield made
    made.close()


OWN_GROUP = "/bin/cat cat /proc/self/cgroup"
DEPTH = 'cgroup = { set = ["cgroup.max.depth=%d"]; };'


def group_of(text):
    return next(row[3:] for row in text.decode().splitlines() if row.startswith("0::"))


@pytest.mark.root
@pytest.mark.parametrize("filtered", (None, CLONE3), ids=("clone", "fork"))
def test_cgroup(start, group, filtered):
    """The servers in their own group, the daemon and the servers of others in that of the daemon."""
    port, other = free_port(), free_port()

    def preexec():
        group.enter()
        if filtered:
            filter_out(filtered, errno.ENOSYS)
    d = start(line(port, OWN_GROUP, "nobody") + line(other, OWN_GROUP, "nobody"),
              'services = ( { name = "%d"; %s } );' % (port, DEPTH % 3), preexec=preexec)
    name = f"127.0.0.1-{port}-tcp4"
    assert group_of(ask(port)) == f"/{group.path.name}/{name}"
    assert group_of(ask(other)) == f"/{group.path.name}/inetd.main"
    assert str(d.pid) in (group.path / "inetd.main/cgroup.procs").read_text().split()
    assert (group.path / name / "cgroup.max.depth").read_text() == "3\n"


@pytest.mark.root
def test_cgroup_on_reload(start, group):
    """A value is changed in place, taken back, and the group goes when its last server does."""
    port = free_port()
    d = start(line(port, "/bin/cat", "nobody"), f"defaults = {{ {DEPTH % 3} }};", preexec=group.enter)
    own = group.path / f"127.0.0.1-{port}-tcp4"
    before = listeners(d.pid, port)
    with connect(port) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        server = (own / "cgroup.procs").read_text()
        reload(d, f"defaults = {{ {DEPTH % 5} }};")
        assert (own / "cgroup.max.depth").read_text() == "5\n"
        reload(d, 'defaults = { cgroup = { set = ["cgroup.max.descendants=7"]; }; };')
        assert (own / "cgroup.max.depth").read_text() == "max\n"
        assert (own / "cgroup.max.descendants").read_text() == "7\n"
        reload(d, "")
        assert (own / "cgroup.procs").read_text() == server
        with connect(port) as after:
            after.sendall(b"y")
            assert after.recv(1) == b"y"
            assert (own / "cgroup.procs").read_text() == server
    wait_until(lambda: not own.exists(), "the group is gone")
    assert listeners(d.pid, port) == before


@pytest.mark.root
def test_cgroup_is_gone_after_the_daemon(start, group):
    port = free_port()
    d = start(line(port, OWN_GROUP), f"defaults = {{ {DEPTH % 3} }};", preexec=group.enter)
    assert ask(port)
    assert d.stop() == 0
    assert [p.name for p in group.path.iterdir() if p.is_dir()] == ["inetd.main"]


@pytest.mark.root
def test_cgroup_of_a_daemon_that_was_moved_already(start, group):
    """As after an upgrade in place."""
    port = free_port()

    def enter():
        (group.path / "inetd.main").mkdir()
        (group.path / "inetd.main/cgroup.procs").write_text("0")
    start(line(port, OWN_GROUP), f"defaults = {{ {DEPTH % 3} }};", preexec=enter)
    assert group_of(ask(port)) == f"/{group.path.name}/127.0.0.1-{port}-tcp4"


@pytest.mark.root
def test_cgroup_with_a_controller(start, group):
    """It is switched on for the groups below, which the daemon may then not be among."""
    offered = (group.mount / "cgroup.controllers").read_text().split()
    if "hugetlb" not in offered:
        pytest.skip("no hugetlb controller in cgroup2")
    switch = group.mount / "cgroup.subtree_control"
    already = "hugetlb" in switch.read_text().split()
    switch.write_text("+hugetlb")
    try:
        file = next((p.name for p in group.path.glob("hugetlb.*.max")), None)
        if not file:
            pytest.skip("no huge pages")
        port = free_port()
        start(line(port, OWN_GROUP, "nobody"), 'defaults = { cgroup = { set = ["%s=0"]; }; };' % file,
              preexec=group.enter)
        own = group_of(ask(port))
        assert own == f"/{group.path.name}/127.0.0.1-{port}-tcp4"
        assert (group.mount / own[1:] / file).read_text() == "0\n"
        assert (group.path / "cgroup.subtree_control").read_text() == "hugetlb\n"
    finally:
        (group.path / "cgroup.subtree_control").write_text("-hugetlb")
        if not already:
            switch.write_text("-hugetlb")


def needs_controllers(group, *names):
    """Where a machine has those of version 1, test_own_kernel.py brings a kernel that has these."""
    offered = group.controllers().split()
    for name in names:
        if name not in offered:
            pytest.skip(f"no {name} controller in cgroup2")


def own_file(group, port, name):
    return (group.path / f"127.0.0.1-{port}-tcp4" / name).read_text()


@pytest.mark.root
def test_cgroup_values_are_those_of_the_kernel_and_a_reload_changes_them(start, group):
    needs_controllers(group, "memory", "cpu", "pids")
    port = free_port()
    d = start(line(port, CAT), """defaults = { cgroup = { memory_max = "64m"; memory_high = "48m";
        memory_swap_max = 0; tasks_max = 20; cpu_max = "150%"; cpu_weight = 50; }; };""",
              preexec=group.enter)
    files = ("memory.max", "memory.high", "memory.swap.max", "pids.max", "cpu.max", "cpu.weight")
    with connect(port) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert [own_file(group, port, name).strip() for name in files] == [
            "67108864", "50331648", "0", "20", "150000 100000", "50"]
        reload(d, 'defaults = { cgroup = { memory_max = "unlimited"; tasks_max = 5; }; };')
        assert [own_file(group, port, name).strip() for name in files] == [
            "max", "max", "max", "5", "max 100000", "100"]
        s.sendall(b"y")
        assert s.recv(1) == b"y"


@pytest.mark.root
def test_cgroup_tasks_max(start, group, workdir):
    """The server is the first one, and counts how many more it gets."""
    needs_controllers(group, "pids")
    port, other = free_port(), free_port()
    forks = script(workdir / "forks", "import os, signal\npids = []\n"
                   "try:\n    while len(pids) < 50:\n        if not (pid := os.fork()): signal.pause()\n"
                   "        pids.append(pid)\n"
                   "except BlockingIOError as problem: print(len(pids), problem.strerror, flush=True)\n"
                   "for pid in pids: os.kill(pid, 9)\n")
    start(line(port, forks) + line(other, forks),
          'services = ( { name = "%d"; cgroup = { tasks_max = 4; }; } );' % port, preexec=group.enter)
    assert ask(port) == b"3 Resource temporarily unavailable\n"
    assert ask(other) == b""


@pytest.mark.root
def test_cgroup_cpu_max(start, group, workdir):
    """The server works until the kernel says that it has held it back."""
    needs_controllers(group, "cpu")
    port = free_port()
    works = script(workdir / "works", f"""
def held_back():
    with open("{group.path}/127.0.0.1-{port}-tcp4/cpu.stat") as file:
        return next(int(row.split()[1]) for row in file if row.startswith("nr_throttled"))
while not held_back(): sum(range(100000))
print("held back")
""")
    start(line(port, works), 'defaults = { cgroup = { cpu_max = "5%"; }; };', preexec=group.enter)
    assert ask(port) == b"held back\n"
    assert own_file(group, port, "cpu.max") == "5000 100000\n"


@pytest.mark.root
def test_cgroup_memory_max(start, group):
    needs_controllers(group, "memory")
    port, other = free_port(), free_port()
    d = start(line(port, "/usr/bin/python3 python3 -c 'x = bytearray(1 << 28)'") + line(other, OWN_GROUP),
              'defaults = { cgroup = { memory_max = "32m"; memory_swap_max = 0; }; };', preexec=group.enter)
    assert ask(port) == b""
    d.wait_log(f"{port}: pid .* killed by SIGKILL")
    assert group_of(ask(other))


@pytest.mark.root
def test_cgroup_without_the_controller(start, group):
    """A server that asks for a limit does not run without it; the others do."""
    port, other = free_port(), free_port()
    before = group.controllers()
    d = start(line(port, OWN_GROUP) + line(other, OWN_GROUP),
              'services = ( { name = "%d"; cgroup = { set = ["wind.max=5"]; }; } );' % port,
              preexec=group.enter)
    problem = "cgroup: wind.max: there is no controller 'wind' here, just "
    said = d.wait_log(f"{port}: {problem}'.*'; its servers will not be started")
    # Which there are may change at any time, when a tree of version 1 is mounted or goes.
    assert re.search(f"{problem}'(.*)'", said)[1] in (before, group.controllers())
    fails(d, port, f"not started: {problem}")
    assert group_of(ask(other))
    reload(d, "", "reload: 0 added, 0 removed, 1 updated, 1 unchanged")
    assert group_of(ask(port))


@pytest.mark.root
def test_cgroup_of_others(workdir, group):
    port = free_port()
    (workdir / "inetd.cfg").write_text(f"defaults = {{ {DEPTH % 3} }};")
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with Daemon(line(port, OWN_GROUP, "nobody"), "--settings", workdir / "inetd.cfg", wrap=drop,
                preexec=group.enter) as d:
        fails(d, port, f"not started: cgroup: make {group.path}/inetd.main: Permission denied")


@pytest.mark.root
@pytest.mark.needs("strace")
def test_who_asks_for_nothing_pays_nothing(start, workdir):
    """Not one system call more between clone and exec than identity, socket and histogram need."""
    port = free_port()
    trace = workdir / "trace"
    # The leak checker of a sanitized build cannot work beside a tracer.
    asan = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"
    tracer = ("env", asan, "strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", trace)
    try:
        d = start(line(port, "/bin/true", "nobody"), "", wrap=tracer)
    except AssertionError as reason:
        pytest.skip(f"no tracing here: {reason}")
    ask(port)
    d.wait_log(f"{port}: pid .* ended")
    daemon = next(iter(children(d.pid)))
    os.kill(daemon, signal.SIGTERM)
    d.process.wait(PATIENCE)
    rows = [row.split(None, 1) for row in trace.read_text().splitlines()]
    child = next(pid for pid, _ in rows if int(pid) != daemon)
    # It notes when it calls exec: without the kernel's help, where vdso(7) can read the clock.
    clock = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    slow = clock.read_text().strip() not in ("tsc", "kvm-clock", "arch_sys_counter")
    calls = [text.partition("(")[0] for pid, text in rows if pid == child and not text.startswith("<")]
    assert calls[:calls.index("execve") + 1] == [
        "dup3", "dup3", "dup3", "close_range", "setsid", *["prlimit64"] * ("prlimit64" in calls[:7]),
        "setgroups", "setresgid", "setresuid", "umask", "rt_sigprocmask",
        *["clock_gettime"] * slow, "execve"]
