"""What a run says of itself: a bar on a terminal, failures as they come, lines of JSON for machines."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from qpv.cli.console import err, out
from qpv.numbers import format_number

if TYPE_CHECKING:
    from qpv import batch


class _Rate(ProgressColumn):
    """Briefs a minute, over the last ones."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{format_number(60 * task.speed)}/min", style="progress.data.speed")


class Progression:
    """Tells a run as it goes; ``stop`` ends the bar before anything else is printed."""

    def __init__(self, tasks: Sequence[batch.Task], *, quiet: bool, as_json: bool) -> None:
        self._quiet, self._as_json = quiet, as_json
        self._total = Counter(t.theme for t in tasks)
        self._done: Counter[str] = Counter()
        self._start = time.monotonic()
        self._bar = Progress(
            TextColumn("Briefs"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"), console=err, disable=quiet or as_json or not err.is_terminal,
        )  # fmt: skip
        self._line = self._bar.add_task("", total=len(tasks))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the bar."""
        self._bar.stop()

    def report(self, record: batch.Record) -> None:
        """Say what became of a brief."""
        self._done[record.theme] += 1
        counts = "  ".join(f"{theme} {self._done[theme]}/{total}" for theme, total in self._total.items())
        self._bar.update(self._line, advance=1, description=counts)
        if self._as_json:
            self._say({"event": "brief", **record.public(), "skipped": record.skipped})
        if record.status == "failed":
            error = record.error or {}
            cell = "" if error.get("cell") is None else f", cellule {error['cell']}"
            words = f"échec : {record.qpv} {record.theme}{cell} : {error.get('name')}: {error.get('message')}"
            self._bar.console.print(words, markup=False, soft_wrap=True)

    def conclude(self, records: Sequence[batch.Record], index: Path) -> None:
        """Sum up."""
        failed = sum(r.status == "failed" for r in records)
        skipped = sum(r.skipped for r in records)
        degraded = sum(r.status == "degraded" for r in records)
        if self._as_json:
            self._say({
                "event": "end", "briefs": len(records), "made": len(records) - failed - skipped, "skipped": skipped, "degraded": degraded,
                "failed": failed, "seconds": round(time.monotonic() - self._start, 3), "index": str(index),
            })  # fmt: skip
            return
        if not self._quiet:
            made = len(records) - failed - skipped
            same = f", {format_number(skipped)} déjà à jour" if skipped else ""
            words = f"{format_number(made)} briefs écrits{same} ({format_number(degraded)} où manque la moitié des chiffres clés), {format_number(failed)} échecs"
            out.print(words, markup=False)
        out.print(str(index), markup=False, soft_wrap=True)

    def _say(self, content: dict[str, Any]) -> None:
        typer.echo(json.dumps(content, ensure_ascii=False))
