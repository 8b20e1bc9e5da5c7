"""A new binary in the place of the old one, by SIGUSR2: the same process, nothing lost."""

import os
import pathlib
import re
import shutil
import signal
import socket

import pytest
from box import SERVICES, Cursor, Load, Session, ask, connect, eventually

BINARY = pathlib.Path("/usr/local/sbin/inetd")
UNIT = "_SYSTEMD_UNIT=inetd.service"
CONF = f"""
127.0.0.1:7 stream tcp nowait root internal echo
127.0.0.1:1007 stream tcp nowait/3 root /bin/cat cat
127.0.0.1:1008 dgram udp wait root {SERVICES}/lookup.py lookup.py /etc/protocols
127.0.0.1:1009 dgram udp nowait root {SERVICES}/mirror.py
127.0.0.1:1023 stream tcp wait root {SERVICES}/chat.py
/run/upgrade.sock stream unix nowait root /bin/cat cat
tcpmux stream tcp nowait root internal
tcpmux/+cat stream tcp nowait root /bin/cat cat
"""


@pytest.fixture
def binary():
    """The installed daemon, put back at the end."""
    saved = BINARY.with_name("inetd.saved")
    shutil.copy2(BINARY, saved)
    yield BINARY
    saved.rename(BINARY)


def upgrade(inetd):
    """Sends SIGUSR2 and waits until the new binary says that it is there."""
    here, pid = Cursor(), inetd.pid
    identity = os.stat(f"/proc/{pid}/exe").st_ino
    os.kill(pid, signal.SIGUSR2)
    eventually(lambda: "upgrad" in here_text(here) or os.stat(f"/proc/{pid}/exe").st_ino != identity,
               "no word of an upgrade")
    eventually(lambda: inetd.show("SubState") == "running", "does not settle")
    assert inetd.pid == pid
    return here


def here_text(here):
    return "\n".join(str(entry["MESSAGE"]) for entry in here.entries(UNIT))


def replace(binary):
    """As a package manager does it: a new file takes the name."""
    fresh = binary.with_name("inetd.new")
    shutil.copy2(binary, fresh)
    fresh.rename(binary)


def datagram(port, text):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", port))
        client.send(text)
        return client.recv(1000)


def test_server_of_before_a_restart_keeps_its_socket(inetd):
    """It is nobody's child, and the new binary does not start another one beside it."""
    inetd.start(f"127.0.0.1:1023 stream tcp wait root {SERVICES}/chat.py\n")
    first = connect(1023)
    assert b"comes in" in first.recv(100)
    inetd.restart()
    running = set(inetd.members())
    for _ in range(2):
        upgrade(inetd)
        late = connect(1023)
        assert b"comes in" in first.recv(100)
        late.close()
        assert b"leaves" in first.recv(100)
        assert set(inetd.members()) == running


def test_under_load_with_a_session_of_each_kind(inetd, binary):
    pid = inetd.start(CONF)
    stream, chat = Session(1007), connect(1023)
    unix = socket.socket(socket.AF_UNIX)
    unix.connect("/run/upgrade.sock")
    mux = connect(1)
    mux.sendall(b"cat\r\n")
    assert mux.recv(1) == b"+"
    chat.recv(100)
    datagram(1008, b"udp")
    datagram(1009, b"hello")
    # The mirror leaves when nobody writes to it; cat three times, lookup and chat stay.
    eventually(lambda: " 5 running" in inetd.show("StatusText"), "the count is wrong before")
    with Load(7) as load:
        for _ in range(3):
            replace(binary)
            upgrade(inetd)
            load.wait()
    assert not load.failures
    assert (inetd.pid, inetd.show("NRestarts")) == (pid, "0")
    stream.say()
    unix.sendall(b"x")
    assert unix.recv(1) == b"x"
    assert datagram(1008, b"udp") and datagram(1009, b"hello")
    eventually(lambda: " 5 running" in inetd.show("StatusText"), "the count is wrong after")


def test_limits_count_the_sessions_of_before(inetd, binary):
    inetd.start(CONF)
    sessions = [Session(1007) for _ in range(3)]
    replace(binary)
    upgrade(inetd)
    with connect(1007) as waiting:
        waiting.sendall(b"x")
        waiting.settimeout(0.3)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        here = Cursor()
        sessions[0].socket.close()
        waiting.settimeout(20)
        assert waiting.recv(1) == b"x"
        assert re.search(r"ended: exit 0", here.wait("1007: pid", UNIT)["MESSAGE"])


def test_start_times_are_kept(inetd, binary):
    inetd.start(CONF)
    session = Session(1007)
    with Load(7) as load:
        load.wait(200)
    replace(binary)
    upgrade(inetd)
    here = Cursor()
    session.socket.close()
    seconds = re.search(r"([\d.]+) s$", here.wait(r"1007: pid \d+ ended", UNIT)["MESSAGE"])
    assert float(seconds[1]) > 0.05


@pytest.mark.parametrize("broken", ["not a program", "#!/bin/false\n", "#!/bin/sh\nexit 1\n",
                                    "#!/bin/sh\nkill -SEGV $$\n", "#!/bin/sh\nexec sleep 1000\n"])
def test_a_binary_that_fails_leaves_the_old_one_serving(inetd, binary, broken):
    pid = inetd.start(CONF)
    session = Session(1007)
    binary.unlink()
    binary.write_text(broken)
    binary.chmod(0o755)
    here = Cursor()
    inetd.kill(signal.SIGUSR2)
    entry = here.wait("upgrade", UNIT, "PRIORITY=3")
    assert entry["_PID"] == str(pid)
    session.say()
    assert ask(7, b"hello") == b"hello"
    assert (inetd.pid, inetd.show("ActiveState")) == (pid, "active")


def test_a_binary_that_is_gone(inetd, binary):
    pid = inetd.start(CONF)
    binary.unlink()
    here = Cursor()
    inetd.kill(signal.SIGUSR2)
    here.wait("upgrade", UNIT, "PRIORITY=3")
    assert ask(7, b"hello") == b"hello"
    assert inetd.pid == pid


def test_stop_after_an_upgrade_ends_all(inetd, binary):
    inetd.start(CONF, "[Service]\nEnvironment=INETD_OPTIONS=--stop-timeout=0.2\n")
    session = Session(1007)
    replace(binary)
    upgrade(inetd)
    assert inetd.reload(CONF) == 0
    inetd.stop()
    assert session.ended()
    assert (inetd.show("Result"), inetd.members()) == ("success", [])
