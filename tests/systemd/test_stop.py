"""What a stop of the unit does to servers that the daemon itself did not start."""

import os
import pathlib
import signal

from box import Cursor, Session, Unit, connect, eventually, run, wait_end

CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
HASTY = "[Service]\nEnvironment=INETD_OPTIONS=--stop-timeout=0.2\n"
STUBBORN = ("127.0.0.1:1009 stream tcp nowait root /bin/sh sh -c "
            "\"trap '' TERM; echo $$; while :; do sleep 1000; done\"\n")
LATE = ("127.0.0.1:1010 stream tcp nowait root /bin/sh sh -c "
        "\"trap 'setsid sleep 1000 & exit' TERM; echo ready; while :; do read x || sleep 1; done\"\n")
OURS = "_SYSTEMD_UNIT=inetd.service"


def is_served(port):
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


def command(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def leave_behind(inetd):
    """The daemon goes and its sessions stay, as by a restart; the unit has a new daemon then."""
    pid, here = inetd.pid, Cursor()
    inetd.kill(signal.SIGQUIT)
    wait_end(pid)
    here.wait("inetd.service: Deactivated|Unit process .* remains running", "_PID=1")
    run("systemctl", "start", "inetd")
    assert inetd.pid not in (0, pid)


def test_stop_waits_for_sessions_of_an_earlier_daemon(inetd):
    inetd.start(CAT)
    old = Session(1007)
    leave_behind(inetd)
    new, here = Session(1007), Cursor()
    run("systemctl", "stop", "--no-block", "inetd")
    here.wait(r"waiting 10 s for 2 \(1 of them left in the unit before\)", OURS)
    new.socket.close()
    old.say()
    assert inetd.show("SubState") == "stop-sigterm"
    old.socket.close()
    eventually(lambda: inetd.show("ActiveState") == "inactive", "does not stop")
    assert inetd.show("Result") == "success"
    assert not [e for e in here.entries(OURS) if "SIGTERM" in e["MESSAGE"]]


def test_stop_ends_sessions_of_an_earlier_daemon(inetd):
    inetd.start(CAT, HASTY)
    old = Session(1007)
    leave_behind(inetd)
    old.say()
    new, here = Session(1007), Cursor()
    inetd.stop()
    assert old.ended() and new.ended()
    here.wait(r"2 \(1 of them left in the unit before\) still running: sending SIGTERM", OURS)
    here.wait("2 ended by SIGTERM or after it, 0 by SIGKILL", OURS)
    assert inetd.members() == []
    assert inetd.show("Result") == "success"


def test_stop_kills_what_does_not_end(inetd):
    inetd.start(STUBBORN, HASTY)
    with connect(1009) as client:
        pid = int(client.recv(100))
        leave_behind(inetd)
        here = Cursor()
        inetd.stop()
        wait_end(pid)
    here.wait("sending SIGKILL", OURS)
    here.wait("0 ended by SIGTERM or after it, [12] by SIGKILL|1 ended .* 1 by SIGKILL", OURS)
    assert inetd.members() == []
    assert inetd.show("Result") == "success"


def test_what_appears_after_the_signal_is_ended_as_well(inetd):
    """A server that, asked to end, puts another into the background."""
    inetd.start(LATE, HASTY)
    with connect(1010) as client:
        assert client.recv(100) == b"ready\n"
        inetd.stop()
    assert inetd.members() == []
    assert inetd.show("Result") == "success"


def test_a_daemon_in_the_unit_of_another_ends_nobody(inetd):
    """INVOCATION_ID alone is inherited by all that is started by hand below some service."""
    pathlib.Path("/etc/by-hand.conf").write_text(CAT)
    script = ("sleep 1000 & echo $! >/run/bystander; "
              "/usr/local/sbin/inetd -i --stop-timeout 0 /etc/by-hand.conf; echo $? >/run/status; wait")
    run("systemd-run", "--unit=other", "sh", "-c", script)
    other = Unit("other.service")
    try:
        eventually(lambda: is_served(1007), "the daemon does not start")
        daemon, = [pid for pid in other.members() if command(pid) == "inetd"]
        os.kill(daemon, signal.SIGTERM)
        wait_end(daemon)
        eventually(lambda: pathlib.Path("/run/status").exists(), "no status")
        assert pathlib.Path("/run/status").read_text() == "0\n"
        assert int(pathlib.Path("/run/bystander").read_text()) in other.members()
    finally:
        run("systemctl", "kill", "-s", "KILL", "other.service")
