"""Runs a notebook in a kernel through nbclient, as people do. Started as a program by the interpreter that has nbclient.

    python kernel_run.py TASK.json

TASK.json says where the notebook is, what runs the kernel, and where the results go. Python 3.8 syntax: the interpreter is the notebook's.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import time
from typing import Any, Dict

_LOOK_SECONDS = 1.0
# After so long a kernel that does nothing is asked whether it is still there, and so long it may take to answer.
_PATIENCE_SECONDS = 30.0
_BUSY_SECONDS = 0.05
# Run in the kernel before the first cell, which may change what it uses: the step runtime's module, which describes variables.
_LOAD = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("nbcompile_runtime", {runtime!r})
runtime = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = runtime
spec.loader.exec_module(runtime)
runtime.separate(vars(runtime))
if getattr(sys.modules["IPython"].get_ipython().kernel, "control_thread", None):
    open({talks!r}, "w").close()
"""
_ALONE = "__import__('runpy').run_path({path!r}, run_name='nbcompile_describe') and None"
# Run after the last: what the final variables are.
_DESCRIBE = "__import__('sys').modules['nbcompile_runtime'].describe_kernel(get_ipython(), {names!r}, {target!r}, {cwd!r})"


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
    # A cell may set which permissions new files get.
    open(task["values"], "w").close()
    facts: Dict[str, Any] = {"cell": -1, "failed": -1, "problem": "", "seconds": 0.0}
    try:
        asyncio.run(_run(client, task, facts))
    finally:
        with open(task["results"], "w", encoding="utf-8") as file:
            json.dump({**facts, "notebook": notebook}, file)
    return 0


class KernelBroken(Exception):
    """A cell made its kernel useless."""


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
            file.write(_LOAD.format(runtime=task["runtime"], talks=task["talks"]))
        await _unseen(client, _ALONE.format(path=task["describe"]))
        work = _run_all(client, task, facts)
        try:
            await (watched(client, work) if _talks_while_it_works(task) else work)
        except json.JSONDecodeError as error:
            # A cell may change how `json` writes, and with it what the kernel says.
            raise KernelBroken("its messages cannot be read any more") from error


def _talks_while_it_works(task: Dict[str, Any]) -> bool:
    """Whether the kernel has a thread that answers while a cell runs; older ones have none."""
    return os.path.exists(task["talks"])


async def watched(client: Any, work: Any) -> None:
    """Do something with a kernel, as long as it is there: one that does nothing at all must answer when it is asked how it is.

    A cell that sleeps or waits leaves that to a thread of the kernel's. Raises KernelBroken where nobody answers.
    """
    running = asyncio.ensure_future(work)
    used = _cpu_seconds(client)
    while not (await asyncio.wait([running], timeout=_PATIENCE_SECONDS))[0]:
        before, used = used, _cpu_seconds(client)
        if used - before < _BUSY_SECONDS and not await _answers(client):
            running.cancel()
            await asyncio.wait([running])
            raise KernelBroken("it does not answer any more")
    running.result()


async def _answers(client: Any) -> bool:
    channel = client.kc.control_channel
    channel.send(client.kc.session.msg("kernel_info_request"))
    try:
        await channel.get_msg(timeout=_PATIENCE_SECONDS)
    except queue.Empty:
        return False
    return True


def _cpu_seconds(client: Any) -> float:
    """What the kernel has used, where the system says; more and more elsewhere."""
    try:
        with open(f"/proc/{client.km.provisioner.pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _run_all(client: Any, task: Dict[str, Any], facts: Dict[str, Any]) -> None:
    started = time.perf_counter()
    await _run_cells(client, facts)
    facts["seconds"] = time.perf_counter() - started
    if facts["failed"] < 0:
        await _unseen(client, _DESCRIBE.format(names=task["names"], target=task["values"], cwd=task["directory"]))


async def _run_cells(client: Any, facts: Dict[str, Any]) -> None:
    """Run the cells in order, until one fails. `failed` counts code cells."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    number = -1
    for place, cell in enumerate(client.nb.cells):
        number += cell.cell_type == "code"
        facts["cell"] = number
        try:
            await client.async_execute_cell(cell, place, execution_count=client.code_cells_executed + 1)
        except CellExecutionError as error:
            facts.update(failed=number, problem=error.ename)
        except CellTimeoutError:
            facts.update(failed=number, problem="it takes too long")
        except DeadKernelError:
            facts.update(failed=number, problem="DeadKernelError")
        if facts["failed"] >= 0:
            break


async def _unseen(client: Any, code: str) -> None:
    """Let the kernel run code of which nothing is seen."""
    await client.async_wait_for_reply(client.kc.execute(code, silent=True, store_history=False, allow_stdin=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
