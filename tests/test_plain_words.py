"""Three simple sentences: no jargon, no figure with more than two digits, and nothing said that is not known."""

from __future__ import annotations

import re

import pytest
from qpv.analysis import Figure, gap
from qpv.comparison import KeyFigure, key_figure
from qpv.numbers import NBSP, NNBSP
from qpv.plain_words import amount_words, easy_words, size_words
from qpv.profile import load_profile
from qpv.vocabulary import THEME_BRIEFS, THEMES_FR
from qpv.warehouse import Warehouse


def plain(words: str) -> str:
    return words.replace(NNBSP, " ").replace(NBSP, " ")


def easy(warehouse: Warehouse, qpv: str, theme: str) -> list[str]:
    profile = load_profile(warehouse, qpv, theme, "2026-T3")
    figures: list[KeyFigure] = [key_figure(profile, i) for i in profile.indicators if i.key]
    return [plain(line) for line in easy_words(figures, str(profile.place["name"]))]


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "moins de 1 %"), (0.99, "moins de 1 %"), (1, "moins de 5 %"), (5, "moins de 10 %"), (8.99, "moins de 10 %"),
        (9, "environ 10 %"), (11, "plus de 10 %"), (18, "environ 20 %"), (23, "environ un quart"), (26.9, "environ un quart"),
        (27, "plus d’un quart"), (31, "environ un tiers"), (36, "plus d’un tiers"), (47, "presque la moitié"), (49.49, "presque la moitié"),
        (49.5, "la moitié"), (50, "la moitié"), (50.5, "plus de la moitié"), (58, "plus de la moitié"), (64, "environ les deux tiers"),
        (69, "plus des deux tiers"), (73, "environ les trois quarts"), (77, "plus des trois quarts"), (90, "presque la totalité"),
        (99.9, "presque la totalité"), (100, "la totalité"),
    ],
)  # fmt: skip
def test_a_share_has_its_words_at_each_bound(share, words):
    assert plain(amount_words(share, "pct")) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(12190, "eur", "12 000 € environ"), (12750, "eur", "13 000 € environ"), (12000, "eur", "12 000 €"), (1249, "count", "environ 1 200"),
     (12, "count", "12"), (0, "count", "0"), (105, "count", "environ 110")],
)  # fmt: skip
def test_an_amount_has_two_digits(value, unit, words):
    assert plain(amount_words(value, unit)) == words


@pytest.mark.parametrize(
    ("own", "words"),
    [(30.4, "presque autant"), (30.5, "un peu plus"), (38.9, "un peu plus"), (39.1, "plus"), (53.9, "plus"), (54.1, "environ deux fois plus"),
     (65.9, "environ deux fois plus"), (66.1, "beaucoup plus"), (29.5, "un peu moins"), (20, "moins"), (15, "environ deux fois moins"),
     (10, "beaucoup moins"), (0, "moins")],
)  # fmt: skip
def test_a_comparison_has_its_words_at_each_bound(catalog, own, words):
    poverty = catalog.indicator("poverty_rate_pct")
    mine, other = (Figure(poverty.id, code, "", "2019", v) for code, v in (("QP062056", own), ("62193", 30.0)))
    assert size_words(gap(mine, other, poverty)) == words


def test_beau_marais_in_three_sentences(full):
    assert easy(full, "QN06254M", "revenue") == [
        "Dans le quartier Beau Marais, plus de la moitié des habitants vivent sous le seuil de pauvreté (chiffre de 2019).",
        "C’est environ deux fois plus qu’à Calais.",
        "Entre 2012 et 2018, la part des habitants pauvres n’a presque pas changé.",
    ]
    assert easy(full, "QN06254M", "employment")[2] == (
        "Entre 2010 et 2018, la part des habitants qui ont un emploi a baissé : c’est moins bien."
    )


def test_a_quarter_of_which_nothing_is_known_has_three_sentences_that_say_so(full):
    lines = easy(full, "QN06264N", "revenue")
    assert lines[0] == "Aux Vérotières, on ne connaît pas les chiffres de ce thème."
    assert len(lines) == 3


@pytest.mark.parametrize("theme", THEME_BRIEFS)
@pytest.mark.parametrize("qpv", ["QN06254M", "QN06225M", "QN97403M", "QN06264N"])
def test_the_sentences_are_three_and_short_and_without_long_numbers_or_jargon(full, qpv, theme):
    lines = easy(full, qpv, theme)
    assert len(lines) == 3
    for line in lines:
        assert len(line.split()) <= 30
        assert line.endswith(".")
        bare = re.sub(r"\b(19|20)\d\d\b", "", line)  # years
        assert not re.search(r"\d,\d|[1-9]\d ?[1-9]|[1-9]{3}", bare), line
        assert not re.search("médian|décile|interdécile|taux|unité de consommation|QPV", line), line


def test_every_key_indicator_has_plain_words(catalog):
    without = [i.id for theme in THEME_BRIEFS for i in catalog.of_theme(theme) if i.key and not i.easy]
    assert without == []


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(39.74, "celsius", "40 degrés"), (4829.0, "inhabitants_per_km2", "4 800 habitants par kilomètre carré"), (3.4, "ratio", "3"),
     (5.8, "eur_per_m2", "6 € par mètre carré"), (78.3, "years", "78 ans")],
)  # fmt: skip
def test_units_have_their_plain_words(value, unit, words):
    assert plain(amount_words(value, unit)) == words


@pytest.mark.parametrize(("value", "words"), [(-4.6, "−5 %"), (12.2, "+12 %")])
def test_a_rate_of_change_keeps_its_sign(value, words):
    assert plain(amount_words(value, "pct", of_change=True)) == words


def test_another_figure_than_the_first_is_announced(full):
    assert easy(full, "QN06225M", "housing")[2].startswith("Un autre chiffre : entre 2010 et 2019, la part des logements vides")


def test_the_words_of_the_catalogue_can_all_be_filled(catalog):
    for theme in THEMES_FR:
        for indicator in catalog.of_theme(theme):
            if indicator.easy:
                said = indicator.easy.says.format(amount="la moitié")
                assert "la moitié" in said and "{" not in said
