"""A run: the briefs of a quarter that are not there yet, or would not be the same, made once."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from qpv.batch.cluster import Cluster
from qpv.batch.crew import MEGABYTES, SECONDS, Crew, Settings
from qpv.batch.freshness import key_of
from qpv.batch.journal import Journal, journal_of
from qpv.batch.making import KERNEL, WARM
from qpv.batch.pool import Pool
from qpv.batch.task import FIGURES, Figures, Record, Task
from qpv.digests import Digests
from qpv.vocabulary import BRIEF_KINDS, EPCI_KINDS
from qpv.warehouse import Warehouse

ENGINES = (WARM, KERNEL)


def run(
    tasks: Sequence[Task], jobs: int, report: Callable[[Record], None] = lambda record: None, *, territory: str = "",
    engine: str = WARM, seconds: float = SECONDS, megabytes: int = MEGABYTES, again: bool = False,
    scheduler: str = "", store: str = "",
) -> list[Record]:  # fmt: skip
    """Make the briefs of one quarter that are not there yet as they would be today; give their records in the order of the tasks.

    Below them, those of figures that could not be written.

    A brief that fails never stops the others.  A run that was cut short, however that was, is taken up by the
    next one.  Also writes ``figures.csv`` and ``figures.xlsx`` of each territory, and ``run.json``.

    Parameters
    ----------
    report
        Called with each record as soon as it is known, those of skipped briefs first.
    engine
        ``qpv-warm``, or ``kernel`` for a kernel a notebook; where a process cannot be forked, always the latter.
    seconds, megabytes
        What a brief may take; it fails beyond.
    again
        Make every brief, also those that would be the same.
    scheduler
        Address of a Dask scheduler whose workers make the briefs; results are written here.
    store
        Address (as fsspec knows it) of the same warehouse for these workers, when it is not at the same path there.

    Raises
    ------
    ParameterError
        If another run is at work in the same folder, or it cannot be written.
    NurseryError
        If no process can be started.
    """
    if not tasks:
        return []
    folder = tasks[0].output
    warehouse = Warehouse(tasks[0].warehouse)
    with journal_of(folder) as journal:
        _sweep(folder)
        records = {} if again else _fresh(tasks, journal, warehouse.digests)
        for record in records.values():
            report(record)
        settings = Settings(
            tasks[0].warehouse, folder, tasks[0].quarter, tuple(dict.fromkeys(t.theme for t in tasks)),
            next((t.qpv for t in tasks if t.theme not in EPCI_KINDS), ""), max(1, jobs), seconds, megabytes, store,
        )  # fmt: skip
        waiting: deque[Task | Figures] = deque(t for t in tasks if t.name not in records)
        left = Counter(t.qpv for t in waiting)  # how many briefs of each territory are still to be made
        waiting += [f for code in dict.fromkeys(t.qpv for t in tasks) if not left[code] and (f := _figures(code, journal))]
        log = folder / "notebooks" / "batch.log"
        crew = _workers(settings, log, engine, scheduler)
        lost: list[Record] = []
        try:
            for work, made in crew.work(waiting):
                if isinstance(work, Figures):
                    journal.append(made, _figures_key(work.qpv, journal))
                    if made.status == "failed":
                        lost.append(made)
                        report(made)
                    continue
                # What was read from a build that has replaced the one of this run is not known to be fresh.
                key = key_of(work, made.reads, warehouse.digests) if made.build == warehouse.path.name else ""
                journal.append(made, key)
                made.reads = None  # it is written down; held for ten thousand briefs it would be most of the parent's memory
                records[work.name] = made
                report(made)
                left[work.qpv] -= 1
                if not left[work.qpv] and (figures := _figures(work.qpv, journal)):
                    waiting.append(figures)
        finally:
            crew.close()
        journal.publish(tasks[0].quarter, territory)
    return [*(records[t.name] for t in tasks), *lost]


def _workers(settings: Settings, log: Path, engine: str, scheduler: str) -> Crew | Pool | Cluster:
    if scheduler:
        return Cluster(settings, scheduler)
    return Crew(settings, log) if engine == WARM and hasattr(os, "fork") else Pool(settings, log)


def _fresh(tasks: Sequence[Task], journal: Journal, digests: Digests) -> dict[tuple[str, str], Record]:
    """Find the briefs that would be the same if they were made again, and whose pages are there whole."""
    found = {}
    for task in tasks:
        entry = journal.entry(task.name)
        if entry is None or entry["status"] == "failed" or not entry["key"]:
            continue
        whole = (
            task.page.exists() and task.page.stat().st_size == entry["bytes"] and task.told.exists() and task.executed.exists()
        )
        if whole and entry["key"] == key_of(task, entry["reads"], digests):
            known = {name: entry[name] for name in ("qpv", "theme", "status", "seconds", "bytes", "name", "missing")}
            found[task.name] = Record(**known, skipped=True)
    return found


def _made(code: str, journal: Journal) -> dict[str, dict[str, str]]:
    """Give the entries of the briefs of a territory that were made, by kind."""
    entries = {kind: journal.entry((code, kind)) for kind in BRIEF_KINDS}
    return {
        kind: entry for kind, entry in entries.items()
        if entry is not None and entry["status"] != "failed" and (journal.folder / code / f"{kind}.html").exists()
    }  # fmt: skip


def _figures_key(code: str, journal: Journal) -> str:
    made = _made(code, journal)
    return hashlib.sha256("\n".join(f"{kind} {entry['key']}" for kind, entry in made.items()).encode()).hexdigest()[:32]


def _figures(code: str, journal: Journal) -> Figures | None:
    """Say what is to be written of a territory's figures; nothing when that is there already."""
    made = _made(code, journal)
    if not made:
        return None
    entry = journal.entry((code, FIGURES))
    there = all((journal.folder / code / f"figures.{kind}").exists() for kind in ("csv", "xlsx"))
    if (
        there
        and entry is not None
        and entry["status"] == "ok"
        and entry["key"] == _figures_key(code, journal)
        and all(e["key"] for e in made.values())
    ):
        return None
    return Figures(code, next((e["name"] for e in made.values() if e["name"]), code), tuple(made))


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed was about to write; the lock says that nobody else writes here."""
    for pattern in ("*/.*.tmp", "notebooks/.*.ipynb"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
