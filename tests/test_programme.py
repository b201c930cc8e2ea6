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


SHARES = "year;territory;measure;scope;value;note;document;line\n2024;200090751;share_pct;État, politique de la ville;60,4;;calais-2024;1\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [("2024;200090751;share_pct;Région;39,5;;calais-2024;2\n", ""),
     ("2024;200090751;share_pct;Région;49,5;;calais-2024;2\n", "totals.csv, line 3, value: '49.5': the shares of 2024 add up to 109,9 %, expected 100"),
     ("2024;200090751;share_pct;Région;49,5;imprimé ainsi;calais-2024;2\n", ""),
     ("2025;200090751;share_pct;Région;39,6;;calais-2024;2\n", "line 2, value: '60.4': the shares of 2024 add up to 60,4 %")],
)  # fmt: skip
def test_shares_that_make_no_whole_are_a_fault_unless_a_note_says_so(
    rows: str, said: str, tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts
) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / "totals.csv").write_text(SHARES + rows)
    if not said:
        assert len(load_contract(folder, catalog, reference, contracts).totals) == 2
        return
    with pytest.raises(CatalogError) as error:
        load_contract(folder, catalog, reference, contracts)
    assert said in str(error.value)


def test_five_kinds_of_bad_input_are_told_together_each_with_its_file_and_line(
    tmp_path: Path, catalog: Catalog, reference: Reference, contracts: Contracts
) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    cited = "document: calais-2024, line: 1"
    (folder / "readings.yml").write_text(
        f"readings:\n- {{territory: QN99999M, theme: education, kind: stake, text: Essai, {cited}}}\n"
        f"- {{territory: QN06254M, theme: education, kind: stake, text: Essai, {cited}}}\n"
    )
    (folder / "referential.yml").write_text(
        f"frame:\n- {{title: Essai, start: 2024, {cited}}}\nnodes:\n- {{id: a, kind: pillar, label: Essai, {cited}}}\ncriteria:\n"
        f"- {{id: a-1, node: a, label: Essai, indicator: rodeos_count, {cited}}}\n- {{id: a-2, node: a, label: Essai, {cited}}}\n"
    )
    (folder / "actions.csv").write_text(
        "year;territory;label;theme;cost_eur;document;line\n2024;QN06254M;Essai;education;mille;calais-2024;1\n"
    )
    (folder / "totals.csv").write_text(SHARES)
    (folder / "opinions.csv").write_text(
        "year;kind;body;stance;date;text;document;line\n2024;commune;Calais;favourable;31/02/2025;Avis;calais-2024;1\n"
        "2024;commune;Calais;favourable;03/02/2023;Avis;calais-2024;1\n2024;commune;Mme Durand;favourable;03/02/2025;Avis;calais-2024;1\n"
    )
    with pytest.raises(CatalogError) as error:
        load_contract(folder, catalog, reference, contracts)
    told = [t.removeprefix(f"{CALAIS}/") for t in str(error.value).split("\n")]
    wanted = (
        ("readings.yml, line 2, territory: 'QN99999M'", "expected a QPV of this agglomération"),
        ("referential.yml, line 6, indicator: 'rodeos_count'", "leave it empty (register)"),
        ("referential.yml, line 7", "give either 'indicator' (its id in the catalogue), or 'unit' (a register"),
        ("actions.csv, line 2, cost_eur: 'mille'", "expected a number"),
        ("totals.csv, line 2, value: '60.4'", "expected 100"),
        ("opinions.csv, line 2, date: '31/02/2025'", "expected a day such as 2026-03-30"),
        ("opinions.csv, line 3, date: '2023-02-03'", "expected a day of 2024 or later"),
        ("opinions.csv, line 4, body", "no file of a contract may hold data on a person"),
    )
    for start, said in wanted:
        assert any(t.startswith(start) and said in t for t in told), (start, told)
    assert len(told) == len(wanted)
