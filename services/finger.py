#!/usr/bin/python3
# The finger service (RFC 1288): the people of this machine, and the plan that each has in ~/.plan.
# It shows a plan that is a plain file of the user's own, and leaves control characters out.
#
# inetd.conf: 10079 stream tcp nowait nobody /usr/libexec/inetd/finger.py finger.py
# try: printf '\r\n' | nc -N localhost 10079

import contextlib
import os
import pwd
import signal
import socket
import stat
import sys

PEOPLE = range(1000, 60000)  # user ids
QUERY, PLAN = 256, 4096  # bytes


def name(user):
    return user.pw_gecos.partition(",")[0] or user.pw_name


def plan(user):
    try:
        fd = os.open(os.path.join(user.pw_dir, ".plan"), os.O_RDONLY | os.O_NONBLOCK)
        with open(fd, encoding="utf-8", errors="replace") as file:
            facts = os.fstat(fd)
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == user.pw_uid:
                return "Plan:\n" + file.read(PLAN)
    except OSError:
        pass
    return "No plan."


def answer(query):
    people = [user for user in pwd.getpwall() if user.pw_uid in PEOPLE]
    words = [word for word in query.split() if word.upper() != "/W"]
    if "@" in query:
        return "Finger forwarding service denied."
    if not words:
        return "\n".join(f"{user.pw_name:<16} {name(user)}" for user in people) or "Nobody."
    wanted = words[0].lower()
    found = [u for u in people if wanted in (u.pw_name.lower(), *name(u).lower().split())]
    texts = [f"Login: {u.pw_name:<16} Name: {name(u)}\n{plan(u)}" for u in found]
    return "\n\n".join(texts) or "No such user."


signal.alarm(int(sys.argv[1]) if sys.argv[1:] else 30)
with contextlib.suppress(OSError), socket.socket(fileno=0) as client:
    query = client.makefile("rb").readline(QUERY).decode(errors="replace")
    for line in answer(query).expandtabs().split("\n"):
        client.sendall("".join(filter(str.isprintable, line)).encode() + b"\r\n")
