"""The blocks of the programme brief: what they count, hide and show apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from qpv.brief import Programme, Yearly
from qpv.html import Block
from qpv.numbers import NNBSP

CALAIS, BETHUNE = "200090751", "200072460"
QUARTER = "2026-T3"


def cells(block: Block, caption: str) -> dict[str, list[str]]:
    """The rows of the table with a caption, by their first cell."""
    tables = BeautifulSoup(block.html, "html.parser").find_all("table")
    (found,) = [t for t in tables if t.caption and t.caption.get_text().startswith(caption)]
    rows = [[c.get_text().replace(NNBSP, " ") for c in r.find_all(["th", "td"])] for r in found.find_all("tr")]
    return {r[0]: r[1:] for r in rows}


@pytest.fixture(scope="module")
def bethune(embedded_folder: Path) -> Programme:
    return Programme(BETHUNE, QUARTER, embedded_folder)


def test_credits_by_theme_count_the_projects_of_rows_with_credits_alone(bethune: Programme, embedded_folder: Path) -> None:
    shown = cells(bethune.themes(), "Crédits par thème")
    assert shown["Cadre de vie"] == ["2019", "10", "8", "90 133 €", "13 005 €"], "four fonds de concours have no such credits"
    assert shown["Emploi et développement économique"][1] == "24"
    calais = cells(Programme(CALAIS, QUARTER, embedded_folder).themes(), "Crédits par thème")
    # Two rows have credits, of which one gives no number of projects; the 33 adult relays have none.
    assert calais["Cohésion sociale"] == ["2023", "–", "–", "54 867 €", "–"]
    assert calais["Éducation"][:4] == ["2023", "41", "19", "300 000 €"]


def test_rows_within_others_are_shown_and_never_added(bethune: Programme) -> None:
    inner = cells(bethune.years(), "Détails, compris dans les lignes ci-dessus (2)")
    assert inner["Programmes de réussite éducative, huit communes"][:3] == ["2019, PRE", "842 525 €", "400 809 €"]
    lillers = inner["Fonds de concours majoré, Lillers : part de la politique de la ville"]
    assert "35 000 €" in lillers and lillers[-1] == "bethune-bruay-2019, l.\u00a0427"
    assert cells(bethune.years(), "Coût et financeurs")["2019, Fonds de concours"][2] == "471 974 €", "without the 35 000"


def test_the_eight_shares_of_the_funders_are_a_table_that_makes_109_2(bethune: Programme) -> None:
    shown = cells(bethune.years(), "Part de chaque financeur")
    assert len(shown) == 1 + 8 + 1
    assert shown["Communes"] == ["24,4 %", "bethune-bruay-2019, l.\u00a0156"]
    assert shown["Ensemble des parts"][0] == "109,2 %"


def test_credits_printed_by_theme_stand_beside_those_of_the_tables_of_themes(bethune: Programme) -> None:
    told = bethune.inconsistencies().html.replace(NNBSP, " ")
    assert "Crédits spécifiques (Cohésion sociale), 2019 : imprimé 1 595 490 € et 1 230 586 €" in told
    assert "Crédits spécifiques (Cadre de vie), 2019 : imprimé 90 133 € et 112 727 €" in told
    cget = [t for t in bethune.contract.totals if t.measure == "specific_eur" and t.scope and 165 <= t.line <= 169]
    assert sum(t.value for t in cget) == 1_712_989, "the five themes are all of the credits of the CGET"
    assert cells(bethune.themes(), "Totaux par thème")["Pilotage"][2] == "15 110 €"


def test_the_hostel_of_beau_marais_is_apart_and_both_tables_demolish_431(embedded_folder: Path) -> None:
    said = " ".join(
        BeautifulSoup(Programme(CALAIS, QUARTER, embedded_folder).renewal().html, "html.parser").get_text(" ").split()
    )
    assert "413 ou 431" not in said and "logements réhabilités : 889 ou 649" in said.replace(NNBSP, " ")
    assert "NPNRU, foyer Tom Souville convention Logements démolis 18" in said and "synthèse Logements démolis 431" in said
    assert "Logements reconstruits 669" in said


def test_the_yearly_list_says_where_the_money_is(embedded_folder: Path) -> None:
    rows = cells(Yearly(BETHUNE, QUARTER, embedded_folder).actions(), "Actions, 2019")
    assert rows["Action ou groupe d’actions"][2:5] == ["Crédits spécifiques", "Droit commun", "Autres financeurs"]
    assert rows["Éducation"][2:5] == ["773 782 €", "295 733 €", "–"]
    assert rows["Fonds de cohésion sociale"][2:5] == ["–", "–", "94 414 €"]
    assert "compris dans une autre ligne" in next(r for r in rows if r.startswith("Programmes de réussite"))
