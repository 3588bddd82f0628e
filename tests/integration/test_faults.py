"""What the machine does to a run: each fault is told as what it is, leaves nothing behind, and the run goes on afterwards.

Steps and clients that are killed are in test_local_engine.py and test_resume.py, damaged cache entries in test_cache.py.
"""

import os
import shlex
import subprocess

import pytest

from tests.integration.test_cache import NBCOMPILE, Project
from tests.integration.test_local_engine import alive_below

pytestmark = pytest.mark.slow

WAIT = "for n in $(seq 200); do [ -e signs/started ] && break; sleep 0.1; done"


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.environ["NBCOMPILE_STATE_DIR"] = str(tmp_path / "state")
    return made


def shell(project, script, *prefix):
    """Run a script of ours; `$RUN` in it is the command that runs the notebook cell by cell into `out/run`."""
    run = f"{shlex.quote(str(NBCOMPILE))} run demo.ipynb -o out/run --granularity cell"
    environ = {**project.environ, "RUN": run}
    return subprocess.run([*prefix, "sh", "-c", script], check=False, capture_output=True, text=True, cwd=project.directory, env=environ)


def apart():
    """A command in front of one that mounts something for itself. Some systems have no user namespaces; root can do without."""
    return ("unshare", "--mount") if os.getuid() == 0 else ("unshare", "--user", "--map-root-user", "--mount")


def test_a_full_disk(project):
    project.write("a = bytearray(40_000_000)\na[0] = 1", "print(len(a))")
    (project.directory / "out").mkdir()
    mount = "mount -t tmpfs -o size=16m tmpfs out"
    resume = f"mount -o remount,size=200m out && {shlex.quote(str(NBCOMPILE))} runs resume out/run; echo again $?"
    done = shell(project, f"{mount} && $RUN; echo first $?; {resume}; ls out/run", *apart())
    assert "first 5" in done.stdout, done.stderr
    assert "NB594: there is no space left" in done.stderr
    assert "again 0" in done.stdout, done.stderr
    assert "demo.executed.ipynb" in done.stdout
    assert alive_below(project.directory) == []


def test_a_disk_that_a_cell_fills(project):
    project.write("x = [3]", "with open('big', 'wb') as f:\n    for _ in range(40):\n        f.write(bytes(1_000_000))\nprint(x.pop())")
    (project.directory / "out").mkdir()
    mount = "mount -t tmpfs -o size=16m tmpfs out"
    resume = f"mount -o remount,size=200m out && {shlex.quote(str(NBCOMPILE))} runs resume out/run; echo again $?"
    done = shell(project, f"{mount} && $RUN; echo first $?; {resume}; ls out/run", *apart())
    assert "first 5" in done.stdout, done.stderr
    assert "NB596: cell 1: " in done.stderr
    assert "free some space, then go on with `nbcompile runs resume" in done.stderr
    assert "again 0" in done.stdout, done.stderr
    assert "big" in done.stdout


def test_a_limit_of_memory(project):
    project.write("print('before')", "a = bytearray(6 << 30)", "print('after')")
    done = shell(project, "ulimit -v 4000000; $RUN")
    assert (done.returncode, "cell 1 (c1), line 1: MemoryError" in done.stderr) == (3, True), done.stderr


def test_a_directory_that_can_no_longer_be_written(project):
    signs = project.directory / "signs"
    signs.mkdir()
    waits = f"import os, time\nopen('{signs}/started', 'w').close()\nwhile not os.path.exists('{signs}/revoked'):\n    time.sleep(0.05)"
    project.write(f"{waits}\na = bytearray(5)\na[0] = 1", "print(a)")
    revoke = f"{WAIT}; chmod 500 out/run/.nbcompile/work; touch signs/revoked"
    resume = f"chmod 700 out/run/.nbcompile/work; {shlex.quote(str(NBCOMPILE))} runs resume out/run; echo again $?"
    # Mode bits mean nothing to root, unless it has lost its capabilities.
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    done = shell(project, f"($RUN; echo first $?) & {revoke}; wait; {resume}", *prefix)
    assert "first 5" in done.stdout, done.stderr
    assert "NB596: cell 1: " in done.stderr
    assert "Permission denied" in done.stderr
    assert "again 0" in done.stdout, done.stderr


def test_files_that_nobody_may_read(project):
    project.write("import os\nos.umask(0o777);", "x = [1]", "x.append(os.umask(0o777))\nprint(x)")
    # Mode bits mean nothing to root, unless it has lost its capabilities.
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    done = shell(project, f"$RUN; echo first $?; {shlex.quote(str(NBCOMPILE))} verify demo.ipynb; echo again $?", *prefix)
    assert "first 0" in done.stdout, done.stderr
    assert "again 0" in done.stdout, done.stderr
    assert "3 cells with 1 outputs, 2 variables" in done.stdout


def test_a_flipped_bit_in_a_payload(project):
    flip = (
        "import glob, threading, time\n"
        f"path = glob.glob('{project.directory}/out/run/.nbcompile/work/a-*/*.a.nbc')[0]\n"
        "content = bytearray(open(path, 'rb').read())\ncontent[70] ^= 1\nopen(path, 'wb').write(content)"
    )
    project.write("a = list(range(1000))", f"done = len(a)\n{flip}", "print(done)", "print(a[5], done)")
    done = shell(project, "$RUN")
    assert done.returncode == 5, done.stderr
    assert "NB592: the payload `a-c0.a.nbc` is damaged" in done.stderr
