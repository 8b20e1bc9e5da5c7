"""What a service finds when it starts, and what is told of its end."""

import contextlib
import fcntl
import grp
import os
import pwd
import re
import resource
import signal
import socket
import termios

import pytest

from harness import ME, Daemon, ask, connect, free_port, read_all, udp
from support import children, script, stat_fields, wait_until

CAT_STATUS = "/bin/cat cat /proc/self/status"
BASE_NAMES = {"PATH", "USER", "LOGNAME", "HOME", "SHELL"}
MAYBE_NAMES = {"LANG", "TZ"}
TCP_NAMES = {"PROTO", "TCPLOCALIP", "TCPLOCALPORT", "TCPREMOTEIP", "TCPREMOTEPORT",
             "REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT"}


def status_of(program=CAT_STATUS, user=ME, **daemon):
    """/proc/self/status as a service of that user sees it."""
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {user} {program}\n", **daemon) as d:
        text = ask(port).decode()
        assert text, d.log()
    return {name: value.split() for name, value in
            (line.split(":", 1) for line in text.splitlines())}


def environment_of(data):
    return dict(line.split("=", 1) for line in data.decode().splitlines())


def test_socket_on_0_1_2_and_nothing_else():
    port = free_port()
    # The shell gives the daemon a descriptor that it did not ask for.
    leak = ("sh", "-c", 'exec 7</dev/null 9>/dev/null; exec "$@"', "sh")
    with Daemon(f"{port} stream tcp nowait {ME} /bin/ls ls -l /proc/self/fd\n", wrap=leak):
        fds = dict(re.findall(r" (\d+) -> (\S+)", ask(port).decode()))
    assert set(fds) == {"0", "1", "2", "3"}  # 3 is the directory that ls itself reads
    assert fds["0"].startswith("socket:[")
    assert fds["0"] == fds["1"] == fds["2"]
    assert re.fullmatch(r"/proc/\d+/fd", fds["3"])


@pytest.mark.parametrize("fd", (0, 1, 2))
def test_socket_is_blocking(fd):
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/cat cat /proc/self/fdinfo/{fd}\n"):
        flags = int(re.search(r"flags:\s*(\d+)", ask(port).decode())[1], 8)
    assert not flags & os.O_NONBLOCK
    assert flags & os.O_ACCMODE == os.O_RDWR


def test_stderr_is_the_socket():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/sh sh -c 'echo complaint >&2'\n"):
        assert ask(port) == b"complaint\n"


def test_signals_are_as_new():
    def spoil():
        for number in (signal.SIGPIPE, signal.SIGUSR2, signal.SIGTTOU):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGALRM})

    status = status_of(preexec=spoil)
    for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd"):
        assert int(status[name][0], 16) == 0, name


def test_umask_is_022():
    assert status_of(preexec=lambda: os.umask(0o077))["Umask"] == ["0022"]


def groups_of_server(**daemon):
    """Whether it leads a process group, and a session, and whether that is the daemon's."""
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/cat\n", **daemon) as d, connect(port) as s:
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        (main,) = [pid for pid in (d.pid, *children(d.pid)) if "inetd" in os.readlink(f"/proc/{pid}/exe")]
        (server,) = children(main)
        _, _, group, session = stat_fields(server)[:4]
        return int(group) == server, int(session) == server, session == stat_fields(main)[3]


def test_a_server_leads_a_process_group_in_a_session_without_a_terminal():
    assert groups_of_server() == (True, False, True)


def test_a_server_does_not_share_a_session_that_has_a_terminal():
    with contextlib.ExitStack() as stack:
        ends = os.openpty()
        for end in ends:
            stack.callback(os.close, end)

        def take_terminal():
            fcntl.ioctl(ends[1], termios.TIOCSCTTY, 0)

        assert groups_of_server(preexec=take_terminal) == (True, True, False)


def test_nor_one_that_its_leader_can_give_a_terminal():
    leader = ("sh", "-c", '"$@" & trap "kill $!" TERM; wait; wait', "sh")
    assert groups_of_server(wrap=leader) == (True, True, False)


def test_directory_is_the_root():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /bin/pwd pwd -P\n"):
        assert ask(port) == b"/\n"


def test_descriptor_limit_is_the_one_that_the_daemon_got():
    port = free_port()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with Daemon(f"{port} stream tcp nowait {ME} /bin/cat cat /proc/self/limits\n",
                preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))):
        assert re.search(r"Max open files\s+200\s", ask(port).decode())


@pytest.mark.parametrize("host, protocol", (
    ("127.0.0.1", "tcp"), ("::1", "tcp"), ("127.0.0.1", "tcp46"), ("::1", "tcp6")))
def test_environment_of_a_tcp_service(host, protocol):
    port = free_port()
    me = pwd.getpwnam(ME)
    with Daemon(f"{port} stream {protocol} nowait {ME} /usr/bin/env env\n",
                env={"SECRET": "key", "LD_LIBRARY_PATH": "/tmp", "TCPREMOTEIP": "1.2.3.4"}):
        with connect(port, host) as s:
            own = str(s.getsockname()[1])
            env = environment_of(read_all(s))
    assert set(env) - MAYBE_NAMES == BASE_NAMES | TCP_NAMES
    assert env["PROTO"] == "TCP"
    assert env["TCPLOCALIP"] == env["SERVER_ADDR"] == host
    assert env["TCPREMOTEIP"] == env["REMOTE_ADDR"] == host
    assert env["TCPLOCALPORT"] == env["SERVER_PORT"] == str(port)
    assert env["TCPREMOTEPORT"] == env["REMOTE_PORT"] == own
    assert env["USER"] == env["LOGNAME"] == ME
    assert env["HOME"] == me.pw_dir
    assert env["SHELL"] == me.pw_shell
    assert {"/bin", "/usr/bin", "/usr/sbin"} <= set(env["PATH"].split(":"))


def test_environment_of_a_unix_service(workdir):
    path = workdir / "sock"
    with Daemon(f"{path} stream unix nowait {ME} /usr/bin/env env\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            env = environment_of(read_all(s))
    assert env["PROTO"] == "UNIX"
    assert not [name for name in env if name.startswith("TCP") or name == "REMOTE_PORT"]
    assert BASE_NAMES <= set(env)


def test_name_of_a_unix_client_sets_no_variable_of_its_own(workdir):
    """An abstract name is any bytes, and zeros among them must not begin another variable."""
    path = workdir / "sock"
    name = f"peer of {os.getpid()}"
    with Daemon(f"{path} stream unix nowait {ME} /usr/bin/env env\n"):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"\0{name}\0LD_PRELOAD=/x.so\0".encode())
            s.connect(str(path))
            env = environment_of(read_all(s))
    assert "LD_PRELOAD" not in env
    assert env["REMOTE_ADDR"] == f"@{name}\\x00LD_PRELOAD=/x.so\\x00"


def test_environment_of_a_udp_service():
    port = free_port()
    line = f"{port} dgram udp nowait {ME} /bin/sh sh -c 'head -c 1 >/dev/null; env'\n"
    with Daemon(line), udp(port) as s:
        s.send(b"x")
        env = environment_of(s.recv(65536))
        assert env["PROTO"] == "UDP"
        assert env["REMOTE_ADDR"] == env["SERVER_ADDR"] == "127.0.0.1"
        assert env["REMOTE_PORT"] == str(s.getsockname()[1])
        assert env["SERVER_PORT"] == str(port)


def test_dash_E_keeps_the_environment():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /usr/bin/env env\n", "-E",
                env={"KEPT": "as it was", "HOME": "/elsewhere"}):
        env = environment_of(ask(port))
    assert env["KEPT"] == "as it was"
    assert env["REMOTE_ADDR"] == "127.0.0.1"
    assert env["USER"] == ME
    assert "NOTIFY_SOCKET" not in env  # it would let a service speak for the daemon


def test_dash_E_does_not_let_the_old_environment_lie_about_the_peer():
    """An inetd that was itself started by a super-server has such names, of another peer."""
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /usr/bin/env env\n", "-E",
                env={"REMOTE_ADDR": "6.6.6.6", "TCPREMOTEIP": "6.6.6.6", "PROTO": "SSL"}):
        names = [line.split("=")[0] for line in ask(port).decode().splitlines()]
    assert len(names) == len(set(names)), sorted(names)


def test_notify_socket_is_not_passed_on():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} /usr/bin/env env\n"):
        assert b"NOTIFY_SOCKET" not in ask(port)


def _member_of_more():
    return next((user for group in grp.getgrall() for user in group.gr_mem
                 if len(os.getgrouplist(user, pwd.getpwnam(user).pw_gid)) > 1), None)


@pytest.mark.root
@pytest.mark.parametrize("written, uid, gid, user", (
    ("nobody", 65534, 65534, "nobody"),
    ("nobody.daemon", 65534, 1, "nobody"),
    ("nobody:daemon", 65534, 1, "nobody"),
    ("root.daemon", 0, 1, "root"),
    ("root", 0, 0, "root"),
    ("65534", 65534, 65534, "nobody"),
    ("nobody/staff-class", 65534, 65534, "nobody"),
    ("54321:54322", 54321, 54322, None),
))
def test_user_group_and_groups(written, uid, gid, user):
    status = status_of(user=written)
    assert status["Uid"] == [str(uid)] * 4
    assert status["Gid"] == [str(gid)] * 4
    groups = os.getgrouplist(user, gid) if user else [gid]
    assert {int(g) for g in status["Groups"]} == set(groups)


@pytest.mark.root
def test_supplementary_groups():
    user = _member_of_more()
    if not user:
        pytest.skip("no user of this machine is in a second group")
    entry = pwd.getpwnam(user)
    status = status_of(user=user)
    assert ({int(g) for g in status["Groups"]}
            == set(os.getgrouplist(user, entry.pw_gid)))


@pytest.mark.root
def test_no_capabilities_are_left_to_another_user():
    status = status_of(user="nobody")
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name][0], 16) == 0, name


@pytest.fixture
def broken(workdir):
    """A daemon of one service whose program a test breaks, and one that has to live on."""
    port, other = free_port(), free_port()
    program = script(workdir / "prog", "print('fine')\n")
    user = "nobody" if os.geteuid() == 0 else ME
    conf = (f"{port} stream tcp nowait {user} {program}\n"
            f"{other} stream tcp nowait {ME} /bin/echo echo alive\n")
    with Daemon(conf) as d:
        assert ask(port) == b"fine\n"
        yield d, port, program
        assert ask(other) == b"alive\n"
        wait_until(lambda: not children(d.pid), "no child is left")


def _fails(broken, reason):
    d, port, program = broken
    assert ask(port) == b""
    d.wait_log(rf"{port}: exec {program}: {reason}")
    assert len(d.lines_like(rf"\b{port}: .*{reason}")) == 1
    assert ask(port) == b""
    d.wait_log(rf"{port}: exec {program}: {reason}")


def test_program_that_has_gone(broken):
    broken[2].unlink()
    _fails(broken, "No such file or directory")
    script(broken[2], "print('fine again')\n")
    assert ask(broken[1]) == b"fine again\n"


def test_program_with_a_bad_interpreter(broken):
    script(broken[2], "print()\n", interpreter="/nonexistent/interpreter")
    _fails(broken, "No such file or directory")


def test_program_that_is_no_program(broken):
    broken[2].write_bytes(b"\x7fnot an executable\n")
    _fails(broken, "Exec format error")


def test_program_that_may_not_be_run(broken):
    broken[2].chmod(0o644)
    _fails(broken, "Permission denied")


@pytest.mark.root
def test_program_that_its_user_may_not_run(broken):
    broken[2].chmod(0o700)  # root could, nobody cannot
    _fails(broken, "Permission denied")


def test_directory_of_the_program_is_not_searched_in_path():
    port = free_port()
    with Daemon(f"{port} stream tcp nowait {ME} cat\n", wait_ready=False) as d:
        d.wait_log(r"inetd\.conf:1:\d+: error: .*(absolute|cat)")
