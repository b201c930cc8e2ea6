"""Building the warehouse: whole or not at all, the same twice, and nothing dropped silently."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pandas as pd
import pytest
import qpv.build
import qpv.publication
from conftest import ROOT
from qpv.build import build
from qpv.contracts import Contracts
from qpv.errors import CatalogError, WarehouseError
from qpv.schemas import CROSSWALK, EDITIONS, OBSERVATIONS, TERRITORIES, check
from qpv.sources.rawfile import RawFile, list_files
from qpv.sources.recognition import recognise
from qpv.sources.text_table import read_text_table
from qpv.territory import normalise_code
from qpv.vocabulary import THEMES_FR
from qpv.warehouse import Warehouse, pointed, replaced

DATA = ROOT / "data"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the project's data that a test may change."""
    for name in ("catalog", "contracts", "reference"):
        shutil.copytree(DATA / name, tmp_path / "data" / name)
    return tmp_path / "data"


def everything(warehouse: Warehouse) -> pd.DataFrame:
    return pd.concat([warehouse.observations(t) for t in THEMES_FR], ignore_index=True)


# --- Embedded data alone ---------------------------------------------------------------------


def test_the_embedded_data_alone_make_a_warehouse(embedded: Warehouse, contracts: Contracts) -> None:
    table = everything(embedded)
    key = ["territory", "indicator", "period", "edition", "row", "qualifier"]
    assert len(table[key].drop_duplicates()) == len(contracts.observations[key].drop_duplicates())
    assert set(table["status"]) == {"transcribed"}
    assert set(table["edition"]) == set(contracts.documents)
    assert embedded.geometry("qpv") is None
    assert {"QN06254M", "QN06253M", "QN06225M"} <= embedded.covered


def test_every_table_keeps_its_schema(embedded: Warehouse) -> None:
    check(everything(embedded), OBSERVATIONS)
    check(embedded.territories, TERRITORIES)
    check(embedded.crosswalk, CROSSWALK)
    check(embedded.editions, EDITIONS)


def test_every_observation_is_of_a_place_that_the_warehouse_knows(embedded: Warehouse) -> None:
    places = embedded.territories[["level", "code"]].assign(known=True)
    table = everything(embedded)
    table = table[~table["level"].str.startswith("qpv_of_")]
    lost = table.merge(places, how="left", left_on=["level", "territory"], right_on=["level", "code"])
    assert lost.loc[lost["known"].isna(), "territory"].unique().tolist() == []


def test_an_indicator_stands_in_the_file_of_each_of_its_themes(embedded: Warehouse) -> None:
    for theme in THEMES_FR:
        known = {i.id for i in embedded.catalog.of_theme(theme)}
        assert set(embedded.observations(theme)["indicator"]) <= known, theme


def test_a_second_build_of_the_same_data_does_nothing(tmp_path: Path) -> None:
    first = build(DATA, [], tmp_path)
    before = {p: p.stat().st_mtime_ns for p in first.path.iterdir()}
    second = build(DATA, [], tmp_path)
    assert (first.fresh, second.fresh) == (True, False)
    assert (second.path, second.observations) == (first.path, first.observations)
    assert [str(f) for f in second.findings] == [str(f) for f in first.findings]
    assert {p: p.stat().st_mtime_ns for p in first.path.iterdir()} == before


def test_a_build_elsewhere_gives_the_same_tables(tmp_path: Path, embedded: Warehouse) -> None:
    again = Warehouse(build(DATA, [], tmp_path).path)
    assert again.path.name == embedded.path.name
    for name in ("territories", "crosswalk", "editions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(embedded, name))
    pd.testing.assert_frame_equal(everything(again), everything(embedded))


def test_the_digest_changes_when_a_figure_changes(data: Path, tmp_path: Path) -> None:
    first = build(data, [], tmp_path / "w")
    file = data / "contracts" / "200090751" / "revenue.csv"
    file.write_text(file.read_text("utf-8").replace(",2015,1273,count", ",2015,1274,count"), "utf-8")
    second = build(data, [], tmp_path / "w")
    assert second.fresh
    assert second.path != first.path
    table = Warehouse(tmp_path / "w").observations("revenue", [("territory", "==", "QP062056")])
    assert 1274 in table.loc[table["indicator"] == "rsa_recipients_count", "value"].tolist()


@pytest.mark.parametrize("part", [".shp", ".dbf", ".prj"])
def test_the_digest_changes_with_each_part_of_a_shapefile(official: Path, tmp_path: Path, part: str) -> None:
    for file in (official / "contours" / "qpv2015").glob("QP_METROPOLE_LB93.*"):
        shutil.copyfile(file, tmp_path / file.name)
    raw = RawFile(tmp_path / "QP_METROPOLE_LB93.shp")
    before = raw.sha256()
    changed = raw.path.with_suffix(part)
    changed.write_bytes(changed.read_bytes() + b" ")
    assert raw.sha256() != before


def test_the_pointer_remembers_the_build_that_was_replaced(data: Path, tmp_path: Path) -> None:
    file, target = data / "contracts" / "200090751" / "revenue.csv", tmp_path / "w"
    text = file.read_text("utf-8")
    first = build(data, [], target).path.name
    assert (pointed(target), replaced(target)) == (first, None)
    with pytest.raises(WarehouseError, match=f"{first}.*replaced no other"):
        Warehouse.previous(target)
    file.write_text(text.replace(",2015,1273,count", ",2015,1274,count"), "utf-8")
    second = build(data, [], target).path.name
    for _ in range(2):  # the same digest again changes nothing
        assert (pointed(target), replaced(target)) == (second, first)
        assert not build(data, [], target).fresh
    assert Warehouse.previous(target).path.name == first
    file.write_text(text, "utf-8")  # back to what it was: nothing is built, but the pointer turns
    assert not build(data, [], target).fresh
    assert (pointed(target), replaced(target)) == (first, second)
    shutil.rmtree(target / second)
    with pytest.raises(WarehouseError, match=f"{second}.*no longer there"):
        Warehouse.previous(target)


def test_older_builds_are_removed_but_the_last_one_stays(data: Path, tmp_path: Path) -> None:
    file, target = data / "contracts" / "200090751" / "revenue.csv", tmp_path / "w"
    text, paths = file.read_text("utf-8"), []
    for count in (1273, 1274, 1275):
        file.write_text(text.replace(",2015,1273,count", f",2015,{count},count"), "utf-8")
        paths.append(build(data, [], target).path)
    assert {p.name for p in target.iterdir()} == {".lock", "CURRENT", paths[1].name, paths[2].name}


# --- Whole or not at all ---------------------------------------------------------------------


def test_a_failure_in_the_middle_leaves_the_old_build_in_use(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "w"
    first = build(data, [], target)
    pointer = (target / "CURRENT").read_bytes()
    content = {p.name: p.read_bytes() for p in first.path.iterdir()}
    file = data / "contracts" / "200090751" / "revenue.csv"
    file.write_text(file.read_text("utf-8").replace(",2015,1273,count", ",2015,1274,count"), "utf-8")

    def half_written(folder: Path, *_: object) -> int:
        (folder / "territories.parquet").write_bytes(b"PAR1")
        raise OSError("No space left on device")

    monkeypatch.setattr(qpv.build, "_write", half_written)
    with pytest.raises(OSError, match="No space left"):
        build(data, [], target)
    assert (target / "CURRENT").read_bytes() == pointer
    assert {p.name: p.read_bytes() for p in first.path.iterdir()} == content
    assert {p.name for p in target.iterdir()} == {".lock", "CURRENT", first.path.name}, "nothing half made is left behind"
    assert Warehouse(target).path == first.path


def test_a_fault_in_a_contract_leaves_the_old_build_in_use(data: Path, tmp_path: Path) -> None:
    first = build(data, [], tmp_path / "w")
    file = data / "contracts" / "200090751" / "revenue.csv"
    file.write_text(file.read_text("utf-8").replace(",2015,1273,count", ",2015,beaucoup,count"), "utf-8")
    with pytest.raises(CatalogError, match=r"revenue\.csv, line 2: value 'beaucoup'"):
        build(data, [], tmp_path / "w")
    assert Warehouse(tmp_path / "w").path == first.path


def test_others_may_read_a_build(tmp_path: Path) -> None:
    path = build(DATA, [], tmp_path).path
    assert stat.S_IMODE(path.stat().st_mode) & 0o555 == 0o555


def test_no_machine_path_is_written(embedded_folder: Path) -> None:
    for file in Warehouse(embedded_folder).path.iterdir():
        content = file.read_bytes()
        assert str(ROOT).encode() not in content, file.name
        assert str(embedded_folder).encode() not in content, file.name


def test_a_folder_without_a_build_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="make data"):
        Warehouse(tmp_path)


# --- All official files ----------------------------------------------------------------------


def test_every_row_with_a_valid_code_is_one_observation_of_each_indicator(full: Warehouse, official: Path) -> None:
    catalog = full.catalog
    files, _ = recognise(list_files([official]), catalog)
    tables = [f for f in files if f.source.table is not None and catalog.columns_of(f.source.id)]  # lists hold no figure
    assert len(tables) >= 25
    counts = pd.concat(
        full.observations(t, columns=["indicator", "edition", "level", "territory", "period"]).drop_duplicates()
        for t in THEMES_FR
    )
    counts = counts.drop_duplicates().groupby(["edition", "indicator", "period"]).size()
    for item in tables:
        assert item.source.table is not None
        frame = read_text_table(item.file, item.source.table, item.edition)
        key = next(k for k in item.source.table.key if k in frame)
        level = item.edition.level or item.source.level or ""
        valid = frame[key].map(lambda c, lv=level, g=item.source.generation: normalise_code(c, lv, g)).notna()
        total = item.source.table.total_code
        rows = int((valid | (frame[key].str.strip() == total)).sum())
        found = counts[item.edition.id]
        if item.source.table.long:  # as many rows to each measure
            rows //= frame[item.source.table.long.measure[0]].nunique()
        if item.source.table.period_column:  # one row a territory and period
            found = found.groupby("indicator").sum()
        assert set(found) == {rows}, item.edition.id


def test_each_edition_counts_its_observations_and_absences(full: Warehouse) -> None:
    editions = full.editions.set_index("edition")
    ids = {i.id: i for i in full.catalog.indicators.values()}
    revenue = full.observations("revenue", [("edition", "==", "insee_qpv2015_revn_2022")])
    health = full.observations("health", [("edition", "==", "insee_qpv2015_revn_2022")])
    both = pd.concat([revenue, health[health["indicator"].map(lambda i: "revenue" not in ids[i].themes)]])
    assert editions.loc["insee_qpv2015_revn_2022", "observations"] == len(both)
    assert editions.loc["insee_qpv2015_revn_2022", "absences"] == both["value"].isna().sum()
    assert editions.loc["insee_qpv2015_revn_2022", "file"] == "REVN_2022.csv"


def test_every_recognised_file_is_an_edition_and_every_other_one_is_listed(full: Warehouse, official: Path) -> None:
    told = {f["file"] for f in json.loads((full.path / "meta.json").read_text("utf-8"))["findings"]}
    read = {name.partition(":")[0] for name in full.editions["file"]}
    assert {p.name for p in list_files([official])} - told - read == set()


def test_official_and_transcribed_figures_stand_side_by_side(full: Warehouse) -> None:
    table = full.observations("revenue", [("territory", "==", "QP062056")])
    poverty = table[(table["indicator"] == "poverty_rate_pct") & (table["period"] == "2018")]
    assert {"insee_qpv2015_revn_2022", "insee_filosofi_qpv2015_panel_2012_2020"} <= set(poverty["edition"])
    assert set(poverty["value"]) == {61.4}


def test_a_build_tells_its_steps_and_how_much_lies_behind_each(tmp_path: Path, official: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("DEMO_2022.csv", "REVN_2022.csv"):
        shutil.copyfile(official / "insee_qpv2015" / name, raw / name)
    told: list[tuple[str, float]] = []
    build(ROOT / "data", [raw], tmp_path / "w", lambda step, share: told.append((step, share)))
    steps, shares = zip(*told, strict=True)
    assert set(steps[:2]) == {"DEMO_2022.csv", "REVN_2022.csv"}
    assert steps[2:] == ("mise ensemble", "écriture")
    assert shares[0] == 0
    assert list(shares) == sorted(shares)
    assert shares[-1] < 1
