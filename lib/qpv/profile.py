"""One QPV, one theme, one quarter: what is known of it, and of all that it is compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from qpv.catalog import Catalog, Indicator
from qpv.crowd import Crowd
from qpv.errors import ParameterError
from qpv.preference import prefer
from qpv.quarter import UNDATED, Quarter
from qpv.selection import PREDECESSOR_SHARE, resolve
from qpv.similar import Similar, similar_to
from qpv.vocabulary import THEMES_FR, Status
from qpv.warehouse import Warehouse

#: Levels of the comparators, from near to far; the nearest with a figure gives the gap.
COMPARISON_LEVELS: Final = ("commune", "epci", "departement", "region", "france")


@dataclass(frozen=True)
class Place:
    """A territory as a brief names it."""

    code: str
    level: str
    name: str


@dataclass(frozen=True)
class Predecessor:
    """A QPV of 2015 from which a QPV of 2024 comes."""

    code: str
    name: str
    share_2024: float | None  # share of the 2024 area that it covers, 0-1
    share_2015: float | None  # share of its own area that was kept, 0-1
    relation: str


@dataclass(frozen=True)
class Profile:
    """What a brief reads; built by :func:`load_profile`.

    ``observations`` holds, as of the quarter, every row on the QPV (both perimeters), its
    comparators, the communes of its EPCI and the aggregates of QPV, with the added columns
    ``published``, ``priority``, ``position`` (time), ``comparable``, ``preferred``,
    ``contradicted``.  ``others`` holds the preferred values of the key indicators for all QPV of
    France: ``territory, level, generation, indicator, period, value, status, edition``.
    """

    warehouse: Warehouse = field(repr=False)
    catalog: Catalog = field(repr=False)
    theme: str
    quarter: Quarter
    place: pd.Series = field(repr=False)
    perimeter_known: bool  # False: the 2024 perimeter was published after the quarter
    predecessors: list[Predecessor]
    comparators: dict[str, list[Place]]
    observations: pd.DataFrame = field(repr=False)
    crowd: Crowd = field(repr=False)
    editions: pd.DataFrame = field(repr=False)
    partly: list[Predecessor] = field(
        default_factory=list
    )  # QPV of 2015 that it holds a part of, but that cover too little of it

    @property
    def others(self) -> pd.DataFrame:
        """The figures of all QPV of France, ``rows`` of the crowd, see :meth:`qpv.warehouse.Warehouse.peers`; shared, and not to be changed."""
        return self.crowd.rows

    @property
    def code(self) -> str:
        """The 2024 code of the QPV."""
        return str(self.place["code"])

    @property
    def codes(self) -> dict[str, str]:
        """Code by perimeter generation: the QPV itself and its main predecessor."""
        found = {"2024": self.code} if self.perimeter_known else {}
        return found | ({"2015": self.predecessors[0].code} if self.predecessors else {})

    @cached_property
    def relation(self) -> str:
        """How the perimeter comes from that of 2015: ``new``, ``identical``, ``redrawn``, or ``unknown``."""
        if self.predecessors:
            return self.predecessors[0].relation
        pairs = self.warehouse.crosswalk
        return next(iter(pairs.loc[pairs["code_2024"] == self.code, "relation"]), "unknown")

    @cached_property
    def indicators(self) -> list[Indicator]:
        """The indicators of the theme, in the order of the brief."""
        return self.catalog.of_theme(self.theme)

    @cached_property
    def facts(self) -> pd.DataFrame:
        """The preferred rows of :attr:`observations` that may be compared: a value, dated, of the whole territory."""
        rows = self.observations
        return rows[rows["preferred"] & rows["comparable"] & rows["value"].notna() & (rows["period"] != UNDATED)]

    @cached_property
    def _dated(self) -> tuple[pd.DataFrame, dict[tuple[str, str, str], np.ndarray]]:
        """The facts, oldest first, and at which lines those on an indicator, level and territory stand."""
        rows = self.facts.sort_values("position", kind="stable")
        return rows, rows.groupby(["indicator", "level", "territory"], sort=False).indices

    @cached_property
    def _histories(self) -> dict[tuple[str, str, str], pd.DataFrame]:
        return {}

    def history(self, indicator: str, level: str, codes: Iterable[str]) -> pd.DataFrame:
        """Give the facts of an indicator for the first of the codes that has any, oldest first, one a date.

        Of two periods that end together, such as ``2013`` and a document's ``2011-2013``, the official figure is taken.
        """
        rows, lines = self._dated
        for code in codes:
            key = (indicator, level, code)
            if key in lines:
                if key not in self._histories:  # few of the thousands are ever asked for, those again and again
                    self._histories[key] = _one_a_date(rows.take(lines[key]))
                return self._histories[key]
        return rows.iloc[:0]

    def own(self, indicator: str) -> pd.DataFrame:
        """Give the facts (:attr:`facts`) of the QPV, on the generation with the most recent one, oldest first."""
        found = [self.history(indicator, "qpv", [c]) for c in self.codes.values()]
        return max(found, key=lambda r: r["position"].max() if len(r) else -np.inf) if found else self.facts.iloc[:0]

    def of_level(self, indicator: str, level: str, period: str = "") -> pd.DataFrame:
        """Give the facts of the comparator at a level, oldest first.

        France has two codes (``FR``, ``FRM`` for metropolitan France): the one with a fact at
        ``period``, else the one that shares most periods with the QPV, is taken whole; the two are
        never mixed in one series.
        """
        found = [self.history(indicator, level, [p.code]) for p in self.comparators.get(level, [])]
        found = [rows for rows in found if len(rows)]
        if len(found) < 2:
            return found[0] if found else self.facts.iloc[:0]
        mine = set(self.own(indicator)["period"])
        return max(
            found, key=lambda rows: (period in set(rows["period"]), len(mine & set(rows["period"])), rows["position"].max())
        )

    def peers(self, indicator: str, period: str, generation: str, scope: str) -> pd.Series:
        """Give the values of the QPV of the same EPCI, département or France, or of ``similar`` ones and itself, by code."""
        values = self.crowd.values(indicator, generation, period)
        if scope == "france":
            return values
        codes: Collection[str] = self.peer_codes.get((scope, generation), ())
        if scope == "similar":
            group = self.similar(generation)
            codes = {*group.codes, self.codes.get(generation, "")} if group.codes else ()
        return values[values.index.isin(codes)]

    def of_all_qpv(self, indicator: str, generation: str) -> pd.DataFrame:
        """Give the rows of ``others`` of one indicator for all QPV of a generation."""
        return self.crowd.of(indicator, generation)

    @cached_property
    def peer_codes(self) -> dict[tuple[str, str], frozenset[str]]:
        """The QPV of each scope (``epci``, ``departement``, ``france``) and generation."""
        qpv = self.warehouse.places("qpv")
        epci = self.place["epci"].split(" ")[0]
        found = {}
        for generation, part in qpv.groupby("generation"):
            shares_epci = part["epci"].str.split(" ").map(lambda codes: epci in codes if epci else False)
            same_departement = part["departement"] == self.place["departement"]
            found["epci", generation] = frozenset(part.loc[shares_epci, "code"])
            found["departement", generation] = frozenset(part.loc[same_departement, "code"])
            found["france", generation] = frozenset(part["code"])
        return found

    def similar(self, generation: str) -> Similar:
        """Give the QPV that resemble this one by size, age and households, see :mod:`qpv.similar`."""
        if generation not in self._similar:
            code = self.codes.get(generation, "")
            table, periods = self.warehouse.traits(generation, self.editions["edition"])
            self._similar[generation] = similar_to(table, periods, code, generation)
        return self._similar[generation]

    @cached_property
    def _similar(self) -> dict[str, Similar]:
        return {}

    @cached_property
    def population(self) -> pd.DataFrame:
        """The facts on the QPV's population, both generations, undated ones first, then oldest first; columns as in :attr:`observations`."""
        rows = self.warehouse.around("demography", self.codes.values())
        rows = rows[(rows["indicator"] == "population_count") & rows["edition"].isin(self.editions["edition"])]
        rows = prefer(rows, self.editions)
        return rows[rows["preferred"] & rows["value"].notna()].sort_values("position", na_position="first")

    def rows_of_qpv(self) -> pd.DataFrame:
        """Give every row of :attr:`observations` on the QPV itself, of any status, both generations."""
        rows = self.observations
        return rows[(rows["level"] == "qpv") & rows["territory"].isin(self.codes.values())]


def _one_a_date(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one fact a position in time, an official one before a transcribed one."""
    if rows["position"].is_unique:
        return rows
    printed = (rows["status"] == Status.TRANSCRIBED).to_numpy()
    kept = rows.iloc[np.argsort(printed, kind="stable")].drop_duplicates("position")
    return kept.sort_values("position", kind="stable")


def load_profile(warehouse: Warehouse, qpv: str, theme: str, quarter: str | Quarter) -> Profile:
    """Read what is known of a QPV for a theme, as of the end of a quarter.

    Parameters
    ----------
    qpv
        Code of 2024 or 2015, or a name.
    theme
        One of the six themes, or ``demography``.
    quarter
        ``YYYY-Tn``; editions published after its last day are not read.

    Raises
    ------
    ParameterError
        If a parameter is not allowed; the message gives the allowed values.
    """
    when = checked(theme, quarter)
    code = resolve(warehouse, qpv)
    place = warehouse.places("qpv").loc[code]
    found = _predecessors(warehouse, code)
    predecessors = [p for p in found if p.share_2024 is None or p.share_2024 >= PREDECESSOR_SHARE]
    partly = [p for p in found if p not in predecessors]
    comparators = comparators_of(warehouse, place)
    codes = _codes_around(warehouse, place, predecessors, comparators)
    return replace(profile_around(warehouse, theme, when, place, comparators, codes, predecessors), partly=partly)


def checked(theme: str, quarter: str | Quarter) -> Quarter:
    """Check the theme and the quarter of a profile, and give the quarter.

    Raises
    ------
    ParameterError
        If one is not allowed; the message gives the allowed values.
    """
    if theme not in THEMES_FR:
        raise ParameterError(f"unknown theme {theme!r}: expected one of {', '.join(THEMES_FR)}")
    return quarter if isinstance(quarter, Quarter) else Quarter.parse(quarter)


def profile_around(
    warehouse: Warehouse, theme: str, when: Quarter, place: pd.Series, comparators: dict[str, list[Place]],
    codes: set[str], predecessors: list[Predecessor],
) -> Profile:  # fmt: skip
    """Read what the editions published by the end of a quarter say of a place and of the territories ``codes``."""
    editions = warehouse.editions
    known = editions[editions["published"] <= pd.Timestamp(when.end)]
    rows = warehouse.around(theme, codes)
    return Profile(
        warehouse=warehouse,
        catalog=warehouse.catalog,
        theme=theme,
        quarter=when,
        place=place,
        perimeter_known=when >= FIRST_QUARTER_2024,
        predecessors=predecessors,
        comparators=comparators,
        observations=prefer(rows[rows["edition"].isin(known["edition"])], known),
        crowd=warehouse.crowd(theme, known["edition"]),
        editions=known,
    )


#: The perimeters of 2024 were published by the décret of 28 December 2023.
FIRST_QUARTER_2024: Final = Quarter(2023, 4)


def _predecessors(warehouse: Warehouse, code: str) -> list[Predecessor]:
    """List the QPV of 2015 that share ground with one of 2024, the largest part first."""
    pairs = warehouse.crosswalk
    pairs = pairs[(pairs["code_2024"] == code) & (pairs["code_2015"] != "")]
    names = warehouse.places("qpv")["name"]

    def share(value: float) -> float | None:
        return None if pd.isna(value) else float(value)

    return [
        Predecessor(p.code_2015, names.get(p.code_2015, p.code_2015), share(p.share_2024), share(p.share_2015), p.relation)
        for p in pairs.sort_values("share_2024", ascending=False).itertuples()
    ]


def comparators_of(warehouse: Warehouse, place: pd.Series) -> dict[str, list[Place]]:
    """Name the territories of comparison: the main commune, the EPCI of the contract, and so on."""
    # A QPV overseas is no part of metropolitan France.
    countries = ["FR"] if place["departement"].startswith(("97", "98")) else ["FR", "FRM"]
    wanted = {
        "commune": place["communes"].split(" ")[:1],
        "epci": place["epci"].split(" ")[:1],
        "departement": [place["departement"]],
        "region": [place["region"]],
        "france": countries,
        "qpv_of_epci": place["epci"].split(" ")[:1],
        "qpv_of_departement": [place["departement"]],
        "qpv_of_france": countries,
    }
    return {
        level: [Place(c, level, warehouse.places(level.removeprefix("qpv_of_"))["name"].get(c, c)) for c in codes if c]
        for level, codes in wanted.items()
    }


def _codes_around(
    warehouse: Warehouse, place: pd.Series, predecessors: list[Predecessor], comparators: dict[str, list[Place]]
) -> set[str]:
    """List the codes of the QPV, its comparators, and the communes of its EPCI."""
    communes = warehouse.places("commune")
    epci = place["epci"].split(" ")[0]
    around = communes.index[(communes["epci"] == epci) & (epci != "")]
    codes = {place["code"], *place["communes"].split(" "), *around}
    codes |= {p.code for places in comparators.values() for p in places}
    return codes | {p.code for p in predecessors}
