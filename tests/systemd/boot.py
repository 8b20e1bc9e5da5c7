#!/usr/bin/python3
"""Boots this machine's systemd in a box and runs one command there, as root.

    boot.py [--cgroup unified|hybrid] [--network own|shared] [--install DIR] [--bind DIR]...
            [--out DIR] -- COMMAND...
    boot.py [--cgroup unified|hybrid] --check

The box is a set of pid, mount, uts, ipc, network and cgroup namespaces over an overlay of the root
file system: the same programs, and whatever is written in it is gone afterwards, but for what the
command leaves in DIR of --out (/run/box inside). The files below DIR of --install are laid over the
root. --bind shows a directory of the machine, read-only. --network shared leaves the box in the
network namespace of who calls, for those who have one of their own. The command's output is printed
and its status returned; 124 means that it took longer than --timeout, 125 that there was no box.

--check exits with 0, or prints why there can be no box and exits with 77.

The command runs in a unit whose end makes systemd leave, with the command's status, and the death
of a PID 1 takes all of its namespace along: nothing has to be looked for and killed.
"""

import argparse
import collections
import ctypes
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

SYSTEMD = "/lib/systemd/systemd"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTROLLERS = {"memory", "pids", "cpu", "name=systemd"}
NAMESPACES = {"own": "-pmuin", "shared": "-pmui"}
CLONE_NEWCGROUP = 0x02000000
UNIT = """
[Unit]
Requires=basic.target dbus.socket systemd-journald.service
After=basic.target dbus.socket systemd-journald.service
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=exec
WorkingDirectory=/
ExecStart=/bin/sh /run/box/command
StandardOutput=append:/run/box/output
TasksMax=infinity
"""
WANTED = ("dbus.socket", "systemd-journald.socket", "systemd-journald-dev-log.socket")
MASKED = ("tmp.mount", "systemd-journal-flush.service", "modprobe@.service")

Tree = collections.namedtuple("Tree", "mount options own")  # options: None for cgroup v2


def cgroup_trees():
    """The trees mounted here, and where this process is in each of them."""
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own[frozenset(controllers.split(","))] = path.strip("/")
    trees = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        front, back = line.split(" - ")
        mount = pathlib.Path(front.split()[4])
        kind, _, options = back.split(" ", 2)
        if kind == "cgroup2":
            trees.append(Tree(mount, None, ""))
        elif kind == "cgroup" and set(options.split(",")) & CONTROLLERS:
            names = set(options.split(",")) - {"rw", "ro", "xattr", "none", "clone_children"}
            path = own.get(frozenset(names), "")
            trees.append(Tree(mount, options, path if (mount / path).is_dir() else ""))
    return trees


def obstacle(layout):
    """Why there can be no box here; None if there can."""
    if os.geteuid() != 0:
        return "not root"
    for tool in (SYSTEMD, "systemctl", "journalctl", "dbus-daemon", "unshare", "setpriv", "mount"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    trees = cgroup_trees()
    if not any(tree.options is None for tree in trees):
        return "no cgroup2 is mounted"
    if layout == "hybrid" and not any("name=systemd" in (tree.options or "") for tree in trees):
        return "no cgroup v1 tree name=systemd is mounted"
    probe = subprocess.run(["unshare", "-pmuinC", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return f"no namespaces: {probe.stderr.strip()}" if probe.returncode else None


def remove_cgroup(path):
    for directory, _, _ in os.walk(path, topdown=False):
        os.rmdir(directory)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


def mount_devices(root):
    mount("-t", "tmpfs", "-o", "mode=755,nosuid", "dev", root / "dev")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        node = os.stat(f"/dev/{name}")
        os.mknod(root / "dev" / name, node.st_mode, node.st_rdev)
        os.chmod(root / "dev" / name, 0o666)
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=0666,mode=620,gid=5"),
                                ("shm", "tmpfs", "mode=1777")):
        (root / "dev" / name).mkdir()
        mount("-t", kind, "-o", options, name, root / "dev" / name)
    for name, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0"),
                         ("stdout", "fd/1"), ("stderr", "fd/2"), ("console", "null")):
        (root / "dev" / name).symlink_to(target)


def mount_cgroups(root, layout, trees):
    top = root / "sys/fs/cgroup"
    if layout == "unified":
        return mount("-t", "cgroup2", "cgroup2", top)
    mount("-t", "tmpfs", "-o", "mode=755", "cgroup", top)
    for where, options, _ in trees:
        target = top / (where.name if options else "unified")
        target.mkdir()
        kind = ["-t", "cgroup", "-o", options] if options else ["-t", "cgroup2"]
        mount(*kind, "cgroup", target)
        for name in (options or "").split(","):
            if name in CONTROLLERS and not (top / name).exists() and "=" not in name:
                (top / name).symlink_to(target.name)
    return None


def furnish(root):
    """Of the units of the machine only those start that the box needs."""
    units = root / "usr/lib/systemd/system"
    unwanted = [root / "etc/systemd", root / "usr/lib/systemd/system-generators"]
    for directory in [*units.glob("*.wants"), *unwanted]:
        shutil.rmtree(directory, ignore_errors=True)
    own = root / "etc/systemd/system"
    (own / "sockets.target.wants").mkdir(parents=True)
    for name in WANTED:
        (own / "sockets.target.wants" / name).symlink_to(f"/lib/systemd/system/{name}")
    for name in MASKED:
        (own / name).symlink_to("/dev/null")
    (own / "box.service").write_text(UNIT)
    (root / "etc/systemd/system.conf").write_text("[Manager]\nDefaultTimeoutStopSec=5s\n")
    (root / "etc/systemd/journald.conf").write_text(
        "[Journal]\nStorage=volatile\nRateLimitBurst=0\nAudit=no\nReadKMsg=no\n")
    (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")


def become_systemd(state, layout, install, binds, out):
    """PID 1 of the new namespaces, before it is systemd."""
    state = pathlib.Path(state)
    trees = [tree for tree in cgroup_trees() if layout == "hybrid" or tree.options is None]
    for tree in trees:
        (tree.mount / tree.own / state.name / "cgroup.procs").write_text("0")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWCGROUP) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "box", state)
    root = state / "root"
    for name in ("root", "upper", "work"):
        (state / name).mkdir()
    layers = f"lowerdir=/,upperdir={state}/upper,workdir={state}/work"
    mount("-t", "overlay", "-o", layers, "box", root)
    mount("-t", "proc", "proc", root / "proc")
    mount("--bind", root / "proc/sys", root / "proc/sys")
    mount("-o", "remount,bind,ro", root / "proc/sys")  # the settings in there are the machine's
    mount("-t", "sysfs", "-o", "ro", "sysfs", root / "sys")
    mount("-t", "tmpfs", "-o", "mode=755", "run", root / "run")
    mount_devices(root)
    mount_cgroups(root, layout, trees)
    furnish(root)
    (root / "run/box").mkdir()
    mount("--bind", out, root / "run/box")
    for place in binds:
        target = root / place.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        mount("--bind", place, target)
        mount("-o", "remount,bind,ro", target)
    if install:
        subprocess.run(["cp", "-a", f"{install}/.", root], check=True)
    os.chdir(root)
    (root / "run/old").mkdir()
    subprocess.run(["pivot_root", ".", "run/old"], check=True)
    subprocess.run(["umount", "-l", "/run/old"], check=True)
    mount("--make-rshared", "/")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.execve(SYSTEMD, [SYSTEMD, "--system", "--unit=box.service"],
              {"container": "box", "LANG": "C.UTF-8", "PATH": PATH})


def end(box):
    """Kills what is left of it. Its PID 1 takes everybody along, and only then unshare(1) ends."""
    children = pathlib.Path(f"/proc/{box.pid}/task/{box.pid}/children")
    if box.poll() is None:
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    box.wait()


def run(args):
    state = tempfile.mkdtemp(prefix="inetd-box-")
    out = os.path.abspath(args.out) if args.out else tempfile.mkdtemp(prefix="inetd-out-")
    cgroups = [tree.mount / tree.own / os.path.basename(state) for tree in cgroup_trees()]
    os.makedirs(out, exist_ok=True)
    pathlib.Path(out, "command").write_text(f"exec {shlex.join(args.command)}\n")
    pathlib.Path(out, "output").touch()
    orders = json.dumps([state, args.cgroup, args.install, args.bind, out])
    box = None
    try:
        for path in cgroups:
            path.mkdir()
        with open(os.path.join(out, "console"), "wb") as console:
            box = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", NAMESPACES[args.network], "--fork",
                 "--kill-child", sys.executable, __file__, "--inside", orders],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        status = box.wait(args.timeout)
    except subprocess.TimeoutExpired:
        status = 124
    finally:
        if box:
            end(box)
        for path in cgroups:
            remove_cgroup(path)
        sys.stdout.write(pathlib.Path(out, "output").read_text(errors="replace"))
        for path in [state] if args.out else [state, out]:
            shutil.rmtree(path)
    return status


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--cgroup", choices=("unified", "hybrid"), default="unified")
    parser.add_argument("--network", choices=NAMESPACES, default="own")
    parser.add_argument("--install")
    parser.add_argument("--bind", action="append", default=[])
    parser.add_argument("--out")
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("command", nargs="*")
    args = parser.parse_args()
    reason = obstacle(args.cgroup)
    if reason:
        print(reason)
        return 77 if args.check else 125
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return 0 if args.check else run(args)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        become_systemd(*json.loads(sys.argv[2]))
    sys.exit(main())
