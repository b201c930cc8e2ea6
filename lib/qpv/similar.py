"""QPV that resemble one another by size, age and households: whom a QPV may fairly be set beside.

The method, which every brief tells: the latest period at which most QPV of one perimeter generation have a
figure is taken for each of four traits (population, as a logarithm, since twice as many is one step whatever
the size; share of people under 25; of 60 or more; of one-person households).  Each trait is centred and
divided by its standard deviation over all QPV that have the four; the nearest are those at the least
Euclidean distance, equal ones in the order of their codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from qpv.quarter import period_position

POPULATION: Final = "population_count"
TRAITS: Final = (POPULATION, "under_25_share_pct", "age_60_plus_share_pct", "one_person_households_share_pct")

#: How many QPV make a group of similar ones.
NEAREST: Final = 20

#: A period at which fewer QPV than this have a figure describes some of them, not the whole.
_MANY: Final = 100


@dataclass(frozen=True)
class Similar:
    """The QPV that resemble one, nearest first, without itself; none, and then ``reason`` says why (French)."""

    codes: tuple[str, ...] = ()
    traits: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)  # of all that could be compared, by code
    periods: dict[str, str] = field(default_factory=dict)  # period of each trait
    reason: str = ""


def traits(figures: pd.DataFrame, generation: str) -> tuple[pd.DataFrame, dict[str, str]]:
    """Gather the traits of the QPV of a generation.

    Parameters
    ----------
    figures
        ``territory, generation, indicator, period, value``: one row a fact (:func:`qpv.peers.as_of`).

    Returns
    -------
    tuple
        One row a QPV that has the four (index ``territory``, one column a trait, in its own unit), sorted by
        code, and the period of each trait; empty when a trait has no period with enough QPV.
    """
    rows = figures[(figures["generation"] == generation) & figures["value"].notna()]
    columns, periods = {}, {}
    for trait in TRAITS:
        mine = rows[rows["indicator"] == trait]
        counts = mine["period"].value_counts()
        usual = sorted((p for p in counts.index[counts >= _MANY]), key=period_position)
        if not usual:
            return pd.DataFrame(columns=list(TRAITS), dtype=float), {}
        periods[trait] = usual[-1]
        columns[trait] = mine[mine["period"] == usual[-1]].set_index("territory")["value"]
    table = pd.DataFrame(columns).dropna().sort_index()
    return table[table[POPULATION] > 0], periods


def nearest(table: pd.DataFrame, code: str, count: int = NEAREST) -> list[str]:
    """Give the codes of the QPV nearest to one, which is not among them.

    Raises
    ------
    KeyError
        If the table has no such QPV.
    """
    values = table.to_numpy(dtype=float, copy=True)
    place = list(TRAITS).index(POPULATION)
    values[:, place] = np.log(values[:, place])
    spread = values.std(axis=0)
    # A trait in which all are alike tells nothing apart.
    scaled = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    distances = np.sqrt(((scaled - scaled[table.index.get_loc(code)]) ** 2).sum(axis=1))
    # Rounded, so that two QPV that are equally far are so on every machine.
    order = np.lexsort((table.index.to_numpy(dtype=str), distances.round(9)))
    return [str(c) for c in table.index[order] if c != code][:count]


def similar_to(table: pd.DataFrame, periods: dict[str, str], code: str, generation: str) -> Similar:
    """Find the QPV most like one among those whose :func:`traits` are known, or say why there are none."""
    if not periods:
        return Similar(
            reason=f"la population des QPV de {generation}, leurs âges et leurs ménages ne sont pas connus à cette date"
        )
    if code not in table.index:
        return Similar(
            traits=table, periods=periods, reason="sa population, ses âges ou ses ménages ne sont pas publiés aux mêmes dates"
        )
    if len(table) <= NEAREST:
        return Similar(traits=table, periods=periods, reason="trop peu de QPV ont ces chiffres")
    return Similar(tuple(nearest(table, code)), table, periods)
