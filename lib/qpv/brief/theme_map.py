"""The map that is a theme's own: its squares or points, an indicator over the communes, else over the QPV of the département."""

from __future__ import annotations

import math
from typing import Final

import geopandas as gpd
import pandas as pd

from qpv import maps, tables
from qpv.brief import atlas
from qpv.brief.ledger import Ledger
from qpv.brief.legends import legend_of, of_points, own_of_colleges, own_of_commune
from qpv.brief.schools import colleges, school_facts
from qpv.catalog import Indicator
from qpv.comparison import KeyFigure
from qpv.grid import MARGIN_METRES
from qpv.html import Block
from qpv.maps import Layer
from qpv.numbers import NBSP, NNBSP, format_number, format_value
from qpv.profile import Profile
from qpv.quarter import format_period, period_position

_WGS84: Final = 4326


def own_theme(profile: Profile, figure: KeyFigure, ledger: Ledger) -> Block:
    """Map what is the theme's own: collèges, squares, or an indicator over the communes, else over the QPV."""
    if profile.theme == "education":
        block = _schools(profile, ledger)
        if block is not None:
            return block
    theme = profile.catalog.theme(profile.theme)
    for indicator in theme.squares:
        block = _squares(profile, indicator, ledger)
        if block is not None:
            return block
    for indicator in theme.communes:
        block = _commune_choropleth(profile, indicator, ledger)
        if block is not None:
            return block
    return atlas.qpv_choropleth(profile, figure, ledger, "carte-theme", ("departement",))


def _squares(profile: Profile, identifier: str, ledger: Ledger) -> Block | None:
    """Map the squares around the QPV by their own value; ``None`` where none is known."""
    squares = profile.warehouse.squares(profile.code)
    squares = squares[(squares["indicator"] == identifier) & squares["edition"].isin(profile.editions["edition"])]
    if squares.empty:
        return None
    squares = squares[squares["edition"] == squares["edition"].iloc[-1]]
    indicator, period = profile.catalog.indicator(identifier), str(squares["period"].iloc[0])
    classes = maps.classify(list(squares["value"]))
    assert classes is not None, "a square without a value is not kept"
    said = [format_value(v, indicator.unit, indicator.decimals) for v in squares["value"]]
    colours = [classes.colour(v) for v in squares["value"]]
    shapes = squares.assign(tip=[f"Carreau de 200 m\n{indicator.short} : {w}" for w in said], fill=colours)
    base, points = atlas.communes_of(profile)
    qpv, _ = atlas.qpv_of(profile, {profile.code}, "2024")
    qpv = qpv.assign(tip=qpv["name"])
    layers = [Layer(base, "commune", fill="#f6f4ef", stroke="#b9b2a6"), Layer(points, "point", fill="#d9d4ca", radius=3),
              Layer(shapes, "square", stroke="#ffffff", weight=0.5), Layer(qpv, "qpv", stroke=maps.OWN_STROKE, weight=3.0)]  # fmt: skip
    own = profile.own(identifier)
    own = own[own["edition"] == squares["edition"].iloc[0]]
    ledger.add_all(own)
    legend = legend_of(classes, indicator.unit, indicator.decimals, own["value"].tail(1)) + of_points(points)
    return atlas.framed(
        f"{indicator.label}, carreaux habités de 200{NNBSP}m dans le quartier et autour, {format_period(period)}",
        layers,
        "carte-theme",
        [entry for entry in legend if entry[1] != "pas de valeur"],
        f"Sont dessinés les carreaux habités à {format_number(MARGIN_METRES)}{NBSP}m au plus du cadre qui tient le quartier{NNBSP}; un blanc entre "
        "eux n’a pas de valeur.",
        _by_class(squares, colours, classes, indicator),
        shapes.geometry,
        atlas.source_of(profile, squares),
    )


def _by_class(squares: gpd.GeoDataFrame, colours: list[str], classes: maps.Classes, indicator: Indicator) -> str:
    """Count the squares of each class within the QPV and around it, with the least and the greatest value."""
    rows = []
    for colour in classes.colours:
        part = squares[[c == colour for c in colours]]
        span = " à ".join(format_value(v, indicator.unit, indicator.decimals) for v in (part["value"].min(), part["value"].max()))
        rows.append([span, str(int(part["touches"].sum())), str(int((~part["touches"]).sum()))])
    heads = [indicator.short, "Carreaux qui touchent le quartier", "Carreaux autour"]
    return tables.plain_table(heads, rows, f"{indicator.label}, par classe", "small")


def _commune_choropleth(profile: Profile, identifier: str, ledger: Ledger) -> Block | None:
    """Map an indicator over the communes of the EPCI; ``None`` with fewer than three values."""
    indicator = profile.catalog.indicator(identifier)
    rows = profile.facts[(profile.facts["indicator"] == identifier) & (profile.facts["level"] == "commune")]
    if rows.empty:
        return None
    counts = rows.groupby("period")["territory"].nunique()
    period = max(counts.index, key=lambda p: (counts[p], period_position(p)))
    rows = rows[rows["period"] == period].set_index("territory")
    outlines, points = atlas.communes_of(profile)
    if rows.index.isin([*outlines["code"], *points["code"]]).sum() < atlas.ENOUGH:
        return None
    ledger.add_all(rows.reset_index())
    classes = maps.classify(list(rows["value"]))
    layers, table = [], []
    for shapes, level in ((outlines, "commune"), (points, "point")):
        values = shapes["code"].map(rows["value"]).astype(float)
        words = ["pas de valeur" if math.isnan(v) else format_value(v, indicator.unit, indicator.decimals) for v in values]
        table += list(zip(shapes["name"].fillna(shapes["code"]), words, values, strict=True))
        tips = [f"{n}\n{indicator.short} : {w}" for n, w in zip(shapes["name"], words, strict=True)]
        layers.append(
            Layer(
                shapes.assign(tip=tips, fill=[classes.colour(v) if classes else maps.NO_VALUE for v in values]), level, radius=8
            )
        )
    qpv, approximate = atlas.qpv_of(profile, {profile.code}, "2024")
    qpv = qpv.assign(tip=qpv["name"], fill="", stroke=maps.OWN_STROKE, weight=3.0)
    layers.append(Layer(qpv, "qpv", radius=11))
    table.sort(key=lambda item: (math.isnan(item[2]), -item[2] if not math.isnan(item[2]) else 0, item[0]))
    data = tables.plain_table(["Commune", indicator.short], [[n, w] for n, w, _ in table], indicator.label, "small")
    legend = [*legend_of(classes, indicator.unit, indicator.decimals, None), *own_of_commune(profile, ledger, indicator, rows)]
    title = f"{indicator.label}, communes de l’agglomération, {format_period(period)}"
    return atlas.framed(
        title,
        layers,
        "carte-theme",
        legend,
        atlas.APPROXIMATE if approximate else "",
        data,
        atlas.focus_of(layers),
        atlas.source_of(profile, rows),
    )


def _schools(profile: Profile, ledger: Ledger) -> Block | None:
    """Map the collèges of the EPCI by social position index."""
    found = colleges(profile)
    places = found.places[found.places["longitude"].notna()]
    if places.empty:
        return None
    facts = school_facts(profile, list(places.index))
    facts = facts[facts["indicator"] == "ips_college_index"].set_index("territory")
    ledger.add_all(facts.reset_index())
    values = pd.Series(places.index.map(facts["value"]), index=places.index, dtype=float)
    classes = maps.classify(list(values))
    words = ["IPS non publié" if math.isnan(v) else f"IPS {format_value(v, 'index', 1)}" for v in values]
    shapes = gpd.GeoDataFrame(
        {
            "tip": [f"{n}\n{w}" for n, w in zip(places["name"], words, strict=True)],
            "fill": [classes.colour(v) if classes else maps.NO_VALUE for v in values],
        },
        geometry=gpd.points_from_xy(places["longitude"], places["latitude"]), crs=_WGS84,
    )  # fmt: skip
    base, points = atlas.communes_of(profile)
    qpv, _ = atlas.qpv_of(profile, {profile.code}, "2024")
    qpv = qpv.assign(tip=qpv["name"], fill="#f3c9a8", stroke=maps.OWN_STROKE, weight=2.5)
    layers = [Layer(base, "commune", fill="#f6f4ef", stroke="#b9b2a6"), Layer(points, "point", fill="#d9d4ca", radius=3),
              Layer(qpv, "qpv"), Layer(shapes, "point", radius=8)]  # fmt: skip
    rows = [[n, w] for n, w in zip(places["name"], words, strict=True)]
    data = tables.plain_table(["Collège", "Indice de position sociale"], rows, found.title, "small")
    legend = [*legend_of(classes, "index", 1, None), *own_of_colleges(shapes, words, qpv)]
    return atlas.framed(
        f"{found.title} et leur indice de position sociale",
        layers,
        "carte-theme",
        legend,
        found.note,
        data,
        atlas.focus_of(layers[2:]) if found.others else atlas.focus_of(layers),
        atlas.source_of(profile, facts),
    )
