"""The figures of a page are those of the warehouse and of the official files, in the JSON block and in the table."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pages
import pandas as pd
import pytest
from bs4 import BeautifulSoup, Tag
from pages import BRIEFS, KINDS, Gallery
from qpv.catalog import Catalog
from qpv.tables import PLAIN_VALUES
from qpv.vocabulary import STATUS_FR, Status
from qpv.warehouse import Warehouse


@pytest.fixture(scope="module")
def facts(gallery: Gallery) -> pd.DataFrame:
    """Every observation of the warehouse on the territories that the gallery names, as it was read."""
    store = Warehouse(gallery.warehouse)
    parts = [pd.read_parquet(path) for path in sorted(store.path.glob("observations-*.parquet"))]
    named = {f["territory"] for name in BRIEFS for f in pages.figures(gallery.soup(name))}
    table = pd.concat([p[p["territory"].isin(named)] for p in parts], ignore_index=True)
    return table.astype({c: str for c in table.columns if c not in ("value", "row", "position")})


KEY = ["indicator", "territory", "level", "generation", "period", "edition", "status"]


@pytest.mark.parametrize("name", BRIEFS)
def test_every_figure_of_the_page_is_an_observation_of_the_warehouse(gallery: Gallery, facts: pd.DataFrame, name: str) -> None:
    known = set(zip(*(facts[c] for c in KEY), (None if pd.isna(v) else round(v, 9) for v in facts["value"]), strict=True))
    shown = pages.figures(gallery.soup(name))
    published = [f for f in shown if f["edition"]]
    assert len(published) >= (20 if name.startswith(pages.BEAU_MARAIS) else 3)
    strange = [f for f in published if (*(f[c] for c in KEY), None if f["value"] is None else round(f["value"], 9)) not in known]
    assert strange == []
    assert {(f["value"], f["status"]) for f in shown if not f["edition"]} <= {(None, "unavailable")}


def cell_of(path: Path, line: int, column: str) -> tuple[str, str] | None:
    """Read a cell of a CSV as it stands on its line, and the whole line, without the library's readers."""
    content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = content.decode("latin-1").splitlines()
    separator = max(";,\t", key=lines[0].count)
    head = next(csv.reader([lines[0]], delimiter=separator))
    if column not in head:
        return None
    return next(csv.reader([lines[line - 1]], delimiter=separator))[head.index(column)], lines[line - 1]


def test_figures_of_the_pages_are_those_of_the_official_files(gallery: Gallery, facts: pd.DataFrame, official: Path) -> None:
    """Each figure that is a cell of an official CSV is read again from its line and column."""
    there = {p.name: p for p in official.rglob("*.csv")}
    shown = {tuple(f[c] for c in KEY) for name in BRIEFS for f in pages.figures(gallery.soup(name)) if f["edition"]}
    compared, wrong = Counter(), []
    for fact in facts[facts["file"].isin(there)].itertuples():
        if tuple(getattr(fact, c) for c in KEY) in shown and not pd.isna(fact.value):
            found = cell_of(there[fact.file], fact.row, fact.column)
            if found is None:
                continue  # a quotient of two columns, or a count of rows
            cell, line = found
            compared[fact.file] += 1
            if fact.territory not in line and fact.level not in ("france", "qpv_of_france"):
                wrong.append((fact.file, fact.row, fact.territory, "another territory"))
            if abs(float("".join(cell.replace(",", ".").split())) - fact.value) > 1e-9:
                wrong.append((fact.file, fact.row, fact.column, cell, fact.value))
    assert wrong == []
    assert sum(compared.values()) > 400
    assert len(compared) >= 8


LEVELS = {
    "Commune": "commune", "Agglomération": "epci", "Département": "departement", "Région": "region", "France": "france",
}  # fmt: skip


def number_in(words: str) -> tuple[float, int]:
    """Read a French number back: its value, and how many decimals are written."""
    (written,) = re.findall(r"[−-]?\d[\d\u202f]*(?:,\d+)?", words.split("(")[0])[:1]
    plain = written.replace("\u202f", "").replace("−", "-").replace(",", ".")
    return float(plain), len(plain.partition(".")[2])


def shown_cells(soup: BeautifulSoup) -> Iterator[tuple[str, str, str, str]]:
    """Give label, level, number and period of each figure of the key table that a reader sees."""
    for row in soup.select("table.key tr:has(td.own)"):
        label = next(row.th.stripped_strings)
        own = row.find("td", class_="own")
        period = own.find(class_="newer").get_text() if own.strong else ""
        if own.strong:
            yield label, "qpv", own.strong.get_text(), period
        for cell in row.find_all("td"):
            level = LEVELS.get(re.split(r"\s*:", cell["data-head"])[0].strip())
            if level and cell.get_text().strip() != "–":
                dated = cell.find(class_="dated")
                when = re.search(r"\(([^()]*)\)\s*$", dated.get_text())[1] if dated else period
                yield label, level, _without(cell), when


def _without(cell: Tag) -> str:
    return "".join(t for t in cell.find_all(string=True) if t.parent.name != "abbr" and "newer" not in t.parent.get("class", []))


@pytest.mark.parametrize("name", BRIEFS)
def test_numbers_of_the_key_table_read_back_are_the_figures_of_the_page(gallery: Gallery, catalog: Catalog, name: str) -> None:
    soup = gallery.soup(name)
    if soup.find("table", class_="key") is None:
        pytest.fail("the gallery has no page without any key figure") if name in KINDS else None
        return
    labels = {catalog.indicator(f["indicator"]).label: f["indicator"] for f in pages.figures(soup)}
    read = 0
    for label, level, words, period in shown_cells(soup):
        value, decimals = number_in(words)
        year = re.search(r"\d{4}", period)[0]
        found = [
            f["value"] for f in pages.figures(soup)
            if (f["indicator"], f["level"]) == (labels[label], level) and year in f["period"] and f["value"] is not None
        ]  # fmt: skip
        near = [v for v in found if abs(v - value) <= 0.5 * 10**-decimals + 1e-9]
        assert near, f"{label}, {level}: the page writes {words!r} ({period}), its figures are {found}"
        read += 1
    assert read >= (10 if name == KINDS[0] else 1)


@pytest.mark.parametrize("name", BRIEFS)
def test_behind_each_figure_stands_all_that_a_reader_needs_to_trust_it(gallery: Gallery, catalog: Catalog, name: str) -> None:
    by_label = {i.label: i for i in catalog.indicators.values()}
    for row in gallery.soup(name).select("table.key tr:has(td.own)"):
        about = row.find_next_sibling("tr", class_="about")
        said = [(d.dt.get_text(), d.dd.get_text()) for d in about.select("dl > div")]
        terms = {term for term, _ in said}
        indicator = by_label[next(row.th.stripped_strings)]
        assert terms >= {"Définition", "Champ"}
        if row.find("td", class_="own").strong:
            assert terms >= {"Valeur", "Source", "Édition", "Licence", "Où", "Périmètre", "Évolution", "Évolution de l’écart"}
            assert "publiée" in dict(said)["Édition"]
        assert [words for term, words in said if term == "Limite"] == list(indicator.warnings)


@pytest.mark.parametrize("name", BRIEFS)
def test_each_figure_to_compare_with_shows_its_status_and_behind_a_click_its_source(gallery: Gallery, name: str) -> None:
    """A region's figure printed in a contract of Calais is no figure of Insee: the cell says so, the fold says where."""
    soup = gallery.soup(name)
    figures = pages.figures(soup)
    status = {STATUS_FR[f["status"]] for f in figures}
    for row in soup.select("table.key tr:has(td.own)"):
        about = row.find_next_sibling("tr", class_="about")
        said = {d.dt.get_text(): d.dd.get_text() for d in about.select("dl > div")}
        for cell in row.find_all("td"):
            level, _, place = cell["data-head"].partition("\u202f: ")
            if level in LEVELS and "empty" not in cell.get("class", []):
                words = said[f"Comparé à\u202f: {f'{level}, {place}' if place else level}"]
                assert next(cell.stripped_strings).split(" (")[0].removesuffix(" ≠") in words
                assert any(f"({f['edition']})" in words for f in figures if f["level"] == LEVELS[level])
                badge = cell.find(class_="badge")
                (written,) = [s for s in status if f", {s}\u202f; " in words]
                assert (badge.get_text() if badge else STATUS_FR[Status.OBSERVED]) == written
    assert PLAIN_VALUES in soup.get_text() or not soup.select("table.key td.own")


def test_figures_that_a_contract_prints_of_larger_territories_are_marked_as_such(gallery: Gallery) -> None:
    rows = {
        next(r.th.stripped_strings): r for r in gallery.soup(f"{pages.BEAU_MARAIS}/education").select("table.key tr:has(td.own)")
    }
    cells = next(r for label, r in rows.items() if "aucun diplôme" in label).select("td:has(.badge.transcribed)")
    assert {c["data-head"].split("\u202f")[0] for c in cells} >= {"Commune", "Département", "Région", "France"}


@pytest.mark.parametrize("name", BRIEFS)
def test_in_brief_has_three_to_five_sentences_and_three_in_simple_words(gallery: Gallery, name: str) -> None:
    soup = gallery.soup(name)
    assert 3 <= len(soup.select("ul.brief > li")) <= 5
    simple = [p.get_text() for p in soup.select(".easy p:not(.note)")]
    assert len(simple) == 3
    assert all(p.endswith(".") for p in simple)
