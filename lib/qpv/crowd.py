"""The QPV of France beside which one stands: their figures on a theme by indicator, perimeter and period, and their medians.

All is the same for every QPV, and is kept once it was asked for: whoever makes many briefs asks first, and shares it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Final, TypeVar

import pandas as pd

#: Fewer QPV than this make no median of "the QPV of France", and no rank among them.
MEDIAN_OF: Final = 100


#: A date counts when at least this share of the QPV of the best date have a value: one of two, or half of twenty, stands
#: for no agglomération whose others are known a year before.
_COVERED: Final = 0.75

Key = TypeVar("Key")


def well_known(counts: Mapping[Key, int]) -> list[Key]:
    """Give the dates (or other keys) at which at least three quarters as many QPV have a value as at the best one."""
    return [key for key in counts if counts[key] >= _COVERED * max(counts.values())]


class Crowd:
    """The figures of all QPV of France on a theme, as of some editions.

    Parameters
    ----------
    rows
        One figure a QPV, key indicator and period, see :meth:`qpv.warehouse.Warehouse.peers`; in the indicator's unit.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self._values: dict[tuple[str, str, str], pd.Series] = {}
        self._medians: dict[tuple[str, str], pd.Series] = {}

    @cached_property
    def _parts(self) -> dict[tuple[str, str], pd.DataFrame]:
        return dict(iter(self.rows.groupby(["indicator", "generation"], sort=False)))

    def of(self, indicator: str, generation: str) -> pd.DataFrame:
        """Give the rows of one indicator for all QPV of a perimeter generation, see :meth:`qpv.warehouse.Warehouse.peers`."""
        return self._parts.get((indicator, generation), self.rows.iloc[:0])

    def values(self, indicator: str, generation: str, period: str) -> pd.Series:
        """Give the values of one period, by code of the QPV."""
        key = (indicator, generation, period)
        if key not in self._values:
            rows = self.of(indicator, generation)
            self._values[key] = rows[rows["period"] == period].set_index("territory")["value"]
        return self._values[key]

    def medians(self, indicator: str, generation: str, both: Collection[str] = ()) -> pd.Series:
        """Give the median by period, where ``MEDIAN_OF`` QPV have a value.

        With ``both``, two periods, of the QPV that have a value at both of them alone: a median also moves when others come in.
        """
        rows = self.of(indicator, generation)
        if both:
            rows = rows[rows["period"].isin(both)]
            return _medians(rows[rows.groupby("territory")["period"].transform("nunique") == len(set(both))])
        key = (indicator, generation)
        if key not in self._medians:
            self._medians[key] = _medians(rows)
        return self._medians[key]

    def prepare(self) -> None:
        """Compute all values and medians, for the processes that will share them."""
        for (indicator, generation), rows in self._parts.items():
            self.medians(indicator, generation)
            for period in rows["period"].unique():
                self.values(indicator, generation, period)


def _medians(rows: pd.DataFrame) -> pd.Series:
    grouped = rows.groupby("period")["value"]
    return grouped.median()[grouped.size() >= MEDIAN_OF]
