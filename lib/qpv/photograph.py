"""The *photographie* of an agglomération: one indicator over all its QPV, at one date.

Mean, lowest and highest QPV named, the territories beside (S1); level and change of the gaps (S3),
and the share of QPV whose gap widens (S5).  Everything is read on one perimeter generation and at
one period, so that the QPV compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from qpv import analysis
from qpv.analysis import MINIMUM_PEERS, Change, Direction, Refusal
from qpv.catalog import Indicator
from qpv.comparison import MEDIAN_AT_BOTH_DATES, NEAR_YEARS, shown_decimals
from qpv.crowd import well_known
from qpv.numbers import NNBSP, french_spacing
from qpv.profile import Profile
from qpv.quarter import UNDATED, format_period, period_position
from qpv.vocabulary import ABSENT, STATUS_FR, Polarity, Status

#: The territories beside the QPV, from near to far.
BESIDE: Final = ("epci", "departement", "region", "france")


@dataclass(frozen=True)
class Extreme:
    """The lowest or highest value, and the codes of the QPV that have it."""

    value: float
    codes: tuple[str, ...]
    decimals: int


@dataclass(frozen=True)
class Photograph:
    """An indicator over the QPV of an EPCI, at one period and perimeter generation.

    ``rows`` has the columns of :attr:`qpv.profile.Profile.others`, a row a QPV with a value, by code;
    ``absences`` says in French why each other QPV of that generation has none.
    """

    indicator: Indicator
    generation: str
    period: str
    rows: pd.DataFrame = field(repr=False)
    absences: Mapping[str, str] = field(repr=False)
    beside: Mapping[str, pd.Series] = field(repr=False)  # by level: at the period, else the latest

    @property
    def mean(self) -> float | None:
        """The plain mean of the QPV, none weighs more; ``None`` below ``MINIMUM_PEERS``."""
        return float(self.rows["value"].mean()) if len(self.rows) >= MINIMUM_PEERS else None

    @property
    def lowest(self) -> Extreme:
        """The lowest value, and whose it is."""
        return self._extreme(float(self.rows["value"].min()))

    @property
    def highest(self) -> Extreme:
        """The highest value, and whose it is."""
        return self._extreme(float(self.rows["value"].max()))

    def _extreme(self, value: float) -> Extreme:
        rows = self.rows[self.rows["value"] == value]
        return Extreme(value, tuple(sorted(rows.index)), max(shown_decimals(r, self.indicator) for _, r in rows.iterrows()))

    @property
    def decimals(self) -> int:
        """Decimals of what is computed from the values: those of the most precise one."""
        return max(shown_decimals(r, self.indicator) for _, r in self.rows.iterrows())

    def same_period(self, level: str) -> pd.Series | None:
        """Give the figure of a territory beside, if it is of the same period."""
        row = self.beside.get(level)
        return row if row is not None and row["period"] == self.period else None

    @property
    def directions(self) -> dict[Direction, int]:
        """How many QPV are better, worse or equal beside their EPCI at the same period; empty without it."""
        whole = self.same_period("epci")
        if whole is None or self.indicator.unit == "count":  # a part is no gap away from its whole
            return {}
        other = float(whole["value"])
        return dict(
            pd.Series([analysis.judge(float(v) - other, self.indicator, other) for v in self.rows["value"]]).value_counts()
        )


@dataclass(frozen=True)
class Widening:
    """Level and change of the gaps of the QPV of an EPCI with one territory, over one span."""

    indicator: Indicator
    points: pd.DataFrame = field(repr=False)  # territory, gap, change, widening
    start: str
    end: str
    against: str  # name of the territory of comparison
    caution: str
    own_worse: int | None  # QPV whose own value worsened over the span; None without polarity
    editions: tuple[str, ...]
    ends: pd.DataFrame = field(repr=False)  # the rows at both dates, of the QPV and of the territory

    @property
    def share(self) -> float:
        """Percentage of the QPV with both dates whose gap widens (S5)."""
        return analysis.share_widening(self.points)

    @property
    def count(self) -> int:
        """Number of QPV whose gap widens."""
        return int(self.points["widening"].sum())


def photograph(panel: Profile, indicator: Indicator) -> Photograph | None:
    """Read an indicator over the QPV of a panel; ``None`` when none of them has a value.

    The date is the most recent one at which at least three quarters as many QPV have a value as at the best
    date; one that the EPCI has too is preferred, unless it is more than ``NEAR_YEARS`` older.
    """
    facts = {g: _of_panel(panel, indicator, g) for g in ("2015", "2024")}
    counts = {
        (generation, period): int(n)
        for generation, rows in facts.items()
        for period, n in rows.groupby("period")["territory"].nunique().items()
    }
    if not counts:
        return None
    enough = well_known(counts)
    latest = max(period_position(period) for _, period in enough)
    whole = set(panel.of_level(indicator.id, "epci")["period"])
    beside = [key for key in enough if key[1] in whole and period_position(key[1]) >= latest - NEAR_YEARS]
    generation, period = max(beside or enough, key=lambda key: (period_position(key[1]), counts[key]))
    rows = facts[generation]
    rows = rows[rows["period"] == period].set_index("territory", drop=False).rename_axis(None).sort_index()
    lacking = sorted(panel.peer_codes.get(("epci", generation), frozenset()) - set(rows.index))
    return Photograph(
        indicator=indicator, generation=generation, period=period, rows=rows,
        absences={code: _why(panel, indicator, period, code, facts[generation]) for code in lacking},
        beside={level: row for level in BESIDE if (row := _beside(panel, indicator, level, period)) is not None},
    )  # fmt: skip


def _of_panel(panel: Profile, indicator: Indicator, generation: str) -> pd.DataFrame:
    """The figures of the QPV of the panel, of one generation; those of 2024 only once it was published."""
    rows = panel.of_all_qpv(indicator.id, generation)
    if generation == "2024" and not panel.perimeter_known:
        return rows.iloc[:0]
    return rows[rows["territory"].isin(panel.peer_codes.get(("epci", generation), frozenset()))]


def _beside(panel: Profile, indicator: Indicator, level: str, period: str) -> pd.Series | None:
    rows = panel.of_level(indicator.id, level, period)
    same = rows[rows["period"] == period]
    return same.iloc[-1] if len(same) else rows.iloc[-1] if len(rows) else None


def absence_row(panel: Profile, indicator: Indicator, period: str, code: str) -> pd.Series | None:
    """Give the row by which a producer says that a QPV has no value at a period, or ``None``."""
    rows = panel.observations
    rows = rows[(rows["indicator"] == indicator.id) & (rows["territory"] == code) & (rows["period"] == period)]
    rows = rows[rows["status"].isin([s.value for s in ABSENT])]
    return rows.iloc[-1] if len(rows) else None


def _why(panel: Profile, indicator: Indicator, period: str, code: str, facts: pd.DataFrame) -> str:
    row = absence_row(panel, indicator, period, code)
    if row is not None:
        return STATUS_FR[Status(row["status"])]
    others = facts.loc[facts["territory"] == code, "period"]
    if len(others):
        return f"pas à cette date, mais en {format_period(max(others, key=period_position))}"
    return "absent des fichiers lus"


def why_none(panel: Profile, indicator: Indicator) -> str:
    """Say, in French, why no QPV of the panel has a value of an indicator."""
    rows = panel.observations
    rows = rows[(rows["indicator"] == indicator.id) & (rows["level"] == "qpv")]
    if (rows["status"].isin([s.value for s in ABSENT])).any():
        return "non diffusé par le producteur pour ces quartiers"
    if len(rows) and (rows["period"] == UNDATED).all():
        return "imprimé sans année, donc non comparé"
    read = set(panel.editions["source"])
    sources = [panel.catalog.sources[c.source] for c in indicator.columns]
    own = [s for s in sources if s.level == "qpv"]
    lacking = [s for s in own if s.id not in read]
    if lacking:
        names = french_spacing(" ; ".join(dict.fromkeys(f"{s.producer}, {s.dataset}" for s in lacking)))
        return f"fichier officiel absent à cette date{NNBSP}: {names}"
    return (
        "ces quartiers ne sont pas dans les fichiers lus" if own else "aucune source lue ne le mesure à l’échelle des quartiers"
    )


def widening(panel: Profile, shot: Photograph) -> Widening | Refusal:
    """Set the gaps of the QPV of a panel at two dates beside each other (S3).

    Compared with the nearest of EPCI, département, région, France that has both dates, else with the
    median of the QPV of France that have a value at both, which the name says.
    """
    indicator = shot.indicator
    if indicator.unit == "count":
        return Refusal("un effectif n’a pas d’écart avec celui d’un territoire plus grand")
    rows = _of_panel(panel, indicator, shot.generation)
    refusal: Refusal | None = None
    for level in (*BESIDE, "qpv"):
        facts = panel.of_level(indicator.id, level)
        other = panel.crowd.medians(indicator.id, shot.generation) if level == "qpv" else facts.set_index("period")["value"]
        table = rows[["territory", "period"]].assign(own=rows["value"], other=rows["period"].map(other))
        result = analysis.quadrant(table, indicator)
        if isinstance(result, Refusal):
            refusal = refusal or result
            continue
        points, start, end, caution = result
        if level == "qpv":  # again with the QPV known at both dates: a median moves when others come in
            other = panel.crowd.medians(indicator.id, shot.generation, (start, end))
            result = analysis.quadrant(table.assign(other=table["period"].map(other)), indicator)
            if isinstance(result, Refusal):
                continue
            points, start, end, caution = result
        both = rows[rows["period"].isin((start, end)) & rows["territory"].isin(points["territory"])]
        ends = both if level == "qpv" else pd.concat([both, facts.loc[facts["period"].isin((start, end)), both.columns]])
        name = MEDIAN_AT_BOTH_DATES if level == "qpv" else next(
            p.name for p in panel.comparators[level] if p.code == facts["territory"].iloc[-1])  # fmt: skip
        return Widening(indicator, points, start, end, name, caution, _own_worse(both, indicator, start, end),
                        tuple(dict.fromkeys(ends["edition"])), ends)  # fmt: skip
    assert refusal is not None
    return refusal


def _own_worse(rows: pd.DataFrame, indicator: Indicator, start: str, end: str) -> int | None:
    """Count the QPV whose own situation worsened between the two dates (Q2)."""
    if indicator.polarity is Polarity.NONE:
        return None
    values = rows.pivot(index="territory", columns="period", values="value")
    changes = [analysis.change({start: row[start], end: row[end]}, indicator) for _, row in values.iterrows()]
    return sum(isinstance(c, Change) and c.direction is Direction.WORSE for c in changes)
