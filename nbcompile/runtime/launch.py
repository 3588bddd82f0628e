"""How a process of the step runtime is started so that the runtime is compiled once, not every time.

Python keeps what it has compiled of a module, and nothing of a program. So the program is a few lines, which load the runtime as a
module is loaded, and run it as if it were the program. The runtime lies in a cache of our own: what is compiled of it is kept there even
where people want no compiled files among theirs.
"""

from __future__ import annotations

from typing import List

# Where a program starts that is given as text, files called as modules of the standard library would be taken for these. What comes next
# on the path may be the person's own (PYTHONPATH), and stays.
NOT_FROM_HERE = """\
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
"""
LAUNCH = (
    NOT_FROM_HERE
    + """\
from importlib.machinery import SourceFileLoader
del sys.argv[0]
__file__, without = sys.argv[0], sys.dont_write_bytecode
sys.dont_write_bytecode = False
runtime = SourceFileLoader(__name__, __file__)
try:
    code = runtime.get_code(__name__)
except (EOFError, ValueError, TypeError):
    # On a disk that is full Python leaves half of what it compiled, and would find that for ever.
    import importlib.util, os
    try:
        os.unlink(importlib.util.cache_from_source(__file__))
    except OSError:
        pass
    code = runtime.source_to_code(runtime.get_data(__file__), __file__)
sys.dont_write_bytecode = without
exec(code)
"""
)


def launched(python: str, runtime: str, words: List[str]) -> List[str]:
    """The argv that runs a command of the runtime in the file `runtime`. What is compiled is kept beside it, if that can be."""
    return [python, "-c", LAUNCH, runtime, *words]
