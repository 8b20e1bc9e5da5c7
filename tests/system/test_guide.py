"""The recipes of docs/GUIDE.md are loaded as they stand there."""

import re
import subprocess

import pytest

from harness import ROOT, run_inetd

TEXT = (ROOT / "docs/GUIDE.md").read_text()
# Each with the blocks of its recipe, by the name of the file that they are for.
RECIPES = [(section.partition("\n")[0],
            dict(re.findall(r"^```(\S+)\n(.*?)^```$", section, re.S | re.M)))
           for section in TEXT.split("\n## ")[1:]]
KNOWN = {"inetd.conf", "inetd.cfg", "haproxy.cfg"}


def test_there_are_recipes_and_no_block_that_nobody_looks_at():
    assert len(RECIPES) >= 2
    assert len(re.findall("^```.", TEXT, re.M)) == sum(len(blocks) for _, blocks in RECIPES)
    for name, blocks in RECIPES:
        assert "inetd.conf" in blocks and set(blocks) <= KNOWN, name


@pytest.mark.root
@pytest.mark.parametrize("name, blocks", RECIPES, ids=[name for name, _ in RECIPES])
def test_a_recipe_is_good(workdir, name, blocks):
    conf, settings = workdir / "inetd.conf", workdir / "inetd.cfg"
    conf.write_text(blocks["inetd.conf"])
    settings.write_text(blocks.get("inetd.cfg", ""))
    done = run_inetd("--check", "--settings", settings, conf)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "0 errors, 0 warnings" in said, said


@pytest.mark.needs("haproxy")
def test_the_balancers_file_is_good(workdir):
    files = [blocks["haproxy.cfg"] for _, blocks in RECIPES if "haproxy.cfg" in blocks]
    assert files
    for text in files:
        path = workdir / "haproxy.cfg"
        path.write_text(text)
        done = subprocess.run(["haproxy", "-c", "-f", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
