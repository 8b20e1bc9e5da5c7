"""What the settings file lets a server do: each key as a real child finds it."""

import contextlib
import ctypes
import errno
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess

import pytest

from harness import ME, PATIENCE, Daemon, ask, connect, free_port, read_all
from support import children, listeners, script, wait_until

CAT = "/bin/cat"
LIMITS = "/bin/cat cat /proc/self/limits"
CLONE3, LANDLOCK_CREATE_RULESET = 435, 444  # on every machine
ROOT_OR_ME = "nobody" if os.geteuid() == 0 else ME


def line(port, program, user=ME):
    return f"127.0.0.1:{port} stream tcp4 nowait {user} {program}\n"


def reload(d, settings, expect="reload: 0 added, 0 removed, 1 updated, 0 unchanged"):
    d.settings.write_text(settings)
    d.reload(expect=expect)


def limits_of(port):
    """{name of /proc/PID/limits: (soft, hard)}"""
    return {m[1]: (m[2], m[3]) for m in
            re.finditer(r"^(Max [a-z ]+?)\s\s+(\S+)\s+(\S+)", ask(port).decode(), re.M)}


def fails(d, port, text):
    """The connection closes without a byte, and the log says why."""
    assert ask(port) == b""
    d.wait_log(rf"{port}: {text}")


@pytest.mark.root
def test_each_limit(start):
    port = free_port()
    start(line(port, LIMITS, "nobody"), """defaults = { rlimits = {
        as = "1g"; core = "0:0"; cpu = "60:120"; data = "512m"; fsize = "4k"; locks = 7;
        memlock = 65536; msgqueue = "16k"; nice = 0; nofile = "40:50"; nproc = 1000; rss = "3m";
        rtprio = "0:0"; rttime = 1000; sigpending = 99; stack = "8m:unlimited"; }; };""")
    assert limits_of(port) == {
        "Max address space": ("1073741824", "1073741824"),
        "Max core file size": ("0", "0"),
        "Max cpu time": ("60", "120"),
        "Max data size": ("536870912", "536870912"),
        "Max file size": ("4096", "4096"),
        "Max file locks": ("7", "7"),
        "Max locked memory": ("65536", "65536"),
        "Max msgqueue size": ("16384", "16384"),
        "Max nice priority": ("0", "0"),
        "Max open files": ("40", "50"),
        "Max processes": ("1000", "1000"),
        "Max resident set": ("3145728", "3145728"),
        "Max realtime priority": ("0", "0"),
        "Max realtime timeout": ("1000", "1000"),
        "Max pending signals": ("99", "99"),
        "Max stack size": ("8388608", "unlimited"),
    }


def test_a_limit_binds_and_a_reload_changes_it(start, workdir):
    port = free_port()
    server = script(workdir / "server", "ulimit -n\n", "/bin/sh")
    d = start(line(port, server), "defaults = { rlimits = { nofile = 20; }; };")
    before = listeners(d.pid, port)
    assert ask(port) == b"20\n"
    reload(d, 'defaults = { rlimits = { nofile = "19:30"; }; };')
    assert ask(port) == b"19\n"
    reload(d, "")
    assert int(ask(port)) == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert listeners(d.pid, port) == before


def test_a_limit_that_cannot_be_had(start):
    port = free_port()
    most = int(open("/proc/sys/fs/nr_open").read())
    d = start(line(port, LIMITS), "defaults = { rlimits = { core = 0; nofile = %d; }; };" % (most + 1))
    fails(d, port, "setting the limit of nofile: Operation not permitted")


@pytest.mark.parametrize("much, answer", ((1 << 20, b"had it\n"), (1 << 28, b"")))
def test_a_limit_of_memory_binds(start, workdir, much, answer):
    port = free_port()
    server = script(workdir / "server", f"bytearray({much})\nprint('had it')\n")
    d = start(line(port, server), 'defaults = { rlimits = { as = "200m"; }; stderr = "log"; };')
    assert ask(port) == answer
    if not answer:
        d.wait_log(f"{port}: .*MemoryError")


@pytest.mark.needs("ionice")
@pytest.mark.parametrize("written, found", (
    ("idle", b"idle\n"),
    ("best-effort", b"best-effort: prio 4\n"),
    ("best-effort:7", b"best-effort: prio 7\n"),
    pytest.param("realtime:0", b"realtime: prio 0\n", marks=pytest.mark.root),
))
def test_ionice(start, workdir, written, found):
    port = free_port()
    server = script(workdir / "server", "ionice\n", "/bin/sh")
    start(line(port, server, ROOT_OR_ME), 'defaults = { ionice = "%s"; };' % written)
    assert ask(port) == found


STATUS = "/bin/cat cat /proc/self/status"
CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT = 5, 10, 18


def status_of(port):
    return {name: value.split() for name, value in
            (row.split(":", 1) for row in ask(port).decode().splitlines())}


def capabilities_of(status):
    return {name: int(status[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def put_programs(root, *programs):
    """Copies them, and the libraries that ldd(1) names, to where they are below another root."""
    for program in programs:
        wanted = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in [program, *re.findall(r"(/\S+) \(0x", wanted)]:
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


@pytest.mark.root
def test_groups(start):
    port = free_port()
    d = start(line(port, STATUS, "nobody"), 'defaults = { groups = ("daemon", 4242); };')
    status = status_of(port)
    assert {*map(int, status["Groups"])} == {65534, 1, 4242}
    assert status["Uid"] == status["Gid"] == ["65534"] * 4
    reload(d, "defaults = { groups = []; };")
    assert status_of(port)["Groups"] == ["65534"]


@pytest.mark.root
def test_groups_that_root_alone_can_set(workdir):
    """A daemon that is not root and has not those groups does not go on without a word."""
    port = free_port()
    settings = workdir / "inetd.cfg"
    settings.write_text("defaults = { groups = [4242]; };")
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with Daemon(line(port, STATUS, "nobody"), "--settings", settings, wrap=drop) as d:
        fails(d, port, "setting the supplementary groups: Operation not permitted")


@pytest.mark.root
def test_chroot(start, workdir):
    port = free_port()
    root = workdir / "root"
    put_programs(root, "/bin/sh", "/bin/ls", "/bin/pwd")
    (root / "data").mkdir()
    script(root / "server", "/bin/pwd; /bin/ls /\n", "/bin/sh")
    d = start(line(port, "/server", "nobody"), f'defaults = {{ chroot = "{root}"; }};')
    assert ask(port).split() == [b"/", *sorted(os.fsencode(name) for name in os.listdir(root))]
    reload(d, f'defaults = {{ chroot = "{root}"; directory = "/data"; }};')
    assert ask(port).startswith(b"/data\n")
    (root / "data").rmdir()
    fails(d, port, "changing the directory to /data: No such file or directory")
    root.rename(workdir / "gone")
    fails(d, port, f"changing the root to {root}: No such file or directory")


@pytest.mark.root
def test_chroot_is_where_program_and_directory_are_looked_for(start, workdir):
    """Links of the other root are followed in it, and one that leads out of it leads nowhere."""
    good, bad, outside = free_port(), free_port(), free_port()
    root = workdir / "root"
    put_programs(root, "/bin/cat")
    (root / "link").symlink_to("/bin/cat")
    (root / "etc").mkdir()
    (root / "out").symlink_to("/usr/bin/env")
    conf = line(good, "/link") + line(bad, "/bin/sh") + line(outside, "/out")
    d = start(conf, f'defaults = {{ chroot = "{root}"; directory = "/etc"; }};')
    assert ask(good, b"hello") == b"hello"
    for program in ("/bin/sh", "/out"):
        d.wait_log(rf"error: program '{program}' below '{root}': No such file or directory")
    (root / "etc").rmdir()
    reload(d, f'defaults = {{ chroot = "{root}"; directory = "/etc"; }};', "reload refused")
    d.wait_log(rf"error: 'directory': '/etc' below '{root}': No such file or directory")


@pytest.mark.root
def test_private_network(start, workdir):
    """The connection that it was given goes on, though there is no way out."""
    port, other = free_port(), free_port()
    server = script(workdir / "server", f"""import os, socket
print([name for _, name in socket.if_nameindex()], flush=True)
s = socket.create_server(("127.0.0.1", 0))  # its loopback is up
socket.create_connection(s.getsockname())
try:
    socket.create_connection(("127.0.0.1", {other}), 5)
except ConnectionRefusedError:
    print("alone", flush=True)
print(os.read(0, 100).decode(), os.getuid(), flush=True)
""")
    conf = line(port, server, "nobody") + line(other, "internal echo", "root")
    start(conf, 'services = ( { name = "%d"; private_network = true; } );' % port)
    lines = ask(port, b"hello").decode().splitlines()
    assert "lo" in lines[0] and "eth" not in lines[0]
    assert lines[1:] == ["alone", "hello 65534"]
    assert ask(other, b"x") == b"x"


def test_no_new_privileges(start):
    port = free_port()
    d = start(line(port, STATUS), "")
    before = status_of(port)["NoNewPrivs"]
    reload(d, "defaults = { no_new_privileges = true; };")
    assert (before, status_of(port)["NoNewPrivs"]) == (["0"], ["1"])


@pytest.mark.root
def test_no_new_privileges_for_a_setuid_program(start, workdir):
    port = free_port()
    shutil.copy("/usr/bin/id", workdir / "id")
    (workdir / "id").chmod(0o4755)
    d = start(line(port, f"{workdir}/id id -u", "nobody"), "")
    assert ask(port) == b"0\n"
    reload(d, "defaults = { no_new_privileges = true; };")
    assert ask(port) == b"65534\n"


@pytest.mark.root
def test_capabilities_of_a_user(start):
    """Ambient, or else no program without capabilities of its file would have them."""
    port = free_port()
    start(line(port, STATUS, "nobody"),
          'defaults = { capabilities = ["cap_net_bind_service", "CAP_KILL"]; };')
    status = status_of(port)
    wanted = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_KILL
    assert status["Uid"] == ["65534"] * 4
    assert set(capabilities_of(status).values()) == {wanted}


@pytest.mark.root
def test_capabilities_let_a_user_do_it(start, workdir, namespace):
    server = script(workdir / "server", "import socket\n"
                    "socket.create_server(('127.0.0.1', 80))\nprint('bound')\n")
    d = start(f"12000 stream tcp4 nowait nobody {server}\n",
              'defaults = { capabilities = ["cap_net_bind_service"]; };', wrap=namespace.wrap)
    assert namespace.run(ask, 12000) == b"bound\n"
    reload(d, "defaults = { capabilities = []; };")
    assert b"Permission denied" in namespace.run(ask, 12000)


@pytest.mark.root
def test_capabilities_of_root(start):
    port = free_port()
    d = start(line(port, STATUS, "root"), 'defaults = { capabilities = ["cap_sys_chroot"]; };')
    status = status_of(port)
    assert status["Uid"] == ["0"] * 4
    found = capabilities_of(status)
    assert found["CapPrm"] == found["CapEff"] == found["CapBnd"] == 1 << CAP_SYS_CHROOT
    assert found["CapAmb"] == 0
    reload(d, "defaults = { capabilities = []; };")
    assert set(capabilities_of(status_of(port)).values()) == {0}


@pytest.mark.root
def test_capabilities_of_one_service_are_as_ever(start):
    few, all_of_them = free_port(), free_port()
    start(line(few, STATUS, "root") + line(all_of_them, STATUS, "root"),
          'defaults = { capabilities = []; };'
          'services = ( { name = "%d"; capabilities = "inherit"; } );' % all_of_them)
    assert set(capabilities_of(status_of(few)).values()) == {0}
    ours = {name: value.split() for name, value in
            (row.split(":", 1) for row in open("/proc/self/status"))}
    assert capabilities_of(status_of(all_of_them)) == capabilities_of(ours)


@pytest.mark.root
def test_capabilities_that_the_daemon_has_not(start):
    port = free_port()
    d = start(line(port, STATUS, "nobody"), 'defaults = { capabilities = ["cap_net_raw"]; };',
              wrap=("setpriv", "--bounding-set", "-net_raw"))
    fails(d, port, "setting the capabilities: Operation not permitted")


@pytest.mark.root
def test_confinement_without_the_right_to_it(workdir):
    """One who is not root cannot have these, and does not go on without them."""
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    settings = workdir / "inetd.cfg"
    for setting, stage in (("capabilities = []", "setting the capabilities"),
                           ('chroot = "/"', "changing the root to /"),
                           ("private_network = true", "making a private network")):
        port = free_port()
        settings.write_text(f"defaults = {{ {setting}; }};")
        with Daemon(line(port, STATUS, "nobody"), "--settings", settings, wrap=drop) as d:
            fails(d, port, f"{stage}: Operation not permitted")


@pytest.mark.root
def test_a_service_behind_tcpmux_is_confined_like_any_other(start, namespace):
    """A second way to start servers once let them run as root in another super-server."""
    conf = ("tcpmux stream tcp4 nowait root internal\n"
            "tcpmux/status stream tcp4 nowait nobody /bin/cat cat /proc/self/status\n"
            "tcpmux/limits stream tcp4 nowait nobody /bin/cat cat /proc/self/limits\n")
    start(conf, """services = (
        { name = "tcpmux/status"; groups = [4242]; no_new_privileges = true;
          capabilities = ["cap_kill"]; umask = "0077"; },
        { name = "tcpmux/limits"; rlimits = { nofile = 33; }; } );""", wrap=namespace.wrap)

    def call(name):
        with namespace.run(connect, 1) as s:
            s.sendall(name + b"\r\n")
            return read_all(s).decode()
    status = {name: value.split() for name, value in
              (row.split(":", 1) for row in call(b"status").splitlines())}
    assert status["Uid"] == status["Gid"] == ["65534"] * 4
    assert {*status["Groups"]} == {"65534", "4242"}
    assert set(capabilities_of(status).values()) == {1 << CAP_KILL}
    assert (status["NoNewPrivs"], status["Umask"]) == (["1"], ["0077"])
    assert re.search(r"Max open files\s+33\s+33\s", call(b"limits"))


def landlock_works():
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, 1) > 0


needs_landlock = pytest.mark.skipif(not landlock_works(), reason="this kernel has no landlock")
LOOK_AROUND = """
for path in "$W/ro/file" "$W/rw/file" "$W/else/file"; do
    cat "$path" 2>&1 || echo
    (echo new >"$path") 2>/dev/null && echo written || echo not written
done
"""


@pytest.fixture
def places(workdir):
    for name in ("ro", "rw", "else"):
        (workdir / name).mkdir()
        (workdir / name / "file").write_text(name + "\n")
    return workdir


@needs_landlock
@pytest.mark.parametrize("user", [ME, pytest.param("nobody", marks=pytest.mark.root)])
def test_landlock(start, places, user):
    port = free_port()
    for path in (places / "rw", places / "rw/file", places / "else/file"):
        path.chmod(0o777)
    server = script(places / "ro/server", LOOK_AROUND, "/bin/sh")
    rules = '{ read_only = ["/usr", "%s/ro"]; read_write = ["%s/rw", "/dev/null"]; }' % (places, places)
    environment = 'env = ["W=%s"];' % places
    d = start(line(port, server, user), f"defaults = {{ {environment} landlock = {rules}; }};")
    assert ask(port).decode().splitlines() == [
        "ro", "not written", "rw", "written",
        f"cat: {places}/else/file: Permission denied", "", "not written"]
    reload(d, f"defaults = {{ {environment} }};")
    assert ask(port).decode().splitlines()[4:] == ["else", "written"]


@needs_landlock
def test_landlock_is_kept_by_what_the_server_starts_and_implies_no_new_privileges(start, places):
    port = free_port()
    server = script(places / "ro/server", f"grep NoNewPrivs /proc/self/status; sh -c 'cat {places}/else/file' 2>&1\n",
                    "/bin/sh")
    start(line(port, server), 'defaults = { landlock = { read_only = ["/usr", "%s/ro", "/proc"]; }; };' % places)
    assert ask(port).decode().splitlines() == [
        "NoNewPrivs:\t1", f"cat: {places}/else/file: Permission denied"]


@needs_landlock
def test_landlock_finds_a_file_that_was_replaced(start, places):
    port = free_port()
    d = start(line(port, f"/bin/cat cat {places}/ro/file"),
              'defaults = { landlock = { read_only = ["/usr", "%s/ro/file"]; }; };' % places)
    assert ask(port) == b"ro\n"
    (places / "ro/new").write_text("new\n")
    (places / "ro/new").rename(places / "ro/file")
    assert ask(port) == b"new\n"
    (places / "ro/file").unlink()
    fails(d, port, f"opening for landlock {places}/ro/file: No such file or directory")


@pytest.mark.root
@needs_landlock
def test_landlock_in_another_root_and_with_few_descriptors(start, workdir):
    """The paths are those of the new root, and a limit for the server is none for what we do."""
    port, other = free_port(), free_port()
    root = workdir / "root"
    put_programs(root, "/bin/cat")
    (root / "open").mkdir()
    (root / "shut").mkdir(mode=0o700)
    for place in ("open", "shut"):
        (root / place / "file").write_text(place)
    conf = line(port, "/bin/cat cat /open/file", "nobody") + line(other, "/bin/cat cat /shut/file", "root")
    start(conf, 'defaults = { chroot = "%s"; rlimits = { nofile = 4; };'
                ' landlock = { read_only = ["/bin", "/lib", "/lib64", "/open", "/shut/file"]; }; };' % root)
    assert ask(port) == b"open"
    assert ask(other) == b"shut"


def test_landlock_that_leaves_the_program_out(start, places):
    good, bad = free_port(), free_port()
    server = script(places / "rw/server", "echo hello\n", "/bin/sh")
    d = start(line(good, "/bin/echo echo good") + line(bad, server),
              'defaults = { landlock = { read_only = ["/usr"]; }; };')
    assert ask(good) == b"good\n"
    d.wait_log(f"error: program '{server}' is below no path of 'landlock'")
    reload(d, 'defaults = { landlock = { read_only = ["/usr", "%s/gone"]; }; };' % places,
           "reload refused")
    d.wait_log(f"error: 'landlock': '{places}/gone': No such file or directory")


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


def test_a_kernel_without_landlock(start):
    """The service that asks for it does not run, and the others do."""
    good, bad = free_port(), free_port()
    d = start(line(good, "/bin/echo echo good") + line(bad, "/bin/echo echo bad"),
              'services = ( { name = "%d"; landlock = { read_only = ["/usr"]; }; } );' % bad,
              preexec=lambda: filter_out(LANDLOCK_CREATE_RULESET, errno.EOPNOTSUPP))
    assert ask(good) == b"good\n"
    with pytest.raises(ConnectionRefusedError):
        connect(bad)
    d.wait_log("error: 'landlock': this kernel does not offer it: Operation not supported; it needs ")


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
