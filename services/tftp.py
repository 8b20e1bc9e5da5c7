#!/usr/bin/python3
# A read-only TFTP server (RFC 1350) for the directory argv[1]. The request waits on a socket that is
# connected to the client; the file is sent from a port of its own, so that many clients can be
# served at once, each transfer known by its two ports.
#
# inetd.conf: 10069 dgram udp nowait nobody /usr/libexec/inetd/tftp.py tftp.py /srv/tftp
# try: tftp -m binary localhost 10069 -c get motd

import os
import signal
import socket
import struct
import sys

READ, WRITE, DATA, ACK, ERROR = (struct.pack("!H", opcode) for opcode in range(1, 6))


def refuse(code, text):
    if packet[:2] != ERROR:
        client.send(ERROR + struct.pack("!H", code) + text + b"\0")
    sys.exit()


def deliver(number, block):
    """Only silence repeats a block: if an old acknowledgement did, each would beget another."""
    signal.alarm(60)
    for _ in range(5):
        try:
            client.send(DATA + number + block)
            while not (answer := client.recv(512)).startswith(ACK + number):
                if answer.startswith(ERROR):
                    sys.exit()
            return
        except TimeoutError:
            continue
        except OSError:
            break  # nobody is at the client's port any more
    sys.exit()


request = socket.socket(fileno=0)
packet, (host, _, *scope) = request.recv(1024, socket.MSG_DONTWAIT), request.getsockname()
client = socket.socket(request.family, socket.SOCK_DGRAM)
client.bind((host, 0, *scope))
client.connect(request.getpeername())
client.settimeout(float(sys.argv[2]) if sys.argv[2:] else 3)
name, mode, *_ = packet[2:].split(b"\0")[:-1] + [b"", b""]
if packet[:2] != READ:
    refuse(2 if packet[:2] == WRITE else 4, b"files are read here, and that is all")
if mode.lower() not in (b"octet", b"netascii"):
    refuse(4, b"the mode is octet or netascii")

root = os.fsencode(os.path.realpath(sys.argv[1] if sys.argv[1:] else "/srv/tftp"))
path = os.path.realpath(os.path.join(root, name.lstrip(b"/")))
if os.path.commonpath([root, path]) != root or os.path.exists(path) and not os.path.isfile(path):
    refuse(2, b"that is not for you")
if not os.access(path, os.R_OK):
    refuse(1, b"there is no such file")
rest, block, number = b"", bytes(512), 0
with open(path, "rb") as file:
    while len(block) == 512:
        part = file.read(512)
        if mode.lower() == b"netascii":
            part = part.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
        block, rest = (rest + part)[:512], (rest + part)[512:]
        number = (number + 1) % 65536
        deliver(struct.pack("!H", number), block)
