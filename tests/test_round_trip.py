"""The analyst's round trip: each editable file of a contract, saved as a spreadsheet saves it, shows in a brief or is told."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from qpv.brief import Evaluation, Programme, Yearly
from qpv.build import build
from qpv.catalog import Catalog
from qpv.contract.contract import Contract, load_contract
from qpv.contracts import REGISTERS, Contracts, load_contracts
from qpv.errors import CatalogError
from qpv.html import Block
from qpv.reference import Reference
from qpv.warehouse import Warehouse

CALAIS, QUARTER = "200090751", "2026-T3"
CONTRACTS = ROOT / "data" / "contracts"
UPKEEP = (
    "year,landlord,label,unit,inside,outside,better,document,line\n2025,OPH de Calais,Passages,count,3.5,4,,calais-2024,7884\n"
)
Load = Callable[[Path], Contract]


@pytest.fixture
def load(catalog: Catalog, reference: Reference, contracts: Contracts) -> Load:
    return lambda folder: load_contract(folder, catalog, reference, contracts)


def spreadsheet(table: str) -> bytes:
    """Save a table as a French spreadsheet does: BOM, semicolons, decimal commas, CRLF, an empty line at the end."""
    rows = list(csv.reader(io.StringIO(table)))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([re.sub(r"^(-?\d+)\.(\d+)$", r"\1,\2", cell) for cell in row] for row in rows)
    return ("\ufeff" + out.getvalue() + ";" * (len(rows[0]) - 1) + "\r\n").encode()


def saved(folder: Path, change: Callable[[str], bytes], pattern: str) -> list[str]:
    """Save again the files of a copied folder; give their names."""
    files = sorted(folder.glob(pattern))
    for file in files:
        file.write_bytes(change(file.read_text("utf-8")))
    return [f.name for f in files]


@pytest.mark.parametrize("epci", [CALAIS, "246200364", "200072460"])
def test_every_file_of_a_contract_saved_by_a_spreadsheet_or_on_windows_reads_the_same(
    epci: str, load: Load, tmp_path: Path
) -> None:
    folder = shutil.copytree(CONTRACTS / epci, tmp_path / epci)
    (folder / "upkeep.csv").write_text(UPKEEP.replace("calais-2024", "lens-lievin-2024"))
    before = load(folder)
    assert saved(folder, spreadsheet, "*.csv")
    assert saved(folder, lambda words: ("\ufeff" + words.replace("\n", "\r\n")).encode(), "*.yml")
    assert load(folder) == before
    assert before.upkeep[0].inside == 3.5


def test_figures_saved_by_a_spreadsheet_read_the_same(
    catalog: Catalog, reference: Reference, contracts: Contracts, tmp_path: Path
) -> None:
    folder = shutil.copytree(CONTRACTS, tmp_path / "contracts")
    assert len(saved(folder, spreadsheet, "[0-9]*/*.csv")) > 30
    again = load_contracts(folder, catalog, reference)
    assert again.observations.equals(contracts.observations)


@pytest.mark.parametrize("name", sorted(REGISTERS))
def test_each_register_saved_in_the_encoding_of_windows_is_told_how_to_be_saved(name: str, load: Load, tmp_path: Path) -> None:
    folder = tmp_path / CALAIS
    folder.mkdir()
    (folder / name).write_bytes("document;line;note\r\ncalais-2024;1;été\r\n".encode("cp1252"))
    with pytest.raises(CatalogError) as error:
        load(folder)
    assert str(error.value) == f"{CALAIS}/{name}, line 2: not UTF-8 (invalid continuation byte); save it as CSV UTF-8"


#: By file: what an analyst adds (``column=value``), and what the reader of a brief then sees.
ROWS = {
    "actions.csv": ("year=2024;territory=200090751;label=Essai;theme=education;scheme=Essai;part=whole;cost_eur=1 234,50", "1 234,50 €"),
    "totals.csv": ("year=2024;territory=200090751;measure=cost_eur;value=77 001,25", "77 001,25 €"),
    "measures.csv": ("criterion=essai;territory=QN06254M;period=2023;value=4 321,5", "4 321,5 (2023)"),
    "workshops.csv": ("territory=QN06254M;place=Salle Essai;date=30/03/2024;participants=41", "Salle Essai"),
    "barometer.csv": ("territory=QN06254M;sector=Beau Marais;topic=Priorité Essai;theme=health;rank=7", "Priorité Essai"),
    "abatement.csv": ("year=2024;qpv=QN06254M;landlord=Bailleur Essai;dwellings=50;abated=40;tax_eur=10 500", "10 500 €"),
    "upkeep.csv": ("year=2024;landlord=OPH de Calais;label=Passages de nettoyage;unit=count;inside=3,5;outside=4", "3,50 4 non"),
    "renewal.csv": ("qpv=QN06254M;phase=Phase Essai;operation=demolished;state=planned;count=71", "Phase Essai"),
    "facilities.csv": ("qpv=QP062056;category=health;count=40", "Santé 42 3"),
    "sites.csv": ("qpv=QN06254M;number=999;category=health;place=Lieu Essai;commune=62193", "Lieu Essai"),
    "cases.csv": ("territory=sector:62193:quinet;label=Secteur Essai", "Secteur Essai : 0 rempli"),
    "opinions.csv": ("year=2025;kind=commune;body=Commune de Calais;stance=noted;date=03/02/2026;text=Avis Essai", "Avis Essai"),
    "housing.csv": ("territory=QP062056;level=qpv;generation=2015;indicator=social_dwellings_count;period=2023;value=3 999;unit=count", ""),
}  # fmt: skip
ENTRIES = {
    "readings.yml": ("readings", "{territory: QN06254M, theme: education, kind: stake, text: Enjeu Essai, document: calais-2024, line: 1}", "Enjeu Essai"),
    "voice.yml": ("statements", "{territory: QN06254M, theme: education, text: Parole Essai, document: calais-2024, line: 1}", "Parole Essai"),
    "calendar.yml": ("events", "{label: Réunion Essai, rhythm: yearly, from_day: 10-04, document: calais-2024, line: 1}", "4 octobre 2026 Réunion Essai"),
    "referential.yml": ("criteria", "{id: essai, node: societe-quartier, label: Critère Essai, unit: count, document: calais-2024, line: 1}", "Critère Essai Beau Marais"),
}  # fmt: skip


def words(*blocks: Block) -> str:
    html = " ".join(block.html for block in blocks)
    return " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())


def shown(warehouse: Path) -> str:
    """Give all words of the three briefs of the contract."""
    e, p, y = (kind(CALAIS, QUARTER, warehouse) for kind in (Evaluation, Programme, Yearly))
    return words(e.states(), e.rules(), p.summary(), p.years(), p.renewal(), p.facilities(), y.perspectives(), y.opinions())


def test_a_row_added_to_each_file_shows_in_a_brief(tmp_path: Path, embedded_folder: Path) -> None:
    assert set(ROWS) - {"housing.csv"} == REGISTERS, "a new register needs a row here"
    data = tmp_path / "data"
    pages.copy_data(data)
    folder = data / "contracts" / CALAIS
    for name, (given, _) in ROWS.items():
        cells = dict(pair.split("=", 1) for pair in given.split(";")) | {"document": "calais-2024", "line": "1"}
        file = folder / name
        before = list(csv.reader(io.StringIO(file.read_text("utf-8")))) if file.exists() else [list(cells)]
        heads = [*before[0], *(c for c in cells if c not in before[0])]
        table = io.StringIO()
        csv.writer(table).writerows(
            [heads, *(row + [""] * (len(heads) - len(row)) for row in before[1:]), [cells.get(h, "") for h in heads]]
        )
        file.write_bytes(spreadsheet(table.getvalue()))
    for name, (section, entry, _) in ENTRIES.items():
        content = (folder / name).read_text("utf-8")
        content = content.replace(f"{section}:\n", f"{section}:\n- {entry}\n", 1) if f"{section}:\n" in content else ""
        (folder / name).write_bytes(("\ufeff" + content.replace("\n", "\r\n")).encode())
    rules = folder / "vigilance.yml"
    rules.write_text(rules.read_text("utf-8").replace("at_least: 2", "at_least: 3"), "utf-8")
    build(data, [], data / "warehouse")
    before, after = shown(embedded_folder), shown(data / "warehouse")
    wanted = [
        *(said for _, said in ROWS.values() if said),
        *(said for *_, said in ENTRIES.values()),
        "au moins 3 critères à remplir",
    ]
    assert [said for said in wanted if said in before] == []
    assert [said for said in wanted if said not in after] == []
    figures = Warehouse(data / "warehouse").observations("housing", [("indicator", "==", "social_dwellings_count")])
    assert 3999.0 in set(figures["value"])
