"""Reads what `inetctl metrics` and the built-in metrics say, by the parser of Prometheus' own client
library for Python."""

import http.client
import subprocess

from harness import BUILD, ENVIRONMENT, PATIENCE

OPEN = "application/openmetrics-text"


def fetch(port, path="/metrics", accept=OPEN, method="GET"):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request(method, path, headers={"Accept": accept})
        answer = client.getresponse()
        return answer, answer.read().decode()
    finally:
        client.close()


def families(text):
    """{name of a family: its metadata and samples}; fails where the text is not in the format."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in found
        found[family.name] = family
    return found


class Metrics:
    """One look at a daemon with a control socket."""

    def __init__(self, daemon):
        done = subprocess.run([BUILD / "inetctl", "-s", daemon.control, "metrics"], env=ENVIRONMENT,
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        self.families = families(done.stdout)
        self.samples = [s for family in self.families.values() for s in family.samples]

    def all(self, name, **labels):
        """{the other labels: value}"""
        return {tuple(sorted((k, v) for k, v in s.labels.items() if k not in labels)): s.value
                for s in self.samples if s.name == f"inetd_{name}"
                and all(s.labels.get(k) == str(v) for k, v in labels.items())}

    def of(self, name, service=None, **labels):
        """The value; None if there is no such sample."""
        if service is not None:
            labels["service"] = service
        values = list(self.all(name, **labels).values())
        assert len(values) < 2, (name, labels, values)
        return values[0] if values else None
