"""Building the warehouse: whole or not at all, the same twice, and nothing dropped silently."""

from __future__ import annotations

import json
import multiprocessing
import multiprocessing.process
import os
import random
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import qpv.build
import qpv.publication
from conftest import ROOT
from qpv.build import build
from qpv.contracts import Contracts
from qpv.errors import CatalogError, WarehouseError
from qpv.publication import workplace
from qpv.schemas import CROSSWALK, EDITIONS, OBSERVATIONS, TERRITORIES, check, compact
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


# --- Several at once, and killed -----------------------------------------------------------------

#: Fresh processes that have imported the library already: a build is then all that they do.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["qpv.build", "qpv.warehouse"])


def build_after(moment: float, data: Path, target: Path) -> None:
    """Wait for a common start, then build."""
    time.sleep(max(0.0, moment - time.time()))
    build(data, [], target)


def started(data: Path, target: Path, moment: float = 0.0) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=build_after, args=(moment, data, target))
    process.start()
    return process


def with_count(data: Path, copy: Path, count: int) -> Path:
    """Copy the data with another figure: another digest."""
    shutil.copytree(data, copy, dirs_exist_ok=True)
    file = copy / "contracts" / "200090751" / "revenue.csv"
    text = (data / "contracts" / "200090751" / "revenue.csv").read_text("utf-8")
    assert ",2015,1273,count" in text
    file.write_text(text.replace(",2015,1273,count", f",2015,{count},count"), "utf-8")
    return copy


def count_in(target: Path) -> int:
    """The figure that tells the builds apart, from a warehouse that is checked on the way."""
    warehouse = Warehouse(target)
    check(warehouse.territories, TERRITORIES)
    check(warehouse.crosswalk, CROSSWALK)
    for theme in THEMES_FR:
        assert len(warehouse.observations(theme, columns=["value"])) > 0
    rows = warehouse.observations("revenue", [("territory", "==", "QP062056"), ("indicator", "==", "rsa_recipients_count")])
    (value,) = rows.loc[rows["period"] == "2015", "value"]
    return int(value)


def left_behind(target: Path) -> set[str]:
    return {p.name for p in target.iterdir() if p.name.startswith(".") and p.name != ".lock"}


def test_two_builds_of_the_same_data_at_once_both_succeed(tmp_path: Path) -> None:
    both = [started(DATA, tmp_path, time.time() + 1) for _ in range(2)]
    for process in both:
        process.join(120)
    assert [p.exitcode for p in both] == [0, 0]
    assert count_in(tmp_path) == 1273
    assert left_behind(tmp_path) == set()
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 1


def test_builds_of_different_data_at_once_all_succeed_and_one_of_them_is_in_use(data: Path, tmp_path: Path) -> None:
    target, moment = tmp_path / "w", time.time() + 1.5
    copies = [with_count(data, tmp_path / f"data-{n}", n) for n in (1301, 1302, 1303)]
    all_ = [started(copy, target, moment) for copy in copies]
    for process in all_:
        process.join(180)
    assert [p.exitcode for p in all_] == [0, 0, 0]
    assert count_in(target) in (1301, 1302, 1303)
    assert left_behind(target) == set()
    assert len([p for p in target.iterdir() if p.is_dir()]) <= 2


def build_until(seconds: float, data: Path, target: Path) -> None:
    """Build, and be killed once so much CPU time was used: clocks on the wall say little on a busy machine."""

    def watch() -> None:
        while time.process_time() - start < seconds:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGKILL)

    start = time.process_time()
    threading.Thread(target=watch, daemon=True).start()
    build(data, [], target)
    (target.parent / "seconds").write_text(str(time.process_time() - start))


def test_a_build_killed_at_20_random_moments_leaves_a_warehouse_and_the_next_build_works(data: Path, tmp_path: Path) -> None:
    target, chance = tmp_path / "w", random.Random(20260)
    for count in (1273, 1274):  # the second finds what the first has imported
        first = PROCESSES.Process(target=build_until, args=(600, with_count(data, tmp_path / "other", count), target))
        first.start()
        first.join(120)
        assert first.exitcode == 0
    whole, killed = float((tmp_path / "seconds").read_text()), 0
    for count in range(2_000, 2_040):
        if killed == 20:
            break
        # Half of the moments fall where files are written and renamed: at the end, which some builds reach before.
        moment = whole * (chance.uniform(0, 0.9) if count % 2 else chance.uniform(0.7, 1))
        process = PROCESSES.Process(target=build_until, args=(moment, with_count(data, tmp_path / "other", count), target))
        process.start()
        process.join(120)
        killed += process.exitcode == -signal.SIGKILL
        assert count_in(target) in {1274, *range(2_000, count + 1)}
    assert killed == 20
    report = build(with_count(data, tmp_path / "other", 1_999), [], target)
    assert (report.fresh, count_in(target)) == (True, 1_999)
    assert left_behind(target) == set(), "the next build sweeps what the killed ones left"


@pytest.mark.parametrize("step", ["_write", "publish", "point_to"])
def test_a_process_that_dies_between_two_steps_leaves_the_old_build_or_the_new_one(data: Path, tmp_path: Path, step: str) -> None:
    target = tmp_path / "w"
    build(data, [], target)
    process = PROCESSES.Process(target=die_at, args=(step, with_count(data, tmp_path / "other", 1400), target))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert count_in(target) == 1273
    if step != "point_to":
        assert any(name.startswith(".build-") for name in left_behind(target))
    report = build(tmp_path / "other", [], target)
    assert report.fresh == (step != "point_to"), "what was whole is used"
    assert count_in(target) == 1400
    build(with_count(data, tmp_path / "third", 1401), [], target)
    assert left_behind(target) == set()


def die_at(step: str, data: Path, target: Path) -> None:
    """Build, and be killed when a step begins."""

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(qpv.publication if step == "point_to" else qpv.build, step, die)
    build(data, [], target)


def test_the_scratch_folder_of_a_build_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    with workplace(tmp_path) as scratch:
        (scratch / "half.parquet").write_bytes(b"PAR1")
        (tmp_path / ".build-killed").mkdir()
        (tmp_path / ".CURRENT-99999").write_text("x")
        build(DATA, [], tmp_path)
        assert left_behind(tmp_path) == {scratch.name}
        assert (scratch / "half.parquet").exists()
    assert left_behind(tmp_path) == set()


def test_half_a_build_under_its_digest_is_never_taken_for_a_whole_one(data: Path, tmp_path: Path) -> None:
    path = build(data, [], tmp_path / "w").path
    (path / "meta.json").unlink()
    (path / "territories.parquet").unlink()
    assert build(data, [], tmp_path / "w").fresh
    assert count_in(tmp_path / "w") == 1273
    assert left_behind(tmp_path / "w") == set()


# --- Schemas ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        ("level", "quartier"),
        ("generation", "2020"),
        ("status", "guessed"),
        ("qualifier", "plus de"),
        ("period", "en 2015"),
        ("value", 1e15),
        ("value", float("nan")),
        ("row", -1),
        ("territory", ""),
    ],
)
def test_a_breach_of_the_schema_is_named_with_table_and_column(contracts: Contracts, column: str, bad: object) -> None:
    table = contracts.observations.head(5).copy()
    table[column] = table[column].astype(object)
    table.loc[2, column] = bad
    with pytest.raises(WarehouseError, match="table 'observations' breaks its schema") as error:
        check(table, OBSERVATIONS)
    if bad == bad:  # not nan: a value that lacks is a fault of value and status together
        assert f"{column}: " in str(error.value)
        assert repr(bad) in str(error.value)


def test_a_value_with_an_absent_status_is_a_breach(contracts: Contracts) -> None:
    table = contracts.observations.head(5).assign(status="secret")
    with pytest.raises(WarehouseError, match="a value without a present status"):
        check(table, OBSERVATIONS)


def test_a_missing_column_is_named(contracts: Contracts) -> None:
    with pytest.raises(WarehouseError, match=r"'observations' lacks columns.*note"):
        check(contracts.observations.drop(columns="note"), OBSERVATIONS)


def test_one_place_twice_is_a_breach(embedded: Warehouse) -> None:
    table = embedded.territories
    with pytest.raises(WarehouseError, match="table 'territories'"):
        check(pd.concat([table, table.head(1)], ignore_index=True), TERRITORIES)


# --- All official files ----------------------------------------------------------------------


def test_every_row_with_a_valid_code_is_one_observation_of_each_indicator(full: Warehouse, official: Path) -> None:
    catalog = full.catalog
    files, _ = recognise(list_files([official]), catalog)
    tables = [f for f in files if f.source.table is not None]
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


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [("status", "guessed", "status: .*'guessed'"), ("period", "someday", "period: a period .*'someday'"),
     ("territory", "x" * 121, "territory: 1 to 120"), ("status", "secret", "a value without a present status")],
)  # fmt: skip
def test_texts_given_as_categories_are_checked_as_strictly(embedded: Warehouse, column: str, value: str, told: str) -> None:
    table = embedded.observations("revenue")
    table.loc[table["value"].notna().idxmax(), column] = value
    for given in (table, compact(table)):
        with pytest.raises(WarehouseError, match=told):
            check(given, OBSERVATIONS)
    sound = embedded.observations("revenue")
    pd.testing.assert_frame_equal(check(compact(sound), OBSERVATIONS).astype(sound.dtypes), check(sound, OBSERVATIONS))
