"""The recipes of docs/GUIDE.md are loaded as they stand there."""

import re
import socket
import subprocess

import pytest

from harness import BUILD, ENVIRONMENT, Daemon, ROOT, ask, read_all, run_inetd
from test_confinement import needs_landlock

TEXT = (ROOT / "docs/GUIDE.md").read_text()
# Each with the blocks of its recipe, by the name of the file that they are for.
RECIPES = [(section.partition("\n")[0],
            dict(re.findall(r"^```(\S+)\n(.*?)^```$", section, re.S | re.M)))
           for section in TEXT.split("\n## ")[1:]]
KNOWN = {"inetd.conf", "inetd.cfg", "haproxy.cfg", "sh"}
FILES = [(name, blocks) for name, blocks in RECIPES if "inetd.conf" in blocks]
COMMANDS = [(name, blocks["sh"]) for name, blocks in RECIPES if "sh" in blocks]


def test_there_are_recipes_and_no_block_that_nobody_looks_at():
    assert len(RECIPES) >= 5
    assert len(re.findall("^```.", TEXT, re.M)) == sum(len(blocks) for _, blocks in RECIPES)
    for name, blocks in RECIPES:
        assert blocks.keys() & {"inetd.conf", "sh"} and set(blocks) <= KNOWN, name


@pytest.mark.root
@pytest.mark.parametrize("name, blocks", FILES, ids=[name for name, _ in FILES])
def test_a_recipe_is_good(workdir, name, blocks):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text(blocks["inetd.conf"])
    settings.write_text(blocks.get("inetd.cfg", ""))
    done = run_inetd("--check", "--settings", settings, conf)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "0 errors, 0 warnings" in said, said


def run_command(text, wrap=()):
    """A daemon as a shell starts it that is given the text."""
    return Daemon(None, wrap=(*wrap, "sh", "-c", f"exec {text}"),
                  env={"PATH": f"{BUILD}:{ENVIRONMENT['PATH']}"})


@pytest.mark.root
@pytest.mark.parametrize("name, text", COMMANDS, ids=[name for name, _ in COMMANDS])
def test_a_command_runs(namespace, name, text):
    with run_command(text, namespace.wrap) as d:
        assert not d.lines_like("error|warning|failed")
        assert d.stop() == 0


@pytest.mark.needs("haproxy")
def test_the_balancers_file_is_good(workdir):
    files = [blocks["haproxy.cfg"] for _, blocks in RECIPES if "haproxy.cfg" in blocks]
    assert files
    for text in files:
        path = workdir / "haproxy.cfg"
        path.write_text(text)
        done = subprocess.run(["haproxy", "-c", "-f", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def recipe(workdir, namespace):
    """recipe(name) runs a daemon with it, in a network whose ports are all free."""
    daemons = []

    def run(name, settings=True):
        blocks = dict(RECIPES)[name]
        path = workdir / "inetd.cfg"
        path.write_text(blocks["inetd.cfg"] if settings else "")
        daemons.append(Daemon(blocks["inetd.conf"], "--settings", path, wrap=namespace.wrap))
        return daemons[-1]
    yield run
    for daemon in daemons:
        daemon.close()


def ask_abstract(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\0" + name)
        return read_all(s)


@pytest.mark.root
def test_serve_one_command(namespace):
    with run_command(dict(COMMANDS)["Serve one command"], namespace.wrap):
        assert namespace.run(ask, 8083, b"a\nb\n") == b"     1\ta\n     2\tb\n"
        assert b"load average" in namespace.run(ask_abstract, "date")


@pytest.mark.root
def test_rate_limit_one_service(recipe, namespace):
    d = recipe("Rate-limit one service")
    for _ in range(10):
        assert namespace.run(ask, 8079)
    assert namespace.run(ask, 8079) == b""
    d.wait_log("8079: refused 127.0.0.1: too many starts for this address")
    assert namespace.run(ask, 8079, host="::1")


@pytest.mark.root
@needs_landlock
def test_sandbox_a_script(recipe, namespace):
    outside = b"../../../etc/passwd\n"
    d = recipe("Sandbox a script", settings=False)
    assert b"root:" in namespace.run(ask, 8081, outside)
    assert d.stop() == 0
    d = recipe("Sandbox a script")
    assert b"GNU GENERAL PUBLIC LICENSE" in namespace.run(ask, 8081, b"GPL-3\n")
    assert namespace.run(ask, 8081, outside) == b""
    d.wait_log("8081: .*etc/passwd: Permission denied")


@pytest.mark.root
def test_cap_memory(recipe, namespace):
    """Sorted, or no server at all where there is no group to be had."""
    d = recipe("Cap memory")
    try:
        answer = namespace.run(ask, 8082, b"b\na\n")
    except ConnectionResetError:  # closed with what it had not read
        answer = b""
    if answer:
        assert answer == b"a\nb\n"
    else:
        d.wait_log("8082: not started: cgroup: ")
