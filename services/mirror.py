#!/usr/bin/python3
# Answers datagrams with the address and port that they came from: what a NAT on the way has made of
# them. The socket comes connected to the client, with the first one waiting on it. What else the
# client sends while we live comes here as well, so we leave when it has been silent for a moment.
#
# inetd.conf: 10014 dgram udp nowait nobody /usr/libexec/inetd/mirror.py mirror.py
# try: printf '\n' | nc -u -w 1 localhost 10014

import contextlib
import socket

with contextlib.suppress(OSError), socket.socket(fileno=0) as client:
    client.settimeout(0.5)
    host, port = client.getpeername()[:2]
    while True:
        client.recv(1)
        client.send(f"{host} {port}\n".encode())
