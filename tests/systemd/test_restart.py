"""What clients see of restarts, stops and crashes."""

import os
import signal
import socket

import pytest
from box import CONF, SERVICES, Cursor, Load, Session, ask, connect, eventually, run, wait_end

ECHO = "127.0.0.1:7 stream tcp nowait root internal echo\n"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
CHAT = f"127.0.0.1:1023 stream tcp wait root {SERVICES}/chat.py\n"
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
    assert load.failures == []
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
