"""What the settings file lets a server do: each key as a real child finds it."""

import os
import re
import shutil

import pytest

from confined import fails, line, put_programs, reload
from harness import Daemon, ask, connect, free_port, read_all
from support import script

STATUS = "/bin/cat cat /proc/self/status"
CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT = 5, 10, 18


def status_of(port):
    return {name: value.split() for name, value in
            (row.split(":", 1) for row in ask(port).decode().splitlines())}


def capabilities_of(status):
    return {name: int(status[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


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
