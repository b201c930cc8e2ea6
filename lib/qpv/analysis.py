"""Gaps, changes, ranks and quadrants: pure functions with guards.

The two questions of a contrat de ville: has the gap narrowed (Q1), has the neighbourhood's own
situation improved (Q2)?  Where an honest answer is impossible the function says why, in French,
since the reader of a brief sees it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import pandas as pd

from qpv.catalog import Indicator
from qpv.errors import ComparisonError
from qpv.numbers import rounded
from qpv.quarter import UNDATED, format_period, period_position
from qpv.vocabulary import Polarity

#: Insee forbids reading a change between two consecutive editions below the commune.
MINIMUM_YEARS: Final = 3

#: Fewer QPV than this make no rank and no quadrant.
MINIMUM_PEERS: Final = 3


@dataclass(frozen=True)
class Figure:
    """A value that may be compared: of one indicator, territory and period."""

    indicator: str
    territory: str
    generation: str
    period: str
    value: float
    decimals: int | None = None  # as many as are shown; None: as the indicator has


class Direction(StrEnum):
    """How a difference reads, given the polarity of its indicator."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Gap:
    """The QPV against a comparator: difference in the indicator's unit, and ratio."""

    own: Figure
    other: Figure
    absolute: float
    ratio: float | None
    direction: Direction
    decimals: int = 0  # of the difference: those of the coarser value


@dataclass(frozen=True)
class Change:
    """A difference between two periods, over at least ``MINIMUM_YEARS``."""

    start: str
    end: str
    first: float
    last: float
    absolute: float
    direction: Direction
    caution: str = ""  # a break in the series within the span, in French
    decimals: tuple[int, int] | None = None  # of both ends as they are shown; None: as the indicator has


@dataclass(frozen=True)
class Refusal:
    """Why a question has no honest answer, in French."""

    reason: str


@dataclass(frozen=True)
class Rank:
    """The place of a QPV among its peers: 1 = most favourable (or highest, without polarity)."""

    position: int
    count: int
    tied: bool


def unfavourable(difference: float, polarity: Polarity) -> float:
    """Turn a difference so that a positive one is to the QPV's disadvantage."""
    return -difference if polarity is Polarity.HIGHER else difference


def judge(difference: float, indicator: Indicator, level: float = 0.0) -> Direction:
    """Read a difference; one too small to matter is none.

    Too small is less than half of the last decimal shown, less than half a point for percentages,
    and less than one per cent of ``level`` (the size of what is compared) for other units.
    """
    least = 0.5 * 10**-indicator.decimals
    least = max(least, 0.5) if indicator.unit in ("pct", "points") else max(least, 0.01 * abs(level))
    if abs(difference) < least:
        return Direction.EQUAL
    if indicator.polarity is Polarity.NONE:
        return Direction.NEUTRAL
    return Direction.WORSE if unfavourable(difference, indicator.polarity) > 0 else Direction.BETTER


def own_direction(change: Change, indicator: Indicator) -> Direction:
    """Read a change of the neighbourhood's own value: a rise in current euros is no news to judge, since prices rise too."""
    return Direction.NEUTRAL if indicator.unit.startswith("eur") and change.absolute > 0 and change.direction in (
        Direction.BETTER, Direction.WORSE) else change.direction  # fmt: skip


def printed_decimals(value: float) -> int:
    """Give the decimals with which a value is printed: 61 has none, 61.2 has one."""
    return len(f"{value:.6f}".rstrip("0").partition(".")[2])


def gap(own: Figure, other: Figure, indicator: Indicator) -> Gap:
    """Compare the QPV with a comparator at equal indicator and period.

    The gap is own − other in the indicator's unit (points for percentages); the ratio own / other.

    Raises
    ------
    ComparisonError
        If indicator or period differ, or the period is not known.
    """
    if not own.indicator == other.indicator == indicator.id:
        raise ComparisonError(f"{own.indicator!r} and {other.indicator!r} are two indicators")
    if own.period != other.period or own.period == UNDATED:
        raise ComparisonError(f"periods {own.period!r} and {other.period!r} cannot be compared")
    # The reader sees rounded values: their difference is what she can check.
    shown = [indicator.decimals if f.decimals is None else f.decimals for f in (own, other)]
    difference = _between(rounded(other.value, shown[1]), rounded(own.value, shown[0]))
    ratio = own.value / other.value if other.value > 0 and own.value > 0 else None
    return Gap(own, other, difference, ratio, judge(difference, indicator, other.value), min(shown))


def _between(first: float, last: float) -> float:
    """Subtract two rounded values without the dust of binary floats."""
    return round(last - first, 9)


def change(
    series: Mapping[str, float], indicator: Indicator, generations: Iterable[str] = (), level: float | None = None
) -> Change | Refusal:
    """Answer Q2: has the value changed, between the ends of the longest admissible span?

    A span that crosses no break of the series is preferred, if it is long enough; else the whole
    span is taken and the break is named.

    Parameters
    ----------
    series
        Value by period, dated, one perimeter generation.
    generations
        The generations that the values were measured on: more than one refuses the question.
    level
        The size against which a difference is small; by default the first value.
    """
    if len(set(generations)) > 1:
        return Refusal("le périmètre a changé entre les deux dates")
    dated = sorted((p for p in series if p != UNDATED), key=period_position)
    if len(dated) < 2:
        return Refusal("une seule date connue" if dated else "aucune valeur datée")
    span = _span(dated, indicator)
    if span is None:
        return Refusal(f"dates trop proches\u202f: il faut au moins {MINIMUM_YEARS} ans d’écart sous la commune")
    start, end, caution = span
    # The reader sees rounded values: their difference is what she can check.
    first, last = rounded(series[start], indicator.decimals), rounded(series[end], indicator.decimals)
    moved = _between(first, last)
    return Change(
        start, end, series[start], series[end], moved, judge(moved, indicator, first if level is None else level), caution
    )


def _span(dated: list[str], indicator: Indicator) -> tuple[str, str, str] | None:
    """Choose the periods to compare: the most recent stretch without a break, else across it."""
    cuts = sorted((b for b in indicator.breaks), key=lambda b: period_position(b.period))
    bounds = [-math.inf, *(period_position(b.period) for b in cuts), math.inf]
    for low, high in reversed(list(pairwise(bounds))):
        stretch = [p for p in dated if low <= period_position(p) < high]
        if len(stretch) > 1 and _long_enough(stretch[0], stretch[-1]):
            return stretch[0], stretch[-1], ""
    if not _long_enough(dated[0], dated[-1]):
        return None
    first, last = period_position(dated[0]), period_position(dated[-1])
    crossed = [b for b in cuts if first < period_position(b.period) <= last]
    words = "\u202f; ".join(f"rupture de série en {format_period(b.period)} ({b.reason})" for b in crossed)
    return dated[0], dated[-1], words


def far_apart(periods: Iterable[str]) -> bool:
    """Tell whether any two periods are ``MINIMUM_YEARS`` apart; undated ones are none."""
    dated = sorted((p for p in periods if p != UNDATED), key=period_position)
    return bool(dated) and _long_enough(dated[0], dated[-1])


def _long_enough(start: str, end: str) -> bool:
    return period_position(end) - period_position(start) >= MINIMUM_YEARS - 1e-9


def gap_change(
    own: Mapping[str, float], other: Mapping[str, float], indicator: Indicator, generations: Iterable[str] = ()
) -> Change | Refusal:
    """Answer Q1: has the gap with the comparator narrowed?

    ``first`` and ``last`` are gaps (own − other); the direction is ``BETTER`` when the gap has
    moved to the QPV's advantage (it narrows, or a lead grows).  Without polarity the size of the gap counts.
    """
    common = [p for p in own if p in other]
    if len(common) < 2:
        return Refusal("le QPV et le territoire de comparaison n’ont pas deux dates communes")
    size = max(abs(other[p]) for p in common)
    shown = {p: _between(rounded(other[p], indicator.decimals), rounded(own[p], indicator.decimals)) for p in common}
    result = change(shown, indicator, generations, size)
    if isinstance(result, Refusal) or indicator.polarity is not Polarity.NONE:
        return result
    growth = abs(result.last) - abs(result.first)
    small = judge(growth, indicator, size) is Direction.EQUAL
    direction = Direction.EQUAL if small else Direction.WORSE if growth > 0 else Direction.BETTER
    return Change(result.start, result.end, result.first, result.last, result.absolute, direction, result.caution)


def rank(own: float, peers: Iterable[float], polarity: Polarity) -> Rank | None:
    """Rank a QPV among its peers (itself included); ``None`` below ``MINIMUM_PEERS``."""
    values = [v for v in peers if not math.isnan(v)]
    if len(values) < MINIMUM_PEERS:
        return None
    ahead = sum(v < own if polarity is Polarity.LOWER else v > own for v in values)
    return Rank(ahead + 1, len(values), sum(v == own for v in values) > 1)


def quadrant(values: pd.DataFrame, indicator: Indicator) -> tuple[pd.DataFrame, str, str, str] | Refusal:
    """Place each QPV by the level of its gap and the change of its gap.

    Parameters
    ----------
    values
        ``territory, period, own, other``: the QPV's value and its comparator's at that period,
        all of one perimeter generation.

    Returns
    -------
    tuple
        The points (``territory, gap, change, widening``), start, end, and a caution in French; or
        a :class:`Refusal` when no span is shared by ``MINIMUM_PEERS`` QPV.
    """
    complete = values.dropna(subset=["own", "other"])
    counts = complete.groupby("period")["territory"].nunique()
    dated = sorted((p for p in counts.index if counts[p] >= MINIMUM_PEERS), key=period_position)
    span = _span(dated, indicator) if len(dated) > 1 else None
    if span is None:
        return Refusal("il faut deux dates communes, espacées d’au moins trois ans, pour trois QPV au moins")
    start, end, caution = span
    gaps = complete.assign(gap=complete["own"] - complete["other"]).pivot(index="territory", columns="period", values="gap")
    points = gaps[[start, end]].dropna()
    if len(points) < MINIMUM_PEERS:
        return Refusal("moins de trois QPV ont une valeur aux deux dates")
    table = pd.DataFrame({"gap": points[end], "change": points[end] - points[start]})
    table["widening"] = [_widens(points.at[t, start], points.at[t, end], indicator) for t in points.index]
    return table.rename_axis("territory").reset_index(), start, end, caution


def _widens(first: float, last: float, indicator: Indicator) -> bool:
    """Tell whether a gap to the QPV's disadvantage has grown; a growing lead is no widening gap."""
    if indicator.polarity is Polarity.NONE:
        return bool(abs(last) - abs(first) >= 0.5 * 10**-indicator.decimals)
    behind = unfavourable(last, indicator.polarity)
    return bool(behind > 0 and unfavourable(last - first, indicator.polarity) >= 0.5 * 10**-indicator.decimals)


def share_widening(points: pd.DataFrame) -> float:
    """Give the percentage of QPV whose gap widens, of those with both dates (S5)."""
    return 100 * float(points["widening"].mean())
