"""What was built: hardened as Debian's packages are, and free of traces of where it was built."""

import json
import re
import subprocess

import pytest

from harness import BUILD, ROOT
from support import build_option

PROGRAMS = ("inetd", "inetctl")


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, str(BUILD / program)], text=True,
                          capture_output=True, check=True).stdout


@pytest.fixture(params=PROGRAMS)
def program(request):
    return request.param


def test_its_addresses_are_random(program):
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", readelf(program, "-h"))


def test_what_the_linker_has_written_is_read_only(program):
    assert "GNU_RELRO" in readelf(program, "-l")
    dynamic = readelf(program, "-d")
    assert re.search(r"FLAGS\S*\).*\bNOW\b", dynamic), dynamic
    assert "TEXTREL" not in dynamic
    if build_option("b_sanitize") == "none":
        assert "RPATH" not in dynamic and "RUNPATH" not in dynamic


def test_its_stack_is_no_code_and_is_guarded(program):
    assert re.search(r"GNU_STACK\s.*\sRW\s", readelf(program, "-l"))
    assert "__stack_chk_fail" in readelf(program, "--dyn-syms")


def test_no_text_of_others_is_a_format():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    own = [one["command"] for one in commands if "/src/" in one["file"]]
    assert own and all("-Werror=format-security" in command for command in own)


def test_sizes_are_checked(program):
    if build_option("optimization") in ("0", "g") or build_option("b_sanitize") != "none":
        pytest.skip("the C library checks sizes in optimized builds alone")
    checked = re.findall(r"__(\w+)_chk@GLIBC", readelf(program, "--dyn-syms"))
    assert checked


def test_nothing_says_where_it_was_built(program):
    assert str(ROOT).encode() not in (BUILD / program).read_bytes()
