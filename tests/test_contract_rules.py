"""Parity of access, mediators, areas of vigilance, tax abatement: rules of the contracts, on the figures that they print."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from conftest import ROOT
from pydantic import ValidationError
from qpv.catalog import Catalog
from qpv.contract import mediators
from qpv.contract.abatement import Estate, Upkeep, by_landlord, deadlines, signature_deadline
from qpv.contract.contract import Contract, load_contract
from qpv.contract.parity import parity
from qpv.contract.vigilance import agreed, examine, position, similar_to_qpv
from qpv.contracts import Contracts
from qpv.reference import Reference
from qpv.vocabulary import Polarity
from qpv.warehouse import Warehouse
from shapely.geometry import Point, box

CALAIS = "200090751"


@pytest.fixture(scope="module")
def calais(catalog: Catalog, reference: Reference, contracts: Contracts) -> Contract:
    return load_contract(ROOT / "data" / "contracts" / CALAIS, catalog, reference, contracts)


# --- parity (S22) --------------------------------------------------------------------------------------


def test_eleven_measures_stand_against_16_4_pct_and_two_are_under_parity(contracts: Contracts) -> None:
    rows = contracts.observations[contracts.observations["territory"] == "62"]
    found = parity(rows)
    assert len(found) == 11
    assert {float(p.reference["value"]) for p in found} == {16.4}
    assert {p.indicator: float(p.row["value"]) for p in found if p.under} == {
        "qpv_residents_share_cie_youth_pct": 4.2, "qpv_residents_share_afpr_pct": 15.8,
    }  # fmt: skip
    assert found[0].gap == pytest.approx(-12.2)
    assert found[-1].indicator == "qpv_residents_share_intensive_support_pct"


def test_a_measure_equal_to_its_reference_is_not_under_parity_and_none_is_judged_without_one(contracts: Contracts) -> None:
    rows = contracts.observations[contracts.observations["territory"] == "62"]
    even = rows.assign(value=rows["value"].where(rows["indicator"] != "qpv_residents_share_afpr_pct", 16.4))
    assert [p.indicator for p in parity(even) if p.under] == ["qpv_residents_share_cie_youth_pct"]
    assert parity(rows[rows["indicator"] != "job_seekers_qpv_share_pct"]) == []


# --- mediators (S23) -----------------------------------------------------------------------------------


def test_five_departements_of_hauts_de_france_and_their_sum(contracts: Contracts) -> None:
    table = mediators.coverage(contracts.observations)
    assert [(c.code, c.inhabitants, c.posts, c.not_covered, c.to_recruit) for c in table] == [
        ("59", 361_198, 26, 119_134, 12), ("60", 68_875, 1, 56_690, 6), ("62", 149_827, 16, 49_669, 5),
        ("80", 36_442, 3, 23_902, 3), ("02", 37_067, 6, 1_080, 1),
    ]  # fmt: skip
    assert all(c.by_rule == c.to_recruit for c in table), "one for each 10,000 inhabitants not covered, begun ones included"
    whole = mediators.total(table)
    assert (whole.inhabitants, whole.posts, whole.not_covered, whole.to_recruit) == (653_409, 52, 250_475, 27)


def test_44_mediators_noted_stand_against_52_in_the_table(contracts: Contracts) -> None:
    assert mediators.contradiction(contracts.observations) == (44, 52)


# --- vigilance (S24) -----------------------------------------------------------------------------------


def test_schweitzer_holds_by_its_ips_and_the_rest_is_unknown(calais: Contract, embedded: Warehouse) -> None:
    assert calais.rules is not None
    schweitzer, curie, mollien = calais.cases
    evidence = examine(embedded, calais.rules, schweitzer)
    ips = evidence[evidence["criterion"] == "ips"].iloc[0]
    assert (ips["holds"], ips["value"], ips["threshold"], ips["period"]) == (True, 80, 85, "undated")
    assert agreed(evidence, calais.rules.criteria) == (1, 0, 3)
    for case in (curie, mollien):
        assert agreed(examine(embedded, calais.rules, case), calais.rules.criteria) == (0, 0, 4), (
            "not known neither holds nor fails"
        )


def test_iris_of_a_case_are_screened(calais: Contract, full: Warehouse) -> None:
    assert calais.rules is not None
    case = calais.cases[1].model_copy(update={"iris": "621930101 999999999"})
    evidence = examine(full, calais.rules, case)
    assert list(evidence["level"].unique()) == ["sector", "iris"]
    assert set(evidence.loc[evidence["level"] == "iris", "area"]) == {"621930101"}
    held, failed, _ = agreed(evidence, calais.rules.criteria)
    assert held + failed >= 1


def test_an_area_is_like_the_qpv_when_it_is_no_better_than_the_best_of_them() -> None:
    evidence = pd.DataFrame({"indicator": ["ips", "ips", "poverty", "none", "ips", "poverty"], "value": [72.0, 90.0, 44.0, 1.0, None, 44.0],
                             "period": [*["2019"] * 5, "2018"]})  # fmt: skip
    qpv = pd.DataFrame({"indicator": ["ips", "ips", "poverty", "poverty"], "value": [72.8, 66.0, 43.0, 40.0],
                        "period": ["2019", "2019", "2019", "2020"]})  # fmt: skip
    found = similar_to_qpv(evidence, qpv, {"ips": Polarity.HIGHER, "poverty": Polarity.LOWER})
    assert found.tolist() == [True, False, True, None, None, None], "of 2018 the QPV have no value"


def test_the_band_of_300_metres_is_measured_in_metres() -> None:
    square = gpd.GeoSeries([box(700_000, 7_000_000, 701_000, 7_001_000)], crs=2154).to_crs(4326)
    points = gpd.GeoSeries([Point(700_500, 7_000_500), Point(701_299, 7_000_500), Point(701_301, 7_000_500)], crs=2154).to_crs(
        4326
    )
    assert position(points, square) == ["inside", "band", "outside"]
    assert position(points, square, 500) == ["inside", "band", "band"]


# --- abatement (S25) -----------------------------------------------------------------------------------


def test_dwellings_and_tax_by_landlord_add_up_to_the_printed_summary(calais: Contract) -> None:
    table = by_landlord(calais.estates).set_index("landlord")
    assert table["dwellings"].to_dict() == {"OPH de Calais": 4_676, "Habitat 62/59": 659, "Logis 62": 140}
    assert table["tax_eur"].to_dict() == {"OPH de Calais": 618_500, "Habitat 62/59": 103_606, "Logis 62": 26_445}


def test_deadlines_fall_in_the_year_after() -> None:
    assert [(d.day, d.line) for d in deadlines(2025)] == [
        (dt.date(2026, 3, 30), 7837), (dt.date(2026, 3, 30), 8036), (dt.date(2026, 4, 30), 8052), (dt.date(2026, 5, 30), 8056),
    ]  # fmt: skip
    assert signature_deadline(dt.date(2023, 12, 22)).day == dt.date(2024, 1, 1)


def test_the_qpv_must_have_at_least_as_much_as_the_rest() -> None:
    said = {"year": 2025, "landlord": "OPH", "label": "Passages de nettoyage", "unit": "count", "document": "d", "line": 1}
    assert Upkeep.model_validate(said | {"inside": 3, "outside": 2}).as_much
    assert not Upkeep.model_validate(said | {"inside": 3, "outside": 2, "better": "lower"}).as_much


def test_more_dwellings_with_abatement_than_dwellings_is_a_fault() -> None:
    with pytest.raises(ValidationError, match="abated 11: more than the 10 dwellings"):
        Estate(year=2025, qpv="QN06254M", landlord="OPH", dwellings=10, abated=11, document="d", line=1)


def test_a_fault_in_the_criteria_is_told_with_its_file(
    tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts
) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / "vigilance.yml").write_text("id: x\nlabel: Essai\nat_least: 9\ncriteria: []\n")
    (folder / "cases.csv").write_text("territory,label,iris,document,line\nsector:62193:mollien,Mollien,62193,calais-2024,1\n")
    with pytest.raises(Exception) as error:
        load_contract(folder, catalog, reference, contracts)
    assert "200090751/cases.csv, line 2, iris: '62193': expected IRIS codes" in str(error.value)
    assert "200090751/vigilance.yml, line 1: criteria: List should have at least 1 item" in str(error.value)
