"""Codes of territories: what a valid one looks like, and what spreadsheets do to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qpv.reference import Reference
from qpv.territory import departement_of, generation_of, normalise_code


@pytest.mark.parametrize(
    ("text", "level", "code"),
    [
        ("1053", "commune", "01053"),
        ("1053.0", "commune", "01053"),
        ("62193", "commune", "62193"),
        ("62193.0", "commune", "62193"),
        (" 62498 ", "commune", "62498"),
        ("2A004", "commune", "2A004"),
        ("2b033", "commune", "2B033"),
        ("97411", "commune", "97411"),
        ("10040101", "iris", "010040101"),
        ("2A0040101", "iris", "2A0040101"),
        ("062", "departement", "62"),
        ("62", "departement", "62"),
        ("1", "departement", "01"),
        ("001", "departement", "01"),
        ("02A", "departement", "2A"),
        ("2B", "departement", "2B"),
        ("974", "departement", "974"),
        ("32.0", "region", "32"),
        ("2", "region", "02"),
        ("246200364", "epci", "246200364"),
        ("246200364.0", "epci", "246200364"),
        ("1", "france", "FRM"),
        ("0620001A", "school", "0620001A"),
    ],
)
def test_a_code_is_given_as_its_level_writes_it(text: str, level: str, code: str) -> None:
    assert normalise_code(text, level) == code


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        ("QP062056", "2015"),
        ("QP02A001", "2015"),
        ("QP02B003", "2015"),
        ("QP974012", "2015"),
        ("QN06254M", "2024"),
        ("QN02A01M", "2024"),
    ],
)
def test_a_qpv_code_tells_its_generation(text: str, generation: str) -> None:
    other = {"2015": "2024", "2024": "2015"}[generation]
    assert generation_of(text) == generation
    assert normalise_code(text, "qpv", generation) == text
    assert normalise_code(text, "qpv", other) is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", "commune"),
        ("Calais", "commune"),
        ("621930", "commune"),
        ("3A004", "commune"),
        ("62193.5", "commune"),
        ("Ensemble", "departement"),
        ("6", "epci"),
        ("9999", "departement"),
        ("62", "france"),
        ("62001A", "school"),
        ("QP062056", "commune"),
        ("62193", "sector"),
    ],
)
def test_what_cannot_be_a_code_of_the_level_is_refused(text: str, level: str) -> None:
    assert normalise_code(text, level) is None


@pytest.mark.parametrize("text", ["QP62056", "QP0620561", "QN06254", "QN062056", "QP02C001", "Ensemble", "", "QP06205M"])
def test_what_is_no_qpv_code_has_no_generation(text: str) -> None:
    assert generation_of(text) == ""
    assert normalise_code(text, "qpv", "2015") is None


@given(st.text(max_size=12), st.sampled_from(["commune", "iris", "departement", "region", "epci", "france", "school"]))
def test_a_code_once_mended_stays_as_it_is(text: str, level: str) -> None:
    code = normalise_code(text, level)
    if code is not None and level != "france":
        assert normalise_code(code, level) == code


@given(
    st.sampled_from([("commune", 5), ("iris", 9), ("departement", 2), ("region", 2)]),
    st.integers(1, 10**9 - 1),
    st.sampled_from(["", ".0"]),
    st.sampled_from(["", " ", "\r", "\u00a0"]),
)
def test_a_code_that_a_spreadsheet_took_for_a_number_gets_its_zeros_back(
    level: tuple[str, int], number: int, point: str, around: str
) -> None:
    """``1053`` and ``1053.0`` are ``01053``; a code of too many digits is none, and none is ever cut."""
    name, width = level
    code = normalise_code(f"{around}{number}{point}{around}", name)
    if len(str(number)) <= width:
        assert code == str(number).zfill(width)
    elif name == "departement" and str(number).startswith(("97", "98")) and len(str(number)) == 3:
        assert code == str(number)
    else:
        assert code is None


@pytest.mark.parametrize(
    ("commune", "departement"), [("62193", "62"), ("01053", "01"), ("2A004", "2A"), ("97411", "974"), ("97302", "973")]
)
def test_a_commune_lies_in_the_departement_of_its_first_characters(commune: str, departement: str) -> None:
    assert departement_of(commune) == departement


def test_every_reference_code_is_its_own_normal_form(reference: Reference) -> None:
    tables = {
        "commune": reference.communes,
        "epci": reference.epci,
        "departement": reference.departements,
        "region": reference.regions,
    }
    overseas = {"975", "977", "978", "984", "986", "987", "988", "989"}  # collectivities that belong to no région
    for level, table in tables.items():
        assert {c for c in table["code"] if normalise_code(c, level) != c} <= overseas, level
        assert table["code"].is_unique, level
    for generation in ("2015", "2024"):
        codes = [c for c in reference.qpv[f"code_{generation}"] if c]
        assert [c for c in codes if generation_of(c) != generation] == []


def test_every_reference_commune_lies_in_the_departement_that_its_code_says(reference: Reference) -> None:
    communes = reference.communes
    assert len(communes) > 34_000
    assert [c for c, d in zip(communes["code"], communes["departement"], strict=True) if departement_of(c) != d] == []


@pytest.mark.parametrize(
    ("name", "departement", "code"),
    [
        ("Calais", "62", "62193"),
        ("LENS", "62", "62498"),
        ("Liévin", "62", "62510"),
        ("LIEVIN", "62", "62510"),
        ("Lyon 9ème arrondissement", "69", "69123"),
        ("Marseille 15ème et 16ème arrondissements", "13", "13055"),
        ("Paris 18ème et 19ème arrondissements", "75", "75056"),
        ("St Martin Boulogne", "62", "62758"),
        ("Lens", "59", None),
        ("", "62", None),
    ],
)
def test_a_commune_is_found_by_its_name_within_its_departement(
    reference: Reference, name: str, departement: str, code: str | None
) -> None:
    assert reference.commune_named(name, departement) == code
