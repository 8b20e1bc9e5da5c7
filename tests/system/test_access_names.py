"""Names in `only_from` and `no_access`, and `libwrap`: what takes a look-up, by name servers that lie,
fail and hang. They are of a network and mount namespace of the test's own."""

import contextlib
import os
import pathlib
import signal
import socket

import pytest

import support
from harness import PATIENCE, read_all, run_inetd
from name_server import PTR, REFUSED, SERVFAIL, A, NameServer
from support import children, wait_for_end, wait_until

pytestmark = [pytest.mark.root, pytest.mark.needs("ip", "unshare", "nsenter")]


@pytest.fixture
def net(namespace, workdir):
    """A machine whose names come from `net.names` and `net.hosts`."""
    server = NameServer(namespace)
    files = {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": "127.0.0.1 localhost\n",
             "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
             "hosts.allow": "", "hosts.deny": ""}
    mounts = []
    for name, text in files.items():
        (workdir / name).write_text(text)
        (workdir / name).chmod(0o644)
        if not pathlib.Path("/etc", name).exists():
            pytest.skip(f"this machine has no /etc/{name} to mount on")
        mounts.append(f"mount --bind {workdir / name} /etc/{name}")
    namespace.names = server
    namespace.hosts = workdir / "hosts"
    namespace.dir = workdir
    namespace.machine = (*namespace.wrap, "unshare", "-m", "sh", "-ec",
                         "; ".join(mounts) + '; exec "$@"', "sh")
    yield namespace
    server.close()


CONF = "7 stream tcp4 nowait root internal echo\n8 stream tcp4 nowait root internal echo\n"


def entry(keys):
    return f'services = ( {{ name = "7"; {keys} }} );\n'


def visit(net, source="127.0.0.1", port=7):
    return net.run(support.visit, ("127.0.0.1", port), source)


def resolvers(daemon):
    """The processes that look names up."""
    found = []
    for pid in children(daemon.pid):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "inetd-resolver\n":
                found.append(pid)
    return found


def test_a_name_and_a_domain_let_in(net, start):
    net.names.host("127.0.0.5", "Mail.Example.org")
    net.names.zone["mail.example.org", A] = ["127.0.0.5"]
    net.names.host("127.0.0.6", "www.example.com")
    net.names.host("127.0.0.7", "example.com")
    d = start(CONF, entry('only_from = ["mail.example.ORG", ".example.com"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    assert visit(net, "127.0.0.6") == b"hello"
    assert visit(net, "127.0.0.7") == b""  # the domain is those below it
    assert visit(net, "127.0.0.8") == b""  # has no name
    d.wait_log(r"7: refused 127\.0\.0\.[78]: not one of its only_from")


def test_a_name_of_the_hosts_file(net, start):
    net.hosts.write_text("127.0.0.1 localhost\n127.0.0.5 printer printer.example.org\n")
    d = start(CONF, entry('only_from = ["printer"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    d.settings.write_text(entry('only_from = [".example.org"];'))  # by its second name
    d.reload()
    assert visit(net, "127.0.0.5") == b"hello"
    assert visit(net, "127.0.0.6") == b""
    assert not [name for name, kind in net.names.asked if name.startswith("5.")]


def test_whoever_lies_about_his_name_is_refused(net, start):
    """Whoever has an address also says what it is called."""
    net.names.pointer("127.0.0.5", ["mail.example.org"])
    net.names.zone["mail.example.org", A] = ["127.0.0.99"]
    net.names.pointer("127.0.0.6", ["127.0.0.6"])
    d = start(CONF, entry('only_from = ["mail.example.org", ".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b""
    assert visit(net, "127.0.0.6") == b""
    d.wait_log(r"7: refused 127\.0\.0\.5: its name could not be told")


@pytest.mark.parametrize("code", [SERVFAIL, REFUSED], ids=["SERVFAIL", "REFUSED"])
@pytest.mark.parametrize("keys", ['only_from = [".example.org"];', 'no_access = [".example.org"];',
                                  'only_from = ["127.0.0.0/8"]; no_access = ["a.example.org"];'])
def test_when_names_cannot_be_told_who_depends_on_one_is_refused(net, start, keys, code):
    """CVE-2000-0536: xinetd let everybody in whose address had no name."""
    net.names.pointer("127.0.0.5", code)
    d = start(CONF, entry(keys), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b""
    d.wait_log(r"7: refused 127\.0\.0\.5: its name could not be told")
    assert visit(net, "127.0.0.5", 8) == b"hello"


def test_without_any_name_server_too(net, start):
    (net.dir / "resolv.conf").write_text("nameserver 127.0.0.77\n")
    d = start(CONF, entry('no_access = [".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b""
    d.wait_log(r"7: refused 127\.0\.0\.5: its name could not be told")


def test_who_has_no_name_is_not_kept_out_by_one(net, start):
    net.names.host("127.0.0.6", "bad.example.org")
    d = start(CONF, entry('no_access = [".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    assert visit(net, "127.0.0.6") == b""
    d.wait_log(r"7: refused 127\.0\.0\.6: it is one of its no_access")


def test_a_name_server_that_hangs_holds_up_nobody_else(net, start):
    net.names.host("127.0.0.6", "mail.example.org")
    d = start(CONF, entry('only_from = ["192.0.2.1", ".example.org", "127.0.0.9"];'), wrap=net.machine)
    for source in (f"127.0.0.{host}" for host in range(20, 30)):
        net.names.pointer(source, None)
        d.reload()  # after which a refusal is noted anew
        before = len(d.lines_like("refused"))
        with net.run(connected, source) as waiting:
            waiting.sendall(b"hello")
            wait_until(lambda: any(name.startswith(source[8:]) for name, _ in net.names.asked), "asked")
            # Another service, one of this service whom no name is needed for, and one who has one.
            assert visit(net, source, 8) == b"hello"
            assert visit(net, "127.0.0.9") == b"hello"
            assert visit(net, "127.0.0.6") == b"hello"
            in_time = len(d.lines_like("refused")) == before
            with contextlib.suppress(ConnectionResetError):
                assert waiting.recv(9) == b""
        d.wait_log(rf"7: refused {source}: its name could not be told")
        if in_time:  # a machine that is busy may need longer than the first one waits
            break
    else:
        raise AssertionError(f"nobody was served meanwhile:\n{d.log()}")
    # What hangs is not asked again for a moment, and heals then.
    net.names.host(source, "slow.example.org")
    wait_until(lambda: visit(net, source) == b"hello", "the name server answers again")


def test_a_network_whose_name_server_hangs_does_not_hold_up_the_names_of_others(net, start):
    for host in range(10, 30):
        net.names.pointer(f"127.0.0.{host}", None)
    net.names.host("127.0.1.5", "mail.example.org")
    d = start(CONF, entry('only_from = [".example.org"];'), wrap=net.machine)
    with contextlib.ExitStack() as stack:
        for host in range(10, 30):
            stack.enter_context(net.run(connected, f"127.0.0.{host}"))
        wait_until(lambda: len(net.names.asked) >= 3, "they are asked for")
        assert visit(net, "127.0.1.5") == b"hello"
        assert len(resolvers(d)) < 8


def connected(source):
    s = socket.socket()
    s.settimeout(PATIENCE)
    s.bind((source, 0))
    s.connect(("127.0.0.1", 7))
    return s


def test_a_client_that_waits_has_its_place(net, start):
    net.names.pointer("127.0.0.5", None)
    start(CONF, entry('only_from = [".example.org", "127.0.0.9"]; instances = 1; overflow = "refuse";'),
          wrap=net.machine)
    with net.run(connected, "127.0.0.5") as waiting:
        assert net.names.arrived.wait(PATIENCE)
        assert visit(net, "127.0.0.9") == b""
        with contextlib.suppress(ConnectionResetError):
            assert waiting.recv(9) == b""
    wait_until(lambda: visit(net, "127.0.0.9") == b"hello", "the place is free again")


def test_addresses_are_decided_without_names(net, start):
    d = start(CONF, entry('only_from = ["127.0.0.5"]; no_access = [".example.org", "127.0.0.6"];'),
              wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    assert visit(net, "127.0.0.6") == b""
    assert visit(net, "127.0.0.7") == b""
    assert net.names.asked == [] and resolvers(d) == []


def test_a_name_is_asked_for_once_until_a_reload(net, start):
    net.names.host("127.0.0.5", "mail.example.org")
    d = start(CONF, entry('only_from = [".example.org"];'), wrap=net.machine)
    for _ in range(5):
        assert visit(net, "127.0.0.5") == b"hello"
    assert [kind for _, kind in net.names.asked].count(PTR) == 1
    d.reload()
    assert visit(net, "127.0.0.5") == b"hello"
    assert [kind for _, kind in net.names.asked].count(PTR) == 2


def test_the_process_that_looks_names_up_has_nothing_of_the_daemon(net, start):
    net.names.host("127.0.0.5", "mail.example.org")
    d = start(CONF, entry('only_from = [".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    resolver, = resolvers(d)
    status = pathlib.Path(f"/proc/{resolver}/status").read_text()
    assert "Uid:\t65534\t65534\t65534\t65534" in status and "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status and "Groups:\t \n" in status
    fds = {int(fd): os.readlink(f"/proc/{resolver}/fd/{fd}") for fd in os.listdir(f"/proc/{resolver}/fd")}
    assert {fd: fds[fd] for fd in (0, 1, 2)} == dict.fromkeys((0, 1, 2), "/dev/null")
    assert sorted(fds) == [0, 1, 2, 3] and fds[3].startswith("socket:")


def test_one_that_dies_is_replaced(net, start):
    net.names.host("127.0.0.5", "mail.example.org")
    net.names.pointer("127.0.0.6", None)
    d = start(CONF, entry('only_from = [".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    with net.run(connected, "127.0.0.6") as waiting:
        wait_until(lambda: ("6.0.0.127.in-addr.arpa", PTR) in net.names.asked, "it is asked for")
        net.names.host("127.0.0.6", "www.example.org")
        for pid in resolvers(d):
            os.kill(pid, signal.SIGKILL)
        waiting.sendall(b"hello")
        assert waiting.recv(9) == b"hello"
    assert d.process.poll() is None


def test_none_is_left_after_a_stop_or_a_change_of_binary(net, start):
    net.names.host("127.0.0.5", "mail.example.org")
    net.names.pointer("127.0.0.6", None)
    d = start(CONF, entry('only_from = [".example.org"];'), wrap=net.machine)
    assert visit(net, "127.0.0.5") == b"hello"
    first = resolvers(d)
    d.signal(signal.SIGUSR2)
    d.wait_log("upgraded from version")
    for pid in first:
        wait_for_end(pid)
    wait_until(lambda: children(d.pid) == {}, "it has been reaped")
    assert visit(net, "127.0.0.5") == b"hello"
    with net.run(connected, "127.0.0.6"):
        wait_until(lambda: ("6.0.0.127.in-addr.arpa", PTR) in net.names.asked, "one is busy")
        last = resolvers(d)
        assert last and not set(last) & set(first)
        assert d.stop() == 0
    for pid in last:
        wait_for_end(pid)


def test_behind_tcpmux(net, start):
    net.names.host("127.0.0.5", "mail.example.org")
    d = start("1 stream tcp4 nowait root internal tcpmux\ntcpmux/+x stream tcp4 nowait root /bin/cat\n",
              'services = ( { name = "tcpmux/x"; only_from = [".example.org"]; } );\n', wrap=net.machine)

    def go(source):
        with socket.socket() as s:
            s.settimeout(PATIENCE)
            s.bind((source, 0))
            s.connect(("127.0.0.1", 1))
            s.sendall(b"x\r\nhello")
            s.shutdown(socket.SHUT_WR)
            return read_all(s)
    assert net.run(go, "127.0.0.5") == b"+Go\r\nhello"

    def ask_only(source):
        with socket.socket() as s:
            s.settimeout(PATIENCE)
            s.bind((source, 0))
            s.connect(("127.0.0.1", 1))
            s.sendall(b"x\r\n")
            return read_all(s)
    assert net.run(ask_only, "127.0.0.6") == b"-Service not available\r\n"
    d.wait_log(r"tcpmux/x: refused 127\.0\.0\.6: not one of its only_from")


@pytest.fixture
def wrappers(workdir):
    (workdir / "inetd.conf").write_text(CONF)
    (workdir / "inetd.cfg").write_text(entry("libwrap = true;"))
    done = run_inetd("--check", "--settings", workdir / "inetd.cfg", workdir / "inetd.conf")
    if "built without libwrap" in done.stdout + done.stderr:
        pytest.skip("built without libwrap")


def test_libwrap_by_address_name_and_daemon(wrappers, net, start):
    net.names.host("127.0.0.6", "mail.example.org")
    (net.dir / "hosts.deny").write_text("ALL: ALL\n")
    (net.dir / "hosts.allow").write_text("7: 127.0.0.5\nkitten: .example.org\n")
    d = start(CONF + "9 stream tcp4 nowait root /bin/cat kitten\n",
              'services = ( { name = "7"; libwrap = true; }, { name = "9"; libwrap = true; } );\n',
              wrap=net.machine)
    assert visit(net, "127.0.0.5", 7) == b"hello"
    assert visit(net, "127.0.0.6", 7) == b""
    d.wait_log(r"7: refused 127\.0\.0\.6: by hosts.allow and hosts.deny")
    assert visit(net, "127.0.0.6", 9) == b"hello"
    assert visit(net, "127.0.0.5", 9) == b""
    assert visit(net, "127.0.0.6", 8) == b"hello"


def test_libwrap_that_hangs_or_cannot_be_read_refuses(wrappers, net, start):
    net.names.pointer("127.0.0.5", None)
    (net.dir / "hosts.deny").write_text("ALL: .example.org\n")
    d = start(CONF, entry("libwrap = true;"), wrap=net.machine)
    with net.run(connected, "127.0.0.5") as waiting:
        assert net.names.arrived.wait(PATIENCE)
        assert visit(net, "127.0.0.5", 8) == b"hello"
        with contextlib.suppress(ConnectionResetError):
            assert waiting.recv(9) == b""
    assert visit(net, "127.0.0.6") == b"hello"
    (net.dir / "hosts.deny").chmod(0o600)
    d.reload()  # after which a refusal is noted anew
    assert visit(net, "127.0.0.6") == b""
    d.wait_log(r"7: refused 127\.0\.0\.6: by hosts.allow and hosts.deny")
