"""The daily index of air quality by commune: one row a commune and day."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from typing import Final

import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.numbers import NNBSP
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.stream import stream_rows
from qpv.territory import normalise_code
from qpv.vocabulary import Status

#: Classes of the index (``code_qual``): 1 good to 6 extremely bad; 0 is no index, 7 an event.
_CLASSES: Final = frozenset("123456")
_UNKNOWN: Final = frozenset(("0", "7", ""))
#: A year with fewer days than this is not told without a warning: pollution has its seasons.
_NEARLY_A_YEAR: Final = 330
_YEAR: Final = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_EPOCH: Final = re.compile(r"1\d{12}")


@reader("air_index")
def read_air_index(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the share of days of each year whose index is of the classes that an indicator's ``tally`` names.

    Columns ``code_zone`` (Insee code of a commune; the nine figures of an EPCI are left out), ``date_ech`` and
    ``code_qual`` (0-7).  Base of the share: the days with a class from 1 to 6.  Under 330 such days the year is
    incomplete: ``low_quality``.

    Raises
    ------
    SourceError
        If a column lacks, a date has no year, a class is none, or a commune has more days than the year.
    """
    assert source.table is not None
    lines = stream_rows(raw, source.table)
    _, header = next(lines)
    wanted = ("code_zone", "date_ech", "code_qual")
    lacking = [c for c in wanted if c not in header]
    if lacking:
        raise SourceError(f"{raw.name}, line 1: missing columns {', '.join(lacking)}; found {', '.join(header[:8])}…")
    zone, date, index = (header.index(c) for c in wanted)
    days: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}
    others, total = 0, 0
    for line, cells in lines:
        total += 1
        code = normalise_code(cells[zone], "commune")
        if code is None:
            others += 1
            continue
        level = cells[index].strip().removesuffix(".0")
        if level not in _CLASSES | _UNKNOWN:
            raise SourceError(f"{raw.name}, line {line}, column code_qual: {cells[index]!r} is no class of the index (0 to 7)")
        year = _year(cells[date], line, raw)
        first.setdefault((code, year), line)
        days[code, year, level] += level in _CLASSES
    if edition.rows and not edition.rows[0] <= total <= edition.rows[1]:
        raise SourceError(f"{raw.name}: {total} rows; edition {edition.id} has between {edition.rows[0]} and {edition.rows[1]}")
    findings = [Finding("info", raw.name, f"{others} rows left out: no commune")] if others else []
    return Delivery(observations=_shares(days, first, raw, source, edition, context), findings=findings)


def _year(text: str, line: int, raw: RawFile) -> str:
    """Find the year of a day, written in any of the ways of the portals (ISO, American, milliseconds since 1970)."""
    if _EPOCH.fullmatch(text.strip()):
        return str(dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC).year)
    found = _YEAR.search(text)
    if found is None:
        raise SourceError(f"{raw.name}, line {line}, column date_ech: {text!r} is no date")
    return found[1]


def _shares(
    days: Counter[tuple[str, str, str]], first: dict[tuple[str, str], int], raw: RawFile, source: Source, edition: Edition,
    context: Context,
) -> pd.DataFrame:  # fmt: skip
    rows = []
    for (code, year), line in first.items():
        known = {level: days[code, year, level] for level in _CLASSES}
        base = sum(known.values())
        if base > 366:
            raise SourceError(f"{raw.name}, line {line}: commune {code} has {base} days in {year}: a day stands twice")
        for indicator, column in context.catalog.columns_of(source.id):
            if column.tally is None or column.tally.kind != "share" or not base:
                continue
            share = 100 * sum(known.get(c, 0) for c in column.tally.where.get("code_qual", [])) / base
            rows.append(
                {
                    "territory": code, "level": "commune", "generation": "", "indicator": indicator.id, "period": year,
                    "value": round(share, 6), "status": (Status.OBSERVED if base >= _NEARLY_A_YEAR else Status.LOW_QUALITY).value,
                    "qualifier": "", "edition": edition.id, "file": raw.name, "row": line, "column": "code_qual",
                    "note": f"Sur {base}{NNBSP}jours connus de l’année",
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(OBSERVATIONS.columns)) if rows else empty(OBSERVATIONS)
