"""inetd as a service of a user's own systemd."""

import pathlib
import pwd

import pytest
from box import Session, ask, eventually, run

NAME = "inetd-tester"


class User:
    def __init__(self):
        run("useradd", "--create-home", NAME)
        self.uid = pwd.getpwnam(NAME).pw_uid
        self.conf = pathlib.Path(f"/home/{NAME}/.config/inetd/inetd.conf")
        run("systemctl", "start", f"user@{self.uid}.service")
        self.run("mkdir", "-p", self.conf.parent)

    def run(self, *words, check=True):
        return run("runuser", "-u", NAME, "--", "env", f"XDG_RUNTIME_DIR=/run/user/{self.uid}", *words,
                   check=check)

    def systemctl(self, *words, check=True):
        return self.run("systemctl", "--user", *words, check=check)

    def show(self, name):
        return self.systemctl("show", "-P", name, "inetd").strip()


@pytest.fixture(scope="module")
def owner():
    yield User()
    run("userdel", "--force", "--remove", NAME, check=False)


@pytest.fixture
def user(owner):
    yield owner
    owner.systemctl("stop", "inetd", check=False)


def conf(user, port):
    return f"127.0.0.1:{port} stream tcp nowait {NAME} /usr/bin/id id -un\n"


def test_unit_is_clean(user):
    text = user.run("systemd-analyze", "--user", "verify", "--man=no", "inetd.service")
    assert text == ""


def test_nothing_starts_without_a_configuration(user):
    user.conf.unlink(missing_ok=True)
    user.systemctl("start", "inetd")
    assert user.show("ActiveState") == "inactive"
    assert user.show("ConditionResult") == "no"


def test_enable_serve_reload_stop(user):
    user.conf.write_text(conf(user, 2001))
    user.systemctl("enable", "--now", "inetd")
    assert user.show("ActiveState") == "active"
    assert ask(2001).decode() == NAME + "\n"
    user.conf.write_text(conf(user, 2001) + conf(user, 2002))
    user.systemctl("reload", "inetd")
    assert ask(2002).decode() == NAME + "\n"
    user.conf.write_text("bad\n")
    assert user.systemctl("reload", "inetd", check=False).returncode != 0
    assert ask(2001).decode() == NAME + "\n"
    user.systemctl("stop", "inetd")
    assert user.show("Result") == "success"


def test_restart_leaves_sessions_alone(user):
    user.conf.write_text(f"127.0.0.1:2003 stream tcp nowait {NAME} /bin/cat cat\n")
    user.systemctl("start", "inetd")
    session = Session(2003)
    user.systemctl("restart", "inetd")
    session.say()
    session.socket.close()


def test_cannot_have_what_is_roots(user):
    user.conf.write_text(conf(user, 2004) + f"127.0.0.1:79 stream tcp nowait {NAME} internal echo\n")
    before = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if int(before.read_text()) <= 79:
        pytest.skip("every user may listen on port 79 here")
    user.systemctl("start", "inetd")
    eventually(lambda: "1 failed: 79" in user.show("StatusText"), "79 did not fail")
    assert ask(2004).decode() == NAME + "\n"
