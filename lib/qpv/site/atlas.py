"""The map of a run: each QPV as its outline where few are drawn, as a point where many are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd

from qpv import maps
from qpv.html import script_json, text
from qpv.maps import Layer
from qpv.numbers import NNBSP, format_number
from qpv.warehouse import Warehouse

_WGS84: Final = 4326
#: Up to so many QPV, in a view of so many degrees, are drawn by their outlines: more are megabytes, smaller ones specks.
_OUTLINED: Final = 120
_CLOSE: Final = 0.4
#: The first two figures of the départements and collectivités overseas.
_OVERSEAS: Final = ("97", "98")
#: Letter of a status (see :func:`qpv.site.index.Run.marks`) -> colour and words; the first that a QPV has decides.
_COLOURS: Final = {
    "f": ("#b5500b", "un brief au moins en échec"),
    "d": ("#85b1d3", "un brief au moins partiel"),
    "o": ("#0b5fa5", "tous les briefs complets"),
}
#: Degrees between QPV that are only known by the point of one commune.
_APART: Final = 0.006
_CREDIT: Final = "Contours : ANCT, IGN ; points des communes : GeoNames"


@dataclass(frozen=True)
class RunMap:
    """The map's HTML, and the outlines that it names."""

    html: str
    outlines: dict[str, str]


def run_map(places: pd.DataFrame, communes: Mapping[str, str], marks: Mapping[str, str], warehouse: Warehouse) -> RunMap:
    """Draw the QPV of a run.

    Parameters
    ----------
    places
        The QPV by code, in the order of the list: ``name, communes, departement, longitude, latitude`` (EPSG:4326).
    communes
        Names of the communes by QPV.
    marks
        Letters of the statuses of its briefs by QPV.
    """
    shapes, approximate = _shapes(places, warehouse)
    if shapes.empty:
        return RunMap(
            "<p class='notice'>Ni contour ni point connus : la carte ne peut pas être dessinée.</p>" if len(places) else "", {}
        )
    shapes["tip"] = [f"{places.at[c, 'name']}\n{c}, {communes[c]}" for c in shapes["code"]]
    status = [next((s for s in _COLOURS if s in marks[c]), "o") for c in shapes["code"]]
    shapes["fill"] = [_COLOURS[s][0] for s in status]
    few = len(shapes) <= _OUTLINED
    layer = Layer(shapes, "qpv", fill=_COLOURS["o"][0], stroke="#0b3d6b", weight=1.0 if few else 0.5, radius=6.0 if few else 4.0)
    layers = [*_ground(places, warehouse, few), layer]
    territory = shapes["code"].map(places["departement"]).map(lambda d: d if d.startswith(_OVERSEAS) else "")
    groups = {t: shapes.geometry[(territory == t).to_numpy()] for t in sorted(territory.unique())}
    main = next(iter(groups.values()))  # metropolitan France where there is any: the overseas would shrink it to a spot
    label = f"Les {format_number(len(shapes))} quartiers de la page" if len(shapes) > 1 else "Le quartier de la page"
    drawing = maps.draw(layers, "carte-run", label, _CREDIT, main)
    spec = drawing.spec | {"codes": list(shapes["code"])}
    names = warehouse.places("departement")["name"]
    called = {t: names.get(t, t) if t else "France métropolitaine" for t in groups}
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{text(words)}</li>'
        for s, (colour, words) in reversed(_COLOURS.items())
        if s in status
    )
    notes = _notes(places, shapes, approximate, bare=len(layers) == 1)
    html = f"""<h2 id="carte">Carte</h2><figure class="atlas"><figcaption>{text(label)}</figcaption>
{_views(groups, called)}<div class="map" data-map="carte-run">{drawing.svg}<script type="application/json">{script_json(spec)}</script></div>
{_insets(layer, groups, called)}<ul class="legend">{legend}</ul>{notes}<p id="shown" class="note" role="status"></p></figure>"""
    return RunMap(html, drawing.outlines)


def _shapes(places: pd.DataFrame, warehouse: Warehouse) -> tuple[gpd.GeoDataFrame, int]:
    """Place each QPV; count those that are only known by the point of their commune."""
    points = warehouse.communes[["longitude", "latitude"]]
    where = places[["longitude", "latitude"]].astype(float).to_numpy(copy=True)
    turns: dict[str, int] = {}
    for n in np.flatnonzero(np.isnan(where).any(axis=1)):
        commune = places["communes"].iloc[n].split(" ")[0]
        if commune in points.index:
            turn = turns[commune] = turns.get(commune, -1) + 1
            where[n] = points.loc[commune].to_numpy(float)
            where[n, 0] += _APART * turn
    known = ~np.isnan(where).any(axis=1)
    shapes = gpd.GeoDataFrame(
        {"code": places.index[known]}, geometry=gpd.points_from_xy(*where[known].T), crs=_WGS84
    )  # fmt: skip
    west, south, east, north = shapes.total_bounds if len(shapes) else (0.0,) * 4
    if len(shapes) <= _OUTLINED and max(east - west, north - south) <= _CLOSE:
        found = warehouse.geometry("qpv", list(shapes["code"]))
        outlines = {} if found is None else dict(zip(found["code"], found.geometry, strict=True))
        shapes = shapes.set_geometry(gpd.GeoSeries([outlines.get(c, p) for c, p in zip(shapes["code"], shapes.geometry, strict=True)],
                                                   crs=_WGS84))  # fmt: skip
    return shapes, int(known.sum() - places["longitude"].notna().sum())


def _ground(places: pd.DataFrame, warehouse: Warehouse, few: bool) -> list[Layer]:
    """Give what lies below: the communes around a few QPV, the départements of many, where their outlines are known."""
    level = "commune" if few else "departement"
    if few:
        epci = {c for said in places["epci"] for c in said.split(" ") if c}
        codes = set(warehouse.communes.index[warehouse.communes["epci"].isin(epci)])
    else:
        codes = set(places["departement"])
    found = warehouse.geometry(level, codes)
    # A few départements of France, for the others lack an outline, would look like a statement.
    if found is None or found.empty or not (few or codes <= set(found["code"])):
        return []
    names = warehouse.places(level)["name"]
    return [Layer(found.assign(tip=found["code"].map(names).fillna("")), level, fill="#f6f4ef", stroke="#b9b2a6")]


def _views(groups: Mapping[str, gpd.GeoSeries], names: Mapping[str, str]) -> str:
    """Write a button for each territory that one view cannot hold with the others; the script shows them."""
    if len(groups) < 2:
        return ""
    buttons = []
    for t, points in groups.items():
        west, south, east, north = (round(float(v), 3) for v in points.total_bounds)
        buttons.append(f'<button type="button" data-view="{south},{west},{north},{east}">{text(names[t])}</button>')
    return f'<p id="views" class="views no-print" hidden>{"".join(buttons)}</p>'


def _insets(layer: Layer, groups: Mapping[str, gpd.GeoSeries], names: Mapping[str, str]) -> str:
    """Draw the territories beyond the main view small, for print and for a page without script."""
    figures = []
    for t, points in list(groups.items())[1:]:
        shapes = layer.shapes.loc[points.index]
        shapes = shapes.set_geometry(shapes.geometry.representative_point())
        inset = maps.draw(
            [Layer(shapes, "point", layer.fill, layer.stroke, radius=14)], f"carte-{t}", f"{names[t]}, quartiers", ""
        )
        figures.append(f"<figure><figcaption>{text(names[t])}</figcaption>{inset.svg}</figure>")
    return f'<div class="insets">{"".join(figures)}</div>' if figures else ""


def _notes(places: pd.DataFrame, shapes: gpd.GeoDataFrame, approximate: int, *, bare: bool) -> str:
    notes = []
    if bare:
        notes.append(
            "Aucun contour connu n’entoure ces quartiers : ils sont dessinés seuls, le fond de l’IGN se coche quand il y a une connexion."
        )
    if approximate:
        notes.append(
            f"{format_number(approximate)} {'quartiers sans contour sont placés' if approximate > 1 else 'quartier sans contour est placé'} "
            "au point de la commune (côte à côte s’ils sont plusieurs), et non à la place exacte."
        )
    lacking = len(places) - len(shapes)
    if lacking:
        notes.append(f"Sans position connue, hors de la carte{NNBSP}: {format_number(lacking)}.")
    notes.append("Le bouton d’un quartier, dans la liste, le montre sur la carte ; un clic sur la carte le montre dans la liste.")
    return f'<p class="note">{text(" ".join(notes))}</p>'
