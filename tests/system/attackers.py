"""Peers that mean harm, each a process of its own: `attackers.py COUNTER KIND ARGUMENT...`

COUNTER is a file of eight bytes that says how many times the attacker has done what it does, so that
a test can see that it is at work. Attack, below, is the side of the test."""

import itertools
import mmap
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile

RESET = struct.pack("ii", 1, 0)


class Attack:
    """`with Attack("resets", port) as a:` has it at work from here to there."""

    def __init__(self, kind, *arguments, wrap=()):
        self.kind = kind
        self.file = tempfile.NamedTemporaryFile(prefix="inetd-attack-")
        self.file.write(bytes(8))
        self.file.flush()
        self.memory = mmap.mmap(self.file.fileno(), 8, prot=mmap.PROT_READ)
        self.process = subprocess.Popen(
            [*wrap, sys.executable, "-I", __file__, self.file.name, kind, *map(str, arguments)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def events(self):
        """What it has done until now."""
        assert self.process.poll() is None, self.process.stderr.read().decode()
        return struct.unpack("Q", self.memory[:8])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.memory.close()
        self.file.close()


class Counter:
    def __init__(self, path):
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 8)
        self.value = 0

    def add(self, number=1):
        self.value += number
        self.memory[:8] = struct.pack("Q", self.value)


def address(place):
    """A port of this machine, HOST:PORT, or a path."""
    host, _, port = place.rpartition(":")
    return (host or "127.0.0.1", int(port))


def connected(place, source=None, buffer=0):
    s = socket.socket()
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    if source:
        s.bind((source, 0))
    s.settimeout(20)
    s.connect(address(place))
    s.setblocking(False)
    return s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.close()


def slow_readers(count, place, number):
    """A byte now and then of what never ends."""
    peers = [connected(place, buffer=2048) for _ in range(int(number))]
    for s in itertools.cycle(peers):
        try:
            s.recv(1)
            count.add()
        except BlockingIOError:
            pass


def slow_writers(count, text, number, *places):
    """Each a byte of the text at a time; who is done, or thrown out, comes again."""
    def fresh():
        return [connected(random.choice(places)), 0]

    text = text.encode().decode("unicode_escape").encode()
    peers = [fresh() for _ in range(int(number))]
    while True:
        for peer in peers:
            s, at = peer
            try:
                s.send(text[at:at + 1])
                peer[1] += 1
                count.add()
            except BlockingIOError:
                pass
            except OSError:
                peer[1] = len(text)
            if peer[1] == len(text):
                s.close()
                peer[:] = fresh()
        select.select([], [], [], 0.001)


def senders(count, number, *places):
    """As much as the service takes, for ever; half of them read what comes back."""
    peers = {}
    for at in range(int(number)):
        s = connected(places[at % len(places)])
        peers[s.fileno()] = (s, at % 2)
    look = select.epoll()
    for fd, (_, reads) in peers.items():
        look.register(fd, select.EPOLLOUT | (select.EPOLLIN if reads else 0))
    block = b"x" * 65536
    while True:
        for fd, events in look.poll():
            s = peers[fd][0]
            try:
                if events & select.EPOLLOUT:
                    s.send(block)
                    count.add()
                if events & select.EPOLLIN:
                    s.recv(1 << 20)
            except BlockingIOError:
                pass


def resets(count, *places):
    """Connects, says something that fits the place or half of it, reads or not, and resets."""
    words = (b"", b"x", b"PROXY TCP4 192.0", b"PROXY TCP4 192.0.2.7 198.51.100.2 4711 80\r\n",
             b"GET / HT", b"GET / HTTP/1.1\r\n\r\n", b"ca", b"cat\r\n", b"HELP\r\n", b"123, 456\r\n",
             b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", b"x" * 100000)
    for place, word in itertools.cycle(itertools.product(places, words)):
        try:
            s = connected(place)
        except OSError:
            continue  # nobody is there for the moment
        try:
            for _ in range(random.randrange(3)):
                if word:
                    s.send(word)
                if random.randrange(2):
                    select.select([s], [], [], 0.001)
                    s.recv(65536)
        except OSError:
            pass
        reset(s)
        count.add()


def flood(count, source, *places):
    """Connections, as many as there can be, each gone at once. Reset, as a closed one would keep its
    port for a minute."""
    for place in itertools.cycle(places):
        try:
            reset(connected(place, source))
            count.add()
        except OSError:
            pass


def resetting_target(count, port):
    """Somebody to be relayed to, who resets at all moments."""
    with socket.create_server(("127.0.0.1", int(port)), backlog=1000) as listener:
        while True:
            s = listener.accept()[0]
            s.settimeout(0.001 * random.randrange(3))
            try:
                if random.randrange(2):
                    s.send(b"y" * random.choice((1, 100000)))
                s.recv(100)
            except OSError:
                pass
            reset(s)
            count.add()


def idlers(count, place, number, sources):
    """Many that do nothing. Each source address has its own ports."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    peers = []
    for at in range(int(number)):
        peers.append(connected(place, f"127.0.77.{1 + at % int(sources)}"))
        count.add()
    while True:
        signal.pause()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagram(source, source_port, port):
    payload = b"ping"
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton("127.0.0.1"))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload


def storm(count, *ports):
    """Datagrams whose sources are forged: services that answer, broadcast, multicast, anybody."""
    sources = [(host, port) for port in (7, 9, 13, 17, 19, 37, 0) for host in ("127.0.0.1", "127.9.9.9")]
    sources += [(host, 4711) for host in ("255.255.255.255", "224.0.0.1", "127.255.255.255", "0.0.0.0")]
    sources += [(f"127.8.{n}.1", 1024 + n) for n in range(16)]
    packets = [datagram(host, port, int(to)) for to in ports for host, port in
               (*sources, ("127.0.0.2", int(to)))]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for packet in itertools.cycle(packets):
            try:
                s.sendto(packet, ("127.0.0.1", 0))
                count.add()
            except OSError:
                pass  # the kernel has no room, or will not have such a source at all


KINDS = {function.__name__: function for function in (
    slow_readers, slow_writers, senders, resets, flood, resetting_target, idlers, storm)}

if __name__ == "__main__":
    KINDS[sys.argv[2]](Counter(sys.argv[1]), *sys.argv[3:])
