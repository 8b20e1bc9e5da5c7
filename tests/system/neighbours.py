"""Services that are served well whatever goes on beside them."""

import os

import pytest

from harness import ME, ask, free_port, udp

TICKS = os.sysconf("SC_CLK_TCK")


class Neighbours:
    """A process, a session of the loop, and datagrams: whoever else the daemon serves."""

    def __init__(self):
        self.cat, self.echo = free_port(), free_port()
        self.conf = (f"127.0.0.1:{self.cat} stream tcp4 nowait {ME} /bin/cat\n"
                     f"127.0.0.1:{self.echo} stream tcp4 nowait {ME} internal echo\n"
                     f"127.0.0.1:{self.echo} dgram udp4 wait {ME} internal echo\n")

    def are_served(self):
        assert ask(self.cat, b"hello") == b"hello"
        assert ask(self.echo, b"hello") == b"hello"
        with udp(self.echo) as s:
            s.send(b"hello")
            assert s.recv(100) == b"hello"


@pytest.fixture
def neighbours():
    return Neighbours()


# Spoils its socket when it is the first one, and is as a server should be from then on. It has been
# asked for by a client, whom the first one does not take.
SPOILER = """
import fcntl, os, socket, struct, sys
s = socket.socket(fileno=os.dup(0))
SO_ATTACH_FILTER, SO_LOCK_FILTER = 26, 44

def drop_all(lock):
    import ctypes
    code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # BPF_RET | BPF_K, 0
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                 struct.pack("HL", 1, ctypes.addressof(code)))
    if lock:
        s.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1)

def shut(how):
    try:
        s.shutdown(how)
    except OSError as refused:  # of UDP, which does it nevertheless
        if s.type != socket.SOCK_DGRAM:
            raise

def take_one():
    if s.type == socket.SOCK_STREAM:
        client, _ = s.accept()
        client.setblocking(True)
        client.sendall(b"hello")
        return
    data, peer = s.recvfrom(100)
    s.sendto(data, peer)

mark = sys.argv[1]
spoil = open(mark).read() if os.path.exists(mark) else ""
if spoil:
    os.rename(mark, mark + ".done")
    take_one()
    if spoil == "connect":
        s.connect(s.getsockname() if s.family == socket.AF_UNIX else (s.getsockname()[0], 9))
    elif spoil.startswith("filter"):
        drop_all(spoil.endswith("locked"))
    elif spoil == "listen":
        s.listen(0)
    else:
        shut(int(spoil))
else:
    take_one()
"""
