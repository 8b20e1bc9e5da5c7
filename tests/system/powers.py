"""The daemon's powers, and those of its servers."""

import pathlib

BITS = {"chown": 0, "fowner": 3, "kill": 5, "setgid": 6, "setuid": 7, "net_bind_service": 10,
        "net_admin": 12, "net_raw": 13, "sys_chroot": 18}


def mask(names):
    return sum(1 << BITS[name] for name in names)


def status(pid):
    return dict(line.split(":\t", 1)
                for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def sets(pid):
    """The effective and the permitted set."""
    now = status(pid)
    return int(now["CapEff"], 16), int(now["CapPrm"], 16)


def assert_keeps(pid, *names):
    assert sets(pid) == (mask(names), mask(names)), (hex(sets(pid)[0]), hex(sets(pid)[1]), names)


def builtin(port, name="echo"):
    return f"127.0.0.1:{port} stream tcp nowait root internal {name}\n"


def reload_anew(d, conf):
    """A reload for which the daemon executes itself."""
    d.reload(conf)
    d.wait_log("executing inetd anew for cap_")
