"""Sockets from systemd for the daemon, and from the daemon for its servers."""

import pathlib
import re
import socket

import pytest
from box import CONF, Cursor, Unit, ask, connect, run

UNITS = pathlib.Path("/run/systemd/system")
UNIT = "_SYSTEMD_UNIT=inetd.service"
SHOW = "/usr/bin/python3 python3 -c 'import os; print(sorted(os.environ)); os.read(0, 9)'"


@pytest.fixture
def handed(inetd):
    """A function that makes and starts inetd.socket with the given [Socket] section."""
    unit = Unit("inetd.socket")

    def start(section, conf):
        CONF.write_text(conf)
        (UNITS / "inetd.socket").write_text(f"[Socket]\nService=inetd.service\n{section}")
        run("systemctl", "daemon-reload")
        unit.here = Cursor()
        run("systemctl", "start", "inetd.socket")
        return unit

    # The unit below /usr/local comes after the one below /run.
    yield start
    inetd.clear()
    run("systemctl", "stop", "inetd.socket", check=False)
    (UNITS / "inetd.socket").unlink(missing_ok=True)
    run("systemctl", "daemon-reload")


def inode(port):
    """Which socket listens at a TCP port of the loopback address."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
    return [line[9] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"]


def test_first_client_starts_the_daemon(inetd, handed):
    handed("ListenStream=127.0.0.1:13\n", "127.0.0.1:daytime stream tcp nowait root internal\n")
    assert inetd.show("ActiveState") == "inactive"
    socket_before = inode(13)
    assert re.search(rb"\d\d:\d\d:\d\d", ask(13))
    assert inetd.show("ActiveState") == "active"
    assert inode(13) == socket_before and len(socket_before) == 1


def test_adopted_by_address(inetd, handed):
    handed("ListenStream=127.0.0.1:2013\nListenDatagram=127.0.0.1:2013\n",
           "127.0.0.1:2013 stream tcp nowait root internal echo\n"
           "127.0.0.1:2013 dgram udp wait root internal echo\n")
    before = inode(2013)
    assert ask(2013, b"hello") == b"hello"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", 2013))
        client.send(b"datagram")
        assert client.recv(100) == b"datagram"
    assert inode(2013) == before
    status = inetd.show("StatusText")
    assert status.startswith("2 services") and "failed" not in status


def test_adopted_by_name(inetd, handed):
    """The name of a socket is the first column of a line, wherever it listens."""
    handed("ListenStream=127.0.0.1:2014\nFileDescriptorName=daytime\n",
           "daytime stream tcp4 nowait root internal\n")
    assert re.search(rb"\d\d:\d\d:\d\d", ask(2014))
    with pytest.raises(ConnectionRefusedError):
        connect(13)


def test_adopted_unix_socket(inetd, handed):
    handed("ListenStream=/run/handed.sock\n", "/run/handed.sock stream unix nowait root /bin/cat cat\n")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect("/run/handed.sock")
        client.send(b"hello")
        assert client.recv(5) == b"hello"


def test_what_no_line_wants_is_reported(inetd, handed):
    unit = handed("ListenStream=127.0.0.1:2015\nListenStream=127.0.0.1:2016\n",
                  "127.0.0.1:2015 stream tcp nowait root internal echo\n")
    assert ask(2015, b"hello") == b"hello"
    entry = unit.here.wait("2016", UNIT)
    assert int(entry["PRIORITY"]) == 4


def test_reload_keeps_adopted_sockets(inetd, handed):
    conf = "127.0.0.1:2017 stream tcp nowait root internal echo\n"
    handed("ListenStream=127.0.0.1:2017\n", conf)
    before = inode(2017)
    assert ask(2017, b"hello") == b"hello"
    assert inetd.reload(conf + "127.0.0.1:2018 stream tcp nowait root internal discard\n") == 0
    assert ask(2017, b"hello") == b"hello"
    inetd.restart()
    assert ask(2017, b"hello") == b"hello"
    assert inode(2017) == before


def test_installed_example(inetd):
    CONF.write_text("daytime stream tcp nowait root internal\n")
    run("systemctl", "start", "inetd.socket")
    before = inode(13)
    for family in (socket.AF_INET, socket.AF_INET6):
        assert re.search(rb"\d\d:\d\d:\d\d", ask(13, family=family))
    assert inode(13) == before
    assert "failed" not in inetd.show("StatusText")
    inetd.clear()
    run("systemctl", "stop", "inetd.socket")


def test_wait_server_finds_what_systemd_would_give(inetd):
    """LISTEN_FDS is for those that ask for it, and the socket is then descriptor 3, too."""
    program = ("import os, socket, sys; names = (\"LISTEN_FDS\", \"LISTEN_PID\", \"LISTEN_FDNAMES\"); "
               "c, _ = socket.socket(fileno=3).accept(); "
               "c.sendall(repr([os.environ.get(n) for n in names] + [os.getpid()]).encode())")
    settings = pathlib.Path("/etc/inetd.cfg")
    settings.write_text('services = ( { name = "2019"; listen_fds = true; } );\n')
    inetd.start(f"127.0.0.1:2019 stream tcp wait root /usr/bin/python3 python3 -c '{program}'\n")
    fds, pid, names, own = eval(ask(2019))
    settings.unlink()
    assert (fds, names, int(pid)) == ("1", "2019", own)


def test_other_servers_find_nothing_of_it(inetd):
    inetd.start(f"127.0.0.1:2020 stream tcp nowait root {SHOW}\n")
    assert b"LISTEN_" not in ask(2020)
