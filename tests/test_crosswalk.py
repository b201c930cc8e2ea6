"""From the perimeters of 2015 to those of 2024: who succeeds whom, and by how much."""

from __future__ import annotations

import pandas as pd
import pytest
from qpv.crosswalk import alone, combine, declared, overlap, projected_crs
from qpv.errors import WarehouseError
from qpv.reference import Reference
from qpv.schemas import CROSSWALK, check
from qpv.warehouse import Warehouse
from shapely.geometry import box
from shapes import known_of, outlines, square

LENS_LIEVIN = "246200364"


# --- Squares ---------------------------------------------------------------------------------


def test_an_unchanged_square_is_identical() -> None:
    (pair,) = overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0))).itertuples()
    assert (pair.code_2024, pair.code_2015) == ("QN06201M", "QP062001")
    assert (pair.share_2024, pair.share_2015) == pytest.approx((1, 1), abs=1e-4)
    assert (pair.relation, pair.method) == ("identical", "overlap")


def test_a_square_that_doubled_is_redrawn_and_each_share_has_its_own_denominator() -> None:
    (pair,) = overlap(outlines(2154, QN06201M=square(0, 0, 2_000), QP062001=square(0, 0))).itertuples()
    assert (pair.share_2024, pair.share_2015) == pytest.approx((0.5, 1), abs=1e-3)
    assert pair.relation == "redrawn"


def test_a_square_made_of_two_has_two_predecessors_the_larger_first() -> None:
    table = overlap(outlines(2154, QN06201M=square(0, 0, 1_000), QP062001=square(-700, 0), QP062002=square(300, 0)))
    assert table["code_2015"].tolist() == ["QP062002", "QP062001"]
    assert table["share_2024"].tolist() == pytest.approx([0.7, 0.3], abs=1e-3)
    assert set(table["relation"]) == {"redrawn"}


@pytest.mark.parametrize("gap", [0, 1_000, 50_000], ids=["common border", "1 km apart", "50 km apart"])
def test_a_touch_of_borders_is_no_succession(gap: int) -> None:
    assert overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(1_000 + gap, 0))).empty


def test_less_than_a_hundredth_of_both_is_a_touch_and_more_is_not() -> None:
    assert overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(995, 0))).empty
    assert len(overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(985, 0)))) == 1


def test_a_gap_of_a_few_metres_leaves_a_perimeter_identical() -> None:
    table = overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(9, 9)))
    assert table["relation"].tolist() == ["identical"]
    assert overlap(outlines(2154, QN06201M=square(0, 0), QP062001=square(40, 0)))["relation"].tolist() == ["redrawn"]


def test_outlines_of_one_generation_alone_give_no_pair() -> None:
    assert overlap(outlines(2154, QP062001=square(0, 0), QP062002=square(0, 0))).empty


def test_communes_are_not_paired() -> None:
    frame = outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0)).assign(level="commune")
    assert overlap(frame).empty


@pytest.mark.parametrize(
    ("departement", "crs"),
    [("62", 2154), ("2A", 2154), ("971", 5490), ("972", 5490), ("973", 2972), ("974", 2975), ("976", 4471), ("987", 3297)],
)
def test_overseas_areas_are_measured_in_their_own_utm_zone(departement: str, crs: int) -> None:
    assert projected_crs(departement) == crs


def test_squares_of_la_reunion_give_exact_shares() -> None:
    island = {"QN97401M": box(340_000, 7_650_000, 342_000, 7_651_000), "QP974001": box(341_000, 7_650_000, 342_000, 7_651_000)}
    (pair,) = overlap(outlines(2975, **island)).itertuples()
    assert (pair.share_2024, pair.share_2015) == pytest.approx((0.5, 1), abs=1e-3)


def test_corsica_and_the_mainland_are_measured_in_lambert_93() -> None:
    (pair,) = overlap(outlines(2154, QN02A01M=square(0, 0, 2_000), QP02A001=square(0, 0))).itertuples()
    assert pair.share_2024 == pytest.approx(0.5, abs=1e-3)


# --- QPV that stand alone ----------------------------------------------------------------------


def test_a_qpv_without_predecessor_is_new_and_one_without_successor_has_ended() -> None:
    frame = outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0), QN06202N=square(9_000, 0), QP062002=square(0, 9_000))
    table = check(alone(frame, overlap(frame)), CROSSWALK)
    assert table[["code_2024", "code_2015", "relation"]].to_numpy().tolist() == [
        ["QN06202N", "", "new"],
        ["", "QP062002", "ended"],
    ]
    assert table[["share_2024", "share_2015"]].isna().all(axis=None)


def test_where_one_generation_was_not_dropped_nothing_is_said() -> None:
    frame = outlines(2154, QN06201N=square(0, 0), QP059001=square(9_000, 0))
    assert alone(frame, overlap(frame)).empty


@pytest.mark.parametrize(
    ("code_2024", "code_2015", "relation"),
    [("QN06201N", "", "redrawn"), ("QN06201N", "QP062001", "new"), ("", "QP062001", "new")],
)
def test_a_lone_code_without_a_word_for_it_breaks_the_schema(code_2024: str, code_2015: str, relation: str) -> None:
    row = {"code_2024": code_2024, "code_2015": code_2015, "share_2024": None, "share_2015": None}
    with pytest.raises(WarehouseError, match="stands alone"):
        check(pd.DataFrame([{**row, "relation": relation, "method": "overlap"}]), CROSSWALK)


# --- Declared pairs --------------------------------------------------------------------------


def test_what_a_contract_declares_stands_where_no_outline_was_dropped(reference: Reference, embedded: Warehouse) -> None:
    table = embedded.crosswalk.set_index("code_2024")
    assert len(table) == len(reference.qpv) == 24
    assert table.loc["QN06254M", ["code_2015", "relation", "method"]].tolist() == ["QP062056", "identical", "declared"]
    assert table.loc["QN06253M", ["code_2015", "relation", "method"]].tolist() == ["QP062055", "redrawn", "declared"]
    assert table.loc["QN06202M", "relation"] == "unknown"
    assert table[["share_2024", "share_2015"]].isna().all(axis=None)


def test_a_measured_overlap_replaces_what_was_declared_for_that_qpv_only(reference: Reference) -> None:
    computed = overlap(outlines(2154, QN06254M=square(0, 0), QP062056=square(0, 0, 2_000)))
    table = combine(computed, declared(reference.qpv))
    assert len(table) == len(reference.qpv)
    assert table[table["code_2024"] == "QN06254M"]["method"].tolist() == ["overlap"]
    assert (table["method"] == "declared").sum() == len(reference.qpv) - 1


def test_a_declared_pair_denies_that_its_qpv_of_2015_has_ended(reference: Reference) -> None:
    ended = outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0), QP062056=square(9_000, 0))
    found, _ = known_of(ended)
    assert found["relation"].tolist() == ["identical", "ended"]
    table = combine(found, declared(reference.qpv[reference.qpv["code_2024"] == "QN06254M"]))
    assert table["relation"].tolist() == ["identical", "identical"]


# --- The real outlines -----------------------------------------------------------------------


def heirs(full: Warehouse) -> pd.DataFrame:
    table = full.crosswalk
    return table[(table["method"] == "overlap") & table["relation"].isin(["identical", "redrawn"])]


def test_every_qpv_of_2015_of_pas_de_calais_finds_a_successor(full: Warehouse) -> None:
    places = full.territories
    old = places[(places["level"] == "qpv") & (places["generation"] == "2015") & (places["departement"] == "62")]
    assert len(old) == 64
    assert set(old["code"]) - set(heirs(full)["code_2015"]) == set()


def test_of_the_19_qpv_of_lens_lievin_4_are_unchanged_and_15_redrawn(full: Warehouse, reference: Reference) -> None:
    contract = full.observations("demography", [("edition", "==", "lens-lievin-2024")])
    named = contract[
        (contract["level"] == "qpv") & (contract["generation"] == "2024") & (contract["indicator"] == "population_count")
    ]
    assert named["territory"].nunique() == 19
    pairs = heirs(full).drop_duplicates("code_2024").set_index("code_2024")
    assert pairs.loc[named["territory"], "relation"].value_counts().to_dict() == {"redrawn": 15, "identical": 4}


def test_measured_and_declared_successors_agree(full: Warehouse, reference: Reference) -> None:
    first = heirs(full).drop_duplicates("code_2024").set_index("code_2024")["code_2015"]
    stated = reference.qpv.set_index("code_2024")["code_2015"]
    assert first.reindex(stated.index).to_dict() == stated.to_dict()


def test_beau_marais_is_identical(full: Warehouse) -> None:
    (pair,) = heirs(full)[heirs(full)["code_2024"] == "QN06254M"].itertuples()
    assert (pair.code_2015, pair.relation) == ("QP062056", "identical")
    assert min(pair.share_2024, pair.share_2015) > 0.98


def test_fort_nieulay_took_in_its_surroundings(full: Warehouse) -> None:
    (pair,) = heirs(full)[heirs(full)["code_2024"] == "QN06253M"].itertuples()
    assert (pair.code_2015, pair.relation) == ("QP062055", "redrawn")
    assert pair.share_2024 == pytest.approx(0.60, abs=0.01)
    assert pair.share_2015 > 0.97


def test_shares_lie_between_0_and_1_and_no_qpv_is_covered_more_than_once(full: Warehouse) -> None:
    table = heirs(full)
    assert len(table) > 1_400
    assert table[["share_2024", "share_2015"]].min(axis=None) >= 0
    assert table[["share_2024", "share_2015"]].max(axis=None) <= 1
    assert table.groupby("code_2024")["share_2024"].sum().max() < 1.02
    assert table.groupby("code_2015")["share_2015"].sum().max() < 1.02


def test_overseas_qpv_find_their_successors_too(full: Warehouse) -> None:
    table = heirs(full)
    for departement in ("971", "972", "973", "974", "976"):
        assert table["code_2015"].str.startswith(f"QP{departement}").any(), departement
    assert (table["code_2024"].str[2:5] == table["code_2015"].str[2:5]).mean() > 0.99


def test_of_1609_qpv_of_2024_153_are_new_and_of_1514_of_2015_57_have_ended(full: Warehouse) -> None:
    table = full.crosswalk[full.crosswalk["method"] == "overlap"]
    main = table[table["code_2024"] != ""].drop_duplicates("code_2024")
    assert main["relation"].value_counts().to_dict() == {"redrawn": 1_124, "identical": 331, "new": 153}
    assert (table["relation"] == "ended").sum() == 57
    # The only QPV of Lozère, which had none in 2015: without outlines of 2015 there, nothing is said.
    silent = set(full.territories.query("level == 'qpv' and generation == '2024'")["code"]) - set(table["code_2024"])
    assert {c[2:5] for c in silent} == {"048"}
    assert len(silent) == 1


def test_in_pas_de_calais_1_is_new_12_identical_51_redrawn_and_none_has_ended(full: Warehouse) -> None:
    table = full.crosswalk[full.crosswalk["code_2024"].str.startswith("QN062")].drop_duplicates("code_2024")
    assert table["relation"].value_counts().to_dict() == {"redrawn": 51, "identical": 12, "new": 1}
    assert table.loc[table["relation"] == "new", "code_2024"].tolist() == ["QN06264N"]
    ended = full.crosswalk[full.crosswalk["relation"] == "ended"]
    assert not ended["code_2015"].str.startswith("QP062").any()


def test_the_letter_of_the_code_and_the_outlines_agree_on_1440_of_1608_qpv(full: Warehouse) -> None:
    table = full.crosswalk[full.crosswalk["code_2024"] != ""].drop_duplicates("code_2024")
    counts = pd.crosstab(table["code_2024"].str[-1], table["relation"]).to_dict()
    assert counts["new"] == {"I": 3, "M": 2, "N": 148}
    assert counts["identical"] == {"I": 255, "M": 76, "N": 0}
    # What the letter calls unchanged and the outlines redrawn differs little: half of these share more than 95 % of both.
    assert counts["redrawn"] == {"I": 83, "M": 1_037, "N": 4}
    assert 148 + 255 + 1_037 == 1_440
