"""Files with one row a thing that are cut, damaged or of another layout: what is refused, by name."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
from pydantic import ValidationError
from qpv.catalog import Catalog, Source, Tally
from qpv.errors import SourceError
from qpv.reference import Reference
from qpv.sources import rawfile
from things import (
    BEAU_MARAIS,
    BPE,
    CALAIS,
    CALAIS_EPCI,
    DNB,
    DVF,
    RPLS,
    STOPS,
    dwelling,
    equipment,
    lines,
    read,
    sales,
    value,
)

# --- What is refused, by name --------------------------------------------------------------------


def test_a_coordinate_that_is_no_number_names_line_column_and_value(deliver, points) -> None:
    rows = [equipment("D307", points["inside"]), equipment("D307", ("Calais", 50.9))]
    with pytest.raises(SourceError, match=r"^BPE24\.zip:BPE24\.csv, line 3, column LONGITUDE: 'Calais' is neither a number"):
        deliver("BPE24.zip", lines(BPE, rows), "BPE24.csv")


def test_exchanged_coordinates_are_refused_and_a_slip_is_left_out(deliver, tabulate, points) -> None:
    x, y = points["inside"]
    swapped = equipment("D307", (y, x))
    with pytest.raises(SourceError, match=r"line 2, 50\.9\d+ 1\.8\d*: not where EPSG:4326 has this thing.* 20 rows of 20"):
        deliver("BPE24.zip", lines(BPE, [swapped] * 20), "BPE24.csv")
    rows = [equipment("D307", (x, y))] * 9 + [swapped]
    _, delivery = deliver("BPE24.zip", lines(BPE, rows), "BPE24.csv")
    assert any("1 coordinates are implausible and left out, the first in line 11" in f.message for f in delivery.findings)
    assert value(tabulate("BPE24.zip", lines(BPE, rows), "BPE24.csv"), BEAU_MARAIS, "pharmacies_count")["value"] == 9


def test_a_figure_that_is_no_number_names_line_column_and_value(deliver) -> None:
    rows = [dwelling(**{"Surface habitable": "60"}), dwelling(**{"Surface habitable": "soixante"})]
    with pytest.raises(
        SourceError, match=r"^rpls-2025-01\.csv, line 3, column Surface habitable: 'soixante' is neither a number"
    ):
        deliver("rpls-2025-01.csv", lines(RPLS, rows))


def test_a_period_that_is_no_year_names_line_column_and_value(deliver) -> None:
    row = {"Numero d'etablissement": "0620001A", "Commune": CALAIS, "Presents": 10, "Admis": 9}
    with pytest.raises(SourceError, match=r"line 3, column Session: 'juin' begins with no year"):
        deliver("fr-en-dnb-par-etablissement.csv", lines(DNB, [row | {"Session": 2021}, row | {"Session": "juin"}]))


def test_a_file_without_any_column_that_places_its_things_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match=r"line 1: no column says where a row lies; expected one of Code QPV 2024.*found a, b"):
        deliver("rpls-2025-01.csv", "a;b\n1;2\n")


def test_a_column_that_a_figure_lacks_is_told_and_the_others_are_read(deliver, tabulate) -> None:
    content = lines(RPLS.replace(";Surface habitable", ""), [dwelling(BEAU_MARAIS)] * 20)
    _, delivery = deliver("rpls-2025-01.csv", content)
    assert any("columns not found: Surface habitable (social_dwellings_mean_surface_m2)" in f.message for f in delivery.findings)
    assert value(tabulate("rpls-2025-01.csv", content), BEAU_MARAIS, "social_dwellings_count")["value"] == 20


def test_a_column_that_selects_rows_must_be_there(deliver, points) -> None:
    rows = [{k: v for k, v in r.items() if k != "nature_mutation"} for r in sales(points["inside"])]
    with pytest.raises(SourceError, match="no column 'nature_mutation'"):
        deliver("geo-dvf-2024.csv.gz", lines(DVF.replace(",nature_mutation", ""), rows, ","))


@pytest.mark.parametrize("row", ["62193;;60", "62193;;60;;;;;;;;;;;"])
def test_a_row_of_another_length_is_refused_with_its_line(deliver, row: str) -> None:
    with pytest.raises(SourceError, match=r"^rpls-2025-01\.csv: line 3 has \d+ cells where the header has 9"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]) + row + "\n")


def test_a_file_of_another_encoding_or_with_a_quote_that_never_ends_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match="no header in utf-8"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).encode("latin-1"))
    with pytest.raises(SourceError, match="text that is not utf-8"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).encode() + "62193;;;;;;;;été\n".encode("latin-1"))
    with pytest.raises(SourceError, match="line 2 has 6 cells where the header has 9"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling(label='"D')] + [dwelling()] * 200))


def test_a_column_that_stands_twice_is_refused(deliver) -> None:
    with pytest.raises(SourceError, match="column 'Code Commune' stands twice"):
        deliver("rpls-2025-01.csv", lines(RPLS, [dwelling()]).replace("Code Postal", "Code Commune", 1))


def test_a_cut_gzip_and_a_cut_zip_are_refused_by_name(deliver, tmp_path: Path, free, reference, points) -> None:
    deliver("geo-dvf-2024.csv.gz", lines(DVF, sales(points["inside"]), ","))
    packed = tmp_path / "geo-dvf-2024.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"^geo-dvf-2024\.csv\.gz: cannot be read .* cut short or damaged"):
        read(packed, free, reference)
    packed.write_bytes(b"<html>not found</html>")
    with pytest.raises(SourceError, match=r"^geo-dvf-2024\.csv\.gz: cannot be read"):
        read(packed, free, reference)
    deliver("BPE24.zip", lines(BPE, [equipment("D307", points["inside"])] * 500), "BPE24.csv")
    archive = tmp_path / "BPE24.zip"
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"^BPE24\.zip: not a readable zip archive"):
        read(archive, free, reference)


def test_a_damaged_member_of_a_zip_is_refused(deliver, tmp_path: Path, free, reference, points) -> None:
    deliver("BPE24.zip", lines(BPE, [equipment("D307", points["inside"])] * 500), "BPE24.csv")
    archive = tmp_path / "BPE24.zip"
    content = bytearray(archive.read_bytes())
    content[200:240] = bytes(40)
    archive.write_bytes(content)
    with pytest.raises(SourceError, match=r"^BPE24\.zip:BPE24\.csv"):
        read(archive, free, reference)


def test_a_detailed_file_longer_than_memory_allows_is_read_as_a_stream_in_any_wrapping(
    deliver, tmp_path: Path, monkeypatch
) -> None:
    """The register of social dwellings of the whole country has some 2 GB; what is held whole may have 1.5."""
    monkeypatch.setattr(rawfile, "MAX_BYTES", 3_000)
    text = lines(RPLS, [dwelling(commune=str(62001 + n)) for n in range(500)])
    assert len(text) > 6_000
    for name in ("rpls-2025-01.csv", "rpls-2025-01.csv.gz"):
        item, delivery = deliver(name, text)
        assert delivery.tallied.seen["things"].sum() == 500
        with pytest.raises(SourceError, match=rf"^{name}.*(larger|more) than 3,000 bytes"):
            item.file.read_bytes()


def test_a_few_bytes_that_unpack_to_a_hundred_times_more_are_refused_before_the_limit_of_streams(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(rawfile, "MAX_BYTES", 1_000)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"0" * 5_000_000))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", b"0" * 5_000_000)
    for bomb in (rawfile.RawFile(tmp_path / "x.csv.gz"), rawfile.RawFile(tmp_path / "x.zip", "x.csv")):
        with pytest.raises(SourceError, match=r"(larger|more) than [0-9,]+ bytes"), bomb.open() as stream:
            while stream.read(1 << 16):
                pass


def test_a_decompression_bomb_is_refused(deliver, monkeypatch) -> None:
    monkeypatch.setattr(rawfile, "MAX_STREAM", 5000)
    with pytest.raises(SourceError, match=r"more than 5,000 bytes unpacked"):
        deliver("rpls-2025-01.csv.gz", lines(RPLS, [dwelling()] * 1000))


def test_a_file_with_too_few_rows_is_refused(tmp_path: Path, catalog: Catalog, reference: Reference, official: Path) -> None:
    path = tmp_path / "fr-en-annuaire-education.csv"
    shutil.copyfile(official / "samples/depp_annuaire_2026.head.csv", path)
    with pytest.raises(SourceError, match="2 rows; edition depp_annuaire_2026 has between 50000 and 100000"):
        read(path, catalog, reference)


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ({"noun": "lots", "points": [{"x": ["x"], "y": ["y"], "crs": "EPSG:27572"}]}, "EPSG:2154"),
        ({"noun": "lots"}, "a thing must lie somewhere"),
        ({"noun": "lots", "points": [{"x": ["x"]}]}, "give 'x' and 'y', or 'pair'"),
        ({"noun": "lots", "codes": {"qpv": ["x"]}}, "qpv_2024"),
        ({"noun": "lots", "codes": {"commune": ["x"]}, "commune_names": ["n"]}, "needs the code of a département"),
    ],
)
def test_a_layout_that_places_nothing_is_refused_by_the_catalogue(free: Catalog, things: dict[str, object], told: str) -> None:
    source = free.sources["anah_rnic"].model_dump() | {"things": things}
    with pytest.raises(ValidationError, match=told):
        Source.model_validate(source)


def test_a_ratio_names_both_its_columns() -> None:
    assert Tally(kind="ratio", of="a", over="b").over == "b"
    with pytest.raises(ValidationError, match="divisor of a ratio"):
        Tally(kind="ratio", of="a")
    with pytest.raises(ValidationError, match="divisor of a ratio"):
        Tally(kind="sum", of="a", over="b")


def test_a_near_point_across_a_line_of_the_coarse_grid_is_not_set_aside(tabulate, geometry) -> None:
    # Every outline of Pas-de-Calais with a point 290 m north, east, south and west of its box.
    qpv = geometry[(geometry["level"] == "qpv") & geometry["code"].str.startswith("QN062")].to_crs(2154)
    box = qpv.geometry.bounds
    centre = qpv.geometry.centroid
    x = [*(box.maxx + 290), *(box.minx - 290), *centre.x, *centre.x]
    y = [*centre.y, *centre.y, *(box.maxy + 290), *(box.miny - 290)]
    places = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=2154)
    degrees = places.to_crs(4326)
    rows = [{"stop_id": n, "stop_lat": p.y, "stop_lon": p.x} for n, p in enumerate(degrees)]
    table = tabulate("gtfs-stops-france-export-2026-01-13.csv", lines(STOPS, rows, ","))
    for code, shape in zip(qpv["code"], qpv.geometry, strict=True):
        assert value(table, code, "transport_stops_within_300m_count")["value"] == (places.distance(shape) <= 300).sum(), code


def test_an_epci_is_left_out_where_many_things_are_of_no_known_commune(tabulate) -> None:
    # 62999 is no commune: it may have been one of the EPCI's before a merger.
    table = tabulate("rpls-2025-01.csv", lines(RPLS, [dwelling(BEAU_MARAIS)] * 60 + [dwelling(commune="62999")] * 2))
    assert value(table, CALAIS, "social_dwellings_count")["value"] == 60
    assert value(table, "62", "social_dwellings_count")["value"] == 62
    assert not {"epci"} & set(table["level"])
    few = tabulate("rpls-2025-01.csv", lines(RPLS, [dwelling(BEAU_MARAIS)] * 200 + [dwelling(commune="62999")] * 2))
    assert value(few, CALAIS_EPCI, "social_dwellings_count")["value"] == 200
