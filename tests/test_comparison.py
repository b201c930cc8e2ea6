"""A row of the key-figure table: at which period it stands, against whom, and why a figure is missing."""

from __future__ import annotations

import dataclasses
import re
from functools import cache

import pandas as pd
import pytest
from qpv import analysis
from qpv.analysis import Change, Direction, Rank, Refusal
from qpv.comparison import KeyFigure, _because_of_perimeter, is_missing, key_figure, quadrant_input, why_missing
from qpv.profile import Profile, load_profile
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

MEDIAN = "median_disposable_income_eur"
POVERTY = "poverty_rate_pct"
LENS = "246200364"


@cache
def profile_of(warehouse: Warehouse, qpv: str, theme: str = "revenue", quarter: str = "2026-T3") -> Profile:
    return load_profile(warehouse, qpv, theme, quarter)


def of(warehouse: Warehouse, qpv: str, indicator: str, theme: str = "revenue") -> KeyFigure:
    profile = profile_of(warehouse, qpv, theme)
    return key_figure(profile, profile.catalog.indicator(indicator))


def all_of(warehouse: Warehouse, qpv: str) -> list[tuple[Profile, KeyFigure]]:
    profiles = [profile_of(warehouse, qpv, theme) for theme in BRIEF_THEMES]
    return [(p, key_figure(p, i)) for p in profiles for i in p.indicators if i.key]


# --- Beau Marais, with the official files ------------------------------------------------------------


def test_the_income_of_beau_marais_stands_beside_that_of_its_agglomeration_in_2019(full):
    figure = of(full, "QN06254M", MEDIAN)
    assert (figure.own["period"], figure.own["value"], figure.own["status"]) == ("2019", 12190, "observed")
    assert {n: (c.row["value"], c.row["period"], c.same_period) for n, c in figure.cells.items()} == {
        "commune": (17230, "2019", True), "epci": (18730, "2019", True), "departement": (19560, "2019", True),
        "region": (20360, "2019", True), "france": (21930, "2019", True),
    }  # fmt: skip


def test_its_gap_is_taken_with_the_agglomeration(full):
    figure = of(full, "QN06254M", MEDIAN)
    assert (figure.gap_level, figure.gap_name) == ("epci", "CA Grand Calais Terres et Mers")
    assert (figure.gap.absolute, figure.gap.direction, round(figure.gap.ratio, 2)) == (-6540, Direction.WORSE, 0.65)
    assert figure.gap.own.period == figure.gap.other.period == "2019"


def test_the_newer_value_without_comparator_is_kept_beside(full):
    figure = of(full, "QN06254M", MEDIAN)
    assert (figure.latest["period"], figure.latest["value"]) == ("2020", 12750)


def test_when_the_row_stands_at_the_latest_value_there_is_no_newer_one(full):
    figure = of(full, "QN06254M", "activity_income_share_pct")
    assert (figure.own["period"], figure.latest) == ("2018", None)


def test_beau_marais_has_the_lowest_income_of_the_64_qpv_of_the_pas_de_calais(full):
    ranks = of(full, "QN06254M", MEDIAN).ranks
    assert ranks["departement"] == Rank(64, 64, tied=False)
    assert ranks["france"].position == 1245
    assert "epci" not in ranks, "two QPV in the agglomération make no rank"


def test_the_rank_is_among_qpv_measured_in_the_same_year_on_the_same_perimeters(full):
    profile = profile_of(full, "QN06254M")
    peers = profile.peers(MEDIAN, "2019", "2015", "departement")
    assert len(peers) == 64
    assert peers["QP062056"] == peers.min() == 12190
    assert all(code.startswith("QP062") for code in peers.index)


def test_income_grew_from_2012_to_2018_before_the_break_while_the_gap_with_calais_widened(full):
    figure = of(full, "QN06254M", MEDIAN)
    own, gap = figure.own_change, figure.gap_change
    assert (own.start, own.end, own.first, own.last, own.direction) == ("2012", "2018", 10651, 11760, Direction.BETTER)
    assert (gap.start, gap.end, gap.first, gap.last, gap.direction) == ("2015", "2018", -4624, -4950, Direction.WORSE)
    assert (figure.change_level, figure.change_name) == ("commune", "Calais")


def test_the_median_of_the_qpv_of_france_is_of_the_same_year_and_generation(full):
    figure, profile = of(full, "QN06254M", MEDIAN), profile_of(full, "QN06254M")
    peers = profile.of_all_qpv(MEDIAN, "2015").query("period == '2019'")["value"]
    assert len(peers) > 1000
    assert figure.median_of_peers == peers.median() == 14135


def test_without_any_comparator_at_the_same_date_there_is_no_gap_and_the_refusal_says_why(full):
    figure = of(full, "QN06254M", "low_declared_income_rate_pct")
    assert figure.known
    assert (figure.gap, figure.gap_level) == (None, "")
    assert "à la même date" in figure.gap_change.reason


def test_a_share_measured_in_2018_is_shown_beside_one_of_2019_but_marked_as_such(full):
    figure = of(full, "QN06254M", "taxed_households_share_pct")
    assert (figure.own["period"], figure.gap) == ("2018", None)
    assert {n: (c.row["period"], c.same_period) for n, c in figure.cells.items()} == {
        "commune": ("2019", False), "epci": ("2019", False),
    }  # fmt: skip


# --- with the embedded data alone --------------------------------------------------------------------


def test_the_embedded_data_alone_compare_the_poverty_of_beau_marais_with_that_of_calais(embedded):
    figure = of(embedded, "QN06254M", POVERTY)
    assert (figure.own["period"], figure.own["status"]) == ("2019", "transcribed")
    assert (figure.gap.own.value, figure.gap.other.value, figure.gap_level) == (58, 30, "commune")
    assert figure.ranks == {}, "too few QPV are known to rank them"


# --- rules that hold everywhere ----------------------------------------------------------------------


@pytest.mark.parametrize("qpv", ["QN06254M", "QN06225M"])
def test_a_gap_is_only_drawn_at_equal_period_and_a_count_has_none(full, qpv):
    found = all_of(full, qpv)
    assert sum(f.gap is not None for _, f in found) >= 4
    for _, figure in found:
        if figure.gap is not None:
            assert figure.gap.own.period == figure.gap.other.period == figure.own["period"]
            assert figure.cells[figure.gap_level].same_period
        if figure.indicator.unit == "count":
            assert figure.gap is None
            assert isinstance(figure.gap_change, Refusal)


def test_a_number_of_job_seekers_is_no_gap_away_from_that_of_the_departement_of_the_same_month(full):
    profile = profile_of(full, "QN06254M", "employment")
    indicator = profile.catalog.indicator("job_seekers_abc_count")
    theirs = profile.of_level(indicator.id, "departement")
    mine = profile.own(indicator.id)
    moved = profile.observations.copy()
    moved.loc[theirs.index[-1:], "period"] = mine["period"].iloc[-1]
    figure = key_figure(dataclasses.replace(profile, observations=moved), indicator)
    assert figure.cells["departement"].same_period
    assert figure.gap is None


@pytest.mark.parametrize("qpv", ["QN06254M", "QN06225M", "QN06216M"])
def test_cells_say_whether_they_are_of_the_year_of_the_row(full, qpv):
    for _, figure in all_of(full, qpv):
        for cell in figure.cells.values():
            assert cell.same_period == (figure.own is not None and cell.row["period"] == figure.own["period"])


# --- why a figure is missing -------------------------------------------------------------------------


def why(warehouse: Warehouse, qpv: str, indicator: str, theme: str) -> str:
    figure = of(warehouse, qpv, indicator, theme)
    assert not figure.known
    return why_missing(profile_of(warehouse, qpv, theme), figure)


def test_withheld_by_the_producer_is_said_with_the_year(full):
    words = why(full, "QN06216M", "social_dwelling_vacancy_rate_pct", "housing")
    assert words == "non publié par le producteur pour ce quartier (2022)"


def test_a_secret_is_called_one(full):
    profile = profile_of(full, "QN06216M", "housing")
    rows = profile.observations.copy()
    withheld = (rows["indicator"] == "social_dwelling_vacancy_rate_pct") & (rows["status"] == "unavailable")
    assert withheld.any()
    rows.loc[withheld, "status"] = "secret"
    secret = dataclasses.replace(profile, observations=rows)
    figure = key_figure(secret, profile.catalog.indicator("social_dwelling_vacancy_rate_pct"))
    assert why_missing(secret, figure).startswith("non diffusé (secret ou qualité) par le producteur")


def test_an_official_file_that_is_not_there_is_named(embedded):
    words = why(embedded, "QN06254M", "low_declared_income_rate_pct", "revenue")
    assert words.startswith("fichier officiel absent")
    assert "Insee, Revenus – base de données des quartiers 2015" in words


def test_a_figure_that_the_contract_prints_without_a_year_is_not_called_absent(embedded):
    words = why(embedded, "QN06254M", "taxed_households_share_pct", "revenue")
    assert words == "imprimé sans année, donc ni comparé ni dessiné"


def test_what_nobody_measures_at_this_level_is_said(full, embedded):
    for warehouse in (full, embedded):
        words = why(warehouse, "QN06254M", "life_expectancy_men_years", "health")
        assert words == "aucune source lue ne le mesure à l’échelle du quartier"


def test_a_qpv_that_an_official_file_leaves_out_is_not_called_unpublished(full):
    profile = profile_of(full, "QN06254M", "housing")
    rows = profile.observations
    bare = dataclasses.replace(profile, observations=rows[rows["level"] != "qpv"])
    figure = key_figure(bare, profile.catalog.indicator("social_dwelling_vacancy_rate_pct"))
    assert is_missing(figure)
    assert why_missing(bare, figure) == "le quartier n’est pas dans le fichier officiel"


def test_the_reasons_are_typeset_as_french(full, embedded):
    for warehouse in (full, embedded):
        for profile, figure in all_of(warehouse, "QN06254M"):
            if is_missing(figure):
                assert not re.search(r" [:;?!%€]", why_missing(profile, figure))


# --- the quadrant ------------------------------------------------------------------------------------


def with_comparator(profile: Profile, level: str, code: str, values: dict[str, float]) -> Profile:
    """The same profile, if the producer had also published these medians for a territory."""
    row = profile.facts.iloc[-1].copy()
    new = pd.DataFrame([row] * len(values)).assign(
        territory=code, level=level, generation="", indicator=MEDIAN, period=list(values), value=list(values.values()),
        position=[float(p) for p in values], preferred=True, comparable=True, status="observed",
    )  # fmt: skip
    mine = profile.observations
    kept = mine[~((mine["level"] == level) & (mine["indicator"] == MEDIAN))]
    return dataclasses.replace(profile, observations=pd.concat([kept, new], ignore_index=True))


def held_by(profile: Profile, level: str, code: str) -> set[str]:
    qpv = profile.warehouse.territories.query("level == 'qpv'")
    return set(qpv.loc[qpv[level].str.split(" ").map(lambda codes: code in codes), "code"])


def test_the_qpv_of_an_agglomeration_are_set_against_it_when_it_has_two_dates(full):
    profile = with_comparator(profile_of(full, "QN06225M"), "epci", LENS, {"2012": 16000.0, "2018": 17500.0})
    points, name, scope = quadrant_input(profile, profile.catalog.indicator(MEDIAN))
    assert (name, scope) == ("CA de Lens - Liévin", "epci")
    assert set(points["territory"]) <= held_by(profile, "epci", LENS)
    assert points["territory"].nunique() == 22
    assert set(points["other"].dropna()) == {16000.0, 17500.0}


def test_an_agglomeration_of_two_qpv_is_never_set_against_the_qpv_of_the_departement(full):
    profile = with_comparator(profile_of(full, "QN06254M"), "epci", "200090751", {"2012": 16000.0, "2018": 17500.0})
    points, name, scope = quadrant_input(profile, profile.catalog.indicator(MEDIAN))
    assert name != "CA Grand Calais Terres et Mers"
    assert scope == "departement"
    assert not {16000.0, 17500.0} & set(points["other"].dropna())


def test_the_qpv_of_a_departement_are_set_against_it(full):
    profile = with_comparator(profile_of(full, "QN06254M"), "departement", "62", {"2012": 17000.0, "2018": 18500.0})
    points, name, scope = quadrant_input(profile, profile.catalog.indicator(MEDIAN))
    assert (name, scope) == ("Pas-de-Calais", "departement")
    assert set(points["territory"]) <= held_by(profile, "departement", "62")
    assert points["territory"].nunique() == 64


def test_without_a_territory_the_qpv_are_set_against_the_median_of_all_and_the_name_says_so(full):
    profile = profile_of(full, "QN06254M")
    indicator = profile.catalog.indicator(MEDIAN)
    points, name, scope = quadrant_input(profile, indicator)
    assert (name, scope) == ("la médiane des QPV de France connus aux deux dates", "departement")
    result, start, end, caution = analysis.quadrant(points, indicator)
    mine = result.set_index("territory").loc["QP062056"]
    assert (start, end, caution) == ("2012", "2018", "")
    assert (mine["gap"], mine["change"], mine["widening"]) == (-2140, 183.5, False)


def test_with_three_contracts_and_no_official_file_there_is_no_quadrant(embedded):
    profile = profile_of(embedded, "QN06254M")
    assert quadrant_input(profile, profile.catalog.indicator(MEDIAN))[2] == ""


def test_the_change_of_the_gap_with_the_qpv_of_france_is_a_change(full):
    found = of(full, "QN06254M", MEDIAN).peer_change
    assert isinstance(found, Change)
    assert (found.first, found.last, found.direction) == (-2324, -2140, Direction.BETTER)


def test_the_median_of_the_qpv_of_france_is_of_the_same_qpv_at_both_dates(full):
    """In 2018, 56 QPV of La Réunion and Martinique come in: with them the median of poverty would rise by 0.4 points more."""
    profile = profile_of(full, "QN06254M")
    indicator = profile.catalog.indicator(POVERTY)
    rows = profile.of_all_qpv(POVERTY, "2015")
    then, now = (set(rows.loc[rows["period"] == year, "territory"]) for year in ("2012", "2018"))
    assert sum(code.startswith("QP97") for code in now - then) == 56
    at_both = rows[rows["territory"].isin(then & now)].groupby("period")["value"].median()
    assert (at_both["2012"], at_both["2018"], profile.crowd.medians(indicator.id, "2015")["2018"]) == (40.9, 43.5, 43.9)
    found = key_figure(profile, indicator).peer_change
    assert (found.start, found.end, round(found.first, 1), round(found.last, 1)) == ("2012", "2018", 20.3, 17.9)


# --- What the perimeter forbids ----------------------------------------------------------------------


def test_a_new_qpv_is_told_so_where_a_figure_or_a_change_is_missing(full):
    profile, own = profile_of(full, "QN06264N"), of(full, "QN06254M", MEDIAN).own
    refused = _because_of_perimeter(profile, Refusal("une seule date connue"), own)
    assert refused.reason.startswith("une seule date connue")
    assert "nouveau en 2024, sans périmètre de 2015" in refused.reason
    assert why_missing(profile, key_figure(profile, profile.catalog.indicator(MEDIAN))) == (
        "mesuré sur les périmètres de 2015 seulement, avant que ce quartier n’existe"
    )


def test_a_change_that_was_found_is_left_alone(full):
    figure = of(full, "QN06254M", MEDIAN)
    assert _because_of_perimeter(profile_of(full, "QN06264N"), figure.own_change, figure.own) is figure.own_change


def test_a_redrawn_qpv_with_figures_on_both_perimeters_says_why_they_make_no_series(full):
    refusal, own = Refusal("une seule date connue"), of(full, "QN06253M", MEDIAN).own
    on_new = own.copy()
    on_new["generation"] = "2024"
    assert "périmètre différent" in _because_of_perimeter(profile_of(full, "QN06253M"), refusal, on_new).reason
    assert _because_of_perimeter(profile_of(full, "QN06253M"), refusal, own) is refusal, "all its figures are of 2015"
    assert _because_of_perimeter(profile_of(full, "QN06254M"), refusal, on_new) is refusal, "its perimeter did not change"
