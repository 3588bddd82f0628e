"""The runtime is compiled once; what is left of a compiled file when a disk was full is no hindrance."""

import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

from nbcompile.runtime.launch import launched


def test_half_a_compiled_file_is_compiled_again(tmp_path):
    runtime = tmp_path / "runtime.py"
    runtime.write_text("import sys\nprint(*sys.argv[1:])\n" + "".join(f"def f{n}():\n    return {n}\n" for n in range(100)), "utf-8")

    def run():
        return subprocess.run(launched(sys.executable, str(runtime), ["a", "b"]), capture_output=True, text=True, check=True).stdout

    compiled = Path(cache_from_source(str(runtime)))
    assert run() == "a b\n"
    whole = compiled.read_bytes()
    for length in (0, 10, 16, len(whole) // 2, len(whole) - 1):
        compiled.write_bytes(whole[:length])
        assert run() == "a b\n"
        assert run() == "a b\n"
        assert compiled.read_bytes() == whole
