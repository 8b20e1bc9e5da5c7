"""A name server of the test's own, which can lie, fail and be silent."""

import contextlib
import socket
import struct
import threading

from harness import PATIENCE

SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5
A, PTR = 1, 12


def encode(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


class NameServer:
    """Answers on 127.0.0.1:53 of a namespace from `zone`: {(name, type): value}. An integer is an
    error, None is silence, and of what is not there it says so."""

    def __init__(self, namespace):
        self.zone = {}
        self.asked = []
        self.arrived = threading.Event()
        self.socket = namespace.run(self._bind)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @staticmethod
    def _bind():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 53))
        return s

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if not query:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind, = struct.unpack_from("!H", query, at + 1)
            name, question = ".".join(labels).lower(), query[12:at + 5]
            self.asked.append((name, kind))
            self.arrived.set()
            value = self.zone.get((name, kind), NXDOMAIN)
            if value is None:
                continue
            code = value if isinstance(value, int) else 0
            answers = b"" if isinstance(value, int) else b"".join(
                b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
                for data in ((socket.inet_aton(v) if kind == A else encode(v)) for v in value))
            count = 0 if isinstance(value, int) else len(value)
            self.socket.sendto(query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0)
                               + question + answers, client)

    def host(self, address, *names):
        self.zone[".".join(reversed(address.split("."))) + ".in-addr.arpa", PTR] = list(names)
        for name in names:
            self.zone[name, A] = [address]

    def pointer(self, address, value):
        self.zone[".".join(reversed(address.split("."))) + ".in-addr.arpa", PTR] = value

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(PATIENCE)
        self.socket.close()
