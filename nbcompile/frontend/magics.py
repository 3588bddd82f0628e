"""IPython syntax -> Python, line by line: `%magic`, `!command`, `name?`, prompts, common indentation.

The Python is what IPython itself would make of the cell (tested side by side with its own transformer), except that every
statement stays on the line where it stood. One pass over the text; IPython tokenises again after every replacement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent

_ESCAPES = frozenset("!?%,;/")
_LEXEME = re.compile(
    r"""(?P<string>"{3}|'{3}|"|')
    |(?P<comment>\#[^\n]*)
    |(?P<open>[\[({])
    |(?P<close>[\])}])
    |(?P<continued>\\\n)
    |(?P<assign>(?<![=!<>+\-*/%&|^@:~])=(?!=))
    |(?P<newline>\n)""",
    re.VERBOSE,
)
_STRING_END = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*"', re.DOTALL),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*'", re.DOTALL),
    '"""': re.compile(r'(?:[^"\\]|\\.|"(?!""))*"""', re.DOTALL),
    "'''": re.compile(r"(?:[^'\\]|\\.|'(?!''))*'''", re.DOTALL),
}
_HELP = re.compile(r"(%{0,2}(?!\d)[\w*]+(?:\.(?!\d)[\w*]+|\[-?[0-9]+\])*)(\?\??)$")
_MAGIC_VALUE = re.compile(r"\s*%(?=\s*[^\W\d])")
_SYSTEM_VALUE = re.compile(r"[ \t]*!(?!=)")
_CLASSIC_PROMPT = re.compile(r"^\s*>>>[ \t]?", re.MULTILINE)
_CLASSIC_PROMPTS = re.compile(r"^\s*(?:>>>|\.\.\.)[ \t]?", re.MULTILINE)
# The line magics, and the aliases of commands, that a kernel has from the start.
_LINE_MAGIC_WORDS = """
    alias alias_magic autoawait autocall automagic autosave bookmark cat cd clear code_wrap colors conda config connect_info cp
    debug dhist dirs doctest_mode ed edit env gui hist history killbgscripts ldir less lf lk ll load load_ext loadpy logoff logon
    logstart logstate logstop ls lsmagic lx macro magic mamba man matplotlib micromamba mkdir more mv notebook page pastebin pdb
    pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd pwd pycat pylab qtconsole quickref recall
    rehashx reload_ext rep rerun reset reset_selective rm rmdir run save sc set_env store subshell sx system tb time timeit unalias
    unload_ext uv who who_ls whos xdel xmode
"""
_LINE_MAGICS = frozenset(_LINE_MAGIC_WORDS.split())
_LONE_LINE = re.compile(r"(?P<before>(?:[ \t]*\n)*[ \t]*)(?P<word>[a-z_0-9]+)(?![\w.*])[ \t]*(?P<rest>[^\n]*)\n?")
_IPYTHON_PROMPT = re.compile(r"(?:(?:\[nav\]|\[ins\])? )?In \[\d+\]: |\s*\.{3,}: ?")


def to_python(source: str) -> str:
    """The cell as Python, every statement on its own line as before. Text that is neither stays as it is."""
    text = source if source.endswith("\n") else source + "\n"
    lines = text.splitlines(keepends=True)
    blank = next((place for place, line in enumerate(lines) if line.strip()), len(lines))
    lines = _without_prompts(dedent("".join(lines[blank:])).splitlines(keepends=True))
    if lines and lines[0].startswith("%%") and not re.match(r"%%\w+\?", lines[0]):
        name, _, argument = lines[0][2:].rstrip().partition(" ")
        lines = [f"get_ipython().run_cell_magic({name!r}, {argument!r}, {''.join(lines[1:])!r})" + "\n" * len(lines)]
    else:
        lines = list(_replaced(lines))
    return "\n" * blank + "".join(lines)


def magic_word(source: str) -> str:
    """The magic that the cell is if no name of the notebook hides it: a single line, such as `ls data` or `pip install x`, needs no `%`."""
    found = _LONE_LINE.fullmatch(source)
    if found is None or found["word"] not in _LINE_MAGICS or found["rest"][:1] in ("=", ",") or _HELP.search(source.rstrip()):
        return ""
    return found["word"]


def with_percent(source: str) -> str:
    """The cell with the `%` that it could do without."""
    return _LONE_LINE.sub(r"\g<before>%\g<word> \g<rest>", source)


def _without_prompts(lines: list[str]) -> list[str]:
    text = "".join(lines)
    if _CLASSIC_PROMPT.search(text):
        lines = dedent(_CLASSIC_PROMPTS.sub("", text)).splitlines(keepends=True)
    if any(_IPYTHON_PROMPT.match(line) for line in lines[:2]):
        lines = [_IPYTHON_PROMPT.sub("", line, count=1) for line in lines]
    return lines


def _replaced(lines: list[str]) -> Iterator[str]:
    """The lines, with each statement in IPython's syntax replaced and as many line ends as before."""
    text = "".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    place = 0
    while place < len(lines):
        start = starts[place]
        indent = len(lines[place]) - len(lines[place].lstrip(" \t"))
        escaped = _is_escaped(text, start + indent)
        end, assignment = _logical_line(text, start, len(lines[place]) if escaped else None)
        last = place
        while starts[last + 1] < end:
            last += 1
        piece = text[start : starts[last + 1]]
        new = _help_call(piece, indent)
        if new is None and escaped:
            last = _continued(lines, place)
            new = lines[place][:indent] + _call(_joined(lines, place, indent, last))
        elif new is None and assignment is not None:
            row = next(row for row in range(place, last + 1) if assignment < starts[row + 1])
            column = assignment - starts[row]
            last = _continued(lines, row)
            value = _joined(lines, row, column, last)
            new = text[start:assignment] + (_call(value) if value[0] == "%" else f"get_ipython().getoutput({value[1:]!r})")
        if new is None:
            yield piece
        else:
            yield new + "\n" * (last + 1 - place - new.count("\n"))
        place = last + 1


def _is_escaped(text: str, at: int) -> bool:
    """Whether the statement at this place starts with one of IPython's marks rather than with an operator like `!=`."""
    mark, follower = text[at : at + 1], text[at + 1 : at + 2]
    return mark in _ESCAPES and mark != "" and follower != "=" and not (mark == "/" == follower)


def _logical_line(text: str, start: int, length: int | None) -> tuple[int, int | None]:
    """The end of the statement that starts here, and the place of the magic that it assigns, if it does.

    A statement of `length` characters ends there: the rest of a line after an IPython mark is not Python.
    """
    depth, place, assigned, magic = 0, start, False, None
    limit = len(text) if length is None else start + length
    while found := _LEXEME.search(text, place, limit):
        place, kind = found.end(), found.lastgroup
        if kind == "string":
            closing = _STRING_END[found.group()].match(text, place)
            place = closing.end() if closing else place
        elif kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "assign" and not depth and not assigned:
            assigned = True
            value = _MAGIC_VALUE.match(text, place) or _SYSTEM_VALUE.match(text, place)
            if value:
                return place, value.end() - 1
        elif kind == "newline" and not depth:
            return place, magic
    return limit, magic


def _help_call(piece: str, indent: int) -> str | None:
    """The call that shows help, when the statement ends in `?` outside strings and comments."""
    content = piece[indent:].rstrip()
    if not content.endswith("?") or "#" in content:
        return None
    found = _HELP.search(content)
    return piece[:indent] + _help(found[1], found[2]) if found else None


def _help(target: str, mark: str) -> str:
    magic = "pinfo2" if mark == "??" else "psearch" if "*" in target else "pinfo"
    return f"get_ipython().run_line_magic({magic!r}, {target!r})"


def _continued(lines: list[str], first: int) -> int:
    """The last line of an IPython command that backslashes continue."""
    last = first
    while last + 1 < len(lines) and lines[last].endswith("\\\n"):
        last += 1
    return last


def _joined(lines: list[str], first: int, column: int, last: int) -> str:
    parts = [lines[first][column:], *lines[first + 1 : last + 1]]
    return " ".join([part.rstrip()[:-1] for part in parts[:-1]] + [parts[-1].rstrip()])


def _call(command: str) -> str:
    """The Python for one command with its mark."""
    for mark, function in (("!!", "getoutput"), ("??", ""), ("!", "system"), ("?", "")):
        if command.startswith(mark):
            content = command[len(mark) :]
            if function:
                return f"get_ipython().{function}({content!r})"
            return _help(content, mark) if content else "get_ipython().show_usage()"
    name, _, rest = command[1:].partition(" ")
    if command[0] == "%":
        return f"get_ipython().run_line_magic({name!r}, {rest!r})"
    words = rest.split()
    inner = {",": '"' + '", "'.join(words) + '"', ";": f'"{rest}"', "/": ", ".join(words)}[command[0]]
    return f"{name}({inner})"
