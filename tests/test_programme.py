"""The programme of three contracts, with what the documents print, and what they contradict."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from qpv.catalog import Catalog
from qpv.contract.contract import Contract, load_all, load_contract
from qpv.contract.programme import FUNDERS_FR, Action, by_theme, by_year, inconsistencies, objectives_without_action
from qpv.contracts import Contracts
from qpv.errors import CatalogError
from qpv.numbers import NNBSP
from qpv.reference import Reference

CALAIS, LENS, BETHUNE = "200090751", "246200364", "200072460"


@pytest.fixture(scope="module")
def loaded(catalog: Catalog, reference: Reference, contracts: Contracts) -> dict[str, Contract]:
    return load_all(ROOT / "data" / "contracts", catalog, reference, contracts)


def said(loaded: dict[str, Contract], epci: str) -> list[str]:
    found = inconsistencies(loaded[epci].actions, loaded[epci].totals)
    return [f"{i.what} [{', '.join(i.sources)}]".replace(NNBSP, " ").replace("\u00a0", " ") for i in found]


def test_calais_printed_489_projects_and_two_totals_five_cents_apart(loaded: dict[str, Contract]) -> None:
    totals = loaded[CALAIS].totals
    assert [t.value for t in totals if t.measure == "projects"] == [489]
    assert [t.value for t in totals if t.measure == "cost_eur"] == [13_995_314.54, 13_995_314.59]
    told = said(loaded, CALAIS)
    assert "Coût total, 2015-2022 : imprimé 13 995 314,54 € et 13 995 314,59 € [calais-2024, l. 301, calais-2024, l. 382]" in told
    assert any("les lignes s’additionnent à 13 995 314,59 €, imprimé 13 995 314,54 €" in t for t in told)
    assert len(told) == 2, "every funder's column adds up to its printed total"


def test_the_years_of_calais_add_up_by_funder_to_the_printed_totals(loaded: dict[str, Contract]) -> None:
    years = by_year(a for a in loaded[CALAIS].actions if a.year <= "2022")
    assert len(years) == 8
    assert years["cost_eur"].sum() == pytest.approx(13_995_314.59)
    assert {c: round(float(years[c].sum()), 2) for c in ("commune_eur", "state_policy_eur", "region_eur", "others_eur")} == {
        "commune_eur": 4_222_947, "state_policy_eur": 4_851_878, "region_eur": 832_988, "others_eur": 3_456_388.59,
    }  # fmt: skip
    first = years.iloc[0]
    assert first[["region_eur", "departement_eur"]].isna().all(), "not filled in is not zero"
    assert years.iloc[1]["epci_eur"] == 0


def test_bethune_bruay_2019_keeps_127_129_and_130_projects_and_shares_of_109_2(loaded: dict[str, Contract]) -> None:
    told = said(loaded, BETHUNE)
    assert (
        "Nombre de projets, 2019 : imprimé 129 projets et 127 projets [bethune-bruay-2019, l. 135, bethune-bruay-2019, l. 138]"
        in told
    )
    assert any("les lignes s’additionnent à 130 projets, imprimé 129 projets" in t for t in told)
    assert any("les lignes s’additionnent à 130 projets, imprimé 127 projets" in t for t in told)
    assert "Parts des financeurs, 2019 : elles s’additionnent à 109,2 % [bethune-bruay-2019, l. 150-157]" in told
    assert any("1 712 989 € sur 5 530 289 € font 31,0 %, imprimé 35,3 %" in t for t in told)
    assert any("s’additionnent à 2 092 268 €, imprimé 1 712 989 € (Crédits spécifiques)" in t for t in told)


def test_specific_and_ordinary_credits_of_bethune_by_theme(loaded: dict[str, Contract]) -> None:
    found = by_theme(a for a in loaded[BETHUNE].actions if a.scheme == "Contrat de ville").set_index("theme")
    assert found.loc["education", ["count", "ordinary_eur", "specific_eur"]].tolist() == [23, 295_733, 773_782]
    assert found.loc["digital", "ordinary_eur"] == 0
    cohesion = found.drop(index=["employment", "living"])
    assert (cohesion["count"].sum(), cohesion["ordinary_eur"].sum(), cohesion["specific_eur"].sum()) == (96, 717_269, 1_595_490)


def test_lens_lievin_2016_to_2022_and_its_health_actions(loaded: dict[str, Contract]) -> None:
    years = by_year(loaded[LENS].actions).set_index("year")
    assert years["cost_eur"].to_dict() == {"2016": 3_900_000, "2019": 4_586_000, "2022": 5_760_000}
    health = {a.year: (a.count, a.cost_eur) for a in loaded[LENS].actions if a.theme == "health"}
    assert health == {"2015": (3, 12_337), "2022": (22, 207_654)}


def test_priorities_that_no_row_serves_are_named(loaded: dict[str, Contract]) -> None:
    frame = loaded[BETHUNE].referential
    assert frame is not None
    served, bare = objectives_without_action(loaded[BETHUNE].actions, frame, ("priority",))
    assert served == ["P4", "P5", "P6", "P7", "P9", "P10"]
    assert bare == ["P1", "P2", "P3", "P8"]


def test_funders_above_the_cost_are_told() -> None:
    action = Action(year="2024", territory=CALAIS, label="Chantier", theme="living", cost_eur=1000, commune_eur=600, region_eur=500,
                    document="calais-2024", line=1)  # fmt: skip
    (found,) = inconsistencies([action], [])
    assert "font 1\u202f100\u202f€, pour un coût de 1\u202f000\u202f€" in found.what
    assert inconsistencies([action.model_copy(update={"cost_eur": 1100.0})], []) == []
    assert len(FUNDERS_FR) == 8


def test_faults_of_actions_are_named(tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / "actions.csv").write_bytes(
        "\ufeffyear;territory;label;theme;cost_eur;beneficiaries;women;men;node;document;line\r\n"
        "2024;QN06254M;Atelier;education;1 200,50;30;12;18;;calais-2024;1\r\n"
        "2024;QN06254M;Atelier;education;mille;;;;;calais-2024;1\r\n"
        "2024;QN00000M;Atelier;éducation;10;;;;;calais-2024;1\r\n"
        "2024;QN06254M;Atelier;education;10;10;8;8;;calais-2024;1\r\n"
        "2024;QN06254M;Atelier;education;10;;;;zz;calais-2024;1\r\n".encode()
    )
    with pytest.raises(CatalogError) as error:
        load_contract(folder, catalog, reference, contracts)
    told = str(error.value).split("\n")
    assert [t.split(": ")[0] for t in told] == [
        "200090751/actions.csv, line 3, cost_eur", "200090751/actions.csv, line 4, territory", "200090751/actions.csv, line 4, theme",
        "200090751/actions.csv, line 5", "200090751/actions.csv, line 6, node",
    ]  # fmt: skip
    assert "women and men are 16: more than the 10 beneficiaries" in told[3]
