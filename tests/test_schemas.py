"""The schemas of the tables: what breaches them is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from qpv.contracts import Contracts
from qpv.errors import WarehouseError
from qpv.schemas import OBSERVATIONS, TERRITORIES, check, compact
from qpv.vocabulary import THEMES_FR
from qpv.warehouse import Warehouse

DATA = ROOT / "data"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A copy of the project's data that a test may change."""
    for name in ("catalog", "contracts", "reference"):
        shutil.copytree(DATA / name, tmp_path / "data" / name)
    return tmp_path / "data"


def everything(warehouse: Warehouse) -> pd.DataFrame:
    return pd.concat([warehouse.observations(t) for t in THEMES_FR], ignore_index=True)


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
