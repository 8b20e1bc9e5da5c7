"""The places that the settings file leaves a server (Landlock), as a real child finds them."""

import errno

import pytest

from confined import LANDLOCK_CREATE_RULESET, fails, filter_out, line, needs_landlock, put_programs, reload
from harness import ME, ask, connect, free_port
from support import script

LOOK_AROUND = """
for path in "$W/ro/file" "$W/rw/file" "$W/else/file"; do
    cat "$path" 2>&1 || echo
    (echo new >"$path") 2>/dev/null && echo written || echo not written
done
"""


@pytest.fixture
def places(workdir):
    for name in ("ro", "rw", "else"):
        (workdir / name).mkdir()
        (workdir / name / "file").write_text(name + "\n")
    return workdir


@needs_landlock
@pytest.mark.parametrize("user", [ME, pytest.param("nobody", marks=pytest.mark.root)])
def test_landlock(start, places, user):
    port = free_port()
    for path in (places / "rw", places / "rw/file", places / "else/file"):
        path.chmod(0o777)
    server = script(places / "ro/server", LOOK_AROUND, "/bin/sh")
    rules = '{ read_only = ["/usr", "%s/ro"]; read_write = ["%s/rw", "/dev/null"]; }' % (places, places)
    environment = 'env = ["W=%s"];' % places
    d = start(line(port, server, user), f"defaults = {{ {environment} landlock = {rules}; }};")
    assert ask(port).decode().splitlines() == [
        "ro", "not written", "rw", "written",
        f"cat: {places}/else/file: Permission denied", "", "not written"]
    reload(d, f"defaults = {{ {environment} }};")
    assert ask(port).decode().splitlines()[4:] == ["else", "written"]


@needs_landlock
def test_landlock_is_kept_by_what_the_server_starts_and_implies_no_new_privileges(start, places):
    port = free_port()
    server = script(places / "ro/server", f"grep NoNewPrivs /proc/self/status; sh -c 'cat {places}/else/file' 2>&1\n",
                    "/bin/sh")
    start(line(port, server), 'defaults = { landlock = { read_only = ["/usr", "%s/ro", "/proc"]; }; };' % places)
    assert ask(port).decode().splitlines() == [
        "NoNewPrivs:\t1", f"cat: {places}/else/file: Permission denied"]


@needs_landlock
def test_landlock_finds_a_file_that_was_replaced(start, places):
    port = free_port()
    d = start(line(port, f"/bin/cat cat {places}/ro/file"),
              'defaults = { landlock = { read_only = ["/usr", "%s/ro/file"]; }; };' % places)
    assert ask(port) == b"ro\n"
    (places / "ro/new").write_text("new\n")
    (places / "ro/new").rename(places / "ro/file")
    assert ask(port) == b"new\n"
    (places / "ro/file").unlink()
    fails(d, port, f"opening for landlock {places}/ro/file: No such file or directory")


@pytest.mark.root
@needs_landlock
def test_landlock_in_another_root_and_with_few_descriptors(start, workdir):
    """The paths are those of the new root, and a limit for the server is none for what we do."""
    port, other = free_port(), free_port()
    root = workdir / "root"
    put_programs(root, "/bin/cat")
    (root / "open").mkdir()
    (root / "shut").mkdir(mode=0o700)
    for place in ("open", "shut"):
        (root / place / "file").write_text(place)
    conf = line(port, "/bin/cat cat /open/file", "nobody") + line(other, "/bin/cat cat /shut/file", "root")
    start(conf, 'defaults = { chroot = "%s"; rlimits = { nofile = 4; };'
                ' landlock = { read_only = ["/bin", "/lib", "/lib64", "/open", "/shut/file"]; }; };' % root)
    assert ask(port) == b"open"
    assert ask(other) == b"shut"


def test_landlock_that_leaves_the_program_out(start, places):
    good, bad = free_port(), free_port()
    server = script(places / "rw/server", "echo hello\n", "/bin/sh")
    d = start(line(good, "/bin/echo echo good") + line(bad, server),
              'defaults = { landlock = { read_only = ["/usr"]; }; };')
    assert ask(good) == b"good\n"
    d.wait_log(f"error: program '{server}' is below no path of 'landlock'")
    reload(d, 'defaults = { landlock = { read_only = ["/usr", "%s/gone"]; }; };' % places,
           "reload refused")
    d.wait_log(f"error: 'landlock': '{places}/gone': No such file or directory")


def test_a_kernel_without_landlock(start):
    """The service that asks for it does not run, and the others do."""
    good, bad = free_port(), free_port()
    d = start(line(good, "/bin/echo echo good") + line(bad, "/bin/echo echo bad"),
              'services = ( { name = "%d"; landlock = { read_only = ["/usr"]; }; } );' % bad,
              preexec=lambda: filter_out(LANDLOCK_CREATE_RULESET, errno.EOPNOTSUPP))
    assert ask(good) == b"good\n"
    with pytest.raises(ConnectionRefusedError):
        connect(bad)
    d.wait_log("error: 'landlock': this kernel does not offer it: Operation not supported; it needs ")
