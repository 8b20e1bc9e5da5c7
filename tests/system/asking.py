"""inetctl as an operator calls it."""

import json
import re
import subprocess
import threading

import pytest

from harness import BUILD, ENVIRONMENT, PATIENCE, free_port, inetctl

WAIT = """
import socket
client, _ = socket.socket(fileno=0).accept()
client.sendall(b"hello")
client.recv(100)
"""


@pytest.fixture
def ports():
    return [free_port() for _ in range(3)]


def ctl(d, *arguments, status=0, **keywords):
    done = inetctl("-s", d.control, *arguments, **keywords)
    assert done.returncode == status, (done.args, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def asked(d, *arguments):
    return json.loads(ctl(d, *arguments, "--json"))


def service(d, name):
    return next(s for s in asked(d, "list")["services"] if s["name"] == str(name))


class Following:
    """A verb that goes on until it is closed; wait_line() returns its next line that matches."""

    def __init__(self, d, *arguments):
        self.process = subprocess.Popen([BUILD / "inetctl", "-s", d.control, *map(str, arguments)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait_line(self, pattern):
        too_long = threading.Timer(PATIENCE, self.process.kill)
        too_long.start()
        try:
            for line in self.process.stdout:
                if re.search(pattern, line):
                    return line
        finally:
            too_long.cancel()
        raise AssertionError(f"ended without a line like {pattern!r}")
