"""A map for a notebook of one's own: a value over QPV or communes, folium with Leaflet alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd

from qpv import live_maps, maps, tables
from qpv.atomic import write_atomically
from qpv.errors import ParameterError
from qpv.html import text
from qpv.maps import Layer
from qpv.numbers import NNBSP, format_value, french_spacing
from qpv.quarter import format_period
from qpv.vocabulary import UNITS
from qpv.warehouse import Warehouse

CREDIT: Final = "Contours : ANCT, IGN ; points des communes : GeoNames"
APPROXIMATE: Final = "Contours absents : chaque quartier est placé au point de sa commune (côte à côte s’ils sont plusieurs), et non à sa place exacte."
#: Columns that are differences, and how they are said.
_DIFFERENCES: Final = {
    "gap": "écart", "gap_start": "écart de départ", "gap_end": "écart d’arrivée", "gap_change": "évolution de l’écart",
    "own_change": "évolution", "change": "évolution",
}  # fmt: skip
_WGS84: Final = 4326
#: With more communes than this around the shapes they are no background, but the whole picture.
_MOST_COMMUNES: Final = 400
#: Degrees between the points of two QPV of one commune.
_BESIDE: Final = 0.006


@dataclass(frozen=True)
class Choropleth:
    """A value over territories, as a folium map in a notebook and as a table of the same values.

    ``shapes`` has ``code, name, value, said`` (the value in French words) and ``geometry`` (EPSG:4326: outlines, or
    points of the main commune where no contour was dropped).
    """

    shapes: gpd.GeoDataFrame = field(repr=False)
    title: str
    notes: tuple[str, ...] = ()
    frame: str = field(default="", repr=False)
    legend: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        swatches = "".join(
            f'<li style="display:inline-block;margin-right:1em"><span style="display:inline-block;width:1em;height:1em;'
            f'background:{colour};border:1px solid #5b6672"></span> {text(words)}</li>'
            for colour, words in self.legend
        )
        notes = "".join(f"<p>{text(note)}</p>" for note in self.notes)
        order = self.shapes.sort_values("value", ascending=False, na_position="last", kind="stable")
        rows = [list(row) for row in zip(order["name"], order["code"], order["said"], strict=True)]
        table = tables.plain_table(["Territoire", "Code", "Valeur"], rows, self.title)
        return (
            f"<figure><figcaption><b>{text(self.title)}</b></figcaption>{self.frame}"
            f'<ul style="list-style:none;padding:0">{swatches}</ul>{notes}'
            f"<details><summary>Données de la carte</summary>{table}</details></figure>"
        )

    def save(self, path: str | Path) -> Path:
        """Write the map as one HTML page that asks no host for anything; the page appears whole."""
        page = (
            f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{text(self.title)}</title></head>'
            f"<body>{self._repr_html_()}</body></html>\n"
        )
        write_atomically(Path(path), page)
        return Path(path)


def of_table(
    warehouse: Warehouse, data: pd.DataFrame | pd.Series, value: str, title: str = "", unit: str = "", decimals: int | None = None,
    own: Collection[str] = (), points: gpd.GeoDataFrame | None = None,
) -> Choropleth:  # fmt: skip
    """Draw a column of a table, see :func:`qpv.verbs.map`; the table's indicator, period and editions are said on the map.

    Raises
    ------
    ParameterError
        If a column lacks, a territory comes twice, a code or unit is unknown, or several indicators or periods are mixed.
    """
    if unit and unit not in UNITS:
        raise ParameterError(f"unknown unit {unit!r}: expected one of {', '.join(UNITS)}")
    if isinstance(data, pd.Series):
        return draw(
            warehouse,
            data,
            title or str(data.name or "Valeur"),
            unit or "ratio",
            1 if decimals is None else decimals,
            own,
            points,
        )
    values = _values(data, value)
    about = warehouse.catalog.indicators.get(_one(data, "indicator"))
    words = title or value
    if about is not None:
        said = "" if value == "value" else f" ({_DIFFERENCES.get(value, value)})"
        period = _one(data, "period")
        words = title or f"{about.label}{said}{f', {format_period(period)}' if period else ''}"
        if value in ("value", "other", *_DIFFERENCES):
            decimals = about.decimals if decimals is None else decimals
            unit = unit or ("points" if value in _DIFFERENCES and about.unit == "pct" else about.unit)
    return draw(
        warehouse, values, words, unit or "ratio", 1 if decimals is None else decimals, own, points, _credits(data, warehouse)
    )


def _values(data: pd.DataFrame, value: str) -> pd.Series:
    """Give the values of a column by code of the territory that was measured."""
    lacking = [c for c in ("territory", value) if c not in data]
    if lacking:
        raise ParameterError(f"no column {lacking[0]!r} to map: the table has {', '.join(str(c) for c in data.columns)}")
    codes = data["territory"] if "measured_on" not in data else data["measured_on"].fillna(data["territory"])
    if codes.duplicated().any():
        twice = codes[codes.duplicated()].iloc[0]
        raise ParameterError(f"{twice!r} comes twice: keep one indicator and one period, one row a territory")
    if not pd.api.types.is_numeric_dtype(data[value]) and data[value].notna().any():
        raise ParameterError(f"column {value!r} holds no numbers; a French CSV is read with read_csv(…, sep=';', decimal=',')")
    return pd.Series(data[value].to_numpy(dtype=float, na_value=math.nan), index=codes.astype(str))


def _one(data: pd.DataFrame, column: str) -> str:
    """Give what all rows of a table share, "" where they say nothing."""
    found = sorted(data[column].dropna().astype(str).unique()) if column in data else []
    if len(found) > 1:
        raise ParameterError(f"a map shows one {column}, this table has {len(found)}: {', '.join(found[:5])}; keep one")
    return found[0] if found else ""


def _credits(data: pd.DataFrame, warehouse: Warehouse) -> list[str]:
    """Name, in French, the perimeters and sources of the figures of a table, where it says them."""
    told = []
    if "generation" in data:
        told += [f"Périmètres de {g}." for g in sorted({str(g) for g in data["generation"].dropna()} - {""})]
    if "edition" in data:
        known = warehouse.editions.set_index("edition")
        names = [
            f"{known.at[e, 'producer']}, {known.at[e, 'dataset']}" for e in data["edition"].dropna().unique() if e in known.index
        ]
        told += [f"Source : {' ; '.join(dict.fromkeys(names))}."] if names else []
    return [french_spacing(words) for words in told]


def draw(
    warehouse: Warehouse, values: pd.Series, title: str, unit: str = "ratio", decimals: int = 1, own: Collection[str] = (),
    points: gpd.GeoDataFrame | None = None, notes: Sequence[str] = (),
) -> Choropleth:  # fmt: skip
    """Draw values by code of QPV (either generation) or commune.

    Parameters
    ----------
    values
        By code; a missing one is drawn grey and said to be so.
    unit, decimals
        How the values are written, see :data:`qpv.vocabulary.UNITS`.
    own
        Codes that are set off by a thick outline.
    points
        Things of one's own to draw above, in any reference system; a column ``name`` gives their tips.

    Raises
    ------
    ParameterError
        If a code is neither a QPV nor a commune, or nothing can be placed.
    """
    shapes, approximate = outlines(warehouse, list(values.index))
    shapes = shapes.assign(value=shapes["code"].map(values).astype(float))
    said = ["pas de valeur" if math.isnan(v) else format_value(v, unit, decimals) for v in shapes["value"]]
    classes = maps.classify(list(shapes["value"]))
    shapes = shapes.assign(said=said)
    drawn = shapes.assign(
        tip=[f"{n}\n{w}" for n, w in zip(shapes["name"], said, strict=True)],
        fill=[classes.colour(v) if classes else maps.NO_VALUE for v in shapes["value"]],
        stroke=[maps.OWN_STROKE if c in own else maps.STROKE for c in shapes["code"]],
        weight=[3.5 if c in own else 1.0 for c in shapes["code"]],
        radius=[9.0 if c in own else 6.0 for c in shapes["code"]],
    )
    layers = [*_background(warehouse, shapes["code"]), Layer(drawn, "qpv", radius=7)]
    if points is not None:
        layers.append(Layer(_own_points(points), "point", fill=maps.OWN_STROKE, radius=5))
    legend = [] if classes is None else [
        (colour, f"{'≤ ' if classes.method == 'quantiles' else ''}{format_value(bound, unit, decimals)}")
        for bound, colour in zip(classes.bounds, classes.colours, strict=True)
    ]  # fmt: skip
    if shapes["value"].isna().any():
        legend.append((maps.NO_VALUE, "pas de valeur"))
    if classes is not None:
        notes = [*notes, f"Classes{NNBSP}: {classes.method}, n{NNBSP}= {classes.count}."]
    frame = live_maps.frame(layers, "carte", title, CREDIT, drawn.geometry)
    return Choropleth(shapes, title, (*notes, *([APPROXIMATE] if approximate else [])), frame, tuple(legend))


def outlines(warehouse: Warehouse, codes: Sequence[str]) -> tuple[gpd.GeoDataFrame, bool]:
    """Give QPV and communes as outlines (``code, name, geometry``), else as points; tell whether any QPV is such a point.

    Raises
    ------
    ParameterError
        If a code is neither a QPV nor a commune, or none can be placed.
    """
    wanted = list(dict.fromkeys(codes))
    qpv, communes = warehouse.places("qpv"), warehouse.places("commune")
    strange = [c for c in wanted if c not in qpv.index and c not in communes.index]
    if strange:
        raise ParameterError(
            f"{strange[0]!r} is neither a QPV nor a commune that is known here: give codes such as QN06254M, QP062056 or 62193"
        )
    found: dict[str, object] = {}
    for level in ("qpv", "commune"):
        shapes = warehouse.geometry(level, wanted)
        found |= {} if shapes is None else dict(zip(shapes["code"], shapes.geometry, strict=True))
    lacking = [c for c in wanted if c not in found]
    placed: dict[str, list[str]] = {}
    for code in lacking:
        main = code if code in communes.index else qpv.at[code, "communes"].split(" ")[0]
        if main in communes.index and not math.isnan(communes.at[main, "longitude"]):
            placed.setdefault(main, []).append(code)
    for main, together in placed.items():
        longitudes = [communes.at[main, "longitude"] + _BESIDE * turn for turn in range(len(together))]
        found |= dict(zip(together, gpd.points_from_xy(longitudes, [communes.at[main, "latitude"]] * len(together)), strict=True))
    kept = [c for c in wanted if c in found]
    if not kept:
        raise ParameterError(
            f"none of {len(wanted)} territories can be placed: drop the contours into data/raw, then 'make data'"
        )
    names = [str((qpv if c in qpv.index else communes).at[c, "name"]) for c in kept]
    table = gpd.GeoDataFrame({"code": kept, "name": names}, geometry=[found[c] for c in kept], crs=_WGS84)
    return table, any(c in qpv.index for c in lacking)


def _background(warehouse: Warehouse, codes: pd.Series) -> list[Layer]:
    """Draw the communes of the agglomérations, as outlines or points; over more of France nothing."""
    qpv, communes = warehouse.places("qpv"), warehouse.places("commune")
    epci = {e for c in codes if c in qpv.index for e in qpv.at[c, "epci"].split(" ") if e}
    around = communes[communes["epci"].isin(epci)]
    if around.empty or len(around) > _MOST_COMMUNES:
        return []
    shapes = warehouse.geometry("commune", around.index)
    layers = []
    if shapes is not None and len(shapes):
        known = shapes.assign(tip=shapes["code"].map(around["name"]))
        layers.append(Layer(known, "commune", fill="#f6f4ef", stroke="#b9b2a6"))
        around = around[~around.index.isin(known["code"])]
    around = around[around["longitude"].notna()]
    where = gpd.points_from_xy(around["longitude"], around["latitude"])
    layers.append(
        Layer(gpd.GeoDataFrame({"tip": list(around["name"])}, geometry=where, crs=_WGS84), "point", fill="#d9d4ca", radius=3)
    )
    return layers


def _own_points(points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if points.crs is None:
        raise ParameterError("the points have no reference system: say which with set_crs, for instance set_crs(4326)")
    names = points["name"].astype(str) if "name" in points else pd.Series("", index=points.index)
    return gpd.GeoDataFrame({"tip": list(names)}, geometry=list(points.geometry), crs=points.crs).to_crs(_WGS84)
