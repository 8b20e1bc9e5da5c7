"""Counts what the tests of the given build directories gave; the last line is the sum.

A doctest program counts as its test cases, any other program of `meson test` as one, pytest as its
tests. A directory without results is a failure.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

CASES = re.compile(
    r"^\[doctest\] test cases: *\d+ \| *(\d+) passed \| *(\d+) failed \| *(\d+) skipped", re.M)
MESON = {"OK": (1, 0, 0), "EXPECTEDFAIL": (1, 0, 0), "SKIP": (0, 0, 1)}
FAILED = (0, 1, 0)


def meson_counts(log):
    for line in log.read_text().splitlines():
        test = json.loads(line)
        cases = CASES.search(test.get("stdout") or "")
        counts = tuple(map(int, cases.groups())) if cases else MESON.get(test["result"], FAILED)
        if test["result"] not in MESON and counts[1] == 0:  # a crash, a leak, a time-out
            counts = (counts[0], 1, counts[2])
        yield test["name"], counts


def pytest_counts(report):
    for suite in ET.parse(report).getroot().iter("testsuite"):
        tests, skipped = int(suite.get("tests")), int(suite.get("skipped"))
        failed = int(suite.get("failures")) + int(suite.get("errors"))
        yield f"{report.stem} tests", (tests - failed - skipped, failed, skipped)


def counts_of(build):
    sources = [(meson_counts, build / "meson-logs/testlog.json")]
    if list(pathlib.Path("tests/system").glob("test_*.py")):
        sources.append((pytest_counts, build / "system.xml"))
    if build.name == "build" and list(pathlib.Path("tests/systemd").glob("test_*.py")):
        sources.append((pytest_counts, build / "systemd.xml"))
    for read, path in sources:
        try:
            yield from read(path)
        except (OSError, ValueError, ET.ParseError) as error:
            yield f"{path}: {error}", FAILED


def main():
    total = [0, 0, 0]
    print()
    for build in map(pathlib.Path, sys.argv[1:]):
        for name, counts in counts_of(build):
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                print(f"FAILED  {build}: {name}: {counts[1]}")
            elif counts[2]:
                print(f"skipped {build}: {name}: {counts[2]}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
