"""Tables with one row a territory and one column an indicator, as most producers publish them.

One reader serves them all: the layout stands in ``sources.yml``, the columns in the indicators'
YAML.  Blank cells and quality flags become typed absences.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from qpv.catalog import Block, Edition, Indicator, Source
from qpv.errors import SourceError
from qpv.numbers import parse_cell
from qpv.quarter import UNDATED, is_period
from qpv.schemas import OBSERVATIONS, empty
from qpv.sources import columns
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.columns import Header, Lacking, Term
from qpv.sources.dictionary import Dictionary, read_dictionary
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import normalise_code
from qpv.vocabulary import ABSENT, Status

_STATUSES: Final = np.array([s.value for s in Status], dtype=object)
_CODE_OF: Final = {s: i for i, s in enumerate(Status)}
_ABSENT_CODES: Final = [_CODE_OF[s] for s in ABSENT]


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
    header = Header([name for name in frame if name != LINE])
    dictionary = _dictionary(raw, source, edition, findings)
    frame, territories, levels = _territories(frame, raw, source, edition, findings)
    pieces = []
    for indicator, column in context.catalog.columns_of(source.id):
        if column.tally is not None or (column.levels and (edition.level or source.level) not in column.levels):
            continue
        year = _block_period(edition, column.block) or ""
        numerator = header.terms(column.column or column.numerator, edition, year)
        denominator = header.terms(column.denominator, edition, year)
        if numerator is None and column.label:
            numerator = _by_label(header, column.label, indicator, dictionary, raw, findings)
        if numerator is None or (column.denominator and denominator is None):
            alternatives = column.denominator if numerator is not None else column.column or column.numerator
            header.lacking.append(Lacking(indicator.id, tuple(alternatives), year))
            continue
        value, status = _sum(frame, numerator, raw)
        if denominator is not None:
            value, status = _quotient((value, status), _sum(frame, denominator, raw), indicator)
        value = value * column.scale
        status, note = _flagged(status, frame, source.blocks.get(column.block), year, dictionary)
        value = np.where(np.isin(status, _ABSENT_CODES), np.nan, value)
        pieces.append(
            pd.DataFrame(
                {
                    "territory": territories, "level": levels,
                    "generation": source.generation if str(edition.level or source.level).startswith("qpv") else "",
                    "indicator": indicator.id,
                    "period": _periods(frame, raw, source, edition, column.block),
                    "value": value, "status": _STATUSES[status], "qualifier": "",
                    "edition": edition.id, "file": raw.name, "row": frame[LINE].astype("int64"),
                    "column": _label(numerator, denominator), "note": note,
                }
            )
        )  # fmt: skip
    findings += columns.findings(header, raw, source, edition, dictionary)
    observations = pd.concat(pieces, ignore_index=True) if pieces else empty(OBSERVATIONS)
    # Quotients of sums carry binary noise beyond what any producer prints.
    observations["value"] = observations["value"].astype(float).round(6)
    _refuse_twins(observations, raw)
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
    unknown = frame.loc[codes.isna(), [LINE, key]]
    if len(unknown) > max(10, len(frame) // 20):
        raise SourceError(
            f"{raw.name}, line {unknown[LINE].iloc[0]}: {unknown[key].iloc[0]!r} is no code of level {level!r}, "
            f"and so in {len(unknown)} rows of {len(frame)}"
        )
    if len(unknown):
        shown = ", ".join(unknown[key].head(5))
        findings.append(
            Finding("warning", raw.name, f"{len(unknown)} rows left out, no code of level {level!r}: {shown}",
                    line=int(unknown[LINE].iloc[0]))
        )  # fmt: skip
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


def _label(numerator: list[tuple[int, str]], denominator: list[tuple[int, str]] | None) -> str:
    def words(terms: list[tuple[int, str]]) -> str:
        return "".join(f"{' + ' if s > 0 else ' - '}{n}" for s, n in terms).removeprefix(" + ")

    return words(numerator) if denominator is None else f"{words(numerator)} / {words(denominator)}"


def _sum(frame: pd.DataFrame, terms: list[tuple[int, str]], raw: RawFile) -> tuple[np.ndarray, np.ndarray]:
    """Add columns; a sum with an absent part is absent, for the reason of the first such part."""
    total, worst = np.zeros(len(frame)), np.full(len(frame), _CODE_OF[Status.OBSERVED])
    for sign, name in terms:
        value, status = _parse(frame, name, raw)
        total = total + sign * value
        worst = np.where(worst != _CODE_OF[Status.OBSERVED], worst, status)
    return total, worst


def _parse(frame: pd.DataFrame, name: str, raw: RawFile) -> tuple[np.ndarray, np.ndarray]:
    codes, texts = pd.factorize(frame[name])
    values, statuses = np.full(len(texts), np.nan), np.zeros(len(texts), dtype=int)
    for i, text in enumerate(texts):
        try:
            value, status = parse_cell(text)
        except ValueError:
            line = frame.loc[frame[name] == text, LINE].iloc[0]
            raise SourceError(
                f"{raw.name}, line {line}, column {name}: {text[:60]!r} is neither a number nor a mark of absence"
            ) from None
        values[i], statuses[i] = (np.nan if value is None else value), _CODE_OF[status]
    return values[codes], statuses[codes]


def _quotient(
    above: tuple[np.ndarray, np.ndarray], below: tuple[np.ndarray, np.ndarray], indicator: Indicator
) -> tuple[np.ndarray, np.ndarray]:
    """Divide; nothing over zero has no value to speak of (``not_applicable``)."""
    observed = _CODE_OF[Status.OBSERVED]
    status = np.where(above[1] != observed, above[1], below[1])
    void = (status == observed) & (below[0] == 0)
    status = np.where(void, _CODE_OF[Status.NOT_APPLICABLE], status)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = above[0] / below[0]
    return value * (100 if indicator.unit == "pct" else 1), status


def _flagged(
    status: np.ndarray, frame: pd.DataFrame, block: Block | None, period: str, dictionary: Dictionary
) -> tuple[np.ndarray, np.ndarray | str]:
    """Let the producer's quality flag say why a cell is blank, or what a value is worth; in the producer's words.

    ``{yy}`` in the name of the flag stands for the two digits of the reference year, as in a column's.
    """
    names = [] if block is None else [name.replace("{yy}", period[2:4]) for name in block.note]
    flag_column = next((name for name in names if name in frame), None)
    if block is None or flag_column is None:
        return status, ""
    flags = frame[flag_column].str.strip().to_numpy()
    note = np.full(len(frame), "", dtype=object)
    for flag, code in block.meanings.items():
        hit = flags == flag
        if code.status in ABSENT:
            # A flag explains a blank; it never erases a value that the producer did publish.
            hit &= np.isin(status, _ABSENT_CODES)
        elif code.status is not Status.OBSERVED:
            hit &= status == _CODE_OF[Status.OBSERVED]
        else:
            continue
        status = np.where(hit, _CODE_OF[code.status], status)
        note[hit] = dictionary.meaning(flag_column, flag)
    return status, note


def _dictionary(raw: RawFile, source: Source, edition: Edition, findings: list[Finding]) -> Dictionary:
    """Read the dictionary beside the table where something hangs on it: flags to explain, or columns not seen before."""
    if not edition.unseen and not any(block.note for block in source.blocks.values()):
        return Dictionary()
    try:
        return read_dictionary(raw)
    except SourceError as error:
        findings.append(Finding("warning", raw.name, str(error).removeprefix(f"{raw.name}: ")))
        return Dictionary()


def _block_period(edition: Edition, block: str) -> str | None:
    return edition.periods.get(block) or edition.periods.get("main")


def _periods(frame: pd.DataFrame, raw: RawFile, source: Source, edition: Edition, block: str) -> pd.Series | str:
    column = source.table.period_column if source.table else None
    if column is None:
        return _block_period(edition, block) or UNDATED
    if column not in frame:
        line = source.table.header_row if source.table else 1
        raise SourceError(f"{raw.name}, line {line}: no column {column!r}, which gives the period of each row")
    periods = frame[column].str.strip()
    known = {p: is_period(p) for p in periods.unique()}
    bad = frame[~periods.map(known).astype(bool)]
    if len(bad):
        raise SourceError(
            f"{raw.name}, line {bad[LINE].iloc[0]}, column {column}: {bad[column].iloc[0]!r} is no period (2019, 2022-2023…)"
        )
    return periods


def _refuse_twins(observations: pd.DataFrame, raw: RawFile) -> None:
    key = ["territory", "level", "indicator", "period"]
    twins = observations[observations.duplicated(key)]
    if len(twins):
        first = twins.iloc[0]
        raise SourceError(
            f"{raw.name}, line {first['row']}: {first['territory']} stands twice for {first['indicator']} in {first['period']}"
        )
