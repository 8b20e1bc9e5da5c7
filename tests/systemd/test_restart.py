"""What clients see of restarts, stops and crashes."""

import os
import signal
import socket

import pytest
from box import CONF, SERVICES, Cursor, Load, Session, ask, connect, eventually, run, wait_end

ECHO = "127.0.0.1:7 stream tcp nowait root internal echo\n"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
CHAT = f"127.0.0.1:1023 stream tcp wait root {SERVICES}/chat.py\n"
BRIEF = f"127.0.0.1:1024 stream tcp wait root {SERVICES.parent}/tests/systemd/teller.py\n"
HASTY = "[Service]\nEnvironment=INETD_OPTIONS=--stop-timeout=0.2\n"
AWAY = ('127.0.0.1:1008 stream tcp nowait root /bin/sh sh -c '
        '"setsid sleep 1000 <&- >&- 2>&- & echo $!"\n')


def test_restart_under_load_refuses_nobody(inetd):
    inetd.start(ECHO + CAT)
    with Load(7) as built_in, Load(1007) as server:
        for _ in range(5):
            inetd.restart()
            built_in.wait()
            server.wait(20)
    assert server.failures == []
    # A built-in service runs in the daemon: the few clients it is just serving lose it with it.
    assert not [f for f in built_in.failures if "Refused" in f]


def test_restart_keeps_the_sockets_in_the_store(inetd):
    inetd.start(ECHO + CAT)
    assert int(inetd.show("NFileDescriptorStore")) == 2
    inetd.reload(ECHO)
    assert int(inetd.show("NFileDescriptorStore")) == 1
    inetd.restart()
    assert int(inetd.show("NFileDescriptorStore")) == 1
    inetd.stop()
    with socket.create_server(("127.0.0.1", 7)):
        pass


def test_restart_with_another_configuration(inetd):
    inetd.start(ECHO + CAT)
    CONF.write_text(CAT + "127.0.0.1:9 stream tcp nowait root internal discard\n")
    inetd.restart()
    assert connect(9) and ask(1007, b"x") == b"x"
    with socket.create_server(("127.0.0.1", 7)):
        pass


def test_restart_leaves_sessions_alone(inetd):
    pid = inetd.start(CAT)
    session, here = Session(1007), Cursor()
    inetd.restart()
    assert inetd.pid != pid
    session.say()
    assert here.wait("left-over process", "_PID=1")
    session.socket.close()


def test_restart_does_not_wait_for_sessions(inetd):
    inetd.start(CAT)
    session, here = Session(1007), Cursor()
    inetd.restart()
    assert inetd.show("Result") == "success"
    assert not here.entries("UNIT=inetd.service", "PRIORITY=4", "CODE_FUNC=service_dispatch_timer")
    session.say()


def test_restart_does_not_double_a_wait_server(inetd):
    inetd.start(CHAT)
    first = connect(1023)
    assert b"comes in" in first.recv(100)
    inetd.restart()
    connect(1023)
    assert b"comes in" in first.recv(100)  # and not into a second room, next to this one


def test_stop_ends_sessions_of_before_a_restart(inetd):
    inetd.start(CAT, HASTY)
    session = Session(1007)
    inetd.restart()
    session.say()
    inetd.stop()
    assert session.ended()
    assert inetd.members() == []


def test_stop_ends_what_servers_left_in_the_background(inetd):
    inetd.start(AWAY, HASTY)
    pid = int(ask(1008))
    assert pid in inetd.members()
    inetd.stop()
    wait_end(pid)
    assert inetd.members() == []


def test_stop_gives_sessions_their_time(inetd):
    inetd.start(CAT)
    session, here = Session(1007), Cursor()
    inetd.restart()
    run("systemctl", "stop", "--no-block", "inetd")
    here.wait("waiting", "_SYSTEMD_UNIT=inetd.service")
    session.say()
    session.socket.close()
    eventually(lambda: inetd.show("ActiveState") == "inactive", "does not stop")


def test_kill_9_under_load(inetd):
    """Sessions of servers go on, new clients wait for the next daemon, those of built-ins lose."""
    inetd.start(ECHO + CAT)
    session = Session(1007)
    with Load(1007) as load:
        for _ in range(5):
            pid = inetd.pid
            os.kill(pid, signal.SIGKILL)
            wait_end(pid)
            eventually(lambda old=pid: inetd.pid not in (0, old), "not restarted")
            load.wait(20)
    # Nobody is refused. Whom the daemon has accepted and not handed on at that very moment, at most one
    # at each kill, is lost with its descriptor.
    assert not [f for f in load.failures if "Refused" in f]
    assert len(load.failures) <= 5, load.failures
    session.say()
    assert inetd.show("NRestarts") == "5"


def test_watchdog_ends_a_daemon_that_hangs(inetd):
    pid = inetd.start(ECHO + CAT, "[Service]\nWatchdogSec=1s\nTimeoutAbortSec=1s\n")
    session, here = Session(1007), Cursor()
    os.kill(pid, signal.SIGSTOP)
    here.wait("Watchdog timeout", "UNIT=inetd.service")
    wait_end(pid)
    here.wait("Failed with result 'watchdog'", "UNIT=inetd.service")
    eventually(lambda: inetd.pid not in (0, pid), "not restarted")
    assert ask(7, b"hello") == b"hello"
    session.say()


def test_watchdog_leaves_a_healthy_daemon(inetd):
    """Nothing but the watchdog wakes a daemon that has nothing to do."""
    pid = inetd.start(ECHO, "[Service]\nWatchdogSec=2s\n")
    seen = set()
    eventually(lambda: seen.add(inetd.show("WatchdogTimestampMonotonic")) or len(seen) > 3,
               "no WATCHDOG=1")
    assert inetd.pid == pid and inetd.show("NRestarts") == "0"


def kept(inetd):
    return int(inetd.show("NFileDescriptorStore"))


def test_wait_server_gives_its_socket_back_to_a_later_daemon(inetd):
    """It runs on over two daemons, and only when it has ended another one is started."""
    inetd.start(BRIEF)
    with connect(1024) as first:
        pid = int(first.recv(100))
        inetd.restart()
        inetd.restart()
        assert int(ask(1024)) == pid
        with connect(1024) as last:
            last.sendall(b"end")
            last.recv(100)
    wait_end(pid)
    eventually(lambda: kept(inetd) == 1, "the server that has ended is still kept")
    assert int(ask(1024)) != pid


def test_wait_server_is_known_after_a_crash(inetd):
    inetd.start(BRIEF)
    with connect(1024) as first:
        pid = int(first.recv(100))
        eventually(lambda: kept(inetd) == 2, "the server is not in the store")
        old = inetd.pid
        os.kill(old, signal.SIGKILL)
        eventually(lambda: inetd.pid not in (0, old), "not restarted")
        assert int(ask(1024)) == pid


def test_wait_server_that_ends_between_two_daemons(inetd):
    inetd.start(BRIEF)
    with connect(1024) as first:
        pid = int(first.recv(100))
        inetd.drop_in(f"[Service]\nExecStartPre=-kill -KILL {pid}\n")
        inetd.restart()
        wait_end(pid)
    assert int(ask(1024)) != pid
    inetd.restart()
    eventually(lambda: kept(inetd) <= 2, "the dead server is still kept")


def test_sockets_of_each_kind_outlive_a_restart(inetd):
    inetd.start("127.0.0.1:7 dgram udp wait root internal echo\n"
                "/run/kept.sock stream unix nowait root internal echo\n"
                "@kept stream unix nowait root internal echo\n"
                "7 stream tcp46 nowait root internal echo\n")
    assert kept(inetd) == 4
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", 7))
        before = os.stat("/run/kept.sock").st_ino
        inetd.restart()
        client.send(b"hello")
        assert client.recv(9) == b"hello"
    for name in ("/run/kept.sock", "\0kept"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(name)
            client.sendall(b"hello")
            assert client.recv(9) == b"hello"
    assert ask(7, b"hello", family=socket.AF_INET6) == b"hello"
    assert (kept(inetd), os.stat("/run/kept.sock").st_ino) == (4, before)
    assert "failed" not in inetd.show("StatusText")
    inetd.stop()
    assert not os.path.exists("/run/kept.sock")


def test_unix_socket_whose_file_was_removed_is_opened_anew(inetd):
    inetd.start("/run/lost.sock stream unix nowait root internal echo\n")
    os.unlink("/run/lost.sock")
    inetd.restart()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect("/run/lost.sock")
        client.sendall(b"hello")
        assert client.recv(9) == b"hello"
    assert kept(inetd) == 1


def test_stop_closes_at_once_although_sessions_last(inetd):
    """What the store still holds must not keep clients waiting for nobody."""
    inetd.start(ECHO + CAT)
    session, here = Session(1007), Cursor()
    run("systemctl", "stop", "--no-block", "inetd")
    here.wait("waiting", "_SYSTEMD_UNIT=inetd.service")
    with pytest.raises(ConnectionRefusedError):
        connect(7)
    session.socket.close()
    eventually(lambda: inetd.show("ActiveState") == "inactive", "does not stop")


def test_many_sockets(inetd):
    """More at once than the notification socket's queue holds, and more than systemd could hand to a
    process of its usual limit: then some are opened anew."""
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait root internal discard\n"
                   for port in range(20000, 21500))
    inetd.start(conf, "[Service]\nLimitNOFILE=1024:4096\n")
    assert 400 < kept(inetd) < 512
    inetd.restart()
    assert connect(20000) and connect(21499)
    assert "failed" not in inetd.show("StatusText")
    inetd.stop()
    inetd.start(conf, "[Service]\nLimitNOFILE=4096:8192\n")
    assert kept(inetd) == 1500
    inetd.restart()
    assert (kept(inetd), "failed" in inetd.show("StatusText")) == (1500, False)
    inetd.reload("127.0.0.1:20000 stream tcp nowait root internal discard\n")
    assert kept(inetd) == 1
