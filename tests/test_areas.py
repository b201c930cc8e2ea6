"""Climate zones and cycle ways: shares of a surface and kilometres, around the QPV alone."""

from __future__ import annotations

import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from qpv.catalog import Catalog, Column, Tally
from qpv.errors import CatalogError, SourceError
from qpv.features import measured
from qpv.overlay import lengths
from qpv.proxies import carried
from qpv.reference import Reference
from qpv.schemas import OBSERVATIONS, check
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import Recognised, recognise
from shapely.geometry import LineString, Polygon, box

X, Y = 700_000, 7_000_000


def areas(**shapes: Polygon) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame({"code": list(shapes), "level": "qpv"}, geometry=list(shapes.values()), crs=2154).to_crs(4326)
    return frame.assign(generation="2024")


def zones(folder: Path, table: dict[str, list[object]], shapes: list[Polygon], *, placed: bool = True) -> Path:
    """Write an archive as Cerema's: a shapefile, beside which its raster lies."""
    inner = folder / "inner"
    inner.mkdir()
    gpd.GeoDataFrame(table, geometry=shapes, crs=2154).to_file(inner / "LCZ_SPOT_2022_Lille.shp")
    path = folder / "lcz-spot-2022-lille.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for part in sorted(p for p in inner.iterdir() if placed or p.suffix != ".prj"):
            packed.write(part, part.name)
        packed.writestr("LCZ_SPOT_2022_Lille.tif", b"raster")
    return path


def ways(folder: Path, rows: list[tuple[object, object, LineString]]) -> Path:
    right, left, lines = zip(*rows, strict=True)
    path = folder / "france-20260807.geojson"
    frame = gpd.GeoDataFrame({"ame_d": right, "ame_g": left, "id_osm": "1"}, geometry=list(lines), crs=2154)
    frame.to_crs(4326).to_file(path, driver="GeoJSON")
    return path


def read(path: Path, catalog: Catalog, reference: Reference, rows: tuple[int, int] | None = None) -> tuple[Recognised, Delivery]:
    (found,), _ = recognise([path], catalog)
    item = Recognised(found.source, found.edition.model_copy(update={"rows": rows}), found.file)
    return item, READERS[item.source.reader or ""](item.file, item.source, item.edition, Context(catalog, reference))


def figures(found: list[pd.DataFrame]) -> dict[tuple[str, str], float]:
    table = pd.concat(found, ignore_index=True)
    check(table, OBSERVATIONS)
    return {(t.territory, t.indicator): t.value for t in table.itertuples()}


HALVES = [box(X, Y, X + 300, Y + 1_000), box(X + 300, Y, X + 1_000, Y + 1_000)]
ZONES = {"lcz": ["2", "B"], "ver": [10.0, 60.0], "vhr": [5.0, 30.0], "ror": [50.0, 10.0], "bur": [35.0, 5.0]}


def test_classes_share_the_surface_and_vegetation_is_weighted_by_it(tmp_path, catalog: Catalog, reference: Reference) -> None:
    delivered = read(zones(tmp_path, ZONES, HALVES), catalog, reference)
    found = carried(catalog, [delivered], areas(QN05901M=box(X, Y, X + 1_000, Y + 1_000)))
    assert {i: v for (_, i), v in figures(found).items()} == {
        "lcz_compact_share_pct": pytest.approx(30, abs=0.01), "lcz_vegetation_share_pct": pytest.approx(70, abs=0.01),
        "lcz_open_share_pct": 0, "lcz_large_buildings_share_pct": 0, "lcz_paved_share_pct": 0,
        "lcz_mean_vegetation_pct": pytest.approx(45, abs=0.01), "lcz_mean_high_vegetation_pct": pytest.approx(22.5, abs=0.01),
        "lcz_mean_impervious_pct": pytest.approx(22, abs=0.01), "lcz_mean_built_pct": pytest.approx(14, abs=0.01),
    }  # fmt: skip
    notes = pd.concat(found)["note"]
    assert notes.str.contains("zones climatiques locales (2), qui couvrent 100\u202f% du territoire", regex=False).all()


def test_beyond_the_urban_area_nothing_is_said(tmp_path, catalog: Catalog, reference: Reference) -> None:
    delivered = read(zones(tmp_path, ZONES, HALVES), catalog, reference)
    edge, far = box(X + 800, Y, X + 2_000, Y + 1_000), box(X + 90_000, Y, X + 91_000, Y + 1_000)
    inside = box(X + 300, Y, X + 900, Y + 900)
    found = figures(carried(catalog, [delivered], areas(QN05901M=edge, QN05902M=far, QN05903M=inside)))
    assert {code for code, _ in found} == {"QN05903M"}, "a sixth of the surface is not enough, and zero is no answer"


def test_proportions_are_read_as_per_cent(tmp_path, catalog: Catalog, reference: Reference) -> None:
    table = ZONES | {c: [v / 100 for v in ZONES[c]] for c in ("ver", "vhr", "ror", "bur")}
    delivered = read(zones(tmp_path, table, HALVES), catalog, reference)
    found = figures(carried(catalog, [delivered], areas(QN05901M=box(X, Y, X + 1_000, Y + 1_000))))
    assert found["QN05901M", "lcz_mean_vegetation_pct"] == pytest.approx(45, abs=0.01)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"lcz": ["2", "Z9"]}, "'Z9' is no class of local climate zone"), ({"ver": [10.0, 160.0]}, "column ver is no share")],
)
def test_a_class_or_a_share_that_is_none_is_refused(tmp_path, catalog: Catalog, reference: Reference, change, told: str) -> None:
    delivered = read(zones(tmp_path, ZONES | change, HALVES), catalog, reference)
    with pytest.raises(SourceError, match=told):
        carried(catalog, [delivered], areas(QN05901M=box(X, Y, X + 1_000, Y + 1_000)))


def test_a_file_that_lacks_a_column_or_its_projection_is_refused_at_once(
    tmp_path, catalog: Catalog, reference: Reference
) -> None:
    with pytest.raises(SourceError, match="missing columns bur; found lcz, ver"):
        read(zones(tmp_path, {k: v for k, v in ZONES.items() if k != "bur"}, HALVES), catalog, reference)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(SourceError, match="no coordinate system"):
        read(zones(other, ZONES, HALVES, placed=False), catalog, reference)
    broken = tmp_path / "france-20260807.geojson"
    broken.write_text('{"type": "FeatureColl')
    with pytest.raises(SourceError, match="cannot be read as geometries"):
        read(broken, catalog, reference)


# --- Lines ----------------------------------------------------------------------------------------------


def test_kilometres_inside_and_within_300_metres(tmp_path, catalog: Catalog, reference: Reference) -> None:
    path = ways(tmp_path, [
        ("PISTE CYCLABLE", "AUCUN", LineString([(X + 500, Y + 500), (X + 2_000, Y + 500)])),
        ("AUCUN", "BANDE CYCLABLE", LineString([(X, Y + 200), (X + 400, Y + 200)])),
        ("AUCUN", "AUCUN", LineString([(X, Y + 300), (X + 400, Y + 300)])),
        (None, None, LineString([(X, Y + 400), (X + 400, Y + 400)])),
        ("PISTE CYCLABLE", "AUCUN", LineString([(X + 90_000, Y), (X + 91_000, Y)])),
    ])  # fmt: skip
    item, delivery = read(path, catalog, reference)
    qpv = areas(QN06201M=box(X, Y, X + 1_000, Y + 1_000), QN06202M=box(X, Y + 50_000, X + 500, Y + 50_500))
    assert delivery.features is not None
    assert len(delivery.features.near(qpv)) == 4, "the way at 90 km is not held"
    found = carried(catalog, [(item, delivery)], qpv)
    values = {k: pytest.approx(v, abs=0.003) for k, v in {
        ("QN06201M", "cycle_ways_inside_km"): 0.9, ("QN06201M", "cycle_ways_near_km"): 1.2,
        ("QN06201M", "cycle_own_ways_inside_km"): 0.5, ("QN06201M", "cycle_own_ways_near_km"): 0.8,
        **{("QN06202M", f"cycle_{w}_{n}_km"): 0 for w in ("ways", "own_ways") for n in ("inside", "near")},
    }.items()}  # fmt: skip
    assert figures(found) == values
    notes = pd.concat(found).set_index(["territory", "indicator"])["note"]
    assert "à moins de 300\u00a0m (2 tronçons)" in notes["QN06201M", "cycle_ways_near_km"]


def test_a_street_with_a_lane_on_each_side_counts_once(tmp_path, catalog: Catalog, reference: Reference) -> None:
    delivered = read(
        ways(tmp_path, [("BANDE CYCLABLE", "BANDE CYCLABLE", LineString([(X, Y), (X + 800, Y)]))]), catalog, reference
    )
    found = figures(carried(catalog, [delivered], areas(QN06201M=box(X - 10, Y - 10, X + 1_000, Y + 1_000))))
    assert found["QN06201M", "cycle_ways_inside_km"] == pytest.approx(0.8, abs=0.002)


def test_overseas_no_line_is_no_zero_and_metres_are_those_of_the_island(tmp_path, catalog: Catalog, reference: Reference) -> None:
    delivered = read(ways(tmp_path, [("VOIE VERTE", None, LineString([(X, Y), (X + 800, Y)]))]), catalog, reference)
    island = gpd.GeoDataFrame(
        {"code": ["QN97401M"], "level": ["qpv"], "generation": ["2024"]}, geometry=[box(340_000, 7_688_000, 341_000, 7_689_000)], crs=2975
    )  # fmt: skip
    assert carried(catalog, [delivered], island.to_crs(4326)) == []
    line = gpd.GeoDataFrame(geometry=[LineString([(339_000, 7_688_500), (340_250, 7_688_500)])], crs=2975)
    assert lengths(line, island)["km"].tolist() == [0.25]
    assert lengths(line, island, 300)["km"].tolist() == [pytest.approx(0.55)]
    empty = lengths(line.iloc[:0], island)
    assert empty.to_numpy().tolist() == [[0, 0]]


def test_a_cut_file_is_told_by_its_count(tmp_path, catalog: Catalog, reference: Reference) -> None:
    path = ways(tmp_path, [("VOIE VERTE", None, LineString([(X, Y), (X + 800, Y)]))])
    delivered = read(path, catalog, reference, rows=(100, 200))
    with pytest.raises(SourceError, match="1 features; edition geovelo_cycle_ways_2026_08 has between 100 and 200"):
        carried(catalog, [delivered], areas(QN06201M=box(X, Y, X + 1_000, Y + 1_000)))


def test_what_features_cannot_give_is_an_error_of_the_catalogue(tmp_path, catalog: Catalog, reference: Reference) -> None:
    item, delivery = read(zones(tmp_path, ZONES, HALVES), catalog, reference)
    mean = catalog.indicator("lcz_mean_vegetation_pct")
    column = Column(source="cerema_climate_zones", tally=Tally(kind="median", of="ver"))
    wrong = Catalog([mean.model_copy(update={"columns": [column]})], list(catalog.sources.values()))
    with pytest.raises(CatalogError, match="'lcz_mean_vegetation_pct': areas give the share"):
        list(measured(wrong, item, delivery, areas(QN05901M=box(X, Y, X + 1_000, Y + 1_000))))


def test_without_outlines_nothing_is_measured(tmp_path, catalog: Catalog, reference: Reference) -> None:
    delivered = read(zones(tmp_path, ZONES, HALVES), catalog, reference)
    assert carried(catalog, [delivered], None) == []
    commune = areas(QN05901M=box(X, Y, X + 1_000, Y + 1_000)).assign(code="59350", level="commune", generation="")
    assert carried(catalog, [delivered], commune) == []
