"""What the daemon counts agrees with what was done to it."""

import contextlib
import re
import signal
import socket

import pytest

from harness import ME, ROOT, Daemon, ask, connect, free_port, read_all, udp
from openmetrics import OPEN, Metrics, fetch, families
from support import descriptors, script, wait_until

pytest.importorskip("prometheus_client")


def seen(d, what, condition):
    """The first Metrics of which the condition is true."""
    def look():
        metrics = Metrics(d)
        return metrics if condition(metrics) else None
    return wait_until(look, what)


def line(port, program, kind="stream tcp4 nowait"):
    return f"127.0.0.1:{port} {kind} {ME} {program}\n"


def settings_file(workdir, *services):
    path = workdir / "inetd.cfg"
    path.write_text("services = ( " + ", ".join("{ %s }" % one for one in services) + " );\n")
    return path


def test_servers_their_ends_and_their_times(workdir):
    port = free_port()
    end = script(workdir / "end", "import os, sys\nhow = sys.stdin.readline().strip()\n"
                 "os.kill(os.getpid(), 11) if how == 'crash' else sys.exit(int(how))\n")
    with Daemon(line(port, end), control=True) as d:
        before = Metrics(d)
        assert before.of("service_accepted_total", port) == 0
        assert before.all("service_exits_total", service=port, code=0)
        for how in (b"0\n", b"3\n", b"0\n", b"crash\n", b"0\n"):
            ask(port, how)
        now = seen(d, "all have ended",
                   lambda m: m.of("service_session_duration_seconds_count", port) == 5)
        assert now.of("service_accepted_total", port) == 5
        assert now.of("service_running", port) == 0
        assert now.of("service_exits_total", port, code=0) == 3
        assert now.of("service_exits_total", port, code=3) == 1
        assert now.of("service_exits_total", port, signal="SIGSEGV") == 1
        assert now.of("service_spawn_failures_total", port) == 0
        assert now.of("service_spawn_latency_seconds_count", port) == 5
        assert now.of("service_spawn_latency_seconds_bucket", port, le="+Inf") == 5
        assert 0 < now.of("service_spawn_latency_seconds_sum", port) < (
            now.of("service_session_duration_seconds_sum", port))
        assert now.of("service_last_use_timestamp_seconds", port) > now.of("start_time_seconds")
        with connect(port):
            now = seen(d, "one runs", lambda m: m.of("service_running", port) == 1)
            assert now.of("servers") == 1
            seen(d, "its exec is known", lambda m: m.of("service_spawn_latency_seconds_count",
                                                        port) == 6)


def test_a_program_that_cannot_be_started(workdir):
    port = free_port()
    program = script(workdir / "here", "")
    with Daemon(line(port, program), control=True) as d:
        program.unlink()
        ask(port)
        now = seen(d, "that it failed", lambda m: m.of("service_spawn_failures_total", port) == 1)
        assert now.of("service_spawn_latency_seconds_count", port) == 0
        assert now.of("service_session_duration_seconds_count", port) == 0
        assert sum(now.all("service_exits_total", service=port).values()) == 0


def test_every_refusal_has_its_reason(workdir):
    full, source, rate, access, balanced = (free_port() for _ in range(5))
    settings = settings_file(
        workdir,
        f'name = "{full}"; instances = 1; overflow = "refuse";',
        f'name = "{source}"; per_source = 1;',
        f'name = "{rate}"; rate_per_source = "1/h";',
        f'name = "{access}"; only_from = ["192.0.2.0/24"];',
        f'name = "{balanced}"; proxy_protocol = true; proxy_from = ["127.0.0.1"];')
    ports = (full, source, rate, access, balanced)
    with Daemon("".join(line(port, "internal echo") for port in ports),
                "--settings", settings, control=True) as d:
        start = Metrics(d)
        for port, reason in ((full, "instances"), (source, "per_source"), (access, "only_from"),
                             (rate, "rate_per_source"), (balanced, "proxy_header")):
            assert start.of("service_refused_total", port, reason=reason) == 0
        for port, reason in ((full, "instances"), (source, "per_source")):
            with connect(port) as one:
                one.sendall(b"x")
                assert one.recv(1) == b"x"
                for _ in range(2):
                    assert ask(port) == b""
        for port, data in ((rate, b""), (rate, b""), (access, b""), (balanced, b"rubbish\r\n")):
            with connect(port) as s, contextlib.suppress(OSError): # it may be closed at any time
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                read_all(s)
        now = seen(d, "the last one", lambda m: m.of("service_refused_total", balanced,
                                                     reason="proxy_header") == 1)
        assert now.of("service_refused_total", full, reason="instances") == 2
        assert now.of("service_refused_total", source, reason="per_source") == 2
        assert now.of("service_refused_total", rate, reason="rate_per_source") == 1
        assert now.of("service_refused_total", access, reason="only_from") == 1
        assert now.of("service_accepted_total", access) == 0
        assert now.of("service_accepted_total", full) == 1
        assert now.of("service_limit", full) == 1


def test_bytes_of_builtin_services_also_of_those_that_stay():
    echo, discard, target, relay, packets = (free_port() for _ in range(5))
    conf = (line(echo, "internal echo") + line(discard, "internal discard") +
            line(target, "internal echo") + line(relay, f"internal redirect 127.0.0.1 {target}") +
            line(packets, "internal echo", "dgram udp4 wait"))
    with Daemon(conf, control=True) as d, connect(echo) as stays:
        stays.sendall(b"12345")
        assert stays.recv(10) == b"12345"
        ask(echo, b"123")
        ask(discard, 1000 * b"x")
        assert ask(relay, b"1234567") == b"1234567"
        with udp(packets) as s:
            for text in (b"a", b"bcd"):
                s.send(text)
                assert s.recv(10) == text
        now = seen(d, "all but one have ended",
                   lambda m: sum(m.all("service_session_duration_seconds_count").values()) == 4)
        for port, received, sent in ((echo, 8, 8), (discard, 1000, 0), (relay, 7, 7),
                                     (target, 7, 7), (packets, 4, 4)):
            assert now.of("service_received_bytes_total", port) == received
            assert now.of("service_sent_bytes_total", port) == sent
        assert now.of("service_datagrams_total", packets) == 2
        assert now.of("service_spawn_latency_seconds_count", echo) is None
        assert now.of("sessions") == 1


def test_counts_go_on_over_reloads_and_changes_of_the_binary(workdir):
    port, echo = free_port(), free_port()
    end = script(workdir / "end", "import sys\nsys.exit(int(sys.stdin.readline()))\n")
    conf = line(port, end) + line(echo, "internal echo")
    with Daemon(conf, control=True) as d:
        ask(port, b"7\n")
        ask(echo, b"four")
        seen(d, "both have ended",
             lambda m: sum(m.all("service_session_duration_seconds_count").values()) == 2)
        d.reload(conf + "# once more\n")
        d.rewrite(conf + "rubbish\n")
        d.signal(signal.SIGHUP)
        d.wait_log("reload refused")
        bad = Metrics(d)
        assert bad.of("last_reload_successful") == 0
        assert bad.all("reloads_total") == {(("result", "applied"),): 1, (("result", "refused"),): 1}
        d.reload(conf)
        before = Metrics(d)
        assert before.of("last_reload_successful") == 1
        assert before.of("last_reload_timestamp_seconds") > before.of("start_time_seconds")
        d.signal(signal.SIGUSR2)
        d.wait_log("upgraded from version")
        after = Metrics(d)
        assert after.of("generation") == 1
        assert after.of("start_time_seconds") == pytest.approx(before.of("start_time_seconds"), abs=1)
        assert after.of("service_exits_total", port, code=7) == 1
        assert after.of("service_sent_bytes_total", echo) == 4
        for one in before.samples:
            if before.families.get(one.name.removesuffix("_total")) and one.name.endswith("_total") or (
                    "_bucket" in one.name or one.name.endswith(("_sum", "_count"))):
                assert after.of(one.name.removeprefix("inetd_"), **one.labels) == one.value, one


def test_states_and_descriptors(workdir):
    port, gone = free_port(), free_port()
    settings = settings_file(workdir, f'name = "{gone}"; freebind = false;')
    conf = line(port, "internal echo") + f"192.0.2.77:{gone} stream tcp4 nowait {ME} internal echo\n"
    with Daemon(conf, "--settings", settings, control=True) as d:
        now = Metrics(d)
        assert now.of("service_state", gone, state="failed") == 1
        assert now.of("service_state", port, state="listening") == 1
        assert now.of("services", state="failed") == now.of("sockets", state="failed") == 1
        wait_until(lambda: now.of("open_descriptors") == descriptors(d.pid) + 1,
                   "the connection of inetctl is closed")
        assert now.of("descriptor_limit") >= now.of("open_descriptors")
        with connect(port):
            seen(d, "one more", lambda m: m.of("open_descriptors") > now.of("open_descriptors"))


def test_names_that_have_to_be_escaped(workdir):
    path = workdir / 'a "quoted" \\ näme'
    quoted = str(path).replace("\\", "\\\\").replace('"', '\\"')
    with Daemon(f'"{quoted}" stream unix nowait {ME} internal echo\n', control=True) as d:
        assert Metrics(d).of("service_accepted_total", str(path)) == 0


def test_the_manual_names_every_metric_and_no_other():
    manual = (ROOT / "docs/man/inetd.8").read_text()
    section = manual.partition(".Sh METRICS")[2].partition(".Sh ")[0]
    named = set(re.findall(r"\binetd_[a-z_]+[a-z]\b", section)) - {"inetd_service"}
    ports = [free_port() for _ in range(3)]
    conf = (line(ports[0], "internal echo") + line(ports[1], "internal echo", "dgram udp4 wait") +
            line(ports[2], "/bin/true"))
    with Daemon(conf, control=True) as d:
        ask(ports[2])
        now = seen(d, "that it was used",
                   lambda m: m.of("service_last_use_timestamp_seconds", ports[2]))
        suffix = {"counter": "_total", "info": "_info"}
        assert {f.name + suffix.get(f.type, "") for f in now.families.values()
                if f.name != "inetd_service_refused"} | {"inetd_service_refused_total"} == named


def test_both_ways_say_the_same():
    port = free_port()
    with Daemon(line(port, "internal metrics"), control=True) as d:
        over_http = families(fetch(port, accept=OPEN)[1])
        assert set(over_http) - {"inetd_service_last_use_timestamp_seconds"} <= set(Metrics(d).families)
        assert Metrics(d).of("service_sent_bytes_total", port) > 1000
