"""The official table from the QPV of 2015 to those of 2024, and what it decides."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from qpv.build import build
from qpv.catalog import Catalog
from qpv.crosswalk import follow
from qpv.errors import SourceError, UnknownTerritoryError
from qpv.reference import Reference
from qpv.schemas import CROSSWALK, check, empty
from qpv.selection import resolve
from qpv.sources import READERS, Delivery
from qpv.sources.base import Context
from qpv.sources.recognition import recognise
from qpv.warehouse import Warehouse
from shapes import known_of, outlines, square

LENS_LIEVIN = "246200364"


# --- The official table ------------------------------------------------------------------------

HEADER = "QP2024;Label_QP2024;Statut;QP2015_1;Label_QP2015_1;QP2015_2;Label_QP2015_2;QP2015_3;Label_QP2015_3"


@pytest.fixture
def passage(tmp_path: Path, catalog: Catalog, reference: Reference) -> Callable[..., Delivery]:
    """Read a passage table of our own, with the real header."""

    def read(*rows: str, header: str = HEADER) -> Delivery:
        path = tmp_path / "liste-correspondance-qp2024-qp2015.csv"
        path.write_text("\ufeff" + "\r\n".join([header, *rows, ""]), "utf-8")
        (found,), _ = recognise([path], catalog)
        edition = found.edition.model_copy(update={"rows": None})
        return READERS["qpv_passage"](found.file, found.source, edition, Context(catalog, reference))

    return read


def test_the_official_table_gives_one_row_a_pair_and_a_new_qpv_none(passage: Callable[..., Delivery]) -> None:
    delivery = passage(
        "QN06201M;Avion;Modifié;QP062001;Avion 1; QP062002 ;Avion 2;;",
        "QN06202I;Lens;Identique;QP062003;Lens;;;;",
        "QN06203N;Calais;Nouveau;;;;;;",
        header=HEADER.replace(";Statut", "; Statut "),
    )
    assert delivery.passage is not None
    assert delivery.passage.to_numpy().tolist() == [
        ["QN06201M", "QP062001", "redrawn"],
        ["QN06201M", "QP062002", "redrawn"],
        ["QN06202I", "QP062003", "identical"],
        ["QN06203N", "", "new"],
    ]
    assert delivery.findings == []


@pytest.mark.parametrize(
    ("row", "pairs", "words"),
    [
        ("QN06201M;Avion;?;QP062001;;;;;", [["QN06201M", "QP062001", "redrawn"]], "not understood: the letter"),
        (
            "QN06201M;Avion;Identique;QP062001;;;;;",
            [["QN06201M", "QP062001", "identical"]],
            "status and letter of the code differ",
        ),
        ("QN06201N;Avion;N;QP062001;;;;;", [["QN06201N", "QP062001", "redrawn"]], "new, and yet with predecessors"),
        ("QN06201M;Avion;M;;;;;;", [], "without predecessor: left out"),
        ("QN06201M;Avion;M;Avion;;QP062001;;;", [["QN06201M", "QP062001", "redrawn"]], "no code of 2015"),
        ("QP062001;Avion;M;QP062001;;;;;", [], "rows left out, no code of a QPV of 2024: QP062001"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(
    passage: Callable[..., Delivery], row: str, pairs: list[list[str]], words: str
) -> None:
    delivery = passage(row)
    assert delivery.passage is not None
    assert delivery.passage.to_numpy().tolist() == pairs
    (finding,) = delivery.findings
    assert words in str(finding)
    assert row[:8] in str(finding)


def test_a_pair_that_stands_twice_and_a_missing_column_are_refused(passage: Callable[..., Delivery]) -> None:
    row = "QN06201M;Avion;M;QP062001;;;;;"
    with pytest.raises(SourceError, match="line 3: QN06201M QP062001 stands twice, first on line 2"):
        passage(row, row)
    with pytest.raises(SourceError, match=r"qp2015\.csv, line 1: no column 'Statut'; found QP2024"):
        passage(row, header=HEADER.replace("Statut", "Etat"))
    with pytest.raises(SourceError, match="line 2: 'QP062001' is no code of a QPV of 2024, and so in 11 rows of 11"):
        passage(*[f"QP0620{n:02};;M;;;;;;" for n in range(1, 12)])


def test_the_table_decides_and_measured_shares_are_kept(passage: Callable[..., Delivery]) -> None:
    frame = outlines(
        2154, QN06201I=square(0, 0, 2_000), QP062001=square(0, 0), QN06202N=square(0, 5_000), QP062002=square(800, 5_000)
    )
    table, texts = follow(passage("QN06201I;;Identique;QP062001;;;;;", "QN06202N;;Nouveau;;;;;;").passage, *known_of(frame))
    check(table, CROSSWALK)
    rows = {(r.code_2024, r.code_2015): r for r in table.itertuples()}
    assert set(rows) == {("QN06201I", "QP062001"), ("QN06202N", ""), ("", "QP062002")}
    assert rows["QN06201I", "QP062001"].share_2024 == pytest.approx(0.5, abs=1e-3)
    assert {(r.relation, r.method) for r in rows.values()} == {
        ("identical", "official"),
        ("new", "official"),
        ("ended", "official"),
    }
    assert texts == [
        "1 QPV are identical by the table and redrawn by their outlines; the table is followed: QN06201I",
        "1 QPV are new by the table and redrawn by their outlines; the table is followed: QN06202N",
    ]


def test_a_pair_of_the_table_that_does_not_overlap_is_named(passage: Callable[..., Delivery]) -> None:
    frame = outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0), QP062002=square(9_000, 0))
    table, texts = follow(passage("QN06201M;;M;QP062001;;QP062002;;;").passage, *known_of(frame))
    assert table["code_2015"].tolist() == ["QP062001", "QP062002"]
    assert "1 pairs of the table do not overlap by their outlines; the table is followed: QN06201M and QP062002" in texts


def test_overlap_stands_for_the_qpv_that_the_table_does_not_list(passage: Callable[..., Delivery]) -> None:
    frame = outlines(2154, QN06201M=square(0, 0), QP062001=square(0, 0), QN06202M=square(9_000, 0), QP062002=square(9_000, 0))
    table, _ = follow(passage("QN06201M;;M;QP062001;;;;;").passage, *known_of(frame))
    assert table[["code_2024", "relation", "method"]].to_numpy().tolist() == [
        ["QN06201M", "redrawn", "official"],
        ["QN06202M", "identical", "overlap"],
    ]


def test_a_fourth_predecessor_for_which_the_table_has_no_room_is_kept_as_measured(passage: Callable[..., Delivery]) -> None:
    old = {f"QP06200{n}": square(250 * (n - 1), 0, 250) for n in range(1, 5)}
    row = "QN06201M;;M;QP062001;;QP062002;;QP062003;"
    table, _ = follow(passage(row).passage, *known_of(outlines(2154, QN06201M=square(0, 0), **old)))
    assert dict(zip(table["code_2015"], table["method"], strict=True)) == {
        "QP062001": "official", "QP062002": "official", "QP062003": "official", "QP062004": "overlap",
    }  # fmt: skip


def test_without_outlines_the_table_says_who_ended_only_where_it_lists_the_whole_departement(
    passage: Callable[..., Delivery],
) -> None:
    table = passage("QN06201M;;M;QP062001;;;;;", "QN05901M;;M;QP059001;;;;;").passage
    known = pd.Series(["QP062001", "QP062009", "QP059009", "QN05902M", "QP075001"])
    found, texts = follow(table, empty(CROSSWALK), known)
    assert found.loc[found["relation"] == "ended", "code_2015"].tolist() == ["QP062009"]
    assert texts == []


def test_a_table_in_raw_reaches_the_warehouse_and_the_refusal_of_an_ended_qpv(
    tmp_path: Path, official: Path, catalog: Catalog
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for part in (official / "contours" / "qpv2015").glob("QP_METROPOLE_LB93.*"):
        shutil.copyfile(part, raw / part.name)
    shutil.copyfile(official / "contours" / "qpv2024" / "qpv2024_simplified.geojson", raw / "qpv2024_simplified.geojson")
    places = json.loads((raw / "qpv2024_simplified.geojson").read_text("utf-8"))["features"]
    codes = [f["properties"]["code_qp"] for f in places]
    # A table of our own for all 2024 codes: each QPV of Pas-de-Calais "identical" to one of 2015, all others new.
    rows = [f"{c};x;I;QP062{int(c[5:7]):03};x;;;;" if c[2:5] == "062" else f"{c};x;N;;;;;;" for c in codes]
    (raw / "liste-correspondance-qp2024-qp2015.csv").write_text("\n".join([HEADER, *rows]), "utf-8-sig")
    report = build(ROOT / "data", [raw], tmp_path / "w")
    warehouse = Warehouse(report.path)
    table = warehouse.crosswalk
    assert set(table["method"]) == {"official"}
    assert (table["relation"] == "new").sum() == len(codes) - 64
    told = [str(f) for f in report.findings if "by the table" in f.message]
    assert any(t.startswith("liste-correspondance-qp2024-qp2015.csv: ") and "new by the table and identical" in t for t in told)
    with pytest.raises(UnknownTerritoryError, match=r"QP013005 .* ended with the perimeters of 2015: no QPV of 2024 succeeds it"):
        resolve(warehouse, "QP013005")
