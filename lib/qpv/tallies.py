"""Things counted in territories at build: dwellings, schools, equipment, sales, stops.

What rows name by code is ``observed``; what lies within an outline by its coordinates was counted by us, on
geocoded points and a published outline, and is a ``proxy`` that says so.  Nothing is zero where the file is
silent: a territory has a zero only if the file holds things of its département.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from qpv.catalog import Catalog, Indicator
from qpv.numbers import format_number
from qpv.overlay import points_within
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, compact
from qpv.secrecy import WITHHELD, Mask, too_few
from qpv.sources.base import Delivery, Figure, Tallied
from qpv.sources.recognition import Recognised
from qpv.territory import departement_of, generation_of
from qpv.vocabulary import Status

#: From this share of a département's things without coordinates on, a note says so.
UNPLACED: Final = 0.05

#: Up to this share of a département's things may be of no known commune before its EPCI and its communes' zeros
#: are left out: codes change with every merger.
LOST: Final = 0.01

_PLACE: Final = ["level", "generation", "territory", "period"]
_SUMS: Final = [*_PLACE, "figure", "at", "value", "weight", "things"]
#: Points that are overlaid at once, and the grid (in degrees) by which far ones are set aside first.
_SLICE: Final = 250_000
_GRID: Final = 0.01
_WGS84: Final = 4326


def counted(
    catalog: Catalog,
    reference: Reference,
    deliveries: list[tuple[Recognised, Delivery]],
    geometry: gpd.GeoDataFrame | None,
) -> list[tuple[Recognised, Delivery]]:
    """Add to each delivery of things the figures of territories that it allows.

    Parameters
    ----------
    catalog, reference
        What a figure means; the communes with their EPCI, département and région.
    deliveries
        All that was read.
    geometry
        ``code, level, generation, geometry``; ``None`` when no outline was dropped: then only codes count.

    Returns
    -------
    list
        The deliveries, those of things with observations: status ``observed`` (by code), ``proxy`` (by
        point), ``secret`` (a share, mean or median of fewer than may be shown, or a share of all but so few),
        ``not_applicable`` (nothing to relate to).  Small counts are left to :func:`qpv.secrecy.protect`, which
        needs them to see what would tell them.
    """
    qpv, members = _perimeters(reference, deliveries, geometry), _members(reference)
    done = []
    for item, delivery in deliveries:
        if delivery.tallied is not None:
            added = _Count(catalog, reference, qpv, members, geometry, item, delivery.tallied).observations()
            delivery = replace(delivery, observations=compact(pd.concat([delivery.observations, added])), tallied=None)
        done.append((item, delivery))
    return done


def _perimeters(
    reference: Reference, deliveries: list[tuple[Recognised, Delivery]], geometry: gpd.GeoDataFrame | None
) -> pd.DataFrame:
    """List the QPV that are known: ``territory, generation, departement``."""
    codes = set(reference.qpv["code_2024"]) | set(reference.qpv["code_2015"])
    tables = [d.territories for _, d in deliveries] + ([geometry] if geometry is not None else [])
    for table in tables:
        codes |= set(table.loc[table["level"] == "qpv", "code"])
    known = pd.Series(sorted(c for c in codes if generation_of(c)), dtype=str)
    return pd.DataFrame(
        {"territory": known, "generation": known.map(generation_of), "departement": known.str[2:5].str.removeprefix("0")}
    )


def _members(reference: Reference) -> dict[str, dict[str, set[str]]]:
    """Tell, by level and code, of which départements the larger territories are made."""
    communes = reference.communes
    every = set(reference.departements["code"])
    parts = {level: communes.groupby(level)["departement"].agg(set).to_dict() for level in ("epci", "departement", "region")}
    return parts | {"france": {"FR": every, "FRM": {d for d in every if len(d) == 2}}}


@dataclass(frozen=True)
class _Count:
    """The count of the things of one file."""

    catalog: Catalog
    reference: Reference
    qpv: pd.DataFrame
    members: dict[str, dict[str, set[str]]]
    geometry: gpd.GeoDataFrame | None
    item: Recognised
    tallied: Tallied

    def observations(self) -> pd.DataFrame:
        """Give the observations of all figures, see :data:`qpv.schemas.OBSERVATIONS`."""
        coded = self.tallied.sums.reindex(columns=_SUMS)
        coded = pd.concat([coded, *self._upwards(coded)], ignore_index=True).assign(by="code")
        pointed = self._pointed().assign(by="point")
        sums = pd.concat([t for t in (coded, pointed) if len(t)] or [coded], ignore_index=True)
        sums = sums.astype(dict.fromkeys(_PLACE, "category"))
        seen = self._seen()
        tables = [pd.DataFrame(columns=list(OBSERVATIONS.columns))]
        for number, figure in enumerate(self.tallied.figures):
            indicator = self.catalog.indicator(figure.indicator)
            table = _figures(sums[sums["figure"] == number], figure, indicator)
            for period in sorted(seen["period"].unique()):
                table = self._filled(table, figure, str(period), seen[seen["period"] == period], coded)
            table = table[self._whole(table, seen) & np.array([_shown(figure, lv) for lv in table["level"]], dtype=bool)]
            tables.append(self._rows(table, figure, indicator, seen))
        return pd.concat([t for t in tables if len(t)] or tables, ignore_index=True)

    def _upwards(self, coded: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Add communes up to EPCI, départements to régions and France."""
        communes, departements = coded[coded["level"] == "commune"], coded[coded["level"] == "departement"]
        epci = communes["territory"].astype(str).map(self.reference.epci_of_commune).fillna("")
        yield _added([communes.assign(level="epci", territory=epci)[epci != ""]])
        region = departements["territory"].astype(str).map(self.reference.region_of_departement).fillna("")
        yield _added([departements.assign(level="region", territory=region)[region != ""]])
        mainland = departements["territory"].astype(str).str.len() == 2
        for country, rows in (("FR", departements), ("FRM", departements[mainland])):
            yield _added([rows.assign(level="france", territory=country)])

    # --- what lies within outlines ---------------------------------------------------------------------

    def _pointed(self) -> pd.DataFrame:
        """Add up the points within, or near, the outlines of the QPV; of communes if no row names its commune."""
        tables = [pd.DataFrame(columns=_SUMS)]
        if self.geometry is None or self.tallied.points.empty:
            return tables[0]
        for generation in ("2024", "2015"):
            areas = self.geometry[(self.geometry["level"] == "qpv") & (self.geometry["generation"] == generation)]
            coded = f"qpv_{generation}" in self.tallied.coded
            figures = {
                n: f for n, f in enumerate(self.tallied.figures)
                if _shown(f, "qpv") and (f.tally.within or not coded)
            }  # fmt: skip
            tables += self._within(areas, "qpv", generation, figures)
        if "commune" not in self.tallied.coded:
            figures = {n: f for n, f in enumerate(self.tallied.figures) if _shown(f, "commune") and not f.tally.within}
            tables += self._within(self.geometry[self.geometry["level"] == "commune"], "commune", "", figures)
        return _added(tables)

    def _within(self, areas: gpd.GeoDataFrame, level: str, generation: str, figures: dict[int, Figure]) -> Iterator[pd.DataFrame]:
        if areas.empty or not figures:
            return
        farthest = max(f.tally.within for f in figures.values())
        points = self.tallied.points
        points = points[_near(points, areas, farthest)].reset_index(drop=True)
        for start in range(0, len(points), _SLICE):
            part = points.iloc[start : start + _SLICE]
            places = gpd.GeoSeries(gpd.points_from_xy(part["longitude"], part["latitude"]), index=part.index, crs=_WGS84)
            pairs = points_within(gpd.GeoDataFrame(geometry=places), areas[["code", "geometry"]], near=farthest)
            for number, figure in figures.items():
                found = pairs[pairs["distance_m"] <= figure.tally.within]
                rows = part.loc[found["point"].astype(int)]
                value = rows[f"v{number}"].to_numpy(dtype=float)
                weight = rows[f"w{number}"].to_numpy(dtype=float) if f"w{number}" in rows else np.ones(len(rows))
                table = pd.DataFrame(
                    {
                        "level": level, "generation": generation, "territory": found["code"].to_numpy(),
                        "period": rows["period"].to_numpy(), "figure": number,
                        "at": value if figure.tally.kind == "median" else 0.0, "value": value, "weight": weight, "things": 1,
                    }
                )[~np.isnan(value)]  # fmt: skip
                yield _added([table])

    # --- what the file speaks of -----------------------------------------------------------------------

    def _seen(self) -> pd.DataFrame:
        """Tell of which départements the file holds things; where rows do not tell, the outlines do."""
        seen = self.tallied.seen
        points = self.tallied.points
        if self.geometry is None or points.empty or (seen["departement"] != "").any():
            return seen[seen["departement"] != ""]
        outlines = self.geometry[self.geometry["level"] == "departement"]
        if outlines.empty:
            return seen[seen["departement"] != ""]
        cells = points.assign(x=(points["longitude"] * 20).round(), y=(points["latitude"] * 20).round())
        cells = cells.drop_duplicates(["x", "y", "period"]).reset_index(drop=True)
        places = gpd.GeoDataFrame(geometry=gpd.points_from_xy(cells["longitude"], cells["latitude"]), crs=_WGS84)
        named = outlines[["code", "geometry"]].assign(departement=outlines["code"])
        pairs = points_within(places, named, near=0)
        pairs["period"] = cells["period"].reindex(pairs["point"]).to_numpy()
        shares = seen.groupby("period")[["things", "unplaced", "lost"]].sum()
        found = pairs[["period", "code"]].drop_duplicates().rename(columns={"code": "departement"})
        # How many lack coordinates is known for the file as a whole: each département is told so.
        return found.join(shares, on="period").reset_index(drop=True)

    def _filled(self, table: pd.DataFrame, figure: Figure, period: str, seen: pd.DataFrame, coded: pd.DataFrame) -> pd.DataFrame:
        """Add what was not found where the file would have had it: a zero, or nothing to relate to."""
        departements = set(seen["departement"])
        wanted: list[pd.DataFrame] = []
        for generation in ("2024", "2015"):
            by_code = f"qpv_{generation}" in self.tallied.coded and not figure.tally.within
            if by_code:
                # A département none of whose QPV is ever named has no QPV codes in this file.
                named = coded[(coded["level"] == "qpv") & (coded["generation"] == generation) & (coded["period"] == period)]
                there = departements & set(named["territory"].str[2:5].str.removeprefix("0"))
            elif self.geometry is None or self.tallied.points.empty:
                continue
            else:
                there = set(seen.loc[seen["things"] > seen["unplaced"], "departement"])
            some = self.qpv[(self.qpv["generation"] == generation) & self.qpv["departement"].isin(there)]
            if not by_code and self.geometry is not None:
                some = some[some["territory"].isin(self.geometry["code"])]
            wanted.append(pd.DataFrame({"territory": some["territory"], "level": "qpv", "generation": generation,
                                        "by": "code" if by_code else "point"}))  # fmt: skip
        if figure.tally.kind in ("count", "sum") and "commune" in self.tallied.coded and not figure.tally.within:
            communes = self.reference.communes[self.reference.communes["departement"].isin(departements)]
            # Where things are of no known commune, one that has none may have had another code.
            sure = communes["departement"].isin(_sure(seen))
            for level in ("commune", "epci", "departement", "region"):
                codes = communes["code" if level == "commune" else level][sure | (level in ("departement", "region"))]
                codes = codes[codes != ""].drop_duplicates()
                wanted.append(pd.DataFrame({"territory": codes, "level": level, "generation": "", "by": "code"}))
        if not any(len(w) for w in wanted):
            return table
        blank = pd.concat([w for w in wanted if len(w)]).assign(
            period=period, figure=0.0 if figure.tally.kind in ("count", "sum") else np.nan, above=0.0, below=0.0, things=0
        )
        both = pd.concat([table, blank], ignore_index=True) if len(table) else blank
        return both.drop_duplicates(_PLACE, ignore_index=True)

    def _whole(self, table: pd.DataFrame, seen: pd.DataFrame) -> np.ndarray:
        """Keep the larger territories of which the file holds every département: half an EPCI is none."""
        within = {p: set(s["departement"]) for p, s in seen.groupby("period")}
        sure = {p: _sure(s) for p, s in seen.groupby("period")}
        parts = self.members
        return np.array(
            [
                lv not in parts or parts[lv].get(t, {None}) <= (sure if lv == "epci" else within).get(p, set())
                for lv, t, p in zip(table["level"], table["territory"], table["period"], strict=True)
            ],
            dtype=bool,
        )

    # --- observations ----------------------------------------------------------------------------------

    def _rows(self, table: pd.DataFrame, figure: Figure, indicator: Indicator, seen: pd.DataFrame) -> pd.DataFrame:
        status = np.where(table["by"] == "code", Status.OBSERVED.value, Status.PROXY.value).astype(object)
        void = table["figure"].isna().to_numpy()
        status[void] = np.where(table["things"][void] > 0, Status.UNAVAILABLE.value, Status.NOT_APPLICABLE.value)
        if figure.tally.kind not in ("count", "sum"):
            # That there is nothing to relate to is said of a QPV; of 35,000 communes it would only weigh.
            status[void & (table["level"] != "qpv").to_numpy()] = ""
        small = _small(table, figure, indicator)
        status[small] = Status.SECRET.value
        notes = self._notes(table, figure, seen)
        notes[small] = WITHHELD.format(indicator.minimum_count)
        rows = pd.DataFrame(
            {
                "territory": table["territory"], "level": table["level"], "generation": table["generation"],
                "indicator": indicator.id, "period": table["period"],
                "value": table["figure"].astype(float).mask(small | void).round(6), "status": status, "qualifier": "",
                "edition": self.item.edition.id, "file": self.item.file.name, "row": 0, "column": figure.label, "note": notes,
            }
        )  # fmt: skip
        return rows[rows["status"] != ""]

    def _notes(self, table: pd.DataFrame, figure: Figure, seen: pd.DataFrame) -> np.ndarray:
        """Say of a QPV how many things its figure rests on, and how we know that they lie there."""
        share = {
            (r.period, r.departement): r.unplaced / r.things
            for r in seen.itertuples()
            if r.things and r.unplaced > UNPLACED * r.things
        }
        noun, metres = self.tallied.noun, figure.tally.within
        where = f"à {metres} m ou moins du périmètre" if metres else "dans le périmètre"
        notes = []
        for row in table.itertuples():
            if row.level != "qpv" and row.by == "code":
                notes.append("")
                continue
            count = format_number(float(row.things))
            if row.by == "code":
                note = f"Compté par l’observatoire : {count} {noun} que le producteur situe dans le quartier"
            elif row.level == "qpv":
                note = f"Compté par l’observatoire : {count} {noun} dont les coordonnées tombent {where}"
            else:
                note = f"Compté par l’observatoire : {count} {noun} dont les coordonnées tombent dans la commune"
            known = share.get((row.period, _departement(row.territory, row.level)))
            if row.by == "point" and known:
                note += f" ; {format_number(100 * known)}\u202f% des {noun} du département n’ont pas de coordonnées"
            if figure.tally.kind == "sum" and 0 < row.below < row.things:
                note += f" ; {format_number(row.things - row.below)} sans valeur, non comptés"
            notes.append(note)
        return np.array(notes, dtype=object)


def _figures(sums: pd.DataFrame, figure: Figure, indicator: Indicator) -> pd.DataFrame:
    """Compute the figure of each territory and period: ``figure, above, below, things, by``."""
    key = [*_PLACE, "by"]
    total = sums.groupby(key, as_index=False, observed=True)[["value", "weight", "things"]].sum()
    total = total.astype(dict.fromkeys(_PLACE, object)).rename(columns={"value": "above", "weight": "below"})
    kind = figure.tally.kind
    if kind == "count":
        value = total["above"]
    elif kind == "sum":
        value = total["above"].where(total["below"] > 0)
    elif kind == "median":
        value = _medians(sums, key).reset_index(drop=True)
    else:
        value = total["above"] / total["below"].where(total["below"] > 0)
    percent = kind == "share" or (kind == "ratio" and indicator.unit == "pct")
    return total.assign(figure=value.astype(float) * (100 if percent else 1) * figure.scale)


def _added(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add up the sums of the same figure, place and value."""
    some = [t for t in tables if len(t)]
    if not some:
        return pd.DataFrame(columns=_SUMS)
    # Categories: there are millions of rows where a median is wanted.
    table = pd.concat(some, ignore_index=True).astype(dict.fromkeys(_PLACE, "category"))
    return table.groupby([*_PLACE, "figure", "at"], as_index=False, observed=True)[["value", "weight", "things"]].sum()


def _medians(sums: pd.DataFrame, key: list[str]) -> pd.Series:
    """Take the median in each group of values of which each stands for a number of things."""
    table = sums.sort_values([*key, "at"], ignore_index=True)
    groups = table.groupby(key, observed=True)["things"]
    reached, total = groups.cumsum(), groups.transform("sum")
    middles = [table[reached > rank].groupby(key, observed=True)["at"].first() for rank in ((total - 1) // 2, total // 2)]
    return (middles[0] + middles[1]) / 2


def _small(table: pd.DataFrame, figure: Figure, indicator: Indicator) -> Mask:
    """Tell which rates, means and medians rest on fewer things than may be shown, or speak of all but so few.

    None at all betrays nobody.  Counts keep their value here: secrecy withholds them, and what would tell them.
    """
    kind, least = figure.tally.kind, indicator.minimum_count
    if least is None or kind == "count" or (kind == "sum" and indicator.unit == "count"):
        return np.zeros(len(table), dtype=bool)
    if kind not in ("share", "ratio"):
        return too_few(table["things"].to_numpy(dtype=float), least)
    above, below = (table[c].to_numpy(dtype=float) for c in ("above", "below"))
    few: Mask = too_few(above, least) | too_few(below, least)
    # A ratio is one of columns that the producer prints for each thing; of a share, nobody printed who are not counted.
    return few | too_few(below - above, least) if kind == "share" else few


def _sure(seen: pd.DataFrame) -> set[str]:
    """Give the départements nearly all of whose things are of a commune that is known."""
    return set(seen.loc[seen["lost"] <= LOST * seen["things"], "departement"])


def _shown(figure: Figure, level: str) -> bool:
    return not figure.levels or level in figure.levels


def _departement(territory: str, level: str) -> str:
    return territory[2:5].removeprefix("0") if level == "qpv" else departement_of(territory)


def _near(points: pd.DataFrame, areas: gpd.GeoDataFrame, metres: float) -> np.ndarray:
    """Tell which points lie in a cell of a grid that the box around an area touches."""
    margin = metres / 60_000  # a degree of longitude is longer than that up to 57° of latitude
    cells: set[tuple[int, int]] = set()
    for west, south, east, north in areas.geometry.bounds.to_numpy():
        columns = range(int(np.floor((west - margin) / _GRID)), int(np.floor((east + margin) / _GRID)) + 1)
        rows = range(int(np.floor((south - margin) / _GRID)), int(np.floor((north + margin) / _GRID)) + 1)
        cells |= {(c, r) for c in columns for r in rows}
    wide = 100_000  # more rows than any grid of the globe has
    known = np.array([c * wide + r for c, r in cells], dtype=np.int64)
    column = np.floor(points["longitude"].to_numpy(dtype=float) / _GRID).astype(np.int64)
    row = np.floor(points["latitude"].to_numpy(dtype=float) / _GRID).astype(np.int64)
    return np.isin(column * wide + row, known)
