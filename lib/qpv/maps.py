"""Maps: outlines written once a page, each map a list of references to them, colours in classes.

A map of a brief is two things at once: an inline SVG, for print and for a page without script, and a
description from which the page's script draws the same map with Leaflet.  Both name outlines by id.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from qpv.html import text, visible

#: Sequential, colour-blind safe, neutral: a darker class is a higher value, not a worse one.
CLASSES: Final = ("#eaf2f8", "#bdd5e7", "#85b1d3", "#4585b8", "#1b5388")
NO_VALUE: Final = "#e4e2de"
OWN_STROKE: Final = "#b5500b"
STROKE: Final = "#5b6672"

#: Degrees: about 6 m for QPV, 60 m for communes and larger; then five decimals (1 m).
_TOLERANCE: Final = {"qpv": 0.00006, "commune": 0.0006, "epci": 0.0006, "departement": 0.002}
#: Outlines are written in units of 10⁻⁵ degree (about a metre), south positive as SVG wants it.
UNITS_PER_DEGREE: Final = 100_000
#: Points of an SVG map are drawn for a picture of this width, in pixels.
_WIDTH: Final = 640


@dataclass(frozen=True)
class Layer:
    """Shapes of one kind.

    ``shapes`` has ``geometry`` (EPSG:4326), ``code`` where outlines have one, and ``tip`` (plain text, lines
    separated by a line feed), and may have ``fill``, ``stroke``, ``weight``, ``radius`` (points, in pixels).
    """

    shapes: gpd.GeoDataFrame
    level: str = "qpv"
    fill: str = ""
    stroke: str = STROKE
    weight: float = 1.0
    dash: str = ""
    opacity: float = 0.85
    radius: float = 6.0


@dataclass(frozen=True)
class Drawing:
    """A drawn map: its SVG, its description for the page's script, and the outlines that both name."""

    svg: str
    spec: dict[str, Any]
    outlines: dict[str, str]


def draw(layers: Sequence[Layer], key: str, label: str, credit: str, focus: gpd.GeoSeries | None = None) -> Drawing:
    """Draw layers, the first below; the view holds ``focus``, else everything.

    Parameters
    ----------
    layers
        What is drawn; labels and tips are plain text, escaped here.
    key
        A name of the map, unique in its page.
    label, credit
        What the map shows, for a screen reader, and where its outlines come from.
    focus
        Geometries in EPSG:4326 that the view must hold.
    """
    south, west, north, east = extent(layers, focus)
    outlines: dict[str, str] = {}
    described, drawn = [], []
    squeeze = math.cos(math.radians((south + north) / 2))
    unit = (east - west) * UNITS_PER_DEGREE * squeeze / _WIDTH
    for layer in layers:
        if len(layer.shapes):
            items = _items(layer, key, outlines)
            described.append(_looks(layer) | {"items": items})
            drawn += [_element(layer, item, unit, squeeze) for item in items]
    x, y = west * UNITS_PER_DEGREE * squeeze, -north * UNITS_PER_DEGREE
    width, height = (east - west) * UNITS_PER_DEGREE * squeeze, (north - south) * UNITS_PER_DEGREE
    svg = (
        f'<svg class="map-print" viewBox="{x:.0f} {y:.0f} {width:.0f} {height:.0f}" role="img" aria-label="{text(label)}">'
        f"{''.join(drawn)}</svg>"
    )
    spec = {
        "key": key, "label": visible(label), "credit": visible(credit),
        "view": [[south, west], [north, east]], "layers": described,
    }  # fmt: skip
    return Drawing(svg, spec, outlines)


def extent(layers: Sequence[Layer], focus: gpd.GeoSeries | None) -> tuple[float, float, float, float]:
    """Give the view as south, west, north, east, with a margin, in degrees."""
    view = focus if focus is not None and len(focus) else pd.concat([la.shapes.geometry for la in layers])
    west, south, east, north = (float(v) for v in view.total_bounds)
    pad = max(0.004, 0.06 * max(east - west, north - south))
    return round(south - pad, 5), round(west - pad, 5), round(north + pad, 5), round(east + pad, 5)


def defs(outlines: dict[str, str]) -> str:
    """Write outlines once, for every map of a page to name."""
    paths = "".join(f'<path id="{text(name)}" d="{d}"/>' for name, d in sorted(outlines.items()))
    return f'<svg class="outlines" width="0" height="0" aria-hidden="true"><defs>{paths}</defs></svg>' if paths else ""


def _looks(layer: Layer) -> dict[str, Any]:
    looks = {"stroke": layer.stroke, "weight": layer.weight, "opacity": layer.opacity, "radius": layer.radius}
    return looks | ({"fill": layer.fill} if layer.fill else {}) | ({"dash": layer.dash} if layer.dash else {})


def _items(layer: Layer, key: str, outlines: dict[str, str]) -> list[list[Any]]:
    """List the shapes as ``[outline id or [latitude, longitude], tip, own looks]``; keep their outlines."""
    shapes = layer.shapes.reset_index(drop=True)
    own = [c for c in ("fill", "stroke", "weight", "radius", "opacity") if c in shapes]
    items = []
    for position, shape in enumerate(lighten(shapes.geometry, layer.level)):
        row = shapes.iloc[position]
        where: Any
        if shape.geom_type == "Point":
            where = [round(shape.y, 5), round(shape.x, 5)]
        else:
            code = str(row["code"]) if "code" in shapes else f"{key}-{position}"
            where = visible(f"o-{layer.level}-{code}")
            outlines[where] = path_of(shape)
        looks = {c: row[c].item() if hasattr(row[c], "item") else row[c] for c in own}
        items.append([where, visible(row["tip"]), {k: v for k, v in looks.items() if v != getattr(layer, k)}])
    return items


def _element(layer: Layer, item: list[Any], unit: float, squeeze: float) -> str:
    where, _, own = item
    looks = _looks(layer) | own
    fill = looks.get("fill") or "none"
    style = (
        f'fill="{text(fill)}" fill-opacity="{looks["opacity"]}" stroke="{text(looks["stroke"])}" stroke-width="{looks["weight"]}"'
        + (f' stroke-dasharray="{text(looks["dash"])}"' if looks.get("dash") else "")
    )
    if isinstance(where, str):
        return f'<use href="#{text(where)}" transform="scale({squeeze:.5f} 1)" {style}/>'
    y, x = where
    return (
        f'<circle cx="{x * UNITS_PER_DEGREE * squeeze:.0f}" cy="{-y * UNITS_PER_DEGREE:.0f}" '
        f'r="{looks["radius"] * unit:.0f}" {style}/>'
    )


def path_of(shape: BaseGeometry) -> str:
    """Write a polygon as SVG path data in whole units, each point relative to the last."""
    parts = []
    for polygon in shapely.get_parts(shape):
        for ring in [polygon.exterior, *polygon.interiors] if polygon.geom_type == "Polygon" else [polygon]:
            xy = np.round(shapely.get_coordinates(ring) * (UNITS_PER_DEGREE, -UNITS_PER_DEGREE)).astype(int)
            closed = ring.geom_type == "LinearRing"
            steps = np.diff(xy[:-1] if closed else xy, axis=0)
            moves = "".join(f"{dx}{'' if dy < 0 else ' '}{dy}" if n == 0 else f"{'' if dx < 0 else ' '}{dx}{'' if dy < 0 else ' '}{dy}"
                            for n, (dx, dy) in enumerate(steps))  # fmt: skip
            parts.append(f"M{xy[0][0]} {xy[0][1]}l{moves}{'z' if closed else ''}")
    return "".join(parts)


def lighten(shapes: gpd.GeoSeries, level: str) -> gpd.GeoSeries:
    """Simplify and round outlines to what a screen shows."""
    simple = shapes.simplify(_TOLERANCE.get(level, 0.0), preserve_topology=True) if level in _TOLERANCE else shapes
    return gpd.GeoSeries(shapely.transform(simple.values, lambda xy: np.round(xy, 5)), crs=shapes.crs)


@dataclass(frozen=True)
class Classes:
    """Classes of a choropleth: upper bounds, colours, and how they were made."""

    bounds: tuple[float, ...]
    colours: tuple[str, ...]
    method: str
    count: int

    def colour(self, value: float | None) -> str:
        """Give the colour of a value; an absent one has its own grey."""
        if value is None or np.isnan(value):
            return NO_VALUE
        return self.colours[min(int(np.searchsorted(self.bounds, value - 1e-9)), len(self.colours) - 1)]


def classify(values: Sequence[float]) -> Classes | None:
    """Cut values into at most five quantile classes; ``None`` when there is no value."""
    known = np.array([v for v in values if not np.isnan(v)], dtype=float)
    distinct = np.unique(known)
    if len(distinct) == 0:
        return None
    if len(distinct) <= len(CLASSES):
        return Classes(tuple(distinct), _colours(len(distinct)), "une classe par valeur", len(known))
    # Ties can make two quantiles equal: one class then, not an empty one.
    bounds = np.unique(np.quantile(known, [0.2, 0.4, 0.6, 0.8, 1.0]))
    return Classes(tuple(float(b) for b in bounds), _colours(len(bounds)), "quantiles", len(known))


def _colours(count: int) -> tuple[str, ...]:
    """Take so many colours of the scale, spread from the lightest to the darkest."""
    if count == 1:
        return CLASSES[-1:]
    return tuple(CLASSES[round(i * (len(CLASSES) - 1) / (count - 1))] for i in range(count))


@cache
def leaflet_js() -> str:
    """Leaflet's script, from the package ``xstatic-leaflet``."""
    script = (files("xstatic.pkg.leaflet") / "data" / "leaflet.js").read_text("utf-8")
    return script.replace("//# sourceMappingURL=leaflet.js.map", "").strip()


@cache
def leaflet_css() -> str:
    """Leaflet's style sheet, without the images that no map here uses."""
    sheet = (files("xstatic.pkg.leaflet") / "data" / "leaflet.css").read_text("utf-8")
    return "\n".join(line for line in sheet.splitlines() if "url(" not in line or "images/" not in line)
