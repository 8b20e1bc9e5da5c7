"""A binary or a configuration that is of no use: the old one goes on."""

import os
import signal

import pytest

from harness import BUILD, INETD, ME, Daemon, ask, connect, free_port, udp
from support import children, listeners, wait_until
from upgrading import own_binary, replace, upgrade

BROKEN = {"text": "not a program", "false": "#!/bin/false\n", "silent": "#!/bin/sh\nexit 0\n",
          "crash": "#!/bin/sh\nkill -SEGV $$\n",
          "liar": "#!/bin/sh\necho would take over: everything\nexit 3\n"}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_bad_binary_changes_nothing(own_binary, content):
    binary, wrap = own_binary
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", wrap=wrap) as d, \
            connect(port) as s:
        replace(binary, content)
        exe = os.stat(f"/proc/{d.pid}/exe").st_ino
        d.signal(signal.SIGUSR2)
        assert f"{binary}: " in d.wait_log("upgrade refused: .*; the running daemon goes on")
        s.sendall(b"x")
        assert s.recv(1) == b"x"
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == exe
        replace(binary)
        upgrade(d)
        s.sendall(b"y")
        assert s.recv(1) == b"y"


def test_a_binary_that_hangs_is_given_up_meanwhile_clients_are_served(own_binary):
    binary, wrap = own_binary
    port = free_port()
    with Daemon(f"{port} stream tcp4 nowait {ME} internal echo\n", wrap=wrap) as d:
        replace(binary, "#!/bin/sh\nexec sleep 1000\n")
        d.signal(signal.SIGUSR2)
        wait_until(lambda: children(d.pid), "the trial runs")
        d.signal(signal.SIGUSR2)
        d.wait_log("upgrade: one is under way already")
        assert ask(port, b"x") == b"x"
        d.wait_log("upgrade refused: .* did not answer in time")
        wait_until(lambda: not children(d.pid), "the trial is gone")


def test_a_binary_that_fails_only_when_it_matters_gives_way_to_the_old_one(own_binary):
    """It says that it would take over, and then cannot: the old one comes back, with everything."""
    binary, wrap = own_binary
    port, cat = free_port(), free_port()
    conf = (f"{port} stream tcp4 nowait {ME} internal echo\n"
            f"{cat} stream tcp4 nowait {ME} /bin/cat cat\n")
    with Daemon(conf, wrap=wrap) as d, connect(port) as one, connect(cat) as two:
        for s in (one, two):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        replace(binary, f"""#!/bin/sh
case "$*" in
*--check*) exec {INETD} "$@";;
*) exec {INETD} --strict --settings /nonexistent "$@";;
esac
""")
        exe = os.stat(f"/proc/{d.pid}/exe").st_ino
        d.signal(signal.SIGUSR2)
        d.wait_log("not started: 1 error in the configuration")
        d.wait_log("going back to the binary before")
        d.wait_notify("READY=1")
        assert os.stat(f"/proc/{d.pid}/exe").st_ino == exe
        for s in (one, two):
            s.sendall(b"y")
            assert s.recv(1) == b"y"
        assert ask(port, b"x") == b"x"
        replace(binary)
        upgrade(d)


def test_a_binary_that_has_no_memory_gives_way_to_the_old_one(own_binary):
    """Wherever in its start it is refused some, and whoever threw: all that was handed over goes back."""
    short = BUILD / "tests/faults/no_memory.so"
    if not short.exists():
        pytest.skip("a sanitizer has an operator new of its own")
    binary, wrap = own_binary
    port, cat, lent = free_port(), free_port(), free_port()
    conf = (f"127.0.0.1:{port} stream tcp4 nowait {ME} internal echo\n"
            f"127.0.0.1:{cat} stream tcp4 nowait {ME} /bin/cat cat\n"
            f"127.0.0.1:{lent} dgram udp4 wait {ME} /bin/sleep sleep 1000\n")
    with Daemon(conf, "--stop-timeout", "0", wrap=wrap) as d, connect(port) as one, \
            connect(cat) as two, udp(lent) as three:
        for s in (one, two):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
        three.send(b"x")
        wait_until(lambda: len(children(d.pid)) == 2, "both servers run")
        sockets = {p: listeners(d.pid, p) for p in (port, cat, lent)}
        assert all(sockets.values())
        point, points = 1, 0
        old = os.stat(f"/proc/{d.pid}/exe").st_ino
        while os.stat(f"/proc/{d.pid}/exe").st_ino == old:
            replace(binary, f"""#!/bin/sh
case "$*" in
*--check*) exec {INETD} "$@";;
*) exec env LD_PRELOAD={short} NO_MEMORY_AT={point} {INETD} "$@";;
esac
""")
            d.signal(signal.SIGUSR2)
            d.wait_notify("READY=1")
            for s in (one, two):
                s.sendall(b"y")
                assert s.recv(1) == b"y", d.log()
            assert sockets == {p: listeners(d.pid, p) for p in sockets}, d.log()
            point, points = point + 1 + point // 8, points + 1
        assert points > 5


def test_a_bad_configuration_refuses_the_change():
    port = free_port()
    conf = f"{port} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(conf) as d:
        d.rewrite(conf + "nonsense\n")
        d.signal(signal.SIGUSR2)
        assert "exit 78" in d.wait_log("upgrade refused")
        assert ask(port, b"x") == b"x"
        d.rewrite(conf)
        upgrade(d)
        assert ask(port, b"x") == b"x"
