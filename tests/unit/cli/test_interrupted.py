"""How commands end that are interrupted, misspelt, or ask nobody."""

import os
import signal
import subprocess
import sys

import click
import pytest

from nbcompile import api
from nbcompile.cli import main


@pytest.fixture(autouse=True)
def _signals():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def ended(monkeypatch, capsys):
    def end(*words):
        monkeypatch.setattr(sys, "argv", ["nbcompile", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, capsys.readouterr()

    return end


@pytest.mark.parametrize("command", ["build", "check"])
def test_ctrl_c_is_exit_code_130_wherever_it_comes(ended, monkeypatch, tmp_path, command):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "n.py").write_text("# %%\nx = 1\n", "utf-8")
    monkeypatch.setattr(api, command, interrupted)
    code, said = ended(command, str(tmp_path / "n.py"))
    assert (code, said.err.strip().splitlines()[0], "`nbcompile runs resume last`" in said.err) == (130, "nbcompile: interrupted", True)


def test_sigterm_ends_what_was_begun_and_is_exit_code_143(ended, monkeypatch, tmp_path):
    done = []

    def terminated(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            done.append("ended")

    (tmp_path / "n.py").write_text("# %%\nx = 1\n", "utf-8")
    monkeypatch.setattr(api, "build", terminated)
    code, said = ended("build", str(tmp_path / "n.py"))
    assert (code, done, said.err.strip().splitlines()[0]) == (143, ["ended"], "nbcompile: terminated")
    assert "`nbcompile runs resume last`" in said.err


@pytest.mark.parametrize(
    ("left_by", "code", "words"),
    [(EOFError, 2, "nobody is there to answer\n  type it at a terminal"), (KeyboardInterrupt, 130, "nbcompile: interrupted")],
)
def test_a_question_that_nobody_answers_is_told(ended, monkeypatch, tmp_path, left_by, code, words):
    (tmp_path / "n.py").write_text("# %%\nx = 1\n", "utf-8")
    monkeypatch.setattr(api, "build", lambda *_, **__: click.prompt("word"))
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda *_: (_ for _ in ()).throw(left_by))
    found, said = ended("build", str(tmp_path / "n.py"))
    assert (found, words in said.err) == (code, True)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [(["--help"], 0, ""), (["--version"], 0, ""), (["bild"], 2, "No such command"), (["run", "--bogus"], 2, "--bogus")],
)
def test_what_click_says_ends_as_click_ends_it(ended, words, code, text):
    found, said = ended(*words)
    assert (found, text in said.err) == (code, True)


def test_ctrl_c_while_the_command_is_loaded_says_nothing(tmp_path):
    # The module that is loaded first asks for the signal itself, so that it comes in the middle of loading.
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(60)\n", "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "nbcompile", "--help"], check=False, capture_output=True, env=environment, cwd=tmp_path, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
