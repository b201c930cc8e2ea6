"""What exploring shows: real figures beside others of the same date, absences with their reason, and what is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from qpv import exploration, explorer
from qpv.profile import Profile, load_profile
from qpv.project import Project
from qpv.warehouse import Warehouse

POVERTY = "poverty_rate_pct"


@pytest.fixture(scope="module")
def beau(embedded: Warehouse) -> Profile:
    return load_profile(embedded, pages.BEAU_MARAIS, "revenue", "2026-T3")


def lines(view: exploration.View) -> dict[str, list[str]]:
    """The lines of the table, by territory."""
    rows = BeautifulSoup(view.table, "html.parser").select("tbody tr")
    return {r.th.get_text(): [c.get_text() for c in r.find_all("td")] for r in rows}


@pytest.mark.parametrize("words", ["QP062056", "qn06254m", "beau MARAIS", "marais calais"])
def test_a_quartier_is_found_by_name_commune_or_code_of_either_generation(embedded: Warehouse, words: str) -> None:
    assert exploration.territories(embedded, words) == [("Beau Marais (Calais, QN06254M)", "QN06254M")]


def test_nothing_is_found_for_words_that_nobody_bears(embedded: Warehouse) -> None:
    assert exploration.territories(embedded, "zzz") == []


def test_each_line_says_year_unit_status_perimeter_and_source(beau: Profile) -> None:
    told = lines(exploration.view(beau, POVERTY))
    own = told["Beau Marais"]
    assert own[:6] == ["QPV", "2019", "58\u202f%", "–", "repris du contrat", "QPV 2015, QP062056"]
    assert "calais-2024" in own[6]
    assert told["Calais"][1:4] == ["2019", "30\u202f%", "+28,0\u202fpt"]


def test_a_comparator_of_another_year_is_not_set_beside_and_says_which_it_has(beau: Profile) -> None:
    told = lines(exploration.view(beau, "median_disposable_income_eur", ["commune"], "2019"))
    assert told["Calais"][1:4] == ["2019", "pas de valeur (connu en 2015)", "–"]


def test_only_the_chosen_comparators_are_shown(beau: Profile) -> None:
    assert set(lines(exploration.view(beau, POVERTY, []))) == {"Beau Marais"}


def test_an_indicator_without_value_says_why_and_draws_nothing(beau: Profile) -> None:
    view = exploration.view(beau, exploration.indicators(beau)[-1][1])
    assert view.said[0].startswith("Pas de valeur pour Beau Marais")
    assert (view.table, view.chart, view.map) == ("", "", None)


def test_a_period_that_the_quartier_lacks_says_which_it_has(beau: Profile) -> None:
    (said,) = exploration.view(beau, POVERTY, period="2003").said
    assert said == "Pas de valeur pour Beau Marais en 2003\u202f: ce chiffre y est connu en 2012, 2015, 2019."


def test_a_figure_without_year_is_neither_compared_nor_mapped(beau: Profile) -> None:
    view = exploration.view(beau, "taxed_households_share_pct")
    assert "n’imprime pas l’année" in view.said[0]
    assert view.map is None
    assert {line[3] for line in lines(view).values()} == {"–"}


def test_the_data_are_those_of_the_quartier_and_around_with_their_edition(beau: Profile) -> None:
    content = exploration.data(beau, POVERTY)
    assert "QP062056;qpv;2015;2019;58;pct;transcribed;contracts;calais-2024" in content


def test_widgets_follow_a_choice_and_say_what_cannot_be(tmp_path: Path, embedded_folder: Path) -> None:
    root = pages.copy_project(tmp_path / "main")
    shutil.copytree(embedded_folder, root / "data" / "warehouse")
    seen = explorer.Explorer(pages.BEAU_MARAIS, "revenue", POVERTY, quarter="2026-T3", project=Project(root))
    before = seen.table.value, seen.chart.value, seen.map.value
    seen.territory.value = pages.FORT_NIEULAY
    assert all(now != then for now, then in zip((seen.table.value, seen.chart.value, seen.map.value), before, strict=True))
    assert "46\u202f%" in seen.table.value
    seen.search.value = "zzz"
    assert "Aucun quartier ne répond" in seen.told.value
    assert seen.territory.value == pages.FORT_NIEULAY
    seen.export.click()
    assert (root / "outputs/2026-T3/QN06253M/QN06253M-poverty_rate_pct-2026-T3.csv").exists()
