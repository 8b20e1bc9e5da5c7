"""Who may come to a service, and when: `only_from`, `no_access`, `access_times`, `max_load`."""

import os
import re
import signal
import socket
import struct
import subprocess

import pytest

from admitting import clock, entry
from harness import ME, PATIENCE, free_port, run_inetd
from support import descriptors, listeners, visit, wait_until


def test_only_those_of_a_network_are_served(start):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n",
              entry(port, 'only_from = ["127.0.0.8/29", "192.0.2.1"];'))
    assert visit(("127.0.0.1", port), "127.0.0.9") == b"hello"
    assert visit(("127.0.0.1", port), "127.0.0.1") == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: not one of its only_from")


def test_the_more_particular_entry_wins_and_no_access_among_equals(start):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} /bin/cat\n",
              entry(port, 'only_from = ["127.0.0.0/8", "127.0.1.5", "127.0.2.1"];'
                          'no_access = ["127.0.1.0/24", "127.0.2.1"];'))
    assert visit(("127.0.0.1", port), "127.0.3.1") == b"hello"
    assert visit(("127.0.0.1", port), "127.0.1.4") == b""
    d.wait_log(rf"{port}: refused 127\.0\.1\.4: it is one of its no_access")
    assert visit(("127.0.0.1", port), "127.0.1.5") == b"hello"
    assert visit(("127.0.0.1", port), "127.0.2.1") == b""


@pytest.mark.root
def test_both_families_and_mapped_addresses(start, namespace):
    subprocess.run([*namespace.wrap, "ip", "addr", "add", "2001:db8::1/128", "dev", "lo"], check=True)
    d = start("7 stream tcp46 nowait root internal echo\n",
              entry(7, 'only_from = ["127.0.0.1", "2001:db8::/64"];'), wrap=namespace.wrap)
    assert namespace.run(visit, ("127.0.0.1", 7), "127.0.0.1") == b"hello"
    assert namespace.run(visit, ("127.0.0.1", 7), "127.0.0.2") == b""
    assert namespace.run(visit, ("2001:db8::1", 7)) == b"hello"
    assert namespace.run(visit, ("::1", 7)) == b""
    d.wait_log(r"7: refused 127\.0\.0\.2: not one of its only_from")


def test_an_empty_list_is_nobody_and_an_entry_can_say_everybody(start):
    one, other = free_port(), free_port()
    start(f"{one} stream tcp4 nowait {ME} internal echo\n{other} stream tcp4 nowait {ME} internal echo\n",
          "defaults = { only_from = []; };\n" + entry(other, 'only_from = ["*"];'))
    assert visit(("127.0.0.1", one)) == b""
    assert visit(("127.0.0.1", other)) == b"hello"


def test_ten_thousand_entries(start):
    port = free_port()
    many = ", ".join(f'"10.{i // 250}.{i % 250}.0/24"' for i in range(10000))
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n",
              entry(port, f'only_from = [{many}, "127.0.0.5"]; no_access = [{many}, "127.0.0.6"];'))
    assert visit(("127.0.0.1", port), "127.0.0.5") == b"hello"
    assert visit(("127.0.0.1", port), "127.0.0.6") == b""
    d.reload()
    assert visit(("127.0.0.1", port), "127.0.0.5") == b"hello"


def test_a_reload_changes_the_lists_of_a_socket_that_stays(start):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n", entry(port, 'only_from = ["192.0.2.1"];'))
    before = listeners(d.pid, port)
    assert visit(("127.0.0.1", port)) == b""
    d.settings.write_text(entry(port, 'only_from = ["127.0.0.1"];'))
    assert "1 updated" in d.reload()
    assert visit(("127.0.0.1", port)) == b"hello"
    d.settings.write_text("")
    d.reload()
    assert visit(("127.0.0.1", port), "127.0.0.9") == b"hello"
    assert listeners(d.pid, port) == before


CLIENT = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
          f"s.settimeout({PATIENCE})\n"
          "try: s.sendall(b'hello'); s.shutdown(1); print(s.recv(9).decode(), end='')\n"
          "except OSError: pass\n")


def visit_as(path, uid, gid, groups=()):
    done = subprocess.run(["/usr/bin/python3", "-IS", "-c", CLIENT, path], user=uid, group=gid,
                          extra_groups=list(groups), capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.root
def test_users_and_groups_of_a_unix_socket(start, workdir):
    path = str(workdir / "socket")
    d = start(f"{path} stream unix nowait root internal echo\n",
              entry(path, 'only_from = ["uid:nobody", "gid:4242", "uid:4243"]; no_access = ["gid:4244"];'))
    assert visit_as(path, 65534, 65534) == "hello"
    assert visit_as(path, 4000, 4242) == "hello"
    assert visit_as(path, 4000, 4000, [4242]) == "hello"
    assert visit_as(path, 4000, 4000) == ""
    d.wait_log(r"refused .*: not one of its only_from")
    assert visit(path) == b""  # root is one user like another
    # The user is more particular than the group, and no_access wins over a group as particular.
    assert visit_as(path, 4243, 4244) == "hello"
    assert visit_as(path, 4000, 4242, [4244]) == ""


def test_what_a_unix_client_calls_itself_does_not_spoil_the_log(start, workdir):
    """It may bind to any bytes of the abstract name space."""
    path = str(workdir / "socket")
    d = start(f"{path} stream unix nowait {ME} internal echo\n", "defaults = { only_from = []; };")
    for name, said in ((b"\0a\nfake\x1b[2J", r"@a\x0afake\x1b[2J"), (b"", "unnamed")):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            if name:
                s.bind(name)
            s.connect(path)
            assert s.recv(9) == b""
        d.wait_log(re.escape(f"{path}: refused {said}: not one of its only_from"))
        d.reload()  # after which a refusal is noted anew
    assert not d.lines_like("^fake")


def test_behind_tcpmux_the_rules_of_the_target_hold(start):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} internal tcpmux\n"
              f"tcpmux/+open stream tcp4 nowait {ME} /bin/cat\n"
              f"tcpmux/+shut stream tcp4 nowait {ME} /bin/cat\n",
              entry("tcpmux/shut", 'only_from = ["127.0.0.7"];'))
    assert visit(("127.0.0.1", port), text=b"open\r\nx") == b"+Go\r\nx"
    assert visit(("127.0.0.1", port), text=b"shut\r\n") == b"-Service not available\r\n"
    d.wait_log(r"tcpmux/shut: refused 127\.0\.0\.1: not one of its only_from")
    assert visit(("127.0.0.1", port), "127.0.0.7", b"shut\r\nx") == b"+Go\r\nx"


def test_the_client_behind_a_balancer_counts(start):
    port = free_port()
    start(f"{port} stream tcp4 nowait {ME} internal echo\n",
          entry(port, 'proxy_protocol = true; proxy_from = ["127.0.0.1"]; only_from = ["192.0.2.0/24"];'))
    header = "PROXY TCP4 {} 127.0.0.1 1 2\r\nhello"
    assert visit(("127.0.0.1", port), text=header.format("192.0.2.9").encode()) == b"hello"
    assert visit(("127.0.0.1", port), text=header.format("127.0.0.1").encode()) == b""


def test_outside_of_its_times_nobody_is_served(start):
    shut, opened = free_port(), free_port()
    d = start(f"{shut} stream tcp4 nowait {ME} internal echo\n{opened} stream tcp4 nowait {ME} internal echo\n",
              f'services = ( {{ name = "{shut}"; access_times = ["{clock(3)}-{clock(20)}"]; }},'
              f'             {{ name = "{opened}"; access_times = ["{clock(3)}-{clock(4)}", "{clock(-2)}-{clock(2)}"]; }} );')
    assert visit(("127.0.0.1", shut)) == b""
    d.wait_log(rf"{shut}: refused 127\.0\.0\.1: not at this time")
    assert visit(("127.0.0.1", opened)) == b"hello"


def zone(path, hours):
    """A file of tzfile(5): always so many hours east of Greenwich."""
    path.write_bytes(struct.pack("!5s15x6IiBB4s", b"TZif", 0, 0, 0, 0, 1, 4, hours * 3600, 0, 0, b"XXX"))
    path.chmod(0o644)


@pytest.mark.root
@pytest.mark.needs("unshare")
@pytest.mark.parametrize("by, how", (("TZ", "replaced"), ("TZ", "overwritten"), ("localtime", "overwritten")))
def test_another_time_zone_is_found_by_a_reload(start, workdir, by, how):
    port, file = free_port(), workdir / "etc" / "zone"
    file.parent.mkdir()
    zone(file, 0)
    wrap = ("env", f"TZ=:{file}")
    if by == "localtime":
        if not os.path.exists("/etc/localtime"):
            pytest.skip("this machine has no /etc/localtime to mount on")
        wrap = ("unshare", "-m", "env", "-u", "TZ", "sh", "-c",
                f'mount --bind {file} /etc/localtime && exec "$@"', "sh")
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n",
              entry(port, f'access_times = ["{clock(10)}-{clock(14)}"];'), wrap=wrap)
    assert visit(("127.0.0.1", port)) == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: not at this time")
    if how == "replaced":
        zone(file.with_name("new"), 12)
        file.with_name("new").rename(file)
    else:
        zone(file, 12)
    d.reload()
    assert visit(("127.0.0.1", port)) == b"hello"


@pytest.mark.root
@pytest.mark.needs("unshare")
def test_a_high_load_refuses_until_it_falls(start, workdir):
    port, load = free_port(), workdir / "loadavg"
    load.write_text("4.00 1.00 1.00 1/99 4711\n")
    wrap = ("unshare", "-m", "sh", "-c", f'mount --bind {load} /proc/loadavg && exec "$@"', "sh")
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n", entry(port, "max_load = 4.0;"), wrap=wrap)
    assert visit(("127.0.0.1", port)) == b""
    d.wait_log(rf"{port}: refused 127\.0\.0\.1: the load is too high")
    load.write_text("3.99 1.00 1.00 1/99 4711\n")
    wait_until(lambda: visit(("127.0.0.1", port)) == b"hello", "the load has fallen")
    assert not d.lines_like("cannot be read")
    load.write_text("")

    def is_noted():
        assert visit(("127.0.0.1", port)) == b"hello"
        return d.lines_like("the load cannot be read from /proc/loadavg; nobody is refused by max_load")
    wait_until(is_noted, "the load cannot be told")


def test_refusals_are_counted_by_their_reason(start, workdir):
    port, state = free_port(), workdir / "state"
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n",
              f'daemon = {{ dump_file = "{state}"; }};\n' + entry(port, 'no_access = ["127.0.0.1"];'))
    for _ in range(3):
        assert visit(("127.0.0.1", port)) == b""
    d.signal(signal.SIGUSR1)
    d.wait_log("state: written")
    assert "3 refused: 3 by no_access" in state.read_text()


def test_refusals_leave_nothing_behind(start):
    port = free_port()
    d = start(f"{port} stream tcp4 nowait {ME} internal echo\n", entry(port, 'no_access = ["127.0.0.1"];'))
    visit(("127.0.0.1", port))
    before = descriptors(d.pid)
    for _ in range(500):
        visit(("127.0.0.1", port))
    assert descriptors(d.pid) == before


@pytest.mark.parametrize("keys, said", [
    ('only_from = ["ALL"];', "did you mean '*'?"),
    ('only_from = ["192.168."];', "did you mean '192.168.0.0/16'?"),
    ('only_from = ["192.0.2.300"];', "'192.0.2.300' is nobody"),
    ('no_access = ["uid:nobody-of-this-name"];', "unknown user"),
    ('no_access = ["192.168.1.0"];', "for the network, write '192.168.1.0/24'"),
    ('only_from = ["uid:root"];', "'only_from' lets nobody in"),
    ('access_times = ["8-18"];', "'8-18' is not a time of the day"),
    ('access_times = [];', "'access_times' takes a list of times of the day"),
    ("max_load = -1;", "'max_load' takes a load average"),
    ('libwrap = "yes";', "'libwrap' takes true or false"),
])
def test_what_check_says(workdir, keys, said):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text(f"7 stream tcp nowait {ME} internal echo\n")
    settings.write_text(entry(7, keys))
    done = run_inetd("--check", "--settings", settings, conf)
    assert said in done.stdout + done.stderr
    assert "0 errors, 0 warnings" not in done.stdout + done.stderr


@pytest.mark.parametrize("conf, settings, said, status", [
    ("7 stream tcp wait {me} /bin/cat", 'defaults = {{ only_from = ["127.0.0.1"]; }};',
     "'only_from' of 'defaults' has no effect on 7/tcp, which is 'wait'", 0),
    ("7 dgram udp wait {me} /bin/cat", 'services = ( {{ name = "7"; libwrap = true; }} );',
     "'libwrap' has no effect on 7/udp, which is 'wait'", 0),
    ("7 dgram udp wait {me} /bin/cat", 'services = ( {{ name = "7"; no_access = ["uid:root"]; }} );',
     "'no_access' has 'uid:root', but of datagrams the address alone is known", 78),
    ("7 dgram udp nowait {me} /bin/cat", 'defaults = {{ only_from = [".example.org"]; }};',
     "'only_from' has '.example.org', but of datagrams the address alone is known", 78),
], ids=["stream wait", "datagram wait", "datagram user", "datagram name"])
def test_rules_that_could_not_be_kept_are_not_accepted_in_silence(workdir, conf, settings, said, status):
    (workdir / "inetd.conf").write_text(conf.format(me=ME) + "\n")
    (workdir / "inetd.cfg").write_text(settings.format() + "\n")
    done = run_inetd("--check", "--settings", workdir / "inetd.cfg", workdir / "inetd.conf")
    assert said in done.stdout + done.stderr
    assert done.returncode == status
