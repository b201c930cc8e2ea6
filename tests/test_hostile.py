"""Hostile words in a label are words everywhere: page, JSON, CSV, print."""

from __future__ import annotations

import csv
import re

import pages
import printed
import pytest
from pages import KINDS, SYNTHESES, Gallery, Run
from qpv.vocabulary import EPCI_KINDS
from visits import Visit, opened, unfold

#: The briefs of a contract that name no QPV of those that were renamed.
NAMELESS = ("programme", "yearly")

MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", [KINDS[0], *SYNTHESES])
def test_hostile_names_add_no_element_no_attribute_and_no_direction_to_the_page(
    gallery: Gallery, hostile: Run, name: str
) -> None:
    kind = name.rpartition("/")[2]
    page, soup = hostile.html(kind), hostile.soup(kind)
    sound = gallery.soup(name)
    assert kind in NAMELESS or "alert(1)" in pages.visible(soup)
    assert len(soup.find_all("script", type=False)) == len(sound.find_all("script", type=False))
    # Without official contours a QPV is a circle at the point of its commune.
    assert {t.name for t in soup.find_all()} <= {t.name for t in sound.find_all()} | {"circle"}
    assert [a for t in soup.find_all() for a in t.attrs if a.startswith("on")] == []
    assert MARKS.search(page) is None
    assert kind in EPCI_KINDS or soup.title.string.startswith(pages.HOSTILE)
    for svg in soup.find_all("svg"):
        assert not svg.find_all(["script", "foreignobject", "image", "a"])


def test_hostile_names_are_data_in_the_json_blocks(hostile: Run) -> None:
    soup = hostile.soup("revenue")
    assert len(pages.figures(soup)) > 10
    for block in soup.find_all("script", type="application/json"):
        assert not set("<>&") & set(block.string)
    assert any("alert(1)" in block.string for block in soup.select(".map script"))


@pytest.mark.parametrize("kind", ["revenue", "portrait", "agglomeration"])
def test_hostile_names_run_nothing_and_ask_for_nothing(visit: Visit, hostile: Run, kind: str) -> None:
    path = hostile.path(kind)
    unfold(opened(visit, path))
    assert visit.asked == [path.as_uri()]
    assert visit.troubles == []


def test_hostile_names_print_as_words_on_each_sheet_and_bring_no_script_along(visit: Visit, hostile: Run) -> None:
    opened(visit, hostile.path("revenue"))
    assert visit.page.title().startswith(pages.HOSTILE)
    paper = printed.printed(visit.page)
    assert all(printed.run_together(pages.HOSTILE) in sheet for sheet in paper.sheets)
    assert b"/JavaScript" not in paper.pdf
    assert b"/JS" not in paper.pdf
    assert visit.troubles == []


def test_hostile_names_are_no_formula_in_the_figures_of_the_run(hostile: Run) -> None:
    content = (hostile.folder / pages.BEAU_MARAIS / "figures.csv").read_bytes().decode("utf-8-sig")
    cells = [cell for row in csv.reader(content.splitlines(), delimiter=";") for cell in row]
    assert len(cells) > 100
    assert [c for c in cells if re.match(r"[=+@\t\r]|-(?![\d.])", c)] == []
