"""Proxies: figures of IRIS and squares carried to the QPV at build, with what they are worth.

A proxy says so: status ``proxy``, the edition and file that it comes from, and a note with the share of
the territory covered.  It never stands beside a figure that a producer published for the same QPV,
indicator and period.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import pandas as pd

from qpv.catalog import Catalog, Indicator
from qpv.features import measured
from qpv.numbers import format_number
from qpv.overlay import Kind, carry, overlaps
from qpv.quarter import UNDATED
from qpv.schemas import OBSERVATIONS, TERRITORIES
from qpv.sources.base import Delivery
from qpv.sources.recognition import Recognised
from qpv.vocabulary import PRESENT, Status

if TYPE_CHECKING:
    import geopandas as gpd

#: The one quantile that is carried although a mean of medians is no median: income has no other measure.
_MEDIANS: Final = {"median_disposable_income_eur"}
_PRESENT: Final = [s.value for s in PRESENT]


def carried(
    catalog: Catalog,
    deliveries: list[tuple[Recognised, Delivery]],
    geometry: gpd.GeoDataFrame | None,
) -> list[pd.DataFrame]:
    """Compute every proxy that the files allow: from squares, areas and lines, and from IRIS when their outlines are there.

    Parameters
    ----------
    catalog
        What may be carried, and how: rates (per cent, °C) as means, counts that may be summed as sums.
    deliveries
        All that was read.
    geometry
        ``code, level, generation, geometry``; ``None`` when no outline was dropped, and then no proxy.

    Returns
    -------
    list of pandas.DataFrame
        Tables of observations (:data:`qpv.schemas.OBSERVATIONS`), none of them empty.
    """
    if geometry is None:
        return []
    qpv = geometry[geometry["level"] == "qpv"]
    tables = [t for item, d in deliveries if d.cells is not None for t in _from_squares(catalog, item, d, qpv)]
    tables += [t for item, d in deliveries if d.features is not None for t in measured(catalog, item, d, geometry)]
    iris = geometry[geometry["level"] == "iris"]
    if len(iris) and len(qpv):
        observed = [d.observations for _, d in deliveries]
        tables += _from_iris(catalog, observed, iris, qpv)
    return [t for t in tables if len(t)]


def iris_seen(tables: Iterable[pd.DataFrame], known: Iterable[str]) -> pd.DataFrame:
    """Give a bare place to each IRIS with a figure that no list of IRIS names (older or newer ones).

    Columns: :data:`qpv.schemas.TERRITORIES`.
    """
    codes = pd.concat([pd.Series(dtype=str), *(t.loc[t["level"] == "iris", "territory"].astype(str) for t in tables)]).unique()
    lost = sorted(set(codes) - set(known))
    places = pd.DataFrame({"code": pd.Series(lost, dtype=str), "level": "iris", "generation": ""})
    places = places.assign(name="IRIS " + places["code"], communes=places["code"].str[:5])
    return places.reindex(columns=list(TERRITORIES.columns))


def kind_of(indicator: Indicator) -> Kind | None:
    """Tell how an indicator may be carried; ``None``: not at all (deciles, Gini, ratios, indices).

    Counts that the catalogue lets sum are summed; percentages, temperatures and the median income are
    averaged; a mean of other quantiles or of ratios would speak of nothing.
    """
    if indicator.aggregation == "sum" and indicator.unit == "count":
        return "count"
    return "rate" if indicator.unit in ("pct", "celsius") or indicator.id in _MEDIANS else None


def _from_squares(catalog: Catalog, item: Recognised, delivery: Delivery, qpv: gpd.GeoDataFrame) -> Iterable[pd.DataFrame]:
    assert delivery.cells is not None
    squares, places = delivery.cells.squares, delivery.cells.places
    period = item.edition.periods.get("main", UNDATED)
    areas = [(str(g), "qpv", part) for g, part in qpv.groupby("generation")]
    areas += [("", str(level), part) for level, part in places.groupby("level")]
    for generation, level, part in areas:
        pairs = overlaps(part, squares)
        for indicator, column in catalog.columns_of(item.source.id):
            if indicator.id in squares and (kind := kind_of(indicator)):
                found = carry(pairs, squares[indicator.id], kind)
                yield _rows(found, indicator, level, generation, period, item.edition.id, item.file.name,
                            column.column[0], "carreaux habités de 200 m")  # fmt: skip


def _from_iris(
    catalog: Catalog, observed: list[pd.DataFrame], iris: gpd.GeoDataFrame, qpv: gpd.GeoDataFrame
) -> list[pd.DataFrame]:
    tables: list[pd.DataFrame] = []
    cells = iris.set_index("code")
    pairs = [(str(generation), overlaps(part, cells)) for generation, part in qpv.groupby("generation")]
    for table in observed:
        rows = table[(table["level"] == "iris") & table["value"].notna() & (table["period"] != UNDATED)]
        rows = rows.astype(dict.fromkeys(["territory", "indicator", "period", "edition", "file", "column"], str))
        for (name, period, edition, file), part in rows.groupby(["indicator", "period", "edition", "file"], sort=True):
            indicator = catalog.indicator(str(name))
            kind = kind_of(indicator)
            if kind is None:
                continue
            values = part.set_index("territory")["value"].astype(float)
            for generation, pair in pairs:
                found = carry(pair, values, kind)
                tables.append(_rows(found, indicator, "qpv", generation, str(period), str(edition), str(file),
                                    part["column"].iloc[0], "IRIS"))  # fmt: skip
    published = _published(observed)
    return [t[~pd.MultiIndex.from_frame(t[["territory", "indicator", "period"]]).isin(published)] for t in tables]


def _published(observed: list[pd.DataFrame]) -> pd.MultiIndex:
    """List the facts on QPV that producers publish themselves: no proxy stands beside them."""
    key = ["territory", "indicator", "period"]
    facts = [t.loc[(t["level"] == "qpv") & t["status"].isin(_PRESENT), key].astype(str) for t in observed]
    return pd.MultiIndex.from_frame(pd.concat(facts).drop_duplicates())


def _rows(
    found: pd.DataFrame, indicator: Indicator, level: str, generation: str, period: str, edition: str, file: str,
    column: str, what: str,
) -> pd.DataFrame:  # fmt: skip
    found = found[found["value"].notna()]
    means = "Somme au prorata des surfaces" if indicator.aggregation == "sum" else "Moyenne pondérée par la surface"
    if indicator.id in _MEDIANS:
        means = "Moyenne de médianes, pondérée par la surface"
    share = found["share"].map(lambda s: format_number(100 * s))
    note = f"{means} des {what}" + " (" + found["cells"].astype(str) + "), qui couvrent " + share + "\u202f% du territoire"
    return pd.DataFrame(
        {
            "territory": found.index, "level": level, "generation": generation, "indicator": indicator.id,
            "period": period, "value": found["value"].round(max(indicator.decimals, 2)).to_numpy(),
            "status": Status.PROXY.value, "qualifier": "", "edition": edition, "file": file, "row": 0,
            "column": column, "note": note.to_numpy(),
        }
    )[list(OBSERVATIONS.columns)]  # fmt: skip
