"""The blocks of the programme brief: what they count, hide and show apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from qpv.brief import Programme
from qpv.html import Block
from qpv.numbers import NNBSP

CALAIS, BETHUNE = "200090751", "200072460"
QUARTER = "2026-T3"


def cells(block: Block, caption: str) -> dict[str, list[str]]:
    """The rows of the table with a caption, by their first cell."""
    tables = BeautifulSoup(block.html, "html.parser").find_all("table")
    (found,) = [t for t in tables if t.caption and t.caption.get_text().startswith(caption)]
    rows = [[c.get_text().replace(NNBSP, " ") for c in r.find_all(["th", "td"])] for r in found.find_all("tr")]
    return {r[0]: r[1:] for r in rows}


@pytest.fixture(scope="module")
def bethune(embedded_folder: Path) -> Programme:
    return Programme(BETHUNE, QUARTER, embedded_folder)


def test_credits_by_theme_count_the_projects_of_rows_with_credits_alone(bethune: Programme, embedded_folder: Path) -> None:
    shown = cells(bethune.themes(), "Crédits par thème")
    assert shown["Cadre de vie"] == ["2019", "10", "8", "90 133 €", "13 005 €"], "four fonds de concours have no such credits"
    assert shown["Emploi et développement économique"][1] == "24"
    calais = cells(Programme(CALAIS, QUARTER, embedded_folder).themes(), "Crédits par thème")
    # Two rows have credits, of which one gives no number of projects; the 33 adult relays have none.
    assert calais["Cohésion sociale"] == ["2023", "–", "–", "54 867 €", "–"]
    assert calais["Éducation"][:4] == ["2023", "41", "19", "300 000 €"]
