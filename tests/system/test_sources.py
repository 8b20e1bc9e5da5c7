"""Which clients are one source, and that a flood of them leaves nothing behind in the daemon."""

import pathlib
import signal
import socket
import subprocess

import pytest

from harness import PATIENCE, ask, connect, free_port
from support import descriptors, own_memory, wait_until
from one_service import CAT, line, reload, talk


def come(port, source, host="127.0.0.1"):
    return socket.create_connection((host, port), PATIENCE, (source, 0))


def is_refused(port, source, host="127.0.0.1"):
    with come(port, source, host) as s:
        try:
            s.sendall(b"x")
            return s.recv(1) == b""
        except (ConnectionResetError, BrokenPipeError):
            return True


def upgrade(d):
    d.signal(signal.SIGUSR2)
    d.wait_notify("READY=1")
    d.wait_log("upgraded from version")


def test_a_network_is_one_source(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { per_source = 2; source_prefix_v4 = 24; };")
    with come(port, "127.0.1.1") as one, come(port, "127.0.1.2") as two:
        assert talk(one) == talk(two) == b"hello"
        assert is_refused(port, "127.0.1.3")
        d.wait_log(r"refused 127\.0\.1\.3: too many instances for this address")
        with come(port, "127.0.2.1") as other:
            assert talk(other) == b"hello"
        two.close()
        wait_until(lambda: not is_refused(port, "127.0.1.3"), "there is room again")


def test_a_reload_counts_what_runs_anew(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { per_source = 2; };")
    with come(port, "127.0.1.1") as one, come(port, "127.0.1.2") as two:
        assert talk(one) == talk(two) == b"hello"
        assert not is_refused(port, "127.0.1.3")
        wait_until(lambda: not is_refused(port, "127.0.1.1"), "its other server has ended")
        reload(d, "defaults = { per_source = 2; source_prefix_v4 = 16; };")
        assert is_refused(port, "127.0.9.9")
        reload(d, "defaults = { per_source = 1; source_prefix_v4 = 31; };")
        assert is_refused(port, "127.0.1.3")
        assert not is_refused(port, "127.0.1.5")


@pytest.mark.root
def test_a_64_of_ipv6_is_one_source_by_default(start, namespace):
    for address in ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1"):
        subprocess.run([*namespace.wrap, "ip", "addr", "add", f"{address}/128", "dev", "lo"], check=True)
    d = start(f"12000 stream tcp6 nowait root {CAT}\n", "defaults = { per_source = 1; };",
              wrap=namespace.wrap)

    def visit(source):
        return namespace.run(is_refused, 12000, source, "::1")
    with namespace.run(come, 12000, "2001:db8:0:1::1", "::1") as one:
        assert talk(one) == b"hello"
        assert visit("2001:db8:0:1::2")
        assert not visit("2001:db8:0:2::1")
        reload(d, "defaults = { per_source = 1; source_prefix_v6 = 128; };")
        assert not visit("2001:db8:0:1::2")


def test_rates_stay_used_over_reload_and_upgrade(start):
    port = free_port()
    rate = 'rate_per_source = "3/day";'
    d = start(line(port, CAT), f"defaults = {{ {rate} }};")
    for source in ("127.0.1.1", "127.0.1.2"):
        assert not is_refused(port, source)
    assert not is_refused(port, "127.0.1.1")
    reload(d, f"defaults = {{ {rate} instances = 9; }};")
    upgrade(d)
    assert not is_refused(port, "127.0.1.1")
    assert is_refused(port, "127.0.1.1")
    upgrade(d)
    assert is_refused(port, "127.0.1.1")
    # As one source they have used up four of three.
    d.settings.write_text(f"defaults = {{ {rate} source_prefix_v4 = 24; }};")
    upgrade(d)
    assert is_refused(port, "127.0.1.9")
    assert not is_refused(port, "127.0.2.1")


def cost_of(d):
    return descriptors(d.pid), own_memory(d.pid)


def flood(port, count, width=100):
    """So many connections, each from another address of 127.0.0.0/8."""
    for first in range(0, count, width):
        batch = []
        for i in range(first, first + width):
            s = socket.socket()
            s.bind((f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}", 0))
            s.connect(("127.0.0.1", port))
            batch.append(s)
        for s in batch:
            s.shutdown(socket.SHUT_WR)
            try:
                assert s.recv(1) == b""
            except ConnectionResetError:
                pass
            s.close()


def test_a_hundred_thousand_refusals_leave_nothing_behind(start):
    port = free_port()
    d = start(line(port, CAT), "defaults = { per_source = 1; source_prefix_v4 = 8; };")
    with connect(port) as one:
        assert talk(one) == b"hello"
        flood(port, 1000)
        fds, memory = cost_of(d)
        flood(port, 100_000)
        assert talk(one) == b"hello"
        after = cost_of(d)
    assert after[0] == fds
    # A sanitizer keeps what was freed for a while.
    if "libasan" not in pathlib.Path(f"/proc/{d.pid}/maps").read_text():
        assert after[1] <= memory + 256
    assert len(d.lines_like("refused")) < 100


def test_a_flood_of_sources_takes_a_bounded_table(start):
    port = free_port()
    d = start(line(port, "internal echo"), 'defaults = { rate_per_source = "2/day"; };')
    flood(port, 100)
    fds, memory = cost_of(d)
    assert ask(port, b"x") == b"x"
    flood(port, 20_000)
    wait_until(lambda: cost_of(d)[0] == fds, "all sessions have ended")
    if "libasan" not in pathlib.Path(f"/proc/{d.pid}/maps").read_text():
        assert cost_of(d)[1] <= memory + 2048 + 512
    # Who is known has what is left to him and no more.
    assert ask(port, b"x") == b"x"
    assert is_refused(port, "127.0.0.1")
