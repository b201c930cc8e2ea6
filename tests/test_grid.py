"""The squares around a QPV: which are kept, what a brief draws of them, what remakes it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import pytest
import shapely
from qpv.brief import Brief
from qpv.digests import Digests
from qpv.grid import near_qpv
from qpv.profile import Profile, load_profile
from qpv.sources.base import Cells, Delivery
from qpv.warehouse import Warehouse

#: Les Oliveaux, in Loos.
OLIVEAUX = "QN05976M"
HEAT = "land_surface_temperature_celsius"
METRES = 2154


@pytest.fixture(scope="module")
def squares(full: Warehouse) -> gpd.GeoDataFrame:
    return full.squares(OLIVEAUX)


@pytest.fixture(scope="module")
def profile(full: Warehouse) -> Profile:
    return load_profile(full, OLIVEAUX, "ecology", "2026-T3")


def test_a_square_keeps_the_value_of_the_file(squares: gpd.GeoDataFrame, official: Path) -> None:
    file = next((official / "ecology").glob("*.gpkg"))
    grid = gpd.read_file(file, layer="enriched_grid").to_crs(METRES)
    centres = squares.to_crs(METRES).set_geometry(squares.to_crs(METRES).centroid)
    found = centres.sjoin(grid[["land_surface_temperature", "geometry"]], predicate="within")
    assert len(found) == len(squares) == 61
    assert (found["value"] - found["land_surface_temperature"]).abs().max() < 1e-9


def test_the_squares_are_those_within_600_metres_of_the_box_around_the_qpv(full: Warehouse, squares: gpd.GeoDataFrame) -> None:
    outline = full.geometry("qpv", [OLIVEAUX]).to_crs(METRES).geometry.iloc[0]
    away = squares.to_crs(METRES).distance(outline)
    assert squares["touches"].sum() == 8
    assert ((away == 0) == squares["touches"]).all()
    assert 500 < away.max() < 600 * 2**0.5 + 300


def test_the_mean_that_the_brief_gives_lies_among_its_squares(profile: Profile, squares: gpd.GeoDataFrame) -> None:
    own = profile.own(HEAT)["value"].iloc[-1]
    touching = squares.loc[squares["touches"], "value"]
    assert touching.min() < own < touching.max()


def test_a_qpv_outside_the_grid_has_none_and_its_map_shows_communes(full: Warehouse, full_folder: Path) -> None:
    assert full.squares("QN06254M").empty
    assert "communes de l’agglomération" in Brief("ecology", "QN06254M", "2026-T3", full_folder).map_theme().html


def test_what_people_are_counted_for_is_not_drawn_by_square(full: Warehouse) -> None:
    box = shapely.box(3.05, 50.6, 3.06, 50.61)
    qpv = gpd.GeoDataFrame({"code": [OLIVEAUX], "level": "qpv", "generation": "2024"}, geometry=[box], crs=4326)
    squares = gpd.GeoDataFrame({HEAT: [38.5], "population_count": [12.0], "poverty_rate_pct": [40.0]}, geometry=[box], crs=4326)
    catalog = full.catalog
    source = catalog.sources["landsat_heat_squares_lille"]
    item = SimpleNamespace(source=source, edition=source.editions[0])
    drawn = near_qpv(catalog, [(item, Delivery(cells=Cells(squares, qpv)))], qpv)  # type: ignore[list-item]
    counted = {i for i in squares.columns if i in catalog.indicators and catalog.indicator(i).minimum_count}
    assert set(drawn["indicator"]) == {HEAT, "poverty_rate_pct"} - counted
    assert list(drawn["touches"]) == [True] * len(drawn)


def test_without_any_outline_no_square_is_kept(embedded: Warehouse) -> None:
    assert embedded.squares(OLIVEAUX).empty


def test_the_map_draws_every_square_and_its_table_counts_them_all(full_folder: Path) -> None:
    html = Brief("ecology", OLIVEAUX, "2026-T3", full_folder).map_theme().html
    assert "carreaux habités de 200\u202fm dans le quartier et autour, août\u00a02022" in html
    assert html.count("Carreau de 200 m") == 61
    assert "les carreaux habités à 600\u00a0m au plus du cadre" in html
    cells = re.findall(r"<tr><th[^>]*>[^<]*</th><td[^>]*>(\d+)</td><td[^>]*>(\d+)</td></tr>", html)
    assert len(cells) == 5
    assert [sum(int(c[n]) for c in cells) for n in (0, 1)] == [8, 53]


def test_squares_that_were_not_yet_published_are_not_drawn(full: Warehouse, full_folder: Path) -> None:
    published = full.editions.set_index("edition").loc[full.squares(OLIVEAUX)["edition"].iloc[0], "published"]
    before = Brief("ecology", OLIVEAUX, f"{published.year - 1}-T4", full_folder)
    assert "Carreau de 200 m" not in before.map_theme().html


def test_other_squares_remake_the_brief_that_drew_them_and_no_other(full: Warehouse) -> None:
    digests = Digests(full.path)
    nothing = {"around": {}, "peers": [], "whole": []}
    read, elsewhere = ({**nothing, "around": {"squares": [code]}} for code in (OLIVEAUX, "QN06254M"))
    before = digests.of(read), digests.of(elsewhere)
    digests._rows["squares"] = {OLIVEAUX: 1}
    assert digests.of(read) != before[0]
    assert digests.of(elsewhere) == before[1]
