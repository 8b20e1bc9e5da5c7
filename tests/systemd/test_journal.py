"""What the journal holds of the daemon's events, field by field."""

import os
import pathlib
import signal
import socket

from box import Cursor, Session, ask, connect, eventually, run

ETC = pathlib.Path(__file__).resolve().parents[2] / "etc"
CATALOG = pathlib.Path("/usr/local/lib/systemd/catalog/inetd.catalog")
UNIT = "_SYSTEMD_UNIT=inetd.service"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
IDS = {
    "started": "f1a5affafa5d4a14a984a0c184f4f5dc", "stopped": "c3276f32f80b4fada9ce349b60453eaa",
    "reloaded": "eba5bb6fc70f48dc91ce91eb5a53c585", "refused": "a20bd8d2720d4372b6f53c744142c58a",
    "cannot listen": "8a11035b77c14ffb90f2ff85fa5155dd",
    "client refused": "22f8147fb8634aef86a0adeeafb4af26", "full": "0641676a4d544eea954acf5055ed7e37",
    "child started": "37d72422856242839a974d805bb73ecb",
    "child ended": "43c0c3a64e2c4e21966bf0a664923463",
    "child failed": "cb7a52a1956d42a6abd9985d33e94cd2",
    "waiting": "0d2654d930ba4372b7d193b6a5559937", "descriptors": "6480786b8daf4432bbb45dfe63872c16",
    "unwanted": "c11902beb4384a1e95b1f777f7ca3692", "cannot accept": "0e522b608d1743ee907172f5b432a048",
}


def message_id(name):
    return f"MESSAGE_ID={IDS[name]}"


def test_catalog_explains_each_kind():
    """From the moment of the installation on."""
    run(ETC / "install-config", ETC / "inetd.conf", "/etc/inetd.conf")
    for number in IDS.values():
        text = run("journalctl", "--dump-catalog", number)
        assert "Defined-By: inetd" in text and len(text.splitlines()) > 6
    assert CATALOG.read_text().count("\n-- ") == len(IDS)


def test_lifetime(inetd):
    here = Cursor()
    inetd.start(CAT)
    assert len(here.entries(UNIT, message_id("started"))) == 1
    assert inetd.reload() == 0
    assert len(here.entries(UNIT, message_id("reloaded"))) == 1
    pathlib.Path("/etc/inetd.conf").write_text("discard stream tcp nowayt root internal\n")
    inetd.kill(1)
    entry = here.wait("reload refused", UNIT)
    assert (entry["MESSAGE_ID"], entry["PRIORITY"]) == (IDS["refused"], "3")
    inetd.stop()
    assert len(here.entries(UNIT, message_id("stopped"))) == 1


def test_a_session_from_start_to_end(inetd):
    here = Cursor()
    inetd.start(CAT, "[Service]\nEnvironment=INETD_OPTIONS=-l\n")
    session = Session(1007)
    address, port = session.socket.getsockname()
    started = here.wait("started", UNIT, message_id("child started"))
    session.socket.close()
    ended = here.wait("ended", UNIT, message_id("child ended"))
    for entry in (started, ended):
        assert entry["SERVICE"] == "1007"
        assert entry["REMOTE_ADDR"] == address
        assert entry["REMOTE_PORT"] == str(port)
        assert int(entry["PRIORITY"]) in (5, 6)
        assert entry["SYSLOG_IDENTIFIER"] == "inetd"
    assert ended["SERVICE_PID"] == started["SERVICE_PID"]
    assert ended["EXIT_STATUS"] == "0"
    assert 0 < int(ended["DURATION_USEC"]) < 60_000_000


def test_query_by_service(inetd):
    here = Cursor()
    inetd.start(CAT + "127.0.0.1:1008 stream tcp nowait root /bin/false false\n")
    ask(1008)
    entry = here.wait("ended", "-u", "inetd", "SERVICE=1008")
    assert entry["EXIT_STATUS"] == "1"
    assert here.entries("-u", "inetd", "SERVICE=1007") == []
    text = run("journalctl", "-x", "-u", "inetd", "SERVICE=1008", "--no-pager")
    assert "A server of 1008 has ended" in text
    assert f"Process {entry['SERVICE_PID']} has ended." in text


def test_server_that_is_killed(inetd):
    here = Cursor()
    inetd.start("127.0.0.1:1009 stream tcp nowait root /bin/sh sh -c 'kill -SEGV $$'\n")
    ask(1009)
    entry = here.wait("SEGV", UNIT, message_id("child ended"))
    assert entry["EXIT_STATUS"] == "SEGV"


def test_server_that_cannot_run(inetd, tmp_path):
    program = tmp_path / "vanishing"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = Cursor()
    inetd.start(f"127.0.0.1:1010 stream tcp nowait root {program}\n")
    program.unlink()
    ask(1010)
    entry = here.wait("1010", UNIT, message_id("child failed"))
    assert (entry["SERVICE"], entry["PRIORITY"]) == ("1010", "3")


def test_service_that_cannot_listen(inetd):
    with socket.create_server(("127.0.0.1", 1011)):
        here = Cursor()
        inetd.start("127.0.0.1:1011 stream tcp nowait root internal echo\n")
        entry = here.wait("1011", UNIT, message_id("cannot listen"))
        assert (entry["SERVICE"], entry["PRIORITY"]) == ("1011", "3")


def test_full_service(inetd):
    here = Cursor()
    inetd.start("127.0.0.1:1012 stream tcp nowait/1 root /bin/cat cat\n")
    with Session(1012).socket, connect(1012):
        entry = here.wait("1012", UNIT, message_id("full"))
    assert entry["SERVICE"] == "1012"


def test_refused_client(inetd):
    here = Cursor()
    inetd.start("127.0.0.1:1013 stream tcp nowait/10/0/1 root /bin/cat cat\n")
    with Session(1013).socket, connect(1013) as second:
        assert second.recv(1) == b""
        entry = here.wait("refused", UNIT, message_id("client refused"))
    assert entry["SERVICE"] == "1013"
    assert entry["REMOTE_ADDR"] == "127.0.0.1"
    assert entry["REFUSED_BY"]


def test_wait_server_that_leaves_its_input(inetd):
    here = Cursor()
    inetd.start("127.0.0.1:1014 dgram udp wait root /bin/true true\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", ("127.0.0.1", 1014))
        entry = here.wait("1014", UNIT, message_id("waiting"))
    assert entry["SERVICE"] == "1014"


def test_stderr_of_a_service_under_its_own_name(inetd):
    settings = pathlib.Path("/etc/inetd.cfg")
    settings.write_text('services = ( { name = "1015"; stderr = "journal"; } );\n')
    here = Cursor()
    inetd.start("127.0.0.1:1015 stream tcp nowait root /bin/sh sh -c 'echo complaint >&2; cat'\n")
    # journald looks up the unit of a process when it reads what that has said: it must live still.
    with connect(1015):
        entry = here.wait("^complaint$", UNIT)
    assert entry["SYSLOG_IDENTIFIER"] == "1015"
    assert (entry["_TRANSPORT"], entry["PRIORITY"]) == ("stdout", "6")
    settings.unlink()


def test_stderr_in_the_log(inetd):
    settings = pathlib.Path("/etc/inetd.cfg")
    settings.write_text('defaults = { stderr = "log"; };\n')
    here = Cursor()
    inetd.start("127.0.0.1:1016 stream tcp nowait root /bin/sh sh -c 'echo complaint >&2'\n")
    assert ask(1016) == b""
    entry = here.wait("complaint$", UNIT, "SERVICE=1016")
    assert entry["MESSAGE"] == f"1016: pid {entry['SERVICE_PID']}: complaint"
    assert (entry["SYSLOG_IDENTIFIER"], entry["REMOTE_ADDR"]) == ("inetd", "127.0.0.1")
    settings.unlink()


def test_journal_that_hangs(inetd):
    """Clients are served meanwhile, and nothing of what fits into the queues is lost."""
    here = Cursor()
    inetd.start(CAT, "[Service]\nEnvironment=INETD_OPTIONS=-l\n")
    journald = int(run("systemctl", "show", "-P", "MainPID", "systemd-journald").strip())
    clients = 1000
    os.kill(journald, signal.SIGSTOP)
    try:
        for _ in range(clients):
            assert ask(1007, b"word") == b"word"
    finally:
        os.kill(journald, signal.SIGCONT)
    ended = (UNIT, message_id("child ended"))
    eventually(lambda: len(here.entries(*ended)) == clients, "every end is in the journal")
    assert len(here.entries(UNIT, message_id("child started"))) == clients
    assert int(inetd.show("NRestarts")) == 0
