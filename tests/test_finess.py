"""FINESS: establishments and coordinates in one file without header, and the build of things as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pytest
from conftest import ROOT
from qpv.build import build
from qpv.errors import SourceError
from qpv.sources.base import Delivery
from qpv.warehouse import Warehouse
from things import BEAU_MARAIS, BEAU_MARAIS_2015, CALAIS, RPLS, count, dwelling, lines, outlines, read, unbounded, value

NAME, FIRST = "etalab-cs1100507-stock-20260311-0343.csv", "finess;etalab;111;2026-03-11"
LAMBERT = "1,ATLASANTE,100,IGN,BD_ADRESSE,V2.1,EPSG:2154 RGF93 / Lambert-93 (Métropole)"
REUNION = "1,ATLASANTE,96,BAN,EPSG:2975 RGR92 / UTM Zone 40S (La Réunion)"


def establishment(number: str, departement: str, commune: str, kind: str) -> str:
    cells = ["structureet", number, "620000001", "CENTRE", '"LE ""CENTRE"""', "", "", "1", "R", "X", "", "", commune, departement,
             "Y", "62100 CALAIS", "", "", kind, "Z"]  # fmt: skip
    return ";".join([*cells, *[""] * 12])


@pytest.fixture(scope="module")
def geometry(official: Path, catalog, reference) -> gpd.GeoDataFrame:
    return outlines(official, catalog, reference)


@pytest.fixture
def deliver(tmp_path: Path, catalog, reference):
    def make(*rows: str, first: str = FIRST):
        (tmp_path / NAME).write_text("\n".join([first, *rows]) + "\n", "utf-8")
        return read(tmp_path / NAME, unbounded(catalog), reference)

    return make


def metres(geometry: gpd.GeoDataFrame, code: str, epsg: int) -> str:
    point = geometry[geometry["code"] == code].to_crs(epsg).representative_point().iloc[0]
    return f"{point.x:.1f};{point.y:.1f}"


def test_coordinates_find_their_establishment_on_the_mainland_and_overseas(deliver, geometry, catalog, reference) -> None:
    overseas = geometry.loc[geometry["code"].str.startswith("QN974"), "code"].iloc[0]
    delivered = deliver(
        establishment("620000011", "62", "193", "223"), establishment("620000012", "62", "193", "223"),
        establishment("970400024", "9D", "411", "223"), establishment("620000013", "62", "193", "500"),
        f"geolocalisation;620000011;{metres(geometry, BEAU_MARAIS, 2154)};{LAMBERT};2026-03-02",
        f"geolocalisation;970400024;{metres(geometry, overseas, 2975)};{REUNION};2026-03-02",
        "geolocalisation;999999999;1;1;nothing;2026-03-02",
    )  # fmt: skip
    assert isinstance(delivered[1], Delivery)
    assert any("2 of 4 établissements have no coordinates" in f.message for f in delivered[1].findings)
    table = count(delivered, unbounded(catalog), reference, geometry)
    row = value(table, BEAU_MARAIS, "mother_child_centres_count")
    assert (row["value"], row["status"], row["period"]) == (1, "proxy", "2026")
    assert "67\u202f% des établissements du département n’ont pas de coordonnées" in row["note"]
    assert value(table, overseas, "mother_child_centres_count")["value"] == 1
    assert value(table, CALAIS, "mother_child_centres_count")["value"] == 2
    assert value(table, "97411", "mother_child_centres_count")["value"] == 1
    assert value(table, CALAIS, "nursing_homes_count")["value"] == 1
    assert value(table, "62041", "nursing_homes_count")["value"] == 0


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["geolocalisation;620000011;652000;7090000;EPSG:27572 NTF;2026"], "line 3: unknown coordinate system EPSG:27572; expected EPSG:2154"),
        (["geolocalisation;620000011;Calais;7090000;EPSG:2154;2026"], "line 3, cell 3: 'Calais' is no coordinate in metres"),
        (["geolocalisation;620000011;652000"], "line 3: 3 cells where coordinates have at least 5"),
        (["structureet;620000012;1"], "line 3: 3 cells where an establishment has at least 19"),
    ],
)  # fmt: skip
def test_a_damaged_row_is_refused_with_its_line(deliver, rows: list[str], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        deliver(establishment("620000011", "62", "193", "223"), *rows)


def test_another_file_is_refused_by_its_first_line(deliver) -> None:
    with pytest.raises(SourceError, match=r"line 1: found 'nofinesset;rs'; expected 'finess;etalab;…'"):
        deliver("1;2", first="nofinesset;rs")
    with pytest.raises(SourceError, match="no row 'structureet'"):
        deliver("geolocalisation;1;2;3;4;5")


def test_a_build_counts_dwellings_and_keeps_the_figures_with_their_edition(tmp_path: Path, official: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copyfile(official / "contours/qpv2024/qpv2024_simplified.geojson", raw / "qpv2024_simplified.geojson")
    (raw / "rpls-2025-01.csv").write_text(lines(RPLS, [dwelling(BEAU_MARAIS)] * 30 + [dwelling()] * 970), "utf-8")
    report = build(ROOT / "data", [raw], tmp_path / "warehouse")
    warehouse = Warehouse(tmp_path / "warehouse")
    rows = warehouse.observations("housing", [("indicator", "==", "social_dwellings_count"), ("period", "==", "2025")])
    rows = rows[rows["edition"] == "sdes_rpls_dwellings_2025"]
    assert value(rows, BEAU_MARAIS, "social_dwellings_count")["value"] == 30
    assert value(rows, BEAU_MARAIS_2015, "social_dwellings_count")["value"] == 30
    assert value(rows, CALAIS, "social_dwellings_count")["value"] == 1_000
    assert value(rows, "QN06202M", "social_dwellings_count")["value"] == 0
    edition = warehouse.editions.set_index("edition").loc["sdes_rpls_dwellings_2025"]
    assert edition["observations"] > len(rows)
    assert any("social_dwellings_plai_share_pct is left out" in f.message for f in report.findings)
