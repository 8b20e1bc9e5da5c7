#!/usr/bin/python3
"""A wait server that tells each client its pid, and ends when one of them says so."""

import contextlib
import os
import select
import socket

with socket.socket(fileno=0) as door:
    told = ""
    while told != "end":
        client, _ = door.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(str(os.getpid()).encode())
            ready = select.select([client, door], [], [])[0]
            told = client.recv(100).decode() if client in ready else ""
