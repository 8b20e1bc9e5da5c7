"""What the daemon keeps of root's power, and that it still does what takes some."""

import json
import os
import pathlib
import signal
import stat

import pytest

from harness import Daemon, ask, connect, free_port, inetctl, read_all
from powers import assert_keeps, builtin, mask, reload_anew, sets, status
from support import children, listeners, script

pytestmark = pytest.mark.root

USERS = {"kill", "setgid", "setuid"}
# For a server of root, whose groups the daemon takes for itself unless it has others.
ROOT = {"kill"} if set(os.getgroups()) <= set(os.getgrouplist("root", 0)) else {"kill", "setgid"}


def everything():
    return int(status(os.getpid())["CapBnd"], 16)


def shows_itself(port, user):
    return f"127.0.0.1:{port} stream tcp nowait {user} /bin/cat cat /proc/self/status\n"


def capabilities_of_server(port):
    lines = ask(port).decode().splitlines()
    return {line[:6]: int(line[8:], 16) for line in lines if line.startswith("Cap")}


def test_builtins_on_high_ports_take_nothing():
    port = free_port()
    conf = builtin(port) + f"127.0.0.1:{port} dgram udp wait root internal echo\n"
    with Daemon(conf, control=True) as d:
        assert_keeps(d.pid)
        now = status(d.pid)
        assert int(now["CapBnd"], 16) == everything()
        assert (now["NoNewPrivs"], now["Seccomp"]) == ("0", "0")
        assert ask(port, b"hello") == b"hello"
        said = json.loads(inetctl("--socket", d.control, "status", "--json").stdout)
        assert said["privileges"] == {"uid": 0, "capabilities": [], "no_new_privileges": False,
                                      "filtered": False}
        text = inetctl("--socket", d.control, "status").stdout
        assert "privileges    no capabilities\n" in text
        d.reload()
        assert_keeps(d.pid)


@pytest.mark.parametrize("line, settings, kept", [
    ("127.0.0.1:{port} stream tcp nowait root /bin/cat cat\n", "", ROOT),
    ("127.0.0.1:{port} stream tcp nowait nobody /bin/cat cat\n", "", USERS),
    ("{dir}/s stream unix nowait root internal echo\n", 'socket_user = "nobody";',
     {"chown", "fowner"}),
    ("{dir}/s stream unix nowait root internal echo\n", 'socket_group = "daemon";', {"chown"}),
    ("127.0.0.1:{port} stream tcp nowait root internal echo\n", "mark = 7;", {"net_admin"}),
    ("127.0.0.1:{port} stream tcp nowait root internal echo\n", 'bind_to_device = "lo";',
     {"net_raw"}),
    ("127.0.0.1:{port} stream tcp nowait root /bin/cat cat\n", 'chroot = "/";',
     ROOT | {"sys_chroot"}),
    ("127.0.0.1:{port} dgram udp nowait root /bin/cat cat\n", "", ROOT | {"net_raw"}),
    ("127.0.0.1:{port} stream tcp nowait root internal echo\n", 'only_from = ["localhost"];',
     USERS),
])
def test_each_kind_keeps_what_it_takes(workdir, line, settings, kept):
    cfg = workdir / "inetd.cfg"
    cfg.write_text(f"defaults = {{ {settings} }};\n")
    with Daemon(line.format(port=free_port(), dir=workdir), "--settings", cfg) as d:
        assert_keeps(d.pid, *kept)


def test_a_low_port_is_kept_for_and_added(namespace):
    with Daemon(builtin(79), control=True, wrap=namespace.wrap) as d:
        assert_keeps(d.pid, "net_bind_service")
        [one] = json.loads(inetctl("--socket", d.control, "status", "--json").stdout)[
            "privileges"]["capabilities"]
        assert one == {"name": "cap_net_bind_service", "reason": "79: a low port"}
        d.reload(builtin(79) + builtin(80))
        assert namespace.run(ask, 80, b"x") == b"x"
        d.reload(builtin(8080))
        assert_keeps(d.pid)
        reload_anew(d, builtin(81))
        assert namespace.run(ask, 81, b"x") == b"x"
        assert_keeps(d.pid, "net_bind_service")


def test_servers_of_nobody_have_no_capability_and_of_root_all():
    nobody, root, bound = free_port(), free_port(), free_port()
    with Daemon(shows_itself(nobody, "nobody") + shows_itself(root, "root")) as d:
        found = capabilities_of_server(nobody)
        assert found["CapEff"] == found["CapPrm"] == 0
        assert found["CapBnd"] == everything()
        found = capabilities_of_server(root)
        assert found["CapEff"] == found["CapPrm"] == found["CapBnd"] == everything()


def test_root_that_may_gain_nothing_has_all(workdir):
    port = free_port()
    cfg = workdir / "inetd.cfg"
    cfg.write_text("defaults = { no_new_privileges = true; };\n")
    with Daemon(shows_itself(port, "root"), "--settings", cfg):
        assert capabilities_of_server(port)["CapEff"] == everything()


def test_a_reload_has_what_was_given_up():
    echo, cat = free_port(), free_port()
    with Daemon(builtin(echo), control=True) as d:
        assert_keeps(d.pid)
        before = listeners(d.pid, echo)
        with connect(echo) as s:
            s.sendall(b"before")
            assert s.recv(6) == b"before"
            reload_anew(d, builtin(echo) + shows_itself(cat, "nobody"))
            s.sendall(b"after")
            assert s.recv(6) == b"after"
        assert listeners(d.pid, echo) == before
        assert_keeps(d.pid, *USERS)
        assert capabilities_of_server(cat)["CapEff"] == 0
        name = pathlib.Path(f"/proc/{d.pid}/comm").read_text().strip()
        assert name == "inetd"
        assert json.loads(inetctl("--socket", d.control, "status", "--json").stdout)[
            "generation"] == 0
        d.reload(builtin(echo))
        assert_keeps(d.pid)


def test_inetctl_reload_is_answered(workdir):
    echo, cat = free_port(), free_port()
    with Daemon(builtin(echo), control=True) as d:
        d.rewrite(builtin(echo) + shows_itself(cat, "nobody"))
        done = inetctl("--socket", d.control, "reload")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "1 added, 0 removed, 0 updated, 1 unchanged\n"
        d.wait_log("executing inetd anew for cap_")
        assert capabilities_of_server(cat)["CapEff"] == 0


def test_servers_of_others_are_ended(workdir):
    port = free_port()
    stubborn = script(workdir / "stubborn", "trap '' TERM\necho ready\nexec sleep 1000", "/bin/sh")
    with Daemon(f"127.0.0.1:{port} stream tcp nowait nobody {stubborn} stubborn\n",
                "--stop-timeout", "0", control=True) as d:
        with connect(port) as s:
            assert s.recv(6) == b"ready\n"
            [pid] = children(d.pid)
            assert status(pid)["Uid"].split()[0] == "65534"
            inetctl("--socket", d.control, "kill", "--signal", "KILL", str(pid))
            assert read_all(s) == b""
        with connect(port) as s:
            assert s.recv(6) == b"ready\n"
            assert d.stop() == 0
            assert read_all(s) == b""


def test_the_owner_of_a_socket_changes(workdir):
    cfg, path = workdir / "inetd.cfg", workdir / "s"
    cfg.write_text('defaults = { socket_user = "nobody"; };\n')
    with Daemon(f"{path} stream unix nowait root internal echo\n", "--settings", cfg) as d:
        assert os.stat(path).st_uid == 65534
        cfg.write_text('defaults = { socket_user = "daemon"; socket_mode = "0600"; };\n')
        d.reload()
        assert os.stat(path).st_uid == 1
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert d.stop() == 0
        assert not path.exists()


def test_files_of_others_are_still_read(workdir):
    """A configuration that root may read by its capability alone."""
    port, later = free_port(), free_port()
    with Daemon(builtin(port) + f'.include "{workdir}/more.conf"\n', wait_ready=False) as d:
        d.wait_notify("READY=1")
        assert_keeps(d.pid)
    more = workdir / "more.conf"
    more.write_text(builtin(later))
    os.chown(more, 65534, 65534)
    more.chmod(0o600)
    with Daemon(builtin(port) + f'.include "{more}"\n') as d:
        assert sets(d.pid)[0] == 1 << 1
        d.reload()
        assert ask(later, b"x") == b"x"


def test_an_upgrade_keeps_to_it():
    port = free_port()
    with Daemon(shows_itself(port, "nobody")) as d:
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version")
        d.wait_notify("READY=1")
        assert_keeps(d.pid, *USERS)
        assert capabilities_of_server(port)["CapEff"] == 0


@pytest.mark.needs("setpriv")
def test_what_exec_would_not_bring_back_is_not_given_up():
    echo, cat = free_port(), free_port()
    with Daemon(builtin(echo), wrap=("setpriv", "--no-new-privs")) as d:
        assert sets(d.pid) == (0, everything())
        d.reload(builtin(echo) + shows_itself(cat, "nobody"), expect=r"reload: .* unchanged$")
        assert sets(d.pid) == (mask(USERS), everything())
        assert capabilities_of_server(cat)["CapEff"] == 0


@pytest.mark.needs("setpriv")
def test_anybody_runs_it_for_himself():
    echo, cat = free_port(), free_port()
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    conf = f"127.0.0.1:{echo} stream tcp nowait nobody internal echo\n"
    with Daemon(conf, wrap=drop, control=None) as d:
        assert sets(d.pid) == (0, 0)
        assert ask(echo, b"x") == b"x"
        d.reload(conf + shows_itself(cat, "nobody"))
        assert capabilities_of_server(cat)["CapEff"] == 0


def groups_of_daemon_and_server(wrap, *kept):
    port = free_port()
    with Daemon(shows_itself(port, "root"), wrap=wrap) as d:
        assert_keeps(d.pid, *kept)
        own = status(d.pid)["Groups"].split()
        lines = ask(port).decode().splitlines()
    return own, next(line for line in lines if line.startswith("Groups:")).split()[1:]


@pytest.mark.needs("setpriv")
def test_groups_of_root_that_it_lacks():
    """systemd gives it none, and its servers of root would all have to set them."""
    expected = [str(group) for group in sorted(os.getgrouplist("root", 0))]
    assert groups_of_daemon_and_server(("setpriv", "--clear-groups"), "kill") == (expected, expected)


@pytest.mark.needs("setpriv")
def test_groups_that_root_has_not():
    own, server = groups_of_daemon_and_server(("setpriv", "--groups", "0,54321"), "kill", "setgid")
    assert own == ["0", "54321"]
    assert server == [str(group) for group in sorted(os.getgrouplist("root", 0))]


@pytest.mark.needs("setpriv")
def test_groups_in_any_order(workdir):
    """getgrouplist(3) has them as the file has, and the kernel in the order of their numbers."""
    entries = pathlib.Path("/etc/group").read_text()
    (workdir / "group").write_text(entries + "inetd-test-b:x:54322:root\ninetd-test-a:x:54321:root\n")
    wrap = ("unshare", "--mount", "sh", "-c",
            f'mount --bind {workdir / "group"} /etc/group; exec setpriv --clear-groups "$@"', "sh")
    own, server = groups_of_daemon_and_server(wrap, "kill")
    assert own == server
    assert own[-2:] == ["54321", "54322"]
