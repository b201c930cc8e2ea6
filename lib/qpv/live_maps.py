"""Maps for JupyterLab: folium with Leaflet alone, no tile, no request to any host.

Folium's default page loads ten files from content networks; :class:`QuietMap` names none.  Each map
carries its own copy of Leaflet, in a frame; the briefs draw theirs from :mod:`qpv.maps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import folium
import geopandas as gpd
from branca.element import Element, MacroElement
from folium.template import Template

from qpv.html import text, visible
from qpv.maps import Layer, extent, leaflet_css, leaflet_js, lighten


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


def frame(layers: Sequence[Layer], key: str, label: str, credit: str, focus: gpd.GeoSeries | None = None) -> str:
    """Draw layers as a folium map in a frame, the first below; the view holds ``focus``, else everything.

    The same layers give the same bytes: folium's random names are replaced by ``key``.
    """
    board = QuietMap(label, credit)
    for layer in layers:
        if len(layer.shapes):
            _add(board, layer)
    south, west, north, east = extent(layers, focus)
    board.fit_bounds([[south, west], [north, east]])
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
    return f'<iframe srcdoc="{escape(page)}" style="width:100%;height:390px;border:0" title="{text(label)}"></iframe>'


def _add(board: folium.Map, layer: Layer) -> None:
    shapes = layer.shapes.reset_index(drop=True)
    shapes = shapes.set_geometry(lighten(shapes.geometry, layer.level))
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
