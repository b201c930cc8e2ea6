"""The theme that was added by the documented steps alone: its brief says what Insee's file says, and is made on demand."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pages
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from pages import FORT_NIEULAY, Gallery
from qpv.vocabulary import ASKED_THEMES, BRIEF_THEMES, DEFAULT_KINDS

OLD = "QP062055"  # Fort Nieulay on the perimeters of 2015
HOW_TO = ROOT / "docs" / "how-to" / "add-a-theme.md"
#: Columns of Insee's base of 2022 -> the indicator and the year that the brief shows.
READ = {
    "POP_MUN": ("population_count", "2018"), "TX_TOT_60ETPLUS": ("age_60_plus_share_pct", "2018"),
    "IND_JEUNE": ("youth_index", "2018"), "TX_F": ("women_share_pct", "2018"),
    "PERCOU": ("caf_covered_people_count", "2020"),
}  # fmt: skip


@pytest.fixture(scope="module")
def line(official: Path) -> dict[str, float | None]:
    """The line of Fort Nieulay in the file as Insee publishes it."""
    text = (official / "insee_qpv2015" / "DEMO_2022.csv").read_text("utf-8-sig")
    (row,) = [r for r in csv.DictReader(text.splitlines(), delimiter=";") if r["CODGEO"] == OLD]
    cells = {c: "".join(v.split()).replace(",", ".") for c, v in row.items() if c and isinstance(v, str)}
    return {c: float(v) if re.fullmatch(r"[\d.]+", v) else None for c, v in cells.items()}


@pytest.fixture(scope="module")
def brief(gallery: Gallery) -> BeautifulSoup:
    return gallery.soup(f"{FORT_NIEULAY}/demography")


def shown(brief: BeautifulSoup) -> dict[tuple[str, str], float | None]:
    """The official figures by indicator and year; the contract prints some of them too, rounded."""
    mine = [f for f in pages.figures(brief) if f["territory"] == OLD and f["status"] == "observed"]
    return {(f["indicator"], f["period"]): f["value"] for f in mine}


@pytest.mark.parametrize("column", READ)
def test_a_figure_of_the_brief_is_that_of_insees_file(brief: BeautifulSoup, line: dict[str, float | None], column: str) -> None:
    assert shown(brief)[READ[column]] == line[column]


def test_population_youth_and_families_of_fort_nieulay(brief: BeautifulSoup) -> None:
    """4 733 inhabitants in 2018, 19,0 % of 60 years or more, 52,9 % of women; 328 of 1 711 families of the Caf have one parent."""
    found = shown(brief)
    assert (found["population_count", "2018"], found["age_60_plus_share_pct", "2018"]) == (4733, 19.0)
    assert found["women_share_pct", "2018"] == 52.9
    assert found["single_parent_share_of_caf_recipients_pct", "2020"] == pytest.approx(100 * 328 / 1711)


def test_a_nationality_that_insee_withholds_is_said_and_not_guessed(brief: BeautifulSoup, line: dict[str, float | None]) -> None:
    """``TX_TOT_ET`` is blank for Fort Nieulay in the edition of 2022."""
    assert line["TX_TOT_ET"] is None
    of_2018 = [
        f
        for f in pages.figures(brief)
        if (f["indicator"], f["territory"]) == ("foreigners_share_pct", OLD) and f["period"] == "2018"
    ]
    assert of_2018
    assert all(f["value"] is None and f["status"] in ("secret", "unavailable") for f in of_2018)


@pytest.mark.parametrize(
    ("title", "whole"), [("Âge des habitants", 5), ("Foyers allocataires de la Caf selon la famille", 4), ("Âge des enfants couverts par la Caf", 6)]
)  # fmt: skip
def test_parts_of_a_whole_make_it_up(brief: BeautifulSoup, title: str, whole: int) -> None:
    (caption,) = [c for c in brief.find_all("caption") if c.get_text().startswith(title)]
    cells = [row.find_all(["td", "th"])[1].get_text() for row in caption.parent.select("tbody tr")]
    assert len(cells) == whole
    assert sum(float(c.replace(",", ".")) for c in cells) == pytest.approx(100, abs=0.4)


def test_the_brief_is_made_where_it_is_asked_for_and_not_by_default() -> None:
    assert ASKED_THEMES == ("demography",)
    assert "demography" not in (*BRIEF_THEMES, *DEFAULT_KINDS)


def test_the_how_to_names_the_files_of_the_theme_and_they_are_there() -> None:
    told = HOW_TO.read_text("utf-8")
    files = set(re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE))
    assert files >= {"lib/qpv/vocabulary.py", "data/catalog/themes.yml", "notebooks/demography.ipynb"}
    assert [f for f in files if not (ROOT / f).exists()] == []


def test_the_how_to_quotes_what_stands_in_the_files() -> None:
    told = HOW_TO.read_text("utf-8")
    for quoted, file in (("python", "lib/qpv/vocabulary.py"), ("yaml", "data/catalog/themes.yml")):
        (block,) = re.findall(rf"```{quoted}\n(.*?)```", told, re.DOTALL)
        assert block.strip() in (ROOT / file).read_text("utf-8")
