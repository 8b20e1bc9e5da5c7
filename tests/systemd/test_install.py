"""`meson install`: what goes where, and what it leaves alone."""

import os
import pathlib
import subprocess

import pytest
from conftest import BUILD

NO_BOX = True
pytestmark = pytest.mark.skipif(not os.access(BUILD, os.W_OK), reason="build/ belongs to another user")
FILES = """
etc/inetd.conf
usr/local/bin/inetctl
usr/local/sbin/inetd
usr/local/lib/systemd/system/inetd.service
usr/local/lib/systemd/system/inetd.socket
usr/local/lib/systemd/user/inetd.service
usr/local/lib/systemd/catalog/inetd.catalog
usr/local/share/doc/inetd/examples/inetd.conf
usr/local/share/doc/inetd/examples/hardened.conf
usr/local/share/doc/inetd/examples/grafana-dashboard.json
usr/local/share/doc/inetd/examples/prometheus-alerts.yml
usr/local/share/man/man1/inetctl.1
usr/local/share/man/man5/inetd.conf.5
usr/local/share/man/man8/inetd.8
usr/local/libexec/inetd/echo.py
""".split()


def install(tree):
    environment = {**os.environ, "DESTDIR": str(tree)}
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], check=True,
                   env=environment, capture_output=True)


def test_all_goes_below_destdir(tmp_path):
    install(tmp_path)
    assert [name for name in FILES if not (tmp_path / name).is_file()] == []
    assert {path.name for path in tmp_path.iterdir()} == {"etc", "usr"}
    for name in ("system/inetd.service", "user/inetd.service"):
        unit = (tmp_path / "usr/local/lib/systemd" / name).read_text()
        assert "ExecStart=/usr/local/sbin/inetd -i" in unit
        assert "@" not in unit


def test_a_configuration_that_is_there_stays(tmp_path):
    conf = tmp_path / "etc/inetd.conf"
    conf.parent.mkdir()
    conf.write_text("mine\n")
    install(tmp_path)
    assert conf.read_text() == "mine\n"
    conf.unlink()
    install(tmp_path)
    assert conf.read_text() == pathlib.Path(BUILD, "../etc/inetd.conf").read_text()
