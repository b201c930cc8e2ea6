"""Tables with one row a territory and one column an indicator, as most producers publish them.

One reader serves them all: the layout stands in ``sources.yml``, the columns in the indicators'
YAML.  Blank cells and quality flags become typed absences.
"""

from __future__ import annotations

import pandas as pd

from qpv.catalog import Edition, Source
from qpv.errors import SourceError
from qpv.quarter import UNDATED
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.figures import block_period, figures, label, left_out, refuse_periods, refuse_twins, terms
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import normalise_code


@reader("wide_table")
def read_wide_table(raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Read every catalogued indicator from a table.

    Returns
    -------
    Delivery
        Observations only; values in the unit of each indicator, at the source's level and
        perimeter generation, universe as the indicator defines it.

    Raises
    ------
    SourceError
        If the table is damaged (see :func:`read_text_table`), a cell is neither a number nor a
        mark of absence, or a territory stands twice for a period.
    """
    if source.table is None:
        raise SourceError(f"source {source.id!r} has no 'table' in sources.yml")
    frame = read_text_table(raw, source.table, edition)
    findings: list[Finding] = []
    frame, territories, levels = _territories(frame, raw, source, edition, findings)
    pieces, missing = [], []
    for indicator, column in context.catalog.columns_of(source.id):
        if column.levels and (edition.level or source.level) not in column.levels:
            continue
        numerator = terms(column.column or column.numerator, frame, edition, column.block)
        denominator = terms(column.denominator, frame, edition, column.block)
        if numerator is None or (column.denominator and denominator is None):
            missing.append(f"{(column.column or column.numerator)[0]} ({indicator.id})")
            continue
        period = block_period(edition, column.block) or ""
        value, status = figures(frame, numerator, denominator, column, indicator, source.blocks.get(column.block), period, raw)
        pieces.append(
            pd.DataFrame(
                {
                    "territory": territories, "level": levels,
                    "generation": source.generation,
                    "indicator": indicator.id,
                    "period": _periods(frame, raw, source, edition, column.block),
                    "value": value, "status": status, "qualifier": "",
                    "edition": edition.id, "file": raw.name, "row": frame[LINE].astype("int64"),
                    "column": label(numerator, denominator), "note": "",
                }
            )
        )  # fmt: skip
    if missing:
        findings.append(
            Finding("warning", raw.name, f"columns not found in this edition: {', '.join(sorted(missing))}",
                    line=source.table.header_row)
        )  # fmt: skip
    observations = pd.concat(pieces, ignore_index=True) if pieces else empty(OBSERVATIONS)
    # Quotients of sums carry binary noise beyond what any producer prints.
    observations["value"] = observations["value"].astype(float).round(6)
    refuse_twins(observations, raw)
    return Delivery(observations=observations, findings=findings)


def _territories(
    frame: pd.DataFrame, raw: RawFile, source: Source, edition: Edition, findings: list[Finding]
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Keep the rows whose code belongs to the level; name those that do not."""
    assert source.table is not None
    key = next(k for k in source.table.key if k in frame)
    level = edition.level or source.level or "commune"
    codes = frame[key].map(lambda text: normalise_code(text, level, source.generation))
    levels = pd.Series(level, index=frame.index, dtype=object)
    if source.table.total_code:
        total = frame[key].str.strip().str.casefold() == source.table.total_code.casefold()
        codes, levels = codes.mask(total, "FR"), levels.mask(total, "qpv_of_france")
    findings += left_out(frame.loc[codes.isna(), [LINE, key]], key, level, len(frame), raw)
    kept = codes.notna()
    return frame[kept], codes[kept], levels[kept]


def _periods(frame: pd.DataFrame, raw: RawFile, source: Source, edition: Edition, block: str) -> pd.Series | str:
    column = source.table.period_column if source.table else None
    if column is None:
        return block_period(edition, block) or UNDATED
    if column not in frame:
        line = source.table.header_row if source.table else 1
        raise SourceError(f"{raw.name}, line {line}: no column {column!r}, which gives the period of each row")
    periods = frame[column].str.strip()
    refuse_periods(frame, periods, column, raw)
    return periods
