"""The Debian package: what comes with it, an update under those who are served, and no trace of it
when it has gone."""

import os
import pathlib
import re

import pytest
from box import CONF, Load, Session, Unit, ask, eventually, run

PACKAGE = True
TOOLS = ("dh", "dpkg-buildpackage", "lintian", "update-inetd", "apt-get")
DEB = pathlib.Path(os.environ.get("INETD_PACKAGE", ""))
ROOT = pathlib.Path(__file__).resolve().parents[2]
LINES = """127.0.0.1:7 stream tcp nowait root internal echo
127.0.0.1:1007 stream tcp nowait root /bin/cat cat
"""
PLACES = ("/etc", "/opt", "/root", "/run", "/srv", "/usr", "/var")
# In there dpkg, apt, systemd and Python write for reasons of their own.
OTHERS = re.compile(r"/run/(box|log|systemd)|/var/(cache|log|tmp)|/var/lib/(apt|dpkg|systemd/catalog)|"
                    r".*/__pycache__")


def dpkg(*words):
    return run("dpkg", "--force-confdef", *words)


def apt(*words):
    return run("apt-get", "-y", "--no-install-recommends", *words,
               env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


@pytest.fixture(scope="module", autouse=True)
def debian():
    """As a fresh system: what this machine has in the way is removed, in the box alone."""
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    policy.unlink(missing_ok=True)
    policy.write_text("#!/bin/sh\nexit 101\n")  # what is removed does not run here
    policy.chmod(0o755)
    known = run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Provides}\n")
    for line in known.splitlines():
        name, status, provided = line.split(" ", 2)
        if status == "installed" and "inet-superserver" in provided:
            dpkg("--purge", name)
    policy.unlink()
    # The index of all pages, anew by each change of a package, would take most of the time.
    pathlib.Path("/var/lib/man-db/auto-update").unlink(missing_ok=True)
    for path in (CONF, CONF.with_suffix(".cfg"), pathlib.Path("/usr/local/sbin/inetd")):
        path.unlink(missing_ok=True)
    for path in pathlib.Path("/usr/local/lib/systemd").rglob("inetd.*"):
        path.unlink()
    run("systemctl", "daemon-reload")


@pytest.fixture
def unit():
    """inetd.service of no package yet; whatever package has come is purged at the end."""
    yield Unit()
    run("systemctl", "kill", "--kill-who=all", "-s", "KILL", "inetd.service", check=False)
    dpkg("--purge", "inetd")
    CONF.unlink(missing_ok=True)
    run("systemctl", "reset-failed", check=False)


def files():
    found = set()
    for place in PLACES:
        for directory, names, plain in os.walk(place):
            names[:] = [n for n in names if not OTHERS.fullmatch(os.path.join(directory, n))]
            found.update(os.path.join(directory, name) for name in [*names, *plain])
    return found


def later(tmp_path, change=None):
    """The same package as a later version; change(tree) may change its files."""
    tree, file = tmp_path / "tree", tmp_path / "later.deb"
    run("dpkg-deb", "-R", DEB, tree)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 99"))
    if change:
        change(tree)
    run("dpkg-deb", "-Znone", "-b", tree, file)
    return file


def test_lintian_has_no_errors():
    said = run("lintian", "--allow-root", "--fail-on", "error", DEB)
    assert "E: " not in said


def test_the_version_is_that_of_the_program(unit):
    dpkg("-i", DEB)
    assert run("inetd", "--version") == f"inetd {run('dpkg-deb', '-f', DEB, 'Version')}"


def test_apt_installs_enables_and_starts_it(unit):
    apt("install", DEB)
    assert run("systemctl", "is-enabled", "inetd.service") == "enabled\n"
    assert unit.show("ActiveState") == "active"
    assert os.readlink(f"/proc/{unit.pid}/exe") == "/usr/sbin/inetd"
    assert CONF.read_text() == (ROOT / "etc/inetd.conf").read_text()
    assert run("systemctl", "is-enabled", "inetd.socket", check=False).stdout == "disabled\n"
    assert not list(pathlib.Path("/etc/systemd/user").rglob("inetd.service"))
    assert "inetd" in run("inetctl", "status")
    for name in ("bash-completion/completions/inetctl", "zsh/vendor-completions/_inetctl",
                 "fish/vendor_completions.d/inetctl.fish"):
        assert pathlib.Path("/usr/share", name).is_file()


def test_update_inetd_reaches_it(unit):
    """As the scripts of other packages call it, for a service that is new, and when they go."""
    dpkg("-i", DEB)
    run("update-inetd", "--group", "OTHER", "--add",
        r"1009\tstream\ttcp\tnowait\troot\t/bin/cat\tcat")
    eventually(lambda: " 1 service" in f" {unit.show('StatusText')}", "the service is not there")
    assert ask(1009, b"x") == b"x"
    run("update-inetd", "--disable", "1009")
    eventually(lambda: "0 services" in unit.show("StatusText"), "the service is still there")
    assert "#<off># 1009" in CONF.read_text()


def test_another_super_server_makes_way(unit, tmp_path):
    tree = tmp_path / "other"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: other-inetd\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\n"
        "Provides: inet-superserver\nConflicts: inet-superserver\nDescription: another one\n")
    run("dpkg-deb", "-b", tree, tmp_path / "other.deb")
    dpkg("-i", tmp_path / "other.deb")
    CONF.write_text(LINES)
    apt("install", DEB)
    assert "installed" not in run("dpkg-query", "-W", "-f", "${db:Status-Status}", "other-inetd",
                                  check=False).stdout.replace("not-installed", "")
    assert CONF.read_text() == LINES
    assert ask(7, b"x") == b"x"


def test_an_update_keeps_sessions(unit, tmp_path):
    CONF.write_text(LINES)
    dpkg("-i", DEB)
    pid, file = unit.pid, later(tmp_path)
    builtin, server = Session(7), Session(1007)
    with Load(7) as load:
        apt("install", file)
        load.wait()
    assert not load.failures
    assert run("dpkg-query", "-W", "-f", "${Version}", "inetd").startswith("99")
    assert (unit.pid, unit.show("ActiveState"), unit.show("NRestarts")) == (pid, "active", "0")
    assert os.path.samefile(f"/proc/{pid}/exe", "/usr/sbin/inetd")
    builtin.say()
    server.say()


def test_an_update_to_what_cannot_take_over(unit, tmp_path):
    """It is restarted: servers go on, and no client is refused."""
    def refuse(tree):
        binary = tree / "usr/sbin/inetd"
        binary.rename(binary.with_name("inetd.real"))
        binary.write_text('#!/bin/sh\ncase "$*" in *--take-over*) exit 1 ;; esac\n'
                          'exec /usr/sbin/inetd.real "$@"\n')
        binary.chmod(0o755)
    CONF.write_text(LINES)
    dpkg("-i", DEB)
    pid, file = unit.pid, later(tmp_path, refuse)
    server = Session(1007)
    with Load(1007) as load:
        dpkg("-i", file)
        load.wait()
    assert not load.failures
    assert unit.pid != pid
    assert os.readlink(f"/proc/{unit.pid}/exe") == "/usr/sbin/inetd.real"
    server.say()


def test_an_update_over_a_configuration_with_an_error(unit, tmp_path):
    """A restart would serve what is left of it. The daemon that runs serves all."""
    CONF.write_text(LINES)
    dpkg("-i", DEB)
    pid, builtin = unit.pid, Session(7)
    CONF.write_text(LINES.replace("cat cat", "no-such-program"))
    said = dpkg("-i", later(tmp_path))
    assert "the running daemon is still the old version" in said
    assert unit.pid == pid
    builtin.say()
    assert ask(1007, b"x") == b"x"


def test_a_daemon_that_was_stopped_stays_so(unit, tmp_path):
    dpkg("-i", DEB)
    run("systemctl", "disable", "--now", "inetd.service")
    dpkg("-i", later(tmp_path))
    assert run("systemctl", "is-enabled", "inetd.service", check=False).stdout == "disabled\n"
    assert unit.show("ActiveState") == "inactive"


def test_a_setting_of_ones_own_outlives_an_update(unit, tmp_path):
    dpkg("-i", DEB)
    settings = CONF.with_suffix(".cfg")
    settings.write_text("// mine\n")
    dpkg("-i", later(tmp_path))
    assert settings.read_text() == "// mine\n"
    dpkg("--remove", "inetd")
    assert settings.exists() and CONF.exists()


def test_a_purge_leaves_nothing(unit):
    before = files()
    dpkg("-i", DEB)
    assert ("/usr/sbin/inetd" in files() - before) and CONF.exists()
    run("systemctl", "kill", "-s", "USR1", "--kill-who=main", "inetd.service")
    eventually(pathlib.Path("/run/inetd.dump").exists, "no state is written")
    dpkg("--purge", "inetd")
    assert files() - before == set()
    assert unit.show("LoadState") == "not-found"


def test_a_purge_leaves_lines_that_are_in_force(unit):
    """They may be those of another package, and of the next super-server."""
    dpkg("-i", DEB)
    CONF.write_text(LINES)
    dpkg("--purge", "inetd")
    assert CONF.read_text() == LINES
