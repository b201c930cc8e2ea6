"""From figures to French: the phrase table, ranks, and the sentences of *En bref*."""

from __future__ import annotations

import re
from functools import cache

import pytest
from qpv.analysis import Change, Direction, Rank, gap_change
from qpv.comparison import KeyFigure, is_missing, key_figure
from qpv.numbers import NBSP, NNBSP
from qpv.profile import load_profile
from qpv.sentences import (
    gap_change_words,
    gap_verb,
    level_words,
    ordinal,
    own_change_words,
    rank_words,
    ratio_words,
    summary,
)
from qpv.vocabulary import BRIEF_THEMES, Polarity
from qpv.warehouse import Warehouse

QPV = {"Beau Marais": "QN06254M", "Grande Résidence": "QN06225M"}


@cache
def figures(warehouse: Warehouse, qpv: str, theme: str) -> list[KeyFigure]:
    profile = load_profile(warehouse, qpv, theme, "2026-T3")
    return [key_figure(profile, i) for i in profile.indicators if i.key]


@pytest.fixture(params=["embedded", "full"])
def any_warehouse(request):
    return request.getfixturevalue(request.param)


def plain(words: str) -> str:
    """A sentence with ordinary spaces, for reading in a test."""
    return words.replace(NNBSP, " ").replace(NBSP, " ")


# --- the phrase table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.0, "à peu près égal"), (1.049, "à peu près égal"), (1.05, "légèrement au-dessus"), (1.149, "légèrement au-dessus"),
        (1.15, "1,2 fois plus"), (1.4, "1,4 fois plus"), (1.94, "1,9 fois plus"),
        (1.95, "deux fois plus"), (2.0, "deux fois plus"), (2.04, "deux fois plus"), (2.05, "2,1 fois plus"),
        (3.0, "3,0 fois plus"), (12.34, "12,3 fois plus"),
        (1 / 1.049, "à peu près égal"), (1 / 1.051, "légèrement en dessous"), (1 / 1.149, "légèrement en dessous"),
        (1 / 1.151, "1,2 fois moins"), (1 / 1.94, "1,9 fois moins"), (1 / 1.951, "deux fois moins"),
        (0.5, "deux fois moins"), (1 / 2.04, "deux fois moins"), (1 / 2.051, "2,1 fois moins"), (0.1, "10,0 fois moins"),
    ],
)  # fmt: skip
def test_a_ratio_has_its_words_at_each_bound(ratio, words):
    assert plain(ratio_words(ratio)) == words


def test_the_income_of_beau_marais_is_one_and_a_half_times_less_and_its_poverty_twice_that_of_calais():
    assert plain(ratio_words(12190 / 18730)) == "1,5 fois moins"
    assert plain(ratio_words(58 / 28)) == "2,1 fois plus"


@pytest.mark.parametrize(("number", "words"), [(1, "1er"), (2, "2e"), (3, "3e"), (21, "21e"), (64, "64e"), (101, "101e")])
def test_ordinals(number, words):
    assert ordinal(number) == words


def test_a_rank_says_which_end_is_first():
    assert plain(rank_words(Rank(3, 19, False), Polarity.HIGHER)) == "3e sur 19 (1er = le plus favorable)"
    assert plain(rank_words(Rank(64, 64, False), Polarity.LOWER)) == "64e sur 64 (1er = le plus favorable)"
    assert plain(rank_words(Rank(1, 62, False), Polarity.NONE)) == "1er sur 62 (1er = le plus élevé)"


def test_a_shared_rank_is_said_to_be_shared():
    assert plain(rank_words(Rank(2, 22, True), Polarity.LOWER)) == "2e ex æquo sur 22 (1er = le plus favorable)"


def test_territories_are_named_as_people_speak_of_them():
    assert level_words("epci", "CA de Lens - Liévin") == "l’agglomération (CA de Lens - Liévin)"
    assert level_words("commune", "Calais") == "la commune (Calais)"
    assert level_words("france", "France métropolitaine") == "la France métropolitaine"


# --- Beau Marais in words ----------------------------------------------------------------------------


def test_the_two_questions_of_a_contract_for_the_income_of_beau_marais(full):
    income = figures(full, "QN06254M", "revenue")[0]
    assert plain(own_change_words(income)).startswith(
        "la situation s’améliore : 10 651 € en 2012, 11 760 € en 2018 (+1 109 €, en euros courants)"
    )
    assert plain(gap_change_words(income)) == (
        "l’écart se creuse avec la commune (Calais) : de −4 624 € en 2015 à −4 950 € en 2018, à lire avec prudence "
        "(l’une des dates est reprise d’un contrat, l’autre d’un producteur)"
    )


def test_a_question_without_answer_says_why(full):
    poverty = figures(full, "QN06254M", "revenue")[1]
    assert plain(gap_change_words(poverty)).startswith("évolution de l’écart non calculée : ")
    assert "deux dates communes" in gap_change_words(poverty)


def test_a_break_that_was_crossed_is_told_with_the_change(embedded):
    income = figures(embedded, "QN06254M", "revenue")[0]
    assert "à lire avec prudence (rupture de série en 2019" in own_change_words(income)


def test_without_polarity_no_word_judges(full):
    for theme in BRIEF_THEMES:
        for figure in figures(full, "QN06254M", theme):
            if figure.indicator.polarity is Polarity.NONE and isinstance(figure.own_change, Change):
                assert not re.search("améliore|dégrade", own_change_words(figure)), figure.indicator.id


def test_what_is_said_of_a_change_agrees_with_its_direction(any_warehouse):
    verbs = {Direction.BETTER: "s’améliore", Direction.WORSE: "se dégrade", Direction.EQUAL: "stable"}
    seen = set()
    for theme in BRIEF_THEMES:
        for figure in figures(any_warehouse, "QN06254M", theme):
            change = figure.own_change
            if isinstance(change, Change) and change.direction in verbs:
                seen.add(change.direction)
                assert verbs[change.direction] in own_change_words(figure)
    assert Direction.BETTER in seen


# --- En bref -----------------------------------------------------------------------------------------

EVERY = [(name, theme) for name in QPV for theme in BRIEF_THEMES]


def known(found: list[KeyFigure]) -> list[KeyFigure]:
    return [f for f in found if f.known]


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_en_bref_has_two_to_five_sentences(any_warehouse, name, theme):
    assert 2 <= len(summary(figures(any_warehouse, QPV[name], theme))) <= 5


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_good_news_come_first_when_there_are_any(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    better = [f for f in found if isinstance(f.own_change, Change) and f.own_change.direction is Direction.BETTER]
    better = [f for f in better if not f.indicator.of_change]
    lines = summary(found)
    assert lines[0].startswith("Du mieux") == bool(better)
    assert not any(line.startswith("Du mieux") for line in lines[1:])


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_what_is_missing_is_said_last_and_counted(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    missing = [f for f in found if is_missing(f)]
    lines = [plain(line) for line in summary(found)]
    if missing:
        assert f"Ce qui manque : {len(missing)} des {len(found)} chiffres clés" in lines[-1]
        assert missing[0].indicator.short in lines[-1]
    assert not any("Ce qui manque" in line for line in lines[:-1])


def test_the_income_brief_of_beau_marais_in_full(full):
    lines = [plain(line) for line in summary(figures(full, "QN06254M", "revenue"))]
    assert lines[0].startswith("Du mieux – Médiane du revenu disponible par unité de consommation : la situation s’améliore")
    assert lines[1].startswith("L’écart le plus marqué – Taux de pauvreté")
    assert "58,0 % en 2019, contre 28,0 % pour la commune (Calais) (+30,0 pt, soit 2,1 fois plus)" in lines[1]
    assert lines[2].startswith("L’écart s’est-il réduit ? Médiane du revenu disponible")
    assert "64e sur 64 (1er = le plus favorable) parmi les QPV du département" in lines[-1]


def test_the_widest_gap_is_the_largest_unfavourable_ratio(full):
    for name, theme in EVERY:
        found = figures(full, QPV[name], theme)
        gaps = [f for f in found if f.gap is not None and f.gap.direction is Direction.WORSE and f.gap.ratio]
        told = [line for line in summary(found) if line.startswith("L’écart le plus marqué")]
        assert bool(told) == bool(gaps)
        if gaps:
            widest = max(gaps, key=lambda f: max(f.gap.ratio, 1 / f.gap.ratio))
            assert widest.indicator.label in told[0]


# --- typography --------------------------------------------------------------------------------------

ORDINARY_SPACE = re.compile(r"[ ][%€:;?!»]|«[ ]|\d[ ](?=\d{3}\b|pt\b|€|%)")


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_no_sentence_breaks_before_a_sign_or_within_a_number(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    sentences = summary(found) + [words(f) for f in found for words in (own_change_words, gap_change_words)]
    faults = {s[max(0, m.start() - 25) : m.end() + 15] for s in sentences for m in ORDINARY_SPACE.finditer(s)}
    assert not faults


@pytest.mark.parametrize("theme", BRIEF_THEMES)
def test_numbers_are_written_as_in_french(full, theme):
    for line in summary(figures(full, "QN06254M", theme)):
        assert not re.search(r"\d\.\d", line), "a decimal point"
        assert not re.search(r"(?<!\d)-\d", line), "a hyphen for a minus sign"
        assert "nan" not in line.split()


def test_the_narrow_space_stands_in_every_amount(full):
    line = summary(figures(full, "QN06254M", "revenue"))[0]
    assert f"10{NNBSP}651{NNBSP}€" in line
    assert f"(+1{NNBSP}109{NNBSP}€" in line


# --- gaps and leads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (20.0, 30.0, "l’écart se creuse"), (30.0, 20.0, "l’écart se réduit"), (-2.0, -5.0, "l’avance du quartier augmente"),
        (-5.0, -2.0, "l’avance du quartier diminue"), (-2.0, 3.0, "le quartier passe derrière"), (3.0, -2.0, "le quartier passe devant"),
        (20.0, 20.2, "l’écart est stable"),
    ],
)  # fmt: skip
def test_a_lead_is_never_called_a_gap(catalog, first, last, words):
    poverty = catalog.indicator("poverty_rate_pct")
    moved = gap_change({"2012": 30 + first, "2018": 30 + last}, {"2012": 30, "2018": 30}, poverty)
    assert gap_verb(moved, poverty) == words
