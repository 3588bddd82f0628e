"""What `verify` says while it works, and what it ends."""

import subprocess
import sys
import time

import click.testing
import pytest

from nbcompile import api
from nbcompile.cli import cli
from nbcompile.model.errors import UsageError
from nbcompile.model.run import Notice
from nbcompile.verify import observe


def test_the_price_is_said_before_anything_runs(tmp_path, monkeypatch):
    def verify(*_, on_event, **__):
        on_event(Notice("3 runs of about 7 s each"))
        on_event(Notice("a detail", detail=True))
        raise UsageError("enough", "stop")

    monkeypatch.setattr(api, "verify", verify)
    (tmp_path / "nb.py").write_text("# %%\n1\n", "utf-8")
    done = click.testing.CliRunner().invoke(cli, ["verify", str(tmp_path / "nb.py")])
    assert done.stderr.splitlines()[0] == "3 runs of about 7 s each"
    assert "a detail" not in done.output


def test_a_program_that_has_a_kernel_is_told_to_end_it(tmp_path, monkeypatch):
    class Interrupted(subprocess.Popen):
        def communicate(self, *_, **__):
            while not (tmp_path / "begun").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt

    program = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n    pathlib.Path('ended').touch()\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\npathlib.Path('begun').touch()\ntime.sleep(60)"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(observe.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        observe._run_to_its_end((sys.executable, "-c", program), {})
    assert (tmp_path / "ended").exists()
