"""From other geographies to the QPV: exact on squares, in the projection of the territory, with the share covered."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from qpv.catalog import Catalog
from qpv.overlay import carry, grid_mean, grid_share, mend, overlaps, points_within, weighted
from qpv.proxies import carried, iris_seen, kind_of
from qpv.schemas import OBSERVATIONS, check
from qpv.sources.base import Cells, Delivery
from qpv.sources.rawfile import RawFile
from qpv.sources.recognition import Recognised
from shapely.geometry import Point, Polygon, box

X, Y = 700_000, 7_000_000
BOW_TIE = Polygon([(X, Y), (X + 1_000, Y + 1_000), (X + 1_000, Y), (X, Y + 1_000)])


def square(x: float, y: float, side: float = 1_000, *, at: tuple[float, float] = (X, Y)) -> Polygon:
    return box(at[0] + x, at[1] + y, at[0] + x + side, at[1] + y + side)


def areas(crs: int = 2154, **shapes: Polygon | None) -> gpd.GeoDataFrame:
    """Areas given in metres, as the warehouse holds them: in degrees."""
    return gpd.GeoDataFrame({"code": list(shapes)}, geometry=list(shapes.values()), crs=crs).to_crs(4326)


def cells(shapes: list[Polygon], crs: int = 2154, **columns: list[float | None]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({n: pd.Series(v, dtype=float) for n, v in columns.items()}, geometry=shapes, crs=crs)


# --- Points ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "inside", "found"),
    [(500, True, True), (1_000, None, True), (1_100, False, True), (1_299.9, False, True), (1_300.1, False, False)],
)
def test_a_point_is_in_or_within_300_metres(x: float, inside: bool | None, found: bool) -> None:
    points = gpd.GeoDataFrame(geometry=[Point(X + x, Y + 500)], crs=2154)
    table = points_within(points, areas(QN06201M=square(0, 0)))
    assert len(table) == found
    if found:
        assert table.loc[0, "distance_m"] == pytest.approx(max(x - 1_000, 0), abs=1e-3)
        if inside is not None:
            assert table.loc[0, "inside"] == inside


def test_the_bound_of_300_metres_is_in() -> None:
    points = gpd.GeoDataFrame(geometry=[Point(X + 1_300, Y + 500)], crs=2154)
    area = gpd.GeoDataFrame({"code": ["QN06201M"]}, geometry=[square(0, 0)], crs=2154)
    assert points_within(points, area)["distance_m"].tolist() == [300.0]
    assert points_within(points, area, near=299.9).empty


def test_one_point_serves_two_qpv_and_keeps_its_label() -> None:
    points = gpd.GeoDataFrame(geometry=[Point(X + 1_100, Y + 500), Point(X + 9e4, Y)], index=["0622273J", "far"], crs=2154)
    table = points_within(points, areas(QN06202M=square(1_200, 0), QN06201M=square(0, 0)))
    assert table[["code", "point"]].to_numpy().tolist() == [["QN06201M", "0622273J"], ["QN06202M", "0622273J"]]
    assert not table["inside"].any()


# The same two points in degrees are 300 m apart only in the projection of La Réunion.
@pytest.mark.parametrize(("code", "epsg", "x", "y"), [
    ("QN97401M", 2975, 340_000, 7_690_000), ("QN97101M", 5490, 655_000, 1_800_000),
    ("QN97301M", 2972, 350_000, 545_000), ("QN97601M", 4471, 520_000, 8_590_000),
])  # fmt: skip
def test_overseas_distances_and_areas_are_those_of_the_territory(code: str, epsg: int, x: float, y: float) -> None:
    area = areas(epsg, **{code: square(0, 0, at=(x, y))})
    points = gpd.GeoDataFrame(geometry=[Point(x + 1_299, y + 500), Point(x + 1_301, y + 500)], crs=epsg).to_crs(4326)
    table = points_within(points, area)
    assert table["point"].tolist() == [0]
    assert table["distance_m"].iloc[0] == pytest.approx(299, abs=0.01)
    half = cells([square(-500, 0, at=(x, y))], epsg, rate=[10.0]).to_crs(4326)
    found = weighted(area, half, "rate")
    assert found.loc[code].tolist() == pytest.approx([10, 0.5, 1], abs=1e-3)


def test_territories_of_several_projections_are_overlaid_together() -> None:
    at = (340_000, 7_690_000)
    both = pd.concat([areas(QN06201M=square(0, 0)), areas(2975, QN97401M=square(0, 0, at=at))], ignore_index=True)
    north = gpd.GeoSeries([Point(X + 500, Y + 500)], crs=2154).to_crs(4326)
    south = gpd.GeoSeries([Point(at[0] + 500, at[1] + 500)], crs=2975).to_crs(4326)
    points = gpd.GeoDataFrame(geometry=[north[0], south[0]], crs=4326)
    assert points_within(points, both)[["code", "point"]].to_numpy().tolist() == [["QN06201M", 0], ["QN97401M", 1]]


# --- Cells -----------------------------------------------------------------------------------


def test_a_rate_is_the_mean_weighted_by_the_shared_area() -> None:
    grid = cells([square(0, 0, 600), square(600, 0, 600), square(0, 600, 600), square(600, 600, 600)],
                 rate=[10.0, 20.0, 30.0, 40.0])  # fmt: skip
    found = weighted(areas(QN06201M=square(0, 0)), grid, "rate")
    assert found.loc["QN06201M", "value"] == pytest.approx(0.36 * 10 + 0.24 * 20 + 0.24 * 30 + 0.16 * 40, abs=1e-3)
    assert found.loc["QN06201M", ["share", "cells"]].tolist() == [1, 4]


def test_a_rate_may_be_weighted_by_inhabitants() -> None:
    grid = cells(
        [box(X - 500, Y, X + 500, Y + 1_000), box(X + 500, Y, X + 1_000, Y + 1_000)], rate=[10.0, 40.0], people=[200.0, 300.0]
    )
    found = weighted(areas(QN06201M=square(0, 0)), grid, "rate", "people")
    assert found.loc["QN06201M", "value"] == pytest.approx((10 * 100 + 40 * 300) / 400, abs=0.05)


def test_a_count_is_the_sum_of_the_parts_of_cells() -> None:
    grid = cells([box(X - 500, Y, X + 500, Y + 1_000), box(X + 500, Y, X + 1_000, Y + 1_000)], people=[200.0, 300.0])
    found = weighted(areas(QN06201M=square(0, 0)), grid, "people", kind="count")
    assert found.loc["QN06201M", "value"] == pytest.approx(400, abs=0.5)


def test_a_count_over_a_part_of_the_qpv_is_no_count_of_the_qpv() -> None:
    grid = cells([box(X, Y, X + 900, Y + 1_000)], people=[200.0])
    found = weighted(areas(QN06201M=square(0, 0)), grid, "people", kind="count").loc["QN06201M"]
    assert math.isnan(found["value"])
    assert found["share"] == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize(("width", "there"), [(490, False), (510, True)])
def test_under_half_of_the_area_there_is_no_mean(width: float, there: bool) -> None:
    found = weighted(areas(QN06201M=square(0, 0)), cells([box(X, Y, X + width, Y + 1_000)], rate=[7.0]), "rate")
    assert found["value"].notna().tolist() == [there]
    assert found["share"].tolist() == pytest.approx([width / 1_000], abs=1e-3)


def test_a_cell_without_a_value_covers_nothing_and_never_counts_as_zero() -> None:
    grid = cells([box(X, Y, X + 600, Y + 1_000), box(X + 600, Y, X + 1_000, Y + 1_000)], rate=[10.0, None])
    found = weighted(areas(QN06201M=square(0, 0)), grid, "rate").loc["QN06201M"]
    assert found.tolist() == pytest.approx([10, 0.6, 1], abs=1e-3)


def test_an_area_without_cells_is_told_with_a_share_of_zero() -> None:
    found = weighted(areas(QN06201M=square(0, 0), QN06202M=square(9_000, 0)), cells([square(0, 0)], rate=[1.0]), "rate")
    assert math.isnan(found.loc["QN06202M", "value"])
    assert found.loc["QN06202M", ["share", "cells"]].tolist() == [0, 0]


def test_a_common_border_is_no_overlap() -> None:
    assert overlaps(areas(QN06201M=square(0, 0)).to_crs(2154), cells([square(1_000, 0)], rate=[1.0])).empty


def test_a_grid_gives_a_mean_and_the_share_above_a_threshold() -> None:
    area = areas(QN06201M=square(0, 0, 400))
    grid = cells([square(0, 0, 200), square(200, 0, 200), square(0, 200, 200)], lst=[38.0, 41.0, 44.0])
    assert grid_mean(area, grid, "lst").loc["QN06201M"].tolist() == pytest.approx([41, 0.75, 3], abs=1e-3)
    assert grid_share(area, grid, "lst", 41.0).loc["QN06201M", "value"] == pytest.approx(2 / 3, abs=1e-3)


# --- What is refused or mended ---------------------------------------------------------------


def test_invalid_geometries_are_mended_and_counted_and_empty_ones_left_out() -> None:
    frame = gpd.GeoDataFrame(geometry=[BOW_TIE, None, Polygon(), square(0, 0)], crs=2154)
    mended, invalid, void = mend(frame)
    assert (len(mended), invalid, void) == (2, 1, 2)
    assert mended.geometry.is_valid.all()
    assert not frame.geometry.is_valid.all(), "the argument stays as it was"
    found = weighted(areas(QN06201M=BOW_TIE), cells([square(0, 0)], rate=[3.0]), "rate")
    assert found.attrs == {"mended": 1, "void": 0}
    assert found.loc["QN06201M"].tolist() == pytest.approx([3, 1, 1], abs=1e-3)


def test_what_cannot_be_overlaid_is_refused() -> None:
    area, grid = areas(QN06201M=square(0, 0)), cells([square(0, 0)], rate=[1.0])
    with pytest.raises(ValueError, match="coordinate system"):
        weighted(area, gpd.GeoDataFrame({"rate": [1.0]}, geometry=[square(0, 0)]), "rate")
    with pytest.raises(ValueError, match="'QN06201M' stands twice"):
        overlaps(pd.concat([area, area], ignore_index=True), grid)
    with pytest.raises(ValueError, match="unique"):
        overlaps(area, pd.concat([grid, grid]))
    with pytest.raises(ValueError, match="summed"):
        carry(overlaps(area, grid), grid["rate"], "count", weight=grid["rate"])


# --- Proxies ---------------------------------------------------------------------------------


def test_only_what_may_be_averaged_or_summed_is_carried(catalog: Catalog) -> None:
    kinds = {i: kind_of(catalog.indicator(i)) for i in (
        "poverty_rate_pct", "caf_recipients_count", "median_disposable_income_eur", "land_surface_temperature_celsius",
        "gini_index", "first_decile_disposable_income_eur", "interdecile_ratio", "social_median_rent_eur_per_m2")}  # fmt: skip
    assert list(kinds.values()) == ["rate", "count", "rate", "rate", None, None, None, None]


def observation(territory: str, indicator: str, value: float, level: str = "iris", period: str = "2018") -> dict[str, object]:
    return {"territory": territory, "level": level, "generation": "", "indicator": indicator, "period": period, "value": value,
            "status": "observed", "qualifier": "", "edition": "e", "file": "f.csv", "row": 2, "column": "c", "note": ""}  # fmt: skip


@pytest.fixture
def delivered(catalog: Catalog) -> tuple[Catalog, list[tuple[Recognised, Delivery]], gpd.GeoDataFrame]:
    """Two IRIS, each half of a QPV of 2024 that a QPV of 2015 equals."""
    west, east = box(X, Y, X + 500, Y + 1_000), box(X + 500, Y, X + 1_000, Y + 1_000)
    outlines = gpd.GeoDataFrame(
        {"code": ["QN06201M", "QP062001", "621930101", "621930102"], "level": ["qpv", "qpv", "iris", "iris"],
         "generation": ["2024", "2015", "", ""]},
        geometry=[square(0, 0), square(0, 0), west, east], crs=2154,
    ).to_crs(4326)  # fmt: skip
    rows = [
        observation("621930101", "poverty_rate_pct", 20), observation("621930102", "poverty_rate_pct", 40),
        observation("621930101", "caf_recipients_count", 100), observation("621930102", "caf_recipients_count", 50),
        observation("621930101", "gini_index", 0.2), observation("621930102", "gini_index", 0.4),
        observation("621930101", "aah_recipients_pct", 5, period="undated"),
        observation("QP062001", "poverty_rate_pct", 33, level="qpv") | {"generation": "2015"},
    ]  # fmt: skip
    source, edition = catalog.editions["insee_filosofi_iris_2018"]
    item = Recognised(source, edition, RawFile(Path("f.csv")))
    return catalog, [(item, Delivery(observations=pd.DataFrame(rows)))], outlines


def test_figures_of_iris_reach_the_qpv_and_never_stand_beside_published_ones(delivered) -> None:
    table = pd.concat(carried(*delivered), ignore_index=True)
    check(table, OBSERVATIONS)
    assert set(table["status"]) == {"proxy"}
    found = {(t.territory, t.indicator): t.value for t in table.itertuples()}
    assert found == pytest.approx(
        {("QN06201M", "poverty_rate_pct"): 30, ("QN06201M", "caf_recipients_count"): 150, ("QP062001", "caf_recipients_count"): 150},
        abs=0.05,
    )  # fmt: skip
    assert table["note"].str.contains("IRIS (2), qui couvrent 100", regex=False).all()


def test_without_outlines_of_iris_nothing_is_carried(delivered) -> None:
    catalog, deliveries, outlines = delivered
    assert carried(catalog, deliveries, outlines[outlines["level"] == "qpv"]) == []
    assert carried(catalog, deliveries, None) == []


def test_an_iris_that_no_list_names_is_still_a_place(delivered) -> None:
    places = iris_seen([delivered[1][0][1].observations], ["621930101"])
    assert places[["code", "name", "communes"]].to_numpy().tolist() == [["621930102", "IRIS 621930102", "62193"]]


def test_squares_reach_the_qpv_and_the_communes_within(delivered, catalog: Catalog) -> None:
    _, _, outlines = delivered
    squares = cells([square(0, 0)], land_surface_temperature_celsius=[41.234])
    places = gpd.GeoDataFrame({"code": ["59350"], "level": ["commune"], "departement": ["59"]}, geometry=[square(0, 0)], crs=2154)
    source, edition = catalog.editions["landsat_heat_squares_lille_2022"]
    item = Recognised(source, edition, RawFile(Path("icu_lille_metropole.gpkg")))
    table = pd.concat(carried(catalog, [(item, Delivery(cells=Cells(squares, places)))], outlines[outlines["level"] == "qpv"]))
    assert set(zip(table["territory"], table["level"], table["value"], table["period"], strict=True)) == {
        (code, level, 41.23, "2022-08") for code, level in [("QN06201M", "qpv"), ("QP062001", "qpv"), ("59350", "commune")]
    }
