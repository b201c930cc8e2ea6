"""From figures to French: the phrase table, ranks, and the sentences of *En bref*."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from types import SimpleNamespace

import pytest
from qpv import analysis
from qpv.analysis import Change, Direction, Rank, change, gap_change, own_direction
from qpv.comparison import KeyFigure, is_missing, key_figure
from qpv.numbers import NBSP, NNBSP
from qpv.profile import load_profile
from qpv.sentences import (
    first_words,
    gap_change_words,
    gap_situation,
    noun,
    ordinal,
    own_change_words,
    place_words,
    ratio_words,
    summary,
)
from qpv.vocabulary import THEME_BRIEFS, THEMES_FR, Polarity
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


def test_a_ranking_says_which_end_is_first():
    assert first_words(Polarity.HIGHER) == first_words(Polarity.LOWER) == "le 1er est le plus favorable"
    assert first_words(Polarity.NONE) == "le 1er a la valeur la plus élevée"


def test_a_shared_rank_is_said_to_be_shared():
    assert place_words(Rank(2, 22, True)) == "2e ex æquo"
    assert place_words(Rank(1, 22, False)) == "1er"


def told(catalog, name, first, last, **more):
    """The sentence on a change of an indicator from 2012 to 2018."""
    indicator = catalog.indicator(name).model_copy(update=more)
    return plain(own_change_words(only_moved(indicator, change({"2012": first, "2018": last}, indicator))))


def only_moved(indicator, own_change):
    return SimpleNamespace(indicator=indicator, own_change=own_change)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (60.0, 60.0, "le taux de pauvreté n’a pas changé : 60,0 % en 2012 comme en 2018"),
        (60.0, 60.4, "le taux de pauvreté n’a presque pas changé : 60,4 % en 2018 contre 60,0 % en 2012"),
        (60.0, 60.5, "le taux de pauvreté a augmenté, ce qui est une dégradation : 60,5 % en 2018 contre 60,0 % en 2012 (+0,5 pt)"),
        (60.0, 59.6, "le taux de pauvreté n’a presque pas changé : 59,6 % en 2018 contre 60,0 % en 2012"),
        (60.0, 59.5, "le taux de pauvreté a baissé, ce qui est une amélioration : 59,5 % en 2018 contre 60,0 % en 2012 (−0,5 pt)"),
    ],
)  # fmt: skip
def test_a_change_has_its_sentence_just_under_and_at_what_matters(catalog, first, last, words):
    assert told(catalog, "poverty_rate_pct", first, last) == f"Dans le quartier, {words}"


def test_the_same_rise_is_good_bad_or_neither_by_polarity(catalog):
    rise = {p: told(catalog, "poverty_rate_pct", 40.0, 45.0, polarity=p) for p in Polarity}
    assert "a augmenté, ce qui est une amélioration :" in rise[Polarity.HIGHER]
    assert "a augmenté, ce qui est une dégradation :" in rise[Polarity.LOWER]
    assert "a augmenté : 45,0 %" in rise[Polarity.NONE]


def test_more_money_in_current_euros_is_told_and_not_praised_but_less_is_a_loss(catalog):
    name = "median_disposable_income_eur"
    assert told(catalog, name, 10651, 11760) == (
        "Dans le quartier, le revenu disponible médian a augmenté : 11 760 € en 2018 contre 10 651 € en 2012 (+1 109 €, en euros courants)"
    )
    assert "a baissé, ce qui est une dégradation : " in told(catalog, name, 11760, 10651)


def test_an_indicator_without_a_noun_of_its_own_still_makes_a_sentence(catalog):
    assert told(catalog, "poverty_rate_pct", 40.0, 45.0, noun=None).startswith(
        "Dans le quartier, l’indicateur « Taux de pauvreté au seuil de 60 % du niveau de vie médian » a augmenté"
    )


def test_every_key_indicator_has_a_noun_and_every_phrase_can_be_filled(catalog):
    for theme in THEMES_FR:
        for indicator in catalog.of_theme(theme):
            assert noun(indicator).startswith(("le ", "la ", "l’")) or not indicator.key, indicator.id
            assert indicator.noun or not indicator.key, indicator.id


# --- Beau Marais in words ----------------------------------------------------------------------------


def test_the_two_questions_of_a_contract_for_the_income_of_beau_marais(full):
    income = figures(full, "QN06254M", "revenue")[0]
    assert plain(own_change_words(income)).startswith(
        "Dans le quartier, le revenu disponible médian a augmenté : 11 760 € en 2018 contre 10 651 € en 2012 (+1 109 €"
    )
    assert plain(gap_change_words(income)) == (
        "Pour le revenu disponible médian, l’écart avec Calais s’est creusé : de −4 624 € en 2015 à −4 950 € en 2018, à lire avec prudence "
        "(l’une des dates est reprise d’un contrat, l’autre d’un producteur)"
    )


def test_a_question_without_answer_says_why(full):
    poverty = figures(full, "QN06254M", "revenue")[1]
    assert plain(gap_change_words(poverty)).startswith(
        "On ne sait pas si l’écart avec les territoires autour s’est réduit pour le taux de pauvreté : "
    )
    assert "deux dates communes" in gap_change_words(poverty)


def test_a_break_that_was_crossed_is_told_with_the_change(embedded):
    income = figures(embedded, "QN06254M", "revenue")[0]
    assert "à lire avec prudence (rupture de série en 2019" in own_change_words(income)


def test_without_polarity_no_word_judges(full):
    for theme in THEME_BRIEFS:
        for figure in figures(full, "QN06254M", theme):
            if figure.indicator.polarity is Polarity.NONE and isinstance(figure.own_change, Change):
                assert not re.search("amélioration|dégradation", own_change_words(figure)), figure.indicator.id


def test_what_is_said_of_a_change_agrees_with_its_direction(any_warehouse):
    verbs = {Direction.WORSE: "dégradation", Direction.EQUAL: "pas changé"}
    seen = set()
    for theme in THEME_BRIEFS:
        for figure in figures(any_warehouse, "QN06254M", theme):
            change = figure.own_change
            if isinstance(change, Change) and change.direction in verbs:
                seen.add(change.direction)
                assert verbs[change.direction] in own_change_words(figure)
    assert Direction.EQUAL in seen


def test_a_change_has_no_more_decimals_than_the_contract_prints(full):
    """Calais 2024 prints 48 %; Insee publishes 42,4 %."""
    schooling = figures(full, "QN06254M", "education")[0]
    assert "48 % en 2018 contre 42,4 % en 2010 (+6 pt)" in plain(own_change_words(schooling))


# --- En bref -----------------------------------------------------------------------------------------

EVERY = [(name, theme) for name in QPV for theme in THEME_BRIEFS]


def known(found: list[KeyFigure]) -> list[KeyFigure]:
    return [f for f in found if f.known]


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_en_bref_has_two_to_five_sentences(any_warehouse, name, theme):
    assert 2 <= len(summary(figures(any_warehouse, QPV[name], theme))) <= 5


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_good_news_come_first_when_there_are_any(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    better = [
        f for f in found if isinstance(f.own_change, Change) and own_direction(f.own_change, f.indicator) is Direction.BETTER
    ]
    better = [f for f in better if not f.indicator.of_change]
    lines = summary(found)
    if better:
        assert lines[0] == own_change_words(better[0]) + "."


def test_a_narrowed_gap_comes_before_the_widest_and_the_own_fall_right_after_it(full):
    lines = [plain(line) for line in summary(figures(full, "QN06254M", "employment"))]
    assert lines[0].startswith("Pour le taux d’emploi des 15-64 ans, l’écart avec la médiane des QPV de France")
    assert "s’est réduit" in lines[0]
    assert lines[1].startswith("Dans le quartier, le taux d’emploi des 15-64 ans a baissé, ce qui est une dégradation")
    assert lines[2].startswith("L’écart le plus marqué")


def test_more_euros_of_the_day_are_no_good_news_to_open_with(full):
    lines = summary(figures(full, "QN06254M", "revenue"))
    assert not lines[0].startswith("Dans le quartier, le revenu disponible médian a augmenté")
    assert any("en euros courants" in line for line in lines)


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_a_brief_opens_with_what_is_known(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    lines = summary(found)
    if known(found):
        assert not lines[0].startswith("On ne sait")
    unknown = [n for n, line in enumerate(lines) if line.startswith("On ne sait")]
    assert all(n >= len(lines) - 2 for n in unknown)


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_what_is_missing_is_said_last_and_counted(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    missing = [f for f in found if is_missing(f)]
    lines = [plain(line) for line in summary(found)]
    counted = [
        n for n, line in enumerate(lines) if "chiffres clés" in line and re.search("manque|n’est connu pour ce quartier", line)
    ]
    assert counted == ([len(lines) - 1] if missing else [])
    if 1 < len(missing) < len(found):
        assert f"{len(missing)} des {len(found)} chiffres clés manquent : {missing[0].indicator.short}" in lines[-1]


def test_missing_figures_are_counted_in_the_singular_and_when_all_are(full):
    assert plain(summary(figures(full, "QN06254M", "employment"))[-1]) == (
        "Un seul des 11 chiffres clés manque pour ce quartier : Chômage (recensement)."
    )
    assert summary(figures(full, "QN06264N", "revenue"))[-1] == "Aucun des 10 chiffres clés n’est connu pour ce quartier."
    assert plain(summary(figures(full, "QN06225M", "health"))[-1]).endswith(" ; et 1 autre.")


def test_the_income_brief_of_beau_marais_in_full(full):
    lines = [plain(line) for line in summary(figures(full, "QN06254M", "revenue"))]
    assert lines == [
        "L’écart le plus marqué porte sur le taux de pauvreté : 58,0 % dans le quartier contre 28,0 % à Calais en 2019 "
        "(+30,0 pt, soit 2,1 fois plus).",
        "Pour le revenu disponible médian, l’écart avec Calais s’est creusé : de −4 624 € en 2015 à −4 950 € en 2018, à lire avec "
        "prudence (l’une des dates est reprise d’un contrat, l’autre d’un producteur) ; l’agglomération n’a pas ce chiffre à deux dates "
        "qui se comparent.",
        "Dans le quartier, le revenu disponible médian a augmenté : 11 760 € en 2018 contre 10 651 € en 2012 "
        "(+1 109 €, en euros courants) ; depuis 2019, ce chiffre ne se mesure plus de la même façon.",
        "Parmi les 64 QPV du Pas-de-Calais où ce chiffre est connu, le quartier est 64e pour le revenu disponible médian (le 1er est le plus favorable) ; "
        "parmi 21 QPV semblables, il est 21e.",
    ]


def test_a_figure_taken_from_the_contract_is_told_with_caution(full):
    lines = [plain(line) for line in summary(figures(full, "QN06225M", "revenue"))]
    assert lines[2].endswith("soit deux fois plus), à lire avec prudence (valeur reprise du contrat de ville).")


@pytest.mark.parametrize(
    ("status", "words"),
    [("low_quality", "le producteur signale une qualité moindre"), ("proxy", "valeur approchée"),
     ("transcribed", "valeur reprise du contrat de ville"), ("observed", None)],
)  # fmt: skip
def test_the_status_of_a_figure_is_told_with_its_gap(full, status, words):
    figure = next(f for f in figures(full, "QN06254M", "revenue") if f.indicator.id == "poverty_rate_pct")
    own = figure.own.copy()
    own["status"] = status
    told = plain(next(line for line in summary([dataclasses.replace(figure, own=own)]) if "plus marqué" in line))
    assert told.endswith(f", à lire avec prudence ({words})." if words else "soit 2,1 fois plus).")


def test_a_quarter_ahead_of_its_town_is_told_so_when_no_gap_is_against_it(full):
    figure = next(f for f in figures(full, "QN06254M", "revenue") if f.indicator.id == "poverty_rate_pct")
    swapped = analysis.gap(figure.gap.other, figure.gap.own, figure.indicator)
    lines = [plain(line) for line in summary([dataclasses.replace(figure, gap=swapped)])]
    assert any(
        line.startswith("Le quartier est mieux placé que Calais pour le taux de pauvreté : 28,0 % contre 58,0 %")
        for line in lines
    )


def test_numbers_of_people_are_no_distance_from_the_median(full):
    assert not any(
        "l’écart avec la médiane" in line and "nombre" in line for line in summary(figures(full, "QN97403M", "employment"))
    )


def test_the_widest_gap_is_the_largest_unfavourable_ratio(full):
    for name, theme in EVERY:
        found = figures(full, QPV[name], theme)
        gaps = [f for f in found if f.gap is not None and f.gap.direction is Direction.WORSE and f.gap.ratio]
        told = [line for line in summary(found) if line.startswith("L’écart le plus marqué porte sur")]
        assert bool(told) == bool(gaps)
        if gaps:
            widest = max(gaps, key=lambda f: max(f.gap.ratio, 1 / f.gap.ratio))
            assert noun(widest.indicator) in told[0]


# --- typography --------------------------------------------------------------------------------------

ORDINARY_SPACE = re.compile(r"[ ][%€:;?!»]|«[ ]|\d[ ](?=\d{3}\b|pt\b|€|%)")


@pytest.mark.parametrize(("name", "theme"), EVERY)
def test_no_sentence_breaks_before_a_sign_or_within_a_number(any_warehouse, name, theme):
    found = figures(any_warehouse, QPV[name], theme)
    sentences = summary(found) + [words(f) for f in found for words in (own_change_words, gap_change_words)]
    faults = {s[max(0, m.start() - 25) : m.end() + 15] for s in sentences for m in ORDINARY_SPACE.finditer(s)}
    assert not faults


@pytest.mark.parametrize("theme", THEME_BRIEFS)
def test_numbers_are_written_as_in_french(full, theme):
    for line in summary(figures(full, "QN06254M", theme)):
        assert not re.search(r"\d\.\d", line), "a decimal point"
        assert not re.search(r"(?<!\d)-\d", line), "a hyphen for a minus sign"
        assert "nan" not in line.split()


def test_the_narrow_space_stands_in_every_amount(full):
    line = summary(figures(full, "QN06254M", "revenue"))[2]
    assert f"10{NNBSP}651{NNBSP}€" in line
    assert f"(+1{NNBSP}109{NNBSP}€" in line


# --- gaps and leads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "situation", "words"),
    [
        (20.0, 30.0, "gap widens", "l’écart avec Calais s’est creusé : de +20,0 pt en 2012 à +30,0 pt en 2018"),
        (30.0, 20.0, "gap narrows", "l’écart avec Calais s’est réduit : de +30,0 pt en 2012 à +20,0 pt en 2018"),
        (-2.0, -5.0, "lead grows", "l’avance du quartier sur Calais a augmenté : de −2,0 pt en 2012 à −5,0 pt en 2018"),
        (-5.0, -2.0, "lead shrinks", "l’avance du quartier sur Calais a diminué : de −5,0 pt en 2012 à −2,0 pt en 2018"),
        (-2.0, 3.0, "falls behind", "le quartier est passé derrière Calais : de −2,0 pt en 2012 à +3,0 pt en 2018"),
        (3.0, -2.0, "gets ahead", "le quartier est passé devant Calais : de +3,0 pt en 2012 à −2,0 pt en 2018"),
        (20.0, 20.4, "gap steady", "l’écart avec Calais n’a presque pas changé : +20,0 pt en 2012, +20,4 pt en 2018"),
        (20.0, 20.5, "gap widens", "l’écart avec Calais s’est creusé : de +20,0 pt en 2012 à +20,5 pt en 2018"),
    ],
)  # fmt: skip
def test_a_lead_is_never_called_a_gap(catalog, first, last, situation, words):
    poverty = catalog.indicator("poverty_rate_pct")
    moved = gap_change({"2012": 30 + first, "2018": 30 + last}, {"2012": 30, "2018": 30}, poverty)
    assert gap_situation(moved, poverty) == situation
    figure = SimpleNamespace(indicator=poverty, gap_change=moved, change_level="commune", change_name="Calais")
    assert plain(gap_change_words(figure)) == f"Pour le taux de pauvreté, {words}"


def test_without_polarity_a_gap_grows_and_does_not_worsen(catalog):
    neutral = catalog.indicator("poverty_rate_pct").model_copy(update={"polarity": Polarity.NONE})
    moved = gap_change({"2012": 50, "2018": 60}, {"2012": 30, "2018": 30}, neutral)
    assert gap_situation(moved, neutral) == "gap grows"
