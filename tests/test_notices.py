"""Notices: what a reader is told before the figures, and at which bound."""

from __future__ import annotations

import dataclasses
from functools import cache

import pytest
from qpv.analysis import Change
from qpv.brief.notices import age_years, notices
from qpv.comparison import KeyFigure, key_figure, why_missing
from qpv.numbers import NBSP, NNBSP
from qpv.profile import Predecessor, Profile, load_profile
from qpv.quarter import Quarter
from qpv.warehouse import Warehouse


@cache
def read(warehouse: Warehouse, qpv: str, theme: str = "revenue", quarter: str = "2026-T3") -> tuple[Profile, list[KeyFigure]]:
    profile = load_profile(warehouse, qpv, theme, quarter)
    return profile, [key_figure(profile, i) for i in profile.indicators if i.key]


def said(profile: Profile, figures: list[KeyFigure]) -> list[str]:
    return [n.replace(NNBSP, " ").replace(NBSP, " ") for n in notices(profile, figures)]


def with_own(figure: KeyFigure, **changed: object) -> KeyFigure:
    own = figure.own.copy()
    for name, value in changed.items():
        own[name] = value
    return dataclasses.replace(figure, own=own, latest=None)


@pytest.mark.parametrize(
    ("period", "quarter", "years"),
    [("2021", "2025-T4", 4.0), ("2021", "2026-T1", 4.25), ("2022", "2026-T3", 3.75), ("2021-T4", "2025-T4", 4.0),
     ("2021-12", "2025-T4", 4.0), ("2021-2022", "2026-T2", 4.0), ("2024-01", "2024-T1", 2 / 12)],
)  # fmt: skip
def test_the_age_of_a_figure_counts_from_the_end_of_what_it_measures(period, quarter, years):
    assert age_years(period, Quarter.parse(quarter)) == pytest.approx(years)


def test_exactly_four_years_are_not_more_than_four(full):
    profile, figures = read(full, "QN06254M")
    figure = with_own(next(f for f in figures if isinstance(f.own_change, Change)), period="2021")
    for quarter, told in (("2025-T4", False), ("2026-T1", True)):
        then = dataclasses.replace(profile, quarter=Quarter.parse(quarter))
        assert any("plus de quatre ans" in n for n in said(then, [figure])) == told


def test_old_figures_are_named_by_year_one_or_many(full):
    profile, figures = read(full, "QN06254M")
    median = figures[0]
    assert "Un chiffre clé a plus de quatre ans : Revenu disponible médian (2019)." in said(profile, [with_own(median)])
    told = next(n for n in said(profile, figures) if "quatre ans" in n)
    assert told.startswith("Les 10 chiffres clés connus ont plus de quatre ans : 2018 (")
    assert "2019 (Revenu disponible médian" in told, "the year of the table, not that of the newer value without comparator"


def test_a_redrawn_perimeter_gives_the_shares_and_both_populations(full):
    profile, figures = read(full, "QN06225M")
    assert said(profile, figures)[0] == (
        "Le quartier a été redessiné en 2024. 99 % de la surface de l’ancien périmètre est conservée ; elle fait 76 % du nouveau. "
        "Population : 4 246 habitants en 2018 dans l’ancien périmètre, 4 300 habitants en 2024 dans le nouveau. "
        "Les chiffres décrivent encore le périmètre de 2015 (QP062025)."
    )


def test_a_redrawn_quarter_that_no_qpv_of_2015_stands_for_is_told_what_it_holds_of_which(full):
    """Boulogne, Centre Ville: half of QP062050 is kept, and makes a seventh of the new perimeter."""
    profile, figures = read(full, "QN06250M")
    assert profile.predecessors == []
    assert said(profile, figures)[0].startswith(
        "Le quartier a été redessiné en 2024. Il reprend une partie de : Centre Ville (QP062050 ; 51 % de sa surface conservée, qui fait "
        "14 % du nouveau périmètre)."
    )
    why = why_missing(profile, figures[0]).replace(NNBSP, " ")
    assert why == "mesuré sur les périmètres de 2015 seulement ; QP062050 n’en couvre qu’une petite partie"
    assert [p.code for p in read(full, "QN06252M")[0].partly] == ["QP062052", "QP062054", "QP062053"]


def test_a_population_that_is_known_on_one_side_only_says_which_is_not(full):
    profile, figures = read(full, "QN06225M")
    alone = dataclasses.replace(profile)
    alone.__dict__["population"] = profile.population[profile.population["territory"] == "QP062025"]
    assert "Population : 4 246 habitants en 2018 dans l’ancien périmètre, non connue dans le nouveau." in said(alone, figures)[0]


def test_a_perimeter_that_stayed_needs_no_notice_and_one_that_cannot_be_compared_does(full):
    profile, figures = read(full, "QN06254M")
    assert not any("périmètre" in n for n in said(profile, figures))
    unknown = dataclasses.replace(profile, predecessors=[Predecessor("QP062056", "Beau Marais", None, None, "unknown")])
    assert "sans les contours, on ne sait pas s’il a changé" in said(unknown, figures)[0]


def test_a_new_quarter_is_told_so_first(full):
    assert said(*read(full, "QN06264N"))[0].startswith("Ce quartier est nouveau en 2024 : aucun QPV de 2015 ne le précède.")


def test_a_contradiction_gives_both_values_the_kept_one_first(full):
    told = next(n for n in said(*read(full, "QN06254M")) if "contredisent" in n)
    assert told.startswith("Des sources se contredisent sur le taux de pauvreté (2019, Calais) : 28,0 % (Insee, ")
    assert ", 30 % (Communauté d’agglomération Grand Calais Terres et Mers, " in told
    assert "la première valeur est retenue" in told


@pytest.mark.parametrize(
    ("count", "words"), [(1, "Un chiffre clé est approché, calculé à"), (2, "2 chiffres clés sont approchés, calculés à")]
)
def test_proxies_are_named(full, count, words):
    profile, figures = read(full, "QN06254M")
    near = [with_own(f, status="proxy") for f in figures[:count]]
    told = next(n for n in said(profile, near) if "approché" in n)
    assert told.startswith(words)
    assert "Revenu disponible médian" in told


def test_withheld_figures_are_named_and_unpublished_ones_are_not(full):
    profile, figures = read(full, "QN06254M")
    hidden = figures[0].own.copy()
    for status, count in (("secret", 1), ("unavailable", 0)):
        hidden["status"] = status
        bare = dataclasses.replace(figures[0], own=None, latest=None, absence=hidden)
        told = [n for n in said(profile, [bare]) if "retenu par le producteur" in n]
        assert len(told) == count


def test_figures_without_evolution_are_grouped_by_reason(full):
    told = next(n for n in said(*read(full, "QN06254M", "housing")) if n.startswith("Aucune évolution"))
    assert told.startswith(
        "Aucune évolution n’est donnée pour : Vacance du parc social, Logements sociaux (dates trop proches : "
    )
    assert told.endswith("1 autre (une seule date connue).")


@pytest.mark.parametrize("qpv", ["QN06254M", "QN06253M", "QN06225M", "QN06264N", "QN97403M"])
def test_there_are_six_notices_at_most_each_a_sentence(full, qpv):
    for theme in ("revenue", "education", "housing", "ecology"):
        found = said(*read(full, qpv, theme))
        assert len(found) <= 6
        assert all(n.endswith(".") and not n[0].islower() for n in found)
