"""Gaps, changes, ranks and quadrants: what they say, and when they refuse to say anything."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qpv.analysis import (
    Change,
    Direction,
    Figure,
    Rank,
    Refusal,
    change,
    gap,
    gap_change,
    judge,
    quadrant,
    rank,
    share_widening,
    unfavourable,
)
from qpv.catalog import Break, Indicator
from qpv.errors import ComparisonError
from qpv.vocabulary import Polarity

quick = settings(max_examples=150, deadline=None, database=None)
euros = st.integers(min_value=1_000, max_value=60_000).map(float)


@pytest.fixture(scope="session")
def poverty(catalog):
    """Lower is better, one decimal, break in 2019."""
    return catalog.indicator("poverty_rate_pct")


@pytest.fixture(scope="session")
def income(catalog):
    """Higher is better, no decimal, break in 2019."""
    return catalog.indicator("median_disposable_income_eur")


@pytest.fixture(scope="session")
def taxed(catalog):
    """Neither direction is better, one decimal, break in 2019."""
    return catalog.indicator("taxed_households_share_pct")


def unbroken(indicator: Indicator) -> Indicator:
    return indicator.model_copy(update={"breaks": []})


def broken_in(indicator: Indicator, *periods: str) -> Indicator:
    return indicator.model_copy(update={"breaks": [Break(period=p, reason=f"méthode de {p}") for p in periods]})


def figure(indicator: Indicator, value: float, period: str = "2019", territory: str = "QP062056") -> Figure:
    return Figure(indicator.id, territory, "2015" if territory.startswith("QP") else "", period, value)


# --- the gap -----------------------------------------------------------------------------------------


def test_a_gap_is_the_difference_of_what_is_shown(catalog):
    """Loos: 39,7 °C (39.74) against 40,7 °C (40.65) is one degree, not 0,9."""
    heat = catalog.indicator("land_surface_temperature_celsius")
    own, other = (Figure(heat.id, code, "", "2022-08", v) for code, v in (("QN05976M", 39.74), ("200093201", 40.65)))
    assert gap(own, other, heat).absolute == -1.0


@pytest.mark.parametrize(("decimals", "absolute", "shown"), [(None, 5.6, 1), (0, 5.6, 0)])
def test_a_gap_has_the_decimals_of_the_coarser_value(catalog, decimals, absolute, shown):
    schooling = catalog.indicator("schooling_16_24_pct")
    own = Figure(schooling.id, "QN06254M", "2024", "2018", 48.0, decimals)
    found = gap(own, Figure(schooling.id, "62193", "", "2018", 42.4), schooling)
    assert (found.absolute, found.decimals) == (absolute, shown)


def test_beau_marais_has_6540_euros_less_than_its_agglomeration(income):
    found = gap(figure(income, 12190), figure(income, 18730, territory="200090751"), income)
    assert (found.absolute, round(found.ratio, 4), found.direction) == (-6540, 0.6508, Direction.WORSE)


def test_the_gap_of_a_rate_is_in_points_and_the_ratio_tells_how_many_times(poverty):
    found = gap(figure(poverty, 58), figure(poverty, 28, territory="62193"), poverty)
    assert (found.absolute, round(found.ratio, 3), found.direction) == (30, 2.071, Direction.WORSE)


def test_a_lower_poverty_rate_and_a_higher_income_are_better(poverty, income):
    assert gap(figure(poverty, 20), figure(poverty, 28), poverty).direction is Direction.BETTER
    assert gap(figure(income, 20000), figure(income, 18730), income).direction is Direction.BETTER


def test_without_polarity_a_gap_is_never_judged(taxed):
    assert gap(figure(taxed, 11.1), figure(taxed, 41), taxed).direction is Direction.NEUTRAL
    assert gap(figure(taxed, 41), figure(taxed, 11.1), taxed).direction is Direction.NEUTRAL


def test_two_indicators_are_not_compared(poverty, income):
    with pytest.raises(ComparisonError, match="two indicators"):
        gap(figure(poverty, 58), figure(income, 18730), poverty)
    with pytest.raises(ComparisonError, match="two indicators"):
        gap(figure(poverty, 58), figure(poverty, 28), income)


def test_two_periods_are_not_compared(income):
    with pytest.raises(ComparisonError, match=r"'2020'.*'2019'"):
        gap(figure(income, 12750, "2020"), figure(income, 18730, "2019"), income)


def test_two_undated_figures_are_not_compared_although_their_periods_are_equal(poverty):
    with pytest.raises(ComparisonError, match="undated"):
        gap(figure(poverty, 43, "undated"), figure(poverty, 28, "undated"), poverty)


@pytest.mark.parametrize(("own", "other"), [(5.0, 0.0), (0.0, 5.0), (-3.0, 2.0), (2.0, -3.0)])
def test_there_is_no_ratio_with_zero_or_a_negative_number(poverty, own, other):
    found = gap(figure(poverty, own), figure(poverty, other), poverty)
    assert (found.ratio, found.absolute) == (None, own - other)


@pytest.mark.parametrize(
    ("name", "difference", "expected"),
    [
        ("poverty_rate_pct", 0.49, Direction.EQUAL), ("poverty_rate_pct", -0.49, Direction.EQUAL),
        ("poverty_rate_pct", 0.5, Direction.WORSE), ("poverty_rate_pct", -0.5, Direction.BETTER),
        ("median_disposable_income_eur", 0.49, Direction.EQUAL), ("median_disposable_income_eur", 0.5, Direction.BETTER),
        ("median_disposable_income_eur", -0.5, Direction.WORSE), ("taxed_households_share_pct", 0.4, Direction.EQUAL),
        ("taxed_households_share_pct", 0.5, Direction.NEUTRAL), ("taxed_households_share_pct", -9.0, Direction.NEUTRAL),
    ],
)  # fmt: skip
def test_half_a_point_or_half_the_last_decimal_is_the_least_difference(catalog, name, difference, expected):
    assert judge(difference, catalog.indicator(name)) is expected


def test_less_than_one_per_cent_of_an_income_is_no_difference(income):
    assert judge(-35, income, level=16710) is Direction.EQUAL
    assert judge(-168, income, level=16710) is Direction.WORSE


def test_a_positive_unfavourable_difference_is_to_the_disadvantage_of_the_qpv():
    assert unfavourable(-6540, Polarity.HIGHER) == 6540
    assert unfavourable(30, Polarity.LOWER) == 30
    assert unfavourable(30, Polarity.NONE) == 30


@quick
@given(own=euros, other=euros)
def test_seen_from_the_other_side_the_gap_is_the_opposite(income, own, other):
    a, b = figure(income, own), figure(income, other, territory="200090751")
    mine, theirs = gap(a, b, income), gap(b, a, income)
    assert mine.absolute == -theirs.absolute
    assert math.isclose(mine.ratio * theirs.ratio, 1)
    opposite = {Direction.BETTER: Direction.WORSE, Direction.WORSE: Direction.BETTER, Direction.EQUAL: Direction.EQUAL}
    assert theirs.direction is opposite[mine.direction]


# --- the change (Q2) ---------------------------------------------------------------------------------


def test_two_years_are_too_short_and_three_are_enough(poverty):
    assert "3" in change({"2016": 60.8, "2018": 61.4}, poverty).reason
    assert change({"2015": 60.8, "2018": 61.4}, poverty) == Change("2015", "2018", 60.8, 61.4, 0.6, Direction.WORSE)


def test_eleven_quarters_are_too_short_and_twelve_are_enough(poverty):
    plain = unbroken(poverty)
    assert isinstance(change({"2019-T1": 40.0, "2021-T4": 41.0}, plain), Refusal)
    assert isinstance(change({"2018-T4": 40.0, "2021-T4": 41.0}, plain), Change)


def test_a_span_without_break_is_preferred_to_a_longer_one_across_it(income):
    beau_marais = {"2012": 10651.0, "2015": 11080.0, "2018": 11760.0, "2019": 12190.0, "2020": 12750.0}
    found = change(beau_marais, income)
    assert (found.start, found.end, found.absolute, found.direction, found.caution) == (
        "2012", "2018", 1109, Direction.BETTER, "",
    )  # fmt: skip


def test_the_most_recent_stretch_without_break_is_preferred(income):
    series = {"2008": 9000.0, "2012": 10000.0, "2013": 10500.0, "2016": 11000.0}
    found = change(series, broken_in(income, "2013"))
    assert (found.start, found.end, found.caution) == ("2013", "2016", "")


def test_a_break_that_cannot_be_avoided_is_named(income):
    found = change({"2015": 11080.0, "2019": 12190.0}, income)
    assert (found.start, found.end, found.absolute) == ("2015", "2019", 1110)
    assert "rupture de série en 2019" in found.caution
    assert income.breaks[0].reason in found.caution


def test_a_break_outside_the_span_is_not_named_and_its_year_belongs_to_the_new_series(income):
    assert change({"2019": 12190.0, "2022": 13000.0}, income).caution == ""
    assert change({"2015": 1.0, "2018": 900.0}, broken_in(income, "2012", "2019")).caution == ""


def test_two_perimeter_generations_make_no_change(income):
    found = change({"2015": 11080.0, "2023": 13900.0}, unbroken(income), ["2015", "2024"])
    assert isinstance(found, Refusal)
    assert "périmètre" in found.reason
    assert isinstance(change({"2015": 11080.0, "2023": 13900.0}, unbroken(income), ["2015", "2015"]), Change)


@pytest.mark.parametrize(
    ("series", "reason"),
    [({}, "aucune valeur datée"), ({"undated": 43.0}, "aucune valeur datée"), ({"2019": 45.6}, "une seule date"),
     ({"2012": 51.6, "undated": 43.0}, "une seule date")],
)  # fmt: skip
def test_an_undated_value_makes_no_change(poverty, series, reason):
    assert reason in change(series, poverty).reason


def test_the_order_in_which_periods_are_given_does_not_matter(poverty):
    assert change({"2018": 61.4, "2012": 61.2, "2015": 60.8}, poverty).start == "2012"


def test_a_change_smaller_than_what_is_shown_is_stability(poverty):
    assert change({"2012": 61.20, "2018": 61.24}, poverty).direction is Direction.EQUAL


@quick
@given(first=euros, last=euros)
def test_a_change_reversed_is_the_opposite_change(income, first, last):
    there, back = change({"2012": first, "2018": last}, income), change({"2012": last, "2018": first}, income)
    assert there.absolute == -back.absolute == last - first
    assert (there.direction is Direction.BETTER) == (back.direction is Direction.WORSE)


# --- the change of the gap (Q1) ----------------------------------------------------------------------


def test_the_income_gap_widens_when_the_agglomeration_gains_more(income):
    found = gap_change({"2015": 11080.0, "2018": 11760.0}, {"2015": 15704.0, "2018": 16710.0}, income)
    assert (found.first, found.last, found.absolute, found.direction) == (-4624, -4950, -326, Direction.WORSE)


def test_the_poverty_gap_narrows_when_the_qpv_loses_more_poverty(poverty):
    found = gap_change({"2012": 61.2, "2018": 57.0}, {"2012": 30.0, "2018": 29.0}, poverty)
    assert (round(found.first, 1), round(found.last, 1), found.direction) == (31.2, 28.0, Direction.BETTER)


def test_the_gap_can_widen_although_the_qpv_itself_gets_better(income):
    own, other = {"2012": 10000.0, "2018": 11000.0}, {"2012": 15000.0, "2018": 18000.0}
    assert change(own, income).direction is Direction.BETTER
    assert gap_change(own, other, income).direction is Direction.WORSE


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(-30.0, -20.0, Direction.BETTER), (-20.0, -30.0, Direction.WORSE), (20.0, 30.0, Direction.WORSE),
     (-20.0, 20.0, Direction.EQUAL), (-30.0, 20.0, Direction.BETTER)],
)  # fmt: skip
def test_without_polarity_the_size_of_the_gap_counts_whatever_its_sign(taxed, first, last, expected):
    found = gap_change({"2012": 50 + first, "2018": 50 + last}, {"2012": 50.0, "2018": 50.0}, taxed)
    assert (found.direction, found.first, found.last) == (expected, first, last)


def test_the_gap_needs_two_dates_that_both_have(income):
    found = gap_change({"2012": 10651.0, "2018": 11760.0}, {"2018": 16710.0, "2019": 17230.0}, income)
    assert "deux dates communes" in found.reason


def test_the_change_of_the_gap_obeys_the_same_guards(income):
    near, far = {"2016": 15800.0, "2018": 16710.0}, {"2012": 15000.0, "2018": 16710.0}
    own = {"2012": 10651.0, "2016": 11150.0, "2018": 11760.0}
    assert isinstance(gap_change(own, near, income), Refusal)
    assert "périmètre" in gap_change(own, far, income, ["2015", "2024"]).reason


# --- the rank ----------------------------------------------------------------------------------------


def test_first_is_the_most_favourable_and_without_polarity_the_highest():
    values = [12190.0, 13620.0, 14135.0, 11000.0]
    assert rank(14135.0, values, Polarity.HIGHER) == Rank(1, 4, False)
    assert rank(11000.0, values, Polarity.LOWER) == Rank(1, 4, False)
    assert rank(14135.0, values, Polarity.NONE) == Rank(1, 4, False)
    assert rank(11000.0, values, Polarity.HIGHER) == Rank(4, 4, False)


def test_equal_values_share_the_better_place_and_the_next_place_is_left_out():
    values = [58.0, 45.6, 45.6, 30.0]
    assert rank(45.6, values, Polarity.LOWER) == Rank(2, 4, True)
    assert rank(58.0, values, Polarity.LOWER) == Rank(4, 4, False)


def test_two_qpv_make_no_rank_and_an_absent_value_is_no_peer():
    assert rank(1.0, [1.0, 2.0], Polarity.LOWER) is None
    assert rank(1.0, [1.0, 2.0, math.nan], Polarity.LOWER) is None
    assert rank(1.0, [1.0, 2.0, math.nan, 3.0], Polarity.LOWER) == Rank(1, 3, False)


@quick
@given(values=st.lists(euros, min_size=3, max_size=40), polarity=st.sampled_from(list(Polarity)), data=st.data())
def test_every_rank_lies_between_one_and_the_number_of_peers(values, polarity, data):
    own = data.draw(st.sampled_from(values))
    place = rank(own, values, polarity)
    assert 1 <= place.position <= place.count == len(values)
    assert place.tied == (values.count(own) > 1)


# --- the quadrant ------------------------------------------------------------------------------------


def table(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["territory", "period", "own", "other"])


POVERTY = table(
    ("A", "2012", 50.0, 30.0), ("A", "2018", 58.0, 28.0),  # 20 -> 30: widens
    ("B", "2012", 40.0, 30.0), ("B", "2018", 37.0, 28.0),  # 10 -> 9: narrows
    ("C", "2012", 45.0, 30.0), ("C", "2018", 43.04, 28.0),  # 15 -> 15.04: no difference
    ("D", "2018", 60.0, 28.0),  # no first date: no point
)  # fmt: skip
INCOME = table(
    ("A", "2012", 11000.0, 15000.0), ("A", "2018", 11460.0, 18000.0),  # -4000 -> -6540
    ("B", "2012", 12000.0, 15000.0), ("B", "2018", 16000.0, 18000.0),  # -3000 -> -2000
    ("C", "2012", 16000.0, 15000.0), ("C", "2018", 18500.0, 18000.0),  # +1000 -> +500
)  # fmt: skip


def test_a_quadrant_of_poverty_computed_by_hand(poverty):
    points, start, end, caution = quadrant(POVERTY, poverty)
    found = points.set_index("territory").round(2)
    assert (start, end, caution) == ("2012", "2018", "")
    assert found["gap"].to_dict() == {"A": 30, "B": 9, "C": 15.04}
    assert found["change"].to_dict() == {"A": 10, "B": -1, "C": 0.04}
    assert found["widening"].to_dict() == {"A": True, "B": False, "C": False}
    assert share_widening(points) == pytest.approx(100 / 3)


def test_a_falling_income_gap_widens_because_a_higher_income_is_better(income):
    found = quadrant(INCOME, income)[0].set_index("territory")
    assert found["gap"].to_dict() == {"A": -6540, "B": -2000, "C": 500}
    assert found["change"].to_dict() == {"A": -2540, "B": 1000, "C": -500}
    assert found["widening"].to_dict() == {"A": True, "B": False, "C": False}  # C is ahead of its comparator
    assert share_widening(found) == pytest.approx(100 / 3)


def test_without_polarity_a_gap_widens_when_it_grows_whatever_its_sign(taxed):
    assert list(quadrant(INCOME, taxed)[0]["widening"]) == [True, False, False]


def test_a_quadrant_needs_three_qpv_at_both_dates(poverty):
    assert isinstance(quadrant(POVERTY[POVERTY["territory"] != "A"], poverty), Refusal)
    scattered = table(*((t, p, 40.0, 30.0) for t, p in
                        [("A", "2012"), ("B", "2012"), ("C", "2012"), ("A", "2018"), ("B", "2018"), ("D", "2018")]))  # fmt: skip
    assert "moins de trois QPV" in quadrant(scattered, poverty).reason


def test_a_date_that_only_two_qpv_have_does_not_stretch_the_span(poverty):
    early = table(("A", "2010", 48.0, 29.0), ("B", "2010", 39.0, 29.0))
    assert quadrant(pd.concat([early, POVERTY]), poverty)[1] == "2012"


def test_a_quadrant_needs_three_years_and_names_a_break(poverty):
    near = POVERTY.assign(period=POVERTY["period"].replace("2012", "2017"))
    assert isinstance(quadrant(near, poverty), Refusal)
    across = POVERTY.assign(period=POVERTY["period"].replace("2018", "2019"))
    assert "rupture de série en 2019" in quadrant(across, poverty)[3]


def test_a_qpv_whose_comparator_is_absent_is_no_point(poverty):
    lacking = POVERTY.assign(other=POVERTY["other"].where(POVERTY["territory"] != "A"))
    assert isinstance(quadrant(lacking, poverty), Refusal)
