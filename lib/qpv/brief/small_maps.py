"""Small maps side by side: one indicator each over the same QPV, so that eyes find those where several stand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import geopandas as gpd

from qpv import maps
from qpv.brief import atlas
from qpv.brief.rosters import value
from qpv.html import Block, text
from qpv.maps import Layer
from qpv.numbers import NNBSP
from qpv.photograph import Photograph
from qpv.profile import Profile
from qpv.quarter import format_period

#: With fewer QPV with a value than this a map shows no pattern.
FEWEST: Final = 4
#: Two or three rows of a page.
MOST: Final = 12
#: At this size an outline is a speck: a disc shows the class at the QPV's own place, in pixels of a map of full width.
_DISC: Final = 17.0
_COMMON: Final = f' fill-opacity="1.0" stroke="{maps.STROKE}" stroke-width="1.0"'
#: More points for communes without outline would hide the QPV.
_MOST_POINTS: Final = 40


def small_maps(panel: Profile, shots: Sequence[Photograph]) -> Block:
    """Draw the first photographs that enough QPV have, each as a map of discs with its least and greatest value.

    The same values stand in the tables of the themes; nothing is drawn where fewer than two could be.
    """
    chosen = [s for s in shots if len(s.rows) >= FEWEST and s.lowest.value != s.highest.value][:MOST]
    if len(chosen) < 2:
        return Block("")
    ground, points = _ground(panel)
    outlines: dict[str, str] = {}
    figures = []
    for shot in chosen:
        html, named = _figure(panel, shot, ground, points)
        figures.append(html)
        outlines |= named
    scale = "".join(f"<i style=background:{c}></i>" for c in maps.CLASSES)
    head = (
        f"<p class='legend-of-small'>Un point par quartier qui a le chiffre, du plus clair (valeur la plus basse) au plus foncé (la plus haute) "
        f"<span class='swatches'>{scale}</span>{NNBSP}; classes en quantiles. Foncé n’est ni mieux ni moins bien. Sources{NNBSP}: celles des tableaux "
        f"de chaque thème. {text(atlas.CREDIT)}.</p>"
    )
    html = f"{head}<div class='small-maps'>{''.join(figures)}</div>"
    return Block(html, f'<div class="qpv">{maps.defs(outlines)}{html}</div>', outlines)


def _ground(panel: Profile) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give the outline of all communes in one, and points for those without outline."""
    communes, points = atlas.communes_of(panel)
    whole = [communes.union_all()] if len(communes) else []
    ground = gpd.GeoDataFrame({"code": [str(panel.place["code"])] * len(whole), "tip": ""}, geometry=whole, crs=communes.crs)
    return ground, points.assign(tip="").head(0 if len(points) > _MOST_POINTS else None)


def _figure(panel: Profile, shot: Photograph, ground: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> tuple[str, dict[str, str]]:
    shapes, _ = atlas.qpv_of(panel, frozenset(shot.rows.index), shot.generation)
    shapes = shapes.set_geometry(shapes.representative_point())
    values = shapes["code"].map(shot.rows["value"]).astype(float)
    classes = maps.classify(list(values))
    assert classes is not None, "only photographs with values are drawn"
    shapes = shapes.assign(tip="", fill=[classes.colour(v) for v in values])
    layers = [Layer(ground, "epci", fill="#f6f4ef", stroke="#b9b2a6"),
              Layer(points, "point", fill="#e4dfd5", radius=_DISC / 3),
              Layer(shapes, "point", opacity=1.0, radius=_DISC)]  # fmt: skip
    indicator = shot.indicator
    low, high = (value(e.value, indicator, e.decimals) for e in (shot.lowest, shot.highest))
    title = f"{indicator.short}, {format_period(shot.period)}"
    total = len(shot.rows) + len(shot.absences)
    label = f"{title}{NNBSP}: {len(values)} QPV sur {total}, de {low} à {high}"
    drawing = maps.draw(layers, f"petite-{indicator.id}", label, "", atlas.focus_of(layers))
    # What all discs have in common is in the style sheet: a métropole has hundreds of QPV.
    svg = drawing.svg.replace('class="map-print"', 'class="map-small"').replace(_COMMON, "")
    return (
        f"<figure><figcaption>{text(title)}</figcaption>{svg}<p>{text(f'{len(values)} QPV sur {total}, de {low} à {high}')}</p></figure>",
        drawing.outlines,
    )
