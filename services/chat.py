#!/usr/bin/python3
# A chat room: what one guest says, all others see. A wait server: it gets the listening socket, and
# one process holds all guests, each in a thread; tcp46 makes it one socket for IPv4 and IPv6. When
# nobody has come for 30 seconds (or the first argument) and the room is empty, it ends. Who knocks
# just then waits in the socket's backlog, and inetd opens the next room.
#
# inetd.conf: 10023 stream tcp46 wait nobody /usr/libexec/inetd/chat.py chat.py
# try: nc localhost 10023

import contextlib
import socket
import struct
import sys
import threading

GUESTS, LINE = 100, 1000

idle = float(sys.argv[1]) if sys.argv[1:] else 30
silence = float(sys.argv[2]) if sys.argv[2:] else 3600
room, lock = set(), threading.Lock()  # the lock keeps one order of words for all


def say(text, speaker=None):
    with lock:
        for guest in room - {speaker}:
            with contextlib.suppress(OSError):
                if guest.send(text.encode(), socket.MSG_DONTWAIT) == len(text.encode()):
                    continue
            with contextlib.suppress(OSError):
                guest.shutdown(socket.SHUT_RDWR)  # it does not listen; its thread sees it off


def entertain(guest, name):
    with guest, guest.makefile("rb") as words:
        with contextlib.suppress(OSError):
            while (line := words.readline(LINE)).endswith(b"\n"):
                text = "".join(filter(str.isprintable, line.decode(errors="replace")))
                say(f"{name}: {text}\n", guest)
        with lock:
            room.remove(guest)
        say(f"* {name} leaves\n")


with socket.socket(fileno=0) as door:
    door.settimeout(idle)
    while True:
        try:
            guest, (host, port, *_) = door.accept()
        except TimeoutError:
            if not room:
                break
            continue
        if len(room) == GUESTS:
            guest.close()
            continue
        patience = struct.pack("ll", int(silence), int(silence % 1 * 1_000_000))
        guest.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        name = f"{host.removeprefix('::ffff:')}:{port}"
        with lock:
            room.add(guest)
        say(f"* {name} comes in\n")
        threading.Thread(target=entertain, args=(guest, name)).start()
