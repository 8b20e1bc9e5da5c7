"""Servers and clients that nobody here wrote, as their own manuals say to run them."""

import filecmp
import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import ME, PATIENCE, Daemon, free_port
from support import children, started_pid, wait_until

V4_V6 = pytest.mark.parametrize("host", ("127.0.0.1", "::1"))


def url_host(host):
    return f"[{host}]" if ":" in host else host


def run(*command, cwd="/", home="/nonexistent", **options):
    """A client; its own settings in a home directory are none of this test."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, timeout=3 * PATIENCE, stdin=subprocess.DEVNULL,
        capture_output=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(home),
                                  "LANG": "C", "GIT_CONFIG_NOSYSTEM": "1"}, **options)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout


@pytest.fixture
def tree(workdir):
    """Files to serve: empty, small, many, large, in directories."""
    top = workdir / "tree"
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "hello").write_text("hello\n")
    (top / "empty").write_bytes(b"")
    (top / "large").write_bytes(bytes(range(256)) * 8192)
    for number in range(50):
        (top / "sub" / "deep" / f"file{number}").write_text(f"{number}\n" * number)
    return top


def same_trees(one, two):
    names = sorted(p.relative_to(one) for p in one.rglob("*"))
    assert names == sorted(p.relative_to(two) for p in two.rglob("*"))
    files = [str(n) for n in names if (one / n).is_file()]
    _, different, errors = filecmp.cmpfiles(one, two, files, shallow=False)
    assert different == errors == []


@pytest.mark.needs("rsync")
@V4_V6
def test_rsync(workdir, tree, host):
    port = free_port()
    conf = workdir / "rsyncd.conf"
    conf.write_text(f"use chroot = no\n[tree]\npath = {tree}\nread only = yes\n")
    with Daemon(f"{port} stream tcp nowait {ME} /usr/bin/rsync rsync --daemon --config={conf}\n",
                "-l") as d:
        url = f"rsync://{url_host(host)}:{port}/"
        assert b"tree" in run("rsync", url)
        run("rsync", "-a", url + "tree/", f"{workdir}/copy/")
        same_trees(tree, workdir / "copy")
        for _ in range(2):
            d.wait_log(rf"{port}: .*ended: exit")


@pytest.mark.needs("git")
@V4_V6
def test_git_daemon(workdir, tree, host):
    port = free_port()
    run("git", "init", "-q", "-b", "main", ".", cwd=tree, home=workdir)
    run("git", "add", ".", cwd=tree, home=workdir)
    run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "all",
        cwd=tree, home=workdir)
    line = (f"{port} stream tcp nowait {ME} /usr/bin/git git daemon --inetd --export-all "
            f"--base-path={workdir}\n")
    with Daemon(line, "-l") as d:
        run("git", "clone", "-q", f"git://{url_host(host)}:{port}/tree/.git", workdir / "copy",
            home=workdir)
        d.wait_log(rf"{port}: .*ended: exit")
    run("git", "fsck", "--strict", cwd=workdir / "copy", home=workdir)
    for name in ("hello", "large", "sub/deep/file49"):
        assert filecmp.cmp(tree / name, workdir / "copy" / name, shallow=False)


def tftp_get(host, port, name, where):
    run("tftp", "-6" if ":" in host else "-4", "-m", "octet", host, port, "-c", "get", name,
        cwd=where)


@pytest.mark.root
@pytest.mark.needs("in.tftpd", "tftp")
@pytest.mark.parametrize("lives", (True, False), ids=("server lives", "server leaves"))
@V4_V6
def test_tftp_is_wait(workdir, tree, host, lives):
    port = free_port()
    line = f"{port} dgram udp wait root /usr/sbin/in.tftpd in.tftpd -s {tree}\n"
    with Daemon(line, "-l") as d:
        server = None
        for name in ("hello", "large", "sub/deep/file7"):
            where = workdir / f"got-{pathlib.Path(name).name}"
            where.mkdir()
            tftp_get(host, port, name, where)
            assert filecmp.cmp(tree / name, where / pathlib.Path(name).name, shallow=False)
            if not server:
                server = started_pid(d.wait_log(rf"{port}: .*started pid"))
                assert server in children(d.pid)
            if not lives:
                os.kill(server, signal.SIGKILL)
                d.wait_log(rf"pid {server} ended: killed by SIGKILL")
                server = None
        assert len(d.lines_like("started pid")) == (1 if lives else 3)
        if server:
            os.kill(server, signal.SIGKILL)
            d.wait_log(rf"pid {server} ended: killed by SIGKILL")


@pytest.fixture
def ssh(workdir):
    """Keys, a server's configuration, and the options of a client that knows both."""
    for key in ("host", "user"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", workdir / key)
        (workdir / key).chmod(0o600)
    (workdir / "sshd_config").write_text(f"""HostKey {workdir}/host
AuthorizedKeysFile {workdir}/user.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
""")
    kind, key, *_ = (workdir / "host.pub").read_text().split()
    (workdir / "known").write_text(f"* {kind} {key}\n")
    options = ("-F", "none", "-i", workdir / "user", "-o", f"UserKnownHostsFile={workdir}/known",
               "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR")
    # sshd wants /run/sshd, which a boot makes: it gets a /run of its own where there is none.
    wrap = ()
    if not pathlib.Path("/run/sshd").is_dir():
        wrap = ("unshare", "-m", "sh", "-c",
                'mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"', "sh")
    return workdir / "sshd_config", options, wrap


@pytest.mark.root
@pytest.mark.needs("sshd", "ssh", "scp", "ssh-keygen", "unshare")
@V4_V6
def test_sshd(workdir, tree, ssh, host):
    config, options, wrap = ssh
    port = free_port()
    with Daemon(f"{port} stream tcp nowait root /usr/sbin/sshd sshd -i -f {config}\n", "-l",
                wrap=wrap) as d:
        said = run("ssh", *options, "-p", port, f"root@{host}", "echo $SSH_CONNECTION; id -un")
        assert re.fullmatch(rf"{host} \d+ {host} {port}\nroot\n", said.decode())
        run("scp", *options, "-P", port, f"root@{url_host(host)}:{tree}/large", workdir / "copy")
        assert filecmp.cmp(tree / "large", workdir / "copy", shallow=False)
        for _ in range(2):
            d.wait_log(rf"{port}: .*ended: exit")
        wait_until(lambda: not children(d.pid), "no session is left")


@pytest.mark.root
@pytest.mark.needs("vsftpd", "curl")
@V4_V6
def test_vsftpd(workdir, tree, host):
    port = free_port()
    (workdir / "empty-root").mkdir()
    conf = workdir / "vsftpd.conf"
    conf.write_text(f"""listen=NO
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
ftp_username=daemon
anon_root={tree}
secure_chroot_dir={workdir}/empty-root
xferlog_enable=NO
background=NO
""")
    line = f"{port} stream tcp nowait root /usr/sbin/vsftpd vsftpd {conf}\n"
    with Daemon(line, "-l") as d:
        url = f"ftp://{url_host(host)}:{port}/"
        assert b"hello" in run("curl", "-sS", "--list-only", "-g", url)
        run("curl", "-sS", "-g", "-o", workdir / "copy", url + "large")
        assert filecmp.cmp(tree / "large", workdir / "copy", shallow=False)
        for _ in range(2):
            d.wait_log(rf"{port}: .*ended: exit")
