"""The editable files of a contract: what a spreadsheet saves is read, every fault is told, persons are refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import pytest
from qpv.contract.entries import Cited, Count, Known, Money, QpvCode
from qpv.contract.files import Reading
from qpv.errors import CatalogError
from qpv.personal import refused_column, shown_person

KNOWN = Known({"calais-2024": dt.date(2024, 12, 31)}, frozenset({"QN06254M"}), "200090751", frozenset({"poverty_rate_pct"}))


class Row(Cited):
    qpv: QpvCode
    cost_eur: Money
    women: Count | None = None
    kind: Literal["a", "b"] = "a"


def read(folder: Path, content: str | bytes, name: str = "actions.csv") -> tuple[list[Row], list[str]]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    reading = Reading(folder, KNOWN)
    rows = reading.table(name, Row) if name.endswith("csv") else reading.document(name, {"rows": Row})["rows"]
    return rows, [str(f).removeprefix(f"{folder.name}/") for f in reading.faults]


SPREADSHEET = "\ufeffqpv;cost_eur;women;document;line\r\nQN06254M;1 234,50;12;calais-2024;301\r\n;;;;\r\n"


def test_what_a_french_spreadsheet_saves_reads_like_plain_csv(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, SPREADSHEET)
    plain, _ = read(tmp_path, "qpv,cost_eur,women,document,line\nQN06254M,1234.5,12,calais-2024,301\n")
    assert faults == []
    assert rows == plain
    assert (rows[0].cost_eur, rows[0].women, rows[0].kind) == (1234.5, 12, "a")


def test_one_bad_row_hides_no_other_and_each_fault_has_file_line_column_value(tmp_path: Path) -> None:
    rows, faults = read(
        tmp_path,
        "qpv;cost_eur;women;document;line;kind\nQN06254M;douze;1,5;calais-2024;1;c\nQN99999M;10;;calais-2031;0;a\n"
        "QN06254M;10;;calais-2024;3;a\nQN06254M;-1;;calais-2024;3;\nQN06254M;;;calais-2024;3;\nQN06254M;1;;calais-2024;3;a;trop\n",
    )
    assert [r.line for r in rows] == [3]
    assert sorted(faults) == sorted([
        "actions.csv, line 2, cost_eur: 'douze': expected a number, for instance 12500 or 1 234,50",
        "actions.csv, line 2, women: '1,5': expected a whole number",
        "actions.csv, line 2, kind: 'c': expected 'a' or 'b'",
        "actions.csv, line 3, document: 'calais-2031': no such document; give an id of documents.yml, or describe the document there",
        "actions.csv, line 3, line: '0': expected greater than or equal to 1",
        "actions.csv, line 3, qpv: 'QN99999M': no QPV of this agglomération has this code; codes are like QN06254M (2024) or QP062056 (2015)",
        "actions.csv, line 5, cost_eur: '-1': expected greater than or equal to 0",
        "actions.csv, line 6, cost_eur: a value is needed here",
        "actions.csv, line 7: 'trop': more cells than the 6 columns; put a text with ';' in quotes",
    ])  # fmt: skip
    assert len(faults) == 9


def test_columns_that_lack_or_are_unknown_are_named(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, "qpv,couts,document,line\nQN06254M,3,calais-2024,1\n")
    assert rows == []
    assert faults == [
        "actions.csv, line 1: 'couts': unknown column; expected document, line, qpv, cost_eur, women, kind",
        "actions.csv, line 1: missing column cost_eur",
    ]


@pytest.mark.parametrize(
    ("column", "what"),
    [("Nom", "names"), ("prénom", "names"), ("nom du bénéficiaire", "names"), ("first_name", "names"), ("date_naissance", "birth"),
     ("Né(e) le / naissance", "birth"), ("Adresse", "addresses"), ("rue", "addresses"), ("courriel", "contacts"), ("Tél.", "contacts"),
     ("NIR", "numbers")],
)  # fmt: skip
def test_columns_on_persons_are_refused(tmp_path: Path, column: str, what: str) -> None:
    assert what in refused_column(column)
    rows, faults = read(tmp_path, f"qpv;cost_eur;document;line;{column}\nQN06254M;3;calais-2024;1;x\n")
    assert rows == []
    assert len(faults) == 1
    assert "is refused" in faults[0] and "delete the column" in faults[0]


@pytest.mark.parametrize(
    "column", ["cost_eur", "label", "territory", "nom du quartier", "beneficiaries_women", "place", "number"]
)
def test_columns_on_places_actions_and_counts_are_not(column: str) -> None:
    assert refused_column(column) == ""


@pytest.mark.parametrize(
    ("value", "what"),
    [("projet de Mme Durand", "name"), ("M. Petit", "name"), ("écrire à a.b@ville.fr", "e-mail"), ("06 12 34 56 78", "telephone"),
     ("née le 3 mai 1990", "birth"), ("2 85 05 62 193 001", "security")],
)  # fmt: skip
def test_texts_that_show_a_person_are_refused(tmp_path: Path, value: str, what: str) -> None:
    assert what in shown_person(value)
    rows, faults = read(
        tmp_path, f"rows:\n- {{qpv: QN06254M, cost_eur: 1, kind: '{value}', document: calais-2024, line: 2}}\n", "x.yml"
    )
    assert rows == []
    assert any("no file of a contract may hold data on a person" in f for f in faults)


def test_texts_of_contracts_show_no_person() -> None:
    for said in (
        "489 projets, 13 995 314,54 €",
        "Le Maire prend quartier",
        "1er prix, 2 000 €",
        "Madame la maire",
        "62193 et 246200364",
    ):
        assert shown_person(said) == ""


def test_yaml_faults_stand_at_their_own_line(tmp_path: Path) -> None:
    rows, faults = read(
        tmp_path,
        "rows:\n- {qpv: QN06254M, cost_eur: 1, document: calais-2024, line: 2}\n"
        "- qpv: QN06254M\n  cost_eur: beaucoup\n  document: calais-2024\n  line: 2\n  couleur: bleu\nautre: []\n",
        "x.yml",
    )
    assert len(rows) == 1
    assert sorted(faults) == [
        "x.yml, line 4, cost_eur: 'beaucoup': expected a number, for instance 12500 or 1 234,50",
        "x.yml, line 7, couleur: 'bleu': unknown key; expected document, line, qpv, cost_eur, women, kind",
        "x.yml, line 8: 'autre': unknown key; expected rows",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [("rows: [1", "not YAML"), ("- a\n", "expected the keys rows"), ("rows: {a: 1}\n", "expected a list"),
     ("rows: &x []\nb: *x\n", "an alias"), ("rows: []\nrows: []\n", "stands twice")],
)  # fmt: skip
def test_yaml_that_is_none_is_one_fault(tmp_path: Path, content: str, said: str) -> None:
    rows, faults = read(tmp_path, content, "x.yml")
    assert rows == []
    assert any(said in f for f in faults), faults


def test_file_of_another_encoding_is_told_how_to_be_saved(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, "qpv;cost_eur\nQN06254M;été\n".encode("cp1252"))
    assert rows == []
    assert faults == ["actions.csv, line 2: not UTF-8 (invalid continuation byte); save it as CSV UTF-8"]


def test_all_faults_are_raised_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("qpv\nx\n")
    reading = Reading(tmp_path, KNOWN)
    reading.table("b.csv", Row)  # not there: nothing to say
    reading.table("a.csv", Row)
    reading.fault("calendar.yml", 3, "date", "31/02/2026", "expected a date")
    with pytest.raises(CatalogError) as error:
        reading.close()
    assert str(error.value).count("\n") == 1
    assert "calendar.yml, line 3, date: '31/02/2026': expected a date" in str(error.value)
