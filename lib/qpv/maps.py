"""Maps: folium with Leaflet alone, no tile, no request to any host; colours in classes.

Folium's default page loads ten files from content networks; :class:`QuietMap` names none.  The
brief carries Leaflet once; in JupyterLab each map carries its own copy, in a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from branca.element import Element, MacroElement
from folium.template import Template

from qpv.html import text, visible

#: Sequential, colour-blind safe, neutral: a darker class is a higher value, not a worse one.
CLASSES: Final = ("#eaf2f8", "#bdd5e7", "#85b1d3", "#4585b8", "#1b5388")
NO_VALUE: Final = "#e4e2de"
OWN_STROKE: Final = "#b5500b"
STROKE: Final = "#5b6672"

#: Degrees: about 6 m for QPV, 60 m for communes and larger; then five decimals (1 m).
_TOLERANCE: Final = {"qpv": 0.00006, "commune": 0.0006, "departement": 0.002}


class QuietMap(folium.Map):
    """A folium map that needs Leaflet and nothing else, and asks no host for anything."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012  folium reads class attributes
    default_css: list[tuple[str, str]] = []  # noqa: RUF012

    _template = Template(
        """
        {% macro html(this, kwargs) %}
            <div class="map" id="{{ this.get_name() }}" role="region" aria-label="{{ this.label|e }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {
                zoomControl: true, scrollWheelZoom: false, attributionControl: true, zoomSnap: 0.25, maxZoom: 17
            });
            {{ this.get_name() }}.attributionControl.setPrefix(false).addAttribution({{ this.credit|tojson }});
            L.control.scale({imperial: false}).addTo({{ this.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, label: str, credit: str) -> None:
        super().__init__(tiles=None)
        self.label = visible(label)
        self.credit = text(credit)


@dataclass(frozen=True)
class Layer:
    """Shapes of one kind.

    ``shapes`` has ``geometry`` (EPSG:4326), ``name`` and ``tip`` (plain text, lines separated by a
    line feed), and may have ``fill``, ``stroke``, ``weight``, ``radius`` (points, in pixels).
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
    """A drawn map: its element and script for the brief, a whole page for JupyterLab."""

    html: str
    script: str
    page: str


def draw(layers: Sequence[Layer], key: str, label: str, credit: str, focus: gpd.GeoSeries | None = None) -> Drawing:
    """Draw layers, the first below; the view holds ``focus``, else everything.

    The same layers give the same bytes: folium's random names are replaced by ``key``.
    """
    board = QuietMap(label, credit)
    for layer in layers:
        if len(layer.shapes):
            _add(board, layer)
    view = focus if focus is not None and len(focus) else pd.concat([la.shapes.geometry for la in layers])
    west, south, east, north = (float(v) for v in view.total_bounds)
    pad = max(0.004, 0.06 * max(east - west, north - south))
    board.fit_bounds([[round(south - pad, 5), round(west - pad, 5)], [round(north + pad, 5), round(east + pad, 5)]])
    figure: Any = board.get_root()
    _pin_names(board, key)
    figure.render()
    html, script = figure.html.render(), figure.script.render()
    style = "".join(e.render() for e in figure.header._children.values() if "tooltip" in e.get_name().lower())
    page = (
        f"<!doctype html><html lang='fr'><head><meta charset='utf-8'><style>{leaflet_css()}"
        f"html,body{{margin:0}}.map{{height:380px;background:#fbfaf7}}</style>{style}<script>{leaflet_js()}</script></head>"
        f"<body>{html}<script>{script}</script></body></html>"
    )
    frame = f'<iframe srcdoc="{escape(page)}" style="width:100%;height:390px;border:0" title="{text(label)}"></iframe>'
    return Drawing(html, script, frame)


def _add(board: folium.Map, layer: Layer) -> None:
    shapes = layer.shapes.reset_index(drop=True)
    shapes = shapes.set_geometry(_lighten(shapes.geometry, layer.level))
    looks = {
        "fill": layer.fill, "stroke": layer.stroke, "weight": layer.weight, "radius": layer.radius, "opacity": layer.opacity,
    }  # fmt: skip
    for name, default in looks.items():
        if name not in shapes:
            shapes[name] = default
    shapes["tip"] = ["<br>".join(text(part) for part in str(t).split("\n")) for t in shapes["tip"]]
    kept = shapes[["tip", "fill", "stroke", "weight", "radius", "opacity", "geometry"]]
    folium.GeoJson(
        kept.to_json(drop_id=False),
        marker=folium.CircleMarker(radius=layer.radius, fill=True),
        style_function=lambda f, dash=layer.dash: {
            "color": f["properties"]["stroke"],
            "weight": f["properties"]["weight"],
            "fillColor": f["properties"]["fill"] or "none",
            "fillOpacity": f["properties"]["opacity"] if f["properties"]["fill"] else 0,
            "radius": f["properties"]["radius"],
            **({"dashArray": dash} if dash else {}),
        },
        tooltip=folium.GeoJsonTooltip(fields=["tip"], aliases=[""], labels=False, sticky=True),
    ).add_to(board)


def _lighten(shapes: gpd.GeoSeries, level: str) -> gpd.GeoSeries:
    """Simplify and round outlines to what a screen shows."""
    simple = shapes.simplify(_TOLERANCE.get(level, 0.0), preserve_topology=True) if level in _TOLERANCE else shapes
    return gpd.GeoSeries(shapely.transform(simple.values, lambda xy: np.round(xy, 5)), crs=shapes.crs)


def _pin_names(element: Element | MacroElement, key: str, counter: list[int] | None = None) -> None:
    counter = counter if counter is not None else [0]
    element._id = f"{key}_{counter[0]}"
    counter[0] += 1
    for child in element._children.values():
        _pin_names(child, key, counter)
    for attribute in ("tooltip", "marker"):
        part = getattr(element, attribute, None)
        if isinstance(part, Element) and part not in element._children.values():
            _pin_names(part, key, counter)


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
