"""What must hold of an edition: values within bounds, rows that make up their total, parts that make up their whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qpv.catalog import Catalog, Indicator
from qpv.catalog.source import Sums
from qpv.errors import CatalogError, SourceError
from qpv.expectations import PLAUSIBLE, POSSIBLE, expect, plausible, possible
from qpv.reference import Reference
from qpv.schemas import compact
from qpv.sources import READERS
from qpv.sources.base import Context
from qpv.sources.rawfile import Finding
from qpv.sources.recognition import recognise
from qpv.vocabulary import UNITS
from qpv.warehouse import Warehouse

WOMEN, MEN, ABC = "job_seekers_abc_women_count", "job_seekers_abc_men_count", "job_seekers_abc_count"


def table(figures: dict[str, list[float]], codes: list[str] | None = None) -> pd.DataFrame:
    """Observations of several QPV (``FR``: the row of all of them), one column an indicator."""
    rows = []
    for indicator, values in figures.items():
        for n, value in enumerate(values):
            code = codes[n] if codes else f"QP06200{n}"
            rows.append(
                {"territory": code, "level": "qpv_of_france" if code == "FR" else "qpv", "generation": "2015",
                 "indicator": indicator, "period": "2021-12", "value": value,
                 "status": "secret" if np.isnan(value) else "observed", "qualifier": "", "edition": "e",
                 "file": "IPRO_2022.csv", "row": n + 2, "column": "COL", "note": ""}
            )  # fmt: skip
    return compact(pd.DataFrame(rows))


def checked(figures: dict[str, list[float]], catalog: Catalog, codes: list[str] | None = None, sums: Sums | None = None):
    source = catalog.sources["insee_qpv2015_ipro"]
    edition = source.editions[-1].model_copy(update={"sums": sums or Sums()})
    return expect(table(figures, codes), source, edition, catalog)


# --- Bounds ----------------------------------------------------------------------------------------


def test_a_share_of_140_per_cent_stops_its_file_and_says_where(catalog: Catalog) -> None:
    with pytest.raises(SourceError) as error:
        checked({"women_share_pct": [52.1, 140.0, 180.0]}, catalog)
    message = str(error.value)
    for part in ("IPRO_2022.csv, line 3, column COL", "140", "'women_share_pct'", "0 to 100", "and 1 more", "bounds"):
        assert part in message, part


@pytest.mark.parametrize(
    ("indicator", "value"),
    [("women_share_pct", -12.0), ("population_count", -1.0), ("dnb_written_mark_20", 20.5), ("job_seekers_abc_change_1y_pct", -101.0),
     ("land_surface_temperature_celsius", 310.0), ("social_dwellings_count", -9998.0), ("area_km2", -2.0)],
)  # fmt: skip
def test_what_cannot_be_stops_the_file(catalog: Catalog, indicator: str, value: float) -> None:
    with pytest.raises(SourceError, match="no possible value"):
        checked({indicator: [value]}, catalog)


@pytest.mark.parametrize(
    ("indicator", "value"),
    [("women_share_pct", 104.0), ("median_disposable_income_eur", 21.0), ("social_median_rent_eur_per_m2", 0.0),
     ("population_count", 2e8), ("ips_college_index", 10.3)],
)  # fmt: skip
def test_what_is_improbable_is_kept_as_doubtful_and_told(catalog: Catalog, indicator: str, value: float) -> None:
    observations, findings = checked({indicator: [value]}, catalog)
    assert observations["qualifier"].tolist() == ["doubtful"]
    assert observations["value"].tolist() == [value]
    assert observations["qualifier"].dtype == "category"
    (finding,) = findings
    assert (finding.severity, finding.file, finding.line) == ("warning", "IPRO_2022.csv", 2)
    assert indicator in finding.message
    assert f"{value:g}" in finding.message


@pytest.mark.parametrize(
    ("indicator", "value"),
    [("taxes_share_of_income_pct", -42.3), ("activity_income_share_pct", 113.2), ("helped_contracts_change_1y_pct", 487.5),
     ("baccalaureate_share_pct", 100.000045), ("women_share_pct", np.nan), ("dnb_success_value_added_points", -28.0)],
)  # fmt: skip
def test_what_a_producer_means_is_no_fault(catalog: Catalog, indicator: str, value: float) -> None:
    observations, findings = checked({indicator: [value]}, catalog)
    assert observations["qualifier"].tolist() == [""]
    assert findings == []


def test_bounds_of_an_indicator_widen_what_is_possible_and_narrow_what_is_plausible(catalog: Catalog) -> None:
    share = catalog.indicator("women_share_pct")
    wide = Indicator.model_validate({**share.model_dump(), "bounds": (None, 160)})
    assert plausible(wide) == (0, 160)
    assert possible(wide) == (POSSIBLE["pct"][0], 160)
    narrow = Indicator.model_validate({**share.model_dump(), "bounds": (30, 70)})
    assert plausible(narrow) == (30, 70)
    assert possible(narrow) == POSSIBLE["pct"]


def test_every_unit_has_bounds_and_what_is_plausible_is_possible() -> None:
    assert set(POSSIBLE) == set(PLAUSIBLE) == set(UNITS)
    for unit in UNITS:
        assert POSSIBLE[unit][0] <= PLAUSIBLE[unit][0] <= PLAUSIBLE[unit][1] <= POSSIBLE[unit][1], unit


# --- Sums ------------------------------------------------------------------------------------------


def test_a_total_may_miss_the_sum_by_the_rounding_and_by_what_is_hidden(catalog: Catalog) -> None:
    codes = ["QP062001", "QP062002", "QP062003", "FR"]
    assert checked({ABC: [120, 250, 80, 500]}, catalog, codes, Sums(total=50))[1] == []
    assert checked({ABC: [120, 250, np.nan, 500]}, catalog, codes, Sums(total=50))[1] == []


@pytest.mark.parametrize("total", [300, 700])
def test_a_total_that_is_not_the_sum_is_told_with_both(catalog: Catalog, total: float) -> None:
    codes = ["QP062001", "QP062002", "QP062003", "FR"]
    (finding,) = checked({ABC: [120, 250, np.nan, total]}, catalog, codes, Sums(total=50))[1]
    for part in ("column COL", str(total), "370", "1 rows without"):
        assert part in finding.message
    assert finding.line == 5


def test_a_total_alone_in_its_file_is_no_fault(catalog: Catalog) -> None:
    assert checked({ABC: [500]}, catalog, ["FR"], Sums(total=50))[1] == []


def test_parts_that_do_not_make_up_their_whole_are_told(catalog: Catalog) -> None:
    sums = Sums(parts={"sex": 0})
    assert checked({ABC: [100, 60], WOMEN: [40, 20], MEN: [60, np.nan]}, catalog, sums=sums)[1] == []
    (finding,) = checked({ABC: [100, 60], WOMEN: [40, 20], MEN: [60, 41]}, catalog, sums=sums)[1]
    for part in ("60 for QP062001", "by sex make 61", "1 rows"):
        assert part in finding.message


def test_a_rounded_total_is_no_fault_of_its_parts(catalog: Catalog) -> None:
    figures = {ABC: [1000.0], WOMEN: [500.0], MEN: [400.0]}
    assert checked(figures, catalog, ["FR"], Sums(parts={"sex": 0}))[1] == []


# --- The catalogue ---------------------------------------------------------------------------------


def test_a_base_and_a_whole_must_be_counted(catalog: Catalog) -> None:
    for key, value in (("base", "women_share_pct"), ("counted_by", "nobody"), ("part_of", {"whole": "gini_index", "by": "sex"})):
        wrong = Indicator.model_validate({**catalog.indicator("under_25_share_pct").model_dump(), "columns": [], key: value})
        others = [i for i in catalog.indicators.values() if i.id != wrong.id]
        with pytest.raises(CatalogError, match="under_25_share_pct"):
            Catalog([*others, wrong], list(catalog.sources.values()))


def test_a_share_with_a_known_base_is_averaged_by_it_and_only_counts_are_summed(catalog: Catalog) -> None:
    for indicator in catalog.indicators.values():
        if indicator.base:
            assert indicator.aggregation == "weighted_mean", indicator.id
        if indicator.aggregation == "sum":
            assert indicator.unit in ("count", "ha", "km2"), indicator.id
        if indicator.id.startswith(("median_", "first_", "ninth_", "third_", "gini", "inter")):
            assert indicator.aggregation == "none", indicator.id


def test_every_key_figure_says_what_to_beware_of(catalog: Catalog) -> None:
    lacking = [i.id for i in catalog.indicators.values() if i.key and not i.warnings]
    assert lacking == []


# --- The official files ------------------------------------------------------------------------------


def findings_of(path: Path, catalog: Catalog, reference: Reference) -> list[Finding]:
    ((item),), _ = recognise([path], catalog)
    delivery = READERS[item.source.reader or ""](item.file, item.source, item.edition, Context(catalog, reference))
    return expect(compact(delivery.observations), item.source, item.edition, catalog)[1]


@pytest.mark.parametrize("name", ["DEMO_2017", "DEMO_2019", "REVN_2018", "IPRO_2019", "IPRO_2022"])
def test_the_bases_of_insee_add_up(official: Path, catalog: Catalog, reference: Reference, name: str) -> None:
    assert findings_of(official / "insee_qpv2015" / f"{name}.csv", catalog, reference) == []


def test_a_total_of_another_edition_is_noticed(official: Path, catalog: Catalog, reference: Reference, tmp_path: Path) -> None:
    """The row « Ensemble » says 794 200 job seekers; a row of QPV that is lost or read twice shows."""
    text = (official / "insee_qpv2015" / "IPRO_2019.csv").read_bytes()
    assert text.count("794\u202f200".encode()) == 1
    file = tmp_path / "IPRO_2019.csv"
    file.write_bytes(text.replace("794\u202f200".encode(), "894\u202f200".encode()))
    found = findings_of(file, catalog, reference)
    assert any("column ABC: the total is 894,200, the sum of 1324 rows 789,144" in f.message for f in found)


def test_the_estimates_of_2010_beyond_100_per_cent_are_doubtful(official: Path, catalog: Catalog, reference: Reference) -> None:
    found = findings_of(official / "qpv_other" / "demographie_2010_qpv.xls", catalog, reference)
    assert [f.message.split(":")[0] for f in found] == ["column tx_l_5piec", "column tx_f_scol"]
    assert "108.9 for QP044016" in found[1].message


def test_the_build_keeps_improbable_rents_as_doubtful(full: Warehouse) -> None:
    """Median rents of 0 € and the like, in 23 IRIS; a rent of 1,52 € in another is within bounds."""
    rents = full.observations("housing", [("indicator", "==", "social_median_rent_eur_per_m2"), ("level", "==", "iris")])
    doubtful = rents[rents["qualifier"] == "doubtful"]
    assert len(doubtful) == 23
    assert doubtful["value"].max() < 1
    assert set(doubtful["status"]) == {"observed"}


def test_a_column_of_shares_none_of_which_exceeds_one_is_doubted(catalog: Catalog) -> None:
    source, edition = catalog.editions["insee_qpv2015_revn_2022"]
    table = pd.DataFrame(
        {"territory": [f"QP062{n:03}" for n in range(30)], "level": "qpv", "generation": "2015", "indicator": "poverty_rate_pct",
         "period": "2018", "value": [0.30 + n / 100 for n in range(30)], "status": "observed", "qualifier": "", "edition": edition.id,
         "file": "REVN_2022.csv", "row": range(2, 32), "column": "TP60", "note": ""}
    )  # fmt: skip
    kept, findings = expect(table, source, edition, catalog)
    assert set(kept["qualifier"]) == {"doubtful"}
    assert len(findings) >= 1
