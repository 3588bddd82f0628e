"""IPython's magics: which run Python, which bind names, which touch files, the environment or the shell."""

from __future__ import annotations

import ast
import re

from nbcompile.analysis import channels, files
from nbcompile.analysis.bindings import BlockFrame, Frame
from nbcompile.analysis.imports import bind_stars, is_stateless
from nbcompile.analysis.known.stars import Star, star
from nbcompile.analysis.strings import evaluate_text
from nbcompile.analysis.values import NONE, SCALAR, Value, single
from nbcompile.analysis.visit import evaluate, execute
from nbcompile.model.source import Magic, MagicKind

# Magics that only show something, or set what has no meaning without a front end.
_HARMLESS_WORDS = """
    alias_magic autocall automagic autosave bookmark colors debug dirs doctest_mode gui html javascript
    js latex magic markdown matplotlib pdb pprint precision
    profile psearch pycat quickref recall rehashx svg tb unalias who who_ls whos xmode load_ext
    reload_ext unload_ext autoreload config aimport HTML SVG skip mermaid watermark conda pip uv mamba micromamba logoff logon
    logstart logstop logstate version_information autotime unload_autotime snakeviz
"""
_HARMLESS = frozenset(_HARMLESS_WORDS.split())
# Magics that show, or keep, what cells said or where they were, and those that show what a kernel has and a step has not.
_OF_HISTORY = frozenset(("dhist", "hist", "history", "notebook", "pastebin", "rep", "save"))
_OF_KERNEL = frozenset(("connect_info", "lsmagic", "qtconsole", "subshell"))
_RUNS_PYTHON = frozenset(("time", "timeit", "prun", "memit", "mprun", "lprun", "capture", "debug"))
_SHELLS = frozenset(("bash", "sh", "script", "system", "sx", "!", "perl", "ruby", "cmd", "powershell"))
# Commands that the shell knows as magics.
_COMMANDS = frozenset(("cat", "cp", "ldir", "less", "lf", "lk", "ll", "ls", "lx", "man", "mkdir", "more", "mv", "rm", "rmdir"))
_INTERPOLATED = re.compile(r"\$\{?([A-Za-z_]\w*)|\{([^{}]+)\}")
_REDIRECTED = re.compile(r"(>>?)\s*([^\s;|&<>]+)")
_INSTALLS = re.compile(
    r"\s*(?:\S*python[\d.]*\s+-m\s+)?(?:pip[\d.]*|conda|mamba|micromamba|uv(?:\s+pip)?|apt(?:-get)?)\s+(?:-\S+\s+)*install\b(.*)", re.DOTALL
)
_ENVIRONMENT = "environment"
# Bound by `!command`.
EXIT_CODE = "_exit_code"
_FRONT_END = frozenset(("matplotlib", "config"))
_SETS_SHELL = frozenset(("autocall", "automagic", "colors", "config", "doctest_mode", "pprint", "precision", "xmode"))
# Magics that give the shell something which cannot be sent: other magics, a file to write cells to.
_GIVES_SHELL = frozenset(("alias_magic", "rehashx", "unalias", "logon", "logoff", "logstart", "logstate", "logstop"))


# Those that are there only once an extension is loaded, and those that load one.
_OF_EXTENSIONS_WORDS = """
    autoreload aimport skip mermaid watermark version_information autotime unload_autotime snakeviz memit mprun lprun
"""
_OF_EXTENSIONS = frozenset(_OF_EXTENSIONS_WORDS.split())
_LOADS = frozenset(("load_ext", "reload_ext", "unload_ext"))


def evaluate_magic(frame: Frame, node: Magic) -> Value:
    """A magic, wherever it stands in a cell."""
    frame.trace.speaks = True
    if node.kind in (MagicKind.SYSTEM, MagicKind.CAPTURE):
        return _shell(frame, node, node.argument)
    name, argument = node.name, node.argument
    special = _SPECIAL.get(name)
    if special is not None:
        return special(frame, node)
    if name in _OF_HISTORY:
        frame.walk.opaque(frame, node, f"`%{name}` reads the session's history")
        return NONE
    if name in _OF_KERNEL:
        frame.walk.unknown(frame, node, f"`%{name}` shows what the kernel has", "", [])
        return NONE
    if name in _COMMANDS:
        return _shell(frame, node, f"{name} {argument}")
    if name in _OF_EXTENSIONS or not (name in _HARMLESS or name in _RUNS_PYTHON or name in _SHELLS):
        frame.walk.effect(frame, channels.EXTENSIONS, "read", name, node)
    if name in _RUNS_PYTHON:
        return _python(frame, node)
    if name in _SHELLS:
        return _shell(frame, node, node.text or argument)
    if name in _HARMLESS:
        _set_up(frame, node)
    else:
        frame.walk.unknown_magic(frame, node)
    return NONE


def _set_up(frame: Frame, node: Magic) -> None:
    """A magic that touches no names: it may set how the shell works, how figures are shown, or what is installed."""
    name, argument = node.name, node.argument.strip()
    if name in _LOADS:
        frame.walk.imported(frame, argument.partition(".")[0], node)
        frame.walk.effect(frame, channels.EXTENSIONS, "write", argument, node)
    elif name == "autoreload":
        frame.walk.loads_again = argument not in ("0", "off")
        frame.walk.effect(frame, channels.EXTENSIONS, "write", argument, node)
    elif name in _SETS_SHELL and not argument.startswith("InlineBackend"):
        frame.walk.effect(frame, channels.SHELL, "write", argument, node)
        if name == "precision":
            frame.walk.effect(frame, "library:numpy.settings", "write", argument, node)
    elif name in _GIVES_SHELL:
        frame.walk.effect(frame, channels.DISPLAY, "write", argument, node)
    elif name in _FRONT_END:
        if argument not in ("", "inline"):
            _choose_backend(frame, node, argument, stay_open=name != "config" or "close_figures" in argument)
    elif name == "tb":
        frame.walk.effect(frame, channels.ERRORS, "read", "", node)
    elif name in ("pip", "conda", "mamba", "micromamba", "uv"):
        frame.walk.effect(frame, _ENVIRONMENT, "write", argument.partition("install")[2].strip(), node)


def _choose_backend(frame: Frame, node: Magic, argument: str, *, stay_open: bool) -> None:
    """Figures are shown in another way from now on, and may stay open for later cells to draw on."""
    for channel in (channels.MATPLOTLIB, channels.FIGURES) if stay_open else (channels.MATPLOTLIB,):
        frame.walk.effect(frame, channel, "write", argument, node)


def _python(frame: Frame, node: Magic) -> Value:
    """Python that a magic runs: here, or in a function of its own."""
    if not node.parses:
        frame.walk.unseen(frame, node, f"the Python of `%{node.name}` does not parse")
        return NONE
    inner = BlockFrame(frame, is_class=False) if node.own_scope else frame
    execute(inner, node.setup)
    result: Value = NONE
    if node.body and isinstance(node.body[-1], ast.Expr) and node.kind is MagicKind.LINE:
        execute(inner, node.body[:-1])
        result = evaluate(inner, node.body[-1].value)
    else:
        execute(inner, node.body)
    if node.name in ("time", "timeit", "prun", "memit"):
        frame.walk.effect(frame, "time", "read", "", node)
    if node.name == "capture":
        words = [word for word in node.argument.split() if not word.startswith("-")]
        if words and words[0].isidentifier():
            frame.bind(words[0], frame.fresh(node, "IPython.utils.capture.CapturedIO"))
    return result if node.name == "time" else NONE


def _shell(frame: Frame, node: Magic, command: str) -> Value:
    """A shell command: the names it interpolates are read, files it names may be."""
    read_interpolated(frame, command if node.kind is not MagicKind.CELL else node.argument, node)
    install = _INSTALLS.match(command)
    if install is not None:
        frame.walk.effect(frame, _ENVIRONMENT, "write", install[1].split(";")[0].split("&&")[0].strip(), node)
    else:
        _shell_files(frame, node, command)
    if node.kind is MagicKind.SYSTEM and frame.walk.keeps_exit_code:
        frame.bind_global(EXIT_CODE, Value("int"))
    for name in re.findall(r"--(?:out|err)\s+([A-Za-z_]\w*)", node.argument if node.kind is MagicKind.CELL else ""):
        frame.bind(name, Value("str"))
    if node.kind is MagicKind.CAPTURE or node.name in ("sx", "system"):
        return Value("IPython.utils.text.SList", single(frame.make(node, "list")))
    return NONE


def _shell_files(frame: Frame, node: Magic, command: str) -> None:
    effect = frame.walk.effect
    effect(frame, "process", "write", command.strip().split("\n")[0][:60], node)
    for mark, target in _REDIRECTED.findall(command):
        if target.startswith(("&", "/dev/")):
            continue
        effect(frame, "files", "append" if mark == ">>" else "write", files.path_of(target.strip("'\"")), node)
    effect(frame, "files", "append", files.UNRESOLVED, node)


def read_interpolated(frame: Frame, command: str, node: ast.AST) -> None:
    """`$name` and `{expression}` in a command are Python."""
    for name, expression in _INTERPOLATED.findall(command):
        if name:
            if frame.peek(name) is not None:
                frame.read(name, node)
        else:
            evaluate_text(frame, expression.partition(":")[0], node)


def _writefile(frame: Frame, node: Magic) -> Value:
    """`%%writefile name`, which says whether the file was there."""
    words = [word for word in node.argument.split() if word not in ("-a", "--append")]
    for word in words[:1]:
        read_interpolated(frame, word, node)
        literal = "{" not in word and "$" not in word
        files.note(frame, node, Value("str", const=word.strip("'\"")) if literal else Value("str"), "append")
        if literal and len(words) == len(node.argument.split()) and is_stateless(node.text):
            frame.walk.stateless.add(files.path_of(word.strip("'\"")))
    return NONE


def _env(frame: Frame, node: Magic) -> Value:
    found = re.fullmatch(r"\s*([A-Za-z_]\w*)(?:\s*=\s*|\s+)(.+)", node.argument, re.DOTALL)
    if found is not None:
        read_interpolated(frame, found[2], node)
        frame.walk.effect(frame, "os.environ", "write", found[1], node)
        return NONE
    frame.walk.effect(frame, "os.environ", "read", node.argument.strip(), node)
    return SCALAR


def _cd(frame: Frame, node: Magic) -> Value:
    read_interpolated(frame, node.argument, node)
    path = node.argument.strip().strip("'\"")
    if path.startswith("-") or node.name == "popd":  # `%cd -`, `%cd -2`
        frame.walk.opaque(frame, node, "it goes back to a directory where the session was before")
    frame.walk.effect(frame, "cwd", "write", path, node)
    files.enter(frame, path, node)
    return NONE


def _pwd(frame: Frame, node: Magic) -> Value:
    frame.walk.effect(frame, "cwd", "read", "", node)
    return Value("str")


def _inspect(frame: Frame, node: Magic) -> Value:
    """`name?` looks at what the name is bound to; a name that is not bound is only said to be missing."""
    words = node.argument.split()
    if words and frame.peek(words[-1].partition(".")[0]) is not None:
        evaluate_text(frame, words[-1], node)
    return NONE


def _unseen(frame: Frame, node: Magic) -> Value:
    mark = "%%" if node.kind is MagicKind.CELL else "%"
    frame.walk.unseen(frame, node, f"`{mark}{node.name}` may read, bind and change any name")
    return NONE


def _lists_names(frame: Frame, node: Magic) -> Value:
    frame.walk.opaque(frame, node, f"`%{node.name}` lists all names")
    return NONE


def _run_file(frame: Frame, node: Magic) -> Value:
    """`%run` reads the file it names, and the file may do anything."""
    words = [word for word in node.argument.split() if not word.startswith("-")]
    for word in words[:1]:
        path = word.strip("'\"")
        script = path if path.endswith((".py", ".ipy", ".ipynb")) else f"{path}.py"
        files.note(frame, node, Value("str") if "{" in word or "$" in word else Value("str", const=script), "read")
    return _unseen(frame, node)


# What `%pylab` binds beside all that is in pylab and NumPy.
_PYLAB = (
    *(
        Star(module.rpartition(".")[2], module, sure=True)
        for module in ("numpy", "matplotlib", "matplotlib.pylab", "matplotlib.mlab", "matplotlib.pyplot")
    ),
    Star("np", "numpy", sure=True),
    Star("plt", "matplotlib.pyplot", sure=True),
    Star("display", "IPython.display.display", sure=True),
    *(Star(name, f"IPython.core.pylabtools.{name}", sure=True) for name in ("figsize", "getfigs")),
)


def _pylab(frame: Frame, node: Magic) -> Value:
    """`%pylab` imports what figures and arrays are made with, and unless it is told not to all names of it."""
    words = node.argument.split()
    for library in ("numpy", "matplotlib"):
        frame.walk.imported(frame, library, node)
    if "--no-import-all" not in words:
        for module in ("pylab", "numpy"):
            bind_stars(frame, star(module) or ())
    bind_stars(frame, _PYLAB)
    if not {word for word in words if not word.startswith("-")} <= {"inline"}:
        _choose_backend(frame, node, node.argument, stay_open=True)
    return NONE


def _reset(frame: Frame, node: Magic) -> Value:
    frame.walk.opaque(frame, node, f"`%{node.name}` deletes names")
    return NONE


def _writes_here(frame: Frame, node: Magic) -> Value:
    """`%%python` and its like run in a process of their own."""
    frame.walk.effect(frame, "process", "write", node.name, node)
    frame.walk.effect(frame, "files", "append", files.UNRESOLVED, node)
    return NONE


_SPECIAL = {
    "writefile": _writefile,
    "file": _writefile,
    "env": _env,
    "set_env": _env,
    "cd": _cd,
    "pushd": _cd,
    "popd": _cd,
    "pwd": _pwd,
    "pdef": _inspect,
    "pdoc": _inspect,
    "pfile": _inspect,
    "pinfo": _inspect,
    "pinfo2": _inspect,
    "page": _inspect,
    "psource": _inspect,
    "run": _run_file,
    "load": _unseen,
    "loadpy": _unseen,
    "store": _unseen,
    "edit": _unseen,
    "macro": _unseen,
    "rerun": _unseen,
    "reset": _reset,
    "reset_selective": _reset,
    "xdel": _reset,
    "pylab": _pylab,
    "who": _lists_names,
    "who_ls": _lists_names,
    "whos": _lists_names,
    "python": _writes_here,
    "python2": _writes_here,
    "python3": _writes_here,
    "pypy": _writes_here,
}
