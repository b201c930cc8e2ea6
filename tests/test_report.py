"""The report of a run names what failed, with cell and trace, what is partial, slow and heavy."""

from __future__ import annotations

from bs4 import BeautifulSoup
from qpv.batch import Record
from qpv.quarter import Quarter
from qpv.site import report_page
from qpv.warehouse import Warehouse

EVIL = "<img src=x onerror=alert(1)>"


def rows(soup: BeautifulSoup, caption: str) -> list[list[str]]:
    (table,) = [t for t in soup.find_all("table") if t.caption.get_text() == caption]
    return [[c.get_text(" ", strip=True) for c in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")]


def report(embedded: Warehouse, *records: Record) -> BeautifulSoup:
    return BeautifulSoup(report_page(records, embedded.catalog, Quarter(2026, 3)), "html.parser")


def test_failed_brief_has_its_cell_its_cause_and_its_trace_as_text(embedded: Warehouse) -> None:
    error = {"cell": 7, "name": "ValueError", "message": EVIL, "traceback": f"line 3\n{EVIL}"}
    soup = report(embedded, Record("QN06254M", "health", "failed", 1.0, name="", error=error))
    ((place, kind, cell, cause),) = rows(soup, "Briefs qui n’ont pas pu être faits")
    assert (place, kind, cell) == ("QN06254M", "Santé et accès aux droits", "7")
    assert cause.startswith("ValueError")
    assert EVIL in cause
    assert soup.find("pre").get_text() == f"line 3\n{EVIL}"
    assert soup.find("img") is None


def test_partial_brief_names_what_is_missing_and_links_to_its_page(embedded: Warehouse) -> None:
    soup = report(embedded, Record("QN06254M", "revenue", "degraded", 1.0, 500_000, "Beau Marais", ["poverty_rate_pct"]))
    ((place, _, count, missing),) = rows(soup, "Briefs où manque au moins la moitié des chiffres clés, et lesquels")
    assert (place, count, missing) == ("Beau Marais (QN06254M)", "1", embedded.catalog.indicator("poverty_rate_pct").short)
    assert soup.find("a", href="QN06254M/revenue.html") is not None


def test_slowest_and_largest_come_first(embedded: Warehouse) -> None:
    made = [Record(f"QN0620{n}M", "revenue", "ok", seconds, weight, f"Q{n}") for n, seconds, weight in
            ((1, 0.5, 900_000), (2, 90.0, 300_000), (3, 2.0, 600_000))]  # fmt: skip
    soup = report(embedded, *made)
    assert [r[0] for r in rows(soup, "Les plus longs à faire")] == ["Q2 (QN06202M)", "Q3 (QN06203M)", "Q1 (QN06201M)"]
    assert [r[0] for r in rows(soup, "Les plus lourds")] == ["Q1 (QN06201M)", "Q3 (QN06203M)", "Q2 (QN06202M)"]
    assert rows(soup, "Briefs par sorte")[0][:4] == ["Revenus et pauvreté", "3", "0", "0"]
    assert "Échecs\u202f: aucun" in soup.get_text()
