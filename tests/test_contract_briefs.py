"""The briefs of a contract and its readings in the others; what an analyst edits shows, or is told."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from qpv import batch
from qpv.brief import Brief, Evaluation, Portrait, Programme, Yearly
from qpv.build import build
from qpv.errors import CatalogError, ParameterError
from qpv.html import Block
from qpv.quarter import Quarter
from qpv.site import index_page
from qpv.warehouse import Warehouse

CALAIS, LENS, BETHUNE = "200090751", "246200364", "200072460"
QUARTER = "2026-T3"
BLOCKS = {
    Evaluation: ("head", "summary", "coverage", "states", "collect", "calendar", "rules", "sources"),
    Programme: ("head", "summary", "years", "themes", "objectives", "inconsistencies", "renewal", "sources"),
    Yearly: ("head", "summary", "situation", "evolution", "actions", "money", "perspectives", "opinions", "sources"),
}


def words(block: Block) -> str:
    return " ".join(BeautifulSoup(block.html, "html.parser").get_text(" ").split())


@pytest.fixture(scope="module")
def evaluation(embedded_folder: Path) -> Evaluation:
    return Evaluation(CALAIS, QUARTER, embedded_folder)


@pytest.mark.parametrize("epci", [CALAIS, LENS])
@pytest.mark.parametrize("kind", list(BLOCKS))
def test_every_block_of_every_contract_can_be_made_twice_the_same(kind: type, epci: str, embedded_folder: Path) -> None:
    first, second = (
        [getattr(b, m)().html for m in BLOCKS[kind]] for b in (kind(epci, QUARTER, embedded_folder) for _ in range(2))
    )
    assert first == second
    assert all(first)


def test_coverage_of_calais_says_how_many_of_130_criteria_can_be_followed(evaluation: Evaluation) -> None:
    said = words(evaluation.summary())
    assert "130 critères ; 16 se lisent dans des sources publiées" in said
    assert "cible : 0 sur 130" in said
    assert "Aucun critère n’a encore deux dates assez éloignées" in said


def test_a_criterion_without_value_is_named_and_not_scored(evaluation: Evaluation) -> None:
    said = words(evaluation.states())
    assert "Rodéos urbains signalés" in said
    assert "s’améliore" not in said


def test_every_figure_of_the_frame_is_in_the_ledger(evaluation: Evaluation) -> None:
    evaluation.states()
    kept = {(f["indicator"], f["territory"], f["value"]) for f in evaluation.ledger.figures()}
    assert ("poverty_rate_pct", "QP062056", 58.0) in kept


def test_parity_names_the_two_measures_and_mediators_their_contradiction(evaluation: Evaluation) -> None:
    said = words(evaluation.rules())
    assert "11 mesures, à comparer à 16,4 % des demandeurs d’emploi" in said
    assert "ous la parité : CIE jeunes (4,2 %), Formation avant recrutement (15,8 %)." in said
    assert "Le texte note 44 médiateurs, le tableau en compte 52." in said
    assert "30 mars 2027 : bilan quantitatif et qualitatif des actions 2026" in said


def test_lens_lievin_has_no_choice_yet(embedded_folder: Path) -> None:
    said = words(Evaluation(LENS, QUARTER, embedded_folder).calendar())
    assert "Aucun choix n’est encore inscrit" in said and "Labo de la participation" in said


def test_programme_says_both_totals_and_what_clashes(embedded_folder: Path) -> None:
    brief = Programme(CALAIS, QUARTER, embedded_folder)
    assert "13 995 314,54 €" in words(brief.summary()) and "13 995 314,59 €" in words(brief.summary())
    assert "imprimé 13 995 314,54 € et 13 995 314,59 €" in words(brief.inconsistencies())
    assert "Ensemble 60 93" in words(brief.renewal())


def test_yearly_report_says_what_lacks(embedded_folder: Path) -> None:
    brief = Yearly(CALAIS, QUARTER, embedded_folder)
    assert "Actions de 2025 : aucune au registre" in words(brief.summary())
    assert "Cadre de vie et Logement et habitat sont toutes deux au rang 3 (l. 1617, 1713)" in words(brief.opinions())
    assert brief.close().record["status"] == "degraded"


def test_a_theme_brief_shows_readings_beside_their_figures(embedded_folder: Path) -> None:
    brief = Brief("revenue", pages.BEAU_MARAIS, QUARTER, embedded_folder)
    said = words(brief.contract())
    assert said.startswith("Atouts La pauvreté recule")
    assert "Plus d’un habitant sur deux sous le seuil de pauvreté (Taux de pauvreté : 58 %, 2019) calais-2024, l. 1077" in said


def test_the_portrait_shows_stakes_and_the_barometer(embedded_folder: Path) -> None:
    said = words(Portrait(pages.BEAU_MARAIS, QUARTER, embedded_folder).contract())
    assert "Enjeux que le contrat écrit" in said and "Baromètre des habitants" in said


def test_a_quarter_before_the_contract_shows_none_of_it(embedded_folder: Path) -> None:
    brief = Brief("revenue", pages.BEAU_MARAIS, "2024-T2", embedded_folder)
    assert "Atouts" not in words(brief.contract())


def test_briefs_of_a_contract_are_planned_where_one_is_written(embedded_folder: Path, tmp_path: Path) -> None:
    tasks = batch.plan(
        [], ["evaluation", "yearly"], Quarter(2026, 3), pages.NOTEBOOKS, embedded_folder, tmp_path, [CALAIS, "245900410"]
    )
    assert [(t.qpv, t.theme) for t in tasks] == [(CALAIS, "evaluation"), (CALAIS, "yearly")]
    with pytest.raises(ParameterError, match=r"nothing is written|no EPCI"):
        Evaluation("245900410", QUARTER, embedded_folder)


def test_the_index_lists_the_next_dates(embedded: Warehouse, tmp_path: Path) -> None:
    made = [batch.Record(pages.BEAU_MARAIS, "revenue", "ok")]
    page = index_page(made, Quarter(2026, 3), embedded, tmp_path)
    said = " ".join(BeautifulSoup(page, "html.parser").get_text(" ").split())
    assert "Prochaines échéances des contrats" in said
    assert "30 mars 2027" in said and "Groupes partenariaux" in said


# --- the analyst's round trip ---------------------------------------------------------------------------


def test_what_is_saved_from_a_spreadsheet_changes_the_brief_or_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    pages.copy_data(data)
    build(data, [], data / "warehouse")
    before = words(Programme(CALAIS, QUARTER, data / "warehouse").years())
    file = data / "contracts" / CALAIS / "actions.csv"
    lines = file.read_text("utf-8").splitlines()
    heads = lines[0].split(",")
    row = dict.fromkeys(heads, "") | {"year": "2024", "territory": CALAIS, "label": "Essai", "theme": "education", "cost_eur": "1 234,50",
                                      "scheme": "Essai", "part": "whole", "document": "calais-2024", "line": "1"}  # fmt: skip
    # As a French spreadsheet saves it: BOM, semicolons, decimal commas, CRLF.
    saved = [";".join(heads), ";".join(row.values())]
    file.write_bytes(("\ufeff" + "\r\n".join(saved) + "\r\n").encode())
    assert build(data, [], data / "warehouse").fresh
    after = words(Programme(CALAIS, QUARTER, data / "warehouse").years())
    assert "1 234,50 €" in after and "1 234,50 €" not in before
    current = (data / "warehouse" / "CURRENT").read_text()
    file.write_bytes(("\ufeff" + "\r\n".join([*saved, saved[1].replace("1 234,50", "mille")]) + "\r\n").encode())
    with pytest.raises(CatalogError, match=r"200090751/actions\.csv, line 3, cost_eur: 'mille': expected a number"):
        build(data, [], data / "warehouse")
    assert (data / "warehouse" / "CURRENT").read_text() == current, "the last good data stay in use"
