#!/usr/bin/python3
# Answers each datagram, a key, with its value from a file of "key value" lines, or with a "?". A
# wait server: it gets the service's own socket, reads the file once and answers all who ask. When
# nobody has asked for 30 seconds (or the second argument) it ends, and inetd watches again.
#
# inetd.conf: 10011 dgram udp wait nobody /usr/libexec/inetd/lookup.py lookup.py /etc/protocols
# try: printf 'udp' | nc -u -w 1 localhost 10011

import contextlib
import socket
import sys

KEY, VALUE = 64, 512  # bytes; a short answer makes a poor amplifier of forged questions

idle = float(sys.argv[2]) if sys.argv[2:] else 30
values = {}
with open(sys.argv[1] if sys.argv[1:] else "/etc/protocols", "rb") as lines:
    for line in lines:
        key, _, value = line.strip().replace(b"\t", b" ").partition(b" ")
        if key and not key.startswith(b"#"):
            values[key] = value.strip()[:VALUE]

with contextlib.suppress(TimeoutError), socket.socket(fileno=0) as service:
    service.settimeout(idle)
    while True:
        question, client = service.recvfrom(KEY)
        try:
            service.sendto(values.get(question.strip(), b"?") + b"\n", client)
        except OSError:
            pass  # this client cannot be reached; the next one may be
