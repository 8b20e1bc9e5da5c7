#!/usr/bin/python3
# A chat room: what one guest says, all others see. A wait server: it gets the listening socket, and
# one process holds all guests; tcp46 makes it one socket for IPv4 and IPv6. When the room has been
# empty for 30 seconds (or the first argument) it ends. Who knocks just then waits in the socket's
# backlog, and inetd opens the next room.
#
# inetd.conf: 10023 stream tcp46 wait nobody /usr/libexec/inetd/chat.py chat.py
# try: nc localhost 10023

import contextlib
import selectors
import socket
import sys
import time

GUESTS, LINE = 100, 1000

idle = float(sys.argv[1]) if sys.argv[1:] else 30
silence = float(sys.argv[2]) if sys.argv[2:] else 3600
room = {}  # guest's socket -> [name, the line that has begun to come, time of the last word]


def say(text, speaker=None):
    for guest in [guest for guest in room if guest is not speaker]:
        try:
            slow = guest.send(text.encode()) < len(text.encode())
        except OSError:
            slow = True
        if slow:
            leave(guest)


def enter():
    with contextlib.suppress(OSError):
        guest, address = door.accept()
        if len(room) < GUESTS:
            guest.setblocking(False)
            poll.register(guest, selectors.EVENT_READ)
            name = "{}:{}".format(address[0].removeprefix("::ffff:"), address[1])
            room[guest] = [name, b"", time.monotonic()]
            say(f"* {name} comes in\n")


def leave(guest):
    if guest in room:
        name = room.pop(guest)[0]
        poll.unregister(guest)
        guest.close()
        say(f"* {name} leaves\n")


def hear(guest):
    state = room[guest]
    data = b""
    with contextlib.suppress(OSError):
        data = guest.recv(LINE)
    *lines, begun = (state[1] + data).split(b"\n")
    state[1:] = begun, time.monotonic()
    for line in lines:
        text = "".join(filter(str.isprintable, line.decode(errors="replace")))
        say(f"{state[0]}: {text}\n", guest)
    if not data or len(begun) > LINE:
        leave(guest)


with socket.socket(fileno=0) as door, selectors.DefaultSelector() as poll:
    door.setblocking(False)
    poll.register(door, selectors.EVENT_READ)
    while (events := poll.select(idle)) or room:
        for key, _ in events:
            if key.fileobj is door:
                enter()
            elif key.fileobj in room:
                hear(key.fileobj)
        for guest in [g for g in room if time.monotonic() - room[g][2] > silence]:
            leave(guest)
