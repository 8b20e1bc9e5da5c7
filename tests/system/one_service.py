"""One service of cat, and what the settings file says of it."""

from harness import ME, connect

CAT = "/bin/cat"


def line(port, program, socktype="stream", protocol="tcp4", wait="nowait", user=ME):
    return f"127.0.0.1:{port} {socktype} {protocol} {wait} {user} {program}\n"


def reload(d, settings, expect="reload: 0 added, 0 removed, 1 updated, 0 unchanged"):
    d.settings.write_text(settings)
    d.reload(expect=expect)


def talk(s, data=b"hello"):
    s.sendall(data)
    return s.recv(100)


def is_refused(port):
    with connect(port) as s:
        try:
            return s.recv(100) == b""
        except ConnectionResetError:
            return True
