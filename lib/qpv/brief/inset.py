"""The QPV from near: at the scale of an agglomération its two perimeters are one speck."""

from __future__ import annotations

from typing import Final, NamedTuple

import geopandas as gpd

from qpv import maps
from qpv.html import text
from qpv.maps import Layer


class Inset(NamedTuple):
    """A small drawing below a map, and the outlines that it names."""

    html: str
    outlines: dict[str, str]


NO_INSET: Final = Inset("", {})


def close_up(own: gpd.GeoDataFrame, old: gpd.GeoDataFrame) -> Inset:
    """Draw the perimeter of 2024, filled, below those of 2015, dashed; nothing where one of the two has no outline.

    Parameters
    ----------
    own, old
        ``code, tip, geometry`` (EPSG:4326): this QPV, and the QPV of 2015 from which it comes.
    """
    own = own[own.geom_type != "Point"]
    if own.empty or old.empty:
        return NO_INSET
    own = own[["code", "tip", "geometry"]]
    layers = [
        Layer(own, "qpv", fill="#9fc3e4", stroke="#0b3d6b", weight=1.5, opacity=1.0),
        Layer(old, "qpv", stroke=maps.OWN_STROKE, weight=2.0, dash="6 4"),
    ]  # fmt: skip
    words = "De près : en bleu plein le périmètre de 2024, en tirets celui de 2015"
    drawing = maps.draw(layers, "carte-pres", words, "")
    svg = drawing.svg.replace('class="map-print"', 'class="map-near"')
    return Inset(f'<p class="near">{svg}<span class="newer">{text(words)}.</span></p>', drawing.outlines)
