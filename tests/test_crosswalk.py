"""From the perimeters of 2015 to those of 2024: who succeeds whom, and by how much."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from qpv.crosswalk import combine, declared, overlap, projected_crs
from qpv.reference import Reference
from qpv.warehouse import Warehouse
from shapely.geometry import Polygon, box

LENS_LIEVIN = "246200364"


def outlines(crs: int, **shapes: Polygon) -> gpd.GeoDataFrame:
    """Outlines given in metres, as the readers deliver them."""
    codes = list(shapes)
    frame = gpd.GeoDataFrame(
        {"code": codes, "level": "qpv", "generation": ["2024" if c.startswith("QN") else "2015" for c in codes]},
        geometry=list(shapes.values()),
        crs=crs,
    )
    return frame.to_crs(4326)


def square(x: float, y: float, width: float = 1_000, height: float = 1_000) -> Polygon:
    return box(700_000 + x, 7_000_000 + y, 700_000 + x + width, 7_000_000 + y + height)


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


# --- The real outlines -----------------------------------------------------------------------


def heirs(full: Warehouse) -> pd.DataFrame:
    return full.crosswalk[full.crosswalk["method"] == "overlap"]


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
