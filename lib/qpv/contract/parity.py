"""Parity of access (S22): do residents of QPV have, in each measure, at least their share of job seekers?

The rule is France Travail's, in the contracts: residents of QPV are to benefit from services and measures at least as
much as they weigh in the demand for jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from qpv.quarter import UNDATED, period_position

#: The indicators of the catalogue that give the share of QPV residents in a measure.
MEASURE: Final = "qpv_residents_share_"
#: The share that they have among job seekers.
REFERENCE: Final = "job_seekers_qpv_share_pct"


@dataclass(frozen=True)
class Parity:
    """One measure: the share of QPV residents in it, and how far it lies from their share of job seekers, in points."""

    indicator: str
    row: pd.Series
    reference: pd.Series

    @property
    def gap(self) -> float:
        """Points above (or below, negative) parity."""
        return float(self.row["value"]) - float(self.reference["value"])

    @property
    def under(self) -> bool:
        """Whether the rule is broken: the share is below parity, by a tenth of a point at least."""
        return self.gap < -0.05


def parity(rows: pd.DataFrame) -> list[Parity]:
    """Compare each measure with the share of job seekers of the same territory and year, else of the nearest year before.

    Parameters
    ----------
    rows
        Observations (:data:`qpv.schemas.OBSERVATIONS`) of one territory, of :data:`MEASURE` and :data:`REFERENCE`.

    Returns
    -------
    list of Parity
        From the lowest share to the highest; nothing where there is no reference.
    """
    known = rows[rows["value"].notna() & (rows["period"] != UNDATED)].drop_duplicates(["indicator", "period", "value"])
    known = known.assign(year=known["period"].map(period_position))
    references = known[known["indicator"] == REFERENCE].sort_values("year", kind="stable")
    found = []
    for indicator, measures in known[known["indicator"].str.startswith(MEASURE)].groupby("indicator", sort=True):
        row = measures.sort_values("year", kind="stable").iloc[-1]
        before = references[references["year"].map(int) <= int(row["year"])]
        if len(before):
            found.append(Parity(str(indicator), row, before.iloc[-1]))
    return sorted(found, key=lambda p: (float(p.row["value"]), p.indicator))
