"""Tables with one row a territory and one column an indicator, as most producers publish them.

One reader serves them all: the layout stands in ``sources.yml``, the columns in the indicators'
YAML.  Blank cells and quality flags become typed absences.
"""

from __future__ import annotations

import pandas as pd

from qpv.catalog import Edition, Indicator, Source
from qpv.errors import SourceError
from qpv.quarter import UNDATED
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources import columns
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.columns import Header, Lacking
from qpv.sources.dictionary import Dictionary, read_dictionary
from qpv.sources.figures import Term, block_period, figures, label, left_out, refuse_periods, refuse_twins, terms
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
    return figures_in(read_text_table(raw, source.table, edition), raw, source, edition, context)


def figures_in(frame: pd.DataFrame, raw: RawFile, source: Source, edition: Edition, context: Context) -> Delivery:
    """Give every catalogued indicator of a table that was read as text (:func:`read_text_table`); errors as the reader's."""
    findings: list[Finding] = []
    header = Header([name for name in frame if name != LINE])
    dictionary = _dictionary(raw, source, edition, findings)
    frame, territories, levels = _territories(frame, raw, source, edition, findings)
    pieces = []
    held: set[tuple[str, str]] = set()
    for indicator, column in context.catalog.columns_of(source.id):
        if column.tally is not None or (column.levels and (edition.level or source.level) not in column.levels):
            continue
        period = block_period(edition, column.block) or ""
        if (indicator.id, period) in held and column.label:
            continue  # named columns were read: what a label alone would find says the same again
        numerator = terms(column.column or column.numerator, header.find, edition, period)
        denominator = terms(column.denominator, header.find, edition, period)
        if numerator is None and column.label:
            numerator = _by_label(header, column.label, indicator, dictionary, raw, findings)
        if numerator is None or (column.denominator and denominator is None):
            alternatives = column.denominator if numerator is not None else column.column or column.numerator
            header.lacking.append(Lacking(indicator.id, tuple(alternatives), period))
            continue
        held.add((indicator.id, period))
        block = source.blocks.get(column.block)
        value, status, note = figures(frame, numerator, denominator, column, indicator, block, period, raw, dictionary)
        pieces.append(
            pd.DataFrame(
                {
                    "territory": territories, "level": levels,
                    "generation": source.generation if str(edition.level or source.level).startswith("qpv") else "",
                    "indicator": indicator.id,
                    "period": _periods(frame, raw, source, edition, column.block),
                    "value": value, "status": status, "qualifier": "",
                    "edition": edition.id, "file": raw.name, "row": frame[LINE].astype("int64"),
                    "column": label(numerator, denominator), "note": note,
                }
            )
        )  # fmt: skip
    header.lacking = [a for a in header.lacking if (a.indicator, a.year) not in held]
    findings += columns.findings(header, raw, source, edition, dictionary)
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
    # What covers the mainland alone is never taken for all QPV of France.
    codes = codes.mask(levels.eq("qpv_of_france") & codes.notna(), source.table.all_qpv)
    findings += left_out(frame.loc[codes.isna(), [LINE, key]], key, level, len(frame), raw)
    kept = codes.notna()
    return frame[kept], codes[kept], levels[kept]


def _by_label(
    header: Header, label: str, indicator: Indicator, dictionary: Dictionary, raw: RawFile, findings: list[Finding]
) -> list[Term] | None:
    """Read a column by what the producer says of it, and tell; never where two columns answer."""
    names = header.labelled(label, dictionary)
    if len(names) == 1:
        said = dictionary.label(names[0])
        findings.append(Finding("info", raw.name, f"column {names[0]!r} is read as {indicator.id!r} by its label: {said[:120]}"))
        return [(1, names[0])]
    if names:
        findings.append(
            Finding("warning", raw.name, f"doubtful: columns {', '.join(names)} all answer to {indicator.id!r} by their labels; "
                    "none is read: name the right one in the indicator")
        )  # fmt: skip
    return None


def _dictionary(raw: RawFile, source: Source, edition: Edition, findings: list[Finding]) -> Dictionary:
    """Read the dictionary beside the table where something hangs on it: flags to explain, or columns not seen before."""
    if not edition.unseen and not any(block.note for block in source.blocks.values()):
        return Dictionary()
    try:
        return read_dictionary(raw)
    except SourceError as error:
        findings.append(Finding("warning", raw.name, str(error).removeprefix(f"{raw.name}: ")))
        return Dictionary()


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
