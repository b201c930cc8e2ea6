"""Outlines under the names that their producers give them: recognised, read, and kept in the right order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import geopandas as gpd
import pytest
from parcels import Read, archive, reading
from qpv.build import build
from qpv.catalog import Catalog
from qpv.reference import Reference
from qpv.sources.rawfile import list_files
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse

DATA = Path(__file__).resolve().parent.parent / "data"
SIMPLE = "contours/qpv2024/qpv2024_simplified.geojson"
FULL = "QP2024_France_Hexagonale_Outre_Mer_WGS84"


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    return reading(catalog, reference)


@pytest.fixture(scope="module")
def quarters(official: Path) -> gpd.GeoDataFrame:
    """The QPV of 2024, moved by about a hundred metres, so that they are told from the simplified ones."""
    outlines = gpd.read_file(official / SIMPLE)
    return outlines.set_geometry(outlines.geometry.translate(0.0, 0.001))


def test_the_archive_that_fetch_asks_for_gives_the_outlines_of_2024(
    tmp_path: Path, official: Path, catalog: Catalog, read: Read
) -> None:
    members = {f"GEOJSON/{FULL}.geojson": (official / SIMPLE).read_bytes()}
    (found,), findings = recognise([archive(tmp_path / "qpv-2024-geojson.zip", members)], catalog)
    assert (found.edition.id, findings) == ("anct_qpv2024_contours_full", [])
    outlines = read(found).geometry
    assert outlines is not None
    assert len(outlines) == 1_609
    assert "QN06254M" in set(outlines["code"])


@pytest.mark.parametrize(
    ("name", "crs", "driver"),
    [
        ("qp-2024-epsg2154-20240820.geojson", 2154, "GeoJSON"),
        ("QP2024_France_hexagonale_LB93.shp", 2154, "ESRI Shapefile"),
        (f"{FULL}.shp", 4326, "ESRI Shapefile"),
        (f"{FULL}.gpkg", 4326, "GPKG"),
    ],
)
def test_every_form_in_which_the_perimeters_come_is_read(
    tmp_path: Path, quarters: gpd.GeoDataFrame, catalog: Catalog, read: Read, name: str, crs: int, driver: str
) -> None:
    one = quarters[quarters["code_qp"] == "QN06254M"]
    capitals = driver == "ESRI Shapefile"
    written = one.drop(columns="fid").rename(columns={c: c.upper() for c in one if capitals and c != "geometry"}).to_crs(crs)
    written.to_file(tmp_path / name, driver=driver)
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    delivery = read(found)
    assert delivery.geometry is not None
    assert delivery.territories[["code", "communes"]].to_numpy().tolist() == [["QN06254M", "62193"]]
    middle = one.to_crs(2154).centroid.iloc[0]
    assert delivery.geometry.to_crs(2154).centroid.iloc[0].distance(middle) < 1


@pytest.mark.parametrize(
    ("name", "source", "edition"),
    [
        ("communes-59.geojson", "ign_communes", "_59"),
        ("communes-2A-corse-du-sud.geojson", "ign_communes", "_2a"),
        ("communes-100m.geojson", "ign_communes", ""),
        ("communes-5m.geojson.gz", "ign_communes", ""),
        ("contours-administratifs-2027-communes-50m.geojson", "ign_communes", "_2027"),
        ("departement-59-nord.geojson", "ign_departements", "_59"),
        ("departements-1000m.geojson", "ign_departements", ""),
    ],
)
def test_communes_and_departements_are_known_by_pattern(
    tmp_path: Path, catalog: Catalog, name: str, source: str, edition: str
) -> None:
    (tmp_path / name).write_text("{}")
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    assert found.source.id == source
    assert found.edition.id.endswith(edition)


def test_outlines_of_another_departement_are_read_beside_those_of_the_first(
    tmp_path: Path, official: Path, catalog: Catalog, read: Read
) -> None:
    outlines = json.loads((official / "contours/admin/departements-hdf.geojson").read_text("utf-8"))
    outlines["features"] = [f for f in outlines["features"] if f["properties"]["code"] == "59"]
    (tmp_path / "departement-59.geojson").write_text(json.dumps(outlines))
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    geometry = read(found).geometry
    assert geometry is not None
    assert geometry["code"].tolist() == ["59"]


def test_gzipped_outlines_are_read(tmp_path: Path, official: Path, catalog: Catalog, read: Read) -> None:
    content = (official / "contours/admin/departements-hdf.geojson").read_bytes()
    (tmp_path / "departements-5m.geojson.gz").write_bytes(gzip.compress(content))
    (found,), _ = recognise(list_files([tmp_path]), catalog)
    geometry = read(found).geometry
    assert geometry is not None
    assert sorted(geometry["code"]) == ["02", "59", "60", "62", "80"]


def test_the_producers_outline_comes_before_a_simplified_one(tmp_path: Path, official: Path, quarters: gpd.GeoDataFrame) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "qpv2024_simplified.geojson").write_bytes((official / SIMPLE).read_bytes())
    archive(raw / "qpv-2024-geojson.zip", {f"GEOJSON/{FULL}.geojson": quarters.to_json().encode()})
    build(DATA, [raw], tmp_path / "warehouse")
    kept = Warehouse(tmp_path / "warehouse").geometry("qpv").set_index("code").geometry["QN06254M"]
    moved = quarters.set_index("code_qp").geometry["QN06254M"]
    assert kept.centroid.distance(moved.centroid) < 1e-6
