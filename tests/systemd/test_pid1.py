"""inetd as PID 1 of a container: over namespaces of its own, without any container engine."""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import threading

import pytest
from box import Session, ask, connect, eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/CONTAINER.md"
DAEMON = "/usr/local/sbin/inetd"
CAT = "127.0.0.1:1007 stream tcp nowait root /bin/cat cat\n"
ORPHAN = ('127.0.0.1:1008 stream tcp nowait root /bin/sh sh -c '
          '"(sleep 0.1 & echo $! >&3) 3>&1 <&- >&- & wait"\n')


class Container:
    """The words as PID 1, and the only one at first, of a pid namespace of its own."""

    def __init__(self, *words, conf=None):
        if conf is not None:
            pathlib.Path("/etc/inetd.conf").write_text(conf)
        self.outer = subprocess.Popen(
            ["unshare", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child",
             "--mount-proc", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"]}, start_new_session=True)
        self.lines = []

    def __enter__(self):
        self.wait(r"\d+ services?, \d+ running")
        return self

    def __exit__(self, *_):
        if self.outer.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.outer.wait()
        self.outer.stderr.close()

    @property
    def pid(self):
        """Of the PID 1 inside, seen from here."""
        path = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        return int(path.read_text().split()[0])

    def wait(self, pattern):
        alarm = threading.Timer(20, self.outer.kill)
        alarm.start()
        for line in self.outer.stderr:
            self.lines.append(line)
            if re.search(pattern, line):
                alarm.cancel()
                return line
        alarm.cancel()
        raise AssertionError(f"no line like {pattern!r} in {self.lines}")

    def processes(self):
        """Name and state of all processes inside, by their numbers inside."""
        found = {}
        for path in pathlib.Path(f"/proc/{self.pid}/root/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                number, name, state = re.match(r"(\d+) \((.*)\) (.)", path.read_text()).groups()
                found[int(number)] = (name, state)
        return found

    def end(self, number=signal.SIGTERM):
        os.kill(self.pid, number)
        return self.outer.wait(30)


def test_stays_in_front_and_logs_to_stderr():
    """Whoever forgets -i gets it nevertheless: the end of PID 1 would be the end of the container."""
    for options in ([], ["-i"]):
        with Container(DAEMON, *options, conf=CAT) as container:
            assert container.processes()[1][0] == "inetd"
            assert ask(1007, b"hello") == b"hello"
            assert container.end() == 0


def test_reaps_orphans():
    with Container(DAEMON, "-i", conf=ORPHAN) as container:
        orphans = [int(ask(1008)) for _ in range(20)]
        eventually(lambda: not set(container.processes()) & set(orphans), "an orphan is still there")
        assert not [state for _, state in container.processes().values() if state == "Z"]


def test_term_lets_sessions_finish():
    with Container(DAEMON, "-i", conf=CAT) as container:
        session = Session(1007)
        os.kill(container.pid, signal.SIGTERM)
        container.wait("waiting")
        with pytest.raises(ConnectionRefusedError):
            connect(1007)
        session.say()
        session.socket.close()
        assert container.outer.wait(30) == 0


def test_term_ends_sessions_that_stay():
    with Container(DAEMON, "-i", "--stop-timeout=0.2", conf=CAT) as container:
        session = Session(1007)
        assert container.end() == 0
        assert session.ended()


def test_hup_reloads():
    with Container(DAEMON, "-i", conf=CAT) as container:
        with open("/etc/inetd.conf", "a", encoding="utf-8") as conf:
            conf.write("127.0.0.1:1009 stream tcp nowait root internal echo\n")
        os.kill(container.pid, signal.SIGHUP)
        container.wait("reload: 1 added")
        assert ask(1009, b"hello") == b"hello"


def test_strays_do_not_outlive_it():
    conf = '127.0.0.1:1010 stream tcp nowait root /bin/sh sh -c "setsid sleep 1000 <&- >&- 2>&- &"\n'
    with Container(DAEMON, "-i", "--stop-timeout=0.2", conf=conf) as container:
        ask(1010)
        assert container.end() == 0


def blocks(text):
    """The files that a text shows: each fenced block after a line **`name`**."""
    return dict(re.findall(r"^\*\*`(\S+)`\*\*\n\n```\w*\n(.*?)^```", text, re.M | re.S))


def instructions(containerfile):
    joined = re.sub(r"\\\n", " ", containerfile)
    return [line.split(None, 1) for line in joined.splitlines() if line.strip() and line[0] != "#"]


def last_stage(steps):
    last = max(i for i, step in enumerate(steps) if step[0] == "FROM")
    return steps[last:]


def test_containerfile_installs_what_is_needed():
    """What the build asks for here, and what the installed programs are linked with."""
    runs = [rest for name, rest in instructions(blocks(GUIDE.read_text())["Containerfile"])
            if name == "RUN" and "apt-get install" in rest]
    build, run = ({word for word in re.split(r"&&|;", rest.split("recommends")[1])[0].split()}
                  for rest in runs)
    asked = (line.split() for line in (ROOT / ".ci/packages").read_text().splitlines())
    assert build == {words[1] for words in asked if words and words[0] == "build"}
    linked = subprocess.run(["ldd", DAEMON, "/usr/local/bin/inetctl"], check=True,
                            capture_output=True, text=True).stdout
    names = {os.path.basename(os.path.realpath(path)) for path in re.findall(r"=> (/\S+)", linked)}
    # By name: dpkg knows some below /lib and some below /usr/lib, which are one.
    owners = subprocess.run(["dpkg", "-S", *(f"*/lib/*-linux-gnu/{name}" for name in names)],
                            check=True, capture_output=True, text=True).stdout
    packages = {line.split(":")[0] for line in owners.splitlines()}
    assert len(names) >= 4 and "libfmt9" in packages
    # These three are in every image of Debian.
    assert packages - {"libc6", "libgcc-s1", "libstdc++6"} <= run


def test_containerfile_of_the_guide():
    """Its COPYs and its ENTRYPOINT and CMD, word by word, over the installed files."""
    files = blocks(GUIDE.read_text())
    steps = last_stage(instructions(files["Containerfile"]))
    for name, rest in steps:
        if name == "COPY" and not rest.startswith("--from="):
            mode = re.match(r"--chmod=(\d+) ", rest)
            source, target = rest.split()[-2:]
            target = pathlib.Path(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(files[source])
            target.chmod(int(mode[1], 8) if mode else 0o644)
    values = dict(steps)
    words = eval(values["ENTRYPOINT"]) + eval(values.get("CMD", "[]"))
    assert values["STOPSIGNAL"] == "SIGTERM"
    assert shutil.which(words[0]), words[0]
    with Container(*words) as container:
        for port in map(int, values["EXPOSE"].split()):
            assert ask(port, b"hello\n"), port
        health = shlex.split(values["HEALTHCHECK"].split("CMD", 1)[1])
        subprocess.run(health, check=True, timeout=30)
        assert container.end() == 0
