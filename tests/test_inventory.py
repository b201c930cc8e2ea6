"""The state of the data: every edition, absence, awaited source and unread file, on a terminal, in JSON and in HTML."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from qpv import site, terminal
from qpv.build import build
from qpv.inventory import Inventory, gain_words, period_words, published_words, take_inventory
from qpv.quarter import Quarter
from qpv.site.frame import PAGES
from qpv.vocabulary import THEMES_FR
from qpv.warehouse import Warehouse
from rich.console import Console

NOW = Quarter(2026, 3)
HOSTILE = "<script>alert(1)</script>[bold]\x1b[31m|x|\u202e.csv"


@pytest.fixture(scope="module")
def whole(full: Warehouse) -> Inventory:
    return take_inventory(full)


@pytest.fixture(scope="module")
def bare(embedded: Warehouse) -> Inventory:
    return take_inventory(embedded)


def printed(inventory: Inventory) -> list[str]:
    """What an analyst sees on a terminal of 100 columns, narrow spaces as plain ones."""
    stream = io.StringIO()
    terminal.print_inventory(inventory, Console(file=stream, width=100, highlight=False))
    return stream.getvalue().replace("\u202f", " ").splitlines()


def page(inventory: Inventory, quarter: Quarter = NOW) -> BeautifulSoup:
    return BeautifulSoup(site.data_page(inventory, quarter), "html.parser")


def words(tag: object) -> str:
    return " ".join(tag.get_text(" ").split())  # type: ignore[attr-defined]


# --- the tables --------------------------------------------------------------------------------------


def test_each_edition_counts_what_the_build_counted_and_tells_absences_by_kind(whole: Inventory) -> None:
    editions = whole.editions
    kinds = editions[["secret", "unavailable", "not_applicable"]]
    assert (kinds.sum(axis=1) == editions["absences"]).all()
    assert (kinds.sum() > 0).all(), "the official files have absences of every kind"
    assert editions["edition"].is_unique


def test_the_revenues_of_2022_are_told_as_their_file_holds_them(whole: Inventory, full: Warehouse) -> None:
    told = whole.editions.set_index("edition").loc["insee_qpv2015_revn_2022"]
    assert told["periods"] == ("2018", "2020", "2021")
    assert (told["rows"], told["qpv"], told["generation"], told["warnings"]) == (1352, 1352, "2015", 0)
    rows = pd.concat(full.observations(t, [("edition", "==", "insee_qpv2015_revn_2022")]) for t in THEMES_FR)
    rows = rows.drop_duplicates(["indicator", "territory", "period"])
    assert told["observations"] == len(rows)
    assert told["secret"] == (rows["status"] == "secret").sum() > 0


def test_an_edition_of_outlines_has_neither_rows_nor_figures(whole: Inventory) -> None:
    told = whole.editions.set_index("edition").loc["anct_qpv2024_contours_simplified"]
    assert told[["rows", "observations", "qpv", "secret"]].tolist() == [0, 0, 0, 0]
    assert told["periods"] == ()


def test_figures_carried_from_squares_are_of_no_row(whole: Inventory) -> None:
    told = whole.editions.set_index("edition").loc["landsat_heat_squares_lille_2022"]
    assert told["rows"] == 0
    assert told["qpv"] > 0


def test_every_source_is_read_or_awaited(whole: Inventory, full: Warehouse) -> None:
    read = set(whole.editions["source"]) - {"contracts"}
    assert read | set(whole.awaited["source"]) == set(full.catalog.sources)
    assert not read & set(whole.awaited["source"])
    assert whole.awaited["tier"].tolist() == sorted(whole.awaited["tier"], key=["read", "header", "listed"].index)


def test_an_awaited_source_says_what_it_would_add(bare: Inventory, embedded: Warehouse) -> None:
    assert set(bare.awaited["source"]) == set(embedded.catalog.sources)
    revenue = bare.awaited.set_index("source").loc["insee_qpv2015_revn"]
    fed = {i.id: i.theme for i, _ in embedded.catalog.columns_of("insee_qpv2015_revn")}
    assert revenue["indicators"] == {t: list(fed.values()).count(t) for t in THEMES_FR if t in fed.values()}
    transcribed = {i for t in THEMES_FR for i in embedded.observations(t, columns=["indicator"])["indicator"]}
    assert revenue["new"] == len(set(fed) - transcribed)
    assert 0 < revenue["new"] < len(fed)
    assert "revenus et pauvreté" in gain_words(revenue["indicators"], revenue["new"]).lower()


def test_files_passed_over_say_why(official: Path, tmp_path: Path) -> None:
    original = official / "insee_qpv2015" / "REVN_2022.csv"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "REVN_2022.csv").write_bytes(original.read_bytes())
    (tmp_path / "a" / "notes.csv").write_text("a;b\n", "utf-8")
    target = tmp_path / "w"
    build(ROOT / "data", [tmp_path / "a", tmp_path / "b"], target)
    inventory = take_inventory(Warehouse(target))
    assert inventory.unread[["file", "reason"]].to_numpy().tolist() == [["REVN_2022.csv", "second"], ["notes.csv", "unknown"]]
    told = "\n".join(printed(inventory))
    assert "non reconnu : aucune édition" in told
    assert "REVN_2022.csv : edition insee_qpv2015_revn_2022 was already read from REVN_2022.csv" in told
    # The file that was read has a warning of its own; that of its double is no remark on it.
    assert inventory.editions.set_index("edition").loc["insee_qpv2015_revn_2022", "warnings"] == 0


def test_a_build_made_before_findings_had_a_kind_is_read(embedded: Warehouse) -> None:
    older = Warehouse(embedded.path)
    older.meta = {**older.meta, "findings": [{"severity": "info", "file": "x.csv", "message": "said", "line": 3}]}
    assert take_inventory(older).remarks.to_dict("records") == [
        {"severity": "info", "file": "x.csv", "line": 3, "message": "said"}
    ]


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("periods", "shown"),
    [
        ((), "–"),
        (("2018",), "2018"),
        (("2013", "2015"), "2013, 2015"),
        (("2012", "2013", "2014"), "2012–2014"),
        (("2010", "2013", "2015"), "2010, 2013, 2015"),
        (("2010", "2012", "2013", "2014"), "2010 … 2014 (4)"),
        (("2018-12", "2019-T4", "2020-2021"), "12/2018, T4\u00a02019, 2020-21"),
        (("2019", "undated"), "2019, sans année"),
        (("undated",), "sans année"),
    ],
)
def test_periods_are_written_shortly_and_truly(periods: tuple[str, ...], shown: str) -> None:
    assert period_words(periods) == shown


@pytest.mark.parametrize(
    ("precision", "shown"),
    [("day", "31 décembre 2022"), ("month", "12/2022"), ("year", "2022"), ("assumed", "≤ 31 décembre 2022")],
)
def test_a_date_is_never_more_precise_than_it_is_known(whole: Inventory, precision: str, shown: str) -> None:
    row = next(whole.editions.assign(published=pd.Timestamp("2022-12-31"), published_precision=precision).itertuples())
    assert published_words(row).replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "–"), (1, "1"), (99_999, "99 999"), (100_000, "100 k"), (999_499, "999 k"), (999_500, "1,0 M"), (1_234_567, "1,2 M")],
)
def test_a_count_fits_its_column(count: int, shown: str) -> None:
    assert terminal._short(count).replace("\u202f", " ") == shown
    assert len(shown) <= 6


# --- the renderings ----------------------------------------------------------------------------------


def test_the_terminal_shows_every_edition_within_100_columns(whole: Inventory) -> None:
    lines = printed(whole)
    rows = [line for line in lines if re.match(r"\S+ .*(\d|–) *$", line) and line.count("  ") > 3]
    assert len(rows) >= len(whole.editions)
    assert max(map(len, rows)) <= 100
    row = next(line for line in rows if line.startswith("insee_qpv2015_revn_2022"))
    told = whole.editions.set_index("edition").loc["insee_qpv2015_revn_2022"]
    assert row.split() == ["insee_qpv2015_revn_2022", "2018,", "2020,", "2015", "2022", "1", "352", "33", "800", "1", "352",
                           str(told["secret"]), str(told["unavailable"]), "–", "–"]  # fmt: skip
    joined = "\n".join(lines)
    assert all(name in joined for name in [*whole.awaited["source"], *whole.unread["file"], *whole.awaited["landing_page"]])


def test_json_lines_hold_all_rows_and_only_json(whole: Inventory) -> None:
    records = [json.loads(json.dumps(r, allow_nan=False)) for r in whole.records()]
    counts = {k: sum(r["record"] == k for r in records) for k in ("edition", "awaited_source", "unread_file", "remark")}
    assert counts == {"edition": len(whole.editions), "awaited_source": len(whole.awaited),
                      "unread_file": len(whole.unread), "remark": len(whole.remarks)}  # fmt: skip
    (revenue,) = [r for r in records if r.get("edition") == "insee_qpv2015_revn_2022"]
    assert (revenue["published"], revenue["published_precision"]) == ("2022-12-31", "year")
    assert revenue["periods"] == ["2018", "2020", "2021"]
    assert len(revenue["sha256"]) == 64
    assert all(isinstance(t, str) and t for t in revenue["traps"])


def test_the_page_says_the_same_as_the_terminal(whole: Inventory) -> None:
    soup = page(whole)
    captions = [c.get_text() for c in soup.find_all("caption")]
    assert captions == ["Éditions lues", "Sources du catalogue dont rien n’a été déposé", "Fichiers déposés mais non lus",
                        "Remarques faites à la lecture"]  # fmt: skip
    sizes = [len(t.tbody.find_all("tr")) for t in soup.find_all("table")]
    assert sizes == [len(whole.editions), len(whole.awaited), len(whole.unread), len(whole.remarks)]
    (row,) = [r for r in soup.find_all("tr") if "insee_qpv2015_revn_2022" in r.get_text()]
    assert words(row.find_all("td")[3]) == "1 352"
    assert all(h["scope"] == "col" for h in soup.select("thead th"))
    assert all(r.th["scope"] == "row" for r in soup.select("tbody tr"))


def test_the_page_says_which_editions_the_quarter_may_not_use(whole: Inventory) -> None:
    late = [r for r in page(whole, Quarter(2021, 4)).select("table")[0].select("tbody tr") if "non utilisée" in r.get_text()]
    assert len(late) == (whole.editions["published"] > "2021-12-31").sum() > 0


def test_the_index_and_the_page_link_to_each_other_and_are_the_same_twice(embedded: Warehouse, tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        site.write_index([], NOW, embedded, folder)
    for name, target in (("index.html", "data.html"), ("data.html", "index.html")):
        first, second = ((folder / name).read_bytes() for folder in folders)
        assert first == second
        assert f'href="{target}"'.encode() in first


def test_hostile_names_are_only_ever_text(bare: Inventory) -> None:
    unread = pd.DataFrame([{"file": HOSTILE, "reason": "second", "message": HOSTILE}])
    remarks = pd.DataFrame([{"severity": "warning", "file": HOSTILE, "line": 1, "message": HOSTILE}])
    editions = bare.editions.assign(dataset=HOSTILE, traps=f"{HOSTILE}", landing_page='https://x.fr/"onclick="alert(1)')
    awaited = bare.awaited.assign(dataset=HOSTILE, landing_page="javascript:alert(1)", why=HOSTILE)
    hostile = replace(bare, unread=unread, remarks=remarks, editions=editions, awaited=awaited)
    soup = page(hostile)
    assert len(soup.find_all("script")) == 1  # the page's own filter
    assert not [a for tag in soup.find_all(True) for a in tag.attrs if a.startswith("on")]
    assert {a["href"].split(":")[0] for a in soup.find_all("a")} == {*PAGES, "https"}
    told = "\n".join(printed(hostile))
    assert "<script>alert(1)</script>[bold][31m|x|.csv" in told, "no markup is read, no control reaches the terminal"
    assert not re.search("[\x1b\u202e]", told + str(soup))
