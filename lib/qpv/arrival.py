"""What arrived: whether a downloaded file may take the place of the one that is there, and where that one is kept."""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
import shutil
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from qpv.catalog import Source
from qpv.errors import FetchError, SourceError
from qpv.sources.rawfile import RawFile, tables_in
from qpv.sources.recognition import Recognised, editions_of

#: Of the columns that were there, and of the rows, this much must come again: producers drop columns and correct rows,
#: a message of error or a cut file keeps next to nothing.
COLUMNS_KEPT: Final = 0.5
ROWS_KEPT: Final = 0.9
_HEAD: Final = 65_536


class _Measure(NamedTuple):
    columns: frozenset[str]  # case folded, numbers blotted out: years move on from edition to edition
    names: frozenset[str]
    rows: int


def check_arrival(new: Path, old: Path, source: Source) -> list[Recognised]:
    """Check a file that came against what its editions expect and against the file that is there; give the editions.

    Parameters
    ----------
    new
        The file, under the name that it will have.
    old
        The file whose place it would take, which need not exist.
    source
        Where it comes from: names and families say which editions it holds.

    Raises
    ------
    FetchError
        If an archive holds no table of its edition, a CSV (in an archive or not) has no key column or fewer rows than its
        edition, or lost most of its columns or a tenth of its rows against the one that is there.
    """
    found = editions_of(new, source)
    try:
        there = {t.table_name: t for t in tables_in(old) if not t.fault} if old.is_file() else {}
        expected = {i.file: i for i in found}
        for table in tables_in(new):
            item = expected.get(table)
            if table.fault or (item and item.file.fault):
                raise FetchError(table.fault or (item.file.fault if item else ""))
            if not _is_csv(table):
                continue
            measure = _measured(table, source)
            if item:
                _against_edition(table, measure, item)
            if table.table_name in there:
                _against_old(table, measure, _measured_or_none(there[table.table_name], source))
        faults = [i.file.fault for i in found if i.file.fault]
    except SourceError as error:
        raise FetchError(str(error)) from None
    if faults:
        raise FetchError(faults[0])
    return found


def keep_old(old: Path, fetched: dt.date | None) -> Path:
    """Keep a file in a folder beside it, named by the day on which it came, and say where; it stays in its place too.

    A hard link, so that nothing is copied and the date of the file stays; a copy where the disk knows no links.
    """
    day = fetched or dt.date.fromtimestamp(old.stat().st_mtime)
    names = (f"{day}" if n == 1 else f"{day}_{n}" for n in count(1))
    kept = next(place for name in names if not (place := old.parent / name / old.name).exists())
    kept.parent.mkdir(exist_ok=True)
    try:
        os.link(old, kept)
    except OSError:
        shutil.copy2(old, kept)
    return kept


def _is_csv(table: RawFile) -> bool:
    return table.table_name.lower().endswith((".csv", ".csv.gz"))


def _measured(table: RawFile, source: Source) -> _Measure:
    """Read the header and count the lines; raises ``SourceError`` where the content is damaged."""
    header_row = source.table.header_row if source.table else 1
    with table.open() as stream:
        head = stream.read(_HEAD)
        lines, last = head.count(b"\n"), head[-1:]
        while chunk := stream.read(1 << 20):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    lines += last not in (b"\n", b"")
    try:
        text = head.decode("utf-8-sig", errors="ignore" if len(head) == _HEAD else "strict")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    header = text.splitlines()[header_row - 1 : header_row]
    separator = max(";,\t|", key="".join(header).count)
    cells = [c.strip().casefold() for c in next(csv.reader(header, delimiter=separator), [])]
    names = frozenset(filter(None, cells))
    return _Measure(frozenset(re.sub(r"\d+", "0", name) for name in names), names, max(0, lines - header_row))


def _measured_or_none(table: RawFile, source: Source) -> _Measure | None:
    """Measure the file that is there; one that is damaged is no measure of the new one."""
    try:
        return _measured(table, source)
    except SourceError:
        return None


def _against_edition(table: RawFile, measure: _Measure, item: Recognised) -> None:
    layout, rows = item.source.table, item.edition.rows
    if layout and layout.format == "csv" and not {key.casefold() for key in layout.key} & measure.names:
        keys = " or ".join(map(repr, layout.key))
        raise FetchError(f"{table.name}: no column {keys} in what came; found {', '.join(sorted(measure.names)[:6]) or 'none'}")
    if rows and measure.rows < rows[0]:
        raise FetchError(
            f"{table.name}: {measure.rows} rows came; edition {item.edition.id} has at least {rows[0]}: it is cut, or another file"
        )


def _against_old(table: RawFile, measure: _Measure, old: _Measure | None) -> None:
    if old is None or len(old.names) < 2:
        return  # damaged, or no table at all: no measure of what came
    lost = sorted(old.columns - measure.columns)
    if len(lost) > COLUMNS_KEPT * len(old.columns):
        raise FetchError(
            f"{table.name}: what came lacks {len(lost)} of the {len(old.columns)} columns of the file that is there "
            f"({', '.join(lost[:4])}…); if the producer changed them, remove that file and fetch again"
        )
    if measure.rows < ROWS_KEPT * old.rows:
        raise FetchError(
            f"{table.name}: {measure.rows} rows came where the file that is there has {old.rows}: it is cut, or another file; "
            "if the producer shortened it, remove that file and fetch again"
        )
