"""What StreamFlow asks about files is answered as a shell would answer it."""

import hashlib
import shlex
import subprocess

import pytest

from nbcompile.backend import Unsupported
from nbcompile.engines.streamflow.questions import answer
from nbcompile.engines.streamflow.tree import Content, Tree

FILES = {
    "job/a.outputs.json": b"{}",
    "job/a.files/x.csv": b"1,2",
    "job/a.files/deep/y z.csv": b"3",
    "job/a.df.nbc": b"payload",
    "in/u": b"",
}


@pytest.fixture
def both(tmp_path):
    """The same files in a directory and in a tree."""
    tree = Tree()
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        tree.put(
            f"{tmp_path}/{name}",
            Content(hashlib.sha256(data).hexdigest(), hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data)),
        )
    return tmp_path, tree


def quoted(*parts):
    return shlex.quote("/".join(map(str, parts)))


QUESTIONS = {
    "exists": lambda d: ["test", "-e", quoted(d, "job")],
    "not there": lambda d: ["test", "-e", quoted(d, "other")],
    "directory": lambda d: ["test", "-d", quoted(d, "job/a.files")],
    "no directory": lambda d: ["test", "-d", quoted(d, "in/u")],
    "file": lambda d: ["test", "-f", quoted(d, "job/a.files/deep/y z.csv")],
    "no file": lambda d: ["test", "-f", quoted(d, "job")],
    "no link": lambda d: ["test", "-L", quoted(d, "job/a.df.nbc")],
    "real path": lambda d: ["test", "-e", quoted(d, "job/a.df.nbc"), "&&", "readlink", "-f", quoted(d, "job/a.df.nbc")],
    "no real path": lambda d: ["test", "-e", quoted(d, "nope"), "&&", "readlink", "-f", quoted(d, "nope")],
    "checksum": lambda d: ["test", "-f", quoted(d, "in/u"), "&&", "sha1sum", quoted(d, "in/u"), "|", "awk", "'{print $1}'"],
    "glob": lambda d: ["set", "--", f"{quoted(d, 'job')}/a.df.nbc", ";", "test", "-e", '"$1"', "&&", "printf", "'%s\\n'", '"$@"', ";", ":"],
    "glob of many": lambda d: [
        "set",
        "--",
        f"{quoted(d, 'job')}/a.*",
        ";",
        "test",
        "-e",
        '"$1"',
        "&&",
        "printf",
        "'%s\\n'",
        '"$@"',
        ";",
        ":",
    ],
    "glob of none": lambda d: [
        "set",
        "--",
        f"{quoted(d, 'job')}/b.*",
        ";",
        "test",
        "-e",
        '"$1"',
        "&&",
        "printf",
        "'%s\\n'",
        '"$@"',
        ";",
        ":",
    ],
    "directories": lambda d: ["find", "-L", quoted(d, "job"), "-mindepth", "1", "-maxdepth", "1", "-type", "d"],
    "files": lambda d: ["find", quoted(d, "job/a.files"), "-mindepth", "1", "-maxdepth", "1", "-type", "f"],
    "size": lambda d: [f"find -L \"{d}/job\" -type f -exec ls -ln {{}} \\+ | awk 'BEGIN {{sum=0}} {{sum+=$5}} END {{print sum}}'; "],
    "sizes": lambda d: [
        f'find -L "{d}/job" "{d}/in" -type f -exec ls -ln {{}} \\+ | awk \'BEGIN {{sum=0}} {{sum+=$5}} END {{print sum}}\'; '
    ],
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_answers_are_those_of_a_shell(both, question):
    directory, tree = both
    command = question(directory)
    done = subprocess.run(["sh", "-c", " ".join(command)], capture_output=True, text=True, check=False)
    text, code = answer(tree, command)
    assert (sorted(text.split("\n")), code) == (sorted(done.stdout.strip().split("\n")), done.returncode)


def test_directories_are_made_and_removed():
    tree = Tree()
    assert answer(tree, ["mkdir", "-m", "777", "-p", "/nbcompile/a/b"]) == ("", 0)
    assert tree.find("/nbcompile/a/b") == {}
    assert answer(tree, ["rm", "-rf", "/nbcompile/a"]) == ("", 0)
    assert tree.find("/nbcompile/a") is None


@pytest.mark.parametrize(
    "command", [["curl", "http://x"], ["test", "-e", "/a", "&&", "reboot"], ["test", "-e", "/a;reboot"], ["cat", "/a"]]
)
def test_other_commands_are_refused(command):
    with pytest.raises(Unsupported, match="does not know"):
        answer(Tree(), command)


@pytest.mark.parametrize("name", ["two\nlines", "u\u2028v", "end ", "\x1c", "\r", 'a"b', "$(x)", "\\", "`x`"])
def test_a_name_that_cannot_be_told_is_left_out_and_travels_with_its_directory(name):
    tree = Tree()
    content = Content("0" * 64, "0" * 40, 1)
    tree.put("/made/files", {name: content, f"d{name}": {name: content}, "a b": content, "-d": {"x": content}})
    asked = ["find", "-L", "/made/files", "-mindepth", "1", "-maxdepth", "1", "-type"]
    assert answer(tree, [*asked, "f"]) == ("/made/files/a b", 0)
    assert answer(tree, [*asked, "d"]) == ("/made/files/-d", 0)
    assert name in tree.find("/made/files")
