"""inetd.service as it is installed: start, status, stop, and reloads good and bad."""

import os
import shutil
import signal
import socket

import pytest
from box import CONF, SERVICES, Cursor, Load, Session, ask, connect, eventually, run, wait_end

ECHO = "127.0.0.1:7 stream tcp nowait root internal echo\n"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
BAD = "discard stream tcp nowayt root internal\n"


def test_units_are_clean():
    manuals = [] if shutil.which("man") else ["--man=no"]
    assert run("systemd-analyze", "verify", *manuals, "inetd.service", "inetd.socket") == ""


def test_unit_says_nothing_twice_and_knows_all_keys(inetd):
    """systemd itself reports keys and values that it does not know when it loads a unit."""
    here = Cursor()
    run("systemctl", "daemon-reload")
    inetd.start(ECHO)
    assert not [e["MESSAGE"] for e in here.entries("_PID=1") if "inetd" in e["MESSAGE"]
                and int(e["PRIORITY"]) < 5]


def test_first_configuration_serves_nothing_and_starts(inetd):
    """What `make install` and `systemctl enable --now inetd` give."""
    run("systemctl", "enable", "--now", "inetd")
    assert inetd.show("ActiveState") == "active"
    assert inetd.show("UnitFileState") == "enabled"
    assert inetd.show("StatusText").startswith("0 services")
    run("systemctl", "disable", "inetd")


def test_start_returns_when_clients_are_served(inetd):
    for _ in range(10):
        inetd.start(ECHO)
        assert ask(7, b"hello") == b"hello"
        inetd.stop()
        with pytest.raises(ConnectionRefusedError):
            connect(7)


def test_status_is_one_sentence(inetd):
    with socket.create_server(("127.0.0.1", 1009)):
        inetd.start(ECHO + CAT + "127.0.0.1:1009 stream tcp nowait root internal discard\n")
        eventually(lambda: "1 failed: 1009" in inetd.show("StatusText"), "nothing about 1009")
        assert inetd.show("StatusText").startswith("3 services")
        session = Session(1007)
        eventually(lambda: "1 running" in inetd.show("StatusText"), "the session does not count")
        session.socket.close()
        eventually(lambda: "0 running" in inetd.show("StatusText"), "the session still counts")


def test_stop_waits_for_servers_and_is_told_of(inetd):
    inetd.start(ECHO + CAT)
    session, here = Session(1007), Cursor()
    run("systemctl", "stop", "--no-block", "inetd")
    here.wait("waiting", "_SYSTEMD_UNIT=inetd.service")
    assert inetd.show("SubState") == "stop-sigterm"
    session.say()
    session.socket.close()
    eventually(lambda: inetd.show("ActiveState") == "inactive", "does not stop")
    assert inetd.show("Result") == "success"


def test_stop_ends_servers_after_its_timeout(inetd):
    inetd.start(CAT, "[Service]\nEnvironment=INETD_OPTIONS=--stop-timeout=0.2\n")
    session = Session(1007)
    inetd.stop()
    assert session.ended()
    assert inetd.show("Result") == "success"
    assert inetd.members() == []


def test_good_reload_is_done_when_it_returns(inetd):
    pid = inetd.start(ECHO)
    for i in range(100):
        port = 2000 + i % 2
        assert inetd.reload(f"127.0.0.1:{port} stream tcp nowait root internal echo\n") == 0
        assert ask(port, b"new") == b"new"
    assert inetd.pid == pid


def test_bad_reload_fails_and_changes_nothing(inetd):
    pid = inetd.start(ECHO + CAT)
    session, here = Session(1007), Cursor()
    assert inetd.reload(ECHO + BAD) != 0
    assert here.wait(r"inetd\.conf:2:20: error", "_SYSTEMD_UNIT=inetd.service")
    assert (inetd.pid, inetd.show("ActiveState")) == (pid, "active")
    session.say()
    Session(1007).socket.close()
    assert inetd.reload(ECHO) == 0
    with pytest.raises(ConnectionRefusedError):
        connect(1007)
    session.say()


def test_bad_reload_by_signal_is_told_of(inetd):
    inetd.start(ECHO)
    CONF.write_text(BAD)
    here = Cursor()
    inetd.kill(signal.SIGHUP)
    here.wait("reload refused", "_SYSTEMD_UNIT=inetd.service")
    eventually(lambda: "refused" in inetd.show("StatusText"), "STATUS= does not say so")
    assert ask(7, b"hello") == b"hello"


def test_reloads_under_load_refuse_nobody(inetd):
    inetd.start(ECHO)
    with Load(7) as load:
        for i in range(20):
            assert inetd.reload(ECHO + (CAT if i % 2 else "")) == 0
        load.wait()
    assert load.failures == []


def test_hopeless_configuration_fails_once(inetd):
    CONF.write_text(BAD)
    assert run("systemctl", "start", "inetd", check=False).returncode != 0
    assert inetd.show("ActiveState") == "failed"
    assert inetd.show("ExecMainStatus") == "78"
    assert inetd.show("NRestarts") == "0"


def test_servers_get_nothing_of_systemds(inetd):
    inetd.start("127.0.0.1:1010 stream tcp nowait root /usr/bin/env env\n")
    names = {line.split("=")[0] for line in ask(1010).decode().splitlines()}
    assert not names & {"NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM", "WATCHDOG_USEC",
                        "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "FDSTORE", "MAINPID"}


def test_a_login_could_do_its_work(inetd):
    """What the comments in the unit promise: setuid programs, mounts seen by all, /tmp shared."""
    script = ("mount -t tmpfs seen /mnt && echo mounted; touch /tmp/from-service; "
              "cp /bin/true /tmp/setuid && chmod u+s /tmp/setuid && echo setuid; "
              "unshare --pid --fork true && echo namespace; "
              "grep -q 'NoNewPrivs:.0' /proc/self/status && echo privileges")
    inetd.start(f'127.0.0.1:1011 stream tcp nowait root /bin/sh sh -c "{script}"\n')
    assert ask(1011).decode().split() == ["mounted", "setuid", "namespace", "privileges"]
    assert os.path.ismount("/mnt") and os.path.exists("/tmp/from-service")


def test_hardened_example(inetd):
    example = "/usr/local/share/doc/inetd/examples/hardened.conf"
    with open(example, encoding="utf-8") as file:
        inetd.start(ECHO + CAT + f"127.0.0.1:1012 stream tcp nowait nobody {SERVICES}/echo.py\n"
                    "127.0.0.1:1013 stream tcp nowait root /bin/sh sh -c 'touch /usr/no || echo no'\n",
                    file.read())
    for port in (7, 1007, 1012):
        assert ask(port, b"hello\n") == b"hello\n"
    assert ask(1013).endswith(b"no\n")
    assert inetd.reload(ECHO) == 0
    assert inetd.reload(BAD) != 0


def test_a_crash_is_mended(inetd):
    pid = inetd.start(ECHO)
    here = Cursor()
    os.kill(pid, signal.SIGKILL)
    wait_end(pid)
    here.wait("Scheduled restart job", "UNIT=inetd.service")
    eventually(lambda: inetd.show("ActiveState") == "active", "not restarted")
    assert ask(7, b"hello") == b"hello"
