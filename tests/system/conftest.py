import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def pytest_configure(config):
    config.addinivalue_line("markers", "root: changes users, namespaces, low ports")
    config.addinivalue_line("markers", "needs(*programs): what has to be installed")


def pytest_runtest_setup(item):
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
                pytest.skip(f"needs {program}")


@pytest.fixture
def workdir():
    """A directory that servers which run as somebody else can read, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="inetd-work-", ignore_cleanup_errors=True) as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def namespace():
    from support import Namespace
    try:
        ns = Namespace()
    except OSError as reason:
        pytest.skip(f"no network namespace: {reason}")
    yield ns
    ns.close()


@pytest.fixture
def start(workdir):
    """start(conf, settings) runs the daemon with a settings file, which is d.settings."""
    from harness import Daemon
    with contextlib.ExitStack() as stack:
        def run(conf, settings, *options, **keywords):
            path = workdir / "inetd.cfg"
            path.write_text(settings)
            path.chmod(0o644)
            daemon = stack.enter_context(Daemon(conf, "--settings", path, *options, **keywords))
            daemon.settings = path
            return daemon
        yield run


@pytest.fixture
def injector(workdir):
    from fault_injector import Injector, missing
    if reason := missing():
        pytest.skip(f"no faults: {reason}")
    made = Injector(workdir)
    yield made
    made.close()
