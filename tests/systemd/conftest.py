"""Runs the tests of each module inside a box with a systemd of its own, and reports them one by one.

Outside, the first test of a module boots the box (see boot.py), in which another pytest runs those
tests of the module that were selected; its reports come out through a file and are passed on here.
A module with NO_BOX runs as usual; one with CGROUP = "hybrid" has the memory controller where the
machine keeps it in cgroup v1; in that of a module with PACKAGE nothing is installed, and
INETD_PACKAGE names the Debian package of the build.
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("INETD_BUILD", ROOT / "build")).resolve()
REPORTS = pathlib.Path("/run/box/reports")
INSIDE = "INETD_BOX" in os.environ
TIMEOUT = 300  # seconds for all tests of a module

sys.path[:0] = [str(HERE), str(ROOT / "tests/system")]


def pytest_configure(config):
    config.boxes = {}


def boot(*arguments, **options):
    words = ["setpriv", "--pdeathsig", "TERM", sys.executable, str(HERE / "boot.py"), *arguments]
    return subprocess.run(words, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          **options)


def install(config):
    """What `meson install` puts where, once for all modules."""
    if not hasattr(config, "installed"):
        config.installed = tempfile.TemporaryDirectory(prefix="inetd-install-")
        tree = os.path.join(config.installed.name, "root")
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", tree],
                       check=True, umask=0o022, capture_output=True)
    return os.path.join(config.installed.name, "root")


def package(config):
    """The Debian package of the build, which .ci/deb makes, and what it said."""
    config.package = tempfile.TemporaryDirectory(prefix="inetd-package-")
    os.chmod(config.package.name, 0o755)  # apt reads it as a user of its own
    done = subprocess.run([ROOT / ".ci/deb", config.package.name], check=False, umask=0o022, text=True,
                          env={**os.environ, "INETD_BUILD": str(BUILD)}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return next(pathlib.Path(config.package.name).glob("*.deb"), None), done.stdout


def run_module(config, module, items):
    """The reports of the items by node id, and what to say of an item without any."""
    layout = getattr(module, "CGROUP", "unified")
    check = boot("--cgroup", layout, "--check")
    if check.returncode != 0:
        return {}, ("skipped", check.stdout.strip() or check.stderr)
    variables = ["INETD_BOX=1", f"INETD_BUILD={BUILD}"]
    if getattr(module, "PACKAGE", False):
        missing = [tool for tool in module.TOOLS if not shutil.which(tool)]
        if missing:
            return {}, ("skipped", f"{missing[0]} is not installed")
        file, said = package(config)
        if file is None:
            return {}, ("failed", said)
        content = ["--bind", str(file.parent)]
        variables.append(f"INETD_PACKAGE={file}")
    else:
        content = ["--install", install(config)]
    names = [str(item.path) + item.nodeid[item.nodeid.index("::"):] for item in items]
    words = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
             "--rootdir", str(config.rootpath), *names]
    kept = [f"{name}={value}" for name, value in os.environ.items() if name.startswith("INETD_TEST")]
    inner = shlex.join(["env", *variables, *kept, *words])
    with tempfile.TemporaryDirectory(prefix="inetd-out-") as out:
        result = boot("--cgroup", layout, *content, "--bind", str(ROOT), "--bind", str(BUILD),
                      "--out", out, "--timeout", str(TIMEOUT), "--", "/bin/sh", "-c", f"exec {inner}")
        console = pathlib.Path(out, "console").read_text(errors="replace")
        path = pathlib.Path(out, REPORTS.name)
        lines = path.read_text().splitlines() if path.exists() else []
    reports = {}
    for data in map(json.loads, lines):
        reports.setdefault(data["nodeid"], []).append(data)
    text = f"The box ended with {result.returncode}.\n{result.stdout}{result.stderr}{console}"
    return reports, ("failed", text)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    config, module = item.config, item.module
    if INSIDE or getattr(module, "NO_BOX", False):
        return None
    if module not in config.boxes:
        items = [other for other in item.session.items if other.module is module]
        config.boxes[module] = run_module(config, module, items)
    reports, (outcome, text) = config.boxes[module]
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    found = [config.hook.pytest_report_from_serializable(config=config, data=data)
             for data in reports.get(item.nodeid, [])]
    if not found:
        why = (str(item.path), 0, f"Skipped: {text}") if outcome == "skipped" else text
        found = [pytest.TestReport(item.nodeid, item.location, {}, outcome, why, "setup")]
    for report in found:
        if isinstance(report.longrepr, list):  # what JSON makes of the tuple of a skipped test
            report.longrepr = tuple(report.longrepr)
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if INSIDE and report.failed:
        import box
        report.sections.append(("journal", box.journal_text()))
    if INSIDE:
        data = item.config.hook.pytest_report_to_serializable(config=item.config, report=report)
        with REPORTS.open("a") as file:
            file.write(json.dumps(data) + "\n")


def pytest_sessionfinish(session, exitstatus):
    """meson calls a test skipped that ends with 77."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    ran = {key for key, value in reporter.stats.items() if value and key in ("passed", "failed", "error")}
    if "MESON_TEST_ITERATION" in os.environ and exitstatus == 0 and not ran:
        session.exitstatus = 77


@pytest.fixture
def inetd():
    """The unit inetd.service, stopped before and after."""
    import box
    unit = box.Unit()
    yield unit
    unit.clear()
