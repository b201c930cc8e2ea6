"""Long tables: one row a territory, measure and period; the layout stands in ``sources.yml`` (``table: {long: …}``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pandas as pd

from qpv.catalog import Block, Column, Edition, Indicator, Long, Source, Table
from qpv.errors import SourceError
from qpv.quarter import UNDATED
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.dictionary import Dictionary
from qpv.sources.figures import (
    block_period,
    figures,
    label,
    left_out,
    names_in,
    refuse_periods,
    refuse_twins,
    terms,
    unfinished,
    unfinished_note,
)
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.stream import stream_rows
from qpv.sources.text_table import LINE, refuse_rows
from qpv.territory import normalise_code

#: Columns of a measure's table: code as printed, level, period, the cell, and the quality flag beside it.
_CODE, _LEVEL, _PERIOD, _CELL, _FLAG = "code", "level", "period", "cell", "flag"
_KEY: Final = ["territory", _LEVEL, _PERIOD]


@reader("long_table")
def read_long_table(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read the measures that indicators name; rows of other measures and kinds of territory pass by unread.

    The quality flag of a block (``note``) stands in a column of its own, beside each cell.  A territory without a
    row for a measure gets no observation: the file says nothing of it.

    Returns
    -------
    Delivery
        Observations only; values in the unit of each indicator, universe as the indicator defines it.

    Raises
    ------
    SourceError
        If a column lacks, a row is cut, a cell is neither a number nor a mark of absence, a period is none, or a
        territory stands twice for a measure and period.
    """
    table = source.table
    if table is None or table.long is None:
        raise SourceError(f"source {source.id!r} has no 'table' with a 'long' layout in sources.yml")
    named = context.catalog.columns_of(source.id)
    wanted = {name for _, c in named for name in _named(c, edition)}
    note = next((n for b in source.blocks.values() for n in b.note), None)
    rows, total = _collect(raw, table, table.long, wanted, note, edition.level or source.level or "commune")
    refuse_rows(total, edition, raw, growing=table.period_column is not None)
    findings: list[Finding] = []
    if table.whole_years:
        late = unfinished(rows[_PERIOD], edition)
        findings += unfinished_note(rows[late].drop_duplicates(LINE)[_PERIOD], edition, raw)
        rows = rows[~late]
    measures = _measures(rows, raw, source, table, findings)
    pieces, missing = [], []
    for indicator, column in named:
        period = block_period(edition, column.block) or ""
        numerator = terms(column.column or column.numerator, _own(measures), edition, period)
        denominator = terms(column.denominator, _own(measures), edition, period)
        if numerator is None or (column.denominator and denominator is None):
            missing.append(f"{(column.column or column.numerator)[0]} ({indicator.id})")
            continue
        frame = _side_by_side([measures[name] for _, name in [*numerator, *(denominator or [])]], note)
        block = source.blocks.get(column.block)
        pieces.append(_observations(frame, numerator, denominator, column, indicator, block, source, edition, raw))
    if missing:
        findings.append(Finding("warning", raw.name, f"measures not found in this edition: {', '.join(sorted(missing))}"))
    observations = pd.concat(pieces, ignore_index=True) if pieces else empty(OBSERVATIONS)
    observations["value"] = observations["value"].astype(float).round(6)  # binary noise of quotients
    refuse_twins(observations, raw)
    return Delivery(observations=observations, findings=findings)


def _own(measures: dict[str, pd.DataFrame]) -> Callable[[str], str | None]:
    return lambda name: name if name in measures else None


def _named(column: Column, edition: Edition) -> list[str]:
    period = block_period(edition, column.block) or ""
    return [n for a in [*column.column, *column.numerator, *column.denominator] for n in names_in(a, period)]


def _collect(
    raw: RawFile, table: Table, long: Long, wanted: set[str], note: str | None, level: str
) -> tuple[pd.DataFrame, int]:  # fmt: skip
    """Read the rows of the wanted measures, and count all rows; ``name`` is the measure."""
    source = stream_rows(raw, table)
    line, header = next(source)
    place = {name: i for i, name in enumerate(header)}
    key = next((k for k in table.key if k in place), None)
    needed = [*long.measure, *long.value, *long.where, *filter(None, [long.level, table.period_column, note])]
    lacking = [repr(n) for n in needed if n not in place] + ([] if key else [" or ".join(map(repr, table.key))])
    if lacking or key is None:
        raise SourceError(f"{raw.name}, line {line}: missing columns {', '.join(lacking)}; found {', '.join(header[:8])}…")
    kept = [(place[c], frozenset(values)) for c, values in long.where.items()]
    measure = [place[c] for c in long.measure]
    values = [(place[c], [c] if len(long.value) > 1 or not measure else []) for c in long.value]
    at, period, flag = place[key], _cell(place, table.period_column), _cell(place, note)
    kind = _cell(place, long.level)
    levels = long.levels or {"": level}
    rows: list[tuple[str, str, str, str, str, str, int]] = []
    total = 0
    for line, cells in source:
        total += 1
        its = levels.get(kind(cells))
        if its is None or any(cells[i].strip() not in accepted for i, accepted in kept):
            continue
        words = [cells[i].strip() for i in measure]
        for i, extra in values:
            name = " | ".join(words + extra)
            if name in wanted:
                when = period(cells)
                rows.append((name, cells[at], its, long.period_prefix + when if when else "", cells[i], flag(cells), line))
    return pd.DataFrame(rows, columns=["name", _CODE, _LEVEL, _PERIOD, _CELL, _FLAG, LINE]), total


def _cell(place: dict[str, int], column: str | None) -> Callable[[list[str]], str]:
    """Give what reads a column of a row; nothing where the layout has none."""
    if column is None:
        return lambda cells: ""
    at = place[column]
    return lambda cells: cells[at].strip()


def _measures(
    rows: pd.DataFrame, raw: RawFile, source: Source, table: Table, findings: list[Finding]
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Give each measure its rows, one a territory and period, with the territory's code as its level writes it."""
    parts = []
    for level, part in rows.groupby(_LEVEL):
        known = {c: normalise_code(c, str(level), source.generation) for c in part[_CODE].unique()}
        codes = part[_CODE].map(known)
        findings += left_out(part[codes.isna()], _CODE, str(level), len(part), raw)
        parts.append(part.assign(territory=codes)[codes.notna()])
    if not parts:
        return {}
    rows = pd.concat(parts).sort_values(LINE, ignore_index=True)
    if table.period_column:
        refuse_periods(rows.assign(**{table.period_column: rows[_PERIOD]}), rows[_PERIOD], table.period_column, raw)
    twins = rows[rows.duplicated(["name", *_KEY])]
    if len(twins):
        first = twins.iloc[0]
        raise SourceError(
            f"{raw.name}, line {first[LINE]}: {first['territory']} stands twice for {first['name']!r}"
            + (f" in {first[_PERIOD]}" if first[_PERIOD] else "")
        )
    return {str(name): part.set_index(_KEY) for name, part in rows.groupby("name")}


def _side_by_side(parts: list[pd.DataFrame], note: str | None) -> pd.DataFrame:
    """Put measures beside each other, where all have a row; line and flag are those of the first."""
    frame = pd.concat([p[_CELL].rename(p["name"].iloc[0]) for p in parts], axis=1, join="inner")
    frame = frame.loc[:, ~frame.columns.duplicated()]
    first = parts[0].loc[frame.index]
    frame[LINE] = first[LINE]
    if note:
        frame[note] = first[_FLAG]
    return frame.reset_index()


def _observations(
    frame: pd.DataFrame, numerator: list[tuple[int, str]], denominator: list[tuple[int, str]] | None, column: Column,
    indicator: Indicator, block: Block | None, source: Source, edition: Edition, raw: RawFile,
) -> pd.DataFrame:  # fmt: skip
    period = block_period(edition, column.block) or ""
    value, status, _ = figures(frame, numerator, denominator, column, indicator, block, period, raw, Dictionary())
    table = pd.DataFrame(
        {
            "territory": frame["territory"], "level": frame[_LEVEL], "generation": source.generation,
            "indicator": indicator.id, "period": frame[_PERIOD].where(frame[_PERIOD] != "", period or UNDATED),
            "value": value, "status": status, "qualifier": "", "edition": edition.id, "file": raw.name,
            "row": frame[LINE].astype("int64"), "column": label(numerator, denominator), "note": "",
        }
    )  # fmt: skip
    return table[table["level"].isin(column.levels)] if column.levels else table
