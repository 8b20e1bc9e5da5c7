#!/usr/bin/python3
# The echo service (RFC 862): sends back what it gets until the client has said all. A client that
# neither sends nor takes anything for a minute (or the seconds given as argument) is left.
#
# inetd.conf: 10007 stream tcp nowait nobody /usr/libexec/inetd/echo.py echo.py
# try: printf 'hello\n' | nc -N localhost 10007

import contextlib
import socket
import sys

patience = float(sys.argv[1]) if sys.argv[1:] else 60

with contextlib.suppress(OSError), socket.socket(fileno=0) as client:
    client.settimeout(patience)
    while data := client.recv(65536):
        client.sendall(data)
