"""inetctl against the real daemon: what it shows, and how it exits."""

import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
import threading

import pytest

from asking import Following, WAIT, asked, ctl, ports, service
from harness import BUILD, ENVIRONMENT, ME, PATIENCE, Daemon, ask, connect, free_port, inetctl
from support import children, script


def rows(text):
    """A table as [{column: cell}]."""
    names, *lines = (re.split(r"  +", line.strip()) for line in text.splitlines())
    return [dict(zip(names, cells, strict=True)) for cells in lines]


def test_status_and_list(ports, workdir):
    echo, full, taken = ports
    conf = (f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n"
            f"127.0.0.1:{full} stream tcp nowait/1 {ME} /bin/cat\n"
            f"127.0.0.1:{taken} stream tcp nowait {ME} /bin/cat\n"
            f"tcpmux/cat stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{free_port()} stream tcp nowait {ME} internal tcpmux\n")
    with (socket.create_server(("127.0.0.1", taken)),
          Daemon(conf, control=True) as d, connect(full) as one, connect(full)):
        one.sendall(b"x")
        assert one.recv(1) == b"x"
        assert ask(echo, b"x") == b"x"
        d.wait_log("new clients wait")
        status = asked(d, "status")
        assert (status["pid"], status["state"], status["generation"]) == (d.pid, "running", 0)
        assert (status["services"], status["running"], status["accepted"]) == (5, 1, 2)
        assert status["files"] == [str(d.conf)] and status["last_reload"] is None
        assert [f["service"] for f in status["failures"]] == [f"{taken}/tcp"]
        text = ctl(d, "status")
        assert re.search(rf"^inetd +[\d.]+, pid {d.pid}, running$", text, re.M)
        assert re.search(rf"^{taken}/tcp +127.0.0.1:{taken} +bind .*: Address already in use$", text,
                         re.M)
        table = {row["SERVICE"]: row for row in rows(ctl(d, "list"))}
        assert table[f"{full}/tcp"] == {
            "SERVICE": f"{full}/tcp", "ADDRESS": f"127.0.0.1:{full}", "STATE": "parked",
            "RUNNING": "1/1", "ACCEPTED": "1", "REFUSED": "0",
            "LAST USE": table[f"{full}/tcp"]["LAST USE"]}
        assert re.fullmatch(r"\d+ s ago", table[f"{full}/tcp"]["LAST USE"])
        assert (table[f"{taken}/tcp"]["STATE"], table[f"{taken}/tcp"]["LAST USE"]) == (
            "failed", "never")
        assert (table["tcpmux/cat/tcp"]["STATE"], table["tcpmux/cat/tcp"]["ADDRESS"]) == ("muxed", "-")
        assert service(d, full)["reason"] == "all 1 instances run"
        assert ctl(d, "list", "--names").splitlines()[:3] == [str(p) for p in ports]


def test_show(ports, workdir):
    cat, wait, echo = ports
    conf = (f"127.0.0.1:{cat} stream tcp nowait/1/9/9 {ME} /bin/cat cat -u\n"
            f"127.0.0.1:{wait} stream tcp wait {ME} {script(workdir / 'wait', WAIT)}\n"
            f"127.0.0.1:{echo} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, connect(cat) as one, connect(wait) as guest, \
            connect(echo) as session:
        one.sendall(b"x")
        assert one.recv(1) == b"x" and guest.recv(9) == b"hello"
        session.sendall(b"x")
        assert session.recv(1) == b"x"
        pids = {what: next(pid for pid in children(d.pid)
                           if what in open(f"/proc/{pid}/cmdline").read()) for what in ("cat", "wait")}
        (details,) = asked(d, "show", cat)["services"]
        assert (details["program"], details["arguments"]) == ("/bin/cat", ["cat", "-u"])
        assert (details["file"], details["line"], details["user"]) == (str(d.conf), 1, ME)
        (instance,) = details["instances"]
        assert instance["pid"] == pids["cat"]
        assert instance["peer"] == "127.0.0.1:{}".format(one.getsockname()[1])
        assert instance["memory"] > 100_000 and instance["cpu"] >= 0
        (details,) = asked(d, "show", f"{wait}/tcp")["services"]
        (lent,) = details["sockets"]
        assert (lent["state"], lent["server"]) == ("lent", pids["wait"])
        assert details["instances"][0]["peer"] is None
        (details,) = asked(d, "show", echo)["services"]
        assert (details["builtin"], details["program"]) == ("echo", None)
        assert details["instances"][0]["peer"].endswith(":{}".format(session.getsockname()[1]))
        text = ctl(d, "show", cat)
        assert re.search(rf"^  sockets +stream 127.0.0.1:{cat}, parked: all 1 instances run$", text,
                         re.M)
        assert re.search(rf"^ +{pids['cat']}  127.0.0.1:\d+ +\d+ s +\d\.\d\d s +[\d.]+M$", text, re.M)
        assert "no such service" in ctl(d, "show", "nobody", status=3)


def test_show_tells_where_each_limit_comes_from(ports, start):
    """As --dump does, but of what runs: the files may say something else by now."""
    one, two, relay = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait/7 {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} /bin/cat\n"
            f"127.0.0.1:{relay} stream tcp nowait {ME} internal redirect 127.0.0.1 9\n")
    settings = (f'defaults = {{ per_source = 5; }};\n'
                f'services = (\n{{ name = "{one}"; rate = "9/s";\n  env = ["A=b"]; }} );\n')
    d = start(conf, settings, "-q", "12", control=True)
    def limits(name):
        return {s["key"]: (s["value"], s["origin"])
                for s in asked(d, "show", name)["services"][0]["settings"]}

    before = limits(one)
    assert before["instances"] == ("7", f"line, {d.conf}:1")
    assert before["per_source"] == ("5", f"defaults, {d.settings}:1")
    assert before["rate"] == ('"9/s"', f"services, {d.settings}:3")
    assert before["env"] == ('["A=b"]', f"services, {d.settings}:4")
    assert before["backlog"] == ("12", "command line")
    assert before["nice"] == (None, "built in")
    assert "idle_timeout" not in before
    assert limits(two)["instances"] == ("256", "built in")
    assert limits(relay)["redirect"] == ('"127.0.0.1 9"', f"line, {d.conf}:3")
    d.settings.write_text("")
    d.rewrite("# nothing\n")
    assert limits(one) == before
    text = ctl(d, "show", one)
    assert re.search(rf"^  rate +\"9/s\" +services, {d.settings}:3$", text, re.M)


def test_several_of_one_name(ports):
    conf = "".join(f"127.0.0.{n}:{ports[0]} {kind}\n" for n, kind in (
        (1, f"stream tcp nowait {ME} internal echo"), (2, f"stream tcp nowait {ME} internal discard"),
        (1, f"dgram udp wait {ME} internal echo")))
    with Daemon(conf, control=True) as d:
        assert len(asked(d, "show", ports[0])["services"]) == 3
        assert len(asked(d, "show", f"{ports[0]}/tcp")["services"]) == 2
        assert ctl(d, "show", f"{ports[0]}/udp").count("internal echo") == 1


def test_exit_codes_and_messages(workdir):
    nowhere = workdir / "nowhere"
    done = inetctl("-s", nowhere, "status")
    assert done.returncode == 4
    assert done.stderr == (f"inetctl: cannot reach inetd at {nowhere}: No such file or directory; "
                           "is it running?\n")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(nowhere))
        done = inetctl("list", "-s", nowhere)
        assert done.returncode == 4
        assert done.stderr == (f"inetctl: cannot reach inetd at {nowhere}: Connection refused; "
                               "is it running?\n")
        s.listen()

        def hang_up():
            client, _ = s.accept()
            client.recv(1)
            client.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        done = inetctl("list", "-s", nowhere)
        thread.join()
        assert done.returncode == 4, done
    for wrong in ((), ("fly",), ("list", "--no-such"), ("show",)):
        assert inetctl(*wrong).returncode == 2, wrong
    assert inetctl("--help").returncode == 0
    for verb in re.findall(r"^  (\w+)  ", inetctl("--help").stdout, re.M):
        assert inetctl(verb, "--help").returncode == 0, verb


@pytest.mark.root
def test_what_others_are_told(ports, workdir):
    settings = workdir / "cfg"
    settings.write_text('daemon = { control_mode = "0666"; };\n')
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait root internal echo\n"
    with Daemon(conf, "--settings", settings, control=True) as d:
        if any(not parent.stat().st_mode & 0o001 for parent in BUILD.resolve().parents):
            pytest.skip("the binary is out of nobody's reach")
        assert f"{ports[0]}/tcp" in ctl(d, "list", user="nobody")
        assert ctl(d, "reload", status=1, user="nobody") == (
            "inetctl: permission denied: this is for root and the user that inetd was started as\n")


def on_a_terminal(d, *arguments, columns=80, **variables):
    """Its output where it is a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, *arguments], stdout=theirs,
                               stdin=subprocess.DEVNULL,
                               env={**ENVIRONMENT, "TERM": "xterm", **variables})
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not part:
            break
        text += part
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    return text.decode().replace("\r\n", "\n")


def test_terminals(ports, workdir):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal echo\n" + "".join(
        f"{workdir}/a-socket-with-a-long-name-{n} stream unix nowait {ME} /bin/cat\n" for n in (1, 2))
    with Daemon(conf, control=True) as d:
        text = on_a_terminal(d, "list", columns=90)
        assert "\033[32mlistening\033[0m" in text
        plain = re.sub(r"\033\[\d+m", "", text)
        assert max(map(len, plain.splitlines())) == 90 and "…" in plain
        assert "\033" not in on_a_terminal(d, "list", NO_COLOR="1")
        assert "\033" not in on_a_terminal(d, "list", TERM="dumb")
        piped = ctl(d, "list")
        assert "\033" not in piped and "…" not in piped
        assert f"{workdir}/a-socket-with-a-long-name-1/unix" in piped
        cut = ctl(d, "list", env={"COLUMNS": "90"})
        assert max(map(len, cut.splitlines())) == 90


def test_diff(ports, workdir):
    one, two, three = ports
    conf = (f"127.0.0.1:{one} stream tcp nowait/5 {ME} /bin/cat\n"
            f"127.0.0.1:{two} stream tcp nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d:
        assert ctl(d, "diff") == ""
        d.rewrite(f"127.0.0.1:{one} stream tcp nowait/7 {ME} /bin/cat cat -u\n"
                  f"127.0.0.1:{three} stream tcp nowait {ME} internal echo\n")
        assert ctl(d, "diff") == (
            f"~ {one}/tcp  {d.conf}:1\n"
            "    program: /bin/cat cat -> /bin/cat cat -u\n"
            "    instances: 5 -> 7\n"
            f"+ {three}/tcp  {d.conf}:2\n"
            f"- {two}/tcp  {d.conf}:2\n")
        other = workdir / "other.conf"
        other.write_text(conf + f"127.0.0.1:{three} stream tcp wait {ME} /bin/cat\n")
        (change,) = asked(d, "diff", other)["changes"]
        assert (change["kind"], change["name"], change["file"]) == ("added", str(three), str(other))
        other.write_text("nonsense\n")
        told = ctl(d, "diff", other, status=78)
        assert "other.conf:1" in told and "would be refused" in told
        assert ask(two, b"x") == b"x", "nothing has changed"
        assert asked(d, "status")["last_reload"] is None


def test_log(ports):
    one, two, _ = ports
    conf = "".join(f"127.0.0.1:{port} stream tcp nowait {ME} /bin/true\n" for port in (one, two))
    with Daemon(conf, "-l", control=True) as d:
        for port in (one, two):
            ask(port)
            d.wait_log(f"{port}: pid .* ended: exit 0")
        text = ctl(d, "log")
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 2 services, 0 running\n", text)
        assert f" {one}: pid " in text and f" {two}: pid " in text
        only = ctl(d, "log", one)
        assert f" {two}: pid " not in only and f" {one}: pid " in only
        assert len(ctl(d, "log", "-n", "2", f"{one}/tcp").splitlines()) == 2
        assert asked(d, "log", "-n", "1", one)["lines"][0]["service"] == str(one)
        with Following(d, "log", "-f", "-n", "1", one) as log, Following(d, "log", "-f") as all_of_it:
            log.wait_line(f"{one}: pid .* ended")
            all_of_it.wait_line("2 services")
            ask(two)
            all_of_it.wait_line(f"{two}: pid .* ended")
            ask(one)
            assert f"{two}:" not in log.wait_line(f"{one}: 127.0.0.1.*started|{two}:")
        assert "no such service" in ctl(d, "log", "nobody", status=3)


def test_the_log_is_kept_within_bounds(ports):
    conf = f"127.0.0.1:{ports[0]} stream tcp nowait {ME} internal echo\n"
    with Daemon(conf, control=True) as d:
        for _ in range(700):
            d.signal(signal.SIGHUP)
            d.wait_log("reload: ")
        lines = asked(d, "log")["lines"]
        assert 50 < len(lines) < 700
        assert "reload" in lines[-1]["text"] and "services" not in lines[0]["text"]
