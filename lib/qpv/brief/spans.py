"""The values of a criterion on several territories, in words: one range a date, never one of several dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from qpv.contract.referential import Point
from qpv.numbers import DASH, NBSP, NNBSP
from qpv.quarter import format_period, period_position

#: So many dates are told each; of more, the one that most territories have, and how many have another.
_TOLD: Final = 3
PRINTED_FR: Final = "repris du contrat"


def span(points: Sequence[Point], words: Callable[[Point], str]) -> str:
    r"""Write values with their date and whether a contract prints them, the date that most territories have first.

    Parameters
    ----------
    points
        One a territory, all of one criterion; a dash stands for none.
    words
        How a value is written, with its unit.

    Examples
    --------
    >>> span([Point("2010", 3.0), Point("2019", 21.5), Point("2019", 10.5)], lambda p: f"{p.value} %")
    '10.5 % à 21.5 % (2019, 2 sur\xa03)\u202f; 3.0 % (2010, 1 sur\xa03)'
    """
    by_period: dict[str, list[Point]] = {}
    for point in points:
        by_period.setdefault(point.period, []).append(point)
    if not by_period:
        return DASH
    ordered = sorted(by_period, key=lambda p: (-len(by_period[p]), -period_position(p), p))
    counted = len(ordered) > 1
    told = ordered if len(ordered) <= _TOLD else ordered[:1]
    said = [_range(by_period[p], words, f", {len(by_period[p])} sur{NBSP}{len(points)}" if counted else "") for p in told]
    others = sum(len(by_period[p]) for p in ordered if p not in told)
    if others:
        said.append(f"{others} à d’autres dates")
    return f"{NNBSP}; ".join(said)


def _range(points: Sequence[Point], words: Callable[[Point], str], count: str) -> str:
    """Write the least and the largest of the values of one date."""
    least, most = (words(f(points, key=lambda p: p.value)) for f in (min, max))
    printed = sum(p.transcribed for p in points)
    origin = "" if not printed else f", {PRINTED_FR}" if printed == len(points) else f", en partie {PRINTED_FR}"
    when = f"({format_period(points[0].period)}{count}{origin})"
    return f"{least} {when}" if least == most else f"{least} à {most} {when}"
