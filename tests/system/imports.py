"""What inetctl imports, served."""

import subprocess

from harness import BUILD, PATIENCE, connect, run_inetd
from support import script

INETCTL = BUILD / "inetctl"


def inetctl(*arguments, expect=0):
    done = subprocess.run([str(INETCTL), *map(str, arguments)], text=True, cwd="/", timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def imported(kind, directory, *sources, expect=0):
    """The files that an import writes; and what it lists."""
    directory.mkdir()
    done = inetctl("import", kind, "--output", directory, *sources, expect=expect)
    assert done.stdout == ""
    return directory / "inetd.conf", directory / "inetd.cfg", done.stderr


def check(conf, cfg):
    done = run_inetd("--check", "--settings", cfg, conf)
    assert done.returncode == 0 and " 0 errors" in done.stdout, done.stdout + done.stderr
    return done


def xinetd_services(directory, name, user="root"):
    """A configuration with a bit of everything that answers at once."""
    shown = script(directory / "show", """import os, sys
print(sys.argv[1:], os.environ.get("GREETING"), os.environ.get("XIMPORT"), os.getuid(), os.getgid(),
      set(os.getgroups()) - {os.getgid()}, oct(os.umask(0)), os.nice(0))
""")
    (directory / "banner").write_text("hello, this is a banner\n")
    conf = directory / name
    conf.write_text(f"""
defaults
{{
    passenv = XIMPORT
}}

service echo
{{
    type = INTERNAL
    id = echo-stream
    socket_type = stream
    wait = no
    port = 7
}}
service echo
{{
    type = INTERNAL
    id = echo-dgram
    socket_type = dgram
    wait = yes
}}
service daytime
{{
    type = INTERNAL
    socket_type = stream
    wait = no
}}
service cat
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7001
    user = nobody
    server = /bin/cat
    server_args = -E -n
    flags = NODELAY KEEPALIVE
}}
service show
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7002
    user = {user}
    group = daemon
    server = {shown}
    server_args = one 'two three' #four \\five "$six" %i
    env = GREETING=hello
    umask = 077
    nice = 3
}}
service relay
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7003
    user = nobody
    redirect = 127.0.0.1 7001
}}
service one
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7004
    user = nobody
    server = /bin/cat
    per_source = 1
    instances = 10
}}
service bound
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7005
    bind = 127.0.0.2
    user = nobody
    server = /bin/hostname
}}
service off
{{
    disable = yes
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    port = 7006
    user = nobody
    server = /bin/cat
}}
""")
    return conf


def is_refused(port, host="127.0.0.1"):
    """Whether nobody listens."""
    try:
        connect(port, host).close()
    except ConnectionRefusedError:
        return True
    return False
