"""The program on the far side: `serve ROOT`, `supervise DIRECTORY`, `batch DIRECTORY` or `array LIST`."""

import os
import sys
from typing import List


def main(argv: List[str]) -> int:
    """Run one of the three parts."""
    os.umask(0o077)
    part, path = argv
    if part == "serve":
        from .layout import Root
        from .serve import serve

        serve(Root(path), os.path.abspath(sys.argv[0]))
        return 0
    from .supervise import detach_and_run, run_in_batch

    if part == "supervise":
        return detach_and_run(path)
    if part == "array":
        with open(path, encoding="utf-8") as lines:
            path = lines.read().split("\n")[int(os.environ["SLURM_ARRAY_TASK_ID"])]
    return run_in_batch(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
