"""What docs/GUIDE.md says that one sees in trouble is what the programs say then."""

import re
import socket

import pytest

from harness import ME, ROOT, ask, connect, free_port, inetctl
from support import script, wait_until

TEXT = (ROOT / "docs/GUIDE.md").read_text()
TABLE = TEXT.partition("**In trouble.**")[2].partition("\n## ")[0]
# What stands in the first column of each row.
SEEN = [line.split(" | ")[0].removeprefix("| ")
        for line in TABLE.splitlines() if line.startswith("| ")][1:]


class Troubled:
    """A daemon with one service for each trouble. Each function provokes one and returns what is
    said; they stand in the order of the table."""

    def __init__(self, start, workdir):
        self.taken, self.barred, self.full, self.eager, self.gone, self.homeless, self.lost = (
            free_port() for _ in range(7))
        home = workdir / "home"
        home.mkdir()
        programs = {self.taken: "internal echo", self.barred: "internal echo", self.full: "/bin/cat",
                    self.eager: "/bin/cat", self.gone: script(workdir / "gone", "", "/nonexistent"),
                    self.homeless: "/bin/cat", self.lost: "/bin/sh sh -c no-such-command"}
        with socket.create_server(("127.0.0.1", self.taken)):
            self.daemon = start(
                "".join(f"127.0.0.1:{port} stream tcp nowait {ME} {program}\n"
                        for port, program in programs.items()),
                f'services = ({{ name = "{self.barred}"; no_access = ["127.0.0.1"]; }},\n'
                f'  {{ name = "{self.full}"; instances = 1; }},\n'
                f'  {{ name = "{self.eager}"; rate_per_source = "1/min burst 1"; }},\n'
                f'  {{ name = "{self.homeless}"; directory = "{home}"; }});\n',
                "-l", control=True)
            self.failed = self.ctl("try", self.taken)
        home.rmdir()

    def ctl(self, *arguments):
        done = inetctl("-s", self.daemon.control, *arguments)
        return done.stdout + done.stderr

    def nobody_listens(self):
        self.ctl("disable", self.full)
        disabled = self.ctl("try", self.full)
        self.ctl("enable", self.full)
        return self.failed + disabled

    def refused_by_a_rule(self):
        return self.ctl("try", self.barred)

    def is_full(self):
        with connect(self.full) as s:
            s.sendall(b"x")
            assert s.recv(1) == b"x"
            return wait_until(lambda: next((line for line in self.ctl("list").splitlines()
                                            if line.startswith(f"{self.full}/") and "parked" in line), None),
                              "it is full")

    def is_eager(self):
        ask(self.eager)
        ask(self.eager)
        return self.daemon.wait_log(f"{self.eager}: refused")

    def cannot_be_started(self):
        ask(self.gone)
        ask(self.homeless)
        return "\n".join((self.daemon.wait_log(f"{self.gone}: .*No such file"),
                          self.daemon.wait_log(f"{self.homeless}: .*No such file")))

    def finds_no_command(self):
        ask(self.lost)
        return self.daemon.wait_log(f"{self.lost}: .*ended")

    def reload_without_effect(self):
        self.daemon.rewrite("nonsense\n")
        self.ctl("reload")
        return self.ctl("status")


PROVOKED = [name for name in vars(Troubled) if not name.startswith("_") and name != "ctl"]


@pytest.fixture
def troubled(start, workdir):
    return Troubled(start, workdir)


def test_what_is_seen_in_trouble(troubled):
    assert len(SEEN) == len(PROVOKED) > 5
    for row, name in zip(SEEN, PROVOKED):
        said = getattr(troubled, name)()
        words = re.findall("`(.*?)`", row)
        verbs = [word.split()[1] for word in words if word.startswith("inetctl ")]
        texts = [word for word in words if not word.startswith("inetctl ")]
        assert texts, row
        for text in texts:
            assert re.search(".*".join(map(re.escape, text.split("..."))), said), (row, text, said)
        for verb in verbs:
            assert inetctl(verb, "--help").returncode == 0, row
