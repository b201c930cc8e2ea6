"""``figures.csv`` and ``figures.xlsx`` of a territory: every figure that its briefs show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from qpv import extract
from qpv.atomic import write_atomically
from qpv.batch.task import Figures, Record
from qpv.quarter import Quarter
from qpv.vocabulary import BRIEF_KINDS
from qpv.warehouse import Warehouse, opened


def make_figures(work: Figures, quarter: str, warehouse: str | Path, folder: Path) -> Record:
    """Do the work of writing the figures of a territory, and record it."""
    write_figures(work.qpv, work.territory, work.kinds, Quarter.parse(quarter), opened(warehouse), folder)
    return Record(work.qpv, work.theme, "ok")


def write_figures(code: str, name: str, kinds: Sequence[str], quarter: Quarter, warehouse: Warehouse, folder: Path) -> None:
    """Write the figures that the briefs of a territory show, each kind of brief in its order.

    Parameters
    ----------
    kinds
        The kinds of brief that were made for the territory, in this run or an earlier one.
    folder
        The quarter's folder, with what :func:`qpv.batch.making.make` left there.
    """
    rows: list[extract.Row] = []
    for kind in sorted(kinds, key=BRIEF_KINDS.index):
        told = json.loads((folder / "notebooks" / f"{code}-{kind}.json").read_text("utf-8"))
        rows += extract.in_words(kind, told["figures"], told["remarks"], warehouse)
    if rows:
        path = folder / code / "figures.csv"
        write_atomically(path, extract.to_csv(rows))
        write_atomically(path.with_suffix(".xlsx"), extract.to_xlsx(rows, f"{name}, {quarter.label}", quarter, warehouse))
