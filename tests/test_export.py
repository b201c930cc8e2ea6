"""What is shared: a data package whose dictionary holds, without small counts, that appears whole or not at all."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from qpv import export
from qpv.errors import ParameterError, UnknownTerritoryError
from qpv.export import FIELDS, check_package, tables, write_package
from qpv.quarter import Quarter
from qpv.warehouse import Warehouse
from typer.testing import CliRunner

QUARTER = Quarter(2026, 3)
BEAU_MARAIS, LENS = "QN06254M", "246200364"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, embedded: Warehouse) -> Path:
    return write_package(embedded, BEAU_MARAIS, QUARTER, tmp_path_factory.mktemp("share") / "beau-marais")


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_package_describes_every_file_column_unit_and_source(package: Path) -> None:
    told = json.loads((package / "datapackage.json").read_text("utf-8"))
    assert {r["path"] for r in told["resources"]} == {f.name for f in package.iterdir()} - {"datapackage.json"}
    assert told["created"] == "2026-09-30T00:00:00Z"
    for resource in told["resources"]:
        fields = [f["name"] for f in resource["schema"]["fields"]]
        assert fields == list(FIELDS[resource["name"].removesuffix("-parquet")])
        assert all(len(f["description"]) > 2 for f in resource["schema"]["fields"])
        assert re.fullmatch(r"[a-z0-9._-]+", resource["name"])
    assert check_package(package) == []


def test_poverty_of_beau_marais_is_there_with_its_line(package: Path) -> None:
    found = [r for r in rows(package, "observations") if (r["territory"], r["indicator"]) == ("QP062056", "poverty_rate_pct")]
    assert ("58", "pct", "transcribed", "calais-2024") in {(r["value"], r["unit"], r["status"], r["edition"]) for r in found}


def test_csv_and_parquet_say_the_same(package: Path) -> None:
    table = pd.read_parquet(package / "observations.parquet")
    told = rows(package, "observations")
    assert len(table) == len(told) > 300
    assert [None if pd.isna(v) else v for v in table["value"]] == [float(r["value"]) if r["value"] else None for r in told]
    assert list(table["indicator"]) == [r["indicator"] for r in told]


def test_small_counts_are_hidden_and_their_absence_is_typed(full: Warehouse) -> None:
    found = tables(full, LENS, QUARTER)["observations"]
    minima = {i.id: i.minimum_count for i in full.catalog.indicators.values() if i.minimum_count}
    counted = found[found["indicator"].isin(minima) & (found["status"] != "transcribed") & found["value"].notna()]
    assert len(counted) > 100
    assert not [r for r in counted.itertuples() if 0 < r.value < minima[r.indicator]]
    assert (found["status"] == "secret").sum() > 10


def test_a_small_count_that_slipped_through_is_withheld() -> None:
    table = pd.DataFrame({"indicator": ["n", "n", "n", "n"], "value": [3.0, 0.0, 12.0, 3.0], "note": "",
                          "status": ["observed", "observed", "observed", "transcribed"]})  # fmt: skip
    found = export._without_small_counts(table, {"n": 5})
    assert found["status"].tolist() == ["secret", "observed", "observed", "transcribed"]
    assert found["value"].isna().tolist() == [True, False, False, False]


def test_a_past_quarter_shares_no_later_edition(embedded: Warehouse) -> None:
    found = tables(embedded, BEAU_MARAIS, Quarter(2024, 2))
    assert set(found["editions"]["published"]) and max(found["editions"]["published"]) <= "2024-06-30"
    assert set(found["observations"]["edition"]) == set(found["editions"]["edition"])


def test_same_data_same_bytes_and_an_export_replaces_itself_whole(package: Path, embedded: Warehouse) -> None:
    before = {f.name: f.read_bytes() for f in package.iterdir()}
    (package / "left.tmp").write_text("x")
    write_package(embedded, BEAU_MARAIS, QUARTER, package)
    assert {f.name: f.read_bytes() for f in package.iterdir()} == before
    assert [f.name for f in package.parent.iterdir()] == [package.name], "no scratch folder is left"


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, embedded: Warehouse) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(ParameterError, match="holds other files"):
        write_package(embedded, BEAU_MARAIS, QUARTER, tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_export_leaves_the_old_one(package: Path, embedded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {f.name: f.read_bytes() for f in package.iterdir()}
    monkeypatch.setattr(export, "check_package", lambda folder: ["observations.csv: a fault"])
    with pytest.raises(ParameterError, match="a fault"):
        write_package(embedded, BEAU_MARAIS, QUARTER, package)
    assert {f.name: f.read_bytes() for f in package.iterdir()} == before
    assert [f.name for f in package.parent.iterdir()] == [package.name]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(",pct,", ",percent,", "unit 'percent'"), (",58,pct", ",beaucoup,pct", "value 'beaucoup': not a number"),
     (",transcribed,", ",secret,", "a value without a present status"), ("poverty_rate_pct,", "taux,", "'taux' is in no row of indicators")],
)  # fmt: skip
def test_a_table_that_breaks_its_dictionary_is_found_out(package: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    for file in package.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    table = tmp_path / "observations.csv"
    table.write_bytes(table.read_bytes().replace(old.encode(), new.encode(), 1))
    faults = check_package(tmp_path)
    assert "observations.csv: not the file that was described" in faults
    assert any(said in f for f in faults), faults


def test_a_changed_parquet_file_a_key_that_stands_twice_and_a_date_that_is_none_are_found_out(
    package: Path, tmp_path: Path
) -> None:
    for file in package.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "observations.parquet").write_bytes(b"PAR1")
    editions = (tmp_path / "editions.csv").read_text("utf-8").splitlines()
    (tmp_path / "editions.csv").write_text("\r\n".join([*editions, editions[-1].replace("20", "an ", 1)]), "utf-8")
    (tmp_path / "indicators.csv").write_bytes(
        (package / "indicators.csv").read_bytes() + (package / "indicators.csv").read_bytes().splitlines()[-1]
    )
    faults = check_package(tmp_path)
    assert "observations.parquet: not the file that was described" in faults
    assert any(f.startswith("indicators.csv") and "the key stands 2 times" in f for f in faults), faults


def test_the_name_of_a_package_is_one_that_the_specification_allows(embedded: Warehouse, tmp_path: Path) -> None:
    folder = write_package(embedded, "Beau Marais", QUARTER, tmp_path / "x")
    assert re.fullmatch(r"[-a-z0-9._/]+", json.loads((folder / "datapackage.json").read_text("utf-8"))["name"])


def test_unknown_territory_is_refused(embedded: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(UnknownTerritoryError):
        write_package(embedded, "QN99999Z", QUARTER, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_there_and_says_what_it_does() -> None:
    from qpv.cli import app

    told = CliRunner().invoke(app, ["export", "--help"])
    assert told.exit_code == 0
    assert "datapackage.json" in told.output
