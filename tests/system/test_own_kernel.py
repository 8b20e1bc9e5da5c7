"""What takes a kernel with other control groups than this machine may have: the controllers of
memory, processor and tasks are bound to version 1 on many. User-mode Linux is a kernel that runs as a
process. Its root is that of this machine, which it cannot write to."""

import os
import signal
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from harness import BUILD, INETD, PATIENCE, ROOT

INIT = """#!/bin/sh
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
for place in /tmp /run /mnt; do mount -t tmpfs tmpfs $place; done
mkdir /mnt/out /mnt/root /mnt/build
mount -t hostfs -o {out} hostfs /mnt/out
mount -r -t hostfs -o {root} hostfs /mnt/root
mount -r -t hostfs -o {build} hostfs /mnt/build
ip link set lo up
cd /mnt/root && env INETD_BUILD=/mnt/build PYTHONDONTWRITEBYTECODE=1 PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    {python} -m pytest -q -rs -p no:cacheprovider --junitxml /mnt/out/results.xml {tests} >/mnt/out/log 2>&1
{python} -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)' # power off, reboot(2)
"""
# Of test_guide.py there is one with such a name, too.
TESTS = "-k 'cgroup or cap_memory' tests/system/test_cgroup.py tests/system/test_guide.py"


def run_kernel(workdir, tests):
    """{name: what came of it} of tests that are run there."""
    out = workdir / "out"
    out.mkdir()
    init = workdir / "init"
    init.write_text(INIT.format(out=out, root=ROOT, build=BUILD, python=sys.executable, tests=tests))
    init.chmod(0o755)
    kernel = subprocess.Popen(
        ["linux.uml", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "mem=512M", "quiet",
         f"init={init}", f"uml_dir={workdir}", "con=null", "con0=null,fd:1", "con1=null"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    try:
        said = kernel.communicate(timeout=10 * PATIENCE)[0].decode(errors="replace")
    finally:
        if kernel.poll() is None:
            os.killpg(kernel.pid, signal.SIGKILL)
            kernel.wait()
    log = (out / "log").read_text() if (out / "log").exists() else "no test was run"
    assert (out / "results.xml").exists(), f"{said}\n{log}"
    cases = xml.etree.ElementTree.parse(out / "results.xml").iter("testcase")
    return {case.get("name"): next((part.tag for part in case), "passed") for case in cases}, log


def is_sanitized():
    return b"libasan" in subprocess.run(["ldd", INETD], capture_output=True).stdout


@pytest.mark.root
@pytest.mark.needs("linux.uml", "ldd", "ip")
def test_limits_of_control_groups(workdir):
    if is_sanitized():
        pytest.skip("user-mode Linux has not the address space that a sanitizer takes")
    results, log = run_kernel(workdir, TESTS)
    assert set(results.values()) <= {"passed", "skipped"}, log
    passed = {name for name, result in results.items() if result == "passed"}
    assert passed >= {"test_cgroup_memory_max", "test_cgroup_cpu_max", "test_cgroup_tasks_max",
                      "test_cgroup_values_are_those_of_the_kernel_and_a_reload_changes_them",
                      "test_cgroup_without_the_controller", "test_cap_memory"}, log
