"""A daemon that becomes another user for good (user), and what it can do no more."""

import json
import signal

import pytest

from harness import UNTRACED, Daemon, ask, connect, free_port, inetctl, run_inetd, udp
from powers import assert_keeps, builtin, mask, reload_anew, status
from support import build_option, listeners, wait_until

pytestmark = pytest.mark.root


def become(workdir, more="", user="nobody"):
    cfg = workdir / "inetd.cfg"
    cfg.write_text(f'daemon = {{ user = "{user}"; {more} }};\n')
    return "--settings", cfg


class SealedDaemon(Daemon):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, env=UNTRACED, **keywords)


def assert_sealed(d, *names):
    assert_keeps(d.pid, *names)
    now = status(d.pid)
    assert now["Uid"].split() == ["65534"] * 4
    assert now["Groups"].split() in ([], ["65534"])
    assert int(now["CapBnd"], 16) == mask(names)
    assert int(now["CapAmb"], 16) == 0
    assert (now["NoNewPrivs"], now["Seccomp"]) == ("1", "2")


def test_the_daemon_becomes_another_user(workdir):
    port, daytime, ident, relay = (free_port() for _ in range(4))
    workdir.chmod(0o777)
    dump = workdir / "dump"
    conf = (builtin(port) + f"127.0.0.1:{port} dgram udp wait root internal echo\n"
            + builtin(daytime, "daytime") + builtin(ident, "auth")
            + f"127.0.0.1:{relay} stream tcp nowait root internal redirect 127.0.0.1 {port}\n")
    with SealedDaemon(conf, *become(workdir, f'dump_file = "{dump}";'), control=True) as d:
        assert_sealed(d)
        d.wait_log(r"nobody \(user\) from now on")
        assert ask(port, b"hello") == b"hello"
        with udp(port) as s:
            s.send(b"datagram")
            assert s.recv(100) == b"datagram"
        assert ask(daytime)
        assert b"ERROR" in ask(ident, b"1, 2\r\n")
        assert ask(relay, b"relayed") == b"relayed"
        said = json.loads(inetctl("--socket", d.control, "status", "--json").stdout)
        assert said["privileges"] == {"uid": 65534, "capabilities": [],
                                      "no_new_privileges": True, "filtered": True}
        shown = inetctl("--socket", d.control, "status").stdout
        assert "uid 65534, no capabilities, no new privileges, system calls filtered\n" in shown
        d.signal(signal.SIGUSR1)
        wait_until(dump.exists, "the state is written")
        before = listeners(d.pid, port)
        d.reload(conf + builtin(free_port(), "discard"))
        assert listeners(d.pid, port) == before
        assert_sealed(d)
        assert d.stop() == 0


@pytest.mark.needs("setpriv")
@pytest.mark.parametrize("real", ("--ruid", "--rgid"))
def test_no_way_back_by_an_id_that_is_left(workdir, real):
    """Who is nobody but for the real uid, or gid, would be root again by setresuid(2)."""
    if build_option("b_sanitize") != "none":
        pytest.skip("a sanitizer has its options from /proc/self/environ, which is closed (AT_SECURE)")
    ids = {"--ruid": "65534", "--euid": "65534", "--rgid": "65534", "--egid": "65534", real: "0"}
    drop = ("setpriv", *(word for pair in ids.items() for word in pair), "--clear-groups")
    port = free_port()
    conf = f"127.0.0.1:{port} stream tcp nowait nobody internal echo\n"
    with SealedDaemon(conf, *become(workdir), wrap=drop, control=None) as d:
        assert ask(port, b"x") == b"x"
        assert_keeps(d.pid)
        now = status(d.pid)
        assert now["Uid"].split() == now["Gid"].split() == ["65534"] * 4
        assert (now["NoNewPrivs"], now["Seccomp"]) == ("1", "2")


def test_names_are_looked_up_behind_the_filter(workdir):
    port = free_port()
    options = become(workdir)
    with (workdir / "inetd.cfg").open("a") as cfg:
        cfg.write('defaults = { only_from = ["localhost"]; };\n')
    with SealedDaemon(builtin(port), *options) as d:
        assert ask(port, b"x") == b"x"
        assert_sealed(d)


def test_its_low_ports_stay_possible(workdir, namespace):
    with SealedDaemon(builtin(79), *become(workdir), wrap=namespace.wrap) as d:
        assert_sealed(d, "net_bind_service")
        d.reload(builtin(79) + builtin(80))
        assert namespace.run(ask, 80, b"x") == b"x"
        assert_sealed(d, "net_bind_service")


def test_what_is_gone_for_good_is_refused(workdir, namespace):
    with SealedDaemon(builtin(8080), *become(workdir), wrap=namespace.wrap, control=True) as d:
        said = d.reload(builtin(80), expect=r"reload refused|net_bind_service")
        assert "cap_net_bind_service has been given up for good (user): restart" in said
        d.wait_log("reload refused: 1 error")
        d.rewrite(builtin(8080))
        (workdir / "inetd.cfg").write_text("")
        done = inetctl("--socket", d.control, "reload")
        assert done.returncode != 0
        assert "has become user 65534 for good" in done.stdout + done.stderr
        done = inetctl("--socket", d.control, "upgrade")
        assert done.returncode != 0
        assert "given up for good to execute anything" in done.stdout + done.stderr
        d.signal(signal.SIGUSR2)
        d.wait_log("upgrade refused: .*restart it")
        assert namespace.run(ask, 8080, b"x") == b"x"
        assert_sealed(d)


def test_a_reload_makes_it_become_another_user(workdir):
    port = free_port()
    cfg = workdir / "inetd.cfg"
    cfg.write_text("")
    with SealedDaemon(builtin(port), "--settings", cfg) as d:
        become(workdir)
        reload_anew(d, None)
        assert_sealed(d)
        assert ask(port, b"x") == b"x"


def test_not_while_servers_run(workdir):
    port, cat = free_port(), free_port()
    cfg = workdir / "inetd.cfg"
    cfg.write_text("")
    conf = builtin(port) + f"127.0.0.1:{cat} stream tcp nowait nobody /bin/cat cat\n"
    with SealedDaemon(conf, "--settings", cfg) as d:
        with connect(cat) as s:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
            become(workdir)
            assert "servers run" in d.reload(builtin(port), expect="reload refused|servers run")


def test_nobody_s_processes_do_not_command_it(workdir):
    port = free_port()
    with SealedDaemon(builtin(port), *become(workdir, 'control_mode = "0666";'), control=True) as d:
        done = inetctl("--socket", d.control, "reload", user=65534)
        assert done.returncode != 0
        assert inetctl("--socket", d.control, "status", user=65534).returncode == 0


@pytest.mark.parametrize("user, line, said", [
    ("nobody", "x stream tcp nowait root /bin/cat cat\n",
     "starts a program, and as 'nobody' inetd starts none"),
    ("root", "", "'user': that is root, which inetd is to cease to be"),
    ("no-such-user", "", "unknown user 'no-such-user'"),
])
def test_what_does_not_go_together_is_an_error(workdir, user, line, said):
    conf = workdir / "inetd.conf"
    port = free_port()
    conf.write_text(builtin(port) + line.replace("x ", f"127.0.0.1:{free_port()} ", 1))
    done = run_inetd("--check", *become(workdir, user=user), conf)
    assert done.returncode == 78
    assert said in done.stdout + done.stderr
