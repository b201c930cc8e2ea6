"""The maps of briefs over QPV and communes: where, one indicator, places; and the frame that every map stands in."""

from __future__ import annotations

import math
import os
from typing import Final, NamedTuple

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point

from qpv import live_maps, maps, tables
from qpv.brief.inset import NO_INSET, Inset, close_up
from qpv.brief.ledger import Ledger
from qpv.brief.legends import legend_of, of_points
from qpv.brief.schools import around
from qpv.catalog import Indicator
from qpv.comparison import KeyFigure
from qpv.crowd import well_known
from qpv.html import STILL, Block, script_json, text
from qpv.maps import Layer
from qpv.numbers import NNBSP, format_value
from qpv.profile import Profile
from qpv.quarter import format_period, period_position

_WGS84: Final = 4326
#: With fewer QPV with a value than this, the map widens from the EPCI to the département.
ENOUGH: Final = 3
#: Over which QPV the headline indicator is mapped, in order of preference.
HEADLINE_SCOPES: Final = ("epci", "departement")
CREDIT: Final = "Contours : ANCT, IGN ; points des communes : GeoNames"


def location(profile: Profile, ledger: Ledger) -> Block:
    """Map the QPV within its agglomération, perimeters of 2024 and 2015."""
    del ledger
    own = profile.code
    base, points = communes_of(profile)
    codes = profile.peer_codes.get(("epci", "2024"), frozenset()) | {own}
    new, approximate = qpv_of(profile, codes, "2024")
    old, _ = qpv_of(profile, {p.code for p in profile.predecessors}, "2015", outlines_only=True)
    new = new.assign(
        tip=[f"{n}\n{c}" for n, c in zip(new["name"], new["code"], strict=True)],
        fill=["#0b5fa5" if c == own else "#9db4c8" for c in new["code"]],
        radius=[9.0 if c == own else 6.0 for c in new["code"]],
    )
    if not profile.perimeter_known and len(old):
        new = new.iloc[:0]
    old = old.assign(tip=[f"{n}\npérimètre de 2015, {c}" for n, c in zip(old["name"], old["code"], strict=True)])
    layers = [
        Layer(base, "commune", fill="#f6f4ef", stroke="#b9b2a6"), Layer(points, "point", fill="#d9d4ca", radius=3.5),
        Layer(new, "qpv", stroke="#0b3d6b"), Layer(old, "qpv", stroke=maps.OWN_STROKE, weight=1.5, dash="4 3"),
    ]  # fmt: skip
    legend = [("#0b5fa5", "ce quartier"), ("#9db4c8", "autres QPV de l’agglomération")]
    if len(old):
        legend.append((maps.OWN_STROKE, "périmètre de 2015 (tirets)"))
    legend += of_points(points)
    rows = [[n, c, _commune_names(profile, m)] for n, c, m in zip(new["name"], new["code"], new["communes"], strict=True)]
    data = tables.plain_table(["QPV", "Code", "Communes"], rows, "QPV de l’agglomération", "small")
    note = APPROXIMATE if approximate else ""
    mine = new[new["code"] == own]
    return framed(
        "Où se trouve le quartier", layers, "carte-lieu", legend, note, data, focus_of(layers), inset=close_up(mine, old)
    )


def headline(profile: Profile, figure: KeyFigure, ledger: Ledger) -> Block:
    """Map the headline indicator over the QPV of the EPCI, else of the département."""
    return qpv_choropleth(profile, figure, ledger, "carte-titre", HEADLINE_SCOPES)


def over_panel(panel: Profile, indicator: Indicator, rows: pd.DataFrame, generation: str, period: str, key: str) -> Block:
    """Map an indicator over all QPV of an agglomération, none of them singled out; a grey one has no value.

    ``rows`` holds the figures by code of the QPV.
    """
    codes = panel.peer_codes.get(("epci", generation), frozenset())
    shapes, approximate = qpv_of(panel, codes, generation)
    values = shapes["code"].map(rows["value"]).astype(float)
    classes = maps.classify(list(values))
    words = ["pas de valeur" if math.isnan(v) else format_value(v, indicator.unit, indicator.decimals) for v in values]
    shapes = shapes.assign(
        value=values,
        said=words,
        tip=[f"{n}\n{indicator.short} : {w}" for n, w in zip(shapes["name"], words, strict=True)],
        fill=[classes.colour(v) if classes else maps.NO_VALUE for v in values],
    )
    base, points = communes_of(panel)
    layers = [Layer(base, "commune", fill="#f6f4ef", stroke="#b9b2a6"), Layer(points, "point", fill="#d9d4ca", radius=3),
              Layer(shapes, "qpv", radius=7)]  # fmt: skip
    order = shapes.sort_values("value", ascending=False, na_position="last", kind="stable")
    data = tables.plain_table(
        ["QPV", indicator.short], [list(r) for r in zip(order["name"], order["said"], strict=True)], indicator.label, "small"
    )
    title = f"{indicator.label}, {format_period(period)}"
    notes = [f"Périmètres de {generation}."] + ([APPROXIMATE] if approximate else [])
    legend = legend_of(classes, indicator.unit, indicator.decimals, None)
    focus = shapes.geometry if len(shapes) else None
    return framed(title, layers, key, legend, " ".join(notes), data, focus, source_of(panel, rows))


def places_over(
    panel: Profile, places: gpd.GeoDataFrame, title: str, key: str, legend: list[tuple[str, str]], note: str, data: str, source: str
) -> Block:  # fmt: skip
    """Map places (``tip``, ``fill``) over the communes and QPV of an agglomération; ``data`` is their table, as HTML."""
    base, points = communes_of(panel)
    qpv, _ = qpv_of(panel, panel.peer_codes.get(("epci", "2024"), frozenset()), "2024", outlines_only=True)
    qpv = qpv.assign(tip=qpv["name"])
    layers = [Layer(base, "commune", fill="#f6f4ef", stroke="#b9b2a6"), Layer(points, "point", fill="#d9d4ca", radius=3),
              Layer(qpv, "qpv", fill="#f3e3d3", stroke=maps.OWN_STROKE, weight=1.5), Layer(places, "point", stroke="#ffffff", radius=6)]  # fmt: skip
    return framed(title, layers, key, legend, note, data, focus_of([layers[2], layers[3]]), source)


APPROXIMATE: Final = "Contours absents : chaque quartier est placé au point de sa commune (côte à côte s’ils sont plusieurs), et non à sa place exacte."


def communes_of(profile: Profile) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give outlines of the communes of the EPCI, and points for those without outline: ``code, name, tip, geometry`` (EPSG:4326)."""
    codes = around(profile)
    places = profile.warehouse.communes
    places = places[places.index.isin(codes)]
    shapes = profile.warehouse.geometry("commune", codes)
    shapes = _empty() if shapes is None else shapes
    shapes = shapes.assign(name=shapes["code"].map(places["name"]))
    shapes["tip"] = shapes["name"].fillna(shapes["code"])
    lacking = places[~places.index.isin(shapes["code"]) & places["longitude"].notna()]
    points = gpd.GeoDataFrame(
        {"code": lacking.index, "name": lacking["name"].to_numpy(), "tip": lacking["name"].to_numpy()},
        geometry=gpd.points_from_xy(lacking["longitude"], lacking["latitude"]), crs=_WGS84,
    )  # fmt: skip
    return shapes, points


def qpv_of(
    profile: Profile, codes: set[str] | frozenset[str], generation: str, *, outlines_only: bool = False
) -> tuple[gpd.GeoDataFrame, bool]:
    """Give the QPV as outlines, or as points of their commune; tell whether any is such a point.

    Columns: ``code, level, generation, name, communes, geometry`` (EPSG:4326).
    """
    places = profile.warehouse.places("qpv").drop(columns="code")
    places = places[places.index.isin(codes)]
    shapes = profile.warehouse.geometry("qpv", codes)
    shapes = _empty() if shapes is None else shapes[shapes["generation"] == generation]
    lacking = places.loc[~places.index.isin(shapes["code"])]
    if outlines_only or lacking.empty:
        return _named(shapes, places), False
    communes = profile.warehouse.communes[["longitude", "latitude"]]
    kept: list[str] = []
    where: list[Point] = []
    seen: dict[str, int] = {}
    for code, place in lacking.iterrows():
        main = place["communes"].split(" ")[0]
        if main not in communes.index or math.isnan(communes.at[main, "longitude"]):
            continue
        turn = seen[main] = seen.get(main, -1) + 1
        kept.append(code)
        where.append(Point(communes.at[main, "longitude"] + 0.006 * turn, communes.at[main, "latitude"]))
    points = gpd.GeoDataFrame({"code": kept, "level": "qpv", "generation": generation}, geometry=where, crs=_WGS84)
    both = pd.concat([shapes, points], ignore_index=True) if len(shapes) else points
    return _named(both, places), bool(kept)


def _named(shapes: gpd.GeoDataFrame, places: pd.DataFrame) -> gpd.GeoDataFrame:
    shapes = shapes.assign(name=shapes["code"].map(places["name"]), communes=shapes["code"].map(places["communes"]))
    shapes["name"] = shapes["name"].fillna(shapes["code"])
    return shapes.assign(communes=shapes["communes"].fillna("")).reset_index(drop=True)


def _empty() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"code": [], "level": [], "generation": []}, geometry=[], crs=_WGS84)


class Spread(NamedTuple):
    """The figures of one indicator over QPV: where, on which perimeters, when; ``rows`` by code, see ``Profile.others``."""

    scope: str  # epci or departement
    generation: str
    period: str  # "" when no QPV has a figure
    rows: pd.DataFrame
    own: str  # the code of this QPV in that generation, "" when it has none
    codes: frozenset[str]


def spread_of(profile: Profile, figure: KeyFigure, scopes: tuple[str, ...] = HEADLINE_SCOPES) -> Spread:
    """Choose the QPV over which a figure is mapped, and when: of the first scope where enough of them have it.

    The date is that of the QPV's own figure; where no other QPV has that one (a contract alone prints it), the latest that
    three quarters of those have that the best known date has.
    """
    generation = figure.own["generation"] if figure.own is not None else next(iter(profile.codes), "2015")
    rows = profile.of_all_qpv(figure.indicator.id, generation)
    if rows.empty:  # a map of the neighbours as they were measured says more than one without a value
        generation = "2015"
        rows = profile.of_all_qpv(figure.indicator.id, generation)
    period = figure.own["period"] if figure.own is not None else (rows["period"].max() if len(rows) else "")
    held = {s: rows.loc[rows["territory"].isin(profile.peer_codes.get((s, generation), frozenset())), "period"] for s in scopes}
    if max((held[s] == period).sum() for s in scopes) < 2:
        period = max(well_known(held[scopes[-1]].value_counts().to_dict()), key=period_position, default=period)
    scope = next((s for s in scopes if (held[s] == period).sum() >= ENOUGH), scopes[0])
    rows = rows[rows["period"] == period].set_index("territory")
    own = profile.codes.get(generation, "")
    codes = profile.peer_codes.get((scope, generation), frozenset()) | ({own} if own else set())
    return Spread(scope, generation, period, rows, own, codes)


def qpv_choropleth(profile: Profile, figure: KeyFigure, ledger: Ledger, key: str, scopes: tuple[str, ...]) -> Block:
    """Map an indicator over the QPV of the first scope where enough of them have it, see :func:`spread_of`."""
    indicator = figure.indicator
    scope, generation, period, rows, own, codes = spread_of(profile, figure, scopes)
    shapes, approximate = qpv_of(profile, codes, generation)
    values = shapes["code"].map(rows["value"]).astype(float)
    classes = maps.classify(list(values))
    ledger.add_all(rows[rows.index.isin(shapes["code"])].reset_index())
    words = ["pas de valeur" if math.isnan(v) else format_value(v, indicator.unit, indicator.decimals) for v in values]
    codes_in_order, mine = list(shapes["code"]), values[(shapes["code"] == own).to_numpy()]
    shapes = shapes.assign(
        tip=[f"{n}\n{indicator.short} : {w}" for n, w in zip(shapes["name"], words, strict=True)],
        fill=[classes.colour(v) if classes else maps.NO_VALUE for v in values],
        stroke=[maps.OWN_STROKE if c == own else maps.STROKE for c in shapes["code"]],
        weight=[3.5 if c == own else 1.0 for c in shapes["code"]],
        radius=[9.0 if c == own else 6.0 for c in shapes["code"]],
    )
    base, points = communes_of(profile)
    wide = scope == "departement"
    if wide:  # at this scale an outline is a speck: a disc shows the class, at the QPV's own place
        shapes = shapes.set_geometry(shapes.geometry.representative_point())
        outline = profile.warehouse.geometry("departement", [profile.place["departement"]])
        base = base.iloc[:0] if outline is None else outline.assign(tip=_departement_name(profile), name="")
        points = points.iloc[:0]
    shapes = shapes.assign(order=shapes["code"] == own).sort_values("order", kind="stable")
    layers = [Layer(base, scope if wide else "commune", fill="#f6f4ef", stroke="#b9b2a6"),
              Layer(points, "point", fill="#d9d4ca", radius=3), Layer(shapes, "point" if wide else "qpv")]  # fmt: skip
    unmeasured = not own or own not in codes_in_order
    if unmeasured and profile.perimeter_known:
        this, _ = qpv_of(profile, {profile.code}, "2024")
        this = this.assign(tip=this["name"] + "\npas de valeur")
        layers.append(Layer(this.set_geometry(this.representative_point()) if wide else this, "point" if wide else "qpv",
                            stroke=maps.OWN_STROKE, weight=3.0, radius=9.0))  # fmt: skip
    order = shapes.assign(value=shapes["code"].map(rows["value"]).astype(float)).sort_values(
        "value", ascending=False, na_position="last"
    )
    said = dict(zip(codes_in_order, words, strict=True))
    data = tables.plain_table(
        ["QPV", indicator.short],
        [[n, said[c]] for n, c in zip(order["name"], order["code"], strict=True)],
        indicator.label,
        "small",
    )
    place = {"epci": "de l’agglomération", "departement": "du département"}[scope]
    title = f"{indicator.label}, QPV {place}{', ' + format_period(period) if period else ''}"
    notes = [f"Périmètres de {generation}."] + ([APPROXIMATE] if approximate else [])
    legend = legend_of(classes, indicator.unit, indicator.decimals, mine) + of_points(points)
    if unmeasured:
        legend.append((maps.OWN_STROKE, f"ce quartier{NNBSP}: pas de valeur"))
    focus = shapes.geometry if len(shapes) else None
    return framed(title, layers, key, legend, " ".join(notes), data, focus, source_of(profile, rows[rows.index.isin(codes)]))


def focus_of(layers: list[Layer]) -> gpd.GeoSeries | None:
    """Give all shapes of some layers, for a view that holds them."""
    shapes = [la.shapes.geometry for la in layers if len(la.shapes)]
    return pd.concat(shapes) if shapes else None


def _departement_name(profile: Profile) -> str:
    return next((p.name for p in profile.comparators["departement"]), "")


def _commune_names(profile: Profile, codes: str) -> str:
    names = profile.warehouse.communes["name"]
    return ", ".join(names.get(c, c) for c in codes.split(" ") if c)


def source_of(profile: Profile, rows: pd.DataFrame) -> str:
    """Name the sources of mapped figures, for a map that is saved apart from its page."""
    names = dict.fromkeys(tables.edition_name(profile, row) for _, row in rows.drop_duplicates("edition").iterrows())
    return f"Source : {' ; '.join(names)}. " if names else ""


def framed(
    title: str, layers: list[Layer], key: str, legend: list[tuple[str, str]], note: str, data: str,
    focus: gpd.GeoSeries | None, source: str = "", inset: Inset = NO_INSET,
) -> Block:  # fmt: skip
    """Put a map into its frame: title, drawing, legend (colour, words), note, table (HTML) and source.

    ``key`` names the map within its page; the view holds ``focus``, else everything; without any shape the frame says so.
    """
    if not any(len(layer.shapes) for layer in layers):
        return Block(f"<p class='notice'>{text(title)} : ni contour ni point connus, la carte ne peut pas être dessinée.</p>")
    label = key.replace("-", "_")
    drawing = maps.draw(layers, key, title, CREDIT, focus)
    swatches = "".join(f"<li>{f'<i style=background:{c}></i>' if c else ''}{text(words)}</li>" for c, words in legend)
    below = " ".join(filter(None, [note, source.strip()]))
    after = (
        f"{inset.html}<ul class='legend'>{swatches}</ul>" + (f"<p class='note'>{text(below)}</p>" if below else "")
        + f"<details><summary>Données de la carte</summary>{data}</details></figure>"
    )  # fmt: skip
    said = text(f"{source}{CREDIT}.")
    head = f"<figure class='map-figure' data-source='{said}'><figcaption>{text(title)}</figcaption>"
    spec = f'<script type="application/json">{script_json(drawing.spec)}</script>'
    html = f'{head}<div class="map" data-map="{key}">{drawing.svg}{spec}</div>{after}'
    still = os.environ.get(STILL)
    picture = maps.defs(drawing.outlines) + drawing.svg if still else live_maps.frame(layers, label, title, CREDIT, focus)
    lab = f'<div class="qpv">{maps.defs(inset.outlines)}{head}{picture}{after}</div>'
    return Block(html, lab, drawing.outlines | inset.outlines)
