"""Runs a notebook in a kernel through nbclient, as people do. Started as a program by the interpreter that has nbclient.

    python kernel_run.py TASK.json

TASK.json says where the notebook is, what runs the kernel, and where the results go. Python 3.8 syntax: the interpreter is the notebook's.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import time
from typing import Any, Dict

_LOOK_SECONDS = 1.0
# Run in the kernel before the first cell, which may change what it uses: the step runtime's module, which describes variables.
_LOAD = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("nbcompile_runtime", {runtime!r})
runtime = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = runtime
spec.loader.exec_module(runtime)
runtime.separate(vars(runtime))
"""
_ALONE = "__import__('runpy').run_path({path!r}, run_name='nbcompile_describe') and None"
# Run after the last: what the final variables are.
_DESCRIBE = "__import__('sys').modules['nbcompile_runtime'].describe_kernel(get_ipython(), {names!r}, {target!r})"


def main(task_path: str) -> int:
    """Run the notebook of a task and write what it gave."""
    with open(task_path, encoding="utf-8") as file:
        task = json.load(file)
    # Found beside this file otherwise, where nothing is meant for it.
    del sys.path[0]
    import nbformat
    from nbclient import NotebookClient

    from_dict: Any = nbformat.from_dict
    notebook = from_dict(task["notebook"])
    client = NotebookClient(
        notebook,
        kernel_name=task["kernel"],
        timeout=task["timeout"],
        resources={"metadata": {"path": task["directory"]}},
    )
    facts: Dict[str, Any] = {"failed": -1, "problem": "", "seconds": 0.0}
    asyncio.run(_run(client, task, facts))
    with open(task["results"], "w", encoding="utf-8") as file:
        json.dump({**facts, "notebook": notebook}, file)
    return 0


def keep_looking(channel: Any) -> None:
    """Let a channel of a kernel's client look again, once a second, whether a message is there.

    For a widget, nbclient sends messages while it waits for the reply to a cell. jupyter_client sends them past asyncio's
    socket, and when the reply comes at that moment, the event that would wake the waiting is gone: it never ends, although
    the reply is there (nbclient issue 312).
    """
    wait = channel.get_msg

    async def get_msg(timeout: Any = None) -> Any:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LOOK_SECONDS if end is None else min(_LOOK_SECONDS, max(0.0, end - time.monotonic()))
            try:
                return await wait(timeout=left)
            except queue.Empty:
                if end is not None and time.monotonic() >= end:
                    raise

    channel.get_msg = get_msg


async def _run(client: Any, task: Dict[str, Any], facts: Dict[str, Any]) -> None:
    client.reset_execution_trackers()
    async with client.async_setup_kernel(env=task["environ"]):
        keep_looking(client.kc.shell_channel)
        with open(task["describe"], "w", encoding="utf-8") as file:
            file.write(_LOAD.format(runtime=task["runtime"]))
        await _unseen(client, _ALONE.format(path=task["describe"]))
        started = time.perf_counter()
        await _run_cells(client, facts)
        facts["seconds"] = time.perf_counter() - started
        if facts["failed"] < 0:
            await _unseen(client, _DESCRIBE.format(names=task["names"], target=task["values"]))


async def _run_cells(client: Any, facts: Dict[str, Any]) -> None:
    """Run the cells in order, until one fails. `failed` counts code cells."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    number = -1
    for place, cell in enumerate(client.nb.cells):
        number += cell.cell_type == "code"
        try:
            await client.async_execute_cell(cell, place, execution_count=client.code_cells_executed + 1)
        except CellExecutionError as error:
            facts.update(failed=number, problem=error.ename)
        except CellTimeoutError:
            facts.update(failed=number, problem="it takes too long")
        except DeadKernelError:
            facts.update(failed=number, problem="DeadKernelError")
        except json.JSONDecodeError:
            # A cell may change how `json` writes, and with it what the kernel says.
            facts.update(failed=number, problem="the kernel's messages cannot be read any more")
        if facts["failed"] >= 0:
            break


async def _unseen(client: Any, code: str) -> None:
    """Let the kernel run code of which nothing is seen."""
    await client.async_wait_for_reply(client.kc.execute(code, silent=True, store_history=False, allow_stdin=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
