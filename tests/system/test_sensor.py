"""The key `sensor`: whoever connects is shut out of every service for a time."""

import signal
import socket
import subprocess

import pytest

import support
from harness import ME, PATIENCE, Daemon
from support import script, wait_until

pytestmark = pytest.mark.root

OURS, THEIRS, OTHER = "10.77.0.1", "10.77.0.2", "10.77.0.3"
CONF = (f"2323 stream tcp4 nowait {ME} internal discard\n"
        f"7 stream tcp4 nowait {ME} internal echo\n"
        f"8 stream tcp4 nowait {ME} /bin/cat\n")


@pytest.fixture
def start(namespace, workdir):
    """start("2s") runs a daemon with a sensor on port 2323."""
    for address in (OURS, THEIRS, OTHER):
        subprocess.run([*namespace.wrap, "ip", "addr", "add", f"{address}/24", "dev", "lo"],
                       check=True)
    daemons = []

    def run(time):
        settings = workdir / "inetd.cfg"
        settings.write_text(f'services = ( {{ name = "2323"; sensor = {time}; }} );\n')
        daemon = Daemon(CONF, "--settings", settings, wrap=namespace.wrap)
        daemons.append(daemon)
        daemon.ns = namespace
        daemon.settings = settings
        return daemon

    yield run
    for daemon in daemons:
        daemon.close()


def visit(daemon, port, source, text=b"hello"):
    host = "127.0.0.1" if source.startswith("127") else OURS
    return daemon.ns.run(support.visit, (host, port), source, text)


def test_one_touch_shuts_out_of_all_services_until_the_time_is_over(start):
    d = start("1.5")
    assert visit(d, 7, THEIRS) == b"hello"
    assert visit(d, 2323, THEIRS) == b""
    d.wait_log(rf"2323: {THEIRS} touched this sensor: shut out for 1 s")
    assert visit(d, 7, THEIRS) == b""
    d.wait_log(rf"7: refused {THEIRS}: it touched a sensor")
    assert visit(d, 8, THEIRS) == b""
    assert visit(d, 7, OTHER) == b"hello"
    wait_until(lambda: visit(d, 7, THEIRS) == b"hello", "the time is over")
    assert visit(d, 8, THEIRS) == b"hello"


ANSWER = """
import socket
s = socket.socket(fileno=0)
text, sender = s.recvfrom(99)
s.sendto(text, sender)
"""


@pytest.mark.parametrize("kind", ("wait {me} internal echo", "wait {me} {answer} answer",
                                  "nowait {me} {answer} answer"))
def test_datagrams_of_those_who_touched_it_are_thrown_away(start, workdir, kind):
    d = start('"1h"')
    kind = kind.format(me=ME, answer=script(workdir / "answer", ANSWER))
    d.rewrite(CONF + f"9 dgram udp4 {kind}\n")
    d.reload()

    def ask_from(source, wait=True):
        def go():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(PATIENCE)
                s.bind((source, 0))
                s.connect((OURS, 9))
                s.send(b"hello")
                return s.recv(99) if wait else None
        return d.ns.run(go)
    assert ask_from(THEIRS) == b"hello"
    assert visit(d, 2323, THEIRS) == b""
    ask_from(THEIRS, wait=False)
    d.wait_log(rf"9: refused {THEIRS}: it touched a sensor")
    assert ask_from(OTHER) == b"hello"
    assert not d.lines_like("without taking")


def test_a_reload_forgives_nobody(start):
    d = start('"1h"')
    assert visit(d, 2323, THEIRS) == b""
    d.reload()
    assert visit(d, 7, THEIRS) == b""
    d.settings.write_text("")
    d.reload()
    assert visit(d, 7, THEIRS) == b""
    assert visit(d, 2323, OTHER) == b""  # discard, now
    assert visit(d, 7, OTHER) == b"hello"


def test_an_upgrade_forgives_nobody(start):
    d = start('"1h"')
    assert visit(d, 2323, THEIRS) == b""
    for _ in range(2):
        d.signal(signal.SIGUSR2)
        d.wait_notify("READY=1")
        d.wait_log("upgraded from version")
        assert visit(d, 7, THEIRS) == b""
        assert visit(d, 7, OTHER) == b"hello"


def test_this_machine_is_never_shut_out_by_its_loopback(start):
    d = start('"1h"')
    assert visit(d, 2323, "127.0.0.1") == b""
    d.wait_log(r"127\.0\.0\.1 touched this sensor: not shut out")
    assert visit(d, 7, "127.0.0.1") == b"hello"


def test_datagrams_cannot_be_used_to_shut_others_out(start):
    """Their source can be forged: the key is for connections."""
    d = start('"1h"')
    d.rewrite(CONF + f"2323 dgram udp4 wait {ME} internal discard\n")
    d.reload()

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((THEIRS, 0))
            s.sendto(b"x", (OURS, 2323))
    d.ns.run(send)
    assert visit(d, 7, THEIRS) == b"hello"
