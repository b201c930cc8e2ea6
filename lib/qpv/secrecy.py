"""Statistical secrecy: a small count is not shown, and nothing that is shown gives it back.

Primary: a count above zero and under the indicator's ``minimum_count``, and its rate.  Secondary: where one
unknown figure alone lacks in a sum, the others tell it; the next smallest is withheld with it.  A producer's
own secrets are protected by the same rule.  Figures of public documents (``transcribed``) stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from qpv.catalog import Catalog, Indicator
from qpv.numbers import french_spacing
from qpv.reference import Reference
from qpv.territory import departement_of, normalise_code
from qpv.vocabulary import PRESENT, Status

#: One note for both kinds: to say which of two figures is the small one would tell too much.
WITHHELD: Final = french_spacing("Non diffusé : effectif inférieur à {}, ou chiffre qui en ferait connaître un")

_PLACE: Final = ["level", "territory", "period"]
_SHOWN: Final = [s.value for s in PRESENT]
Mask = np.ndarray


def too_few(count: np.ndarray, minimum: int | None) -> Mask:
    """Say which counts are above zero and under the minimum; a zero names nobody and stays."""
    return (count > 0) & (count < minimum) if minimum else np.zeros(len(count), dtype=bool)


def protect(
    tables: list[pd.DataFrame], catalog: Catalog, reference: Reference, schools: Mapping[str, str] | None = None
) -> list[pd.DataFrame]:
    """Withhold small counts, their rates, and what would tell them.

    Parameters
    ----------
    tables
        Tables of observations (:data:`qpv.schemas.OBSERVATIONS`), all that is to be published together.
    catalog
        ``minimum_count``, ``counted_by``, ``base`` and ``part_of`` of the indicators.
    reference
        Which territories lie in which, for totals.
    schools
        The commune of each school, where schools are among the territories.

    Returns
    -------
    list of pandas.DataFrame
        The tables in the same order; what is withheld has the status ``secret``, no value, and a note.
    """
    withheld: list[dict[int, str]] = [{} for _ in tables]
    held = [set(t["indicator"].unique()) for t in tables]
    for group in _linked(catalog):
        parts = [_rows(t, group).assign(table=n) for n, t in enumerate(tables) if not held[n].isdisjoint(group)]
        if not parts:
            continue
        rows = pd.concat(parts, ignore_index=True)
        board = _Board.of(rows, [catalog.indicator(i) for i in group], _totals(reference, schools or {}))
        board.settle()
        for table, at, note in board.withheld():
            withheld[table][at] = note
    return [_withhold(t, notes) if notes else t for t, notes in zip(tables, withheld, strict=True)]


def _linked(catalog: Catalog) -> list[list[str]]:
    """Group the indicators of which one may tell another, wherever a minimum is set."""
    group = {i: {i} for i in catalog.indicators}
    for indicator in catalog.indicators.values():
        whole = indicator.part_of.whole if indicator.part_of else None
        for other in (indicator.counted_by, whole, indicator.base if indicator.counted_by else None):
            if other and group[other] is not group[indicator.id]:
                group[indicator.id] |= group[other]
                group.update(dict.fromkeys(group[other], group[indicator.id]))
    groups = {id(g): sorted(g) for g in group.values()}.values()
    return sorted(g for g in groups if any(catalog.indicator(i).minimum_count for i in g))


def _rows(table: pd.DataFrame, group: list[str]) -> pd.DataFrame:
    at = np.flatnonzero(table["indicator"].isin(group))
    rows = table.iloc[at][[*_PLACE, "indicator", "value", "status"]]
    return rows.astype(dict.fromkeys([*_PLACE, "indicator", "status"], str)).assign(at=at)


def _withhold(table: pd.DataFrame, notes: dict[int, str]) -> pd.DataFrame:
    at = np.fromiter(notes, dtype=np.int64)
    columns = {c: table[c].to_numpy(dtype=object, copy=True) for c in ("status", "note")}
    columns["status"][at], columns["note"][at] = Status.SECRET.value, list(notes.values())
    value = table["value"].to_numpy(dtype=float, copy=True)
    value[at] = np.nan
    same = {c: pd.Series(v, index=table.index).astype(table[c].dtype.name) for c, v in columns.items()}
    return table.assign(value=value, **same)


@dataclass
class _Board:
    """What is known of some indicators (columns) in each territory and period (rows)."""

    rows: pd.DataFrame  # one observation each, with its ``place`` and ``column``
    indicators: list[Indicator]
    places: pd.DataFrame
    value: np.ndarray
    known: Mask
    secret: Mask
    public: Mask  # printed in a public document: cannot be withheld
    ours: Mask  # withheld here, and not by the producer
    nesting: list[_Nest]

    @classmethod
    def of(cls, rows: pd.DataFrame, indicators: list[Indicator], totals: list[list[_Link]]) -> _Board:
        grouped = rows.groupby(_PLACE, sort=False)
        rows = rows.assign(
            place=grouped.ngroup(), column=pd.Categorical(rows["indicator"], [i.id for i in indicators]).codes.astype(int)
        )
        shown, printed = rows["status"].isin(_SHOWN), rows["status"] == Status.TRANSCRIBED.value
        minimum = np.array([(i.minimum_count if i.unit == "count" else None) or 0 for i in indicators])[rows["column"]]
        value = rows["value"].to_numpy(dtype=float)
        small = shown & ~printed & (value > 0) & (value < minimum)
        rows = rows.assign(small=small)
        places = rows.drop_duplicates("place").set_index("place")[_PLACE]
        shape = (len(places), len(indicators))

        def spread(chosen: pd.Series) -> Mask:
            found = np.zeros(shape, dtype=bool)
            found[rows.loc[chosen, "place"], rows.loc[chosen, "column"]] = True
            return found

        values = np.full(shape, np.nan)
        for chosen in (small, shown & ~small):  # of two editions, the one that may be shown counts
            values[rows.loc[chosen, "place"], rows.loc[chosen, "column"]] = value[chosen]
        known = spread(shown & ~small)
        ours = spread(small) & ~known
        secret = (spread(rows["status"] == Status.SECRET.value) & ~known) | ours
        return cls(rows, indicators, places, values, known, secret, spread(printed), ours, _nesting(places, totals))

    def settle(self) -> None:
        """Withhold until nothing that is shown tells what is not; each round withholds more, so it ends."""
        self._complements()
        while self.secret.any():
            before = self.known.sum()
            self._rates()
            for parts, whole in self._breakdowns():
                self._alone(parts, whole)
            for column, indicator in enumerate(self.indicators):
                if _adds_up(indicator):
                    for nest in self.nesting:
                        self._totals(column, nest)
            if self.known.sum() == before:
                return

    def withheld(self) -> Iterable[tuple[int, int, str]]:
        """Give the table, the position and the note of each observation that is not to be shown."""
        rows = self.rows[self.rows["status"].isin(_SHOWN) & (self.rows["status"] != Status.TRANSCRIBED.value)]
        gone = rows["small"] | self.ours[rows["place"], rows["column"]]
        minimum = max(i.minimum_count or 0 for i in self.indicators)
        for row in rows[gone].itertuples():
            yield row.table, row.at, WITHHELD.format(self.indicators[row.column].minimum_count or minimum)

    def _withhold(self, place: np.ndarray, column: np.ndarray | int) -> None:
        self.known[place, column] = False
        self.secret[place, column] = True
        self.ours[place, column] = True

    def _column(self, identifier: str | None) -> int | None:
        return next((n for n, i in enumerate(self.indicators) if i.id == identifier), None)

    def _coupled(self) -> Iterable[tuple[int, int, int | None]]:
        """Give rate, count of its numerator and count of its base, as columns."""
        for rate, indicator in enumerate(self.indicators):
            count = self._column(indicator.counted_by)
            if count is not None:
                yield rate, count, self._column(indicator.base)

    def _complements(self) -> None:
        """Withhold a count and its rate where all but a few are counted: who are not are too few."""
        for rate, count, base in self._coupled():
            if base is None or not self.indicators[count].minimum_count:
                continue
            both = self.known[:, count] & self.known[:, base]
            rest = np.where(both, self.value[:, base] - self.value[:, count], 0.0)
            few = np.flatnonzero(too_few(rest, self.indicators[count].minimum_count) & ~self.public[:, count])
            self._withhold(few, count)
            self._withhold(few[self.known[few, rate] & ~self.public[few, rate]], rate)

    def _rates(self) -> None:
        """Withhold a rate with its count, a count with its rate, and what would tell a base."""
        for rate, count, base in self._coupled():
            shown = self.known[:, rate] & ~self.public[:, rate]
            told = self.secret[:, count].copy()
            if base is not None:
                told |= self.ours[:, base] & self.known[:, count]
            self._withhold(np.flatnonzero(shown & told), rate)
            gone = self.ours[:, rate] & self.known[:, count] & ~self.public[:, count]
            if base is not None:
                gone &= self.known[:, base]
            self._withhold(np.flatnonzero(gone), count)

    def _breakdowns(self) -> Iterable[tuple[list[int], int | None]]:
        """Give the columns of the parts and of the whole; a whole of another unit is 100 % and no unknown."""
        found: dict[tuple[str, str, str], list[int]] = {}
        for n, i in enumerate(self.indicators):
            if i.part_of:
                found.setdefault((i.part_of.whole, i.part_of.by, i.unit), []).append(n)
        for (whole, _, unit), parts in found.items():
            column = self._column(whole)
            yield parts, column if column is not None and self.indicators[column].unit == unit else None

    def _alone(self, parts: list[int], whole: int | None) -> None:
        """Where one figure of a sum is unknown and secret, or what lacks leaves one way only, withhold one more."""
        columns = [*parts, *([] if whole is None else [whole])]
        known, secret = self.known[:, columns], self.secret[:, columns]
        unknown = (~known).sum(axis=1)
        told = (unknown == 1) & secret.any(axis=1)
        if whole is not None and self.indicators[whole].unit == "count":
            # Several that are all one: a sum no larger than their number tells each of them.
            ones = self.ours[:, columns] & (self.value[:, columns] == 1)
            told |= (unknown > 1) & (ones.sum(axis=1) == unknown)
        if not told.any():
            return
        places = np.flatnonzero(told)
        free = known & ~self.public[:, columns] & (self.value[:, columns] > 0)
        size = np.where(free, self.value[:, columns], np.inf)[places]
        if whole is not None:
            # The whole is the last resort: it says most.
            size[:, -1] = np.where(np.isinf(size[:, -1]), np.inf, np.finfo(float).max)
        chosen = size.argmin(axis=1)
        possible = np.isfinite(size[np.arange(len(places)), chosen])
        self._withhold(places[possible], np.array(columns)[chosen[possible]])

    def _totals(self, column: int, nest: _Nest) -> None:
        """Where one territory of a total is unknown and secret, withhold the total; where it is public, one more territory.

        Several that are all one are told by their total too.  Of a breakdown, the total goes with any territory that
        is withheld here: sums over territories and sums over parts tell together what neither tells alone.  Without
        the totals the territories are untied, and what one of them leaves open stays open.
        """
        counted = np.zeros(len(self.places), dtype=bool)
        counted[self.rows.loc[self.rows["column"] == column, "place"]] = True
        inner, outer = nest.among(counted)
        unknown = np.bincount(outer[~self.known[inner, column]], minlength=len(self.places))
        ones = inner[self.ours[inner, column] & (self.value[inner, column] == 1)]
        alone = np.bincount(outer[np.isin(inner, ones)], minlength=len(self.places)) == unknown
        told = np.zeros(len(self.places), dtype=bool)
        told[
            outer[self.secret[inner, column] & ((unknown == 1) | (alone & (self.indicators[column].unit == "count")))[outer]]
        ] = True
        if any(column in (*parts, whole) for parts, whole in self._breakdowns()):
            told[outer[self.ours[inner, column]]] = True
        if nest.crossing and any(c.tally for c in self.indicators[column].columns):
            told[outer[self.secret[inner, column]]] = True
        told &= self.known[:, column]
        self._withhold(np.flatnonzero(told & ~self.public[:, column]), column)
        told = (told & self.public[:, column]) | (self.ours[:, column] & (unknown == 0))
        free = told[outer] & self.known[inner, column] & ~self.public[inner, column] & (self.value[inner, column] > 0)
        if free.any():
            found = pd.DataFrame({"inner": inner, "outer": outer, "value": self.value[inner, column]})[free]
            smallest = found.sort_values("value", kind="stable").drop_duplicates("outer")
            self._withhold(smallest["inner"].to_numpy(), column)


_Parent = Callable[[str], str | None]


@dataclass(frozen=True)
class _Link:
    """That territories of a level add up to those of another, of which ``parent`` gives the code.

    Those that lie in a territory of a level ``between`` (``through``) are left to it where it has a figure: a total
    is the sum of what lies next below it.  So sums form a tree, in which nothing is told as long as no sum lacks one
    alone; the EPCI of a département would tell, together with it, what no sum of communes tells.
    """

    level: str
    total: str
    parent: _Parent
    between: str = ""
    through: _Parent = lambda code: None
    crossing: bool = False


@dataclass(frozen=True)
class _Nest:
    """Pairs of a place and the place of a total that it adds to; ``through``: the place between them, or -1."""

    inner: np.ndarray
    outer: np.ndarray
    through: np.ndarray
    crossing: bool = False  # the totals lie across others: they stand in no tree, and go with any part of theirs

    def among(self, counted: Mask) -> tuple[np.ndarray, np.ndarray]:
        """Give the pairs of places with a figure, without those for which the place between them stands."""
        kept = counted[self.inner] & ~((self.through >= 0) & counted[self.through])
        return self.inner[kept], self.outer[kept]


def _adds_up(indicator: Indicator) -> bool:
    """Tell counts, and the rates and means of things counted here: with the counts beside them these add up as well."""
    kinds = {c.tally.kind for c in indicator.columns if c.tally is not None}
    return indicator.unit == "count" or (indicator.minimum_count is not None and not kinds.isdisjoint({"share", "ratio", "mean"}))


def _nesting(places: pd.DataFrame, totals: list[list[_Link]]) -> list[_Nest]:
    """Pair each place with the place of the same period that it lies in, for each kind of total there is."""
    keys = pd.MultiIndex.from_frame(places)

    def positions(rows: pd.DataFrame, level: str, parent: _Parent) -> np.ndarray:
        codes = rows["territory"].map({code: parent(code) for code in rows["territory"].unique()})
        return np.asarray(keys.get_indexer(pd.MultiIndex.from_arrays([[level] * len(rows), codes, rows["period"]])))

    found = []
    levels = places["level"].to_numpy(dtype=object)
    for links in totals:
        parts = []
        for link in links:
            inner = np.flatnonzero(levels == link.level)
            if len(inner) and link.total in levels:
                rows = places.iloc[inner]
                outer = positions(rows, link.total, link.parent)
                through = positions(rows, link.between, link.through) if link.between in levels else np.full(len(inner), -1)
                parts.append(np.vstack([inner, outer, through])[:, outer >= 0])
        if parts and (pairs := np.hstack(parts)).size:
            inner, outer, through = pairs
            found.append(_Nest(inner, outer, through, links[0].crossing))
    return found


def _totals(reference: Reference, schools: Mapping[str, str]) -> list[list[_Link]]:
    """Give the totals that are looked at, each with all that adds up to it."""
    communes: dict[str, list[str]] = {}
    for row in reference.qpv.itertuples():
        communes[row.code_2024] = communes[row.code_2015] = row.communes.split()
    within = reference.communes.groupby("epci")["departement"].agg(set)
    whole = {epci: next(iter(departements)) for epci, departements in within.items() if len(departements) == 1}

    def commune(qpv: str) -> str | None:
        within = communes.get(qpv, [])
        return within[0] if len(within) == 1 else None

    def epci(qpv: str) -> str | None:
        within = reference.epcis_of(communes.get(qpv, []))
        return within[0] if len(within) == 1 else None

    def epci_within(commune: str) -> str | None:
        epci = reference.epci_of_commune.get(commune)
        return epci if epci in whole else None

    def epci_across(commune: str) -> str | None:
        return None if epci_within(commune) else reference.epci_of_commune.get(commune)

    def departement(qpv: str) -> str | None:
        return normalise_code(qpv[2:5], "departement")

    def region(code: str | None) -> str | None:
        return reference.region_of_departement.get(code or "")

    def mainland(region: str) -> str | None:
        return "FRM" if region in continental else None

    continental = {region(d) for d in reference.departements["code"] if len(d) == 2}
    return [
        [_Link("iris", "commune", lambda code: code[:5])],
        [_Link("school", "commune", schools.get)],
        [_Link("commune", "epci", epci_within)],
        [_Link("commune", "epci", epci_across, crossing=True)],
        [_Link("commune", "departement", departement_of, "epci", epci_within), _Link("epci", "departement", whole.get)],
        [_Link("departement", "region", region)],
        [_Link("region", "france", mainland)],
        [_Link("region", "france", lambda code: "FR", "france", mainland), _Link("france", "france", {"FRM": "FR"}.get)],
        [_Link("qpv", "qpv_of_commune", commune)],
        [_Link("qpv", "qpv_of_epci", epci)],
        [_Link("qpv", "qpv_of_departement", departement)],
        [_Link("qpv", "qpv_of_region", lambda code: region(departement(code)))],
        [_Link("qpv", "qpv_of_france", lambda code: "FR")],
        [_Link("qpv", "qpv_of_france", lambda code: None if (departement(code) or "97").startswith(("97", "98")) else "FRM")],
    ]
