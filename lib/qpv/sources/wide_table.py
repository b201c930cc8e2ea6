"""Tables with one row a territory and one column an indicator, as most producers publish them.

One reader serves them all: the layout stands in ``sources.yml``, the columns in the indicators'
YAML.  Blank cells and quality flags become typed absences.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from qpv.catalog import Block, Edition, Indicator, Source
from qpv.errors import CatalogError, SourceError
from qpv.numbers import parse_cell
from qpv.quarter import UNDATED, is_period
from qpv.schemas import OBSERVATIONS, empty
from qpv.secrecy import WITHHELD, too_few
from qpv.sources.base import Context, Delivery, reader
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE, read_text_table
from qpv.territory import normalise_code
from qpv.vocabulary import ABSENT, Status

_TERM: Final = re.compile(r" ([+-]) ")
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
    frame, territories, levels = _territories(frame, raw, source, edition, findings)
    pieces, missing = [], []
    for indicator, column in context.catalog.columns_of(source.id):
        if column.levels and (edition.level or source.level) not in column.levels:
            continue
        numerator = _terms(column.column or column.numerator, frame, edition, column.block)
        denominator = _terms(column.denominator, frame, edition, column.block)
        if numerator is None or (column.denominator and denominator is None):
            missing.append(f"{(column.column or column.numerator)[0]} ({indicator.id})")
            continue
        value, status = _sum(frame, numerator, raw)
        note = np.full(len(frame), "", dtype=object)
        if denominator is not None:
            base = _sum(frame, denominator, raw)
            few = _few(value, base[0], indicator)
            value, status = _quotient((value, status), base, indicator)
            status = np.where(few, _CODE_OF[Status.SECRET], status)
            note[few] = WITHHELD.format(indicator.minimum_count)
        value = value * column.scale
        status = _flagged(status, frame, source.blocks.get(column.block), _block_period(edition, column.block) or "")
        value = np.where(np.isin(status, _ABSENT_CODES), np.nan, value)
        pieces.append(
            pd.DataFrame(
                {
                    "territory": territories, "level": levels,
                    "generation": source.generation,
                    "indicator": indicator.id,
                    "period": _periods(frame, raw, source, edition, column.block),
                    "value": value, "status": _STATUSES[status], "qualifier": "",
                    "edition": edition.id, "file": raw.name, "row": frame[LINE].astype("int64"),
                    "column": _label(numerator, denominator), "note": note,
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


def _terms(alternatives: list[str], frame: pd.DataFrame, edition: Edition, block: str) -> list[tuple[int, str]] | None:
    """Give the signed columns of the alternative that the table has in full.

    Alternatives are names of one thing in different editions: a table that has two of them at once
    shows that a sum was meant, and reading the first would publish a part for the whole.
    """
    year = _block_period(edition, block) or ""
    found = []
    for alternative in alternatives:
        parts = _TERM.split(alternative.replace("{yy}", year[2:4]))
        signs = [1, *(1 if s == "+" else -1 for s in parts[1::2])]
        if all(name in frame for name in parts[::2]):
            found.append(list(zip(signs, parts[::2], strict=True)))
    if len(found) > 1:
        raise CatalogError(
            f"edition {edition.id} has {' and '.join(map(repr, alternatives))} at once: alternatives exclude each other; "
            f"for a sum write {' + '.join(alternatives)!r}"
        )
    return found[0] if found else None


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


def _few(above: np.ndarray, below: np.ndarray, indicator: Indicator) -> np.ndarray:
    """Say where a quotient speaks of too few, or a share of all but a few."""
    few = too_few(above, indicator.minimum_count)
    return few | too_few(below - above, indicator.minimum_count) if indicator.unit == "pct" else few


def _flagged(status: np.ndarray, frame: pd.DataFrame, block: Block | None, period: str) -> np.ndarray:
    """Let the producer's quality flag say why a cell is blank, or what a value is worth.

    ``{yy}`` in the name of the flag stands for the two digits of the reference year, as in a column's.
    """
    note = "" if block is None or block.note is None else block.note.replace("{yy}", period[2:4])
    if block is None or note not in frame:
        return status
    flags = frame[note].str.strip().to_numpy()
    for flag, code in block.meanings.items():
        hit = flags == flag
        if code.status in ABSENT:
            # A flag explains a blank; it never erases a value that the producer did publish.
            status = np.where(hit & np.isin(status, _ABSENT_CODES), _CODE_OF[code.status], status)
        elif code.status is not Status.OBSERVED:
            published = status == _CODE_OF[Status.OBSERVED]
            status = np.where(hit & published, _CODE_OF[code.status], status)
    if block.blank:
        published = np.isin(flags, [flag for flag, code in block.meanings.items() if code.status not in ABSENT])
        status = np.where(published & (status == _CODE_OF[Status.UNAVAILABLE]), _CODE_OF[block.blank.status], status)
    return status


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
