"""systemd's socket activation as a super-server: Accept=yes for `nowait`, Accept=no for `wait`."""

import pathlib
import shutil
import sys

from peers import PATIENCE, Server

TESTS = pathlib.Path(__file__).resolve().parents[1]


class Systemd(Server):
    """A systemd of its own in a box, on our network. SIGHUP makes it read its units again."""
    name = "systemd sockets"
    kinds = {"stream", "dgram"}
    path = "/lib/systemd/systemd"
    build = ""  # where the programs are that it starts

    def command(self, services):
        return [sys.executable, str(TESTS / "systemd/boot.py"), "--network", "shared",
                "--install", str(self.units(services)), "--bind", self.build, "--",
                "sh", "-c", "systemctl start bench.socket && exec sleep infinity"]

    def units(self, services):
        """Writes them below a directory that is laid over the root of the box; returns it. One
        socket unit has all ports, as all have the same program: a unit for each takes far longer."""
        first = services[0]
        kind = "ListenStream" if first.kind == "stream" else "ListenDatagram"
        socket = ["[Socket]", *(f"{kind}=127.0.0.1:{s.port}" for s in services),
                  *self.limits("TriggerLimitIntervalSec=0", "Backlog=4096")]
        if not first.wait:
            socket += ["Accept=yes", *self.limits("MaxConnections=100000")]
        service = ["[Unit]", *self.limits("StartLimitIntervalSec=0"), "[Service]",
                   f"ExecStart={' '.join(first.program)}", "StandardInput=socket",
                   "StandardOutput=socket"]
        root = self.directory / "systemd"
        shutil.rmtree(root, ignore_errors=True)
        units = root / "etc/systemd/system"
        units.mkdir(parents=True)
        (units / "bench.socket").write_text("\n".join([*socket, ""]))
        (units / f"bench{'' if first.wait else '@'}.service").write_text("\n".join([*service, ""]))
        return root

    @property
    def pid(self):
        """Of PID 1 of the box: the child of unshare(1), which is the child of what boots it."""
        pid = self.process.pid
        for _ in range(2):
            pid, = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(pid)

    def stop(self):
        # What boots the box also takes it away, with its control groups, if it gets the time.
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
        super().stop()
