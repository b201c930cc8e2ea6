"""Profiles are read in a few slices: what they hold is what a reading of everything would give."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pandas as pd
import pyarrow.parquet as pq
import pytest
from qpv import peers
from qpv.errors import WarehouseError
from qpv.parquet import SortedFile
from qpv.preference import STATUS_ORDER, prefer
from qpv.profile import load_profile
from qpv.quarter import Quarter
from qpv.vocabulary import COMPARABLE_QUALIFIERS, THEMES_FR
from qpv.warehouse import Warehouse

#: Beau Marais; a QPV on two agglomérations; one of Paris (131 communes around); one overseas.
PLACES = ("QN06254M", "QN06216M", "QN07501M", "QN97403M")
QUARTERS = ("2026-T3", "2021-T4", "2018-T4")


@pytest.fixture(scope="module", params=sorted(THEMES_FR))
def everything(request: pytest.FixtureRequest, full: Warehouse) -> Iterator[tuple[str, pd.DataFrame]]:
    """A theme, and all its observations but those on IRIS and schools."""
    rows = full.observations(request.param, [("level", "not in", ["iris", "school"])])
    yield request.param, rows


def published(warehouse: Warehouse, quarter: str) -> pd.DataFrame:
    editions = warehouse.editions
    return editions[editions["published"] <= pd.Timestamp(Quarter.parse(quarter).end)]


# --- Against the plain statement of what a profile holds ---------------------------------------------


@pytest.mark.parametrize("quarter", QUARTERS)
def test_the_figures_of_all_qpv_are_those_that_the_rule_prefers(full, everything, quarter):
    theme, table = everything
    known = {e.edition: e for e in published(full, quarter).itertuples()}
    keys = {i.id for i in full.catalog.of_theme(theme) if i.key or i.theme != theme}
    order = {s.value: n for s, n in STATUS_ORDER.items()}
    best: dict[tuple[str, str, str], tuple[tuple[int, int, float, int], tuple[object, ...]]] = {}
    of_qpv = table[(table["level"] == "qpv") & table["indicator"].isin(keys)]
    for line, row in enumerate(of_qpv.itertuples()):
        if (
            pd.isna(row.value)
            or row.qualifier not in COMPARABLE_QUALIFIERS
            or row.period == "undated"
            or row.edition not in known
        ):
            continue
        edition = known[row.edition]
        rank = (order[row.status], edition.priority, -edition.published.timestamp(), line)
        fact = (row.territory, row.indicator, row.period)
        if fact not in best or rank < best[fact][0]:
            best[fact] = (rank, ("qpv", row.generation, row.value, row.status, row.edition))
    expected = [
        (territory, level, generation, indicator, period, value, status, edition)
        for (territory, indicator, period), (_, (level, generation, value, status, edition)) in sorted(best.items())
    ]
    found = load_profile(full, "QN06254M", theme, quarter).others
    assert list(found.columns) == peers.COLUMNS
    assert list(found.itertuples(index=False, name=None)) == expected
    assert (found.dtypes.drop("value") == pd.Series(["x"]).dtype).all()


@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("code", PLACES)
def test_the_observations_are_all_on_the_qpv_and_around_it(full, everything, code, quarter):
    theme, table = everything
    places = full.territories
    place = places[(places["level"] == "qpv") & (places["code"] == code)].iloc[0]
    epci = place["epci"].split(" ")[0]
    pairs = full.crosswalk[full.crosswalk["code_2024"] == code]
    codes = {code, *place["communes"].split(" "), epci, place["departement"], place["region"], "FR"}
    codes |= set() if place["departement"].startswith("97") else {"FRM"}  # overseas is no part of it
    codes |= set(places[(places["level"] == "commune") & (places["epci"] == epci)]["code"])
    codes |= set(pairs[pairs["share_2024"].fillna(1) >= 0.2]["code_2015"])
    editions = published(full, quarter)
    rows = table[table["territory"].isin(codes) & table["edition"].isin(editions["edition"])]
    expected = prefer(rows.reset_index(drop=True), editions)
    pd.testing.assert_frame_equal(load_profile(full, code, theme, quarter).observations, expected)


def test_the_places_of_a_level_are_those_of_the_whole_table(full):
    for level, part in full.territories.groupby("level"):
        found = full.places(str(level))
        assert list(found.index) == list(found["code"])
        pd.testing.assert_frame_equal(found.reset_index(drop=True), part.reset_index(drop=True))


def test_a_qpv_without_a_perimeter_in_2021_has_a_profile_without_figures_of_its_own(full):
    heirs = full.crosswalk[full.crosswalk["share_2024"].fillna(1) >= 0.2]["code_2024"]
    new = full.places("qpv").query("generation == '2024'").index.difference(heirs)
    assert len(new), "some QPV of 2024 have no predecessor"
    profile = load_profile(full, new[0], "revenue", "2021-T4")
    assert profile.codes == {}
    assert profile.population.empty
    assert profile.rows_of_qpv().empty


# --- Figures in the order of preference --------------------------------------------------------------

EDITIONS = pd.DataFrame(
    [("old", "2019-12-31", 10), ("new", "2023-03-31", 10), ("far", "2024-12-31", 50)],
    columns=["edition", "published", "priority"],
).assign(published=lambda t: pd.to_datetime(t["published"]))


def facts(*rows: tuple[str, str, str, float | None, str, str]) -> pd.DataFrame:
    """Rows ``territory, indicator, period, value, status, edition`` at the level of the QPV."""
    table = pd.DataFrame(rows, columns=["territory", "indicator", "period", "value", "status", "edition"])
    return table.assign(level="qpv", generation="2015", qualifier="", value=table["value"].astype(float))


def preferred(tmp_path, table: pd.DataFrame, *editions: str) -> list[tuple[str, float]]:
    peers.write(peers.rank_figures(table, EDITIONS, ["a", "b"]), tmp_path / "peers.arrow")
    found = peers.as_of(tmp_path / "peers.arrow", editions)
    return list(zip(found["territory"], found["value"], strict=True))


TWICE = facts(
    ("QP1", "a", "2019", 1, "observed", "old"),
    ("QP1", "a", "2019", 2, "observed", "new"),
    ("QP1", "a", "2019", 3, "observed", "far"),
    ("QP2", "a", "2019", 4, "transcribed", "old"),
    ("QP2", "a", "2019", 5, "proxy", "new"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("editions", "expected"),
    [(("old", "new", "far"), [("QP1", 2), ("QP2", 4)]), (("old", "far"), [("QP1", 1), ("QP2", 4)]), (("far",), [("QP1", 3)]),
     (("new",), [("QP1", 2), ("QP2", 5)]), ((), []), (("unheard of",), [])],
)  # fmt: skip
def test_the_preference_holds_whichever_editions_were_published(tmp_path, editions, expected):
    assert preferred(tmp_path, TWICE, *editions) == expected


def test_absences_bounds_undated_other_levels_and_other_indicators_are_no_figures_of_qpv(tmp_path):
    table = facts(*[("QP1", "a", str(2010 + n), 1, "observed", "old") for n in range(6)])
    table.loc[0, ["value", "status"]] = [None, "secret"]
    table.loc[1, "qualifier"] = "min"
    table.loc[2, "period"] = "undated"
    table.loc[3, "level"] = "commune"
    table.loc[4, "indicator"] = "c"
    peers.write(peers.rank_figures(table, EDITIONS, ["a", "b"]), tmp_path / "peers.arrow")
    assert list(peers.as_of(tmp_path / "peers.arrow", ["old"])["period"]) == ["2015"]


def test_no_figure_at_all_is_an_empty_table_with_all_columns(tmp_path):
    peers.write(peers.rank_figures(TWICE.iloc[:0], EDITIONS, ["a"]), tmp_path / "peers.arrow")
    found = peers.as_of(tmp_path / "peers.arrow", ["old"])
    assert (list(found.columns), len(found)) == (peers.COLUMNS, 0)


# --- A few rows of a sorted file ---------------------------------------------------------------------


@pytest.fixture
def table(tmp_path) -> tuple[SortedFile, pd.DataFrame]:
    chance = random.Random(7)
    rows = sorted((chance.choice("ab"), f"{chance.randrange(40):02}", n) for n in range(200))
    content = pd.DataFrame(rows, columns=["level", "territory", "value"]).assign(note=lambda t: t["level"].astype("category"))
    content.to_parquet(tmp_path / "sorted.parquet", index=False, row_group_size=7)
    return SortedFile(tmp_path / "sorted.parquet"), content.assign(note=content["note"].astype(str))


def test_the_rows_are_those_that_a_reading_of_the_whole_file_gives(table):
    file, content = table
    chance = random.Random(11)
    for _ in range(50):
        wanted = {f"{chance.randrange(45):02}" for _ in range(chance.randrange(6))}
        unwanted = {"level": chance.sample("ab", chance.randrange(3))}
        expected = content[content["territory"].isin(wanted) & ~content["level"].isin(unwanted["level"])]
        pd.testing.assert_frame_equal(file.read({"territory": wanted}, unwanted), expected.reset_index(drop=True))


def test_only_the_row_groups_that_may_match_are_read(table, monkeypatch):
    file, content = table
    read: list[list[int]] = []
    whole = pq.ParquetFile.read_row_groups
    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", lambda self, groups: read.append(groups) or whole(self, groups))
    file.read({"territory": ["00"]}, {"level": ["b"]})
    groups = {n // 7 for n in content.index[(content["territory"] == "00") & (content["level"] == "a")]}
    assert groups <= set(read[0])
    assert len(read[0]) <= 3


def test_a_build_of_an_earlier_version_is_refused_with_what_to_do(embedded, tmp_path):
    (tmp_path / "meta.json").write_text("{}", "utf-8")
    for missing in (lambda w: w.peers("revenue", []), lambda w: w.places("qpv"), lambda w: w.around("revenue", [])):
        with pytest.raises(WarehouseError, match=r"lacks '.*run 'make data'"):
            missing(Warehouse(tmp_path))
