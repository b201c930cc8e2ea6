"""Where a QPV stands among all QPV of France, on one scale for all themes, and how often on which side.

A gap in euros and one in points do not compare; a place among the same thousand QPV does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from qpv.analysis import Change, Direction, own_direction
from qpv.comparison import KeyFigure, is_missing
from qpv.crowd import MEDIAN_OF
from qpv.profile import Profile
from qpv.quarter import period_position
from qpv.vocabulary import Polarity

#: A figure is a disadvantage when this percentage of the other QPV of France, or more, is better placed,
#: and a strength when so many are worse placed.
QUARTER_PCT: Final = 75.0

#: A theme adds up disadvantages (or strengths) when at least this share of its placed figures is one, and as many figures:
#: one alone adds up to nothing.
CUMULATED_SHARE: Final = 0.5
CUMULATED_LEAST: Final = 2


class Side(StrEnum):
    """On which side of the QPV of France a figure lies; ``NEUTRAL`` without polarity."""

    STRENGTH = "strength"
    MIDDLE = "middle"
    DISADVANTAGE = "disadvantage"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Standing:
    """The place of a value among the QPV of France.

    ``ahead`` and ``behind`` are the percentages of the other QPV that are better and worse placed
    (that are higher and lower, without polarity); those with the same value are in neither.
    """

    ahead: float
    behind: float
    count: int  # QPV with a value at that period, this one included
    side: Side

    @property
    def position(self) -> float:
        """Place from 0 (most favourable; lowest, without polarity) to 100."""
        adverse, other = (self.behind, self.ahead) if self.side is Side.NEUTRAL else (self.ahead, self.behind)
        return adverse + (100 - adverse - other) / 2


@dataclass(frozen=True)
class Placed:
    """A key figure with its place among the QPV of France, where it has one."""

    theme: str
    figure: KeyFigure
    standing: Standing | None


@dataclass(frozen=True)
class Tally:
    """How many key figures of a theme are known, placed, and on which side."""

    theme: str
    total: int
    known: int
    sides: dict[Side, int]  # of the placed figures with a polarity
    gaps: dict[Direction, int]  # of the known figures with a polarity and a comparator
    missing: int
    periods: dict[Side, tuple[str, ...]] = field(default_factory=dict)  # of the figures of each side, oldest first

    @property
    def placed(self) -> int:
        """Figures with a polarity that have a place among the QPV of France."""
        return sum(self.sides.values())

    def cumulates(self, side: Side) -> bool:
        """Tell whether two figures or more, and at least half of the placed ones, lie on a side."""
        return self.sides[side] >= max(CUMULATED_LEAST, CUMULATED_SHARE * self.placed)


def standing(own: float, peers: Iterable[float], polarity: Polarity) -> Standing | None:
    """Place a value among those of all QPV of France, itself included; ``None`` below ``MEDIAN_OF`` of them."""
    values = [v for v in peers if not math.isnan(v)]
    if len(values) < MEDIAN_OF:
        return None
    higher, lower = (100 * n / (len(values) - 1) for n in (sum(v > own for v in values), sum(v < own for v in values)))
    ahead, behind = (lower, higher) if polarity is Polarity.LOWER else (higher, lower)
    if polarity is Polarity.NONE:
        side = Side.NEUTRAL
    elif ahead >= QUARTER_PCT:
        side = Side.DISADVANTAGE
    else:
        side = Side.STRENGTH if behind >= QUARTER_PCT else Side.MIDDLE
    return Standing(ahead, behind, len(values), side)


def place(profile: Profile, figure: KeyFigure) -> Placed:
    """Place a key figure among the QPV of France at its own period and perimeter generation."""
    found = None
    if figure.own is not None:
        own = figure.own
        peers = profile.peers(figure.indicator.id, own["period"], own["generation"], "france")
        found = standing(float(own["value"]), peers, figure.indicator.polarity)
    return Placed(profile.theme, figure, found)


def tally(theme: str, placed: Sequence[Placed]) -> Tally:
    """Count the key figures of a theme by side and by direction of their gap."""
    own = [p for p in placed if p.theme == theme]
    judged = [p for p in own if p.figure.indicator.polarity is not Polarity.NONE]
    on = {s: [p for p in judged if p.standing is not None and p.standing.side is s] for s in Side if s is not Side.NEUTRAL}
    return Tally(
        theme=theme,
        total=len(own),
        known=sum(p.figure.known for p in own),
        sides={side: len(found) for side, found in on.items()},
        gaps={d: sum(p.figure.gap is not None and p.figure.gap.direction is d for p in judged)
              for d in Direction if d is not Direction.NEUTRAL},
        missing=sum(is_missing(p.figure) for p in own),
        periods={side: _periods(found) for side, found in on.items()},
    )  # fmt: skip


def _periods(placed: Iterable[Placed]) -> tuple[str, ...]:
    found = {str(p.figure.own["period"]) for p in placed if p.figure.own is not None}
    return tuple(sorted(found, key=period_position))


def trends(placed: Sequence[Placed], direction: Direction) -> list[Placed]:
    """Give the figures whose own value has moved in a direction (Q2), rates of change left out, as :func:`own_direction` reads it."""
    return [
        p for p in placed
        if isinstance(p.figure.own_change, Change) and own_direction(p.figure.own_change, p.figure.indicator) is direction
        and not p.figure.indicator.of_change
    ]  # fmt: skip
