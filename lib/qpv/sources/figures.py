"""What the cells of a table amount to: numbers, sums, differences and quotients of columns, quality flags.

Shared by the readers of tables.  A frame holds texts and, in :data:`~qpv.sources.text_table.LINE`, the line of each
row.  Values and statuses travel as two arrays, the statuses as positions in :data:`STATUSES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd

from qpv.catalog import Block, Column, Edition, Indicator
from qpv.errors import CatalogError, SourceError
from qpv.numbers import parse_cell
from qpv.quarter import is_period
from qpv.secrecy import WITHHELD, too_few
from qpv.sources.dictionary import Dictionary
from qpv.sources.rawfile import Finding, RawFile
from qpv.sources.text_table import LINE
from qpv.vocabulary import ABSENT, Status

#: One signed column of a sum.
Term = tuple[int, str]

STATUSES: Final = np.array([s.value for s in Status], dtype=object)
_TERM: Final = re.compile(r" ([+-]) ")
_CODE_OF: Final = {s: i for i, s in enumerate(Status)}
_ABSENT_CODES: Final = [_CODE_OF[s] for s in ABSENT]


def names_in(alternative: str, period: str) -> list[str]:
    """List the columns that a sum or difference names; ``{yy}`` are the two digits of the period's year."""
    return _TERM.split(alternative.replace("{yy}", period[2:4]))[::2]


def figures(
    frame: pd.DataFrame, numerator: list[Term], denominator: list[Term] | None, column: Column,
    indicator: Indicator, block: Block | None, period: str, raw: RawFile, dictionary: Dictionary,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Give the values (``nan``: absent), the statuses (words of :class:`~qpv.vocabulary.Status`) and the notes of one indicator.

    A note is what the producer's dictionary says of the quality flag that decided.

    Raises
    ------
    SourceError
        If a cell is neither a number nor a mark of absence.
    """
    if indicator.unit == "count":
        _refuse_per_cent(frame, numerator, raw)
    value, status = _sum(frame, numerator, raw)
    few = np.zeros(len(frame), dtype=bool)
    if denominator is not None:
        base = _sum(frame, denominator, raw)
        few = _few(value, base[0], indicator)
        value, status = _quotient((value, status), base, indicator)
        status = np.where(few, _CODE_OF[Status.SECRET], status)
    status, note = _flagged(status, frame, block, period, dictionary)
    note = np.where(few, WITHHELD.format(indicator.minimum_count), note)
    return np.where(np.isin(status, _ABSENT_CODES), np.nan, value * column.scale), STATUSES[status], note


def left_out(unknown: pd.DataFrame, key: str, level: str, total: int, raw: RawFile) -> list[Finding]:
    """Tell of the rows whose code (column ``key``) is none of their level; of many, refuse the file.

    Raises
    ------
    SourceError
        If there are more than ten and more than one row in twenty.
    """
    if len(unknown) > max(10, total // 20):
        raise SourceError(
            f"{raw.name}, line {unknown[LINE].iloc[0]}: {unknown[key].iloc[0]!r} is no code of level {level!r}, "
            f"and so in {len(unknown)} rows of {total}"
        )
    if unknown.empty:
        return []
    shown = ", ".join(unknown[key].drop_duplicates().head(5))
    return [
        Finding("warning", raw.name, f"{len(unknown)} rows left out, no code of level {level!r}: {shown}",
                line=int(unknown[LINE].iloc[0]))
    ]  # fmt: skip


def refuse_periods(frame: pd.DataFrame, periods: pd.Series, column: str, raw: RawFile) -> None:
    """Raise ``SourceError`` for the first row whose period is none."""
    known = {p: is_period(p) for p in periods.unique()}
    bad = frame[~periods.map(known).astype(bool)]
    if len(bad):
        raise SourceError(
            f"{raw.name}, line {bad[LINE].iloc[0]}, column {column}: {bad[column].iloc[0]!r} is no period (2019, 2022-2023…)"
        )


def unfinished(periods: pd.Series, edition: Edition) -> pd.Series:
    """Tell which periods are, or end in, a year that was not over when the edition came out."""
    late = {p: p[:4].isdigit() and int(p[-4:] if p[-4:].isdigit() else p[:4]) >= edition.published.year for p in periods.unique()}
    return periods.map(late).astype(bool)


def unfinished_note(periods: pd.Series, edition: Edition, raw: RawFile) -> list[Finding]:
    """Tell of rows that are left out because their year was not over."""
    if periods.empty:
        return []
    years = ", ".join(sorted(periods.unique()))
    return [
        Finding("info", raw.name, f"rows of {years} left out ({len(periods)}): the year was not over when the file came out "
                f"({edition.published}), and what it counts by then is no year's count")
    ]  # fmt: skip


def terms(alternatives: list[str], find: Callable[[str], str | None], edition: Edition, year: str) -> list[Term] | None:
    """Give the signed columns of the alternative that a table has in full.

    Alternatives are names of one thing in different editions: a table that has two of them at once
    shows that a sum was meant, and reading the first would publish a part for the whole.

    Parameters
    ----------
    find
        Gives the table's own name of a column, or ``None`` where it has none.
    year
        The period of the block, whose two digits ``{yy}`` stands for.

    Raises
    ------
    CatalogError
        If the table has two alternatives at once.
    """
    found: dict[str, list[Term]] = {}
    for alternative in alternatives:
        parts = _TERM.split(alternative.replace("{yy}", year[2:4]))
        signs = [1, *(1 if s == "+" else -1 for s in parts[1::2])]
        names = [find(part) for part in parts[::2]]
        if all(names):
            made = list(zip(signs, [n for n in names if n], strict=True))
            found[str(made)] = made
    if len(found) > 1:
        raise CatalogError(
            f"edition {edition.id} has {' and '.join(map(repr, alternatives))} at once: alternatives exclude each other; "
            f"for a sum write {' + '.join(alternatives)!r}"
        )
    return next(iter(found.values()), None)


def label(numerator: list[Term], denominator: list[Term] | None) -> str:
    """Write how a figure comes from its columns: ``a + b``, ``a / b``."""

    def words(parts: list[Term]) -> str:
        return "".join(f"{' + ' if s > 0 else ' - '}{n}" for s, n in parts).removeprefix(" + ")

    return words(numerator) if denominator is None else f"{words(numerator)} / {words(denominator)}"


def _sum(frame: pd.DataFrame, parts: list[Term], raw: RawFile) -> tuple[np.ndarray, np.ndarray]:
    """Add columns; a sum with an absent part is absent, for the reason of the first such part."""
    total, worst = np.zeros(len(frame)), np.full(len(frame), _CODE_OF[Status.OBSERVED])
    for sign, name in parts:
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


def _refuse_per_cent(frame: pd.DataFrame, parts: list[Term], raw: RawFile) -> None:
    """Raise ``SourceError`` where a column of counts holds a percentage: it is another column under that name."""
    for _, name in parts:
        texts = [t for t in frame[name].unique() if t.rstrip().endswith("%")]
        if texts:
            line = frame.loc[frame[name] == texts[0], LINE].iloc[0]
            raise SourceError(
                f"{raw.name}, line {line}, column {name}: {texts[0][:60]!r} is a percentage where a count is expected; "
                "is it another column under that name?"
            )


def _few(above: np.ndarray, below: np.ndarray, indicator: Indicator) -> np.ndarray:
    """Say where a quotient speaks of too few, or a share of all but a few."""
    few = too_few(above, indicator.minimum_count)
    return few | too_few(below - above, indicator.minimum_count) if indicator.unit == "pct" else few


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
    if block.blank:
        published = np.isin(flags, [flag for flag, code in block.meanings.items() if code.status not in ABSENT])
        status = np.where(published & (status == _CODE_OF[Status.UNAVAILABLE]), _CODE_OF[block.blank.status], status)
    return status, note


def block_period(edition: Edition, block: str) -> str | None:
    """Give the reference period of a block of columns: its own, else the edition's."""
    return edition.periods.get(block) or edition.periods.get("main")


def refuse_twins(observations: pd.DataFrame, raw: RawFile) -> None:
    """Raise ``SourceError`` if a territory has two figures for one indicator and period."""
    key = ["territory", "level", "indicator", "period"]
    twins = observations[observations.duplicated(key)]
    if len(twins):
        first = twins.iloc[0]
        raise SourceError(
            f"{raw.name}, line {first['row']}: {first['territory']} stands twice for {first['indicator']} in {first['period']}"
        )
