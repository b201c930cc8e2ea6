"""The page on the catalogue: complete, never stale, and inert whatever a text holds."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest
from conftest import ROOT
from projects import Project
from qpv.catalog import Catalog, Indicator, Source
from qpv.catalog.markdown import catalogue_page, escaped
from qpv.vocabulary import THEMES_FR

HOSTILE = "a | b <script>alert(1)</script> `c` [d](javascript:alert(1)) *e* _f_ # g\n| h |\u202e"

INDICATOR = {
    "id": "x_pct", "theme": "revenue", "label": HOSTILE, "short": "x y z", "definition": HOSTILE, "universe": HOSTILE,
    "numerator": HOSTILE, "denominator": HOSTILE, "comparability": HOSTILE, "unit": "pct", "minimum_count": 5, "polarity": "lower_is_better",
    "warnings": [HOSTILE], "breaks": [{"period": "2019", "reason": HOSTILE}],
    "columns": [{"source": "s", "block": "b", "column": "X"}, {"source": "t", "column": "X"}],
}  # fmt: skip
SOURCE = {
    "id": "s", "producer": HOSTILE, "dataset": HOSTILE, "landing_page": "https://example.org/a|b", "licence": HOSTILE,
    "tier": "listed", "why_listed": HOSTILE, "notes": [HOSTILE], "blocks": {"b": {"label": "abc"}},
    "editions": [
        {"id": "s_1", "files": "x", "published": "2020-03-31", "published_precision": "month", "traps": [HOSTILE],
         "periods": {"main": "2018", "b": "2016"}},
        {"id": "s_2", "files": "y", "published": "2021-12-31", "published_precision": "assumed", "periods": {"main": "2019"}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def page(catalog: Catalog) -> str:
    return catalogue_page(catalog)


@pytest.fixture(scope="module")
def hostile() -> str:
    plain = SOURCE | {"id": "t", "landing_page": "javascript:alert(1)", "editions": [], "blocks": {}}
    return catalogue_page(
        Catalog([Indicator.model_validate(INDICATOR)], [Source.model_validate(SOURCE), Source.model_validate(plain)])
    )


def cells(line: str) -> list[str]:
    """Split a row of a table where Markdown does."""
    return re.split(r"(?<!\\)\|", line)[1:-1]


def test_the_committed_page_is_what_the_catalogue_gives(page: str) -> None:
    committed = (ROOT / "docs" / "catalogue.md").read_text("utf-8")
    assert committed == page, "the catalogue changed: run 'qpv data catalog' and commit docs/catalogue.md"


def test_the_command_writes_it_where_it_is_committed(page: str, tmp_path: Path) -> None:
    project = Project(pages.copy_project(tmp_path / "main"))
    said = project.qpv("data", "catalog")
    assert (said.code, said.err) == (0, "")
    assert (project.root / "docs" / "catalogue.md").read_text("utf-8") == page
    other = project.qpv("data", "catalog", "--output", "x.md")
    assert (other.code, (project.root / "x.md").read_text("utf-8")) == (0, page)


def test_every_source_edition_and_indicator_stands_on_it_once(page: str, catalog: Catalog) -> None:
    assert len(page.encode()) < 900_000
    for source in catalog.sources:
        assert page.count(f"\n`{source}` · ") == 1, source
    for edition in catalog.editions:
        assert page.count(f"\n| `{edition}` | ") == 1, edition
    for indicator in catalog.indicators:
        assert page.count(f"<br>`{indicator}`") == 1, indicator


def test_every_link_of_the_contents_has_its_heading(page: str) -> None:
    headings = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^## (.*)$", page, re.MULTILINE)}
    targets = set(re.findall(r"^- \[.*\]\(#([^)]*)\)", page, re.MULTILINE))
    assert targets == headings
    assert len(targets) == 3 + len(THEMES_FR)


def test_every_table_has_as_many_cells_in_each_row(page: str, hostile: str) -> None:
    for text in (page, hostile):
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({len(cells(line)) for line in table.splitlines()}) == 1, table[:200]


def test_the_poverty_rate_says_its_years_and_rules(page: str) -> None:
    (row,) = [line for line in page.splitlines() if "<br>`poverty_rate_pct`" in line]
    name, definition, rules, sources = cells(row)
    assert "Taux de pauvreté au seuil de 60" in name
    assert "niveau de vie" in definition
    assert rules.strip().startswith("pour cent<br>lower is better<br>not summable")
    assert "`insee_qpv2015_revn` (2013, 2014, 2015, 2018)" in sources


def test_an_edition_dates_a_block_by_its_own_period_or_else_the_main_one(hostile: str) -> None:
    assert "`s` (2016, 2019)<br>`t` |" in hostile
    assert "| `s_1` | 2016 (b)<br>2018 | 2020-03 |" in hostile
    assert "| `s_2` | 2019 | by 2021-12-31 (assumed) |" in hostile
    assert "not shown below 5" in hostile


def test_a_hostile_text_is_only_ever_text(hostile: str) -> None:
    assert "<script" not in hostile
    assert set(re.findall(r"<[^>]*>", hostile)) == {"<br>"}
    assert not re.search(r"(?<!\\)\]\((?!#)", hostile), "neither a text nor an address makes a link"
    assert "\u202e" not in hostile


def test_a_text_stays_on_its_line() -> None:
    assert escaped("a\n\n| b\tc") == r"a \| b c"
    assert escaped("61,4 % « d’Œuvre » & <") == "61,4 % « d’Œuvre » &amp; &lt;"
