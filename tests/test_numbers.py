"""Numbers: read as French producers write them, written as French readers expect them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qpv.numbers import (
    ABSENCE_MARKS,
    DASH,
    MINUS,
    NBSP,
    NNBSP,
    format_difference,
    format_number,
    format_value,
    french_spacing,
    parse_cell,
    parse_number,
)
from qpv.vocabulary import UNITS, Status

SPACES = [" ", "\u00a0", "\u202f", "\u2009", "\u2007"]


@pytest.mark.parametrize("space", SPACES, ids=[f"U+{ord(s):04X}" for s in SPACES])
def test_any_kind_of_space_groups_thousands(space: str) -> None:
    assert parse_number(f"5{space}019{space}573") == 5_019_573
    assert parse_number(f"11{space}760") == 11_760


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("61,4", 61.4),
        ("-0,3", -0.3),
        ("\u22120,3", -0.3),
        ("+15", 15.0),
        (",5", 0.5),
        ("47", 47.0),
        ("0012", 12.0),
        ("  61,4\r", 61.4),
        ("1 234,5", 1234.5),
        ("1E-05", 0.00001),
        ("7,83177350511023e-03", 0.00783177350511023),
    ],
)
def test_a_comma_is_a_decimal_comma(text: str, value: float) -> None:
    assert parse_number(text) == value


def test_a_point_is_a_decimal_point_and_never_a_thousands_separator() -> None:
    assert parse_number("95.328") == 95.328
    assert parse_number("2493.0") == 2493


@pytest.mark.parametrize("text", ["61.2%", "61,2 %", "61,2\u202f%", "61,2\u00a0%"])
def test_a_percent_sign_is_left_out_and_the_number_is_not_divided(text: str) -> None:
    assert parse_number(text) == 61.2


def test_a_euro_sign_is_left_out() -> None:
    assert parse_number("12\u202f190\u202f€") == 12_190


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "",
        "12 34",
        "1 2345",
        "1 23",
        "1,234,567",
        "1.234.567",
        "12,5 ans",
        "QP062056",
        "--3",
        "5-",
        "1e",
        "1e999",
        "inf",
        "nan",
    ],
)
def test_what_is_no_number_is_an_error_that_shows_the_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a (finite )?number") as error:
        parse_number(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("s", Status.SECRET),
        ("S", Status.SECRET),
        ("ns", Status.SECRET),
        ("c", Status.SECRET),
        ("nd", Status.UNAVAILABLE),
        ("ND ", Status.UNAVAILABLE),
        ("N/A", Status.UNAVAILABLE),
        ("n/d", Status.UNAVAILABLE),
        ("NC", Status.UNAVAILABLE),
        ("///", Status.NOT_APPLICABLE),
        ("-9999", Status.UNAVAILABLE),
        ("-9999.0", Status.UNAVAILABLE),
        ("-9 999,0", Status.UNAVAILABLE),
        ("\u22129999", Status.UNAVAILABLE),
        ("", Status.UNAVAILABLE),
        ("  ", Status.UNAVAILABLE),
        ("\u00a0", Status.UNAVAILABLE),
        ("..", Status.UNAVAILABLE),
        ("so", Status.NOT_APPLICABLE),
    ],
)
def test_a_mark_of_absence_gives_no_value_and_says_why(mark: str, status: Status) -> None:
    assert parse_cell(mark) == (None, status)


def test_a_number_in_a_cell_is_observed_and_zero_is_a_number() -> None:
    assert parse_cell("13\u202f130") == (13_130.0, Status.OBSERVED)
    assert parse_cell("0") == (0.0, Status.OBSERVED)


@pytest.mark.parametrize(("text", "value"), [("-9999.5", -9999.5), ("-9998", -9998.0), ("9999", 9999.0), ("-99990", -99990.0)])
def test_only_minus_9999_itself_stands_for_no_value(text: str, value: float) -> None:
    assert parse_cell(text) == (value, Status.OBSERVED)


@pytest.mark.parametrize("text", ["abc", "n/c/", "#REF!", "-9998x", "x"])
def test_a_cell_that_is_neither_number_nor_mark_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_cell(text)


@given(st.text(max_size=30))
def test_any_text_gives_a_finite_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_number(text)
    except ValueError:
        return
    assert abs(value) < float("inf")


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.sampled_from(SPACES))
def test_grouped_integers_are_read_whatever_the_space(number: int, space: str) -> None:
    assert parse_number(f"{number:,}".replace(",", space)) == number


@given(st.integers(0, 10**9 - 1), st.integers(0, 999), st.sampled_from(SPACES), st.sampled_from([",", "."]),
       st.sampled_from(["", "%", " %", "\u202f%", "\u202f€"]))  # fmt: skip
def test_a_number_is_the_same_with_any_space_decimal_mark_and_unit(
    whole: int, thousandths: int, space: str, mark: str, unit: str
) -> None:
    """``95.328`` is 95 and a bit, as ``95,328`` and ``95,328 %`` are: a point never groups thousands."""
    text = f"{whole:,}".replace(",", space) + f"{mark}{thousandths:03}{unit}"
    assert parse_number(text) == pytest.approx(whole + thousandths / 1000, rel=1e-12)


@given(st.sampled_from(sorted(ABSENCE_MARKS)), st.sampled_from(["", " ", "\r", "\u00a0", "\t"]), st.booleans())
def test_a_mark_of_absence_is_known_in_any_case_and_spacing(mark: str, around: str, upper: bool) -> None:
    text = around + (mark.upper() if upper else mark) + around
    assert parse_cell(text) == (None, ABSENCE_MARKS[mark])


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_what_is_written_is_read_back_the_same(thousandths: int, decimals: int) -> None:
    value = thousandths / 1000
    rounded = Decimal(thousandths).scaleb(-3).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    assert parse_number(format_number(value, decimals)) == float(rounded)


@given(st.floats(-1e9, 1e9), st.integers(0, 3), st.booleans())
def test_no_number_is_written_as_a_negative_zero(value: float, decimals: int, signed: bool) -> None:
    text = format_number(value, decimals, signed=signed)
    if not any(c in "123456789" for c in text):
        assert text[0] == "0"
    else:
        assert text.startswith(MINUS) == (value < 0)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-2.5, 0, "\u22123"),
        (61.25, 1, "61,3"),
        (-61.25, 1, "\u221261,3"),
        (0.05, 1, "0,1"),
        (1.005, 2, "1,01"),
        (2.675, 2, "2,68"),
        (0.49, 0, "0"),
        (-0.04, 1, "0,0"),
        (999.95, 1, "1\u202f000,0"),
    ],
)
def test_halves_are_rounded_away_from_zero(value: float, decimals: int, text: str) -> None:
    assert format_number(value, decimals) == text


def test_thousands_are_grouped_with_a_narrow_no_break_space() -> None:
    assert NNBSP == "\u202f"
    assert format_number(5_019_573) == "5\u202f019\u202f573"
    assert format_number(999) == "999"
    assert format_number(1234.5, 1) == "1\u202f234,5"


def test_a_sign_is_shown_only_when_asked_for() -> None:
    assert format_number(3.2, 1) == "3,2"
    assert format_number(3.2, 1, signed=True) == "+3,2"
    assert format_number(-3.2, 1, signed=True) == "\u22123,2"
    assert format_number(0, 1, signed=True) == "0,0"


def test_a_value_is_written_with_its_unit() -> None:
    assert format_value(11_760, "eur") == "11\u202f760\u202f€"
    assert format_value(61.4, "pct", 1) == "61,4\u202f%"
    assert format_value(1308, "count") == "1\u202f308"


def test_a_difference_of_percentages_is_in_points() -> None:
    assert format_difference(12.1, "pct", 1) == "+12,1\u202fpt"
    assert format_difference(-1370, "eur") == "\u22121\u202f370\u202f€"
    assert "%" not in UNITS["pct"][1]


def test_the_signs_of_french_typography_are_these_characters() -> None:
    assert (NNBSP, NBSP, MINUS, DASH) == ("\u202f", "\u00a0", "\u2212", "\u2013")


@pytest.mark.parametrize(
    ("plain", "spaced"),
    [
        ("61,4 % des ménages", "61,4\u202f% des ménages"),
        ("12 ‰, 9 €", "12\u202f‰, 9\u202f€"),
        ("Chaleur : aucune ; quoi ? rien !", "Chaleur\u202f: aucune\u202f; quoi\u202f? rien\u202f!"),
        ("« Engagements quartiers »", "«\u202fEngagements quartiers\u202f»"),
        (" : au début", " : au début"),
        ("rien à faire", "rien à faire"),
    ],
)
def test_narrow_spaces_stand_before_the_signs_that_want_them(plain: str, spaced: str) -> None:
    assert french_spacing(plain) == spaced
    assert french_spacing(spaced) == spaced, "what is right already stays"


def test_the_message_begins_with_what_is_wrong_and_shows_the_text() -> None:
    with pytest.raises(ValueError, match=r"^not a number: '12abc'$"):
        parse_number("12abc")
    with pytest.raises(ValueError, match=r"^not a finite number: '1e400'$"):
        parse_number("1e400")
