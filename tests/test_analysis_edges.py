"""Gaps, changes and quadrants at their edges: thresholds met exactly, words said exactly, spans of three dates."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pandas as pd
import pytest
from qpv.analysis import (
    Change,
    Direction,
    Figure,
    Gap,
    Rank,
    Refusal,
    change,
    gap,
    gap_change,
    judge,
    printed_decimals,
    quadrant,
)
from qpv.catalog import Break, Catalog, Indicator
from qpv.errors import ComparisonError


@pytest.fixture(scope="module")
def poverty(catalog: Catalog) -> Indicator:
    """Lower is better, one decimal, no break."""
    return catalog.indicator("poverty_rate_pct").model_copy(update={"breaks": []})


@pytest.fixture(scope="module")
def income(catalog: Catalog) -> Indicator:
    """Higher is better, no decimal, no break."""
    return catalog.indicator("median_disposable_income_eur").model_copy(update={"breaks": []})


@pytest.fixture(scope="module")
def taxed(catalog: Catalog) -> Indicator:
    """Neither direction is better, one decimal, no break."""
    return catalog.indicator("taxed_households_share_pct").model_copy(update={"breaks": []})


def figure(indicator: Indicator, value: float, period: str = "2019") -> Figure:
    return Figure(indicator.id, "QP062056", "2015", period, value)


def broken_in(indicator: Indicator, *periods: str) -> Indicator:
    return indicator.model_copy(update={"breaks": [Break(period=p, reason=f"méthode de {p}") for p in periods]})


# --- words ---------------------------------------------------------------------------------------------


def test_directions_are_these_words() -> None:
    assert [d.value for d in Direction] == ["better", "worse", "equal", "neutral"]


def test_no_result_can_be_changed_afterwards(poverty: Indicator) -> None:
    one = figure(poverty, 58)
    results = [
        one,
        Gap(one, one, 0, 1, Direction.EQUAL),
        Change("2012", "2018", 1, 2, 1, Direction.WORSE),
        Refusal("non"),
        Rank(1, 3, False),
    ]
    for result in results:
        with pytest.raises(FrozenInstanceError):
            setattr(result, next(iter(result.__dataclass_fields__)), None)


def test_a_refused_comparison_says_which_indicators_or_periods(poverty: Indicator, income: Indicator) -> None:
    with pytest.raises(ComparisonError, match=r"^'poverty_rate_pct' and 'median_disposable_income_eur' are two indicators$"):
        gap(figure(poverty, 58), figure(income, 18730), poverty)
    with pytest.raises(ComparisonError, match=r"^periods '2020' and '2019' cannot be compared$"):
        gap(figure(income, 12750, "2020"), figure(income, 18730), income)


def test_each_refusal_says_its_reason_in_whole_words(poverty: Indicator) -> None:
    def reason(found: Change | Refusal | tuple) -> str:
        assert isinstance(found, Refusal)
        return found.reason

    assert reason(change({"2015": 1.0, "2020": 2.0}, poverty, ["2015", "2024"])) == "le périmètre a changé entre les deux dates"
    assert reason(change({"2019": 1.0}, poverty)) == "une seule date connue"
    assert reason(change({}, poverty)) == "aucune valeur datée"
    near = "dates trop proches\u202f: il faut au moins 3 ans d’écart sous la commune"
    assert reason(change({"2016": 1.0, "2018": 2.0}, poverty)) == near
    common = "le QPV et le territoire de comparaison n’ont pas deux dates communes"
    assert reason(gap_change({"2012": 1.0}, {"2012": 2.0}, poverty)) == common
    dates = "il faut deux dates communes, espacées d’au moins trois ans, pour trois QPV au moins"
    few = [(t, p, 1.0, 0.0) for t in "AB" for p in ("2012", "2018")]
    assert reason(quadrant(pd.DataFrame(few, columns=["territory", "period", "own", "other"]), poverty)) == dates
    rows = [(t, "2012", 1.0, 0.0) for t in "ABC"] + [(t, "2018", 1.0, 0.0) for t in "ABD"]
    found = quadrant(pd.DataFrame(rows, columns=["territory", "period", "own", "other"]), poverty)
    assert reason(found) == "moins de trois QPV ont une valeur aux deux dates"


# --- thresholds ------------------------------------------------------------------------------------------


def test_half_the_last_decimal_counts_where_it_is_the_larger_threshold(catalog: Catalog) -> None:
    """An index of one decimal: 0.05 is a difference, 0.049 is none."""
    youth = catalog.indicator("youth_index")
    assert (judge(0.049, youth), judge(0.05, youth)) == (Direction.EQUAL, Direction.NEUTRAL)


def test_half_a_point_counts_for_points_as_for_percentages(catalog: Catalog) -> None:
    points = catalog.indicator("young_share_change_points")
    assert points.unit == "points"
    assert (judge(0.4, points), judge(0.5, points)) == (Direction.EQUAL, Direction.NEUTRAL)


@pytest.mark.parametrize(
    ("value", "decimals"), [(61, 0), (61.2, 1), (61.25, 2), (12190.0, 0), (0.5, 1), (100, 0), (0.1234567, 6)]
)
def test_decimals_are_those_that_were_printed(value: float, decimals: int) -> None:
    assert printed_decimals(value) == decimals


def test_a_ratio_of_numbers_below_one_is_a_ratio(poverty: Indicator) -> None:
    assert gap(figure(poverty, 0.75), figure(poverty, 0.5), poverty).ratio == 1.5


# --- spans -----------------------------------------------------------------------------------------------


def test_the_span_goes_to_the_last_date_and_not_to_the_next(poverty: Indicator) -> None:
    found = change({"2012": 50.0, "2013": 51.0, "2018": 55.0}, poverty)
    assert isinstance(found, Change)
    assert (found.start, found.end, found.caution) == ("2012", "2018", "")


def test_a_span_across_a_break_goes_to_the_last_date_and_names_what_it_crosses(poverty: Indicator) -> None:
    series = {"2016": 50.0, "2017": 51.0, "2019": 55.0}
    found = change(series, broken_in(poverty, "2016", "2019"))
    assert isinstance(found, Change)
    assert (found.start, found.end) == ("2016", "2019")
    assert found.caution == "rupture de série en 2019 (méthode de 2019)", "2016 begins the series that it breaks"


def test_two_breaks_are_both_named(poverty: Indicator) -> None:
    found = change({"2015": 50.0, "2017": 51.0, "2019": 55.0}, broken_in(poverty, "2019", "2016"))
    assert isinstance(found, Change)
    assert found.caution == "rupture de série en 2016 (méthode de 2016)\u202f; rupture de série en 2019 (méthode de 2019)"


# --- the change of the gap -------------------------------------------------------------------------------


def test_a_lead_that_grows_is_better_although_the_gap_is_larger(income: Indicator) -> None:
    found = gap_change({"2012": 16000.0, "2018": 19000.0}, {"2012": 15000.0, "2018": 17000.0}, income)
    assert isinstance(found, Change)
    assert (found.first, found.last, found.direction) == (1000, 2000, Direction.BETTER)


def test_dates_too_near_refuse_the_change_of_a_gap_without_polarity_too(taxed: Indicator) -> None:
    assert isinstance(gap_change({"2016": 50.0, "2018": 51.0}, {"2016": 40.0, "2018": 40.0}, taxed), Refusal)


def test_without_polarity_a_gap_that_grows_by_less_than_a_point_widens(taxed: Indicator) -> None:
    found = gap_change({"2012": 60.0, "2018": 60.9}, {"2012": 40.0, "2018": 40.0}, taxed)
    assert isinstance(found, Change)
    assert found.direction is Direction.WORSE


def widens(indicator: Indicator, first: float, last: float) -> bool:
    """Whether the gap of a QPV, set against nought, widens in the quadrant."""
    rows = [("A", "2012", first, 0.0), ("A", "2018", last, 0.0)] + [(t, p, 1.0, 0.0) for t in "BC" for p in ("2012", "2018")]
    found = quadrant(pd.DataFrame(rows, columns=["territory", "period", "own", "other"]), indicator)
    assert isinstance(found, tuple)
    return bool(found[0].set_index("territory").at["A", "widening"])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(20, 30, True), (20, 21, True), (20, 10, False), (0, 0.047, False), (0, 0.06, True), (-1, 0, False), (-5, -1, False), (-1, 0.5, True)],
)  # fmt: skip
def test_a_poverty_gap_widens_behind_the_comparator_alone(poverty: Indicator, first: float, last: float, expected: bool) -> None:
    assert widens(poverty, first, last) is expected


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(0, -0.5, True), (-1000, -1001, True), (-1000, -1000.25, False), (-1000, -900, False), (500, 400, False)]
)  # fmt: skip
def test_an_income_gap_widens_from_half_a_euro(income: Indicator, first: float, last: float, expected: bool) -> None:
    assert widens(income, first, last) is expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(-30, -20, False), (-20, -30, True), (20, 21, True), (0, 0.047, False), (0, 0.06, True), (-20, 20, False), (20, -21, True)],
)
def test_without_polarity_the_size_alone_widens(taxed: Indicator, first: float, last: float, expected: bool) -> None:
    assert widens(taxed, first, last) is expected


def test_without_polarity_half_the_last_decimal_is_enough(taxed: Indicator) -> None:
    whole = taxed.model_copy(update={"decimals": 0})
    assert (widens(whole, 1000.0, 1000.5), widens(whole, 1000.0, 1000.25)) == (True, False)
