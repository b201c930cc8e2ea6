"""Screening of areas by criteria: what holds, what fails, what is not known, and what a rule file may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from qpv.catalog import Catalog
from qpv.errors import AmbiguousTerritoryError, CatalogError, ParameterError, UnknownTerritoryError
from qpv.rules import Rules, load_rules
from qpv.screening import EVIDENCE, screen, summarise
from qpv.warehouse import Warehouse

# The thresholds are examples of ours, without official value.
RULES = """
id: essai
label: Essai de repérage
source: exemple, sans valeur officielle
at_least: 2
criteria:
  - id: poverty
    label: "Taux de pauvreté de 40 % ou plus"
    indicator: poverty_rate_pct
    period: 2019
    test: at_least
    value: 40
  - id: income
    label: Revenu médian d’au plus 80 % de celui de l’agglomération
    indicator: median_disposable_income_eur
    test: at_most
    relative_to: epci
    ratio: 0.8
  - id: rsa
    label: Part du RSA de 35 % ou plus parmi les allocataires
    indicator: rsa_share_of_caf_recipients_pct
    test: at_least
    value: 35
"""
LoadText = Callable[[str], Rules]


@pytest.fixture
def load(tmp_path: Path, catalog: Catalog) -> LoadText:
    def run(text: str) -> Rules:
        (tmp_path / "repere.yml").write_text(text, "utf-8")
        return load_rules(tmp_path / "repere.yml", catalog)

    return run


@pytest.fixture
def rules(load: LoadText) -> Rules:
    return load(RULES)


def one(evidence: pd.DataFrame, area: str, criterion: str) -> pd.Series:
    (row,) = (r for _, r in evidence[(evidence["area"] == area) & (evidence["criterion"] == criterion)].iterrows())
    return row


def iris_of(full: Warehouse, commune: str) -> list[str]:
    places = full.territories
    return list(places.loc[(places["level"] == "iris") & (places["communes"] == commune), "code"])


def alone(load: LoadText, **changes: object) -> Rules:
    """Rules of one criterion, on the poverty rate of 2019 unless told otherwise."""
    base: dict[str, object] = {"id": "one", "label": "Un critère", "indicator": "poverty_rate_pct", "period": "'2019'",
                               "test": "at_least"}  # fmt: skip
    lines = "".join(f"    {k}: {v}\n" for k, v in {**base, **changes}.items())
    return load(f"id: r\nlabel: Essai\nat_least: 1\ncriteria:\n  -\n{lines}")


# --- evidence ----------------------------------------------------------------------------------


def test_each_area_and_criterion_has_one_row_with_its_evidence(full: Warehouse, rules: Rules) -> None:
    evidence = screen(full, rules, ["621930302", "621930101"])
    assert list(evidence) == list(EVIDENCE)
    assert evidence[["area", "criterion"]].to_numpy().tolist() == [
        [a, c] for a in ("621930302", "621930101") for c in ("poverty", "income", "rsa")
    ]
    row = one(evidence, "621930101", "income")
    assert row[["value", "period", "status", "edition"]].tolist() == [20_470, "2019", "observed", "insee_filosofi_iris_2019"]
    assert row[["comparator", "comparator_value", "comparator_edition"]].tolist() == [
        "200090751", 18_730, "insee_filosofi_2019_epci",
    ]  # fmt: skip
    assert row["threshold"] == 14_984, "80 % of 18 730 €"
    assert (row["holds"], row["unit"], row["reason"]) == (False, "eur", "")


def test_of_the_31_iris_of_calais_7_meet_two_of_three_criteria_and_none_is_open(full: Warehouse, rules: Rules) -> None:
    table = summarise(screen(full, rules, iris_of(full, "62193")), rules)
    assert len(table) == 31
    assert table.loc[table["met"].eq(True), "area"].tolist() == [
        "621930301", "621930302", "621930401", "621930601", "621930701", "621931402", "621931403",
    ]  # fmt: skip
    assert table["met"].isna().sum() == 0


def test_of_the_17_iris_of_lens_3_meet_the_rule_and_of_3_nobody_can_tell(full: Warehouse, rules: Rules) -> None:
    table = summarise(screen(full, rules, iris_of(full, "62498")), rules).set_index("area")
    assert len(table) == 17
    assert table.index[table["met"].eq(True)].tolist() == ["624980101", "624980203", "624980204"]
    open_ = table[table["met"].isna()]
    assert open_.index.tolist() == ["624980201", "624980205", "624980207"]
    assert open_.loc["624980207", ["held", "failed", "unknown"]].tolist() == [0, 1, 2]


def test_unknown_criteria_that_cannot_change_the_result_leave_it_decided(full: Warehouse, rules: Rules) -> None:
    table = summarise(screen(full, rules, ["621930301", "621930501"]), rules).set_index("area")
    assert table.loc["621930301", ["held", "unknown", "met"]].tolist() == [2, 1, True]
    assert table.loc["621930501", ["held", "unknown", "met"]].tolist() == [0, 1, False]


def test_communes_are_screened_against_their_own_agglomeration(full: Warehouse, rules: Rules) -> None:
    evidence = screen(full, rules, ["62193", "62498"])
    assert one(evidence, "62193", "income")[["value", "threshold"]].tolist() == [17_230, 14_984]
    assert one(evidence, "62498", "income")[["value", "threshold", "comparator"]].tolist() == [16_310, 14_384, "246200364"]
    assert one(evidence, "62193", "poverty")["contradicted"]


def test_a_redrawn_qpv_does_not_borrow_the_figures_of_2015_and_an_unchanged_one_does(full: Warehouse, rules: Rules) -> None:
    evidence = screen(full, rules, ["QN06254M", "QN06253M", "QP062055", "QN06264N"])
    same, redrawn, old, new = (one(evidence, a, "poverty") for a in ("QN06254M", "QN06253M", "QP062055", "QN06264N"))
    assert same[["holds", "value", "measured_on"]].tolist() == [True, 58, "QP062056"]
    assert old[["holds", "value"]].tolist() == [True, 45.6]
    for row in (redrawn, new):
        assert row["holds"] is None
        assert (row["status"], row["edition"]) == ("unavailable", "")
        assert "ni sur un périmètre de 2015 inchangé" in row["reason"]


def test_what_is_not_known_keeps_its_typed_absence_and_says_why(full: Warehouse, rules: Rules) -> None:
    row = one(screen(full, rules, ["624980201"]), "624980201", "rsa")
    assert row["holds"] is None
    assert pd.isna(row["value"])
    assert row["status"] in ("secret", "unavailable", "not_applicable")
    assert row["edition"].startswith("cnaf_iris_")
    assert row["reason"]
    lens = one(screen(full, rules, ["62498"]), "62498", "rsa")
    assert (lens["status"], lens["reason"]) == ("unavailable", "aucune source lue ne le mesure pour ce territoire à cette date")


def test_points_are_added_to_the_value_of_the_larger_territory(full: Warehouse, load: LoadText) -> None:
    rules = alone(load, indicator="activity_income_share_pct", test="at_most", relative_to="france", points=-10)
    france = full.observations("revenue", [("indicator", "==", "activity_income_share_pct"), ("territory", "==", "FRM")])
    reference = float(france.loc[france["period"] == "2019", "value"].iloc[0])
    row = one(screen(full, rules, ["621930302"]), "621930302", "one")
    assert (row["comparator"], row["comparator_value"]) == ("FRM", reference)
    assert row["threshold"] == pytest.approx(reference - 10)
    assert row["holds"] == (row["value"] <= reference - 10)


def test_the_bound_itself_counts_on_both_sides(full: Warehouse, load: LoadText) -> None:
    for test in ("at_least", "at_most"):
        assert one(screen(full, alone(load, test=test, value=15.8), ["621930101"]), "621930101", "one")["holds"] is True
    assert one(screen(full, alone(load, test="at_least", value=15.9), ["621930101"]), "621930101", "one")["holds"] is False


def test_without_a_common_date_nothing_is_compared(full: Warehouse, load: LoadText) -> None:
    rules = alone(load, test="at_most", relative_to="departement", ratio=1.0)
    row = one(screen(full, rules, ["621930101"]), "621930101", "one")
    assert (row["holds"], row["value"]) == (None, 15.8)
    assert pd.isna(row["threshold"])
    assert "pas de valeur à la même date" in row["reason"]


def test_latest_is_the_latest_date_that_both_have(full: Warehouse, load: LoadText) -> None:
    rules = alone(load, indicator="median_disposable_income_eur", period="latest", test="at_most", relative_to="epci", ratio=1)
    # Beau Marais has 2020; the official EPCI table ends in 2019.
    row = one(screen(full, rules, ["QP062056"]), "QP062056", "one")
    assert row[["period", "value"]].tolist() == ["2019", 12_190]


def test_as_of_a_quarter_later_editions_are_not_read(full: Warehouse, load: LoadText) -> None:
    rules = alone(load, value=40, period="latest")
    now, then = (one(screen(full, rules, ["QP062056"], quarter=q), "QP062056", "one") for q in (None, "2019-T4"))
    assert (now["period"], then["period"]) == ("2020", "2015")


def test_weights_count_in_place_of_criteria(full: Warehouse, load: LoadText) -> None:
    heavy = load(RULES.replace("    value: 35", "    value: 35\n    weight: 3").replace("at_least: 2\n", "at_least: 3\n", 1))
    table = summarise(screen(full, heavy, ["621930302", "621930301", "621930101"]), heavy).set_index("area")
    assert table.loc["621930302", ["held", "weight_held", "met"]].tolist() == [3, 5, True]
    assert table.loc["621930301", "weight_held"] + table.loc["621930301", "weight_unknown"] in (3, 5)
    assert table.loc["621930101", "met"] is False


# --- areas that cannot be screened ---------------------------------------------------------------


def test_unknown_codes_are_named(full: Warehouse, rules: Rules) -> None:
    with pytest.raises(UnknownTerritoryError, match="no QPV, IRIS, commune or EPCI is known under '99999', 'X'"):
        screen(full, rules, ["62193", "99999", "x"])
    with pytest.raises(ParameterError, match="level 'school' cannot be screened"):
        screen(full, rules, ["62193"], level="school")


def test_an_area_is_not_set_against_its_own_level(full: Warehouse, rules: Rules) -> None:
    with pytest.raises(ParameterError, match="criterion 'income' sets an area against its epci, and 200090751"):
        screen(full, rules, ["200090751"])


def test_a_code_of_two_levels_asks_for_the_level(full: Warehouse, rules: Rules) -> None:
    twin = full.territories[full.territories["code"] == "621930101"].assign(code="200090751")
    both = Warehouse(full.path)
    both.__dict__["territories"] = pd.concat([full.territories, twin], ignore_index=True)
    with pytest.raises(AmbiguousTerritoryError, match="200090751 is the code of areas of several levels"):
        screen(both, rules, ["200090751"])
    assert screen(both, rules, ["200090751"], level="iris")["level"].unique().tolist() == ["iris"]


def test_no_area_gives_an_empty_table(full: Warehouse, rules: Rules) -> None:
    evidence = screen(full, rules, [])
    assert (list(evidence), len(evidence)) == (list(EVIDENCE), 0)
    assert summarise(evidence, rules).empty


# --- rule files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("indicator: poverty_rate_pct", "indicator: poverty", r"poverty: unknown indicator 'poverty'"),
        ("    value: 40", "    value: 40\n    ratio: 0.5", r"poverty: .*either 'value', or 'relative_to'"),
        ("    ratio: 0.8", "", r"income: .*either 'value', or 'relative_to'"),
        ("    ratio: 0.8", "    ratio: -1", r"income\.ratio: .*greater than 0"),
        ("    ratio: 0.8", "    points: 5", r"income: median_disposable_income_eur is in eur: 'points' are for pct"),
        ("    value: 40", "    value: .nan", r"poverty\.value: .*finite"),
        ("    value: 40", "    value: '40'", r"poverty\.value: .*valid number"),
        ("    value: 40", "    value: true", r"poverty\.value: .*valid number"),
        ("period: 2019", "period: l’an dernier", r"poverty\.period: .*not a period"),
        ("period: 2019", "period: undated", r"poverty\.period: .*not a period"),
        ("test: at_least\n    value: 40", "test: above\n    value: 40", r"poverty\.test: .*'at_least' or 'at_most'"),
        ("relative_to: epci", "relative_to: canton", r"income\.relative_to: "),
        ("at_least: 2\n", "at_least: 4\n", r"rules: .*at_least is 4, and all criteria together weigh 3"),
        ("at_least: 2\n", "at_least: 0\n", r"at_least: .*greater than 0"),
        ("id: rsa", "id: poverty", r"rules: .*criterion 'poverty' is defined twice"),
        ("    value: 40", "    value: 40\n    colour: red", r"poverty\.colour: Extra inputs"),
        ("    value: 40", "    value: 40\n    value: 4", r"line 13: the key 'value' stands twice"),
        ("label: Essai de repérage", "label: &a Essai\nsource2: *a", r"an alias \(\*a\)"),
        ("label: Essai de repérage", "label: !!python/object/apply:os.getcwd []", r"cannot be read as YAML"),
        ("  - id: rsa", "  - - id: rsa", r"cannot be read as YAML|criterion 3"),
    ],
)
def test_each_fault_of_a_rule_file_is_named(load: LoadText, old: str, new: str, fault: str) -> None:
    assert old in RULES
    with pytest.raises(CatalogError, match=fault) as error:
        load(RULES.replace(old, new, 1))
    assert str(error.value).startswith("repere.yml")


def test_all_faults_are_named_at_once(load: LoadText) -> None:
    with pytest.raises(CatalogError) as error:
        load(RULES.replace("value: 40", "value: beaucoup").replace("ratio: 0.8", "ratio: 0"))
    assert [line.split(":")[1].strip() for line in str(error.value).splitlines()] == ["poverty.value", "income.ratio"]


def test_a_count_is_not_compared_with_the_whole_of_which_it_is_a_part(load: LoadText) -> None:
    with pytest.raises(CatalogError, match="rsa_recipients_count is a count: a part is not compared with its whole"):
        alone(load, indicator="rsa_recipients_count", relative_to="epci", ratio=0.5)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "texte", "[" * 5_000, "\x00", "a: [1,"])
def test_what_is_no_rule_file_is_refused_with_its_name(load: LoadText, text: str) -> None:
    with pytest.raises(CatalogError, match=r"^repere\.yml"):
        load(text)


def test_a_huge_or_missing_file_is_refused(load: LoadText, tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="larger than 100,000 bytes"):
        load(RULES + "#" * 100_000)
    with pytest.raises(CatalogError, match=r"^absent\.yml: cannot be read"):
        load_rules(tmp_path / "absent.yml", catalog)
