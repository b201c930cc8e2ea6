"""One QPV, one theme, one quarter: who is meant, what was known by then, which source is believed."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from qpv.errors import AmbiguousTerritoryError, ParameterError, UnknownTerritoryError
from qpv.preference import prefer
from qpv.profile import load_profile
from qpv.quarter import Quarter
from qpv.selection import resolve, select
from qpv.vocabulary import THEME_BRIEFS

MEDIAN = "median_disposable_income_eur"
POVERTY = "poverty_rate_pct"
NOW = "2026-T3"


@pytest.fixture(params=["embedded", "full"])
def any_warehouse(request):
    return request.getfixturevalue(request.param)


def values(warehouse, qpv: str, indicator: str, quarter: str = NOW) -> dict[str, tuple[float, str]]:
    """Value and status by period."""
    rows = load_profile(warehouse, qpv, "revenue", quarter).own(indicator)
    return {p: (v, s) for p, v, s in zip(rows["period"], rows["value"], rows["status"], strict=True)}


# --- which QPV is meant ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("QN06254M", "QN06254M"), ("qn06254m", "QN06254M"), (" QN06254M ", "QN06254M"),
        ("QP062056", "QN06254M"), ("qp062056", "QN06254M"),
        ("Beau Marais", "QN06254M"), ("beau marais", "QN06254M"), ("BEAU-MARAIS", "QN06254M"), ("Béau Maràis", "QN06254M"),
        ("Fort Nieulay", "QN06253M"), ("fort-nieulay", "QN06253M"), ("Fort Nieulay - Cailloux - Saint-Pierre", "QN06253M"),
        ("fort nieulay cailloux st pierre", "QN06253M"),
        ("Grande Résidence", "QN06225M"), ("grande residence", "QN06225M"), ("Grande-Résidence", "QN06225M"),
        ("Cité 12 – 14", "QN06224M"), ("Cité 12-14", "QN06224M"), ("Languedoc - Cité 10", "QN06247M"),
    ],
)  # fmt: skip
def test_a_qpv_answers_to_its_codes_and_to_its_unique_names(any_warehouse, text, code):
    assert resolve(any_warehouse, text) == code


@pytest.mark.parametrize("text", ["Cité 10", "cite-10", "CITE 10"])
def test_cite_10_is_two_qpv_and_is_refused_with_both(any_warehouse, text):
    with pytest.raises(AmbiguousTerritoryError) as refusal:
        resolve(any_warehouse, text)
    for part in ("QN06232M", "62737", "QN06247M", "62724", "give the code"):
        assert part in str(refusal.value)


def test_a_mistyped_code_is_refused_with_the_nearest_codes(any_warehouse):
    with pytest.raises(UnknownTerritoryError, match=r"'QN06254X'.*nearest: .*QN06254M"):
        resolve(any_warehouse, "QN06254X")


def test_a_mistyped_name_is_refused_with_the_nearest_name(any_warehouse):
    with pytest.raises(UnknownTerritoryError, match=r"'Beau Maray'.*QN06254M \(Beau Marais\)"):
        resolve(any_warehouse, "Beau Maray")


@pytest.mark.parametrize("text", ["", "   ", "---"])
def test_an_empty_name_is_nobody(any_warehouse, text):
    with pytest.raises(UnknownTerritoryError):
        resolve(any_warehouse, text)


def test_a_qpv_of_2015_divided_among_several_of_2024_is_refused_with_its_heirs(full):
    kept = full.crosswalk[full.crosswalk["share_2015"] >= 0.2]
    heirs = kept.groupby("code_2015")["code_2024"].agg(set)
    divided = heirs[heirs.str.len() > 1]
    assert len(divided), "some QPV of 2015 was divided in 2024"
    code, successors = divided.index[0], divided.iloc[0]
    with pytest.raises(AmbiguousTerritoryError) as refusal:
        resolve(full, code)
    assert all(s in str(refusal.value) for s in successors)


# --- which QPV a territory holds ---------------------------------------------------------------------


def test_the_agglomeration_of_lens_lievin_has_22_qpv(any_warehouse):
    found = select(any_warehouse, "246200364")
    assert len(found) == 22
    assert {"QN06225M", "QN06216M", "QN06243M"} <= set(found)


def test_the_pas_de_calais_has_64_qpv_of_2024_and_24_of_them_are_in_the_embedded_data(full, embedded):
    everything, known = select(full, "62"), select(embedded, "62")
    assert (len(everything), len(known)) == (64, 24)
    assert set(known) < set(everything)
    assert all(c.startswith("QN062") for c in everything)


def test_all_is_every_qpv_of_2024_in_order_and_no_code_of_2015(full):
    found = select(full, "all")
    assert len(found) == 1609
    assert found == sorted(set(found))
    assert all(c.startswith("QN") for c in found)


def test_contracts_are_the_qpv_with_a_figure_of_their_own(any_warehouse):
    found = select(any_warehouse, "contracts")
    assert {"QN06253M", "QN06254M", "QN06225M"} <= set(found) <= set(select(any_warehouse, "62"))
    assert set(found) == any_warehouse.covered


def test_one_qpv_is_a_territory_too(any_warehouse):
    assert select(any_warehouse, "Fort Nieulay") == ["QN06253M"]


def test_an_epci_without_qpv_is_refused_with_a_hint(full):
    qpv = full.territories[full.territories["level"] == "qpv"]
    held = {e for codes in qpv["epci"] for e in codes.split(" ")}
    without = sorted(set(full.territories.loc[full.territories["level"] == "epci", "code"]) - held)[0]
    with pytest.raises(UnknownTerritoryError, match=without):
        select(full, without)


def test_without_contours_another_departement_is_refused_and_the_message_says_what_to_drop(embedded):
    with pytest.raises(UnknownTerritoryError, match="contours"):
        select(embedded, "59")


# --- parameters --------------------------------------------------------------------------------------


def test_an_unknown_theme_is_refused_with_the_themes_allowed(embedded):
    with pytest.raises(ParameterError, match="'revenu'") as refusal:
        load_profile(embedded, "QN06254M", "revenu", NOW)
    assert all(theme in str(refusal.value) for theme in THEME_BRIEFS)


@pytest.mark.parametrize("quarter", ["2026-T5", "2026T3", "T3 2026", "2026", "", "26-T3"])
def test_a_bad_quarter_is_refused_with_the_form_expected(embedded, quarter):
    with pytest.raises(ParameterError, match=r"YYYY-Tn.*2026-T3"):
        load_profile(embedded, "QN06254M", "revenue", quarter)


# --- as of a quarter ---------------------------------------------------------------------------------


def test_of_two_periods_that_end_together_the_official_figure_is_taken(full):
    """The contract prints 8 090 inhabitants for 2011-2013, Insee 8 555 for 2013; one point stands on the time axis."""
    profile = load_profile(full, "QN06254M", "demography", NOW)
    rows = profile.own("population_count")
    assert rows["position"].is_unique
    assert {p: v for p, v in zip(rows["period"], rows["value"], strict=True) if p.endswith("2013")} == {"2013": 8555.0}
    printed = profile.rows_of_qpv()
    assert 8090.0 in set(printed.loc[printed["status"] == "transcribed", "value"]), "what the contract prints is kept"


@pytest.mark.parametrize("theme", THEME_BRIEFS)
def test_a_brief_of_2021_t4_reads_nothing_published_after_2021(full, theme):
    profile = load_profile(full, "QN06254M", theme, "2021-T4")
    published = full.editions.set_index("edition")["published"]
    end = pd.Timestamp(dt.date(2021, 12, 31))
    assert (profile.editions["published"] <= end).all()
    assert len(profile.editions) == (published <= end).sum()
    for rows in (profile.observations, profile.others, profile.facts, profile.population):
        assert (rows["edition"].map(published) <= end).all()


def test_the_perimeter_of_2024_is_unknown_to_a_brief_of_2021(full):
    then, now = (load_profile(full, "QN06254M", "revenue", q) for q in ("2021-T4", NOW))
    assert (then.perimeter_known, then.codes) == (False, {"2015": "QP062056"})
    assert (now.perimeter_known, now.codes) == (True, {"2024": "QN06254M", "2015": "QP062056"})
    assert set(then.rows_of_qpv()["territory"]) == {"QP062056"}
    assert "2024" not in set(then.others["generation"])


def test_the_perimeter_of_2024_is_known_from_the_quarter_of_its_decree(embedded):
    assert not load_profile(embedded, "QN06254M", "revenue", "2023-T3").perimeter_known
    assert load_profile(embedded, "QN06254M", "revenue", "2023-T4").perimeter_known


def test_an_old_brief_reads_fewer_editions_and_sees_fewer_years(full):
    old, new = (load_profile(full, "QN06254M", "revenue", q) for q in ("2018-T4", NOW))
    assert set(old.editions["edition"]) < set(new.editions["edition"])
    assert list(old.own(MEDIAN)["period"]) == ["2013", "2014"]
    assert list(new.own(MEDIAN)["period"]) == [str(y) for y in range(2012, 2021)]


def test_an_edition_counts_from_the_quarter_in_which_it_was_published(full):
    edition = "insee_filosofi_qpv2015_panel_2012_2020"
    day = full.editions.set_index("edition").at[edition, "published"].date()
    assert day == dt.date(2023, 3, 31) == Quarter(2023, 1).end
    for quarter, there in (("2022-T4", False), ("2023-T1", True)):
        assert (edition in set(load_profile(full, "QN06254M", "revenue", quarter).editions["edition"])) is there


# --- known values ------------------------------------------------------------------------------------


def test_beau_marais_official_figures(full):
    median, poverty = values(full, "QN06254M", MEDIAN), values(full, "QN06254M", POVERTY)
    assert (median["2015"], median["2019"], median["2020"]) == tuple((v, "observed") for v in (11080, 12190, 12750))
    assert (poverty["2018"], poverty["2019"]) == ((61.4, "observed"), (58, "observed"))


def test_fort_nieulay_official_figures(full):
    assert values(full, "QN06253M", MEDIAN)["2019"] == (13620, "observed")
    assert values(full, "QN06253M", POVERTY)["2019"] == (45.6, "observed")


def test_the_embedded_data_alone_give_the_same_years_as_transcribed(embedded):
    assert values(embedded, "QN06254M", MEDIAN) == {"2015": (11080, "transcribed"), "2019": (12190, "transcribed")}
    assert values(embedded, "QN06254M", POVERTY)["2019"] == (58, "transcribed")
    assert values(embedded, "QN06253M", MEDIAN)["2019"] == (13620, "transcribed")
    assert values(embedded, "QN06253M", POVERTY)["2019"] == (46, "transcribed")


def test_the_undated_43_per_cent_of_fort_nieulay_is_kept_but_never_compared(embedded):
    profile = load_profile(embedded, "QN06253M", "revenue", NOW)
    rows = profile.rows_of_qpv().query("indicator == @POVERTY").set_index("period")
    assert rows.at["undated", "value"] == 43
    assert "undated" not in set(profile.own(POVERTY)["period"])
    assert list(profile.own(POVERTY)["period"])[-1] == "2019"


def test_both_sources_of_the_poverty_rate_are_kept_and_46_does_not_contradict_45_6(full):
    rows = load_profile(full, "QN06253M", "revenue", NOW).rows_of_qpv()
    rows = rows[(rows["indicator"] == POVERTY) & (rows["period"] == "2019")]
    assert list(rows["value"]) == [45.6, 46]
    assert list(rows["status"]) == ["observed", "transcribed"]
    assert list(rows["preferred"]) == [True, False]
    assert not rows["contradicted"].any()


# --- which source is believed ------------------------------------------------------------------------

EDITIONS = pd.DataFrame(
    [("insee", "2023-03-31", 10), ("insee_old", "2019-12-31", 10), ("sdes", "2024-12-31", 50), ("contract", "2025-12-31", 1)],
    columns=["edition", "published", "priority"],
).assign(published=lambda t: pd.to_datetime(t["published"]))


def fact(value: float | None, edition: str, status: str = "observed", qualifier: str = "", note: str = "", row: int = 1) -> dict:
    place = {"level": "qpv", "territory": "QP062055", "indicator": POVERTY, "period": "2019"}
    return place | {"value": value, "edition": edition, "status": status, "qualifier": qualifier, "note": note, "row": row}


def preferred(*facts: dict) -> pd.Series:
    rows = prefer(pd.DataFrame(facts), EDITIONS)
    assert len(rows) == len(facts), "nothing is dropped"
    assert rows["preferred"].sum() == 1
    return rows[rows["preferred"]].iloc[0]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (fact(45.6, "insee_old"), fact(46, "contract", "transcribed")),
        (fact(45.6, "insee", "low_quality"), fact(46, "contract", "transcribed")),
        (fact(45.6, "insee_old"), fact(45.0, "insee", "low_quality")),
        (fact(46, "contract", "transcribed"), fact(40, "insee", "proxy")),
        (fact(46, "contract", "transcribed"), fact(None, "insee", "secret")),
        (fact(45.6, "sdes"), fact(40.0, "insee", qualifier="min")),
        (fact(45.6, "insee_old"), fact(44.0, "sdes")),
        (fact(45.6, "insee"), fact(44.0, "insee_old")),
        (fact(46, "contract", "transcribed", note="source citée : Insee", row=9), fact(47, "contract", "transcribed", row=2)),
        (fact(46, "contract", "transcribed", row=2), fact(47, "contract", "transcribed", row=9)),
    ],
    ids=["official", "official of lower quality", "quality", "proxy last", "value", "plain", "priority", "latest", "cited", "first"],
)  # fmt: skip
def test_the_written_rule_chooses_whatever_the_order(winner, loser):
    assert preferred(winner, loser)["value"] == preferred(loser, winner)["value"] == winner["value"]


@pytest.mark.parametrize(
    ("one", "two", "contradicts"),
    [(45.6, 46, False), (45.4, 46, True), (43.0, 46.0, True), (58.0, 58.0, False), (13620.0, 13620.4, False),
     (12190.0, 12191.0, True), (45.61, 45.6, False), (45.61, 45.5, True)],
)  # fmt: skip
def test_two_sources_contradict_each_other_only_beyond_their_rounding(one, two, contradicts):
    rows = prefer(pd.DataFrame([fact(one, "insee"), fact(two, "contract", "transcribed")]), EDITIONS)
    assert list(rows["contradicted"]) == [contradicts, contradicts]


def test_an_absence_or_a_bound_contradicts_nobody():
    rows = prefer(
        pd.DataFrame([fact(45.6, "insee"), fact(None, "sdes", "secret"), fact(30, "contract", "transcribed", "min")]), EDITIONS
    )
    assert not rows["contradicted"].any()


# --- where a QPV comes from, and what it is compared with --------------------------------------------


def test_beau_marais_is_unchanged_and_fort_nieulay_was_extended_in_2024(full):
    (same,) = load_profile(full, "QN06254M", "revenue", NOW).predecessors
    (grown,) = load_profile(full, "QN06253M", "revenue", NOW).predecessors
    assert (same.code, same.relation) == ("QP062056", "identical")
    assert same.share_2024 > 0.98
    assert (grown.code, grown.relation) == ("QP062055", "redrawn")
    assert grown.share_2024 == pytest.approx(0.60, abs=0.01)
    assert grown.share_2015 == pytest.approx(0.98, abs=0.01)


def test_without_contours_the_shares_are_not_known_and_are_not_guessed(embedded):
    (grown,) = load_profile(embedded, "QN06253M", "revenue", NOW).predecessors
    assert (grown.share_2024, grown.share_2015, grown.relation) == (None, None, "redrawn")


def test_beau_marais_is_compared_with_calais_its_agglomeration_and_so_on(any_warehouse):
    comparators = load_profile(any_warehouse, "QN06254M", "revenue", NOW).comparators
    first = {level: (places[0].code, places[0].name) for level, places in comparators.items() if level in COMPARED}
    assert first == COMPARED


COMPARED = {
    "commune": ("62193", "Calais"), "epci": ("200090751", "CA Grand Calais Terres et Mers"),
    "departement": ("62", "Pas-de-Calais"), "region": ("32", "Hauts-de-France"), "france": ("FR", "France"),
}  # fmt: skip


def test_a_qpv_on_two_agglomerations_is_compared_with_that_of_its_contract(any_warehouse):
    profile = load_profile(any_warehouse, "QN06216M", "revenue", NOW)
    assert profile.place["epci"] == "246200364 200072460"
    assert [p.code for p in profile.comparators["epci"]] == ["246200364"]
    assert "QN06216M" in profile.peer_codes["epci", "2024"]


# --- QPV that are new, and QPV that ended --------------------------------------------------------


def test_the_new_qpv_of_berck_has_no_predecessor_and_no_code_of_2015(full):
    profile = load_profile(full, "QN06264N", "revenue", NOW)
    assert (profile.relation, profile.predecessors, profile.codes) == ("new", [], {"2024": "QN06264N"})


def test_a_profile_says_how_its_perimeter_comes_from_2015(full, embedded):
    found = {q: load_profile(full, q, "revenue", NOW).relation for q in ("QN06254M", "QN06253M", "QN09219N", "QN04801N")}
    assert found == {"QN06254M": "identical", "QN06253M": "redrawn", "QN09219N": "redrawn", "QN04801N": "unknown"}
    assert load_profile(embedded, "QN06202M", "revenue", NOW).relation == "unknown"


def test_a_qpv_that_ended_is_refused_with_its_name_and_why(full):
    with pytest.raises(
        UnknownTerritoryError, match=r"^QP001003 \(Quartier Jacques Prévert\) ended .* no QPV of 2024 succeeds it"
    ):
        resolve(full, "qp001003")


def test_a_qpv_of_which_little_was_kept_names_where_that_lies(full):
    with pytest.raises(UnknownTerritoryError, match=r"no known successor.*QN09219N \(Les Blagis.*less than a fifth"):
        resolve(full, "QP092009")
