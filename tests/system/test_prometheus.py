"""The real Prometheus scrapes the daemon; its promtool reads the text, and the rules and the dashboard
that come along name nothing that is not there."""

import contextlib
import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import ENVIRONMENT, ME, PATIENCE, ROOT, Daemon, ask, free_port
from openmetrics import Metrics, fetch
from support import script, wait_until

pytestmark = pytest.mark.needs("prometheus", "promtool")
RULES = ROOT / "etc" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "etc" / "grafana-dashboard.json"


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, text=True,
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Prometheus:
    def __init__(self, directory, targets, rules=None):
        self.port = free_port()
        shutil.copy(RULES, directory)
        (directory / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms",
                       "evaluation_interval": "200ms"},
            "rule_files": [RULES.name] if rules is None else rules,
            "scrape_configs": [{"job_name": "inetd",
                                "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
                               for target in targets]}))
        self.log = open(directory / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={directory}/prometheus.yml",
             f"--web.listen-address=127.0.0.1:{self.port}",
             f"--storage.tsdb.path={directory}/data"],
            env=ENVIRONMENT, cwd=directory, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def get(self, path, **query):
        """None while it does not answer yet."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                return json.load(answer)["data"]
        assert self.process.poll() is None
        return None

    def value(self, expression):
        found = self.get("query", query=expression)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None


def test_prometheus_has_what_the_daemon_has_counted(workdir):
    metrics, port, echo = free_port(), free_port(), free_port()
    end = script(workdir / "end", "import sys\nsys.exit(int(sys.stdin.readline()))\n")
    conf = (f"127.0.0.1:{metrics} stream tcp4 nowait {ME} internal metrics\n"
            f"127.0.0.1:{port} stream tcp4 nowait {ME} {end}\n"
            f"127.0.0.1:{echo} stream tcp4 nowait {ME} internal echo\n")
    with Daemon(conf, control=True) as d, Prometheus(workdir, [metrics]) as prometheus:
        for code in (b"0\n", b"5\n", b"5\n"):
            ask(port, code)
        ask(echo, b"eleven byte")
        for expression, value in (
                (f'inetd_service_accepted_total{{service="{port}"}}', 3),
                (f'inetd_service_exits_total{{service="{port}",code="5"}}', 2),
                (f'inetd_service_session_duration_seconds_count{{service="{port}"}}', 3),
                (f'inetd_service_spawn_latency_seconds_bucket{{service="{port}",le="+Inf"}}', 3),
                (f'inetd_service_sent_bytes_total{{service="{echo}"}}', 11),
                ("inetd_build_info", 1),
                ('up{job="inetd"}', 1)):
            wait_until(lambda e=expression, v=value: prometheus.value(e) == v, expression)
        # It was the format that it would rather have, and understood to the last word.
        assert {one["metric"]: (one["type"], one["unit"])
                for one in prometheus.get("targets/metadata") if one["metric"].startswith("inetd")} == {
            name: (family.type, family.unit) for name, family in Metrics(d).families.items()}
        # One connection does for all scrapes.
        assert Metrics(d).of("service_accepted_total", metrics) < 5
        d.rewrite(conf + "rubbish\n")
        d.signal(1)
        d.wait_log("reload refused")
        firing = wait_until(lambda: {alert["labels"]["alertname"]
                                     for alert in (prometheus.get("alerts") or {}).get("alerts", [])
                                     if alert["state"] == "firing"}, "an alert fires")
        assert firing == {"InetdReloadRefused"}
        d.reload(conf)
        wait_until(lambda: not prometheus.get("alerts")["alerts"], "it fires no more")


@pytest.fixture
def names(workdir):
    """All that a daemon may say whose services have all kinds and had all fates."""
    ports = [free_port() for _ in range(4)]
    end = script(workdir / "end", "import sys\nsys.exit(1)\n")
    settings = workdir / "inetd.cfg"
    settings.write_text(f'services = ( {{ name = "{ports[0]}"; per_source = 1; }} );\n')
    conf = (f"127.0.0.1:{ports[0]} stream tcp4 nowait {ME} {end}\n"
            f"127.0.0.1:{ports[1]} stream tcp4 nowait {ME} internal echo\n"
            f"127.0.0.1:{ports[2]} dgram udp4 wait {ME} internal echo\n"
            f"127.0.0.1:{ports[3]} stream tcp4 nowait {ME} internal metrics\n")
    with Daemon(conf, "--settings", settings, control=True) as d:
        ask(ports[0])
        return {sample.name for sample in Metrics(d).samples}


def test_promtool_has_nothing_to_say_about_the_older_format():
    port, other = free_port(), free_port()
    with Daemon(f"127.0.0.1:{port} stream tcp4 nowait {ME} internal metrics\n"
                f"127.0.0.1:{other} stream tcp4 nowait {ME} /bin/true\n"):
        ask(other)
        text = fetch(port, accept="text/plain")[1]
        assert "# TYPE inetd_service_accepted_total counter\n" in text
        assert promtool("check", "metrics", text=text).strip() == ""


def used(expressions):
    """The names of metrics in them."""
    return {name for one in expressions for name in re.findall(r"\binetd_[a-z_]+\b", one)}


def test_rules_name_what_is_there(names):
    said = promtool("check", "rules", RULES)
    assert "SUCCESS: 11 rules found" in said
    expressions = re.findall(r"expr: (?:\|\n((?:          .*\n)+)|(.*))", RULES.read_text())
    assert len(expressions) == 11
    found = used(" ".join(pair) for pair in expressions)
    assert found and found <= names


def test_the_dashboard_names_what_is_there(names, workdir):
    dashboard = json.loads(DASHBOARD.read_text())
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    variables = [one["definition"] for one in dashboard["templating"]["list"] if "definition" in one]
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    found = used([target["expr"] for target in targets] + variables)
    assert found and found <= names
    assert {"inetd_service_spawn_latency_seconds_bucket", "inetd_service_refused_total",
            "inetd_service_exits_total", "inetd_last_reload_successful"} <= found
    # Expressions that Prometheus can read, with the variables of Grafana filled in.
    fill = {"$__rate_interval": "1m", "$instance": ".*", "$service": ".*"}
    rules = []
    for at, target in enumerate(targets):
        for variable, value in fill.items():
            target["expr"] = target["expr"].replace(variable, value)
        rules.append({"record": f"panel:{at}", "expr": target["expr"]})
    path = workdir / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", path)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
