"""The control socket as a stranger meets it: the protocol, and what a caller who is broken or means harm
costs."""

import contextlib
import grp
import json
import os
import select
import socket

import pytest

from callers import NOBODY, as_user, d, is_alive, port
from harness import PATIENCE, Daemon, ask
from support import has_nothing, mode_of, own_memory, wait_until
from varlink import INETD, Caller, Control, Description, VarlinkError

MOST = 16  # connections
RESERVED = 4  # of them for root and the daemon's user
LONGEST = 64 * 1024  # of a call, with its NUL


def raw(d):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(d.control))  # with a limit of time it would not wait where many do
    s.settimeout(PATIENCE)
    return s


def end_of(s):
    """Until the daemon closes the connection; what came before."""
    data = b""
    while True:
        try:
            part = s.recv(65536)
        except ConnectionResetError:  # something that it has not read was thrown away
            return data
        if not part:
            return data
        data += part


def test_what_every_varlink_service_says(d):
    with Caller(d.control, INETD) as caller:
        info = caller.call("org.varlink.service.GetInfo")
        assert info["interfaces"] == ["org.varlink.service", INETD]
        assert info["product"] == "inetd"
        assert caller.descriptions[INETD].name == INETD
        for method, parameters, error in (
                ("nodots", {}, "org.varlink.service.InterfaceNotFound"),
                ("com.example.Nobody.Do", {}, "org.varlink.service.InterfaceNotFound"),
                (f"{INETD}.Fly", {}, "org.varlink.service.MethodNotFound"),
                ("org.varlink.service.Fly", {}, "org.varlink.service.MethodNotFound"),
                (f"{INETD}.Show", {}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Show", {"name": 5}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.List", {"nmae": "x"}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Kill", {}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Kill", {"pid": 2**63}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Kill", {"pid": 5, "signal": -1}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Pause", {"names": ["x", 1]}, "org.varlink.service.InvalidParameter"),
                (f"{INETD}.Pause", {"names": ["x"]}, f"{INETD}.NoSuchService"),
                (f"{INETD}.Kill", {"pid": 1}, f"{INETD}.NoSuchProcess")):
            caller.send(method, parameters)
            with pytest.raises(VarlinkError) as told:
                caller._result("x", caller.read())
            assert told.value.name == error, method
        caller.send(f"{INETD}.List", upgrade=True)
        with pytest.raises(VarlinkError, match="MethodNotImplemented"):
            caller._result("x", caller.read())


def test_the_description_is_whole(d):
    """Every method is there, and each that only looks returns what it says."""
    with Control(d.control) as control:
        methods = control.descriptions[INETD].methods
        for name, (parameters, _) in methods.items():
            control.send(f"{INETD}.{name}", {"no such": 1})
            # Not MethodNotFound: what is described is there.
            assert control.read()["error"] == "org.varlink.service.InvalidParameter", name
        assert {"GetStatus", "List", "Show"} <= set(methods)


def test_a_description_that_lies_is_found():
    """The test of the test: what is not described, missing or of another type."""
    text = "interface a.b\ntype T (x: int)\nmethod M() -> (one: ?T, two: []string, three: (on, off))\n"
    description = Description(text)
    result = description.methods["M"][1]
    description.check({"one": {"x": 1}, "two": [], "three": "on"}, result, "M")
    for wrong in ({"two": [], "three": "on", "four": 1}, {"three": "on"}, {"two": [1], "three": "on"},
                  {"two": [], "three": "up"}, {"one": {"x": True}, "two": [], "three": "on"}):
        with pytest.raises(AssertionError):
            description.check(wrong, result, "M")


def test_calls_that_come_together_or_in_pieces(d):
    one = json.dumps({"method": f"{INETD}.List"}).encode() + b"\0"
    with raw(d) as s:
        s.sendall(one * 50)
        with Control(d.control) as control:
            control.call("List")  # nobody has to wait for all of them
        got = b""
        while got.count(b"\0") < 50:
            got += s.recv(65536)
        for byte in one:
            s.send(bytes([byte]))
        assert b"services" in s.recv(65536)
        oneway = json.dumps({"method": f"{INETD}.List", "oneway": True}).encode() + b"\0"
        s.sendall(oneway * 3 + one)
        s.shutdown(socket.SHUT_WR)  # and who has said all still gets his answer
        assert end_of(s).count(b"\0") == 1


GARBAGE = {
    "no JSON": b"hello\0",
    "nothing": b"\0",
    "no object": b"[1]\0",
    "no method": b"{}\0",
    "a method that is no text": b'{"method": 5}\0',
    "parameters that are no object": b'{"method": "a.b.C", "parameters": [1]}\0',
    "no UTF-8": b'{"method": "\xff\xfe"}\0',
    "a flag that is none": b'{"method": "a.b.C", "more": "yes"}\0',
    "deep": b'{"method": "a.b.C", "parameters": ' + b'{"a":' * 30 + b"1" + b"}" * 31 + b"\0",
    "very deep": b"[" * (LONGEST - 10) + b"\0",
    "a number beyond all": b'{"method": "a.b.C", "parameters": {"a": 1' + b"0" * 400 + b"}}\0",
    "long": b'{"method": "' + b"x" * LONGEST,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_ends_the_connection_and_nothing_else(d, port, name):
    with raw(d) as s, Control(d.control) as other:
        try:
            s.sendall(GARBAGE[name])
        except BrokenPipeError:
            pass
        assert end_of(s) == b""
        other.call("List")
    assert is_alive(d, port)


def test_the_longest_call(d):
    with raw(d) as s:
        call = json.dumps({"method": f"{INETD}.Show", "parameters": {"name": ""}}).encode()
        whole = call[:-3] + b"x" * (LONGEST - 1 - len(call)) + call[-3:] + b"\0"
        assert len(whole) == LONGEST
        s.sendall(whole)
        assert b"NoSuchService" in s.recv(65536)


def test_ten_megabytes_without_an_end(d, port):
    with raw(d) as s:
        sent = 0
        with pytest.raises(OSError):
            while sent < 10 * 1024 * 1024:
                sent += s.send(b"x" * 65536)
        assert sent < 1024 * 1024  # what the socket holds, and no more
    assert is_alive(d, port)


def test_a_hundred_idle_callers(d, port):
    """No more than so many are let in; the others see why, and the services notice nothing."""
    callers = [raw(d) for _ in range(100)]
    try:
        refused = 0
        in_use = [s for s in callers if not select.select([s], [], [], 0)[0]]
        wait_until(lambda: len([s for s in callers if select.select([s], [], [], 0)[0]]) == 100 - MOST,
                   f"all but {MOST} are turned away")
        for s in callers:
            if select.select([s], [], [], 0)[0]:
                text = end_of(s)
                assert json.loads(text[:-1])["error"] == f"{INETD}.Busy"
                refused += 1
        assert refused == 100 - MOST and len(in_use) >= MOST
        assert ask(port, b"hello") == b"hello"
    finally:
        for s in callers:
            s.close()
    wait_until(lambda: is_let_in(d), "there is room again")
    assert is_alive(d, port)


def is_let_in(d):
    """Who is not may be told so, and be shut out, before he has said a word."""
    with raw(d) as s, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        s.sendall(json.dumps({"method": f"{INETD}.List"}).encode() + b"\0")
        return b"Busy" not in s.recv(65536)
    return False


def test_who_does_not_read_gets_no_more(d, port):
    """One answer is held for him; the calls after it stay where they are."""
    call = json.dumps({"method": "org.varlink.service.GetInterfaceDescription",
                       "parameters": {"interface": INETD}}).encode() + b"\0"
    with raw(d) as s:
        s.setblocking(False)
        before, sent, stuck = own_memory(d.pid), 0, 0
        while stuck < 3:  # until the daemon has stopped to read
            try:
                sent += s.send(call * 100)
                assert sent < 1 << 24
                stuck = 0
            except BlockingIOError:
                stuck += 1
                assert is_alive(d, port)
        assert own_memory(d.pid) - before < 4096
        s.settimeout(PATIENCE)
        assert b"interface io.inetd.Control" in s.recv(65536)
    assert is_alive(d, port)


def test_who_goes_away_in_the_middle(d, port):
    call = json.dumps({"method": f"{INETD}.List"}).encode() + b"\0"
    for data in (b"", b"{", call, call * 20, call[:-1]):
        with raw(d) as s:
            s.sendall(data)
    assert is_alive(d, port)


@pytest.mark.root
def test_who_may_what(port, workdir):
    conf = f"127.0.0.1:{port} stream tcp nowait root internal echo\n"
    adm = grp.getgrnam("adm").gr_gid
    settings = workdir / "cfg"
    settings.write_text('daemon = { control_mode = "0660"; control_group = "adm"; };\n')
    with Daemon(conf, "--settings", settings, control=True) as d:
        assert mode_of(d.control) == 0o660
        assert (os.stat(d.control).st_uid, os.stat(d.control).st_gid) == (0, adm)

        def looks():
            with Control(d.control) as control:
                control.call("List")
                control.call("Show", name=str(port))
                try:
                    control.call("Pause", names=[str(port)])
                    return False
                except VarlinkError as told:
                    return told.name == "org.varlink.service.PermissionDenied"

        def is_kept_out():
            try:
                raw(d)
                return False
            except PermissionError:
                return True

        assert as_user(NOBODY, is_kept_out) == 0
        assert as_user(NOBODY, looks, adm) == 0
        settings.write_text('daemon = { control_mode = "0666"; };\n')
        d.reload()
        assert mode_of(d.control) == 0o666 and os.stat(d.control).st_gid == os.getegid()
        assert as_user(NOBODY, looks) == 0
        with Control(d.control) as control:  # as root
            control.call("Pause", names=[str(port)])

        def keeps_others_out():
            held = [raw(d) for _ in range(MOST)]
            left = wait_until(lambda: [s for s in held if has_nothing(s)][:MOST - RESERVED]
                              if len([s for s in held if has_nothing(s)]) == MOST - RESERVED else None,
                              "four are turned away")
            with raw(d) as s:
                return len(left) == MOST - RESERVED and b"Busy" in end_of(s)

        assert as_user(NOBODY, keeps_others_out) == 0
        with Control(d.control) as control:
            control.call("Resume")
        assert ask(port, b"x") == b"x"
