"""One brief: a notebook through papermill, its page, and what is kept beside it."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qpv.atomic import write_atomically
from qpv.batch.task import Record, Task
from qpv.errors import ParameterError

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: The engines of papermill that a batch knows: ours, and a kernel of its own for each notebook.
WARM: Final = "qpv-warm"
KERNEL: Final = "kernel"

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: What papermill notes that differs from one run to the next.
_FLEETING: Final = ("start_time", "end_time", "duration", "input_path", "output_path", "environment_variables")


def make(task: Task, engine: str = KERNEL, **options: Any) -> Record:
    """Make one brief; every failure becomes a ``failed`` record.

    Whatever happens, the page of an earlier run stays until the new one is whole.  ``options`` go to the engine.
    """
    start = time.perf_counter()
    record = Record(task.qpv, task.theme, "failed")
    try:
        _make(task, record, engine, options)
    except Exception as error:  # noqa: BLE001  one brief's trouble, of whatever kind, must not stop the others
        record.error = _cause(error)
    record.seconds = round(time.perf_counter() - start, 3)
    return record


def _make(task: Task, record: Record, engine: str, options: dict[str, Any]) -> None:
    from qpv.brief.export import record_of, to_html

    notebook = _executed(task, engine, options)
    told = record_of(notebook)
    if told is None:
        raise ParameterError(f"notebook {task.notebook.name!r} does not end with brief.close()")
    page = to_html(notebook).encode("utf-8")
    shown = {"figures": told["figures"], "remarks": told["remarks"]}
    write_atomically(task.told, json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
    write_atomically(task.page, page)
    record.status, record.missing, record.name, record.bytes = told["status"], told["missing"], told["name"], len(page)
    record.reads, record.build = told["reads"], told["build"]


def _executed(task: Task, engine: str, options: dict[str, Any]) -> NotebookNode:
    """Run the notebook of a task; keep it, executed as far as it went."""
    import nbformat
    import papermill

    scratch = task.executed.with_name(f".{task.executed.stem}.{os.getpid()}.ipynb")
    scratch.parent.mkdir(parents=True, exist_ok=True)
    try:
        notebook: NotebookNode = papermill.execute_notebook(
            str(task.notebook), str(scratch), parameters=task.parameters, kernel_name="python3", cwd=str(task.notebook.parent),
            engine_name=None if engine == KERNEL else engine, progress_bar=False, log_output=False,
            request_save_on_cell_execute=False, start_timeout=120, **options,
        )  # fmt: skip
    except papermill.PapermillExecutionError:
        _keep(nbformat.read(scratch, as_version=4), task.executed)
        raise
    finally:
        scratch.unlink(missing_ok=True)
    _keep(notebook, task.executed)
    return notebook


def _keep(notebook: NotebookNode, path: Path) -> None:
    """Write an executed notebook without what differs between two runs of the same data."""
    import nbformat

    for part in (notebook, *notebook.cells):
        noted = part.metadata.get("papermill", {})
        for name in _FLEETING:
            noted.pop(name, None)
        part.metadata.pop("execution", None)
    for number, cell in enumerate(notebook.cells):
        if {"injected-parameters", "papermill-error-cell-tag"} & set(cell.metadata.get("tags", [])):
            cell.id = f"papermill-{number}"  # which it draws by lot
    write_atomically(path, nbformat.writes(notebook))


def _cause(error: Exception) -> dict[str, Any]:
    """Say what went wrong: the cell, its error and its traceback, when papermill knows them."""
    name, message = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
    traceback = "\n".join(getattr(error, "traceback", None) or [])
    return {
        "cell": getattr(error, "cell_index", None), "name": str(name), "message": _plain(message, 2000),
        "traceback": _plain(traceback, 20_000),
    }  # fmt: skip


def _plain(words: object, most: int) -> str:
    return _ANSI.sub("", str(words))[:most]
