"""Similar QPV: who is near whom, at which dates, and when there is no group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qpv import analysis
from qpv.comparison import key_figure
from qpv.profile import load_profile
from qpv.similar import NEAREST, TRAITS, nearest, similar_to, traits

CODES = [f"QP{n:06}" for n in range(150)]


def table(**changed: tuple[float, float, float, float]) -> pd.DataFrame:
    """QPV in a row: each is a little larger, younger, and has fewer people alone than the one before."""
    rows = {c: (1000 * 1.02**n, 30 + n / 10, 20 - n / 20, 40 - n / 10) for n, c in enumerate(CODES)} | changed
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TRAITS)).sort_index()


def facts(values: pd.DataFrame, period: str = "2018", generation: str = "2015") -> pd.DataFrame:
    long = values.rename_axis("territory").reset_index().melt("territory", var_name="indicator", value_name="value")
    return long.assign(period=period, generation=generation)


def test_the_nearest_in_a_row_are_the_neighbours_and_never_itself():
    found = nearest(table(), CODES[75], 4)
    assert sorted(found) == [CODES[n] for n in (73, 74, 76, 77)]
    assert len(nearest(table(), CODES[0])) == NEAREST
    assert nearest(table(), CODES[0], 3) == CODES[1:4]


def test_equal_ones_stand_in_the_order_of_their_codes_whatever_the_order_of_the_rows():
    twins = table(QP000901=(2000, 35, 15, 35), QP000902=(2000, 35, 15, 35), QP000903=(2000, 35, 15, 35))
    assert nearest(twins, "QP000902", 2) == ["QP000901", "QP000903"]
    assert nearest(twins.sample(frac=1, random_state=3), "QP000902", 9) == nearest(twins, "QP000902", 9)


def test_population_counts_by_its_logarithm():
    values = table() * 0 + np.array([1.0, 35, 15, 35])
    values["population_count"] = np.geomspace(1000, 1_000_000, len(values))
    middle = CODES[75]
    assert sorted(nearest(values, middle, 2)) == [CODES[74], CODES[76]], "as far up as down"


def test_a_trait_in_which_all_are_alike_tells_nothing_apart():
    values = table()
    values["age_60_plus_share_pct"] = 20.0
    assert nearest(values, CODES[0], 1) == [CODES[1]]


def test_the_latest_period_that_most_qpv_have_is_taken_not_one_of_a_few():
    few = facts(table().head(5), period="2021")
    found, periods = traits(pd.concat([facts(table(), "2016"), facts(table() + 1, "2018"), few]), "2015")
    assert set(periods.values()) == {"2018"}
    assert found.loc[CODES[0], "under_25_share_pct"] == 31
    assert len(found) == len(CODES)


def test_generations_are_never_mixed():
    assert traits(facts(table(), generation="2015"), "2024")[1] == {}


def test_without_one_of_the_four_a_qpv_is_left_out_and_told_so():
    rows = facts(table())
    rows = rows[~((rows["territory"] == CODES[7]) & (rows["indicator"] == "one_person_households_share_pct"))]
    values, periods = traits(rows, "2015")
    assert CODES[7] not in values.index
    group = similar_to(values, periods, CODES[7], "2015")
    assert (group.codes, "ne sont pas publiés" in group.reason) == ((), True)


def test_with_too_few_qpv_or_no_figures_there_is_no_group_and_the_reason_is_told():
    values, periods = traits(facts(table()), "2015")
    assert "trop peu" in similar_to(values.head(NEAREST), periods, CODES[0], "2015").reason
    assert len(similar_to(values.head(NEAREST + 1), periods, CODES[0], "2015").codes) == NEAREST
    assert "pas connus à cette date" in similar_to(*traits(facts(table()).head(0), "2015"), CODES[0], "2015").reason


# --- with the official files -------------------------------------------------------------------------


def test_the_similar_of_beau_marais_are_of_its_size_and_age(full):
    profile = load_profile(full, "QN06254M", "revenue", "2026-T3")
    group = profile.similar("2015")
    assert set(group.periods.values()) == {"2018"}
    assert len(group.traits) == 1062
    assert len(set(group.codes)) == 20
    assert "QP062056" not in group.codes
    mine, theirs = group.traits.loc["QP062056"], group.traits.loc[list(group.codes)]
    assert mine["population_count"] == 7963
    for trait in TRAITS:
        spread = group.traits[trait].std()
        assert (theirs[trait] - mine[trait]).abs().max() < 1.2 * spread, trait
    assert (theirs["under_25_share_pct"] - mine["under_25_share_pct"]).abs().max() < 5


def test_the_group_is_the_same_for_each_theme_and_read_once(full):
    groups = [load_profile(full, "QN06254M", theme, "2026-T3").similar("2015").codes for theme in ("revenue", "health")]
    assert groups[0] == groups[1]


def test_the_rank_and_the_median_are_those_of_the_group(full):
    profile = load_profile(full, "QN06254M", "revenue", "2026-T3")
    figure = key_figure(profile, profile.catalog.indicator("median_disposable_income_eur"))
    rows = profile.others.query("indicator == 'median_disposable_income_eur' and period == '2019'").set_index("territory")[
        "value"
    ]
    theirs = rows.reindex(profile.similar("2015").codes).dropna()
    assert figure.medians["similar"] == theirs.median()
    assert figure.ranks["similar"] == analysis.Rank(1 + int((theirs > 12190).sum()), len(theirs) + 1, False)


def test_a_qpv_as_of_a_quarter_before_the_figures_has_no_group(full):
    group = load_profile(full, "QN06254M", "revenue", "2016-T4").similar("2015")
    assert (group.codes, bool(group.reason)) == ((), True)


@pytest.mark.parametrize("qpv", ["QN97403M", "QN06264N"])
def test_a_qpv_whose_ages_are_not_published_or_that_is_new_has_no_group(full, qpv):
    profile = load_profile(full, qpv, "revenue", "2026-T3")
    assert profile.similar("2015").codes == ()
    assert all("similar" not in key_figure(profile, i).ranks for i in profile.indicators if i.key)
