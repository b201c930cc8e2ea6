"""Many briefs: papermill over territories and themes, in parallel processes.

Each brief is written to a temporary name and renamed; one that fails is recorded and never stops
the others.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from qpv import extract
from qpv.atomic import write_atomically
from qpv.contract.contract import is_written
from qpv.errors import ParameterError
from qpv.html import STILL
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_KINDS, CONTRACT_KINDS, EPCI_KINDS
from qpv.warehouse import Warehouse

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Task:
    """One brief to make."""

    qpv: str  # the territory: code of a QPV, or SIREN of an EPCI for a brief of an agglomération
    theme: str  # a theme, or another kind of brief
    quarter: str
    notebook: Path
    warehouse: Path
    output: Path  # the quarter's folder

    @property
    def page(self) -> Path:
        """The brief."""
        return self.output / self.qpv / f"{self.theme}.html"

    @property
    def parameters(self) -> dict[str, str]:
        """What the notebook's parameters are set to."""
        values = (self.qpv, self.quarter, str(self.warehouse))
        return dict(zip(parameters_of(self.theme), values, strict=True))

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.output / "notebooks" / f"{self.qpv}-{self.theme}.ipynb"


@dataclass
class Record:
    """What became of a brief."""

    qpv: str
    theme: str
    status: str  # ok, degraded, failed
    seconds: float = 0.0
    bytes: int = 0
    name: str = ""
    missing: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    figures: list[dict[str, Any]] = field(default_factory=list, repr=False)
    remarks: dict[str, list[str]] = field(default_factory=dict, repr=False)  # see qpv.extract.in_words


def parameters_of(kind: str) -> tuple[str, ...]:
    """Name the parameters of a notebook: its territory, the quarter, the warehouse."""
    return ("epci" if kind in EPCI_KINDS else "qpv", "quarter", "warehouse")


def plan(
    codes: Iterable[str], themes: Sequence[str], quarter: Quarter, notebooks: Path, warehouse: Path, outputs: Path,
    epci: Iterable[str] = (),
) -> list[Task]:  # fmt: skip
    """List the briefs to make, after checking kinds and notebooks.

    ``themes`` are kinds of brief: themes and ``portrait`` are made for each of the QPV ``codes``,
    those of an EPCI (``agglomeration``, ``evaluation``…) for each of the EPCI; those of a contract where one is written.

    Raises
    ------
    ParameterError
        If a theme is unknown, or a notebook is missing or lacks a parameter.
    """
    for theme in themes:
        if theme not in BRIEF_KINDS:
            raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(BRIEF_KINDS)}")
        _check_parameters(notebooks / f"{theme}.ipynb", parameters_of(theme))
    folder = outputs / str(quarter)
    wanted = [(code, theme) for code in codes for theme in themes if theme not in EPCI_KINDS]
    wanted += [
        (code, kind) for code in epci for kind in EPCI_KINDS
        if kind in themes and (kind not in CONTRACT_KINDS or is_written(warehouse, code))
    ]  # fmt: skip
    return [
        Task(code, theme, str(quarter), (notebooks / f"{theme}.ipynb").resolve(), warehouse.resolve(), folder.resolve())
        for code, theme in wanted
    ]


def _check_parameters(notebook: Path, parameters: Sequence[str]) -> None:
    """Refuse a notebook whose ``parameters`` cell does not set exactly the parameters of a brief."""
    import nbformat

    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise ParameterError(f"notebook {notebook.name!r} cannot be read: {error}") from error
    cells = [c for c in content.cells if "parameters" in c.metadata.get("tags", [])]
    found = set(re.findall(r"^(\w+)\s*=", cells[0].source, re.MULTILINE)) if cells else set()
    if found != set(parameters):
        raise ParameterError(
            f"notebook {notebook.name!r}: its 'parameters' cell must set {', '.join(parameters)}; it sets {', '.join(sorted(found)) or 'nothing'}"
        )


def run(tasks: Sequence[Task], jobs: int, report: Callable[[Record], None] = lambda record: None) -> list[Record]:
    """Make the briefs in ``jobs`` processes; give their records in the order of the tasks.

    When a process dies, what was running is made again one at a time, so that only the brief that
    kills its process is recorded as failed.
    """
    records: dict[tuple[str, str], Record] = {}

    def keep(task: Task, record: Record) -> None:
        records[task.qpv, task.theme] = record
        report(record)

    queue = list(tasks)
    while queue:
        suspects = _run_pool(queue, jobs, keep)
        for task in suspects:
            if _run_pool([task], 1, keep):
                message = "le processus est mort en faisant ce brief (mémoire ou arrêt forcé) ; kernels.log en dit plus"
                keep(task, Record(task.qpv, task.theme, "failed", error={"cell": None, "name": "Worker", "message": message}))
        queue = [t for t in queue if (t.qpv, t.theme) not in records]
    return [records[t.qpv, t.theme] for t in tasks]


def _run_pool(tasks: Sequence[Task], jobs: int, keep: Callable[[Task, Record], None]) -> list[Task]:
    """Make briefs in one pool; if it breaks, give the tasks that were running."""
    context = multiprocessing.get_context("spawn")  # forked pools lose kernels to port races
    waiting = list(reversed(tasks))
    running: dict[Future[Record], Task] = {}
    log = tasks[0].output / "notebooks" / "kernels.log"
    pool = ProcessPoolExecutor(max(1, jobs), context, initializer=_settle_worker, initargs=(log,))
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running[pool.submit(make, waiting[-1])] = waiting[-1]
                waiting.pop()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                record = future.result()
                keep(running.pop(future), record)
    except BrokenProcessPool:
        return list(running.values())
    except KeyboardInterrupt:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return []


def make(task: Task) -> Record:
    """Make one brief, in this process; every failure becomes a ``failed`` record."""
    start = time.perf_counter()
    record = Record(task.qpv, task.theme, "failed")
    scratch = task.executed.with_name(f".{task.executed.stem}.{os.getpid()}.ipynb")
    try:
        import nbformat
        import papermill

        from qpv.brief.export import record_of, to_html

        task.executed.parent.mkdir(parents=True, exist_ok=True)
        papermill.execute_notebook(
            str(task.notebook), str(scratch), parameters=task.parameters, kernel_name="python3", cwd=str(task.notebook.parent),
            progress_bar=False, log_output=False, request_save_on_cell_execute=False, start_timeout=120, execution_timeout=300,
        )  # fmt: skip
        notebook = nbformat.read(scratch, as_version=4)
        told = record_of(notebook)
        if told is None:
            raise ParameterError(f"notebook {task.notebook.name!r} does not end with brief.close()")
        page = to_html(notebook).encode("utf-8")
        write_atomically(task.page, page)
        record.status, record.missing, record.name = told["status"], told["missing"], told["name"]
        record.figures, record.remarks, record.bytes = told["figures"], told["remarks"], len(page)
    except Exception as error:  # noqa: BLE001  one brief's trouble, of whatever kind, must not stop the others
        record.error = _cause(error)
    finally:
        if scratch.exists():
            scratch.replace(task.executed)
    record.seconds = round(time.perf_counter() - start, 3)
    return record


def _cause(error: Exception) -> dict[str, Any]:
    """Say what went wrong: the cell and its error, when papermill knows them."""
    name, message = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
    return {"cell": getattr(error, "cell_index", None), "name": str(name), "message": _ANSI.sub("", str(message))[:2000]}


def _settle_worker(log: Path) -> None:
    """Leave Ctrl-C to the parent; send what kernels write on stderr to a log, not over the bar."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ[STILL] = "1"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 2)


def write_figures(records: Sequence[Record], quarter: Quarter, warehouse: Warehouse, folder: Path) -> None:
    """Write ``figures.csv`` and ``figures.xlsx`` for each territory; the figures of themes that this run did not make stay."""
    by_qpv: dict[str, list[Record]] = {}
    for record in records:
        by_qpv.setdefault(record.qpv, []).append(record)
    for code, made in by_qpv.items():
        path = folder / code / "figures.csv"
        rows = [row for row in _figures_of(path) if row["theme"] not in {r.theme for r in made if r.status != "failed"}]
        rows += [row for r in made for row in extract.in_words(r.theme, r.figures, r.remarks, warehouse)]
        if rows:
            rows.sort(key=lambda row: BRIEF_KINDS.index(str(row["theme"])))
            name = next((r.name for r in made if r.name), code)
            write_atomically(path, extract.to_csv(rows))
            write_atomically(path.with_suffix(".xlsx"), extract.to_xlsx(rows, f"{name}, {quarter.label}", quarter, warehouse))


def _figures_of(path: Path) -> list[extract.Row]:
    """Read an earlier ``figures.csv``; one of another make is left out."""
    if not path.exists():
        return []
    return [row for row in extract.from_csv(path.read_bytes().decode("utf-8-sig")) if row["theme"] in BRIEF_KINDS]


def with_earlier(records: Sequence[Record], folder: Path) -> list[Record]:
    """Add the records of earlier runs of the quarter whose briefs are still there and were not remade."""
    try:
        told = json.loads((folder / "run.json").read_text("utf-8"))["briefs"]
        earlier = [Record(**brief) for brief in told]
    except (OSError, ValueError, KeyError, TypeError):  # none, or one of another version: nothing to add
        return list(records)
    made = {(r.qpv, r.theme) for r in records}
    kept = [r for r in earlier if (r.qpv, r.theme) not in made and (folder / r.qpv / f"{r.theme}.html").exists()]
    return [*kept, *records]


def write_run(records: Sequence[Record], quarter: Quarter, territory: str, folder: Path) -> None:
    """Write ``run.json``: one record a brief."""
    briefs = [{k: v for k, v in asdict(r).items() if k not in ("figures", "remarks")} for r in records]
    content = {"quarter": str(quarter), "territory": territory, "briefs": briefs}
    write_atomically(folder / "run.json", json.dumps(content, ensure_ascii=False, indent=1))
