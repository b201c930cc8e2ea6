"""Maps: no request to any host, the same bytes each time, classes that a reader can check."""

from __future__ import annotations

import html
import json
import re

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from qpv.maps import CLASSES, NO_VALUE, Drawing, Layer, classify, draw, leaflet_css, leaflet_js
from shapely.geometry import MultiPolygon, Point, box

quick = settings(max_examples=100, deadline=None, database=None)
CREDIT = "Contours : ANCT, IGN ; points des communes : GeoNames"

#: What makes a browser fetch something: a source, an import, a style sheet, a picture, a script that asks.
REQUESTS = re.compile(
    r"""\bsrc\s*=\s*["']?(?!data:)[^"'\s>]*//|url\(\s*["']?[^)"']*//|@import|<link\b|<img\b[^>]*//|sourceMappingURL=""", re.I
)
HREF = re.compile(r"""<([a-z]\w*)\s[^>]*?\bhref\s*=\s*\\?["']?https?:""", re.I)
HOSTS = re.compile(r"""(?<!xmlns=["'])(?<!xmlns:xlink=["'])\b(?:https?:)?//[\w.-]+\.[a-z]{2,}""", re.I)


def shapes() -> gpd.GeoDataFrame:
    """Beau Marais (a square), Fort Nieulay (two parts), and a point."""
    beau_marais = box(1.8812345678, 50.9412345678, 1.9012345678, 50.9587654321)
    fort_nieulay = MultiPolygon([box(1.83, 50.94, 1.84, 50.95), box(1.845, 50.941, 1.8501234567, 50.9498765432)])
    return gpd.GeoDataFrame(
        {"name": ["Beau Marais", "Fort Nieulay", "Calais"], "tip": ["Beau Marais\n12 190 €", "Fort Nieulay\n13 620 €", "Calais"],
         "fill": [CLASSES[0], CLASSES[4], ""]},
        geometry=[beau_marais, fort_nieulay, Point(1.8586123456, 50.9513123456)], crs=4326,
    )  # fmt: skip


def drawing(key: str = "carte_lieu") -> Drawing:
    return draw(
        [Layer(shapes(), "qpv"), Layer(shapes().iloc[:1], "commune", dash="5 4")], key, "Où se trouve le quartier", CREDIT
    )


def page(of: Drawing) -> str:
    """The page within the frame that JupyterLab shows."""
    return html.unescape(re.search(r'srcdoc="([^"]*)"', of.page)[1])


# --- offline -----------------------------------------------------------------------------------------


def test_a_map_asks_no_host_for_anything():
    made = drawing()
    for part in (made.html, made.script, page(made)):
        assert not REQUESTS.search(part), REQUESTS.search(part)
        assert {tag.lower() for tag in HREF.findall(part)} <= {"a"}, "only a link that a person clicks may name a host"


def test_what_folium_writes_names_no_host_at_all():
    made = drawing()
    assert not HOSTS.search(made.html)
    assert not HOSTS.search(made.script)


def test_there_is_no_tile_no_jquery_and_no_bootstrap():
    made = drawing()
    assert not re.search(r"tileLayer|jquery|bootstrap|awesome|cdn", made.html + made.script, re.I)
    assert not re.search(r"<script[^>]+src|jquery|bootstrap", page(made), re.I)


def test_the_embedded_leaflet_asks_for_no_picture_and_no_source_map():
    assert "1.9.3" in leaflet_js()[:200]
    assert "sourceMappingURL" not in leaflet_js()
    assert "images/" not in leaflet_css()
    assert ".leaflet-container" in leaflet_css()


# --- the same bytes ----------------------------------------------------------------------------------


def test_the_same_layers_give_the_same_bytes():
    assert drawing() == drawing()


def test_two_maps_of_a_page_share_no_name():
    names = [set(re.findall(r"\b\w+_carte_\w+?_\d+\b", drawing(k).script)) for k in ("carte_lieu", "carte_titre")]
    assert all(names)
    assert not names[0] & names[1]


def test_the_element_and_the_script_speak_of_the_same_map():
    made = drawing()
    identifier = re.search(r'id="([^"]+)"', made.html)[1]
    assert f'L.map("{identifier}"' in made.script
    assert 'aria-label="Où se trouve le quartier"' in made.html


def test_the_credit_is_on_the_map():
    assert json.dumps(CREDIT).strip('"') in drawing().script or CREDIT in drawing().script


# --- outlines ----------------------------------------------------------------------------------------


def collections(script: str) -> list[dict]:
    """The GeoJSON objects within a script."""
    decoder, found = json.JSONDecoder(), []
    for match in re.finditer(r'\{"bbox"|\{"features"|\{"type": "FeatureCollection"', script):
        content, _ = decoder.raw_decode(script[match.start() :])
        if "features" in content:
            found.append(content)
    return found


def numbers(nested: object) -> list[float]:
    return [n for part in nested for n in numbers(part)] if isinstance(nested, list) else [nested]


def test_coordinates_have_at_most_five_decimals():
    found = collections(drawing().script)
    assert [len(c["features"]) for c in found] == [3, 1]
    written = [n for c in found for f in c["features"] for n in numbers(f["geometry"]["coordinates"])]
    assert len(written) > 20
    assert all(n == round(n, 5) and len(repr(n).partition(".")[2]) <= 5 for n in written)
    assert {1.88123, 50.94123} <= set(written)


def test_the_view_is_rounded_too_and_holds_everything():
    (west_south, east_north) = re.search(r"fitBounds\(\s*\[\[(.*?)\], \[(.*?)\]\]", drawing().script, re.S).groups()
    south, west = (float(n) for n in west_south.split(","))
    north, east = (float(n) for n in east_north.split(","))
    assert south < 50.94
    assert west < 1.83
    assert north > 50.95876
    assert east > 1.90123


def test_a_tooltip_holds_name_and_value_on_two_lines():
    tips = [f["properties"]["tip"] for c in collections(drawing().script) for f in c["features"]]
    assert tips[:3] == ["Beau Marais<br>12 190 €", "Fort Nieulay<br>13 620 €", "Calais"]


def test_the_layers_that_were_given_are_not_changed():
    given_shapes = shapes()
    draw([Layer(given_shapes, "qpv")], "c", "x", CREDIT)
    assert given_shapes.equals(shapes())


def test_an_empty_layer_draws_nothing_and_does_no_harm():
    made = draw([Layer(shapes().iloc[:0]), Layer(shapes())], "c", "x", CREDIT)
    assert len(collections(made.script)) == 1


# --- classes -----------------------------------------------------------------------------------------


def test_five_quantile_classes_of_a_hundred_values():
    classes = classify([float(v) for v in range(1, 101)])
    assert (classes.method, classes.count, classes.colours) == ("quantiles", 100, CLASSES)
    assert classes.bounds == pytest.approx((20.8, 40.6, 60.4, 80.2, 100.0))
    counts = [sum(classes.colour(float(v)) == c for v in range(1, 101)) for c in CLASSES]
    assert counts == [20] * 5


def test_the_lowest_value_is_the_lightest_the_highest_the_darkest_and_an_absent_one_grey():
    classes = classify([12190.0, 13620.0, 14135.0, 11000.0, 15000.0, 18000.0, float("nan")])
    assert (classes.colour(11000.0), classes.colour(18000.0)) == (CLASSES[0], CLASSES[-1])
    assert classes.colour(float("nan")) == classes.colour(None) == NO_VALUE
    assert NO_VALUE not in CLASSES
    assert classes.count == 6, "an absent value is not counted"


def test_a_value_on_a_bound_belongs_to_the_class_that_the_legend_closes_with_it():
    classes = classify([float(v) for v in range(1, 102)])
    assert classes.bounds[0] == 21.0
    assert classes.colour(21.0) == CLASSES[0]
    assert classes.colour(21.1) == CLASSES[1]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_up_to_five_values_have_a_class_each(count):
    values = [float(10 * n) for n in range(1, count + 1)]
    classes = classify(values * 3)
    assert (classes.bounds, classes.method, classes.count) == (tuple(values), "une classe par valeur", 3 * count)
    assert len({classes.colour(v) for v in values}) == count
    assert [CLASSES.index(classes.colour(v)) for v in values] == sorted(CLASSES.index(classes.colour(v)) for v in values)


def test_without_any_value_there_are_no_classes():
    assert classify([]) is None
    assert classify([float("nan"), float("nan")]) is None


@quick
@given(st.lists(st.integers(-(10**7), 10**7).map(lambda n: n / 10), min_size=1, max_size=80))
@example([28.0, 30.0, 31.0, 33.0, 35.0, 41.0, 41.0, 41.0])  # ties: two quantiles are the same number
def test_every_value_has_a_colour_and_a_higher_one_is_never_lighter(values):
    classes = classify(values)
    shades = [CLASSES.index(classes.colour(v)) for v in sorted(values)]
    assert shades == sorted(shades)
    assert classes.count == len(values)
    assert classes.bounds[-1] == np.max(values)
    assert list(classes.bounds) == sorted(set(classes.bounds)), "a class without any value in the legend"
    assert classes.colour(max(values)) == classes.colours[-1]
