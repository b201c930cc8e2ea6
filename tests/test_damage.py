"""Damaged files: each fault is named with file, line and expectation; the old warehouse stays."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from qpv.build import build
from qpv.catalog import Catalog
from qpv.errors import SourceError
from qpv.reference import Reference
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse

DATA = ROOT / "data"
REVN, PANEL = "insee_qpv2015/REVN_2022.csv", "qpv_other/filosofi_qpv2015_panel_2012_2020.csv"
REGIONS, FRANCE = "iris_commune/FILO2019_DISP_REG.csv", "iris_commune/FILO2019_DISP_METROPOLE.csv"
ZIP, XLS, POP = (
    "iris_commune/base_cc_comparateur_csv.zip",
    "qpv_other/demographie_2010_qpv.xls",
    "qpv_other/qpv_evolution_population.csv",
)
SHP, GEOJSON = "contours/qpv2015/QP_METROPOLE_LB93.shp", "contours/qpv2024/qpv2024_simplified.geojson"
Read = Callable[..., Delivery]
Copy = Callable[[str], Path]


pytestmark = pytest.mark.usefixtures("no_hang")


@pytest.fixture
def copy(official: Path, tmp_path: Path) -> Copy:
    """Copy an official file (a shapefile with all its parts) to a folder of our own."""

    def make(path: str) -> Path:
        source = official / path
        for part in source.parent.glob(f"{source.stem}.*"):
            shutil.copyfile(part, tmp_path / part.name)
        return tmp_path / source.name

    return make


@pytest.fixture
def read(catalog: Catalog, reference: Reference) -> Read:
    """Recognise and read one file, with or without the expected number of rows."""

    def run(path: Path, any_rows: bool = False) -> Delivery:
        (found,), _ = recognise([path], catalog)
        edition = found.edition.model_copy(update={"rows": None}) if any_rows else found.edition
        return READERS[found.source.reader or ""](found.file, found.source, edition, Context(catalog, reference))

    return run


def edit(path: Path, change: Callable[[bytes], bytes]) -> Path:
    before = path.read_bytes()
    after = change(before)
    assert after != before
    path.write_bytes(after)
    return path


def told(read: Read, path: Path) -> str:
    with pytest.raises(SourceError) as error:
        read(path)
    assert str(path.parent) not in str(error.value), "a message names a file, never a path"
    return str(error.value)


# --- One fault, one message ------------------------------------------------------------------


def test_a_file_cut_in_mid_line_names_that_line(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b[: b.index(b"QP062056") + 14])
    assert told(read, path).startswith("REVN_2022.csv, line 746: 2 cells where the header has 32")


def test_a_file_cut_at_a_line_boundary_has_too_few_rows(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b[: b.index(b"QP062056")])
    assert told(read, path).startswith("REVN_2022.csv: 744 rows; edition insee_qpv2015_revn_2022 has between 1339 and 1365")


def test_a_file_with_a_header_only_has_no_rows(copy: Copy, read: Read) -> None:
    assert "no rows" in told(read, edit(copy(REVN), lambda b: b[: b.index(b"\n") + 1]))
    assert "no rows" in told(read, edit(copy(REVN), lambda _: b""))


def test_a_missing_key_column_is_named_with_what_was_found(copy: Copy, read: Read) -> None:
    message = told(read, edit(copy(REVN), lambda b: b.replace(b"CODGEO", b"CODE", 1)))
    assert message.startswith("REVN_2022.csv, line 1: no column 'CODGEO'; found CODE, LIBGEO")


def test_a_missing_value_column_is_listed_and_the_others_are_read(copy: Copy, read: Read) -> None:
    delivery = read(edit(copy(REVN), lambda b: b.replace(b";TP60;", b";TP_60;", 1)))
    (warning,) = [str(f) for f in delivery.findings if f.severity == "warning"]
    assert warning.startswith("REVN_2022.csv, line 1: doubtful: column 'TP_60' looks like 'TP60' of 'poverty_rate_pct'")
    indicators = set(delivery.observations["indicator"])
    assert "poverty_rate_pct" not in indicators
    assert "median_disposable_income_eur" in indicators


def test_a_missing_period_column_is_named(copy: Copy, read: Read) -> None:
    message = told(read, edit(copy(PANEL), lambda b: b.replace(b",annee", b",year", 1)))
    assert message.startswith("filosofi_qpv2015_panel_2012_2020.csv, line 1: ")
    assert "'annee'" in message


def test_a_cell_that_is_no_period_is_named_with_its_file_and_line(copy: Copy, read: Read) -> None:
    message = told(
        read,
        edit(copy(PANEL), lambda b: b.replace(b"QP062056,11760.0,61.4,0.199,2.7,2018", b"QP062056,11760.0,61.4,0.199,2.7,hier")),
    )
    assert message.startswith("filosofi_qpv2015_panel_2012_2020.csv, line 6702")
    assert "'hier'" in message


def test_a_byte_of_another_encoding_is_named_with_its_line(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b.replace(b"Beau Marais", "Beau Maraîs".encode("latin-1"), 1))
    assert told(read, path).startswith("REVN_2022.csv, line 746: byte 0xee is not utf-8-sig")


def test_a_nul_byte_is_named_with_its_line(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b.replace(b"Beau Marais", b"Beau\x00Marais", 1))
    assert told(read, path).startswith("REVN_2022.csv, line 746: a NUL character")


def test_a_cell_that_is_neither_number_nor_mark_is_named_with_its_column(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b.replace(b";61,4;", b";abc;"))
    assert "column TP60: 'abc' is neither a number nor a mark of absence" in told(read, path)
    assert told(read, path).startswith("REVN_2022.csv, line ")


def test_a_row_with_one_cell_too_many_is_named(copy: Copy, read: Read) -> None:
    path = edit(copy(REGIONS), lambda b: b.replace(b"Hauts-de-France", b"Hauts;de-France", 1))
    assert "cells where the header has 31" in told(read, path)


def test_a_duplicated_row_is_named_with_its_territory(copy: Copy, read: Read) -> None:
    path = copy(REGIONS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], lines[-2]]))
    assert told(read, path).startswith("FILO2019_DISP_REG.csv, line 16: 93 stands twice for ")


def test_a_column_that_stands_twice_is_named(copy: Copy, read: Read) -> None:
    assert "column 'Q219' stands twice" in told(read, edit(copy(REGIONS), lambda b: b.replace(b";Q319;", b";Q219;", 1)))


def test_a_file_of_other_territories_is_refused(copy: Copy, read: Read) -> None:
    path = edit(copy(REVN), lambda b: b.replace(b"\nQP", b"\nQN"))
    assert told(read, path).startswith("REVN_2022.csv, line 2: 'QN001001' is no code of level 'qpv', and so in 1352 rows of 1352")


def test_a_few_rows_without_a_valid_code_are_listed(copy: Copy, read: Read) -> None:
    delivery = read(edit(copy(REVN), lambda b: b.replace(b"QP062056;", b"QP62056;", 1)))
    assert "REVN_2022.csv, line 746: 1 rows left out, no code of level 'qpv': QP62056" in [str(f) for f in delivery.findings]


def test_a_zip_cut_short_is_named(copy: Copy, read: Read) -> None:
    message = told(read, edit(copy(ZIP), lambda b: b[: len(b) // 2]))
    assert message.startswith("base_cc_comparateur_csv.zip: not a readable zip archive")


def test_a_zip_whose_member_is_damaged_is_named(copy: Copy, read: Read) -> None:
    for position in (2_000, 200_000, 1_000_000):
        path = edit(copy(ZIP), lambda b, p=position: b[:p] + bytes(255 - x for x in b[p : p + 40]) + b[p + 40 :])
        assert told(read, path).startswith("base_cc_comparateur_csv.zip")


def test_a_spreadsheet_cut_short_is_named(copy: Copy, read: Read) -> None:
    assert told(read, edit(copy(XLS), lambda b: b[: len(b) // 2])).startswith("demographie_2010_qpv.xls: ")


def test_a_geojson_cut_short_is_named(copy: Copy, read: Read) -> None:
    assert told(read, edit(copy(GEOJSON), lambda b: b[: len(b) // 2])).startswith("qpv2024_simplified.geojson: ")


@pytest.mark.parametrize("part", [".shp", ".shx", ".dbf", ".prj"])
def test_a_shapefile_with_a_part_cut_short_is_named(copy: Copy, read: Read, part: str) -> None:
    path = copy(SHP)
    edit(path.with_suffix(part), lambda b: b[: len(b) // 2])
    assert told(read, path).startswith("QP_METROPOLE_LB93.shp: ")


@pytest.mark.parametrize("part", [".dbf", ".prj"])
def test_a_shapefile_without_a_part_is_named(copy: Copy, read: Read, part: str) -> None:
    path = copy(SHP)
    path.with_suffix(part).unlink()
    assert told(read, path).startswith("QP_METROPOLE_LB93.shp: ")


# --- The warehouse ---------------------------------------------------------------------------


def test_all_damaged_files_are_named_at_once_and_the_old_warehouse_serves(copy: Copy, tmp_path: Path) -> None:
    target, raw = tmp_path / "warehouse", tmp_path / "raw"
    raw.mkdir()
    copied = [copy(p).rename(raw / Path(p).name) for p in (REGIONS, FRANCE, POP)]
    built = build(DATA, [raw], target)
    pointer = (target / "CURRENT").read_bytes()
    edit(copied[0], lambda b: b.replace(b"Q219", b"\x00", 1))
    edit(copied[2], lambda b: b[: len(b) // 2])
    copy(ZIP).rename(raw / Path(ZIP).name)
    edit(raw / Path(ZIP).name, lambda b: b[:5_000])
    with pytest.raises(SourceError) as error:
        build(DATA, [raw], target)
    lines = str(error.value).split("\n")
    assert (target / "CURRENT").read_bytes() == pointer
    assert [p for p in target.iterdir() if p.name.startswith(".build-")] == []
    incomes = Warehouse(target).observations("revenue")
    regions = incomes[(incomes["edition"] == "insee_filosofi_2019_region") & (incomes["column"] == "Q219")]
    assert Warehouse(target).path == built.path
    assert regions.set_index("territory").loc["32", "value"] == 20_360
    named = {"FILO2019_DISP_REG.csv", "qpv_evolution_population.csv", "base_cc_comparateur_csv.zip"}
    assert {n for n in named if any(line.startswith(n) for line in lines)} == named


# --- Damage at random ------------------------------------------------------------------------


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Cut, flip or insert, one to five times."""
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(content)) if content else 0
        content = chance.choice(
            [
                content[:at],
                content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :],
                content[:at]
                + bytes(chance.choices(b"\"';,\r\n\t\x000159QP.-e \xe2\x80\xaf\xff", k=chance.randint(1, 9)))
                + content[at:],
                content[:at] + content[at + chance.randint(1, 300) :],
            ]
        )
    return content


def small(path: Path, lines: int) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:lines])


@pytest.mark.parametrize("name", [REGIONS, REVN, POP, PANEL, "education/ivac-colleges.csv"], ids=lambda n: Path(n).name)
def test_a_table_damaged_at_random_is_read_or_refused_with_its_name(copy: Copy, read: Read, name: str) -> None:
    path, chance, refused = copy(name), random.Random(2024), 0
    intact = small(path, 60)
    for _ in range(60):
        path.write_bytes(damaged(intact, chance))
        try:
            kept = read(path, any_rows=True).observations
            assert not kept.duplicated(["territory", "level", "indicator", "period"]).any()
        except SourceError as error:
            refused += 1
            assert path.name in str(error)
    assert refused >= 20


@pytest.mark.parametrize(("name", "times"), [(ZIP, 40), (XLS, 25), (GEOJSON, 8)], ids=["zip", "xls", "geojson"])
def test_a_container_damaged_at_random_is_read_or_refused_with_its_name(copy: Copy, read: Read, name: str, times: int) -> None:
    path, chance = copy(name), random.Random(62)
    intact = path.read_bytes()
    refused = 0
    for _ in range(times):
        path.write_bytes(damaged(intact, chance))
        try:
            read(path)
        except SourceError as error:
            refused += 1
            assert path.name in str(error)
    assert refused >= times // 2
