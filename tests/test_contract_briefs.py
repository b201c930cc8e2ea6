"""The briefs of a contract and its readings in the others; what an analyst edits shows, or is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from qpv import batch
from qpv.brief import Agglomeration, Brief, Evaluation, Portrait, Programme, Yearly
from qpv.brief.contract_page import ContractBrief
from qpv.brief.programme import euros
from qpv.brief.spans import span
from qpv.build import build
from qpv.contract.contract import read_contract
from qpv.contract.referential import Point
from qpv.errors import CatalogError, ParameterError
from qpv.html import Block
from qpv.quarter import Quarter
from qpv.site import index_page
from qpv.vocabulary import BRIEF_THEMES
from qpv.warehouse import Warehouse

CALAIS, LENS, BETHUNE = "200090751", "246200364", "200072460"
QUARTER = "2026-T3"
BLOCKS = {
    Evaluation: ("head", "summary", "coverage", "states", "collect", "calendar", "rules", "sources"),
    Programme: ("head", "summary", "years", "themes", "objectives", "inconsistencies", "renewal", "facilities", "sources"),
    Yearly: ("head", "summary", "situation", "evolution", "actions", "money", "perspectives", "opinions", "sources"),
}


def words(block: Block) -> str:
    return " ".join(BeautifulSoup(block.html, "html.parser").get_text(" ").split())


@pytest.fixture(scope="module")
def evaluation(embedded_folder: Path) -> Evaluation:
    return Evaluation(CALAIS, QUARTER, embedded_folder)


@pytest.mark.parametrize("epci", [CALAIS, LENS, BETHUNE])
@pytest.mark.parametrize("kind", list(BLOCKS))
def test_every_block_of_every_contract_can_be_made_twice_the_same(kind: type, epci: str, embedded_folder: Path) -> None:
    first, second = (
        [getattr(b, m)().html for m in BLOCKS[kind]] for b in (kind(epci, QUARTER, embedded_folder) for _ in range(2))
    )
    assert first == second
    assert all(first)


def test_coverage_of_calais_says_how_many_of_130_criteria_can_be_followed(evaluation: Evaluation) -> None:
    said = words(evaluation.summary())
    assert (
        "130 critères ; 7 se lisent dans des sources publiées, 9 se lisent dans le seul texte du contrat, les autres demandent un registre."
        in said
    )
    assert "responsable : 19 sur 130" in said
    assert "cible : 0 sur 130" in said
    assert "Aucun critère n’a encore deux dates assez éloignées" in said


def test_what_only_the_text_of_the_contract_prints_asks_for_an_owner_and_a_rhythm(evaluation: Evaluation) -> None:
    """No source publishes the unemployment rate of the ILO by QPV, nor the attendance of a library."""
    wanted = {
        r.th.get_text(): r.find_all("td")[1].get_text()
        for r in BeautifulSoup(evaluation.collect().html, "html.parser").select("tbody tr")
    }
    assert wanted["Taux de chômage au sens du BIT"] == "une valeur récente, un responsable, un rythme, une cible"
    assert wanted["Fréquentation de la bibliothèque"].endswith("un responsable, un rythme, une cible")
    assert wanted["Taux de pauvreté"] == "une valeur récente, une cible"


def test_a_criterion_without_value_is_named_and_not_scored(evaluation: Evaluation) -> None:
    said = words(evaluation.states())
    assert "Rodéos urbains signalés" in said
    assert "s’améliore" not in said


def test_a_figure_of_a_commune_is_never_passed_off_as_one_of_its_qpv(evaluation: Evaluation) -> None:
    said = words(evaluation.states())
    assert "Taux de chômage dans les QPV Calais, faute de valeur datée pour les QPV" in said
    assert "Coquelles" not in said, "a commune without QPV says nothing of them"
    rows = [r.get_text(" ") for r in BeautifulSoup(evaluation.states().html, "html.parser").tbody.find_all("tr")]
    assert len([r for r in rows if r.startswith("Projets PIC")]) == 2, "a QPV and its agglomération make no range"


def row_of(brief: Evaluation, label: str) -> list[str]:
    """The cells of a criterion in the first table of states; narrow spaces as plain ones."""
    body = BeautifulSoup(brief.states().html, "html.parser").tbody
    (found,) = [r for r in body.find_all("tr") if r.th.get_text() == label]
    return [" ".join(c.get_text().split()) for c in found.find_all("td")]


def test_success_at_the_brevet_is_what_the_contract_prints_for_both_qpv(evaluation: Evaluation) -> None:
    """80 % for one at line 1158, 72 % for the other at line 1926; of whom, the document does not say."""
    shown = row_of(evaluation, "Réussite au brevet des collèges")[1]
    assert shown == "72 % (2022-2023, 1 sur 2, repris du contrat) ; 80 % (2021-2022, 1 sur 2, repris du contrat)"
    assert (
        "Réussite au brevet des collèges : le document ne dit pas s’il s’agit des collégiens du quartier ou du collège."
        in words(evaluation.states())
    )


def test_twenty_qpv_stand_in_one_row_and_each_in_the_fold(full_folder: Path) -> None:
    soup = BeautifulSoup(Evaluation(LENS, QUARTER, full_folder).states().html, "html.parser")
    (row,) = [r for r in soup.tbody.find_all("tr") if r.th.get_text() == "Taux de pauvreté"]
    where, start = (c.get_text() for c in row.find_all("td")[:2])
    assert where == "22 QPV" and " à " in start
    assert len([r for r in soup.details.find_all("tr") if r.th.get_text() == "Taux de pauvreté"]) > 10


def test_values_of_two_dates_make_no_range(full_folder: Path) -> None:
    """The document prints two QPV in the census of 2019; three others are known from that of 2010 alone."""
    brief = Evaluation(LENS, QUARTER, full_folder)
    where, start = row_of(brief, "Logements vacants")[:2]
    assert where == "5 QPV"
    one, two = start.split(" ; ")
    assert re.fullmatch(r"2,6 % à [\d,]+ % \(2010, 3 sur 5\)", one)
    assert two == "10,5 % à 21,5 % (2019, 2 sur 5, repris du contrat)"
    assert "sur tous les logements (recensement)" in words(brief.states()), "the census counts no social dwellings apart"


def test_of_more_dates_than_a_cell_can_hold_the_most_frequent_is_told() -> None:
    points = [Point(str(2010 + n), float(n)) for n in range(4)] + [Point("2013", 9.0)]
    assert " ".join(span(points, lambda p: f"{p.value:g}").split()) == "3 à 9 (2013, 2 sur 5) ; 3 à d’autres dates"
    assert span([], str) == "–"


def test_a_figure_of_the_contract_has_its_decimals_and_says_where_it_is_from(evaluation: Evaluation) -> None:
    """Line 876 prints 25 %, not 25.0 %."""
    assert row_of(evaluation, "Taux de chômage au sens du recensement")[1] == "25 % (2020, repris du contrat)"
    assert row_of(evaluation, "Taux de chômage au sens du BIT")[1] == "11,5 % (T3 2023, repris du contrat)"
    assert row_of(evaluation, "Présence aux cafés des parents")[1] == "445 (2023)", "a register holds no figure of the catalogue"


def test_every_figure_of_the_frame_is_in_the_ledger(evaluation: Evaluation) -> None:
    evaluation.states()
    kept = {(f["indicator"], f["territory"], f["value"]) for f in evaluation.ledger.figures()}
    assert ("poverty_rate_pct", "QP062056", 58.0) in kept


def test_parity_names_the_two_measures_and_mediators_their_contradiction(evaluation: Evaluation) -> None:
    said = words(evaluation.rules())
    assert "Part des habitants de QPV dans chaque mesure, dans le Pas-de-Calais" in said, "the figures are of no QPV of Calais"
    assert "2023. Observatoire des QPV, T3 2026." in said
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
    assert "Deux tableaux du contrat diffèrent" in words(brief.renewal())


def test_objectives_are_served_where_the_document_says_so(embedded_folder: Path) -> None:
    said = words(Programme(CALAIS, QUARTER, embedded_folder).objectives())
    assert "Objectifs servis : 4 sur 26" in said
    assert "Dynamiser la vie de quartier Objectif stratégique Projets d’initiative citoyenne (calais-2024, l. 3674)" in said
    assert "Prévention de la délinquance (FIPDR) : Des quartiers apaisés" in said, "a pillar is no objective"
    assert "lignes ne sont rattachées à rien" in said


def registers(brief: ContractBrief) -> list[dict[str, object]]:
    (script,) = BeautifulSoup(brief.close().html, "html.parser").find_all("script", id="qpv-programme")
    return json.loads(script.string)


@pytest.mark.parametrize("kind", [Programme, Evaluation, Yearly])
def test_every_value_of_a_register_is_there_for_machines_with_its_document_and_line(kind: type, embedded_folder: Path) -> None:
    rows = registers(kind(CALAIS, QUARTER, embedded_folder))
    assert {tuple(r) for r in rows} == {
        ("register", "what", "measure", "territory", "period", "value", "unit", "document", "line")
    }
    assert all(r["document"] and r["line"] and r["unit"] for r in rows)
    wanted = {
        Programme: ("actions", "Programmation de l’année", "cost_eur", CALAIS, "2021", 1_620_056.5, "eur", "calais-2024", 380),
        Evaluation: ("measures", "Demandes traitées", "droits-recours-1", "62193", "2023", 1427.0, "count", "calais-2024", 945),
        Yearly: ("totals", "", "projects", CALAIS, "2015-2022", 489.0, "count", "calais-2024", 300),
    }[kind]
    assert wanted[2:] in {tuple(r.values())[2:] for r in rows if r["register"] == wanted[0]}


def test_every_amount_of_the_tables_of_the_programme_is_one_of_its_values(embedded_folder: Path) -> None:
    """Rows of one year and scheme stand alone in Calais: what the table adds up is what the registers hold."""
    brief = Programme(CALAIS, QUARTER, embedded_folder)
    known = {euros(float(str(r["value"]))) for r in registers(brief) if r["unit"] == "eur"}
    shown = {c.get_text() for c in BeautifulSoup(brief.years().html, "html.parser").select("table td") if "€" in c.get_text()}
    assert len(shown) > 40
    assert shown <= known


# --- areas that are watched (S24) -----------------------------------------------------------------------


def test_each_criterion_of_a_watched_area_is_held_or_unknown_with_its_figure_and_source(evaluation: Evaluation) -> None:
    said = words(evaluation.rules())
    assert "Schweitzer (Marck) : 1 rempli, 0 non rempli, 3 inconnus" in said
    assert (
        "IPS de l’école de rattachement au plus 85 80 (année non précisée) calais-2024, l. 2582 rempli inconnue (QPV sans valeur)"
        in said
    )
    assert "le contrat n’imprime pas ce chiffre pour ce secteur inconnu" in said
    assert "au moins 2 critères à remplir sur 4" in said, "the population decides nothing"
    assert (
        "Critères atteints : ne peut être dit. Bande des 300 m : position inconnue, aucun IRIS n’est donné pour ce secteur."
        in said
    )
    for name in ("Crèvecœur / Curie", "Mollien"):
        assert f"{name} : 0 rempli, 0 non rempli, 4 inconnus" in said
    kept = {(f["indicator"], f["territory"], f["value"]) for f in evaluation.ledger.figures()}
    assert ("ips_ecole_index", "sector:62548:schweitzer", 80.0) in kept


def test_a_contract_that_names_no_area_shows_its_criteria(embedded_folder: Path) -> None:
    said = words(Evaluation(LENS, QUARTER, embedded_folder).rules())
    assert "Moins de mille habitants : au plus 1 000" in said and "Aucun secteur n’est inscrit" in said


def test_iris_of_an_area_are_tested_likened_to_the_qpv_and_placed(full_folder: Path) -> None:
    brief = Evaluation(CALAIS, QUARTER, full_folder)
    cases = [c.model_copy(update={"iris": "621930101"}) for c in brief.contract.cases[1:2]]
    brief.contract = brief.contract.model_copy(update={"cases": tuple(cases)})
    said = words(brief._vigilance())
    assert "4 inconnus" not in said and "QPV le mieux placé" in said
    assert "Bande des 300 m : " in said


def test_the_iris_that_bear_the_names_of_the_areas_of_calais_are_screened(full_folder: Path) -> None:
    """The contract names no IRIS: two bear the name of an area in the list of Insee, none of Marck that of Schweitzer."""
    said = words(Evaluation(CALAIS, QUARTER, full_folder)._vigilance())
    assert "Mollien : 2 remplis, 0 non rempli, 2 inconnus" in said
    assert "Crèvecœur / Curie : 0 rempli, 2 non remplis, 2 inconnus" in said
    assert "Schweitzer (Marck) : 1 rempli, 0 non rempli, 3 inconnus" in said
    assert "Petit Courgain Mollien Taux de pauvreté au-dessus de celui de la commune au moins 28 % 34,3 % (2019)" in said
    assert "Petit Courgain Mollien Population – 1 622 (2021) insee_rp2021_iris pour information –" in said
    assert "Population – 2 530 (2021) insee_rp2021_iris pour information –" in said
    assert said.count("aucune source ne le donne par IRIS") == 2, "nobody publishes tenants of HLM by IRIS"
    # 2019 against 2019, though the QPV are known in 2020.
    assert "34,3 % (2019) insee_filosofi_iris_2019 rempli non (QPV le mieux placé : 45,6 %, 2019)" in said
    assert said.count("le contrat n’imprime pas ce chiffre") == 4, "what is not printed is left to the IRIS where there is one"


# --- opinions (S27) -------------------------------------------------------------------------------------


def test_opinions_on_the_year_are_listed_and_those_that_lack_are_named(embedded_folder: Path) -> None:
    brief = Yearly(BETHUNE, "2020-T4", embedded_folder)
    said = words(brief.opinions())
    assert "Avis des communes et des conseils citoyens sur 2019 : 3 inscrits." in words(brief.summary())
    assert "Conseil municipal de Marles-les-Mines Commune 18 novembre 2020 favorable" in said
    assert "Commune que le texte ne nomme pas" in said
    assert "Aucun avis inscrit : conseil citoyen." in said


def test_an_opinion_given_later_is_not_known_yet_and_none_is_said_so(embedded_folder: Path) -> None:
    assert "3 inscrits" not in words(Yearly(BETHUNE, "2020-T3", embedded_folder).summary())
    assert "aucun n’est inscrit, à joindre en annexe. Voici ceux sur 2019." in words(
        Yearly(BETHUNE, QUARTER, embedded_folder).opinions()
    )
    assert "sur 2025 (décret 2015-1118, article 4) : aucun n’est inscrit" in words(
        Yearly(CALAIS, QUARTER, embedded_folder).opinions()
    )


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


def test_what_lens_lievin_writes_of_the_agglomeration_is_in_the_brief_of_each_of_its_qpv(embedded_folder: Path) -> None:
    said = words(Brief("employment", pages.GRANDE_RESIDENCE, QUARTER, embedded_folder).contract())
    assert said.startswith("À l’échelle de l’agglomération Atouts Établissements en forte hausse dans les QPV")
    assert (
        "Taux d’emploi inférieur à l’agglomération dans tous les QPV (Taux d’emploi 15-64 ans : moyenne 40 % dans ses QPV, 2018 ; "
        "53,6 % dans l’agglomération, 2018) lens-lievin-2024, l. 440" in said
    )
    assert "Ce que disent les habitants Emploi, cité dans l’enquête nationale lens-lievin-2024, l. 493" in said


def test_all_28_readings_of_lens_lievin_stand_in_the_briefs_of_its_qpv_and_of_itself(embedded_folder: Path) -> None:
    brief = Agglomeration(LENS, QUARTER, embedded_folder)
    here = [words(Block(b.contract().html.partition("class='at-epci'")[2])) for t in (*BRIEF_THEMES, "demography")
            for b in [Brief(t, pages.GRANDE_RESIDENCE, QUARTER, embedded_folder)]]  # fmt: skip
    contract = read_contract(Warehouse(embedded_folder), LENS)
    assert contract is not None and len(contract.readings) == 28
    told = [" ".join(r.text.split()) for r in contract.readings]  # as words() writes narrow spaces
    assert [sum(t in b for b in here) for t in told] == [1] * 28
    for theme in ("employment", "housing"):
        shown = words(brief.theme(theme))
        assert all(t in shown for t, r in zip(told, contract.readings, strict=True) if r.theme == theme)
        assert "Ce que le contrat écrit" in shown


def test_figures_that_contradict_each_other_stand_beside_no_reading(embedded_folder: Path) -> None:
    """Of the jobs lost since 2009, the document of Lens-Liévin prints 2,239 and 2,606."""
    said = words(Brief("employment", pages.GRANDE_RESIDENCE, QUARTER, embedded_folder).contract())
    assert "Emplois perdus depuis 2009 dans l’agglomération lens-lievin-2024, l. 444" in said


def test_a_contract_that_reads_its_qpv_alone_adds_nothing_of_the_agglomeration(embedded_folder: Path) -> None:
    for theme in BRIEF_THEMES:
        assert "l’échelle de l’agglomération" not in words(Brief(theme, pages.BEAU_MARAIS, QUARTER, embedded_folder).contract())
    assert "l’échelle de l’agglomération" not in words(Portrait(pages.BEAU_MARAIS, QUARTER, embedded_folder).contract())


def test_the_portrait_of_a_qpv_of_lens_shows_the_stakes_of_its_agglomeration(embedded_folder: Path) -> None:
    said = words(Portrait(pages.GRANDE_RESIDENCE, QUARTER, embedded_folder).contract())
    assert said.startswith(
        "Enjeux que le contrat écrit à l’échelle de l’agglomération Revenus et pauvreté : Prévenir le basculement"
    )
    assert "Transition écologique : Une transition faite avec les habitants ; Qui paie le surcoût" in said


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
