"""Quarters and periods: when a brief speaks, and what time a figure speaks of."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qpv.errors import ParameterError
from qpv.quarter import UNDATED, Quarter, format_date, format_period, is_period, period_position

DAYS = st.dates(dt.date(1901, 1, 1), dt.date(2199, 12, 31))


@pytest.mark.parametrize("text", ["2026-T3", "2026-Q3", "2026-t3", " 2026-q3 "])
def test_a_quarter_is_read_with_t_or_q(text: str) -> None:
    assert Quarter.parse(text) == Quarter(2026, 3)


@pytest.mark.parametrize(
    "text", ["2026-T5", "2026-T0", "2026T3", "T3-2026", "26-T3", "2026", "", "0001-T1", "1899-T4", "2026-T3-1"]
)
def test_another_form_is_refused_with_the_text_and_an_example(text: str) -> None:
    with pytest.raises(ParameterError, match="2026-T3") as error:
        Quarter.parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("day", "quarter"),
    [
        (dt.date(2026, 1, 1), "2025-T4"),
        (dt.date(2026, 3, 31), "2025-T4"),
        (dt.date(2026, 4, 1), "2026-T1"),
        (dt.date(2026, 10, 15), "2026-T3"),
        (dt.date(2026, 12, 31), "2026-T3"),
    ],
)
def test_the_last_complete_quarter_has_ended(day: dt.date, quarter: str) -> None:
    assert str(Quarter.last_complete(day)) == quarter


@given(DAYS)
def test_the_last_complete_quarter_ended_before_the_day_and_less_than_a_quarter_ago(day: dt.date) -> None:
    end = Quarter.last_complete(day).end
    assert end < day
    assert (day - end).days <= 92


@pytest.mark.parametrize(
    ("quarter", "end"),
    [
        ("2024-T1", dt.date(2024, 3, 31)),
        ("2024-T2", dt.date(2024, 6, 30)),
        ("2024-T3", dt.date(2024, 9, 30)),
        ("2024-T4", dt.date(2024, 12, 31)),
    ],
)
def test_a_quarter_ends_on_its_last_day(quarter: str, end: dt.date) -> None:
    assert Quarter.parse(quarter).end == end


def test_quarters_are_ordered_in_time() -> None:
    assert Quarter(2025, 4) < Quarter(2026, 1) < Quarter(2026, 2)


@given(st.integers(1900, 2200), st.integers(1, 4))
def test_a_quarter_written_is_read_back(year: int, number: int) -> None:
    assert Quarter.parse(str(Quarter(year, number))) == Quarter(year, number)


def test_a_quarter_is_labelled_with_a_no_break_space() -> None:
    assert Quarter(2026, 3).label == "T3\u00a02026"


@pytest.mark.parametrize("text", ["2019", "2021-T4", "2021-12", "2022-2023", "2012-2020", UNDATED])
def test_years_quarters_months_and_school_years_are_periods(text: str) -> None:
    assert is_period(text)


@pytest.mark.parametrize(
    "text", ["", "19", "2021-T5", "2021-13", "2021-00", "2023-2022", "2022-2022", "2021/12", "about 2019", "2019 "]
)
def test_what_is_no_time_is_no_period(text: str) -> None:
    assert not is_period(text)


def test_a_quarter_and_its_last_month_stand_at_the_same_place() -> None:
    assert period_position("2021-T4") == period_position("2021-12") == pytest.approx(2021 + 11 / 12)
    assert period_position("2021-T1") == period_position("2021-03")


def test_a_year_stands_at_its_number_and_a_school_year_at_its_end() -> None:
    assert period_position("2019") == 2019
    assert period_position("2022-2023") == 2023


def test_an_undated_figure_has_no_place_in_time() -> None:
    assert math.isnan(period_position(UNDATED))


def test_a_place_in_time_is_asked_of_periods_only() -> None:
    with pytest.raises(ValueError, match="not a period"):
        period_position("hier")
    with pytest.raises(ValueError, match="not a period"):
        format_period("hier")


@pytest.mark.parametrize(
    ("period", "text"),
    [
        ("2019", "2019"),
        ("2021-T4", "T4\u00a02021"),
        ("2021-12", "décembre\u00a02021"),
        ("2020-01", "janvier\u00a02020"),
        ("2022-2023", "2022-2023"),
        (UNDATED, "année non précisée"),
    ],
)
def test_a_period_is_written_in_french(period: str, text: str) -> None:
    assert format_period(period) == text


def test_the_first_of_a_month_is_an_ordinal() -> None:
    assert format_date(dt.date(2024, 3, 1)) == "1er\u00a0mars\u00a02024"
    assert format_date(dt.date(2024, 6, 21)) == "21\u00a0juin\u00a02024"
    assert format_date(dt.date(2024, 8, 11)) == "11\u00a0août\u00a02024"
