"""docs/COMING-FROM.md names keys that there are, and all of what it is about."""

import re

import pytest

from harness import ROOT

PAGE = (ROOT / "docs/COMING-FROM.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines() if line.startswith("| ")]
MANUAL = (ROOT / "docs/man/inetd.cfg.5").read_text()
KEYS = set(re.findall(r"^\.It Ic (\w+) No =", MANUAL, re.M))


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def test_the_tables_have_rows():
    assert len(ROWS) > 60
    assert [row for row in ROWS if len(row) != 4] == []
    assert len([row for row in ROWS if row[1] == "inetd.conf"]) == 5  # the heads


@pytest.mark.parametrize("key", sorted({key for row in ROWS for key in words(row[2])}))
def test_a_key_exists(key):
    assert key in KEYS


def test_every_attribute_of_xinetd_is_there():
    table = PAGE.partition("## xinetd\n")[2].partition("\n## ")[0]
    named = {word for line in table.splitlines() if line.startswith("| ")
             for word in words(line.split("|")[1])}
    source = (ROOT / "src/ctl/xinetd_values.cc").read_text()
    known = set(re.findall(r'Rule\{"(\w+)"', source))
    assert len(known) > 40 and known <= named | {"type"}, known - named
