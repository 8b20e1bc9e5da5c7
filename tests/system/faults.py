"""Lets each system call of the daemon fail, the first, the second, and so on, with each error that it
may fail with, and looks each time whether the daemon does what it should: it lives, or has refused
to start and said why; nothing is left behind, and the next client is served.

`/usr/bin/python3 tests/system/faults.py [PHASE...]` tries all points and says how many there were;
test_faults.py tries some."""

import argparse
import collections
import contextlib
import errno
import os
import signal
import sys
import time
import traceback

from fault_injector import Injector, Point, missing
from fault_table import ERRORS
from fault_world import World, served
from harness import PATIENCE, connect
from support import growth, own_memory, wait_until

MOST = 400  # calls of one kind in one phase; more would mean that something goes on for ever
GROWTH = 512  # KiB of the daemon's own in one phase
RUNNING = ("accept", "spawn", "fork", "datagrams", "reload", "control", "upgrade")
# What may last, and the phases in which it is tried whether the daemon is patient then.
LASTING = ("EACCES", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ENOSPC", "EPERM")
LASTING_IN = ("accept", "spawn", "datagrams")
FOR_EVER = 10**9
WATCHED = 0.3  # seconds
MOST_IN_VAIN = 60  # calls in that time; one that spins makes thousands
PHASES = ("start", *RUNNING, "stop")
# After these the daemon takes fork(2) for good, as on a kernel that knows no other way.
NO_CLONE = ("EINVAL", "ENOSYS", "EPERM")
# What a new binary opens at its start and does without where that fails: until the next upgrade, or
# until a child needs it.
MADE_AT_START = frozenset({"passage"})


class Finding(Exception):
    pass


def is_refusal(text, error):
    """Whether a daemon that does not go on has said why."""
    return os.strerror(getattr(errno, error)) in text


class Running:
    """The phases of a daemon that goes on: one serves many points."""

    def __init__(self, phase):
        self.phase = phase
        self.world = None

    def renew(self):
        self.close()
        self.world = World()
        if self.phase == "fork":
            self.world.injector.say("arm daemon clone3 %d 1 1" % errno.ENOSYS)
            served(self.world.call, "GetStatus")
            self.world.spawn()
        for _ in range(2):
            self.provoke()
            self.settle()
        self.world.baseline()

    def close(self):
        world, self.world = self.world, None
        if world:
            world.close()

    def provoke(self):
        getattr(self.world, "spawn" if self.phase == "fork" else self.phase)()
        self.world.quiet()

    def settle(self):
        after = getattr(self.world, f"after_{self.phase}", None)
        if after:
            after()
        self.world.check()

    def census(self):
        """How often each call is made: {(who, call): times}"""
        self.renew()
        self.world.injector.say("none")
        self.provoke()
        called = self.world.injector.tell()[1]
        self.settle()
        self.before = own_memory(self.world.daemon.pid)
        return called

    def try_point(self, point):
        """Whether there was such a call."""
        if self.world is None:
            self.renew()
            self.before = own_memory(self.world.daemon.pid)
        world = self.world
        world.injector.say(Injector.order(point))
        self.provoke()
        hits = world.injector.tell()[0]
        world.injector.say("none")
        if not world.lives():
            status = world.daemon.stop()
            raise Finding(f"the daemon has ended with {status}:\n{world.daemon.log()[-1500:]}")
        self.settle()
        world.check_left(MADE_AT_START if self.phase == "upgrade" else frozenset())
        if hits and point.call == "clone3" and point.error in NO_CLONE:
            self.close()
        return hits

    def try_lasting(self, who, call, error):
        """Whether there was such a call, with all failing while clients are there."""
        if self.world is None:
            self.renew()
            self.before = own_memory(self.world.daemon.pid)
        world = self.world
        world.injector.say(Injector.order(Point(who, call, error, 1), FOR_EVER))
        with contextlib.ExitStack() as stack:
            for s in world.clients():
                stack.enter_context(s)
            wait_until(lambda: world.waits() or not world.lives(), "the daemon has looked at all of them")
            in_vain = growth(lambda: world.injector.tell()[0], WATCHED)
            hits = world.injector.tell()[0]
            world.injector.say("none")
        if not world.lives():
            raise Finding(f"the daemon has ended with {world.daemon.stop()}")
        if in_vain > MOST_IN_VAIN:
            raise Finding(f"it has tried {in_vain} times in {WATCHED} s")
        world.wait_until_open()
        world.check()
        world.check_left()
        if call == "clone3" and error in NO_CLONE:
            self.close()
        return hits

    def finish(self):
        if self.world is None:
            return
        grown = own_memory(self.world.daemon.pid) - self.before
        self.close()
        if grown > GROWTH:
            raise Finding(f"the daemon has grown by {grown} KiB")


class Start:
    """A daemon for each point, which comes up or says why not."""

    def census(self):
        with World() as world:
            world.quiet()
            return world.injector.tell()[1]

    def try_point(self, point):
        world = World(Injector.order(point), wait_ready=False)
        try:
            world.quiet()
            hits = world.injector.tell()[0]
            world.injector.say("none")
            if world.lives():
                if world.daemon.lines_like(r"\.(conf|cfg):\d+.*error: "):
                    # A line with an error is skipped at a start, and a reload brings it.
                    world.call("Reload")
                world.wait_until_open()
                world.check()
                status = world.daemon.stop()
                if status != 0:
                    raise Finding(f"it was stopped and ended with {status}")
                return hits
            status = world.daemon.stop()
            if status not in (1, 78) or not is_refusal(world.daemon.log(), point.error):
                raise Finding(f"it ended with {status} and said:\n{world.daemon.log()[-1500:]}")
            return hits
        finally:
            world.close()

    def finish(self):
        pass

    close = finish


class Stop:
    """A daemon for each point, with clients when it is told to stop."""

    def _run(self, order):
        with World() as world:
            session, client = connect(world.echo), connect(world.cat)
            with session, client:
                for s in (session, client):
                    s.sendall(b"1")
                    assert s.recv(1) == b"1"
                world.injector.say(order)
                world.daemon.signal(signal.SIGTERM)
                status = world.daemon.process.wait(PATIENCE)
                told = world.injector.tell()
                if status != 0:
                    raise Finding(f"it ended with {status}:\n{world.daemon.log()[-1500:]}")
                for s in (session, client):
                    assert served(s.recv, 1) in (b"", None), "a client is left"
            return told

    def census(self):
        return self._run("none")[1]

    def try_point(self, point):
        return self._run(Injector.order(point))[0]

    def finish(self):
        pass

    close = finish


def make(phase):
    return {"start": Start, "stop": Stop}.get(phase, lambda: Running(phase))()


class Account:
    def __init__(self):
        self.points = self.lasting = 0
        self.calls = set()
        self.findings = []


def points_of(census):
    """In an order that does not change, without n."""
    for who, call in sorted(census):
        for error in ERRORS[who].get(call, "").split():
            yield who, call, error


def walk(phase, only=None, most=MOST, choose=lambda kinds: kinds):
    """Tries all points of a phase."""
    runner, account = make(phase), Account()
    try:
        kinds = list(points_of(runner.census()))
        for who, call, error in choose(kinds):
            if only and call not in only:
                continue
            for n in range(1, most + 1):
                point = Point(who, call, error, n)
                try:
                    if not runner.try_point(point):
                        break
                except Exception as problem:
                    account.findings.append((phase, point, describe(problem)))
                    print(f"{phase}: {point}: {account.findings[-1][2]}", flush=True)
                    with contextlib.suppress(Exception):
                        runner.close()
                    runner = make(phase)
                account.points += 1
                account.calls.add((who, call))
            else:
                if most == MOST:
                    account.findings.append((phase, point, "it never ends"))
        if phase in LASTING_IN:
            walk_lasting(runner, phase, kinds, only, account)
        runner.finish()
    except Finding as problem:
        account.findings.append((phase, None, str(problem)))
        print(f"{phase}: {problem}", flush=True)
    finally:
        with contextlib.suppress(Exception):
            runner.close()
    return account


def walk_lasting(runner, phase, kinds, only, account):
    """Tries each error that may last."""
    for who, call, error in kinds:
        if error not in LASTING or (only and call not in only):
            continue
        try:
            account.lasting += bool(runner.try_lasting(who, call, error))
        except Exception as problem:
            account.findings.append((phase, (who, call, error), describe(problem)))
            print(f"{phase}: always {who} {call} {error}: {account.findings[-1][2]}", flush=True)
            with contextlib.suppress(Exception):
                runner.close()


def describe(problem):
    return "".join(traceback.format_exception_only(problem)).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=" ".join(PHASES))
    parser.add_argument("--call", action="append", help="only this system call")
    options = parser.parse_args()
    if reason := missing():
        print(f"no faults: {reason}")
        return 77
    total = collections.Counter()
    for phase in options.phases or PHASES:
        began = time.monotonic()
        account = walk(phase, options.call)
        total.update(points=account.points, lasting=account.lasting, findings=len(account.findings))
        print(f"{phase}: {account.points} points in {len(account.calls)} system calls, "
              f"{account.lasting} errors that last, {len(account.findings)} findings, {time.monotonic() - began:.0f} s", flush=True)
    print(f"in all {total['points']} points, {total['lasting']} errors that last, "
          f"{total['findings']} findings")
    return 1 if total["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
