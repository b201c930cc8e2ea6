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
from qpv.live_maps import frame
from qpv.maps import CLASSES, NO_VALUE, UNITS_PER_DEGREE, Drawing, Layer, classify, defs, draw, leaflet_css, leaflet_js, path_of
from shapely.geometry import MultiPolygon, Point, Polygon, box

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


LABEL = "Où se trouve le quartier"


def layers() -> list[Layer]:
    return [Layer(shapes(), "qpv"), Layer(shapes().iloc[:1], "commune", dash="5 4")]


def drawing(key: str = "carte_lieu") -> Drawing:
    return draw(layers(), key, LABEL, CREDIT)


def live(key: str = "carte_lieu") -> str:
    """The page within the frame that JupyterLab shows."""
    return html.unescape(re.search(r'srcdoc="([^"]*)"', frame(layers(), key, LABEL, CREDIT))[1])


# --- offline -----------------------------------------------------------------------------------------


def test_a_map_asks_no_host_for_anything():
    made = drawing()
    for part in (made.svg, json.dumps(made.spec), defs(made.outlines)):
        assert not REQUESTS.search(part), REQUESTS.search(part)
        assert not HOSTS.search(part)


def test_the_map_of_jupyterlab_asks_no_host_for_anything():
    page = live()
    assert not REQUESTS.search(page), REQUESTS.search(page)
    assert {tag.lower() for tag in HREF.findall(page)} <= {"a"}, "only a link that a person clicks may name a host"
    assert not re.search(r"<script[^>]+src|jquery|bootstrap|L\.tileLayer\(", page, re.I)


def test_the_embedded_leaflet_asks_for_no_picture_and_no_source_map():
    assert "1.9.3" in leaflet_js()[:200]
    assert "sourceMappingURL" not in leaflet_js()
    assert "images/" not in leaflet_css()
    assert ".leaflet-container" in leaflet_css()


# --- the same bytes ----------------------------------------------------------------------------------


def test_the_same_layers_give_the_same_bytes():
    assert drawing() == drawing()
    assert live() == live()


def test_two_live_maps_of_a_page_share_no_name():
    names = [set(re.findall(r"\b\w+_carte_\w+?_\d+\b", live(k))) for k in ("carte_lieu", "carte_titre")]
    assert all(names)
    assert not names[0] & names[1]


def test_label_and_credit_are_on_the_map():
    made = drawing()
    assert (made.spec["label"], made.spec["credit"]) == (LABEL, CREDIT)
    assert f'aria-label="{LABEL}"' in made.svg


# --- outlines ----------------------------------------------------------------------------------------


def corners(d: str) -> list[list[tuple[float, float]]]:
    """Read path data back: rings of longitude and latitude, as the page's script does."""
    rings = []
    for part in d.split("M")[1:]:
        start, steps = part.rstrip("z").split("l")
        x, y = map(int, re.findall(r"-?\d+", start))
        ring, moves = [(x / UNITS_PER_DEGREE, -y / UNITS_PER_DEGREE)], list(map(int, re.findall(r"-?\d+", steps)))
        for dx, dy in zip(moves[::2], moves[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x / UNITS_PER_DEGREE, -y / UNITS_PER_DEGREE))
        rings.append(ring)
    return rings


def test_an_outline_is_written_once_and_both_layers_name_it():
    given_twice = shapes().assign(code=["QN06254M", "QN06255M", "62193"])
    made = draw([Layer(given_twice, "qpv"), Layer(given_twice.iloc[:1], "qpv", dash="5 4")], "c", LABEL, CREDIT)
    assert sorted(made.outlines) == ["o-qpv-QN06254M", "o-qpv-QN06255M"]
    assert made.svg.count('href="#o-qpv-QN06254M"') == 2
    assert defs(made.outlines).count("<path") == 2


def test_a_path_gives_back_its_corners_to_a_metre():
    ((first, second),) = [corners(path_of(shapes().geometry.iloc[1]))]
    assert (1.83, 50.94) in first
    assert (1.84, 50.95) in first
    assert (1.85012, 50.94988) in second
    assert len(first) == len(second) == 4, "the closing point is the z"


@quick
@given(st.lists(st.tuples(st.integers(-200, 200), st.integers(-200, 200)), min_size=3, max_size=12, unique=True))
def test_any_ring_is_read_back_as_it_was_written(points):
    ring = [(x / 100, y / 100) for x, y in points]
    (read,) = corners(path_of(Polygon(ring)))
    assert read == [pytest.approx(p) for p in ring]


def test_a_hole_is_a_ring_of_its_own():
    assert len(corners(path_of(box(0, 0, 1, 1) - box(0.2, 0.2, 0.4, 0.4)))) == 2


def test_the_view_is_rounded_too_and_holds_everything():
    (south, west), (north, east) = drawing().spec["view"]
    assert south < 50.94
    assert west < 1.83
    assert north > 50.95876
    assert east > 1.90123
    assert all(n == round(n, 5) for n in (south, west, north, east))


def test_a_point_stands_where_it_is_in_both_drawings():
    made = drawing()
    assert [50.95131, 1.85861] in [item[0] for item in made.spec["layers"][0]["items"]]
    (cy,) = re.findall(r'<circle cx="\d+" cy="(-?\d+)"', made.svg)
    assert int(cy) == round(-50.95131 * UNITS_PER_DEGREE)


def test_a_tip_holds_name_and_value_on_two_lines():
    assert [item[1] for item in drawing().spec["layers"][0]["items"]] == [
        "Beau Marais\n12 190 €",
        "Fort Nieulay\n13 620 €",
        "Calais",
    ]


def test_the_layers_that_were_given_are_not_changed():
    given_shapes = shapes()
    draw([Layer(given_shapes, "qpv")], "c", "x", CREDIT)
    assert given_shapes.equals(shapes())


def test_an_empty_layer_draws_nothing_and_does_no_harm():
    made = draw([Layer(shapes().iloc[:0]), Layer(shapes())], "c", "x", CREDIT)
    assert len(made.spec["layers"]) == 1


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
