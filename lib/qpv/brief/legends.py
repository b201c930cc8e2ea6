"""Legends of the maps of a brief: classes with their method and count, and what is known of this QPV."""

from __future__ import annotations

import math

import geopandas as gpd
import pandas as pd

from qpv import maps, tables
from qpv.brief.ledger import Ledger
from qpv.catalog import Indicator
from qpv.maps import Classes
from qpv.numbers import DASH, NNBSP, format_value
from qpv.profile import Profile


def legend_of(classes: Classes | None, unit: str, decimals: int, own: pd.Series | None) -> list[tuple[str, str]]:
    """Name classes with bounds, method and count, and the value of this QPV."""
    if classes is None:
        return [(maps.NO_VALUE, "aucune valeur à cette date")]
    entries = []
    for n, (bound, colour) in enumerate(zip(classes.bounds, classes.colours, strict=True)):
        upper = format_value(bound, unit, decimals)
        entries.append((colour, upper if classes.method != "quantiles" else f"{'jusqu’à' if n == 0 else '≤'} {upper}"))
    entries.append((maps.NO_VALUE, "pas de valeur"))
    entries.append(("", f"{classes.method}, n{NNBSP}= {classes.count}"))
    if own is not None and len(own):
        value = float(own.iloc[0])
        entries.append((maps.OWN_STROKE, f"ce quartier : {DASH if math.isnan(value) else format_value(value, unit, decimals)}"))
    return entries


def own_of_commune(profile: Profile, ledger: Ledger, indicator: Indicator, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Say, below a map of communes, what this QPV and its commune have at that date; ``rows`` are those of the map, by code."""
    period = rows["period"].iloc[0]
    main = profile.place["communes"].split(" ")[0]
    said = []
    if main in rows.index:
        name = profile.warehouse.communes["name"].get(main, main)
        said.append(("", f"commune du quartier, {name}{NNBSP}: {tables.value_words(rows.loc[main], indicator)}"))
    own = profile.own(indicator.id)
    own = own[own["period"] == period]
    ledger.add_all(own)
    value = tables.value_words(own.iloc[-1], indicator) if len(own) else "pas de valeur à cette date"
    return [*said, (maps.OWN_STROKE, f"ce quartier (contour){NNBSP}: {value}")]


def own_of_colleges(places: gpd.GeoDataFrame, words: list[str], outline: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    """Say, below a map of collèges, which stand in this QPV, with their index; a QPV has none of its own."""
    within = outline.geometry.union_all()
    if outline.empty or within.geom_type == "Point":
        return [(maps.OWN_STROKE, "ce quartier (placé au point de sa commune)")]
    inside = places.geometry.within(within).to_numpy()
    found = [f"{name.splitlines()[0]}, {said}" for name, said, there in zip(places["tip"], words, inside, strict=True) if there]
    return [(maps.OWN_STROKE, f"ce quartier (contour){NNBSP}: {'; '.join(found) or 'aucun collège dedans'}")]


def of_points(points: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    """Say what the small grey points are, where there are any: communes without outline."""
    return [("#d9d4ca", "autres communes, sans contour (points)")] if len(points) else []
